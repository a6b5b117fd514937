"""Where a short answer begins and ends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.questions.spans import CLOSING, OPENING, meets, with_whole_figures, without_lone_marks

INSURANCE = "The insurance covers up to 10 trillion won."


def span_of(text: str, part: str) -> tuple[int, int]:
    return text.index(part), text.index(part) + len(part)


def test_a_figure_is_not_cut_in_two() -> None:
    pointed, figure = span_of(INSURANCE, "up to 10 trillion"), span_of(INSURANCE, "10 trillion won")
    start, end = with_whole_figures(pointed, [figure])
    assert INSURANCE[start:end] == "up to 10 trillion won"
    assert with_whole_figures(span_of(INSURANCE, "insurance"), [figure]) == span_of(INSURANCE, "insurance")


@pytest.mark.parametrize(
    ("pointed", "shown"),
    [
        ("Korean-style IMEC’", "Korean-style IMEC"),
        ("‘Korean-style IMEC’", "‘Korean-style IMEC’"),
        ("(the port", "the port"),
        ("the port (Tolm)", "the port (Tolm)"),
        ("「상생", "상생"),
        ("‘", ""),
    ],
)
def test_a_lone_mark_is_left_out(pointed: str, shown: str) -> None:
    start, end = without_lone_marks(pointed, (0, len(pointed)))
    assert pointed[start:end] == shown


@given(st.text('ab ‘’“”()"', max_size=20))
def test_only_marks_are_left_out_and_what_begins_or_ends_has_its_partner(text: str) -> None:
    start, end = without_lone_marks(text, (0, len(text)))
    kept = text[start:end]
    assert all(one in CLOSING or one in OPENING for one in text[:start] + text[end:])
    assert not kept or kept[0] not in CLOSING or CLOSING[kept[0]] in kept[1:]
    assert not kept or kept[-1] not in OPENING or OPENING[kept[-1]] in kept[:-1]


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 9)), max_size=4), st.integers(0, 30), st.integers(1, 9))
def test_a_wider_span_holds_the_old_one_and_what_it_met(pairs: list[tuple[int, int]], start: int, size: int) -> None:
    figures = [(at, at + length) for at, length in pairs]
    span = (start, start + size)
    low, high = with_whole_figures(span, figures)
    assert low <= span[0]
    assert span[1] <= high
    assert all(low <= a and b <= high for a, b in figures if meets(span, [(a, b)]))
