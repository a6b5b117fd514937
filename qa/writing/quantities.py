"""The quantities and dates a sentence of the language model says, and whether its sources say them too. Pure.

However they are written: "24 percent" is 24%, "1,000" is 1000, "12만" is 120000. What is told apart: plain numbers,
percentages, percentage points, and amounts of money; "eleven months" is a plain 11.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass
from decimal import Decimal

from qa.numbers.amounts import CURRENCIES, PERCENT, POINTS, POUNDS, Amount, amounts_in
from qa.numbers.figures import MONTH
from qa.numbers.numerals import VAGUE

Reading = tuple[str, str]
"""A value without superfluous digits, and its unit: "" for none and for what is not told apart."""
Quantity = tuple[Reading, ...]
"""How a number may be read: "2 to 3 million" gives 2 two readings."""


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
class Said:
    """All quantities and dates of a text."""

    quantities: tuple[Quantity, ...]
    dates: tuple[PartialDate, ...]

    def is_lacking(self, sources: Iterable["Said"]) -> bool:
        """Whether a quantity or a date of this text stands in none of the sources."""
        sources = tuple(sources)
        dates = [date for source in sources for date in source.dates]
        have = {reading for source in sources for quantity in source.quantities for reading in quantity}
        have |= {(str(part), "") for date in dates for part in (date.year, date.day) if part is not None}
        return any(not any(there.says(date) for there in dates) for date in self.dates) or any(
            not any(_stands(reading, have) for reading in quantity) for quantity in self.quantities
        )


def _stands(reading: Reading, have: Set[Reading]) -> bool:
    """A number without a unit may stand for an amount of money, not for a percentage."""
    value, unit = reading
    return reading in have or (not unit and any((value, currency) in have for currency in CURRENCIES))


def said_in(text: str) -> Said:
    """Find the quantities and dates of a text. "One" and a month that may be a verb are left out where unsure."""
    text = unicodedata.normalize("NFKC", text)
    dates: list[PartialDate] = []
    for pattern in _DATES:
        text = pattern.sub(lambda match: _take(match, dates), text)
    versions = tuple(((match.group(), ""),) for match in _VERSION.finditer(text))
    return Said(quantities=(*versions, *_quantities(_VERSION.sub(_APART, text))), dates=tuple(dates))


# ---------------------------------------------------------------- dates

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_NAME = rf"(?P<name>{MONTH})"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?(?![\d%])"
_YEAR = r"(?:,?\s(?P<year>\d{4})\b)"
_DATES = tuple(
    map(
        re.compile,
        (
            r"(?<!\d)(?P<year>\d{4})(?P<between>[-./])\s?(?P<month>\d{1,2})(?P=between)\s?(?P<day>\d{1,2})(?!\d)",
            r"(?:(?<!\d)(?P<year>\d{4})년\s?)?(?<!\d)(?P<month>\d{1,2})월(?:\s?(?P<day>\d{1,2})일)?",
            rf"(?<!\d)(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\s(?:of\s)?{_NAME}{_YEAR}?",
            rf"\b{_NAME}\s{_DAY}{_YEAR}?",
            rf"\b{_NAME}{_YEAR}",
            # Alone at the beginning, "May" and "March" are verbs as often as months.
            rf"(?<!^)\b{_NAME}",
        ),
    )
)
# A mark that is neither a word nor a number, so that what stood on its two sides does not become one.
_APART = " ; "
_VERSION = re.compile(r"(?<![\d.])\d+(?:\.\d+){2,}")


def _take(match: re.Match[str], dates: list[PartialDate]) -> str:
    """Note a date and blank it; leave what cannot be one."""
    parts = match.groupdict()
    name = parts.get("name")
    month = _MONTHS.index(name[:3].lower()) + 1 if name else int(parts["month"])
    day = int(parts["day"]) if parts.get("day") else None
    if not 1 <= month <= 12 or (day is not None and not 1 <= day <= 31):
        return match.group()
    dates.append(PartialDate(year=int(parts["year"]) if parts.get("year") else None, month=month, day=day))
    return _APART


# ---------------------------------------------------------------- quantities

_MONEY = {currency: currency for currency in CURRENCIES} | {POUNDS: "GBP"}
_TOLD_APART = _MONEY | {PERCENT: PERCENT, POINTS: POINTS}
_RANGE = re.compile(r"\s?(?:-|–|~|to|and|or|에서|부터)\s?")


def _quantities(text: str) -> Iterator[Quantity]:
    """Yield the numbers of a text without dates; the first of a range may share scale and unit of the second."""
    found = amounts_in(text)
    for place, amount in enumerate(found):
        if _is_vague(amount):
            continue
        readings = [_reading(amount.number.value, amount.unit)]
        after = found[place + 1] if place + 1 < len(found) else None
        if after and amount.unit is None and _RANGE.fullmatch(text.lower(), amount.end, after.start):
            shared = after.number.scale if amount.number.scale == 1 else Decimal(1)
            readings.append(_reading(amount.number.value * shared, after.unit))
        yield tuple(readings)


def _is_vague(amount: Amount) -> bool:
    """Whether it is the pronoun "one", or the scale of "several million"."""
    word = amount.written.lower()
    return word in VAGUE or (word == "one" and amount.unit is None)


def _reading(value: Decimal, unit: str | None) -> Reading:
    written = format(value, "f")
    return (written.rstrip("0").rstrip(".") if "." in written else written), _TOLD_APART.get(unit or "", "")
