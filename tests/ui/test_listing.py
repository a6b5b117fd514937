"""The list of articles without a page: search, order, pages, counts; and how they are drawn."""

import dataclasses
import html
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ui.records import make_article
from ui.page.charts import charts_html
from ui.page.holdings import articles_html, facets_html, written_month
from ui.page.listing import (
    PAGE_ROWS,
    SORTS,
    UNDATED,
    Row,
    View,
    folded,
    language_shares,
    month_shares,
    read_view,
    select,
    source_shares,
    time_shares,
)
from ui.texts import ENGLISH, KOREAN


def make_row(title: str, source: str | None, published: date | None, passages: int = 1, folder: str = "") -> Row:
    article = dataclasses.replace(make_article(title), id=folder + title, source=source, published=published)
    return Row(article, passages, (), folded(f"{title}\n{source or ''}"))


TITLES = st.sampled_from(["Ferry", "Bridge", "여객선", "다리", "école", "<b>"])
ROWS = st.lists(
    st.builds(
        make_row,
        TITLES,
        st.sampled_from([None, "Post", "Gazette", "한글신문"]),
        st.none() | st.dates(date(1990, 1, 1), date(2026, 12, 31)),
        st.integers(0, 9),
        st.sampled_from(["", "policy/", "policy/2025/"]),
    ),
    max_size=2 * PAGE_ROWS + 5,
)
VIEWS = st.builds(
    View,
    text=st.sampled_from(["", "fer", "ECOLE", "여객서", "post  bridge", "nothing"]),
    source=st.sampled_from(["", "Post"]),
    collection=st.sampled_from(["", "policy", "policy/2025", "nowhere"]),
    month=st.sampled_from(["", UNDATED, "2026", "2026-01"]),
    sort=st.sampled_from(SORTS),
    descending=st.booleans(),
    page=st.integers(-3, 9),
)


@settings(max_examples=60, deadline=None)
@given(ROWS, VIEWS)
def test_the_pages_of_a_view_are_what_it_leaves_each_once_in_order(rows: list[Row], view: View) -> None:
    first = select(rows, dataclasses.replace(view, page=1))
    pages = [select(rows, dataclasses.replace(view, page=page)) for page in range(1, first.pages + 1)]
    found = [row for page in pages for row in page.rows]
    assert len(found) == first.total
    assert all(len(page.rows) == PAGE_ROWS for page in pages[:-1])
    assert 1 <= select(rows, view).page <= first.pages
    wanted = folded(view.text).split()
    left = [row for row in rows if all(word in row.key for word in wanted) and row.month.startswith(view.month)]
    left = [row for row in left if f"{row.article.id}".startswith(view.collection and f"{view.collection}/")]
    assert sorted(map(id, found)) == sorted(id(row) for row in left if view.source in ("", row.article.source))
    if view.sort == "published":
        dates = [row.article.published for row in found]
        known = [day for day in dates if day]
        assert known == sorted(known, reverse=view.descending)
        assert dates[: len(known)] == known


@pytest.mark.parametrize(
    ("typed", "title"), [("소", "솔트미어"), ("여객서", "여객선"), ("CAFE", "Café"), ("é", "École")]
)
def test_half_a_syllable_and_a_missing_accent_are_found(typed: str, title: str) -> None:
    assert folded(typed) in folded(title)


def test_deleted_articles_are_left_out() -> None:
    rows = [make_row("Ferry", None, None), make_row("Bridge", None, None)]
    assert [row.article.title for row in select(rows, View(), {"Ferry"}).rows] == ["Bridge"]


@given(st.text())
def test_whatever_the_page_sends_is_a_view(text: str) -> None:
    assert isinstance(read_view(text), View)


def test_a_view_is_read_strictly() -> None:
    assert read_view('{"text": "a", "page": 2, "descending": false}') == View(text="a", page=2, descending=False)
    assert read_view('{"sort": "secret"}') == read_view('{"page": "2"}') == read_view("[]") == View()


