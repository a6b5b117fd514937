"""Words of time → the days they mean, in English and Korean: "14 June 2023", "last week", "2025년 상반기". Pure.

The patterns are our own and narrow, and the days are counted with `datetime`. dateparser reads points in time, not
periods: to it "last week" is the day seven days ago, it takes "may" and "second" for dates, and one call costs more
than all the patterns here together.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal

Days = tuple[date, date]
Unit = Literal["day", "week", "month", "quarter", "year"]
Groups = dict[str, str]

_DAY = timedelta(days=1)
_MONTHS_IN = {"month": 1, "quarter": 3, "year": 12}


@dataclass(frozen=True, slots=True)
class Expression:
    """Where words of time stand, the days they mean (both included), and what their surroundings must settle.

    `told` by its form: a bare "2025" or "March" may be something else. `has_year`: no year had to be guessed.
    `relative` to the day of asking.
    """

    start: int
    end: int
    days: Days
    unit: Unit
    told: bool = True
    has_year: bool = True
    relative: bool = False


def expressions(text: str, as_of: date) -> list[Expression]:
    """Return the expressions of time in a text, in order and apart, as seen from `as_of`."""
    found: list[Expression] = []
    taken: list[tuple[int, int]] = []
    for pattern, read in _FORMS:
        for match in pattern.finditer(text):
            if any(match.start() < end and start < match.end() for start, end in taken):
                continue
            try:
                expression = read(match, as_of)
            except (ValueError, OverflowError):
                # 31 June, or a year before the first: nor is the rest of it a date.
                taken.append(match.span())
                continue
            if expression:
                taken.append(match.span())
                found.append(expression)
    return sorted(found, key=lambda expression: expression.start)


def in_year(expression: Expression, year: int) -> Expression:
    """Return days of no certain year in this one; ValueError for 29 February in most years."""
    first, last = expression.days
    if expression.unit == "day":
        return replace(expression, days=(first.replace(year=year),) * 2)
    return replace(expression, days=_months(year, first.month, last.month - first.month + 1))


# ---------------------------------------------------------------- counting


def _months(year: int, first: int, count: int = 1) -> Days:
    """Return `count` whole months from month `first`, which moves the year when it lies outside 1 to 12."""
    start = year * 12 + first - 1
    after = start + count
    return date(start // 12, start % 12 + 1, 1), date(after // 12, after % 12 + 1, 1) - _DAY


def _back(day: date, unit: Unit, count: int) -> Days:
    """Return the whole calendar unit (weeks are ISO weeks) that lies `count` before the one of `day`."""
    if unit == "day":
        return (day - count * _DAY,) * 2
    if unit == "week":
        monday = day - (day.weekday() + 7 * count) * _DAY
        return monday, monday + 6 * _DAY
    months = _MONTHS_IN[unit]
    return _months(day.year, (day.month - 1) // months * months + 1 - count * months, months)


def _past(day: date, unit: Unit, count: int) -> Days:
    """Return the last `count` days, weeks, months or years, up to and with `day`."""
    if unit in ("day", "week"):
        return day - (count * (7 if unit == "week" else 1) - 1) * _DAY, day
    first, last = _months(day.year, day.month - count * _MONTHS_IN[unit])
    return min(first + day.day * _DAY, last + _DAY), day


# ---------------------------------------------------------------- words

_MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_KO_WEEKDAYS = "월화수목금토일"
_EN_COUNTS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_KO_COUNTS = ("한", "두", "세", "네", "다섯", "여섯", "일곱", "여덟", "아홉", "열")
_KO_DAYS = ("하루", "이틀", "사흘", "나흘", "닷새", "엿새", "이레", "여드레", "아흐레", "열흘")
_NUMBERS = {word: n for words in (_EN_COUNTS, _KO_COUNTS, _KO_DAYS) for n, word in enumerate(words, 1)} | {
    **{"a": 1, "an": 1, "couple of": 2, "일": 1, "석": 3, "넉": 4, "보름": 15},
    **{"first": 1, "1st": 1, "second": 2, "2nd": 2, "third": 3, "3rd": 3, "fourth": 4, "4th": 4, "상": 1, "하": 2},
}
_UNITS: dict[str, Unit] = {
    **{"day": "day", "week": "week", "month": "month", "quarter": "quarter", "year": "year"},
    **{"일": "day", "주": "week", "주일": "week", "달": "month", "개월": "month", "년": "year", "해": "year"},
}
_YEARS_BACK = {"this": 0, "last": 1, "올해": 0, "올": 0, "금년": 0, "작년": 1, "지난해": 1, "재작년": 2}


def _number(word: str) -> int:
    """Return what a number word says; KeyError never, 0 for an unknown one."""
    word = " ".join(word.casefold().split())
    return int(word) if word.isdecimal() else _NUMBERS.get(word, 0)


# ---------------------------------------------------------------- calendar dates

_S = r"\s{1,3}"
_YEAR = r"(?<![\w.,$€£₩#/-])(?P<y>(?:19|20)[0-9]{2})(?![0-9]|[.,][0-9])"
_D = r"(?P<d>[0-3]?[0-9])(?![0-9])"
_NTH = rf"(?<![\w.,$€£₩#-])(?:the{_S})?(?P<d>[0-3]?[0-9])(?:st|nd|rd|th)?(?![\w])(?![.,:][0-9])"
_FULL = r"\b(?P<mon>" + "|".join(_MONTHS) + r")(?![\w'’-])"
_MON = r"\b(?P<mon>(?:jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)(?![\w'’-])\.?|" + _FULL[len(r"\b(?P<mon>") :]
_THAT_YEAR = rf"(?:of{_S})?(?:{_YEAR}|(?P<ry>this|last){_S}year\b)"
_KO_YEAR = (
    rf"(?:{_YEAR}\s?년도?|(?<![\w.,])['’]?(?P<yy>[0-9]{{2}})년(?=\s?[0-9]{{1,2}}월)"
    r"|(?P<ry>재작년|작년|지난해|올해|금년|\b올))\s?"
)
_KO_M = r"(?<![0-9.,~-])(?P<m>1[0-2]|0?[1-9])월"
# What may follow a Korean word of time; "이번 주주총회", "이번 달러", "그제야" and "오늘날" go on otherwise.
_KO_END = (
    r"(?=에|엔|의(?!집|보|무)|은|는|와|과|보다|이(?:후|전|래)|자(?![가-힣])|간(?![가-힣])|중|초|말|동안|들어"
    r"|부터|까지|나온|보도|[^\w]|$)"
)
# "2000년 동안" is a length, "2025년형" a model.
_NOT_A_SPAN = (
    r"(?![대형산식생차째]|간|만에"
    r"|\s?(?:동안|넘게|이상|이하|가까이|역사|전에|뒤|(?:전|된|후)(?![가-힣])))"
)
_COUNTED = (
    r"(?:\s?%|\s?[$€£₩]|\s(?:percent|people|persons|workers|jobs|units|companies|firms|factories|plants|cities|places"
    r"|countries|homes|houses|students|users|cases|cars|ships|dollars|euros|won|pounds|miles|kilomet\w+|km|m|tons?"
    r"|tonnes|MW|GW|times|pages|words|patients|robots|schools|hours|days|weeks|months|years|million|billion|BC|AD)\b)"
)


def _calendar(match: re.Match[str], as_of: date) -> Expression | None:
    """Read a date of the calendar; without a year it is the last such not after `as_of`."""
    groups = {name: value for name, value in match.groupdict().items() if value is not None}
    year = _year_in(groups, as_of)
    told = "bare" not in groups
    if year is not None:
        return Expression(*match.span(), *_in_year(groups, year), told)
    side = groups.get("side", "").casefold()
    # Nine years back there was a 29 February.
    for candidate in range(as_of.year, as_of.year - 1 if side in ("this", "올") else as_of.year - 9, -1):
        try:
            days, unit = _in_year(groups, candidate)
        except ValueError:
            continue
        if (days[1] < as_of) if side in ("last", "지난") else (days[0] <= as_of):
            return Expression(*match.span(), days, unit, told, has_year=False)
    return None


def _year_in(groups: Groups, as_of: date) -> int | None:
    if "ry" in groups:
        return as_of.year - _YEARS_BACK[groups["ry"].casefold()]
    if "yy" in groups:
        return 2000 + int(groups["yy"])
    return int(groups["y"]) if "y" in groups else None


def _in_year(groups: Groups, year: int) -> tuple[Days, Unit]:
    """Return the days that the groups name in a year. Raises ValueError when there are none such."""
    if "part" in groups:
        count = 2 if groups["part"].casefold() in ("half", "h", "반기") else 4
        nth = _number(groups["nth"]) or count
        if nth > count:
            raise ValueError("a year has two halves and four quarters")
        return _months(year, (nth - 1) * (12 // count) + 1, 12 // count), "quarter"
    if "decade" in groups:
        return _months(year, 1, 120), "year"
    month = int(groups["m"]) if "m" in groups else _month(groups.get("mon", ""))
    if "d" in groups:
        return (date(year, month, int(groups["d"])),) * 2, "day"
    return (_months(year, month), "month") if month else (_months(year, 1, 12), "year")


def _month(name: str) -> int:
    return next((n for n, month in enumerate(_MONTHS, 1) if name and month.startswith(name.casefold()[:3])), 0)


_EN_NTH = r"\b(?P<nth>first|second|third|fourth|last|final|1st|2nd|3rd|4th)"
_BARE = r"(?P<bare>)"
# Closest first: a form is not looked for inside what an earlier one took.
_CALENDAR = (
    rf"{_NTH}{_S}(?:of{_S})?{_MON},?{_S}{_YEAR}",
    rf"{_MON}{_S}{_NTH},?{_S}{_YEAR}",
    rf"{_YEAR}-(?P<m>1[0-2]|0?[1-9])-{_D}(?![-\w])",
    rf"{_YEAR}/(?P<m>1[0-2]|0?[1-9])/{_D}(?![/\w])",
    r"(?<![\w.,$/-])(?P<y>(?:19|20)[0-9]{2})\.\s?(?P<m>1[0-2]|0[1-9])\.\s?(?P<d>[0-3][0-9])(?!\.?[0-9])",
    rf"{_KO_YEAR}{_KO_M}\s?{_D}일",
    rf"{_KO_YEAR}{_KO_M}(?!\s?[0-9]{{1,2}}일)",
    rf"{_KO_YEAR}(?P<nth>[1-4])\s?(?P<part>분기)",
    rf"{_KO_YEAR}(?P<nth>[상하])(?P<part>반기)",
    rf"{_MON},?{_S}{_THAT_YEAR}",
    rf"\b(?P<part>Q)(?P<nth>[1-4]),?{_S}{_THAT_YEAR}",
    rf"{_YEAR}\s?(?P<part>Q)(?P<nth>[1-4])\b",
    rf"\b(?P<part>H)(?P<nth>[12]),?{_S}{_THAT_YEAR}",
    rf"{_EN_NTH}{_S}(?P<part>quarter|half){_S}{_THAT_YEAR}",
    rf"{_KO_M}\s?{_D}일(?!간)",
    rf"\b(?P<side>지난|올)\s?(?P<m>1[0-2]|0?[1-9])월{_KO_END}",
    rf"{_KO_M}{_KO_END}",
    r"\b(?P<side>지난|올)\s?(?P<nth>[1-4])\s?(?P<part>분기)",
    r"\b(?P<side>지난|올)\s?(?P<nth>[상하])(?P<part>반기)",
    rf"\b(?P<side>last|this){_S}{_FULL}(?!{_S}[0-9])",
    rf"{_BARE}{_NTH}{_S}(?:of{_S})?{_FULL}(?!,?{_S}[0-9])",
    rf"{_BARE}{_FULL}{_S}{_NTH}(?!{_COUNTED})",
    rf"\bthe{_S}(?P<y>(?:19|20)[0-9]0)(?P<decade>s)\b",
    r"(?<![\w,])(?P<y>(?:19|20)[0-9]0)년(?P<decade>대)",
    rf"{_YEAR}\s?년도?{_NOT_A_SPAN}",
    rf"{_BARE}{_YEAR}(?![-–/:]?\w|{_COUNTED})",
    r"\bFY\s?(?P<y>20[0-9]{2})\b",
    # "march" and "may" are words of their own.
    rf"{_BARE}(?!(?-i:march|may)\b){_FULL}(?!{_S}[0-9])",
)

# ---------------------------------------------------------------- as seen from today

Reader = Callable[[re.Match[str], date], Expression | None]


def _whole(unit: Unit, count: int) -> Reader:
    def read(match: re.Match[str], as_of: date) -> Expression | None:
        return None if _is_title(match) else _relative(match, _back(as_of, unit, count), unit)

    return read


def _read_past(match: re.Match[str], as_of: date) -> Expression | None:
    number, name = match["n"] or "one", (match["u"] or "day").casefold()
    if name in ("hour", "시간"):
        return _relative(match, (as_of - -(-_number(number) // 24) * _DAY, as_of), "day")
    unit = _UNITS[name]
    return _relative(match, _past(as_of, unit, _number(number)), unit) if _number(number) else None


def _read_ago(match: re.Match[str], as_of: date) -> Expression | None:
    unit = _UNITS[(match["u"] or "day").casefold()]
    return _relative(match, _back(as_of, unit, _number(match["n"])), unit) if _number(match["n"]) else None


def _read_weekday(match: re.Match[str], as_of: date) -> Expression:
    name = match["weekday"].casefold()
    number = _KO_WEEKDAYS.index(name) if name in _KO_WEEKDAYS else _WEEKDAYS.index(name)
    day = as_of - ((as_of.weekday() - number - 1) % 7 + 1) * _DAY
    return Expression(*match.span(), (day, day), "day")


def _read_weekend(match: re.Match[str], as_of: date) -> Expression | None:
    monday, sunday = _back(as_of, "week", 1)
    return _relative(match, (monday + 5 * _DAY, sunday), "week")


def _read_last_nth(match: re.Match[str], as_of: date) -> Expression | None:
    """Read "지난 29일": the last 29th of a month."""
    for back in range(3):
        first, last = _back(as_of, "month", back)
        day = first + (int(match["d"]) - 1) * _DAY
        if first <= day <= min(last, as_of):
            return Expression(*match.span(), (day, day), "day")
    return None


def _relative(match: re.Match[str], days: Days, unit: Unit) -> Expression:
    return Expression(*match.span(), days, unit, relative=True)


def _is_title(match: re.Match[str]) -> bool:
    """Say whether the words are part of a name: "USA Today", "Last Week Tonight"."""
    words = match.group().split()
    return words[-1][:1].isupper() and (len(words) > 1 or match.start() > 0) and not match.string.isupper()


_EN_COUNT = rf"(?P<n>[0-9]{{1,3}}|an?|couple{_S}of|" + "|".join(_EN_COUNTS) + ")"
_KO_COUNT = r"(?P<n>[0-9]{1,3}|일(?=주일)|석|넉|보름|" + "|".join([*_KO_DAYS, *_KO_COUNTS]) + ")"
_EN_UNIT = r"(?P<u>hour|day|week|month|quarter|year)"
_KO_UNIT = r"(?P<u>시간|일|주일|주|개월|달|년|해)"
_NOT_OF = rf"(?![-\w])(?!{_S}(?:of|before|until)\b)"
_WHOLE: tuple[tuple[str, Unit, int], ...] = (
    (rf"\b(?:the{_S})?day{_S}before{_S}yesterday", "day", 2),
    (rf"\b(?:yesterday|last{_S}night)\b", "day", 1),
    (rf"\b(?:today|tonight|this{_S}(?:morning|afternoon|evening))\b", "day", 0),
    (rf"\b(?:the{_S})?week{_S}before{_S}last\b", "week", 2),
    (rf"\b(?:the{_S})?month{_S}before{_S}last\b", "month", 2),
    (rf"\b(?:the{_S})?year{_S}before{_S}last\b", "year", 2),
    *((rf"\blast{_S}{unit}{_NOT_OF}", unit, 1) for unit in ("week", "month", "quarter", "year")),
    *((rf"\bthis{_S}{unit}{_NOT_OF}", unit, 0) for unit in ("week", "month", "quarter", "year")),
    (rf"\b(?:그저께|그제){_KO_END}", "day", 2),
    (rf"\b어제{_KO_END}", "day", 1),
    (rf"\b(?:오늘|금일){_KO_END}", "day", 0),
    (rf"\b(?:지지난|저저번)\s?주{_KO_END}(?!말)", "week", 2),
    (rf"\b(?:지난|저번)\s?주{_KO_END}(?!말)", "week", 1),
    (rf"\b이번\s?주{_KO_END}(?!말)", "week", 0),
    (rf"\b지지난\s?달{_KO_END}", "month", 2),
    (rf"\b(?:지난|저번)\s?달{_KO_END}", "month", 1),
    (rf"\b(?:이번\s?달|이달(?!의)){_KO_END}", "month", 0),
    (r"\b(?:지난|직전)\s?분기", "quarter", 1),
    (r"\b이번\s?분기", "quarter", 0),
    (r"\b재작년", "year", 2),
    (r"\b(?:작년|지난\s?해)", "year", 1),
    (r"\b(?:올해|금년)", "year", 0),
)
_RELATIVE: tuple[tuple[str, Reader], ...] = (
    (rf"\b(?:the{_S})?(?:last|past){_S}{_EN_COUNT}{_S}{_EN_UNIT}s?{_NOT_OF}", _read_past),
    (rf"\b(?:in|over|during|within|for|from){_S}the{_S}(?:last|past){_S}(?P<n>){_EN_UNIT}{_NOT_OF}", _read_past),
    (rf"\bthe{_S}past{_S}(?P<n>){_EN_UNIT}{_NOT_OF}", _read_past),
    (rf"\b{_EN_COUNT}{_S}(?P<u>day|week|month|year)s?{_S}ago\b", _read_ago),
    (rf"\b최근\s?{_KO_COUNT}\s?{_KO_UNIT}?(?=간|동안|사이|새|내|에|\s|[?.,!]|$)", _read_past),
    (rf"\b지난\s?{_KO_COUNT}\s?(?P<u>시간|일)(?=간|\s?동안|\s?사이|\s?새|\s?내)", _read_past),
    (
        rf"\b지난\s?(?![0-9]{{1,3}}\s?일(?!주)){_KO_COUNT}\s?{_KO_UNIT}?(?=간|동안|사이|새|내|에|\s|[?.,!]|$)",
        _read_past,
    ),
    (
        rf"(?:^|(?<=[은는이가을를도,] )|(?<=[은는이가을를도,]))(?:약\s?)?{_KO_COUNT}\s?(?P<u>일|주일|주|개월|달|년|해)?"
        rf"\s?전{_KO_END}",
        _read_ago,
    ),
    (r"\b지난\s?(?P<d>[0-3]?[0-9])일(?=에|의|자|부터|[\s?.,]|$)", _read_last_nth),
    (rf"\b(?:last|this{_S}past){_S}(?P<weekday>" + "|".join(_WEEKDAYS) + r")\b", _read_weekday),
    (rf"\b지난\s?(?P<weekday>[{_KO_WEEKDAYS}])요일", _read_weekday),
    (rf"\b(?:last{_S}weekend\b|지난\s?주말)", _read_weekend),
)


def _forms() -> Iterator[tuple[re.Pattern[str], Reader]]:
    """Yield the patterns with what reads them; the calendar first, since "올해 3월" holds "올해"."""
    for pattern in _CALENDAR:
        yield re.compile(pattern, re.IGNORECASE), _calendar
    for pattern, read in _RELATIVE:
        yield re.compile(pattern, re.IGNORECASE), read
    for pattern, unit, count in _WHOLE:
        yield re.compile(pattern, re.IGNORECASE), _whole(unit, count)


_FORMS = tuple(_forms())
