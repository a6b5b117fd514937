"""The cited articles on a line of time."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from qa.citations import Citation
from ui.page.timeline import marks_of, timeline_html
from ui.texts import ENGLISH


def cited(index: int, published: date | None) -> Citation:
    return Citation(
        index=index, answer_start=0, answer_end=1, article_id=f"{index}.md", title="", author=None, source=None,
        published=published, url=None, cited_text="x", start=0, end=1, prefix="", suffix="", article_sha256="",
        verified=True,
    )  # fmt: skip


days = st.lists(st.one_of(st.none(), st.dates(date(1990, 1, 1), date(2030, 1, 1))), max_size=6)


@given(days)
def test_every_dated_citation_stands_once_on_the_line_in_order(published: list[date | None]) -> None:
    marks = marks_of([cited(number, day) for number, day in enumerate(published, start=1)])
    known = {day for day in published if day}
    if len(known) < 2:
        assert marks == []
        return
    numbers = [number for mark in marks for number in mark.numbers]
    assert sorted(numbers) == [number for number, day in enumerate(published, start=1) if day]
    assert [mark.place for mark in marks] == sorted(mark.place for mark in marks)
    assert marks[0].place == 0
    assert all(0 <= mark.place <= 1 and mark.first <= mark.last for mark in marks)
    assert (marks[0].first, marks[-1].last) == (min(known), max(known))


def test_days_that_are_near_stand_together() -> None:
    first = date(2025, 1, 1)
    marks = marks_of([cited(1, first), cited(2, first + timedelta(days=2)), cited(3, date(2026, 1, 1))])
    assert [mark.numbers for mark in marks] == [(1, 2), (3,)]


def test_the_line_is_a_list_with_dates_and_links() -> None:
    page = timeline_html([cited(1, date(2025, 6, 23)), cited(2, date(2026, 6, 30))], 4, ENGLISH)
    assert "23 Jun 2025" in page
    assert "30 Jun 2026" in page
    assert 'href="#t4-c2"' in page
    assert timeline_html([cited(1, date(2025, 6, 23))], 4, ENGLISH) == ""
