"""What others wrote stays text: in the chat, the sources, the lists, the articles, in files and on the terminal.

Every payload of hostile_texts.py goes through every place that shows it, in a real browser, once with the page's CSP
and once without: escaping has to hold alone. One test switches the escaping off, to show that all this would be seen.
"""

import html
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urljoin

import httpx
import pytest

pytest.importorskip("playwright.sync_api")

from markdown_it import MarkdownIt
from markdown_it.token import Token
from playwright.sync_api import Page, expect

from indexer.embedding import SentenceTransformerEmbedder
from qa.feedback import load
from tests.conftest import Tally, Trials
from tests.reliability.hostile_page import (
    HostilePlace,
    Watch,
    article_id,
    as_shown,
    fact,
    hostile_place,
    hostile_receipts,
    question_of,
    watched,
)
from tests.reliability.hostile_texts import EVIL, PAYLOADS, file_name
from tests.ui.conftest import serving_page
from ui.page.examples import turned_around
from ui.page.markup import article_address

if TYPE_CHECKING:
    from playwright.sync_api import Browser

NUMBERS = range(len(PAYLOADS))
PATIENCE = 60_000
PREFIX = "footnote.conversations."
KINDS = ("answered", "partly", "not_in_articles")
DROP = """(names) => {
  const data = new DataTransfer();
  for (const name of names) data.items.add(new File([""], name));
  document.querySelector("#fn-articles").dispatchEvent(
    new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
}"""


@pytest.fixture(scope="module")
def place(embedder: SentenceTransformerEmbedder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostilePlace]:
    with hostile_place(tmp_path_factory.mktemp("hostile"), embedder) as served:
        yield served


def enter(watch: Watch, tab: str = "") -> Page:
    """Open the page, at a tab."""
    page = watch.page
    page.goto(f"{watch.own}/ui/")
    page.wait_for_selector("#fn-panel .fn-empty")
    if tab:
        page.get_by_role("tab", name=tab).click()
    return page


def texts(page: Page, selector: str) -> list[str]:
    return page.locator(selector).all_text_contents()


def missing(expected: list[str], shown: list[str]) -> list[str]:
    """Which texts do not stand there word for word."""
    # A word joiner keeps Gradio from translating what it takes for a mark of its own.
    held = [" ".join(as_shown(text).replace("\u2060", "").split()) for text in shown]
    return [one for one in expected if not any(" ".join(as_shown(one).split()) in text for text in held)]


# ---------------------------------------------------------------- in the browser


@pytest.mark.parametrize("bypass_csp", [True, False], ids=["without CSP", "with CSP"])
def test_articles_open_as_text(
    place: HostilePlace, browser: "Browser", trials: Trials, tally: Tally, bypass_csp: bool
) -> None:
    # What holds without the policy holds with it; a page each is slow.
    numbers = NUMBERS if bypass_csp else NUMBERS[:: trials(8, 1)]
    with watched(browser, place.address, bypass_csp=bypass_csp) as watch:
        for number in numbers:
            article = place.article(number)
            # As the page at /ui/ links to it.
            watch.page.goto(urljoin(f"{watch.own}/ui/", html.unescape(article_address(article, 0, 5))))
            assert missing([article.text.split("\n")[0]], [watch.page.locator("article").text_content() or ""]) == []
            assert missing([article.title], texts(watch.page, "h1")) == []
            assert missing([article.title], [watch.page.title()]) == []
            assert watch.page.locator("a").count() <= 3
            watch.look()
            assert watch.found == [], PAYLOADS[number]
    what = "hostile texts as articles, " + ("without CSP" if bypass_csp else "with CSP")
    tally(what, texts=len(numbers), requests=watch.requests, bad=0)


def open_conversation(page: Page, receipts: list[dict[str, Any]]) -> None:
    """Bring a conversation back as the page does it."""
    page.evaluate("turns => globalThis.footnote.command({ do: 'open', turns })", receipts)
    last = len(receipts)
    expect(page.locator(f"#t{last}")).to_be_attached(timeout=PATIENCE)
    expect(page.locator("#fn-chat .bot-row")).to_have_count(last, timeout=PATIENCE)


