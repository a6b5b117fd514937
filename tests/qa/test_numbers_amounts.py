"""Every number of a text is read once, with its value, what its last digit stands for, and its unit."""

import itertools
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qa.numbers.amounts import amounts_in
from qa.numbers.numerals import from_digits, from_korean, from_words


def test_numerals() -> None:
    assert from_digits("1.5", "million").step == 100_000
    assert from_korean("12만").value == 120_000
    assert from_korean("1.5만").value == 15_000
    assert from_korean("1천2백만").value == 12_000_000
    assert from_words("two hundred and fifty thousand three hundred and one").value == 250_301
    assert from_words("two million").scale == 1_000_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("In 2026, 19 of COVID-19", [("2026", None), ("19", None), ("19", None)]),
        ("COVID19 and G20", []),
        ("$4.2BN, 24 Percent", [("4200000000", "USD"), ("24", "%")]),
        ("500 pounds, £5, five pounds sterling", [("500", "pounds"), ("5", "GBP"), ("5", "GBP")]),
        ("between five and ten ships", [("5", None), ("10", None)]),
        ("twenty-five to three hundred and ten", [("25", None), ("310", None)]),
        ("a dozen; one hundred thousand and six", [("12", None), ("100006", None)]),
        ("1만1,000명, 1만2500명, 1만 2,500원", [("11000", "person"), ("12500", "person"), ("12500", "KRW")]),
        ("9만 9000주, 민법 766조 1항", [("99000", None), ("766000000000000", None), ("1", None)]),
        ("3만 2025년에", [("30000", None), ("2025", "month")]),
        ("두 달, 열두 척, 세 명으로, 한 대표는", [("2", "month"), ("12", ""), ("3", "person")]),
        ("millions of people, 한국, 한편, 석권", []),
    ],
)
def test_numbers_and_units(text: str, expected: list[tuple[str, str | None]]) -> None:
    assert [(amount.number.value, amount.unit) for amount in amounts_in(text)] == [
        (Decimal(value), unit) for value, unit in expected
    ]


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=200) | st.text(alphabet="0123456789,.-–조억만천 원개%$ain", max_size=60))
def test_any_text_is_read_and_spans_are_in_order(text: str) -> None:
    found = amounts_in(text)
    assert all(0 <= amount.start < amount.number_end <= amount.end <= len(text) for amount in found)
    assert all(before.end <= after.start for before, after in itertools.pairwise(found))
