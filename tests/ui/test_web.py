"""The page without a browser: what is served, with which headers, and what its events answer."""

import re
import stat
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from indexer.errors import IndexMissingError, UsageError
from qa.library import Library
from qa.retrieval import Filters
from tests.ui.conftest import Place
from ui.ask_tab import Desk
from ui.examples import example_questions, turned_around
from ui.library_tab import add_files, articles_html, job_html, status_html
from ui.texts import ENGLISH, KOREAN


@pytest.fixture(scope="module")
def client(served: Place) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=served.address) as plain:
        yield plain


def test_the_way_in(client: httpx.Client) -> None:
    home = client.get("/")
    assert home.status_code == 307
    assert home.headers["location"] == "ui/"
    page = client.get("/ui/")
    assert page.status_code == 200
    policy = page.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "http" not in policy
    icon = client.get("/favicon.ico")
    assert icon.headers["content-type"].startswith("image/svg+xml")


def test_an_article_page_marks_its_slice(client: httpx.Client, place: Place) -> None:
    article = place.library.generation.articles["ferry.md"]
    start = article.text.index("A single ticket")
    address = f"/articles/ferry.md?start={start}&end={start + 15}"
    page = client.get(address)
    assert '<mark id="mark" tabindex="-1">A single ticket</mark>' in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'none'; style-src 'unsafe-inline'")
    assert ENGLISH.changed_since not in page.text
    assert ENGLISH.changed_since in client.get(f"{address}&sha=0000").text
    assert KOREAN.back_to_footnote in client.get(address, headers={"accept-language": "ko"}).text


@pytest.mark.parametrize(
    "query", ["", "?start=5", "?start=9&end=3", "?start=0&end=99999999", "?start=-1&end=5", "?start=x&end=<script>"]
)
def test_an_odd_slice_marks_nothing(client: httpx.Client, query: str) -> None:
    page = client.get(f"/articles/ferry.md{query}")
    assert page.status_code == 200
    assert "<mark" not in page.text
    assert "<script" not in page.text


@pytest.mark.parametrize(
    "name", ["gone.md", "../pyproject.toml", "%2e%2e/secret", "<script>alert(1)</script>", "a" * 900]
)
def test_an_article_that_is_not_there(client: httpx.Client, name: str) -> None:
    page = client.get(f"/articles/{name}")
    assert page.status_code in (404, 307)
    assert "<script>alert" not in page.text


def test_uploads_go_to_a_folder_of_ones_own(served: Place) -> None:
    (folder,) = served.temporary.glob("footnote-uploads-*")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_nothing_of_gradio_calls_home_or_is_offered_to_the_public(client: httpx.Client, served: Place) -> None:
    config = client.get("/ui/config").json()
    assert config["analytics_enabled"] is False
    assert config["footer_links"] == []
    assert not [one["type"] for one in config["components"] if one["type"] == "state"]
    assert all(one["api_visibility"] == "private" for one in config["dependencies"])


def test_no_component_has_a_template_of_its_own(client: httpx.Client) -> None:
    components = client.get("/ui/config").json()["components"]
    templates = {one["props"].get("html_template") for one in components if one["type"] == "html"}
    assert templates == {"${value}"}


def test_the_status_line_says_what_waits(place: Place) -> None:
    # The browser tests may have added one, and this library may have noticed.
    articles = len(place.library.generation.articles)
    assert articles in (4, 5)
    assert f"{articles} articles" in status_html(place.library, ENGLISH)
    assert "index gen&#45;00000" in status_html(place.library, ENGLISH)
    assert f"기사 {articles}건" in status_html(place.library, KOREAN)


def test_the_table_has_every_article_and_no_markup_of_theirs(place: Place) -> None:
    table = articles_html(place.library, ENGLISH)
    assert table.count("<tr>") == 1 + len(place.library.generation.articles)
    assert "<img" not in table


def test_a_library_without_an_index_says_so(place: Place) -> None:
    empty = Library(place.settings.model_copy(update={"index": place.settings.index / "none"}), place.library.embedder)
    assert "There is no index yet" in status_html(empty, ENGLISH)
    assert "색인이 없습니다" in articles_html(empty, KOREAN)
    assert job_html(None, ENGLISH) == ""


