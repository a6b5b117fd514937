"""The tab with the articles in a real browser: finding, adding, deleting, and rebuilding in sight of others."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import Page, expect

from tests.qa.page_server import page_server
from tests.ui.conftest import ROOT, Place, Visitor, serving_page
from tests.ui.test_browser import ask, overflow, violations
from ui.texts import ENGLISH

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PATIENCE = 30_000
DROP = """(files) => {
  const data = new DataTransfer();
  for (const [name, text] of files) data.items.add(new File([text], name));
  const over = document.querySelector("#fn-articles");
  for (const kind of ["dragenter", "dragover", "drop"])
    over.dispatchEvent(new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true }));
}"""


def library(page: Page, name: str = "Library") -> Page:
    page.get_by_role("tab", name=name).click()
    expect(page.locator("#fn-upload")).to_be_visible()
    return page


def rebuild(page: Page) -> None:
    """Rebuild, and wait until the page shows how this rebuild ended, not one before it, and what it made."""
    with page.expect_response(lambda response: response.url.endswith("/v1/index/rebuild")) as begun:
        page.locator("#fn-rebuild").click()
    status = page.locator(f'.fn-status[data-ended="{begun.value.json()["id"]}"]')
    expect(status).to_have_count(1, timeout=PATIENCE)
    expect(page.locator("#fn-job")).to_contain_text("The index")
    expect(page.locator(".fn-facts span").first).to_have_text(status.get_attribute("data-generation") or "")


def test_the_list_is_searched_sorted_and_narrowed_by_keyboard(visit: Visitor) -> None:
    page = library(visit().page)
    search = page.get_by_role("searchbox", name="Search titles, sources and names of files")
    # Half a Korean syllable, as it is typed.
    search.fill("솔트미어 여객서")
    expect(page.locator(".fn-counted")).to_contain_text("1 of ")
    expect(page.locator("td.fn-col-title")).to_have_text("솔트미어, 여객선 운항 두 배로")
    expect(search).to_be_focused()
    search.fill("no such article")
    expect(page.locator(".fn-nothing")).to_be_visible()
    expect(page.locator("#fn-live")).to_contain_text("0 of ")
    assert violations(page) == []
    page.get_by_role("button", name="Clear search and filters").click()
    expect(search).to_be_focused()
    header = page.get_by_role("columnheader", name="Title")
    header.get_by_role("button").focus()
    page.keyboard.press("Enter")
    expect(header).to_have_attribute("aria-sort", "ascending")
    expect(header.get_by_role("button")).to_be_focused()
    page.keyboard.press("Enter")
    expect(header).to_have_attribute("aria-sort", "descending")
    titles = page.locator("td.fn-col-title a").all_text_contents()
    assert titles == sorted(titles, reverse=True)
    page.get_by_label("Language").select_option("ko")
    expect(page.locator("td.fn-col-language")).to_have_text(["Korean"] * 2)


@pytest.mark.parametrize("width", [1280, 390])
def test_the_list_is_narrowed_to_a_collection(visit: Visitor, width: int) -> None:
    page = library(visit(width=width, height=844).page)
    chosen = page.get_by_label("Collection", exact=True)
    assert chosen.locator("option").all_text_contents() == ["All collections", "policy (2)", "policy/2025 (1)"]
    chosen.select_option("policy")
    expect(page.locator(".fn-counted")).to_contain_text("2 of ")
    expect(page.locator("td .fn-collection")).to_have_text(["Collection policy/2025", "Collection policy"])
    chosen.select_option("policy/2025")
    expect(page.locator(".fn-counted")).to_contain_text("1 of ")
    expect(page.locator("td.fn-col-title a")).to_have_text("A brick kiln is fired again")
    assert overflow(page) <= 0
    assert violations(page) == []
    page.get_by_role("button", name="Clear search and filters").click()
    expect(chosen).to_have_value("")
    expect(page.locator(".fn-clear")).to_have_count(0)


def test_a_deleted_article_comes_back_by_undo_and_from_the_list(visit: Visitor) -> None:
    page = library(visit().page)
    delete = page.locator("[data-article='ferry.ko.md']").first
    delete.focus()
    page.keyboard.press("Enter")
    undo = page.get_by_role("button", name="Undo")
    expect(undo).to_be_focused()
    expect(page.locator("#fn-articles [data-article='ferry.ko.md']")).to_have_count(0)
    expect(page.locator(".fn-status")).to_contain_text("1 file waiting for a rebuild")
    assert violations(page) == []
    page.keyboard.press("Enter")
    expect(page.locator("#fn-articles [data-article='ferry.ko.md']")).to_be_focused()
    expect(page.locator(".fn-status")).not_to_contain_text("waiting")
    delete.click()
    page.locator("#fn-trash summary").click()
    page.get_by_role("button", name="Put back ferry.ko.md").click()
    expect(page.locator("#fn-articles [data-article='ferry.ko.md']")).to_be_focused()
    expect(page.locator("#fn-trash li")).to_have_count(0)


def test_dropped_and_pasted_texts_are_added_one_by_one(visit: Visitor) -> None:
    page = library(visit().page)
    page.evaluate(DROP, [["mill.txt", "The old mill of Saltmere grinds again."], ["plan.pdf", "%PDF"], ["none.md", ""]])
    expect(page.locator("#fn-outcomes li")).to_have_count(3)
    expect(page.locator("#fn-outcomes .fn-added")).to_have_text("mill.txt added")
    expect(page.locator("#fn-outcomes .fn-refused").first).to_contain_text("Save it as text, Markdown or HTML.")
    expect(page.locator("#fn-live")).to_have_text("1 added, 0 already there, 2 not added")
    page.get_by_text("Paste text").click()
    page.get_by_label("Title (optional)").fill("Pier: “closed” # for now")
    page.get_by_label("Text of the article").fill("The pier of Saltmere is closed until the ninth of May.")
    page.get_by_role("button", name="Add the text").click()
    expect(page.locator("#fn-outcomes li")).to_have_text("pier-closed-for-now.md added")
    expect(page.get_by_label("Text of the article")).to_have_value("")
    expect(page.locator("#fn-index")).to_contain_text("2 files waiting for a rebuild")
    assert violations(page) == []
    rebuild(page)
    expect(page.locator("#fn-live")).to_have_text("The index was rebuilt: 2 new, 0 changed, 0 gone.")
    expect(page.locator("#fn-articles")).to_contain_text("Pier: “closed” # for now")


def test_a_rebuild_on_the_command_line_is_seen_in_an_open_tab(visit: Visitor, served: Place) -> None:
    page = visit().page
    expect(page.locator(".fn-status")).to_contain_text("index")
    (served.settings.corpus / "quay.txt").write_text("The quay of Saltmere was built in 1911 by Norrvik Marine.")
    try:
        expect(page.locator(".fn-status")).to_contain_text("1 file waiting for a rebuild", timeout=PATIENCE)
        arguments = ["--corpus", str(served.settings.corpus), "--index", str(served.settings.index)]
        command = [sys.executable, "-c", "from ui.cli import main; main()", "index", *arguments]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)
        expect(page.locator(".fn-status")).not_to_contain_text("waiting", timeout=PATIENCE)
        expect(page.locator("#fn-live")).to_contain_text("The index has changed: gen-", timeout=PATIENCE)
        library(page)
        expect(page.locator("#fn-articles")).to_contain_text("The quay of Saltmere")
    finally:
        (served.settings.corpus / "quay.txt").unlink()


def test_going_back_is_asked_about_first(visit: Visitor) -> None:
    page = library(visit().page)
    # The test before this one has left a change.
    rebuild(page)
    before = page.locator(".fn-facts span").first.text_content() or ""
    page.locator("#fn-rollback").click()
    expect(page.get_by_role("dialog")).to_contain_text("Nothing is deleted.")
    assert violations(page) == []
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.locator("#fn-rollback")).to_be_focused()
    page.locator("#fn-rollback").click()
    page.get_by_role("button", name="Go back", exact=True).click()
    expect(page.locator("#fn-notice")).to_contain_text("Back at gen-", timeout=PATIENCE)
    expect(page.locator(".fn-facts span").first).not_to_have_text(before)
    rebuild(page)


def test_only_a_tab_that_is_looked_at_asks(visit: Visitor) -> None:
    made = visit()
    made.page.wait_for_timeout(3000)
    assert 1 <= sum("/v1/jobs" in url for url in made.requests) <= 3
    made.page.evaluate(
        "() => { Object.defineProperty(document, 'visibilityState', { value: 'hidden' });"
        " document.dispatchEvent(new Event('visibilitychange')); }"
    )
    made.requests.clear()
    made.page.wait_for_timeout(6000)
    # A hidden tab asks once a minute, and one question may have been under way.
    assert len([url for url in made.requests if "/v1/" in url]) <= 1


@pytest.mark.parametrize(("width", "locale", "tab"), [(320, "en-GB", "Library"), (390, "ko-KR", "자료실")])
def test_on_a_phone_the_articles_are_cards(visit: Visitor, width: int, locale: str, tab: str) -> None:
    page = library(visit(width=width, height=844, locale=locale).page, tab)
    expect(page.locator("#fn-chart-list")).not_to_have_attribute("open", "")
    page.locator("#fn-chart-list summary").click()
    page.locator("#fn-order").select_option("title:")
    # The first Korean visitor waits for the analyser of Korean.
    expect(page.locator("th[aria-sort]")).to_have_attribute("aria-sort", "ascending", timeout=PATIENCE)
    assert page.locator("tbody tr").first.evaluate("row => getComputedStyle(row).display") == "block"
    assert overflow(page) <= 0
    assert violations(page) == []
    page.locator("button.fn-bar").first.click()
    expect(page.locator(".fn-counted")).to_contain_text("건 중" if locale == "ko-KR" else " of ")


@pytest.fixture
def fetching(place: Place, browser: "Browser", tmp_path: Path) -> "Iterator[Page]":
    """The page of a Footnote of this test's own that may fetch pages, also from this machine."""
    shutil.copytree(place.settings.corpus, tmp_path / "corpus")
    settings = place.settings.model_copy(update={"corpus": tmp_path / "corpus", "index": tmp_path / "index"})
    allowed = {"FOOTNOTE_FETCH_URLS": "true", "FOOTNOTE_FETCH_PRIVATE_ADDRESSES": "true"}
    with serving_page(settings, tmp_path / "tmp", **allowed) as address:
        context = browser.new_context(locale="en-GB")
        page = context.new_page()
        page.goto(f"{address}/ui/")
        page.wait_for_selector(".fn-status")
        yield page
        context.close()


