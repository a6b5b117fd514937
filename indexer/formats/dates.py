"""Dates as articles write them; only a full day, month and year counts, never a relative date."""

import re
from datetime import date

import dateparser

_MONTH = r"(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)[a-z]{0,6}\.?"
_WEEKDAY = r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]{0,6}\.?,?\s{1,3})?"
_LABEL = (
    r"(?:(?P<label>published|posted|updated|modified|date|release date|issued"
    r"|기사\s?입력|입력|등록|송고|승인|발행일?|작성일?|수정|최종\s?수정|업데이트)"
    r"(?:\s?(?:on|at|일자|일시|시각))?\s{0,3}[:：.|]?\s{0,3})?"
)
_DAY = (
    r"(?P<day>(?:19|20)\d\d\s?[-./]\s?\d{1,2}\s?[-./]\s?\d{1,2}(?!\d)"
    r"|(?:19|20)\d\d\s?년\s?\d{1,2}\s?월\s?\d{1,2}\s?일"
    rf"|{_MONTH}\s{{1,3}}\d{{1,2}}(?:st|nd|rd|th)?,?\s{{1,3}}(?:19|20)\d\d(?!\d)"
    rf"|\d{{1,2}}(?:st|nd|rd|th)?\s{{1,3}}{_MONTH},?\s{{1,3}}(?:19|20)\d\d(?!\d))"
)
_TIME = (
    r"(?:\.?\s?[T,|·(-]{0,2}\s{0,3}(?:[월화수목금토일](?:요일)?\)?\s{0,2})?(?:at\s)?(?:오전|오후)?"
    r"\s?\d{1,2}\s?[:시]\s?\d{1,2}분?(?::\d\d(?:\.\d{1,6})?)?"
    r"\s?(?:[ap]\.?m\.?)?\s?(?:[(]?(?:KST|UTC|GMT|[ECMP][SD]T|Z)[)]?|[+-]\d\d:?\d\d)?)?"
)
_DATE_LINE = re.compile(
    rf"[\s\[(]*{_LABEL}{_WEEKDAY}{_DAY}\s?(?:\([월화수목금토일](?:요일)?\))?{_TIME}\.?[\s\])]*", re.IGNORECASE
)
_ANY_DAY = re.compile(_DAY, re.IGNORECASE)
_LONGEST = 80
_SETTINGS = {"STRICT_PARSING": True, "REQUIRE_PARTS": ["day", "month", "year"], "DATE_ORDER": "YMD"}
_REVISED = ("updated", "modified", "수정", "최종", "업데이트")


def read_date(text: str) -> date | None:
    """Read a text that is a date and nothing else (a time, a weekday, "Published:" may stand by)."""
    match = _match(text)
    return _parse(match["day"]) if match else None


def dates_in(text: str) -> set[date]:
    """Return the full dates of which a short text speaks."""
    found = (_parse(match["day"]) for match in _ANY_DAY.finditer(text))
    return {day for day in found if day}


def is_date_line(line: str) -> bool:
    """Say whether a line is a date and nothing else."""
    return read_date(line) is not None


def is_revision(line: str) -> bool:
    """Say whether a date line tells when the article was changed, not when it appeared."""
    match = _match(line)
    return bool(match and match["label"] and match["label"].lower().startswith(_REVISED))


def _match(text: str) -> re.Match[str] | None:
    return _DATE_LINE.fullmatch(text.strip()) if len(text) <= _LONGEST else None


def _parse(day: str) -> date | None:
    try:
        moment = dateparser.parse(day.strip(), languages=["en", "ko"], settings=_SETTINGS)
    except (ValueError, OverflowError):
        return None
    return moment.date() if moment else None
