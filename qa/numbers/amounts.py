"""The one reader of numbers: each number of a text with its sign, scale and unit, in English and Korean. Pure.

Narrow patterns. The libraries there are do not fit: quantulum3 brings a classifier and reads English only, text2num
rewrites the text, so that offsets are lost, and neither knows 3조 5천억.

All numbers are found, those of years and names too: "COVID-19" holds 19. Who asks leaves out what is none of theirs.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from qa.numbers.numerals import (
    DIGITS,
    KOREAN_PART,
    NATIVE,
    NUMBER_AHEAD,
    SCALES,
    SPELLED,
    Number,
    from_digits,
    from_korean,
    from_words,
)

Form = Literal["digits", "korean", "words", "native"]

COUNT, PERCENT, POINTS = "", "%", "points"
# "500 pounds" may be money or a weight.
POUNDS = "pounds"
CURRENCIES = frozenset({"KRW", "USD", "EUR", "GBP", "JPY", "CNY"})


@dataclass(frozen=True, slots=True)
class Amount:
    """A number where it stands: `start`, `end` with sign, scale and unit, `number_end` without the unit.

    `number` is what is written, the scale included. `unit` is "%", "points", a currency code, "pounds", a base unit
    ("month", "day", "m", "kg", …), "times", "person" for 명, "" for a counter of things, None without any; times
    `factor` the number is in that unit: 12 for "years". `is_signed`: "$5", not "5 dollars".
    """

    start: int
    end: int
    number_end: int
    form: Form
    written: str
    number: Number
    unit: str | None
    factor: Decimal
    is_signed: bool


def amounts_in(text: str) -> list[Amount]:
    """Return the numbers of a text, in order and apart."""
    return [_amount(match) for match in _AMOUNT.finditer(text)]


_COUNTER = "개국|개사|개소|개교|명|곳|개|대|건|권|마리|척|채|편|종|점|그루|가구|군데|가지|차례|번|회|장|팀"
_COUNTED = rf"(?:{_COUNTER}|달|시간|살)(?![가-힣]{{2}}(?<!으로|에서|에게|까지|부터|이다|이며|이고|이상|이하|정도|가량))"

# Pattern, unit, and how many of that unit it is. Symbols are as they are written, words in any case.
_UNITS: tuple[tuple[str, str, Decimal], ...] = tuple(
    (pattern, unit, Decimal(factor))
    for pattern, unit, factor in (
        (r"%p\b|%\s?포인트|(?i:percentage\spoints?)\b", POINTS, "1"),
        (r"%|(?i:percent|per\scent|pct)\b|퍼센트|프로(?![가-힣]{2})", PERCENT, "1"),
        (r"(?i:won|KRW)\b|원화|원(?![가-힣]{2}(?<!까지|으로|에서|이다|어치|규모))", "KRW", "1"),
        (r"(?i:(?:US\s)?dollars?|USD)\b|달러", "USD", "1"),
        (r"(?i:euros?|EUR)\b|유로", "EUR", "1"),
        (r"(?i:pounds?\ssterling|GBP)\b|파운드", "GBP", "1"),
        (r"(?i:pounds?)\b", POUNDS, "1"),
        (r"(?i:yen|JPY)\b|엔화|엔(?=[을이의에은과]?(?![가-힣]))", "JPY", "1"),
        (r"(?i:yuan|renminbi|CNY)\b|위안", "CNY", "1"),
        (r"(?i:years?)\b|년(?:간)?(?![가-힣]{2})|살|세(?=[의가이는로 .,]|$)", "month", "12"),
        (r"(?i:months?)\b|개월|달(?=[간이에의 .,]|$)", "month", "1"),
        (r"(?i:weeks?)\b|주(?:간|일)", "day", "7"),
        (r"(?i:days?)\b|일(?:간|\s?동안|\s?만에|\s?이내)", "day", "1"),
        (r"(?i:hours?)\b|시간", "minute", "60"),
        (r"(?i:minutes?)\b|분(?:간|\s?동안|\s?만에|\s?이내)", "minute", "1"),
        (r"(?i:seconds?)\b|초(?=[간의 .,]|$)", "second", "1"),
        (r"(?i:kilomet(?:er|re)s?)\b|km\b|㎞|킬로미터", "m", "1000"),
        (r"(?i:miles?)\b|마일", "m", "1609.344"),
        (r"(?i:met(?:er|re)s?)\b|m\b|미터", "m", "1"),
        (r"(?i:(?:metric\s)?ton(?:ne)?s?)\b|톤", "kg", "1000"),
        (r"(?i:kilograms?)\b|kg\b|㎏|킬로그램", "kg", "1"),
        (r"(?i:gigawatts?)\b|GW\b|기가와트", "MW", "1000"),
        (r"(?i:megawatts?)\b|MW\b|메가와트", "MW", "1"),
        (r"(?i:times\b|-?fold\b)|배(?=[로의가나 .,]|$)", "times", "1"),
        (r"명", "person", "1"),
        (_COUNTER, COUNT, "1"),
    )
)
_SIGNS = {"$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "₩": "KRW"}
_UNIT = "|".join(f"(?P<u{place}>{pattern})" for place, (pattern, _, _) in enumerate(_UNITS))
_ANY_UNIT = "|".join(pattern for pattern, _, _ in _UNITS)
# What is left below the last scale: "1만2500", "1만 2,500명"; not the year in "1만 2025년형", nor 5 in "7조 5항".
_REST = (
    rf"\s?(?:(?=[\d,]{{3}}){DIGITS}|{DIGITS}(?=\s?(?:{_ANY_UNIT})))"
    r"(?!\d|[.,]\d|\s?년|\s?여?[십백천만억조])"
)
_NATIVE = rf"(?<![가-힣])(?:{'|'.join(sorted(NATIVE, key=len, reverse=True))})(?=\s?{_COUNTED})"
_AMOUNT = re.compile(
    # A number within a word such as "COVID19" belongs to its name.
    rf"(?P<sign>[$€£¥₩]\s?)?(?<![A-Za-z\d]){NUMBER_AHEAD}(?P<number>"
    rf"(?P<korean>{KOREAN_PART}(?:\s?{KOREAN_PART})*(?:{_REST})?)"
    rf"|(?P<digits>{DIGITS})(?:[\s-]?(?P<scale>(?i:{'|'.join(SCALES)}))\b)?"
    rf"|(?P<words>{SPELLED})"
    # "한편" is "meanwhile", "석권" a sweep.
    rf"|(?!한편|석권)(?P<native>{_NATIVE})"
    rf")(?:[\s-]?여)?(?:[\s-]?(?:{_UNIT}))?"
)


def _amount(match: re.Match[str]) -> Amount:
    form, number = _number(match)
    unit, factor = _unit_of(match)
    return Amount(
        start=match.start(),
        end=match.end(),
        number_end=match.end("number"),
        form=form,
        written=match["number"],
        number=number,
        unit=unit,
        factor=factor,
        is_signed=bool(match["sign"]),
    )


def _number(match: re.Match[str]) -> tuple[Form, Number]:
    if match["korean"]:
        return "korean", from_korean(match["korean"])
    if match["digits"]:
        return "digits", from_digits(match["digits"], match["scale"])
    if match["native"]:
        return "native", Number(NATIVE[match["native"]])
    return "words", from_words(match["words"])


def _unit_of(match: re.Match[str]) -> tuple[str | None, Decimal]:
    for place, (_, unit, factor) in enumerate(_UNITS):
        if match[f"u{place}"]:
            return unit, factor
    return (_SIGNS[match["sign"].strip()] if match["sign"] else None), Decimal(1)
