"""The period a question speaks of, and how near in time an article is to it. Pure."""

import math
import re
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal

from qa.dates.expressions import Days, Expression, expressions, in_year

Kind = Literal["published", "mentioned"]

_LONGEST_QUESTION = 2000
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Period:
    """Days from `start` to `end`, both included, and the slice of the question that names them.

    "published": the question asks for articles of these days, so it may become a filter. "mentioned": it names
    the days of which it speaks; articles from then are likelier to answer, but others may. `start` is `date.min`
    where only the end is bounded ("articles before 2024").
    """

    start: date
    end: date
    text: str
    kind: Kind


def period_in(question: str, as_of: date) -> Period | None:
    """Return the period a question in English or Korean speaks of, seen from `as_of`; None when none is plain.

    Goals ("by 2030"), the future and vague words ("recently") name no period. Of several, one of kind
    "published" wins, then the latest: what compares two years was written after both.
    """
    text = question[:_LONGEST_QUESTION]
    found = [_in_context(text, expression, as_of) for expression in _joined(text, expressions(text, as_of))]
    periods = [period for period in found if period]
    return max(periods, key=lambda period: (period.kind == "published", period.end, period.start), default=None)


def nearness(period: Period, published: date | None) -> float:
    """Return 1 for an article published inside the period, falling to 0 outside it; 0 without a date.

    The fall is linear and takes about four days beside a day, a week beside a week, a month beside a year.
    """
    if published is None:
        return 0.0
    outside = max((period.start - published).days, (published - period.end).days, 0)
    length = float(min((period.end - period.start).days + 1, 1000))
    return max(0.0, 1.0 - outside / (1.0 + 3.0 * math.pow(length, 0.4)))


def age_days(published: date, as_of: date) -> int:
    """Return how many days old an article is; 0 for one from the future."""
    return max(0, (as_of - published).days)


# ---------------------------------------------------------------- ranges

_FROM = re.compile(r"\b(?:between|from|in|during|of|for)\s{1,3}(?:the\s{1,3})?$", re.IGNORECASE)
_TO = re.compile(r"\s{0,3}(?:and|to|through|until|till|[-–~])\s{1,3}(?:the\s{1,3})?|\s?[-–~]\s?", re.IGNORECASE)
_KO_TO = re.compile(r"\s?(?:부터|에서|와|과|~|∼|[-–])\s?")
_KO_UNTIL = re.compile(r"\s?까지")


def _joined(text: str, found: list[Expression]) -> list[Expression]:
    """Make one expression of two that are the ends of a range: "between March and June 2025"."""
    joined: list[Expression] = []
    for later in found:
        pair = _range(text, joined[-1], later) if joined else None
        joined[-1:] = [pair] if pair else [*joined[-1:], later]
    return joined


def _range(text: str, earlier: Expression, later: Expression) -> Expression | None:
    between = text[earlier.end : later.start]
    is_korean = _KO_TO.fullmatch(between) is not None and any(
        "가" <= c <= "힣" for c in text[earlier.start : later.end]
    )
    if not is_korean and not (_FROM.search(text[: earlier.start][-20:]) and _TO.fullmatch(between)):
        return None
    try:
        if later.has_year and not earlier.has_year:
            earlier = in_year(earlier, later.days[0].year)
        elif earlier.has_year and not later.has_year:
            later = in_year(later, earlier.days[0].year)
    except ValueError:
        return None  # 29 February
    if earlier.days[0] > later.days[1]:
        return None
    until = _KO_UNTIL.match(text, later.end)
    end = until.end() if until else later.end
    return replace(later, start=earlier.start, end=end, days=(earlier.days[0], later.days[1]), told=True)


# ---------------------------------------------------------------- surroundings