def test_an_address_is_fetched_found_and_answered(fetching: Page) -> None:
    page = library(fetching)
    field, outcome = page.get_by_label(ENGLISH.address_label), page.locator("#fn-outcomes li")
    with page_server() as site:
        for url, why in (
            ("http://169.254.169.254/latest/meta-data/", "169.254.169.254 is not an address of the public web."),
            (f"http://127.0.0.1:{site.port}/pdf", "The address gives application/pdf, no article."),
            (f"http://127.0.0.1:{site.port}/nothing", "The server answered with status 404."),
        ):
            field.fill(url)
            page.get_by_role("button", name=ENGLISH.address_add).click()
            expect(outcome).to_contain_text(f"{url} {ENGLISH.add_refused}", timeout=PATIENCE)
            expect(outcome).to_contain_text(why)
            # What was refused can be corrected.
            expect(field).to_have_value(url)
        assert violations(page) == []
        url = f"http://127.0.0.1:{site.port}/page"
        field.fill(url)
        field.press("Enter")
        expect(page.locator("#fn-outcomes .fn-added")).to_contain_text(url, timeout=PATIENCE)
        expect(field).to_have_value("")
    rebuild(page)
    expect(page.locator("#fn-articles")).to_contain_text("Beekeepers report a record harvest")
    page.get_by_role("tab", name="Ask").click()
    ask(page, "How many tonnes of honey did beekeepers harvest?")
    expect(page.locator(".fn-quote q").first).to_contain_text("harvested 310 tonnes of honey")
    expect(page.locator(".fn-card .fn-title").first).to_have_text("Beekeepers report a record harvest")
