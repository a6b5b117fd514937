"""Amounts are read with their unit and what they count; dates, ordinals and names are no amounts."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qa.numbers.figures import Figure, agree, figures_in

AMOUNTS = [
    ("1,000 AI-integrated factories by 2030", [("1,000", 1000, "")]),
    ("grow to 500 by 2030, up from 26 in 2024", [("500", 500, ""), ("26", 26, "")]),
    ("$3.2 billion, or 130 trillion won", [("$3.2 billion", 3.2e9, "USD"), ("130 trillion won", 1.3e14, "KRW")]),
    ("24% of them, 24 per cent", [("24%", 24, "%"), ("24 per cent", 24, "%")]),
    ("five hundred people; twenty-four ferries", [("five hundred", 500, ""), ("twenty-four", 24, "")]),
    ("a dozen boats, a hundred and fifty men", [("a dozen", 12, ""), ("a hundred and fifty", 150, "")]),
    ("eleven months, five-year plan", [("eleven months", 11, "month"), ("five-year", 60, "month")]),
    ("310 tonnes of honey, 19 km", [("310 tonnes", 310_000, "kg"), ("19 km", 19_000, "m")]),
    ("3조 5천억 원을 투자한다", [("3조 5천억 원", 3.5e12, "KRW")]),
    ("1만1,000명, 공장 1천 개", [("1만1,000명", 11_000, "person"), ("1천 개", 1000, "")]),
    ("4,800억원(약 3억4,900만 달러)", [("4,800억원", 4.8e11, "KRW"), ("3억4,900만 달러", 3.49e8, "USD")]),
    ("a driver\n16-year-old and zero emissions", [("16-year", 192, "month")]),
    ("3개월 동안, 5년간, 두 명", [("3개월", 3, "month"), ("5년간", 60, "month"), ("두 명", 2, "person")]),
]
NO_AMOUNTS = [
    "On December 18, 2025, at 09:47, in 2024 and by the 14th of May 2030",
    "2030년까지, 9월 18일, 15일, 제14차 회의, 두 번째",
    "COVID-19, G20, 5G, Boeing 747 and F-16",
    "a 3-2 win, 10-15%, 6 to 12 ferries",
    "1. Introduction",
    "one of them, in the 1990s, a two-storey house",
    "2025-06-23 or 2025.6.23",
    "fields :7–12:44 there",
]


@pytest.mark.parametrize(("text", "expected"), AMOUNTS)
def test_amounts(text: str, expected: list[tuple[str, float, str]]) -> None:
    found = figures_in(text)
    assert [(text[one.start : one.end], one.unit) for one in found] == [(value, unit) for value, _, unit in expected]
    assert [one.amount for one in found] == pytest.approx([amount for _, amount, _ in expected])


@pytest.mark.parametrize("text", NO_AMOUNTS)
def test_what_is_no_amount(text: str) -> None:
    assert figures_in(text) == []


@pytest.mark.parametrize(
    ("text", "qualifier"),
    [
        ("more than 1,000 experts", "at least"),
        ("up to 10 billion won", "at most"),
        ("nearly 480 billion won", "about"),
        ("1,000명 이상", "at least"),
        ("약 500곳", "about"),
        ("50여 명", "about"),
        ("최대 100억원", "at most"),
        ("500 plants", "exactly"),
    ],
)
def test_qualifiers(text: str, qualifier: str) -> None:
    assert [figure.qualifier for figure in figures_in(text)] == [qualifier]


@pytest.mark.parametrize(
    ("text", "counted"),
    [
        ("1,000 AI-integrated factories by 2030", ("ai", "integr", "factori")),
        ("expand the number of AI factory plants to 500 by 2030", ("ai", "factori", "plant")),
        ("2024년 26곳이던 AI 공장을 2030년 500곳까지 늘린다", ("ai", "공장")),
        ("도서관에는 책 12만 권이 있다", ("책",)),
    ],
)
def test_what_is_counted(text: str, counted: tuple[str, ...]) -> None:
    assert figures_in(text)[-1].counted == counted


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("1,000 plants", "one thousand plants", True),
        ("24%", "24.3%", True),
        ("25 trillion won", "25.3 trillion won", True),
        ("about 500 sheep", "498 sheep", True),
        ("500 sheep", "498 sheep", False),
        ("more than 1,000 experts", "1,200 experts", True),
        ("more than 1,000 experts", "5,000 experts", False),
        ("up to 10 billion won", "7 billion won", True),
        ("up to 10 billion won", "up to 20 billion won", False),
        ("one year", "eight months", False),
        ("one year", "12 months", True),
    ],
)
def test_agreement(one: str, other: str, expected: bool) -> None:
    assert agree(_only(one), _only(other)) is expected
    assert agree(_only(other), _only(one)) is expected
    assert agree(_only(one), _only(one))


def _only(text: str) -> Figure:
    (figure,) = figures_in(text)
    return figure


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=200) | st.text(alphabet="0123456789,.-–조억만천 원개%$ain", max_size=60))
def test_any_text_is_read_and_spans_are_in_order(text: str) -> None:
    spans = [(figure.start, figure.end) for figure in figures_in(text)]
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(spans))


@given(st.integers(2, 10**7))
@settings(max_examples=60, deadline=None)
def test_a_number_is_read_however_it_is_written(number: int) -> None:
    for written in (f"{number:,} plants", f"공장 {number:,}곳"):
        assert [figure.amount for figure in figures_in(written)] == [number]
