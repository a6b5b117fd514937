"""Figures: the amounts of a sentence that say how much there is of something, how exactly, and what is counted. Pure.

Dates, ordinals, list numbers, times, scores and numbers that are part of a name are no figures. Neither is a range
("10 to 15"), which would need two numbers to be compared.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from indexer.language import Analyser
from qa.numbers.amounts import COUNT, CURRENCIES, Amount, amounts_in

Qualifier = Literal["exactly", "about", "at least", "at most"]


@dataclass(frozen=True, slots=True)
class Figure:
    """An amount to compare: `start`, `end` are its place in the text, with sign, scale and unit.

    `amount` is in `unit`, which is one of Amount's, or "" without any: things are counted. `step` is what the last
    written digit stands for: 100,000 for "1.5 million". `counted` are the search terms of what is counted, () where
    that cannot be told.
    """

    start: int
    end: int
    amount: float
    unit: str
    step: float
    qualifier: Qualifier
    counted: tuple[str, ...] = ()


def figures_in(text: str) -> list[Figure]:
    """Return the figures of a sentence, in order."""
    masked = _mask(text)
    found = [amount for amount in amounts_in(masked) if not _is_attached(masked, amount)]
    ranges = {place for first, second in _ranges(masked, found) for place in (first, second)}
    alone = (amount for place, amount in enumerate(found) if place not in ranges)
    return [_figure(masked, amount) for amount in alone if not _is_no_figure(masked, amount)]


def _mask(text: str) -> str:
    """Put a placeholder of the same length over each date, year, time and ordinal, so that offsets stay true."""
    for pattern in _NO_FIGURES:
        text = pattern.sub(lambda match: _MASK * len(match.group()), text)
    return text


def agree(one: Figure, other: Figure) -> bool:
    """Whether two figures of one unit may both be true: equal as far as they are written, or within what they say.

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

# ---------------------------------------------------------------- what is no figure

_MASK = "\x00"
MONTH = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?"
    r"|Nov(?:ember)?|Dec(?:ember)?)\b\.?"
)
YEAR = r"(?:1[5-9]|20)\d\d"
_BEFORE_YEAR = (
    r"in|by|since|until|till|from|of|during|before|after|for|to|and|through|between|early|late|mid|fiscal|year|around"
)
_NO_FIGURES = tuple(
    re.compile(pattern)
    for pattern in (
        r"(?<![\d.])\d{1,4}([-./])\d{1,2}\1\d{1,4}\.?(?!\d)",
        r"(?<![\d:])\d{1,2}:\d\d(?::\d\d)?(?!\d)(?:\s?[ap]\.?m\b\.?)?",
        rf"\b{MONTH}\s\d{{1,2}}(?:st|nd|rd|th)?\b(?:,?\s{YEAR}\b)?",
        rf"\b\d{{1,2}}(?:st|nd|rd|th)?\s(?:of\s)?{MONTH}(?:,?\s{YEAR}\b)?",
        rf"\b{MONTH}\s{YEAR}\b",
        r"(?<!\d)\d{4}\s?(?:년|학년)(?:도|대)?(?:\s?\d{1,2}월)?(?:\s?\d{1,2}일)?",
        r"(?<!\d)\d{1,2}월(?:\s?\d{1,2}일)?",
        r"(?<![\d,.])(?:[12]?\d|3[01])일(?!간|\s?동안|\s?만에|\s?이내|\s?이상)",
        r"제\s?\d+[가-힣]?|(?<![가-힣])[가-힣]+\s번째|(?<!\d)\d+(?:번째|번\s째|차|위|호|회차|세대|학년|분기|세기|주년)",
        r"(?<![\d,.])\d[\d,]*(?:st|nd|rd|th)\b",
        rf"(?i:(?<=\b)(?:{_BEFORE_YEAR})\s){YEAR}s?\b(?!,\d|\s?(?:%|percent|million|billion|trillion))",
        rf"(?<=[-–/(]){YEAR}\b(?![,%]\d?)|\b{YEAR}(?=[-–/)])",
        rf"(?<![\d,.$€£¥₩]){YEAR}s?(?![\d%]|,\d|\.\d|\s?(?:%|percent|[A-Za-z가-힣천백만억조]))",
        r"(?m:^[^\S\n]*[(\[]?\d{1,2}[.)\]]\s)",
        r"(?<!\d)\d{1,3}-\d{1,3}(?:-\d{2,4})+",
        # Marks of notes and verses, scores, ranges.
        r":\d+(?:[-–]\d+)?(?::\d+)?",
        r"(?<![\d,.])\d[\d,.]*\s?[-–~∼]\s?\d[\d,.]*(?:\s?(?:%|percent\b|million\b|billion\b|trillion\b))?",
    )
)

