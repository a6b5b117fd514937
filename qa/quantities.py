"""Numbers, amounts and dates of a text, however written: "24 percent" is 24%, "1,000" is 1000, "12만" is 120000.

Pure. What is told apart: plain numbers, percentages, percentage points, and amounts of the usual currencies.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass
from decimal import Decimal

Reading = tuple[str, str]
"""A value without superfluous digits, and its unit: "" for none or an unknown one."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number as a text has it, and how it may be read: "2 to 3 million" gives 2 two readings."""

    written: str
    readings: tuple[Reading, ...]


@dataclass(frozen=True, slots=True)
class PartialDate:
    """A date, or the part of one that is said; a year alone is a plain quantity."""

    year: int | None
    month: int
    day: int | None

    def says(self, other: "PartialDate") -> bool:
        """Whether everything the other date says is said here too."""
        return all(
            wanted is None or wanted == there
            for wanted, there in ((other.year, self.year), (other.month, self.month), (other.day, self.day))
        )


@dataclass(frozen=True, slots=True)
class Figures:
    """All quantities and dates of a text."""

    quantities: tuple[Quantity, ...]
    days: tuple[PartialDate, ...]

    def lacking(self, sources: Iterable["Figures"]) -> bool:
        """Whether a quantity or a date of this text stands in none of the sources."""
        sources = tuple(sources)
        days = [day for source in sources for day in source.days]
        have = {reading for source in sources for quantity in source.quantities for reading in quantity.readings}
        have |= {(str(part), "") for day in days for part in (day.year, day.day) if part is not None}
        return any(not any(there.says(day) for there in days) for day in self.days) or any(
            not any(_stands(reading, have) for reading in quantity.readings) for quantity in self.quantities
        )


def _stands(reading: Reading, have: Set[Reading]) -> bool:
    """A number without a unit may stand for an amount, not for a percentage."""
    value, unit = reading
    return reading in have or (not unit and any((value, currency) in have for currency in _CURRENCIES))


def figures(text: str) -> Figures:
    """Find the quantities and dates of a text. "One" and a month that may be a verb are left out where unsure."""
    text = unicodedata.normalize("NFKC", text)
    days: list[PartialDate] = []
    for pattern in _DATES:
        text = pattern.sub(lambda match: _take(match, days), text)
    return Figures(quantities=tuple(_quantities(text)), days=tuple(days))


# ---------------------------------------------------------------- dates

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = (
    r"(?P<name>Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?"
    r"|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)\b\.?"
)
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?(?![\d%])"
_YEAR = r"(?:,?\s(?P<year>\d{4})\b)"
_DATES = tuple(
    map(
        re.compile,
        (
            r"(?<!\d)(?P<year>\d{4})(?P<between>[-./])\s?(?P<month>\d{1,2})(?P=between)\s?(?P<day>\d{1,2})(?!\d)",
            r"(?:(?<!\d)(?P<year>\d{4})년\s?)?(?<!\d)(?P<month>\d{1,2})월(?:\s?(?P<day>\d{1,2})일)?",
            rf"(?<!\d)(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\s(?:of\s)?{_MONTH}{_YEAR}?",
            rf"\b{_MONTH}\s{_DAY}{_YEAR}?",
            rf"\b{_MONTH}{_YEAR}",
            # Alone at the beginning, "May" and "March" are verbs as often as months.
            rf"(?<!^)\b{_MONTH}",
        ),
    )
)


def _take(match: re.Match[str], days: list[PartialDate]) -> str:
    """Note a date and blank it; leave what cannot be one."""
    parts = match.groupdict()
    name = parts.get("name")
    month = _MONTHS.index(name[:3].lower()) + 1 if name else int(parts["month"])
    day = int(parts["day"]) if parts.get("day") else None
    if not 1 <= month <= 12 or (day is not None and not 1 <= day <= 31):
        return match.group()
    days.append(PartialDate(year=int(parts["year"]) if parts.get("year") else None, month=month, day=day))
    # A mark that is neither a word nor a number, so that what stood on its two sides does not become one.
    return " ; "


# ---------------------------------------------------------------- quantities