def test_too_many_files_are_refused_and_removed(place: Place, tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.txt" for number in range(place.settings.max_upload_files + 1)]
    for path in paths:
        path.write_text("A sentence.")
    shown = add_files(place.library, [str(path) for path in paths], ENGLISH, folder=tmp_path)
    assert "at most 20" in shown
    assert not [path for path in paths if path.exists()]
    assert not list(place.settings.corpus.glob("[0-9]*.txt"))


def test_a_file_outside_the_upload_folder_is_neither_read_nor_removed(place: Place, tmp_path: Path) -> None:
    outside, folder = tmp_path / "secret.txt", tmp_path / "uploads"
    outside.write_text("A secret sentence.")
    folder.mkdir()
    shown = add_files(place.library, [str(outside), f"{folder}/../secret.txt"], ENGLISH, folder=folder)
    assert "secret" not in shown
    assert outside.exists()
    assert not (place.settings.corpus / "secret.txt").exists()


def test_a_library_that_is_not_there_answers_in_words(place: Place) -> None:
    desk = Desk(Library(place.settings, place.library.embedder), place.settings)
    with pytest.raises(IndexMissingError):
        desk.answer("Who?", [], Filters())
    assert desk.examples(ENGLISH) == []
    assert desk.waiting_line(ENGLISH) == "…"


def test_a_conversation_is_held_by_tokens_and_forgets_what_it_does_not_know(place: Place) -> None:
    desk = Desk(place.library, place.settings)
    first = desk.answer("How much does a single ferry ticket cost?", None, Filters())
    both = desk.answer("Who won the football world cup?", first, Filters())
    assert both[0] == first[0]
    assert [item.turn for item in desk.conversation(both)] == [1, 2]
    assert [item.turn for item in desk.conversation(["made up", both[1]])] == [2]


@pytest.mark.parametrize(
    ("date_from", "date_to", "problem"),
    [("31.1.2026", "", "“31.1.2026” is not a date"), ("2026-02-01", "2026-01-01", "later"), ("", "<b>", "“<b>”")],
)
def test_filters_that_cannot_be_used_are_refused_in_words(
    place: Place, date_from: str, date_to: str, problem: str
) -> None:
    with pytest.raises(UsageError, match=re.escape(problem)):
        Desk(place.library, place.settings).check("", date_from, date_to, [], [], ENGLISH)


def test_too_long_a_question_is_refused(place: Place) -> None:
    with pytest.raises(UsageError, match="longer than 4000"):
        Desk(place.library, place.settings).check("x" * 4001, "", "", [], [], ENGLISH)


def test_examples_are_answered_by_the_sentence_they_are_made_of(place: Place) -> None:
    with place.library.lease() as answerer:
        for language in ("en", "ko"):
            questions = example_questions(answerer, language)
            assert questions
            assert all(answerer.answer(question).outcome == "answered" for question in questions)
        assert example_questions(answerer, "und") == []


@pytest.mark.parametrize(
    ("sentence", "language", "question"),
    [
        ("POSCO reported that it uses AI to work out the best mix.", "en", "What did POSCO report?"),
        ("The council approved a new budget of 4 million crowns.", "en", "What did the council approve?"),
        ("The government will also develop an ultra-precise model.", "en", "What will the government develop?"),
        ("He said that the new pier will cost four million.", "en", None),
        ("This announced the end of the long negotiations there.", "en", None),
        ("Boats cross the bay.", "en", None),
        ("산업통상자원부는 새로운 사업을 곧 시작한다고 밝혔다.", "ko", "산업통상자원부는 무엇을 밝혔나요?"),
        ("그는 새로운 사업을 곧 시작한다고 밝혔다.", "ko", None),
        ("또 피지컬 AI가 산업 생산성을 높이는 사업을 시작한다고 밝혔다.", "ko", None),
        ("POSCO reported that it uses AI to work out the best mix.", "fr", None),
    ],
)
def test_a_sentence_is_turned_around_only_when_that_is_sure(sentence: str, language: str, question: str | None) -> None:
    assert turned_around(sentence, language) == question