@settings(max_examples=60, deadline=None)
@given(ROWS)
def test_shares_add_up_to_all_articles(rows: list[Row]) -> None:
    for shares in (source_shares(rows), source_shares(rows, 1), language_shares(rows), month_shares(rows)):
        assert sum(share.count for share in shares) == len(rows)
    over_time = time_shares(rows)
    assert sum(share.count for share in over_time) == len(rows)
    assert len([share for share in over_time if share.kind == "value"]) <= 24
    values = [share.value for share in over_time if share.kind == "value"]
    assert values == sorted(set(values))


def test_months_without_an_article_are_shown_and_many_months_are_years() -> None:
    rows = [make_row("a", None, date(2025, 11, 3)), make_row("b", None, date(2026, 2, 1))]
    assert [(one.value, one.count) for one in time_shares(rows)] == [
        ("2025-11", 1), ("2025-12", 0), ("2026-01", 0), ("2026-02", 1),
    ]  # fmt: skip
    rows.append(make_row("c", None, date(2019, 1, 1)))
    assert [one.value for one in time_shares(rows)] == [str(year) for year in range(2019, 2027)]
    rows.append(make_row("d", None, date(1950, 1, 1)))
    assert (time_shares(rows)[0].kind, time_shares(rows)[0].count) == ("rest", 1)


@pytest.mark.parametrize(
    ("value", "english", "korean"),
    [
        ("2026-02", "Feb 2026", "2026년 2월"),
        ("2024-12", "Dec 2024", "2024년 12월"),
        ("2026", "2026", "2026년"),
        (UNDATED, "date unknown", "날짜 모름"),
        ("9999-12", "Dec 9999", "9999년 12월"),
    ],
)
def test_months_are_written(value: str, english: str, korean: str) -> None:
    assert written_month(ENGLISH, value) == english
    assert written_month(KOREAN, value) == korean


def test_the_order_is_said_in_the_heads_of_the_columns() -> None:
    rows = [make_row("Ferry", "Post", date(2026, 1, 1), 3)]
    table = articles_html(select(rows, View()), View(sort="title", descending=False), ENGLISH, held=1)
    assert table.count("aria-sort") == 1
    assert 'class="fn-col-title" aria-sort="ascending"' in table
    assert "1 article<" in table


def test_a_long_list_has_pages_and_an_empty_one_says_why() -> None:
    rows = [make_row(f"Ferry {number}", "Post", None) for number in range(PAGE_ROWS + 1)]
    first = articles_html(select(rows, View()), View(), ENGLISH, held=len(rows))
    assert first.count('aria-disabled="true"') == 1
    assert f"1–{PAGE_ROWS} of {PAGE_ROWS + 1}" in first
    none = View(text="nothing")
    assert ENGLISH.clear_search in articles_html(select(rows, none), none, ENGLISH, held=len(rows))
    assert ENGLISH.no_articles in articles_html(select([], View()), View(), ENGLISH, held=0)


def test_collections_are_chosen_from_and_shown_where_there_are_some() -> None:
    rows = [make_row("Lamps", None, None, folder="policy/2025/"), make_row("Boats", None, None)]
    view = View(collection="policy")
    facets = html.unescape(facets_html(rows, view, ENGLISH))
    assert '<option value="policy" selected>policy (1)</option>' in facets
    assert '<option value="policy/2025">policy/2025 (1)</option>' in facets
    assert ENGLISH.any_collection not in facets_html(rows[1:], View(), ENGLISH)
    assert view.is_narrowed
    assert [row.article.title for row in select(rows, view).rows] == ["Lamps"]
    drawn = html.unescape(articles_html(select(rows, View()), View(), KOREAN, held=2))
    assert drawn.count("fn-collection") == 1
    assert f"{KOREAN.collection} </span>policy/2025</p>" in drawn


def test_hostile_names_stay_text() -> None:
    rows = [
        make_row("<img src=x>", '"><b>', date(2026, 1, 1), folder='"><b>/<img>/'),
        make_row("{{x}}", "${1}", None, folder="${1}/"),
    ]
    view = View(month="2026")
    drawn = articles_html(select(rows, View()), View(), ENGLISH, held=2)
    drawn += facets_html(rows, view, ENGLISH) + charts_html(rows, KOREAN)
    assert "<img" not in drawn
    assert '"><b>' not in drawn
    assert "{{" not in drawn
    assert "${" not in drawn
    assert '<option value="2026" selected>2026 (1)</option>' in drawn