_SMALL = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_SPELLED = {word: value for value, word in enumerate(_SMALL)}
_ROUND = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_TENS = {word: 10 * value for value, word in enumerate(_ROUND, start=2)}
_NATIVE = ("한", "두", "세", "네", "다섯", "여섯", "일곱", "여덟", "아홉", "열", "열한", "열두")
_KOREAN_WORDS = {word: value for value, word in enumerate(_NATIVE, start=1)} | {"석": 3, "넉": 4}
_SCALES = {
    **{"hundred": 10**2, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12},
    **{"mn": 10**6, "bn": 10**9, "tn": 10**12},
    **{"백": 10**2, "천": 10**3, "만": 10**4, "억": 10**8, "조": 10**12},
}
_PERCENT, _POINTS = "%", "points"
_CURRENCIES = frozenset({"dollar", "euro", "pound", "yen", "won", "yuan"})
_SIGNS = {"$": "dollar", "€": "euro", "£": "pound", "¥": "yen", "₩": "won"}
_UNIT_PATTERNS = (
    (_POINTS, r"%p\b|%포인트|percentage\spoints?\b"),
    (_PERCENT, r"%|percent\b|per\scent\b|pct\b|퍼센트|프로(?![가-힣]{2})"),
    ("dollar", r"(?:us\s)?dollars?\b|usd\b|달러"),
    ("euro", r"euros?\b|eur\b|유로"),
    ("pound", r"pounds?\b|gbp\b|파운드"),
    ("yen", r"yen\b|jpy\b|엔화|엔(?![가-힣])"),
    ("won", r"won\b|krw\b|원화|원(?=[\s.,;)을이의에은과]|$)"),
    ("yuan", r"yuan\b|renminbi\b|cny\b|위안"),
)

_DIGITS = r"\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?|\d+(?:\.\d+)*"
_WORD = "|".join((*_SPELLED, *_TENS))
_UNIT = "|".join(f"(?P<unit{number}>{pattern})" for number, (_, pattern) in enumerate(_UNIT_PATTERNS))
_COUNTERS = "명|개|척|번|곳|대|권|마리|가지|달|시간|살|채|건|차례|군데"
_QUANTITY = re.compile(
    # A number within a word such as "COVID19" belongs to its name.
    rf"(?P<sign>[$€£¥₩]\s?)?(?<![a-z])(?<![a-z]\d)(?:"
    rf"(?P<korean>(?:(?:{_DIGITS})\s?[백천만억조]+\s?)+(?:\d+(?![\d.,]))?)"
    rf"|(?P<digits>{_DIGITS})"
    rf"|\b(?P<tens>{'|'.join(_TENS)})(?:[\s-](?P<ones>{'|'.join(list(_SPELLED)[1:10])}))?\b"
    rf"|\b(?P<word>{_WORD})\b"
    rf"|(?<![가-힣])(?P<native>{'|'.join(sorted(_KOREAN_WORDS, key=len, reverse=True))})\s?(?={_COUNTERS})"
    rf")(?:[\s-]?(?P<scale>hundred|thousand|million|billion|trillion|mn|bn|tn)\b)?(?:[\s-]?(?:{_UNIT}))?"
)
_RANGE = re.compile(r"\s?(?:-|–|~|to|and|or|에서|부터)\s?")


def _quantities(text: str) -> Iterator[Quantity]:
    """Yield the numbers of a text without dates; the first of a range may share scale and unit of the second."""
    text = text.lower()
    found = list(_QUANTITY.finditer(text))
    for number, match in enumerate(found):
        if match["word"] == "one" and not match["scale"] and not _unit(match):
            continue
        readings = [_reading(match, match["scale"], _unit(match))]
        after = found[number + 1] if number + 1 < len(found) else None
        if after and _RANGE.fullmatch(text, match.end(), after.start()) and not _unit(match):
            readings.append(_reading(match, match["scale"] or after["scale"], _unit(after)))
        yield Quantity(written=match.group(), readings=tuple(readings))


def _unit(match: re.Match[str]) -> str:
    for number, (name, _) in enumerate(_UNIT_PATTERNS):
        if match[f"unit{number}"]:
            return name
    return _SIGNS[match["sign"].strip()] if match["sign"] else ""


def _reading(match: re.Match[str], scale: str | None, unit: str) -> Reading:
    if match["digits"] and match["digits"].count(".") > 1:
        return match["digits"], unit
    value = _value(match) * _SCALES[scale] if scale else _value(match)
    written = format(value, "f")
    return (written.rstrip("0").rstrip(".") if "." in written else written), unit


def _value(match: re.Match[str]) -> Decimal:
    if match["korean"]:
        return _korean_value(match["korean"])
    if match["digits"]:
        return Decimal(match["digits"].replace(",", ""))
    if match["tens"]:
        return Decimal(_TENS[match["tens"]] + (_SPELLED[match["ones"]] if match["ones"] else 0))
    return Decimal(_SPELLED[match["word"]] if match["word"] else _KOREAN_WORDS[match["native"]])


def _korean_value(written: str) -> Decimal:
    """Add up "3조 5,000억", "1만 2500"; the letters after one number multiply: "5천만"."""
    total = Decimal(0)
    for digits, letters in re.findall(rf"({_DIGITS})\s?([백천만억조]*)", written):
        if digits.count(".") <= 1:
            part = Decimal(digits.replace(",", ""))
            for letter in letters:
                part *= _SCALES[letter]
            total += part
    return total