@pytest.mark.parametrize("bypass_csp", [True, False], ids=["without CSP", "with CSP"])
def test_conversations_stay_text(place: HostilePlace, browser: "Browser", tally: Tally, bypass_csp: bool) -> None:
    with watched(browser, place.address, bypass_csp=bypass_csp) as watch:
        page = enter(watch)
        for kind in KINDS:
            open_conversation(page, hostile_receipts(place, kind, NUMBERS))
            assert missing(list(PAYLOADS), texts(page, "#fn-chat .fn-question")) == []
            if kind == "answered":
                assert missing(list(PAYLOADS), texts(page, "#fn-chat .fn-sentence")) == []
            titles = [place.article(number).title for number in NUMBERS]
            assert missing(titles, texts(page, "#fn-panel .fn-title")) == []
            page.evaluate("document.querySelectorAll('#fn-panel details').forEach(one => { one.open = true; })")
            if kind == "answered":
                page.locator("a.fn-cite").last.hover()
            page.wait_for_timeout(300)
            watch.look()
            assert watch.found == [], kind
    what = "hostile texts in conversations, " + ("without CSP" if bypass_csp else "with CSP")
    tally(what, texts=len(PAYLOADS), kinds=len(KINDS), requests=watch.requests, bad=0)


def test_questions_and_replies_of_a_language_model_stay_text(
    place: HostilePlace, browser: "Browser", trials: Trials, tally: Tally
) -> None:
    tried = trials(6, len(PAYLOADS))
    with watched(browser, place.address, bypass_csp=True) as watch:
        page = enter(watch)
        page.locator("#fn-generate input").check()
        for number in list(NUMBERS)[:: max(1, len(PAYLOADS) // tried)][:tried]:
            place.stub.sayings["say-it"] = f"{fact(number)} [1] {PAYLOADS[number]} [1]"
            # As a text box has it.
            question = re.sub(r"\r\n?", "\n", question_of(number))
            ask(page, question)
            assert missing([question], texts(page, "#fn-chat .fn-question")[-1:]) == []
            watch.look()
            assert watch.found == [], PAYLOADS[number]
        assert page.locator(".fn-written").count() > tried // 2
    tally("hostile texts asked and replied", texts=tried, requests=watch.requests, bad=0)


def ask(page: Page, question: str) -> None:
    """Ask and wait until the answer is complete."""
    before = page.locator("#fn-chat .bot-row").count()
    # Gradio takes no new question before it has closed the stream of the last.
    page.wait_for_load_state("networkidle")
    page.locator("#fn-question textarea").fill(question)
    page.locator("#fn-ask-button").click()
    expect(page.locator("#fn-chat .bot-row")).to_have_count(before + 1, timeout=PATIENCE)
    expect(page.locator(".fn-waiting")).to_have_count(0, timeout=PATIENCE)
    expect(page.locator("#fn-stop-button")).to_have_count(0, timeout=PATIENCE)


@pytest.mark.parametrize("bypass_csp", [True, False], ids=["without CSP", "with CSP"])
def test_the_library_stays_text(place: HostilePlace, browser: "Browser", tally: Tally, bypass_csp: bool) -> None:
    articles = place.library.generation.articles.values()
    with watched(browser, place.address, bypass_csp=bypass_csp) as watch:
        page = enter(watch, "Library")
        expect(page.locator("#fn-upload")).to_be_visible()
        expect(page.locator("#fn-articles tbody tr").first).to_be_visible()
        shown = texts(page, "td.fn-col-title") + texts(page, "td.fn-col-source")
        while page.locator(".fn-to-page").last.get_attribute("aria-disabled") is None:
            first = page.locator(".fn-pages span").text_content() or ""
            page.locator(".fn-to-page").last.click()
            expect(page.locator(".fn-pages span")).not_to_have_text(first)
            shown += texts(page, "td.fn-col-title") + texts(page, "td.fn-col-source")
        assert missing([article.title for article in articles], shown) == []
        assert missing([article.source for article in articles if article.source], shown) == []
        page.locator("#fn-problems summary").click()
        problems = [problem.path for problem in place.library.generation.manifest.problems]
        assert len(problems) >= len(PAYLOADS)
        assert missing(problems, texts(page, "#fn-problems li")) == []
        assert missing([article.source for article in articles if article.source], texts(page, "option")) == []
        page.evaluate(DROP, [f"{file_name(payload)}.txt" for payload in PAYLOADS])
        expect(page.locator("#fn-outcomes li")).to_have_count(len(PAYLOADS), timeout=PATIENCE)
        delete_and_restore(page)
        page.locator("#fn-chart-list summary").click()
        watch.look()
        assert watch.found == []
    what = "hostile texts in the library, " + ("without CSP" if bypass_csp else "with CSP")
    tally(what, texts=len(PAYLOADS), requests=watch.requests, bad=0)


def delete_and_restore(page: Page) -> None:
    # A name without a backslash: others cannot be told from paths, and are not deleted.
    page.locator("#fn-search").fill("autofocus tabindex")
    expect(page.locator(".fn-counted")).to_contain_text(" of ")
    page.locator(".fn-delete").first.click()
    page.locator("#fn-trash summary").click()
    page.locator(".fn-restore").first.click()
    expect(page.locator("#fn-trash li")).to_have_count(0)


def test_the_filters_and_examples_stay_text(place: HostilePlace, browser: "Browser") -> None:
    sources = sorted({article.source or "" for article in place.library.generation.articles.values()} - {""})
    with watched(browser, place.address, bypass_csp=True) as watch:
        page = enter(watch)
        page.locator("#fn-filters button").first.click()
        labels = page.locator("#fn-filters label")
        expect(labels.first).to_be_visible()
        assert missing(sources, labels.all_text_contents()) == []
        labels.filter(has_text=EVIL).first.click()
        expect(page.locator("#fn-filter-line")).to_contain_text("Filters on")
        watch.look()
        assert watch.found == []


@pytest.mark.parametrize("bypass_csp", [True, False], ids=["without CSP", "with CSP"])
def test_the_history_stays_text(place: HostilePlace, browser: "Browser", tally: Tally, bypass_csp: bool) -> None:
    with watched(browser, place.address, bypass_csp=bypass_csp) as watch:
        page = enter(watch)
        keep(page, place)
        before = list(watch.found)
        page.reload()
        # Gradio complains of its open connection when it is left.
        watch.found[:] = [*before, *(one for one in watch.found[len(before) :] if EVIL in one or "pwned" in one)]
        page.wait_for_selector("#fn-panel .fn-empty")
        page.get_by_role("tab", name="History").click()
        names = page.locator("#fn-history-list .fn-history-open")
        expect(names).to_have_count(len(PAYLOADS))
        assert missing(list(PAYLOADS), names.all_text_contents()) == []
        page.locator("#fn-history-search").fill(EVIL)
        expect(page.locator("#fn-history-list mark").first).to_be_visible()
        for act in ("rename", "delete"):
            page.locator(f"[data-act={act}]").last.click()
        assert page.locator("#fn-history-says").text_content()
        page.locator("#fn-history-search").fill("")
        for row in (0, 5):
            inert_markdown(saved(page, row))
        page.locator(".fn-history-open").first.click()
        expect(page.locator("#fn-chat .bot-row")).to_have_count(1, timeout=PATIENCE)
        watch.look()
        assert watch.found == []
    what = "hostile texts in the history, " + ("without CSP" if bypass_csp else "with CSP")
    tally(what, texts=len(PAYLOADS), requests=watch.requests, bad=0)


def keep(page: Page, place: HostilePlace) -> None:
    """Keep one conversation for each payload, whose name and question it is."""
    for number, receipt in zip(NUMBERS, hostile_receipts(place, "answered", NUMBERS), strict=True):
        kept = {"id": f"h{number}", "name": PAYLOADS[number], "named": True, "created": 1, "updated": number + 1}
        kept |= {"turns": [receipt]}
        page.evaluate("([key, value]) => localStorage.setItem(key, value)", [f"{PREFIX}h{number}", json.dumps(kept)])


def test_without_escaping_it_would_be_seen(place: HostilePlace, browser: "Browser", tmp_path: Path) -> None:
    """The same pages from a server that escapes nothing."""
    nothing = "import ui.page.markup as markup; markup.escape = lambda text: text"
    with serving_page(place.settings, tmp_path / "tmp", first=nothing) as address:
        with watched(browser, address, bypass_csp=True) as watch:
            watch.page.goto(f"{address}/articles/{quote(article_id(NUMBERS[6]))}")
            watch.page.wait_for_timeout(500)
            watch.look()
            kinds = {one.split()[0] for one in watch.found}
            assert {"request", "dialog", "window.pwned", "<img"} <= kinds, watch.found
        with watched(browser, address, bypass_csp=False) as watch:
            page = enter(watch)
            open_conversation(page, hostile_receipts(place, "answered", NUMBERS[6:8]))
            page.wait_for_timeout(500)
            watch.look()
            # Gradio's own cleaning keeps scripts out of the chat; images and panels are ours to mind.
            assert any("refused" in one or one.startswith("request") for one in watch.found), watch.found


def test_questions_made_of_articles_hold_no_marks() -> None:
    """What is suggested is made of words alone: Gradio's buttons show them as they are."""
    shapes = ["{0} said that the pier is open to all.", "The {0} will build {0} for everybody in town."]
    shapes += ["The number of {0} was 12 in March.", "Mayor Holm & {0} announced {0} to the whole world."]
    made = [turned_around(shape.format(payload), "en") for shape in shapes for payload in PAYLOADS]
    made += [turned_around(shape.format(f"www.{EVIL} & Co"), "en") for shape in shapes]
    assert [one for one in made if one and not re.fullmatch(r"[\w .&-]+\?", one)] == []
    assert any(made)


# ---------------------------------------------------------------- in replies


def test_data_is_no_page(place: HostilePlace, tally: Tally) -> None:
    """JSON says that it is JSON, and that a browser must not guess otherwise."""
    with httpx.Client(base_url=place.address, timeout=60) as client:
        for number, payload in enumerate(PAYLOADS):
            name = quote(article_id(number))
            replies = [
                client.get(f"/v1/articles/{name}"),
                client.get(f"/v1/articles/{name}/passages"),
                client.get("/v1/articles", params={"q": payload[:200], "source": payload}),
                client.delete(f"/v1/articles/{name}.not-there"),
                client.post("/v1/verify", json={"article_id": payload, "cited_text": payload, "start": 0}),
                client.post("/v1/feedback", json={"question": payload, "rating": "down", "comment": payload}),
                client.get(f"/v1/{name}"),
            ]
            assert {reply.headers["content-type"] for reply in replies} == {"application/json"}
            assert {reply.headers["x-content-type-options"] for reply in replies} == {"nosniff"}
            assert [reply.status_code for reply in replies] == [200, 200, 200, 404, 422, 201, 404], payload
            assert replies[0].json()["title"] == place.article(number).title
        said = load(place.settings.index)[0]
    assert [remark.comment for remark in said[-len(PAYLOADS) :]] == list(PAYLOADS)
    tally("hostile texts over the API", texts=len(PAYLOADS), replies=7 * len(PAYLOADS), bad=0)


def test_the_reference_loads_nothing(place: HostilePlace, browser: "Browser") -> None:
    with watched(browser, place.address, bypass_csp=True) as watch:
        watch.page.goto(f"{place.address}/docs")
        watch.look()
        assert (watch.found, watch.requests) == ([], 1)


# ---------------------------------------------------------------- in files


def saved(page: Page, row: int) -> str:
    """A conversation saved as Markdown."""
    with page.expect_download() as download:
        page.locator("#fn-history-list > li").nth(row).locator("[data-act=markdown]").click()
    assert re.fullmatch(r"footnote-[\w-]+\.md", download.value.suggested_filename)
    return Path(download.value.path()).read_text(encoding="utf-8")


def inert_markdown(text: str) -> None:
    """Nothing in it is an image, HTML or a link, except where an article's own web address is given as one."""
    addresses = []
    for token in flattened(MarkdownIt("commonmark", {"html": True}).enable("table").parse(text)):
        assert token.type not in ("image", "html_inline", "html_block", "fence", "code_block", "table_open"), token
        if token.type == "link_open":
            assert token.markup == "autolink"
            addresses.append(str(token.attrs["href"]))
    assert all(re.match(r"https?://", address) for address in addresses)
    # Nor is there anything that other readers of Markdown would make a formula or a link of.
    assert not re.search(r"(?<![<\\])\$|(?<!<)\bhttps?:/|\bwww\.", text)


def flattened(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from flattened(token.children or [])


def test_a_saved_conversation_is_inert(place: HostilePlace, browser: "Browser", tally: Tally) -> None:
    with watched(browser, place.address, bypass_csp=True) as watch:
        page = enter(watch)
        for kind in KINDS:
            open_conversation(page, hostile_receipts(place, kind, NUMBERS))
            page.get_by_role("tab", name="History").click()
            expect(page.locator("#fn-history-list > li").first).to_be_visible()
            text = saved(page, 0)
            assert text.count("\n## ") == len(PAYLOADS)
            inert_markdown(text)
            page.get_by_role("tab", name="Ask").click()
        assert watch.found == []
    tally("hostile texts saved as Markdown", texts=len(PAYLOADS), kinds=len(KINDS), bad=0)