# ---------------------------------------------------------------- which amounts are figures

_WITHIN_WORD = re.compile(r"[\w.,]\Z|\w[-–]\Z")
_CAPITALISED_BEFORE = re.compile(r"(?:^|[\s'\"‘“(])(?:No\.|[A-Z][\w'’&-]*)\s$")
_RANGE = re.compile(r"\s?(?:-|–|—|~|∼)\s?|\s(?:to|or)\s|\s?(?:내지|또는)\s")
# "Zero" is more often part of a term ("zero emissions") than a count.
_PRONOUNS = ("one", "zero")


def _is_attached(text: str, amount: Amount) -> bool:
    """Whether letters or digits stand right before or after the number: "COVID-19", "5th"."""
    before = "" if amount.is_signed else text[max(0, amount.start - 2) : amount.start]
    return bool(_WITHIN_WORD.search(before) or re.match(r"[a-z\d]", text[amount.number_end :][:1]))


def _is_no_figure(text: str, amount: Amount) -> bool:
    """Whether the number belongs to a name ("Boeing 747", "5G") or a kind ("two-storey"), or is the pronoun "one"."""
    if amount.unit is None and amount.form == "words" and amount.written.lower() in _PRONOUNS:
        return True
    is_digits = amount.form == "digits"
    if amount.unit is not None or amount.form == "korean" or (is_digits and amount.number.scale > 1):
        return False
    after = text[amount.end : amount.end + 1]
    if after == "-":
        return True
    if is_digits and (after.isalpha() and not "가" <= after <= "힣"):
        return True
    names = _CAPITALISED_BEFORE.search(text[max(0, amount.start - 30) : amount.start])
    is_first = names is not None and not text[: amount.start - len(names.group())].strip(" \"'“‘(")
    return bool(is_digits and names and not is_first and not names.group().strip(" '\"‘“(").endswith("day"))


def _ranges(text: str, found: list[Amount]) -> Iterator[tuple[int, int]]:
    """Yield the places of two numbers that are the ends of a range; "from 5 to 10" is a change, not a range."""
    for place in range(len(found) - 1):
        first, second = found[place], found[place + 1]
        between = _RANGE.fullmatch(text, first.end, second.start)
        before = text[max(0, first.start - 25) : first.start]
        if between and not re.search(r"\bfrom\b[^,;]*$", before, re.I):
            yield place, place + 1


def _figure(text: str, amount: Amount) -> Figure:
    return Figure(
        start=amount.start,
        end=amount.end,
        amount=float(amount.number.value * amount.factor),
        unit=amount.unit or COUNT,
        step=float(amount.number.step * amount.factor),
        qualifier=_qualifier(text, amount),
        counted=() if amount.unit in CURRENCIES else _counted(text, amount),
    )


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


def _qualifier(text: str, amount: Amount) -> Qualifier:
    before, after = text[max(0, amount.start - 25) : amount.start], text[amount.end : amount.end + 10]
    for qualifier, pattern in _BEFORE:
        if pattern.search(before):
            return qualifier
    for qualifier, pattern in _AFTER:
        if pattern.match(after):
            return qualifier
    return "about" if "여" in text[amount.start : amount.end] else "exactly"


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


def _counted(text: str, amount: Amount) -> tuple[str, ...]:
    around = text[max(0, amount.start - 40) : amount.end + 20]
    if _HANGUL.search(around):
        return _counted_korean(text, amount)
    return _counted_after(text, amount.end) or _counted_before(text[: amount.start])


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


def _counted_korean(text: str, amount: Amount) -> tuple[str, ...]:
    after = text[amount.end :]
    if not _PARTICLE_AFTER.match(after):
        noun = re.match(r"(?:의)?\s([가-힣A-Za-z]+(?:\s[가-힣A-Za-z]+){0,2})", after)
        if noun and not re.match(r"\s(?:이상|이하|미만|넘|가까이|안팎|정도|가량|규모|늘|줄|증가|감소)", after):
            return tuple(_ANALYSER.content_tokens(_head(noun[1])))
    clause = re.split(r"[,;:.()\[\]!?‘’“”]", text[: amount.start].replace(_MASK, " "))[-1]
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