_REACH = 60
_THE = (
    r"\s{1,3}(?:the\s{1,3})?(?:(?:end|start|beginning|middle|close|turn)\s{1,3}of\s{1,3})?"
    r"(?:(?:early|late|mid)[-\s]{1,3})?$"
)
_BOUNDS = {
    bound: re.compile(rf"\b(?:{words}){_THE}", re.IGNORECASE)
    for bound, words in (
        ("since", r"since"),
        ("after", r"after"),
        ("before", r"before|prior\s{1,3}to|earlier\s{1,3}than|ahead\s{1,3}of"),
        ("until", r"by|until|till|through|up\s{1,3}to|no\s{1,3}later\s{1,3}than|towards?"),
    )
}
_KO_BOUNDS = {
    bound: re.compile(rf"\s?(?:초|말|중순|상순|하순)?\s?(?:{words})")
    for bound, words in (
        ("since", "이후|이래"),
        ("from", "부터"),
        ("before", "이전"),
        ("until", "까지"),
    )
}
_ONWARD = re.compile(r"\s{1,3}onwards?(?=[\s?.,!]|$)", re.IGNORECASE)
_ANOTHER = re.compile(
    r"(?:\b(?:next|every|each|later|any|version|v|ver|release|section|article|chapter|page|room|route|act|no|number"
    r"|model|vision|agenda|windows|office|world\s{1,3}cup|olympics)\.?\s{1,3}"
    r"|(?:내년|후년|다음|매년|매월|매|버전|비전|제)\s?)$",
    re.IGNORECASE,
)
# A bare year, month or day is a date only behind one of these.
_PREPOSITION = re.compile(
    r"\b(?:in|on|during|of|for|from|since|after|before|throughout|between|as\s{1,3}of|around|dated|until|till|by|year"
    r"|fiscal|early|late|mid|the)[\s-]{1,3}(?:the\s{1,3})?$",
    re.IGNORECASE,
)
_QUOTES = {'"': '"', "'": "'", "“": "”", "‘": "’", "「": "」", "『": "』", "《": "》", "〈": "〉"}

_ARTICLES = (
    r"(?:articles?|news(?!\s{1,3}(?:conference|agenc\w+|anchor|corp\w*|channel|outlets?))|(?:news\s{1,3})stor(?:y|ies)"
    r"|coverage|headlines|press\s{1,3}(?:releases?|reports?)|newspapers?)"
)
_APPEARED = r"(?:that|which|were|was|have|been|published|posted|released|written|dated|reported|printed|appeared)"
_ABOUT = r"(?:\s{1,3}(?:about|on|regarding)(?:\s{1,3}[^\s?.!]{1,30}){1,8}?)?"
_ASKED_FOR = re.compile(
    rf"\b(?:{_ARTICLES}(?:\s{{1,3}}{_APPEARED}){{0,4}}(?:\s{{1,3}}(?:in|on|of|during|for))?"
    rf"|{_ARTICLES}{_ABOUT}(?:(?:\s{{1,3}}{_APPEARED}){{1,4}}(?:\s{{1,3}}(?:in|on|during))?"
    rf"|\s{{1,3}}(?:from|since|before|after|between))"
    rf"|what\s{{1,3}}(?:was|were|is|has\s{{1,3}}been)\s{{1,3}}(?:published|reported|written|in\s{{1,3}}the\s{{1,3}}news){_ABOUT}"
    rf"(?:\s{{1,3}}(?:in|on|during))?)"
    rf"(?:\s{{1,3}}(?:from|since|before|after|between|until|by|up\s{{1,3}}to))?(?:\s{{1,3}}the)?\s{{1,3}}$",
    re.IGNORECASE,
)
_ASKED_FOR_AFTER = re.compile(
    rf"(?:['’]s)?\s{{1,3}}(?:(?:[\w-]{{1,30}}\s{{1,3}})?{_ARTICLES}\b|in\s{{1,3}}the\s{{1,3}}(?:news|press|media)\b)",
    re.IGNORECASE,
)
_NO_DRIVER = r"(?!택시|버스|운전|배달|택배|대리|화물|트럭|열차|기관|정비|설치|바둑|건설)"
_KO_ASKED_FOR = re.compile(
    rf"\s?(?:초|말)?\s?(?:이후|이래|이전|부터|까지|동안|간|중)?(?:에서|에|의|자)?\s?"
    rf"(?:{_NO_DRIVER}[^\s?.!]{{1,15}}\s{{1,3}}){{0,2}}{_NO_DRIVER}[가-힣A-Za-z]{{0,6}}?"
    r"(?:(?<!택시)(?<!버스)기사(?!\s?(?:자격|시험|수(?![가-힣])|수는|임금|월급|처우|님))|뉴스(?!룸|레터)|보도|신문)"
)
_HAPPENED = re.compile(
    r"\b(?:happen\w*|announce\w*|said|says?|new|news|report\w*|publish\w*|release[sd]?|launch\w*|stories|headlines)\b"
    r"|발표|보도|뉴스|기사|소식|있었|일어|열렸|밝혔|밝힌",
    re.IGNORECASE,
)
_AHEAD = re.compile(
    r"\b(?:will|going\s{1,3}to|planned|scheduled|upcoming|due)\b|예정|계획|열리는|열릴|앞둔", re.IGNORECASE
)
_AGO = re.compile(r"ago$|전$")
_NOW = re.compile(r"today|오늘|금일", re.IGNORECASE)


