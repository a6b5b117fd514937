"""Figures that disagree: two articles, one quantity, two amounts. Both are shown, dated; no winner is picked. Pure.

Two amounts are of one quantity when the question asks for that kind of amount, the units are the same, the same thing
is counted or spoken of, and the years, the period ("a year") and the role ("from 19", "by 5%") agree. Where that cannot
be told, nothing is said: a disagreement that is none does more harm than one that is missed.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from indexer.language import Analyser, detect_language
from qa.numbers.amounts import COUNT, CURRENCIES, PERCENT, POINTS
from qa.numbers.figures import YEAR, Figure, agree, figures_in
from qa.questions import AnswerKind, answer_kind, missing_share, names_in, numbers_in
from qa.reader import Evidence

Similarity = Callable[[str, str], float]

# A sentence this much less likely to answer than the best one is about something else.
LEAST_SHARE = 0.02
# The share of the question's terms that the sentence and its title must have, and that two sentences must share.
LEAST_COVERED = 0.5
LEAST_SHARED = 0.3
# Two sentences that both have so many of the question's terms need not share others.
MOSTLY_COVERED = 0.75
ALIKE = 0.7
SAME_THING = 0.5

_ANALYSER = Analyser()


@dataclass(frozen=True, slots=True)
class Side:
    """What one article says: `value` is the slice [start, end) of its text, `amount` that in `unit` (see Figure)."""

    evidence: Evidence
    value: str
    start: int
    end: int
    amount: float
    unit: str


@dataclass(frozen=True, slots=True)
class Conflict:
    """Sides that cannot all be right, one for each article, by date of the article (unknown last)."""

    kind: AnswerKind
    sides: tuple[Side, ...]


def conflicts_in(
    question: str, evidence: Sequence[Evidence], *, similarity: Similarity | None = None
) -> list[Conflict]:
    """Return the figures for which the evidence (best first) disagrees on what the question asks.

    `similarity` tells how alike two sentences are (a cosine); with it, sentences in other words can be of one subject.
    """
    kind = answer_kind(question)
    if kind not in ("percent", "money", "number") or not evidence:
        return []
    asked = _Asked.from_question(question)
    claims = [claim for item in evidence if item.score >= LEAST_SHARE * evidence[0].score for claim in _claims(item)]
    claims = [claim for claim in claims if _is_asked_for(kind, claim.figure) and _is_about(asked, claim)]
    conflicts: list[Conflict] = []
    shown: set[str] = set()
    for anchor in claims:
        # One disagreement of a unit is enough; what follows is less to the point.
        if anchor.figure.unit not in shown and anchor.role != "from":
            sides = _against(anchor, claims, asked, similarity)
            if sides:
                shown.add(anchor.figure.unit)
                conflicts.append(_conflict(kind, sides))
    return conflicts


# ---------------------------------------------------------------- what the question asks


@dataclass(frozen=True, slots=True)
class _Asked:
    """What must be in a sentence that answers, or near it.

    `counted` are the terms of the thing to be counted, the last one its head; `counter` is the Korean counter.
    """

    terms: frozenset[str]
    names: tuple[str, ...]
    years: frozenset[int]
    counted: tuple[str, ...]
    counter: str
    numbers: tuple[str, ...]

    @classmethod
    def from_question(cls, question: str) -> "_Asked":
        terms = (term for term in _ANALYSER.content_tokens(question) if not _NUMBER_OR_COUNTER.fullmatch(term))
        return cls(
            terms=frozenset(terms) - _SAYS_NOTHING,
            # "AI-integrated" names AI.
            names=tuple(re.sub(r"-[a-z].*", "", name) for name in names_in(question)),
            years=frozenset(int(year) for year in _YEAR.findall(question)),
            counted=_asked_thing(question),
            counter=_counter(match[1]) if (match := _HOW_MANY_COUNTER.search(question)) else "",
            numbers=tuple(number for number in numbers_in(question) if not _YEAR.fullmatch(number)),
        )


_YEAR = re.compile(rf"(?<![\d,.]){YEAR}(?![\d,]\d)")
# Terms that name a measure, not a subject.
_SAYS_NOTHING = frozenset(
    _ANALYSER.tokens("many much number percent percentage share rate amount total figure long big large")
)
_HOW_MANY_COUNTER = re.compile(r"몇\s?[십백천만억]*\s?([가-힣])")
_COUNTER_SAID = re.compile(r"[\d\s.,십백천만억조여]*([가-힣])")
_NUMBER_OR_COUNTER = re.compile(r"\d.*|[가-힣]")
_HOW_MANY = re.compile(r"\b(?:how\s+many|(?:what|which)\s+number\s+of|number\s+of)\s+((?:[\w&'’-]+\s*){1,6})", re.I)
_ENDS_THING = re.compile(
    r"(?:is|are|was|were|be|been|do|does|did|will|would|can|could|has|have|had|should|may|might|must|to|in|on|at|by|of|for"
    r"|from)$",
    re.I,
)
_HOW_MANY_KOREAN = re.compile(
    r"(?<![가-힣A-Za-z])([가-힣A-Za-z]+?)(?:은|는|이|가|을|를|의)?\s*+(?:모두|총|전부)?\s*+(?:몇|수(?:는|가)|개수)"
)
_COUNTED_KOREAN = re.compile(r"몇\s?(?:개|곳|명|대|권|건)의?\s([가-힣A-Za-z]+)")


def _counter(syllable: str) -> str:
    """Return the first syllable of a Korean counter; places are counted as things are, people in two ways."""
    return {"곳": "개", "인": "명"}.get(syllable, syllable)


def _asked_thing(question: str) -> tuple[str, ...]:
    """Return the terms of X in "how many X"; () when nothing is counted."""
    english = _HOW_MANY.search(question)
    if english:
        words: list[str] = []
        for word in english[1].split():
            if _ENDS_THING.match(word):
                break
            words.append(word)
            if re.search(r"(?:[^su]s|people|men|women|children)$", word):
                break
        return tuple(_ANALYSER.content_tokens(" ".join(words)))
    korean = _COUNTED_KOREAN.search(question) or _HOW_MANY_KOREAN.search(question)
    return tuple(_ANALYSER.content_tokens(korean[1])) if korean else ()


# ---------------------------------------------------------------- what the articles say


@dataclass(frozen=True, slots=True, eq=False)
class _Claim:
    """A figure of a sentence and what narrows it down; `years` below 10 are relative to an unknown date."""

    evidence: Evidence
    figure: Figure
    terms: frozenset[str]
    local: frozenset[str]
    years: frozenset[int]
    role: str
    per: str


def _claims(item: Evidence) -> Iterator[_Claim]:
    text = item.text
    found = figures_in(text)
    terms = frozenset(_ANALYSER.content_tokens(text))
    for place, figure in enumerate(found):
        before = found[place - 1].end if place else 0
        after = found[place + 1].start if place + 1 < len(found) else len(text)
        around = text[before:after] if len(found) > 1 else text
        yield _Claim(
            evidence=item,
            figure=figure,
            terms=terms,
            local=frozenset(_ANALYSER.content_tokens(around)) | frozenset(figure.counted),
            years=_years_of(text, figure, before, after, item.article.published),
            role=_role(text, figure),
            per=_per(text, figure),
        )


_RELATIVE = (
    (re.compile(r"\bthis\syear\b|올해|금년"), 0),
    (re.compile(r"\blast\syear\b|지난해|작년|전년"), -1),
    (re.compile(r"\bnext\syear\b|내년"), 1),
)
_BREAK = re.compile(r"[,;:()\[\]—–]|\s(?:and|but|while|from|up from|down from)\s")


def _years_of(text: str, figure: Figure, before: int, after: int, published: date | None) -> frozenset[int]:
    """Return the year said with a figure: right after it, else before it, else at the head of the sentence."""
    years = [(match.start(), match.end(), int(match.group())) for match in _YEAR.finditer(text)]
    for pattern, offset in _RELATIVE:
        value = published.year + offset if published else offset
        years += [(match.start(), match.end(), value) for match in pattern.finditer(text)]
    years = sorted(year for year in years if year[1] <= figure.start or year[0] >= figure.end)
    follows = [year for year in years if figure.end <= year[0] < after]
    if follows and detect_language(text) != "ko" and not _BREAK.search(text[figure.end : follows[0][0]]):
        return frozenset({follows[0][2]})
    leads = [year for year in years if before <= year[0] and year[1] <= figure.start]
    taken = (
        bool(leads) and before > 0 and not _BREAK.search(text[before : leads[-1][0]]) and detect_language(text) != "ko"
    )
    if leads and not taken:
        return frozenset({leads[-1][2]})
    opening = [year for year in years if year[0] < _OPENING and year[1] <= figure.start]
    return frozenset({opening[0][2]}) if opening else frozenset()


_OPENING = 12
_FROM = re.compile(r"\b(?:from|previous(?:ly)?|compared with|against)\s(?:[a-z]+\s){0,2}$", re.I)
_TO = re.compile(r"\bto\s(?:[a-z]+\s){0,3}$", re.I)
_NOW = re.compile(r"\b(?:currently|now|at present|today|so far|already)\b|현재|지금까지", re.I)
_BY = re.compile(
    r"\b(?:by|rose|rises?|grew|grows?|fell|falls?|dropped|declined|increased|jumped|climbed|gained|lost|up|down|cut|shrank"
    r"|increase of|rise of|growth of|decline of|additional|another|extra)\s(?:(?!to\s)[a-z]+\s){0,2}$",
    re.I,
)
_UP_TO = re.compile(r"\bup to\s$", re.I)
_MORE = re.compile(
    r"\s(?:more|fewer|higher|lower|increase|rise|drop|decline|growth|jump|fall|reduction|extra|additional)\b"
    r"|\s?(?:포인트)?\s?(?:[나을를]|가까이|가량|정도|이상)?\s?(?:늘|증가|줄|감소|상승|하락|오르|올라|오른|인상|급증|급감|추가)",
    re.I,
)
_FROM_KOREAN = re.compile(r"(?:에서|이던|이었던|였던|에 불과하던)")


def _role(text: str, figure: Figure) -> str:
    """Say "from" (what it was), "change" (by how much), "now", or "" for the plain amount or the goal."""
    before, after = text[max(0, figure.start - 45) : figure.start], text[figure.end : figure.end + 20]
    if _MORE.match(after) or (_BY.search(before) and not _UP_TO.search(before)):
        return "change"
    if (_FROM.search(before) and not _TO.search(before)) or _FROM_KOREAN.match(after):
        return "from"
    return "now" if _NOW.search(re.split(r"[,;]", before)[-1]) else ""


_PER = re.compile(
    r"^(?:\s[\w'’-]+){0,3}?\s(?:per|a|an|each|every)\s(year|month|week|day|hour|minute|project|company|firm|person|student"
    r"|household|plant|share|tonne|ton|head|pupil|family)\b",
    re.I,
)
_PER_BEFORE = re.compile(r"\b(annual|yearly|monthly|weekly|daily|hourly)(?:ly)?\b[^,;]{0,30}$", re.I)
_PER_AFTER = re.compile(r"^[^,;.]{0,25}\b(annually|yearly|monthly|weekly|daily|apiece|each)\b", re.I)
_PER_KOREAN = re.compile(
    r"((?<![가-힣\d])[가-힣\d]+당|(?<![가-힣])[가-힣]+마다|매년|매월|매일|연간|연평균|하루|월평균)"
    r"\s?(?:약|최대|평균)?\s?$"
)
_SAME_PER = {
    "annual": "year",
    "annually": "year",
    "yearly": "year",
    "monthly": "month",
    "weekly": "week",
    "daily": "day",
}
_SAME_PER |= {"hourly": "hour", "apiece": "each", "매년": "year", "연간": "year", "연평균": "year", "매월": "month"}
_SAME_PER |= {"월평균": "month", "매일": "day", "하루": "day"}


def _per(text: str, figure: Figure) -> str:
    """Return what the amount is for: "year" in "a year", "project" in "per project", "" for the whole."""
    before, after = text[max(0, figure.start - 45) : figure.start], text[figure.end : figure.end + 60]
    match = _PER.match(after) or _PER_KOREAN.search(before) or _PER_AFTER.match(after) or _PER_BEFORE.search(before)
    word = match[1].lower() if match else ""
    return _SAME_PER.get(word, word)


# ---------------------------------------------------------------- one quantity?


def _is_asked_for(kind: AnswerKind, figure: Figure) -> bool:
    if kind == "percent":
        return figure.unit in (PERCENT, POINTS)
    if kind == "money":
        return figure.unit in CURRENCIES
    return figure.unit not in CURRENCIES and figure.unit not in (PERCENT, POINTS)


def _is_about(asked: _Asked, claim: _Claim) -> bool:
    """Whether the claim is on what the question asks: its terms, its names, its year, the thing it counts."""
    said = claim.years or {int(year) for year in _YEAR.findall(claim.evidence.text)}
    if asked.years and said and not asked.years & said:
        return False
    if claim.role == "change":
        return False
    article = claim.evidence.article
    if missing_share(list(asked.names), f"{article.title}\n{article.text}"):
        return False
    if missing_share(list(asked.numbers), f"{article.title}\n{claim.evidence.text}"):
        return False
    if not _has_counter(asked.counter, claim):
        return False
    if asked.counted and claim.figure.unit in (COUNT, "person") and not _counts(asked.counted, claim):
        return False
    covered = asked.terms & (claim.terms | frozenset(_ANALYSER.content_tokens(article.title)))
    return len(covered) >= LEAST_COVERED * len(asked.terms) and bool(asked.terms & claim.local or len(asked.terms) == 0)


def _has_counter(counter: str, claim: _Claim) -> bool:
    """Whether a Korean amount has the counter asked for, or any where it is a count; other languages have none."""
    text, figure = claim.evidence.text, claim.figure
    said = _COUNTER_SAID.match(text, figure.start)
    if said and counter:
        return _counter(said[1]) == counter
    return figure.unit != COUNT or detect_language(text) != "ko" or "가" <= text[figure.end - 1] <= "힣"


def _counts(counted: Sequence[str], claim: _Claim) -> bool:
    """Whether the head of the thing asked for is counted; where that cannot be told, is in the sentence."""
    said = frozenset(claim.figure.counted) or claim.local
    return counted[-1] in said


def _against(anchor: _Claim, claims: Sequence[_Claim], asked: _Asked, similarity: Similarity | None) -> list[_Claim]:
    """Return the anchor and, of each other article, its best claim on the same quantity, if any disagrees."""
    sides, disagree = [anchor], False
    others = dict.fromkeys(claim.evidence.article.id for claim in claims)
    others.pop(anchor.evidence.article.id)
    own = [claim for claim in claims if claim.evidence.article.id == anchor.evidence.article.id]
    for article_id in others:
        theirs = [
            claim
            for claim in claims
            if claim.evidence.article.id == article_id and _is_same_quantity(anchor, claim, asked, similarity)
        ]
        said = [claim for claim in theirs if claim.role != "from"]
        if not said:
            continue
        # An article that has the other's figure too, perhaps as what it was before, knows of it.
        known = [claim for claim in theirs if any(_agree(claim, mine) for mine in own)]
        if not known:
            sides.append(said[0])
            disagree = True
        elif known[0].role != "from":
            sides.append(known[0])
    return sides if disagree else []


def _agree(one: _Claim, other: _Claim) -> bool:
    return one.figure.unit == other.figure.unit and agree(one.figure, other.figure)


def _is_same_quantity(one: _Claim, other: _Claim, asked: _Asked, similarity: Similarity | None) -> bool:
    if one.figure.unit != other.figure.unit or one.per != other.per:
        return False
    if {one.role, other.role} == {"now", ""} and (one.years or other.years):
        return False
    years_matter = "from" not in (one.role, other.role) and (not asked.years or (one.years and other.years))
    if years_matter and one.years != other.years:
        return False
    mine, yours = frozenset(one.figure.counted), frozenset(other.figure.counted)
    if one.figure.unit in (COUNT, "person") and mine and yours and _overlap(mine, yours) < SAME_THING:
        return False
    if len(asked.counted) > 1 and set(asked.counted) <= mine & yours:
        return True
    if asked.terms and len(asked.terms & one.terms & other.terms) >= MOSTLY_COVERED * len(asked.terms):
        return True
    if _overlap(one.terms, other.terms) >= LEAST_SHARED:
        return True
    return similarity is not None and similarity(one.evidence.text, other.evidence.text) >= ALIKE


def _overlap(one: frozenset[str], other: frozenset[str]) -> float:
    """Return the share of the smaller set that both have."""
    return len(one & other) / min(len(one), len(other)) if one and other else 0.0


def _conflict(kind: AnswerKind, claims: Sequence[_Claim]) -> Conflict:
    sides = [_side(claim) for claim in claims]
    return Conflict(kind=kind, sides=tuple(sorted(sides, key=lambda side: side.evidence.article.published or date.max)))


def _side(claim: _Claim) -> Side:
    offset, figure = claim.evidence.sentence.start, claim.figure
    start, end = offset + figure.start, offset + figure.end
    return Side(claim.evidence, claim.evidence.article.quote(start, end), start, end, figure.amount, figure.unit)
