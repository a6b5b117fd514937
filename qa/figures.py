"""Amounts in a sentence: how much, of what unit, how exactly, and what is counted. Pure.

Narrow patterns for English and Korean. The libraries there are do not fit: quantulum3 brings a classifier and reads
English only, text2num rewrites the text, so that offsets are lost, and neither knows 3조 5천억.

Dates, ordinals, list numbers, times, scores and numbers that are part of a name are no amounts. Neither is a range
("10 to 15"), which would need two numbers to be compared.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from indexer.language import Analyser
from qa.numerals import DIGITS, NATIVE, SCALES, WORDS, Number, from_digits, from_korean, from_words

Qualifier = Literal["exactly", "about", "at least", "at most"]
Span = tuple[int, int]

COUNT, PERCENT, POINTS = "", "%", "points"
CURRENCIES = frozenset({"KRW", "USD", "EUR", "GBP", "JPY", "CNY"})


@dataclass(frozen=True, slots=True)
class Figure:
    """An amount: `start`, `end` are its place in the text, with sign, scale and unit.

    `unit` is "%", "points", a currency code, a base unit ("month", "day", "m", "kg", …), "person" for 명, "" for things
    counted. `step` is what the last written digit stands for: 100,000 for "1.5 million". `counted` are the search terms
    of what is counted, () where that cannot be told.
    """

    start: int
    end: int
    amount: float
    unit: str
    step: float
    qualifier: Qualifier
    counted: tuple[str, ...] = ()


def figures_in(text: str) -> list[Figure]:
    """Return the amounts of a sentence, in order."""
    masked = mask_dates(text)
    found = list(_FIGURE.finditer(masked))
    ranges = {place for first, second in _ranges(masked, found) for place in (first, second)}
    alone = (match for place, match in enumerate(found) if place not in ranges)
    return [_figure(masked, match) for match in alone if not _is_no_amount(masked, match)]


def mask_dates(text: str) -> str:
    """Put a placeholder of the same length over each date, year, time and ordinal, so that offsets stay true."""
    for pattern in _DATES:
        text = pattern.sub(lambda match: MASK * len(match.group()), text)
    return text


def agree(one: Figure, other: Figure) -> bool:
    """Whether two amounts of one unit may both be true: equal as far as they are written, or within what they say.

    "24%" agrees with "24.3%", "about 500" with 498, "more than 1,000" with 1,200 but not with 5,000.
    """
    low, high = sorted((one, other), key=lambda figure: figure.amount)
    # A coarser step is rounding; with equal steps the last digit is meant.
    rounding = min(0.5 * max(one.step, other.step), _ROUNDING * high.amount) if one.step != other.step else 0.0
    if high.amount - low.amount <= rounding + 1e-9 * high.amount:
        return True
    if "about" in (one.qualifier, other.qualifier):
        return high.amount - low.amount <= _ABOUT * high.amount
    is_open = low.qualifier == "at least" or high.qualifier == "at most"
    return is_open and high.amount <= _WITHIN * low.amount


# Rounding changes no more than this share: "one year" is not eight months rounded.
_ROUNDING = 0.15
# How far "about" may be off; how far beyond "more than 1,000" is still what was meant.
_ABOUT = 0.05
_WITHIN = 1.5

# ---------------------------------------------------------------- what is no amount

MASK = "\x00"
_MONTH = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?"
    r"|Nov(?:ember)?|Dec(?:ember)?)\b\.?"
)
YEAR = r"(?:1[5-9]|20)\d\d"
_BEFORE_YEAR = (
    r"in|by|since|until|till|from|of|during|before|after|for|to|and|through|between|early|late|mid|fiscal|year|around"
)
_DATES = tuple(
    re.compile(pattern)
    for pattern in (
        r"(?<![\d.])\d{1,4}([-./])\d{1,2}\1\d{1,4}\.?(?!\d)",
        r"(?<![\d:])\d{1,2}:\d\d(?::\d\d)?(?!\d)(?:\s?[ap]\.?m\b\.?)?",
        rf"\b{_MONTH}\s\d{{1,2}}(?:st|nd|rd|th)?\b(?:,?\s{YEAR}\b)?",
        rf"\b\d{{1,2}}(?:st|nd|rd|th)?\s(?:of\s)?{_MONTH}(?:,?\s{YEAR}\b)?",
        rf"\b{_MONTH}\s{YEAR}\b",
        r"(?<!\d)\d{4}\s?(?:년|학년)(?:도|대)?(?:\s?\d{1,2}월)?(?:\s?\d{1,2}일)?",
        r"(?<!\d)\d{1,2}월(?:\s?\d{1,2}일)?",
        r"(?<![\d,.])(?:[12]?\d|3[01])일(?!간|\s?동안|\s?만에|\s?이내|\s?이상)",
        r"제\s?\d+[가-힣]?|[가-힣]+\s번째|(?<!\d)\d+(?:번째|번\s째|차|위|호|회차|세대|학년|분기|세기|주년)",
        r"(?<![\d,.])\d[\d,]*(?:st|nd|rd|th)\b",
        rf"(?i:(?<=\b)(?:{_BEFORE_YEAR})\s){YEAR}s?\b(?!,\d|\s?(?:%|percent|million|billion|trillion))",
        rf"(?<=[-–/(]){YEAR}\b(?![,%]\d?)|\b{YEAR}(?=[-–/)])",
        rf"(?<![\d,.$€£¥₩]){YEAR}s?(?![\d%]|,\d|\.\d|\s?(?:%|percent|[A-Za-z가-힣천백만억조]))",
        r"(?m:^\s*[(\[]?\d{1,2}[.)\]]\s)",
        r"(?<!\d)\d{1,3}-\d{1,3}(?:-\d{2,4})+",
        # Marks of notes and verses, scores, ranges.
        r":\d+(?:[-–]\d+)?(?::\d+)?",
        r"(?<![\d,.])\d[\d,.]*\s?[-–~∼]\s?\d[\d,.]*(?:\s?(?:%|percent\b|million\b|billion\b|trillion\b))?",
    )
)

# ---------------------------------------------------------------- numbers and units

_WORD = "|".join(sorted(WORDS, key=len, reverse=True))
_COUNTER = "개국|개사|개소|개교|명|곳|개|대|건|권|마리|척|채|편|종|점|그루|가구|군데|가지|번|회|장|팀"

# Pattern, unit, and how many of that unit it is.
_UNITS: tuple[tuple[str, str, float], ...] = (
    (r"%p\b|%\s?포인트|percentage\spoints?\b", POINTS, 1),
    (r"%|percent\b|per\scent\b|pct\b|퍼센트|프로(?![가-힣]{2})", PERCENT, 1),
    (r"won\b|KRW\b|원(?![가-힣]{2}(?<!까지|으로|에서|이다|어치|규모))", "KRW", 1),
    (r"(?:US\s)?dollars?\b|USD\b|달러", "USD", 1),
    (r"euros?\b|EUR\b|유로", "EUR", 1),
    (r"pounds?\ssterling\b|GBP\b|파운드", "GBP", 1),
    (r"yen\b|JPY\b|엔화?(?![가-힣]{2})", "JPY", 1),
    (r"yuan\b|renminbi\b|CNY\b|위안", "CNY", 1),
    (r"years?\b|년(?:간)?(?![가-힣]{2})|살|세(?=[의가이는로 .,]|$)", "month", 12),
    (r"months?\b|개월|달(?=[간이에의 .,]|$)", "month", 1),
    (r"weeks?\b|주(?:간|일)", "day", 7),
    (r"days?\b|일(?:간|\s?동안|\s?만에|\s?이내)", "day", 1),
    (r"hours?\b|시간", "minute", 60),
    (r"minutes?\b|분(?:간|\s?동안|\s?만에|\s?이내)", "minute", 1),
    (r"seconds?\b|초(?=[간의 .,]|$)", "second", 1),
    (r"kilomet(?:er|re)s?\b|km\b|㎞|킬로미터", "m", 1000),
    (r"miles?\b|마일", "m", 1609.344),
    (r"met(?:er|re)s?\b|m\b|미터", "m", 1),
    (r"(?:metric\s)?ton(?:ne)?s?\b|톤", "kg", 1000),
    (r"kilograms?\b|kg\b|㎏|킬로그램", "kg", 1),
    (r"gigawatts?\b|GW\b|기가와트", "MW", 1000),
    (r"megawatts?\b|MW\b|메가와트", "MW", 1),
    (r"times\b|-?fold\b|배(?=[로의가나 .,]|$)", "times", 1),
    (r"명", "person", 1),
    (_COUNTER, COUNT, 1),
)
_SIGNS = {"$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "₩": "KRW"}
_UNIT = "|".join(f"(?P<u{place}>{pattern})" for place, (pattern, _, _) in enumerate(_UNITS))
_KOREAN_PART = rf"{DIGITS}\s?(?:[천백십]\s?[조억만]?|[조억만])"
_FIGURE = re.compile(
    rf"(?P<sign>[$€£¥₩]\s?)?(?<![\w.,])(?<!\w[-–])(?:"
    rf"(?P<korean>{_KOREAN_PART}(?:\s?{_KOREAN_PART})*(?:\s?{DIGITS}(?=\s?(?:{_COUNTER})))?)"
    rf"|(?P<digits>{DIGITS})(?:[\s-]?(?P<scale>{'|'.join(SCALES)})\b)?"
    rf"|(?P<words>(?i:\b(?:an?\s(?=(?:dozen|hundred|thousand|million|billion|trillion)\b))?(?:{_WORD})"
    rf"(?:(?:-|\sand\s|\s)(?:{_WORD}))*\b))"
    rf"|(?P<native>{'|'.join(NATIVE)})(?=\s?(?:{_COUNTER})(?![가-힣]{{2}}))"
    rf")(?![a-z\d])(?:[\s-]?여)?(?:[\s-]?(?:{_UNIT}))?"
)
_CAPITALISED_BEFORE = re.compile(r"(?:^|[\s'\"‘“(])(?:No\.|[A-Z][\w'’&-]*)\s$")
_RANGE = re.compile(r"\s?(?:-|–|—|~|∼)\s?|\s(?:to|or)\s|\s?(?:내지|또는)\s")


def _is_no_amount(text: str, match: re.Match[str]) -> bool:
    """Whether the number belongs to a name ("Boeing 747", "5G") or a kind ("two-storey"), or is the pronoun "one"."""
    if match["words"] and match["words"].lower() == "one" and not _unit_of(match):
        return True
    if _unit_of(match) or match["sign"] or match["scale"] or match["korean"]:
        return False
    after = text[match.end() : match.end() + 1]
    if after == "-":
        return True
    if match["digits"] and (after.isalpha() and not "가" <= after <= "힣"):
        return True
    names = _CAPITALISED_BEFORE.search(text[max(0, match.start() - 30) : match.start()])
    is_first = names is not None and not text[: match.start() - len(names.group())].strip(" \"'“‘(")
    return bool(match["digits"] and names and not is_first and not names.group().strip(" '\"‘“(").endswith("day"))


def _unit_of(match: re.Match[str]) -> tuple[str, float] | None:
    for place, (_, unit, factor) in enumerate(_UNITS):
        if match[f"u{place}"]:
            return unit, factor
    return (_SIGNS[match["sign"].strip()], 1) if match["sign"] else None


def _ranges(text: str, found: list[re.Match[str]]) -> Iterator[tuple[int, int]]:
    """Yield the places of two numbers that are the ends of a range; "from 5 to 10" is a change, not a range."""
    for place in range(len(found) - 1):
        first, second = found[place], found[place + 1]
        between = _RANGE.fullmatch(text, first.end(), second.start())
        before = text[max(0, first.start() - 25) : first.start()]
        if between and not re.search(r"\bfrom\b[^,;]*$", before, re.I):
            yield place, place + 1


def _figure(text: str, match: re.Match[str]) -> Figure:
    number = _number(match)
    unit, factor = _unit_of(match) or (COUNT, 1)
    counted = () if unit in CURRENCIES else _counted(text, match)
    return Figure(
        start=match.start(),
        end=match.end(),
        amount=number.value * factor,
        unit=unit,
        step=number.step * factor,
        qualifier=_qualifier(text, match),
        counted=counted,
    )


def _number(match: re.Match[str]) -> Number:
    if match["korean"]:
        return from_korean(match["korean"])
    if match["digits"]:
        return from_digits(match["digits"], match["scale"])
    return Number(NATIVE[match["native"]], 1.0) if match["native"] else from_words(match["words"])


# ---------------------------------------------------------------- how exactly

_BEFORE: tuple[tuple[Qualifier, re.Pattern[str]], ...] = (
    (
        "at most",
        re.compile(
            r"(?:up to|as (?:much|many) as|less than|under|below|at most|fewer than|no more than|최대)\s*$", re.I
        ),
    ),
    (
        "at least",
        re.compile(
            r"(?:more than|over|at least|above|exceed(?:s|ed|ing)?|no (?:less|fewer) than|최소|적어도)\s*$", re.I
        ),
    ),
    (
        "about",
        re.compile(
            r"(?:about|around|roughly|some|nearly|almost|approximately|close to|estimated|just (?:over|under)|약|대략"
            r"|거의)\s*$",
            re.I,
        ),
    ),
)
_AFTER: tuple[tuple[Qualifier, re.Pattern[str]], ...] = (
    ("at least", re.compile(r"\s?(?:이상|넘|을 넘|를 넘|초과|or more\b)")),
    ("at most", re.compile(r"\s?(?:이하|미만|에 못 미|or less\b|or fewer\b)")),
    ("about", re.compile(r"\s?(?:가까이|안팎|정도|가량|쯤|내외|or so\b)")),
)


def _qualifier(text: str, match: re.Match[str]) -> Qualifier:
    before, after = text[max(0, match.start() - 25) : match.start()], text[match.end() : match.end() + 10]
    for qualifier, pattern in _BEFORE:
        if pattern.search(before):
            return qualifier
    for qualifier, pattern in _AFTER:
        if pattern.match(after):
            return qualifier
    return "about" if "여" in match.group() else "exactly"


# ---------------------------------------------------------------- what is counted

_ANALYSER = Analyser()
_ENGLISH_WORD = re.compile(r"[\s-]*([A-Za-z][\w'’-]*)")
_STOPS = re.compile(r"[,;:.()\x00\[\]!?—–]")
_NUMBER_OF = re.compile(
    r"\bnumber\sof\s(.+?)(?=\s(?:is|are|was|were|will|would|has|have|had|to|by|from|at|rose|fell|grew)\b|$)"
)
_HANGUL = re.compile(r"[가-힣]")
_ENDS_PHRASE = re.compile(r"(?:까지|에서|으로|에|는|은|며|고|해|하여|던|을|를|이|가|로|와|과|도|의|한|된|할|인)$")
_PARTICLE_AFTER = re.compile(r"^(?:을|를|이|가|은|는|으로|로|까지|에|도|만|씩|이나|이다|이며|이고|인|이던|[.,)])")
_MOST_WORDS, _MOST_TERMS = 4, 6


def _counted(text: str, match: re.Match[str]) -> tuple[str, ...]:
    around = text[max(0, match.start() - 40) : match.end() + 20]
    if _HANGUL.search(around):
        return _counted_korean(text, match)
    return _counted_after(text, match.end()) or _counted_before(text[: match.start()])


def _counted_after(text: str, end: int) -> tuple[str, ...]:
    """Return the terms of the noun after a number: up to its plural, or to a function word."""
    place = end
    if text[end:].startswith(" of "):
        place += 3
    tokens: list[str] = []
    for _ in range(_MOST_WORDS):
        word = _ENGLISH_WORD.match(text, place)
        content = _ANALYSER.content_tokens(word[1]) if word else []
        if word is None or not content:
            break
        tokens += content
        place = word.end()
        if re.search(r"(?:[^su]s|people|men|women|children)$", word[1]):
            break
    return tuple(tokens)


def _counted_before(before: str) -> tuple[str, ...]:
    """Return the terms of "the number of X" before a number, else of the words that lead to it."""
    clause = _STOPS.split(before)[-1]
    of = _NUMBER_OF.search(clause)
    tokens = _ANALYSER.content_tokens(of[1] if of else clause)
    return tuple(token for token in tokens if not token[0].isdigit())[-_MOST_TERMS:]


def _counted_korean(text: str, match: re.Match[str]) -> tuple[str, ...]:
    after = text[match.end() :]
    if not _PARTICLE_AFTER.match(after):
        noun = re.match(r"(?:의)?\s([가-힣A-Za-z]+(?:\s[가-힣A-Za-z]+){0,2})", after)
        if noun and not re.match(r"\s(?:이상|이하|미만|넘|가까이|안팎|정도|가량|규모|늘|줄|증가|감소)", after):
            return tuple(_ANALYSER.content_tokens(_head(noun[1])))
    clause = re.split(r"[,;:.()\[\]!?‘’“”]", text[: match.start()].replace(MASK, " "))[-1]
    words: list[str] = []
    for word in reversed(clause.split()):
        if len(words) >= _MOST_WORDS or (words and _ENDS_PHRASE.search(word)) or re.search(r"\d", word):
            break
        if not _is_adverb(word):
            words.insert(0, word)
    return tuple(token for word in words for token in _ANALYSER.content_tokens(word))


def _head(phrase: str) -> str:
    """Cut a Korean phrase after its first word with a particle."""
    words: list[str] = []
    for word in phrase.split():
        words.append(word)
        if _ENDS_PHRASE.search(word):
            break
    return " ".join(words)


def _is_adverb(word: str) -> bool:
    return word in ("약", "총", "모두", "최대", "최소", "대략", "거의", "현재", "올해", "내년", "지난해")