def _in_context(text: str, found: Expression, as_of: date) -> Period | None:
    """Judge an expression by what stands around it."""
    before, after = text[max(0, found.start - _REACH) : found.start], text[found.end : found.end + _REACH]
    if _is_quoted(before, after) or _ANOTHER.search(before):
        return None
    asked_for = _asks_for_articles(text[: found.start], after)
    if not found.told and not _PREPOSITION.search(before) and not asked_for:
        return None
    bound = _bound(before, after)
    kind: Kind = "published" if asked_for or _limits_publication(text, found, bound, as_of) else "mentioned"
    days = _bounded(found.days, bound, kind, as_of)
    if days is None or days[0] > as_of:
        return None
    start, end = days
    end = min(end, as_of) if kind == "published" else end
    return Period(start, end, text[found.start : found.end], kind) if start <= end else None


def _is_quoted(before: str, after: str) -> bool:
    return bool(before and after) and _QUOTES.get(before[-1]) == after[0]


def _asks_for_articles(before: str, after: str) -> bool:
    """Say whether the question asks for articles, news or reports of these days."""
    tail = before[-3 * _REACH :]
    return any((_ASKED_FOR.search(tail), _ASKED_FOR_AFTER.match(after), _KO_ASKED_FOR.match(after)))


def _bound(before: str, after: str) -> str | None:
    english = next((bound for bound, pattern in _BOUNDS.items() if pattern.search(before)), None)
    korean = next((bound for bound, pattern in _KO_BOUNDS.items() if pattern.match(after)), None)
    return english or korean or ("from" if _ONWARD.match(after) else None)


def _limits_publication(text: str, found: Expression, bound: str | None, as_of: date) -> bool:
    """Say whether days limit publication though no article is spoken of: "last week", "since March 2026".

    Months and years ago, and all that is named by its year, are days of the fact rather than of the article. What
    will happen this week may have been announced before, and "today" often means nowadays.
    """
    if bound == "since":
        return found.unit != "year"
    words = text[found.start : found.end].casefold()
    if not found.relative or found.unit in ("quarter", "year") or (found.unit == "month" and _AGO.search(words)):
        return False
    if found.days[1] >= as_of and _AHEAD.search(text):
        return False
    return not _NOW.fullmatch(words) or _HAPPENED.search(text) is not None


def _bounded(days: Days, bound: str | None, kind: Kind, as_of: date) -> Days | None:
    """Open the days on one side. What only has an end is a goal ("by 2030"), unless articles are asked for."""
    start, end = days
    match bound:
        case "since" | "from":
            return start, max(as_of, end)
        case "after":
            return (end + _DAY, as_of) if end < as_of else None
        case "before":
            return (date.min, start - _DAY) if kind == "published" and start > date.min else None
        case "until":
            return (date.min, end) if kind == "published" else None
        case _:
            return start, end
