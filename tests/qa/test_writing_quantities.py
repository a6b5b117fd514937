import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qa.writing.quantities import PartialDate, said_in


@pytest.mark.parametrize(
    ("text", "readings"),
    [
        ("1,000 firms", ("1000", "")),
        ("24 percent", ("24", "%")),
        ("24%", ("24", "%")),
        ("24 per cent", ("24", "%")),
        ("24퍼센트", ("24", "%")),
        ("3 percentage points", ("3", "points")),
        ("3%p", ("3", "points")),
        ("eleven months", ("11", "")),
        ("twenty-five boats", ("25", "")),
        ("one million won", ("1000000", "KRW")),
        ("$4.2bn", ("4200000000", "USD")),
        ("4.20 million crowns", ("4200000", "")),
        ("12만 권", ("120000", "")),
        ("3조 5,000억 원", ("3500000000000", "KRW")),
        ("5천만 달러", ("50000000", "USD")),
        ("1만2500명", ("12500", "")),
        ("여섯 척", ("6", "")),
        ("2026년", ("2026", "")),
        ("３０ boats", ("30", "")),
    ],
)
def test_a_number_is_read(text: str, readings: tuple[str, str]) -> None:
    found = said_in(text)
    assert found.quantities == ((readings,),)
    assert found.dates == ()


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("on 31 January 2026", PartialDate(2026, 1, 31)),
        ("on Jan. 31, 2026", PartialDate(2026, 1, 31)),
        ("on 2026-01-31", PartialDate(2026, 1, 31)),
        ("2026. 1. 31.", PartialDate(2026, 1, 31)),
        ("2026년 1월 31일", PartialDate(2026, 1, 31)),
        ("1월 31일", PartialDate(None, 1, 31)),
        ("the 31st of January", PartialDate(None, 1, 31)),
        ("in January 2026", PartialDate(2026, 1, None)),
        ("in January", PartialDate(None, 1, None)),
    ],
)
def test_a_date_is_read(text: str, day: PartialDate) -> None:
    found = said_in(text)
    assert found.dates == (day,)


@pytest.mark.parametrize(
    "text", ["one of them", "May we go", "no figure", "COVID19", "millions of people", "3월드컵"[1:]]
)
def test_what_is_no_figure(text: str) -> None:
    assert said_in(text) == said_in("")


@pytest.mark.parametrize(
    ("said", "source", "lacking"),
    [
        ("2026", "on 31 January 2026", False),
        ("in January", "on 31 January 2026", False),
        ("on 31 January 2026", "in January", True),
        ("24", "24 percent", True),
        ("24 percent", "24", True),
        ("between 2% and 3%", "2 to 3 percent", False),
        ("2 million", "2 to 3 million", False),
        ("500", "500 dollars", False),
        ("500 dollars", "500 won", True),
        ("one of four", "four", False),
        ("one million", "four", True),
        ("nothing", "four", False),
    ],
)
def test_what_is_lacking(said: str, source: str, lacking: bool) -> None:
    assert said_in(said).is_lacking([said_in(source)]) == lacking


@given(st.integers(0, 10**15))
@settings(deadline=None)
def test_separators_do_not_matter(number: int) -> None:
    assert said_in(f"It is {number:,} now.").quantities[0] == said_in(f"It is {number} now.").quantities[0]


@given(st.text(max_size=80))
@settings(deadline=None)
def test_no_text_lacks_its_own_said_in(text: str) -> None:
    found = said_in(text)
    assert not found.is_lacking([found])
    assert not found.quantities or found.is_lacking([])
