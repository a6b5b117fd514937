"""The page without a browser: what is served, with which headers, and what its events answer."""

import re
import stat
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import httpx
import pytest

from indexer.build import build
from indexer.embedding import SentenceTransformerEmbedder
from indexer.errors import IndexMissingError, UsageError
from qa.jobs import Job
from qa.library import Library, LibraryState
from qa.retrieval import Filters
from qa.shelf import Pending
from tests.ui.conftest import Place
from ui.page.adding import adding_html, script_words_html
from ui.page.desk import CHOSEN, Desk
from ui.page.examples import example_questions, turned_around
from ui.page.holdings import filter_choices, problems_html
from ui.page.library import LibraryTab
from ui.page.listing import View
from ui.page.rebuilding import job_html, status_html
from ui.texts import ENGLISH, KOREAN, Words


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


def test_the_page_is_sent_packed(client: httpx.Client) -> None:
    answer = client.get("/ui/", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert int(answer.headers["content-length"]) < 60_000


def test_no_component_has_a_template_of_its_own(client: httpx.Client) -> None:
    components = client.get("/ui/config").json()["components"]
    templates = {one["props"].get("html_template") for one in components if one["type"] == "html"}
    assert templates == {"${value}"}


def test_the_status_line_says_what_waits(place: Place) -> None:
    # The browser tests may have added some, and this library may have noticed.
    articles = len(place.library.generation.articles)
    assert articles >= 4
    assert f"{articles} articles" in status_html(place.library, ENGLISH)
    assert "index gen&#45;00000" in status_html(place.library, ENGLISH)
    assert f"기사 {articles}건" in status_html(place.library, KOREAN)


def shelves(library: Library, words: Words = ENGLISH) -> str:
    """Everything that the tab shows of a library, one after another."""
    return "".join(LibraryTab(library, library.settings).index_values(words, View()))


def test_the_table_has_every_article_and_no_markup_of_theirs(place: Place) -> None:
    shown = shelves(place.library)
    # The browser tests may have deleted one whose rebuild is still to come; it is not listed.
    assert shown.count("fn-delete") == len(place.library.generation.articles) - len(place.library.pending().gone)
    assert "<img" not in shown


def test_a_problem_says_what_to_do(place: Place) -> None:
    shown = problems_html(place.library, KOREAN)
    assert "broken&#46;txt" in shown
    assert KOREAN.advice_empty in shown
    assert "(The file is empty" not in problems_html(place.library, ENGLISH)


def test_a_library_without_an_index_says_what_to_do(place: Place, tmp_path: Path) -> None:
    settings = place.settings.model_copy(update={"index": tmp_path / "none"})
    ready = Library(settings, place.library.embedder)
    assert "There is no index yet" in status_html(ready, ENGLISH)
    assert "색인을 만들면 질문할 수 있습니다" in shelves(ready, KOREAN)
    assert ENGLISH.build in shelves(ready)
    empty = Library(settings.model_copy(update={"corpus": tmp_path / "corpus"}), place.library.embedder)
    assert ENGLISH.index_nothing in shelves(empty)
    assert ENGLISH.build not in shelves(empty)


def test_a_damaged_index_says_that_another_answers(
    place: Place, tmp_path: Path, embedder: SentenceTransformerEmbedder
) -> None:
    settings = place.settings.model_copy(update={"corpus": tmp_path / "corpus", "index": tmp_path / "index"})
    settings.corpus.mkdir()
    for number in (1, 2):
        (settings.corpus / f"{number}.md").write_text(f"Pier {number} of Saltmere closes. It is {number} metres long.")
        build(settings, embedder)
    (settings.index / "gen-000002" / "passages.jsonl").write_bytes(b"x")
    library = Library(settings, embedder)
    library.open()
    assert library.previous() is None
    assert ENGLISH.index_degraded in shelves(library)
    assert ENGLISH.rollback not in shelves(library)
    library.close()


def test_a_rebuild_is_told_from_its_beginning_to_its_end() -> None:
    def told(*jobs: Job, elsewhere: str | None = None, known: str = "") -> str:
        return job_html(LibraryState("gen-000001", jobs, elsewhere, Pending()), ENGLISH, known=known)

    assert told() == ""
    assert ENGLISH.job_queued in told(Job("a"))
    running = told(Job("a", "running", "embed", 50, 200, eta_s=30))
    assert 'value="0.250" max="1"' in running
    assert "embedding passages" in running
    assert "about 30 s left" in running
    assert ENGLISH.job_elsewhere in told(elsewhere="pid 1")
    done = Job("a", "done", report={"committed": True, "new": ["x"], "changed": [], "gone": []})
    assert "1 new&#44; 0 changed&#44; 0 gone" in told(done)
    assert told(done, known="a") == ""
    refused = told(Job("b", "failed", message="2 of <3> articles are gone.", code="shrink_refused"), done)
    assert ENGLISH.shrink in refused
    assert "<3>" not in refused
    assert "no space" in told(Job("b", "failed", message="There is no space.", code="storage"))


def test_only_a_server_that_may_fetch_offers_it(place: Place) -> None:
    assert "fn-address" not in adding_html(place.settings, ENGLISH)
    assert "fn-address" in adding_html(place.settings.model_copy(update={"fetch_urls": True}), ENGLISH)
    assert '"><' not in script_words_html(place.settings, KOREAN).removesuffix("</div>")


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
        Desk(place.library, place.settings).check("", {"date_from": date_from, "date_to": date_to}, ENGLISH)


def test_what_is_filled_in_becomes_filters(place: Place) -> None:
    desk = Desk(place.library, place.settings)
    empty: dict[str, object] = {"date_from": "", "date_to": None, "sources": None, "languages": [], "collections": []}
    assert desk.check("", empty, ENGLISH) == desk.check("", {}, ENGLISH) == Filters()
    filled = {"date_from": " 2026-01-31 ", "sources": ["a", "b"], "languages": ["ko"], "collections": ["policy/2025"]}
    assert desk.check("", filled, ENGLISH) == Filters(
        published_from=date(2026, 1, 31), sources=("a", "b"), languages=("ko",), collections=("policy/2025",)
    )


def test_there_is_a_choice_for_every_filter_and_words_for_each(place: Place) -> None:
    choices = filter_choices(place.library, ENGLISH)
    assert set(choices) == set(CHOSEN)
    assert choices["collections"] == [("policy", "policy"), ("policy/2025", "policy/2025")]
    for words in (ENGLISH, KOREAN):
        assert all(getattr(words, f"filter_{name}") for name in CHOSEN)


def test_too_long_a_question_is_refused(place: Place) -> None:
    with pytest.raises(UsageError, match="longer than 4000"):
        Desk(place.library, place.settings).check("x" * 4001, {}, ENGLISH)


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
        (
            "The corporations also proposed to shorten the review of permits.",
            "en",
            "What did the corporations propose?",
        ),
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
