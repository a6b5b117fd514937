"""Conversations in a real browser: kept there, found again, and shown as they were with today's articles."""

import json
import select
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import Page, expect

from tests.ui.conftest import ROOT, START_SECONDS, Place, Visit, Visitor
from tests.ui.test_browser import COST, PLANTS, UNKNOWN, ask, overflow, violations

if TYPE_CHECKING:
    from playwright.sync_api import Browser

QUOTE = "A single ticket costs 3 crowns, and children under six travel free."
PREFIX = "footnote.conversations."


def kept(page: Page) -> list[dict[str, Any]]:
    """What the browser keeps, the latest first."""
    found: list[dict[str, Any]] = page.evaluate(
        "prefix => Object.keys(localStorage).filter(k => k.startsWith(prefix)).map(k => JSON.parse(localStorage[k]))",
        PREFIX,
    )
    return sorted(found, key=lambda one: -one["updated"])


def questions(page: Page) -> list[list[str]]:
    return [[turn["question"] for turn in one["turns"]] for one in kept(page)]


def wait_for(page: Page, expected: list[list[str]]) -> None:
    """Wait until exactly these questions are kept."""
    for _ in range(100):
        if questions(page) == expected:
            return
        page.wait_for_timeout(100)
    assert questions(page) == expected


def reload(visited: Visit) -> None:
    """Load the page anew; Gradio complains of its open connection when it is left."""
    errors = list(visited.errors)
    visited.page.reload()
    visited.errors[:] = errors


def history(page: Page, name: str = "History") -> None:
    page.get_by_role("tab", name=name).click()
    expect(page.locator("#fn-history-list")).to_be_attached()


def assert_first_answer_leads_to_its_article(page: Page) -> None:
    page.locator("a.fn-cite[href='#t1-c1']").click()
    mark = page.locator("#t1-c1-mark")
    expect(mark).to_be_focused()
    assert mark.text_content() == QUOTE == page.locator(".fn-quote q").first.text_content()
    assert page.get_by_text("could not be checked").count() == 0


def put(page: Page, *conversations: dict[str, Any]) -> None:
    """Keep conversations in a browser that has asked nothing."""
    for one in conversations:
        page.evaluate("([key, value]) => localStorage.setItem(key, value)", [PREFIX + one["id"], json.dumps(one)])


def made(name: str, *, updated: int = 1_700_000_000_000, quote: str = QUOTE) -> dict[str, Any]:
    turn = {"id": f"{name}-1", "question": name, "citations": [{"index": 1, "cited_text": quote}]}
    return {"id": name, "name": name, "named": False, "created": updated, "updated": updated, "turns": [turn]}


def test_a_reload_keeps_the_conversation(visit: Visitor) -> None:
    visited = visit()
    page = visited.page
    ask(page, COST)
    ask(page, PLANTS)
    wait_for(page, [[COST, PLANTS]])
    reload(visited)
    expect(page.locator("#fn-chat .bot-row")).to_have_count(2, timeout=20_000)
    assert_first_answer_leads_to_its_article(page)
    assert violations(page) == []
    ask(page, UNKNOWN)
    wait_for(page, [[COST, PLANTS, UNKNOWN]])
    page.get_by_role("button", name="New conversation").click()
    expect(page.locator("#fn-chat .message")).to_have_count(0)
    reload(visited)
    page.wait_for_selector("#fn-panel .fn-empty")
    ask(page, PLANTS)
    wait_for(page, [[PLANTS], [COST, PLANTS, UNKNOWN]])
    history(page)
    expect(page.locator("#fn-history-list > li")).to_have_count(2)
    page.get_by_role("button", name=COST, exact=True).click()
    expect(page.locator("#fn-chat .bot-row")).to_have_count(3, timeout=20_000)
    assert_first_answer_leads_to_its_article(page)
    assert len(kept(page)) == 2


def command(page: Page, **what: object) -> None:
    page.evaluate(
        """what => {
          const box = document.querySelector('#fn-command textarea, #fn-command input');
          Object.getOwnPropertyDescriptor(Object.getPrototypeOf(box), 'value').set.call(box, JSON.stringify(what));
          box.dispatchEvent(new Event('input', { bubbles: true }));
          box.dispatchEvent(new KeyboardEvent('keypress', { key: ' ', bubbles: true }));
        }""",
        what,
    )


def test_asking_again_and_taking_back_cut_what_is_kept(visit: Visitor) -> None:
    page = visit().page
    ask(page, COST)
    ask(page, PLANTS)
    wait_for(page, [[COST, PLANTS]])
    command(page, do="undo", question=PLANTS)
    wait_for(page, [[COST]])
    expect(page.locator("#fn-question textarea")).to_have_value(PLANTS)
    page.locator("#fn-question textarea").fill("")
    ask(page, UNKNOWN)
    wait_for(page, [[COST, UNKNOWN]])
    command(page, do="edit", turn=1, question=PLANTS)
    wait_for(page, [[PLANTS]])
    assert kept(page)[0]["name"] == PLANTS
    first = kept(page)[0]["turns"][0]["id"]
    command(page, do="again", turn=1, question=PLANTS)
    for _ in range(100):
        if kept(page)[0]["turns"][0]["id"] != first:
            break
        page.wait_for_timeout(100)
    wait_for(page, [[PLANTS]])
    assert kept(page)[0]["turns"][0]["id"] != first
    command(page, do="undo", question=PLANTS)
    wait_for(page, [])


@contextmanager
def running(place: Place, folder: Path, port: int) -> Iterator[str]:
    """A Footnote of this test's own, which may be stopped and started."""
    command = [sys.executable, "-c", "from ui.cli import main; main()", "serve", "--json", "--port", str(port)]
    command += ["--corpus", str(place.settings.corpus), "--index", str(place.settings.index)]
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, stdin=subprocess.DEVNULL)
    try:
        assert process.stdout is not None
        ready, _, _ = select.select([process.stdout], [], [], START_SECONDS)
        assert ready, "the server did not start"
        yield json.loads(process.stdout.readline())["address"]
    finally:
        process.terminate()
        process.wait(20)
        if process.stdout:
            process.stdout.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_a_restart_of_the_server_keeps_the_conversation(place: Place, browser: "Browser", tmp_path: Path) -> None:
    port = free_port()
    context = browser.new_context(locale="en-GB")
    page = context.new_page()
    try:
        with running(place, tmp_path, port) as address:
            page.goto(f"{address}/ui/")
            page.wait_for_selector("#fn-panel .fn-empty")
            ask(page, COST)
            wait_for(page, [[COST]])
        with running(place, tmp_path, port):
            page.reload()
            expect(page.locator("#fn-chat .bot-row")).to_have_count(1, timeout=20_000)
            assert_first_answer_leads_to_its_article(page)
            ask(page, PLANTS)
            wait_for(page, [[COST, PLANTS]])
    finally:
        context.close()


def test_the_list_is_searched_renamed_deleted_and_brought_back(visit: Visitor) -> None:
    visited = visit()
    page = visited.page
    ask(page, COST)
    put(page, made("Bicycles", quote="Two wheels are enough."), made("Kites", updated=1_600_000_000_000))
    reload(visited)
    page.wait_for_selector("#fn-chat .bot-row")
    history(page)
    rows = page.locator("#fn-history-list > li")
    expect(page.locator("#fn-history-list .fn-history-open")).to_have_text([COST, "Bicycles", "Kites"])
    expect(rows.first).to_contain_text("1 question")
    expect(rows.first).to_contain_text("open now")
    expect(rows.nth(1)).to_contain_text("14 Nov 2023")

    search = page.get_by_role("searchbox", name="Search questions and quotations")
    search.fill("WHEELS are")
    expect(rows).to_have_count(1)
    expect(rows.locator("mark")).to_have_text("wheels are")
    expect(page.locator("#fn-history-count")).to_have_text("1 conversation")
    search.fill("nowhere at all")
    expect(page.locator("#fn-history-count")).to_have_text("No conversation has these words.")
    assert violations(page) == []
    search.fill("")

    rows.nth(1).get_by_role("button", name="Rename").click()
    box = page.get_by_label("Name of the conversation")
    expect(box).to_be_focused()
    box.fill("두 바퀴")
    # Enter that ends a syllable is the keyboard's.
    box.dispatch_event("keydown", {"key": "Enter", "isComposing": True, "bubbles": True})
    expect(box).to_be_focused()
    assert violations(page) == []
    box.press("Enter")
    expect(page.locator("#fn-history-says")).to_have_text("Renamed to “두 바퀴”.")
    expect(rows.nth(1).get_by_role("button", name="Rename")).to_be_focused()
    rows.nth(1).get_by_role("button", name="Rename").press("Enter")
    box.fill("Something else")
    box.press("Escape")
    expect(page.locator("#fn-history-list .fn-history-open")).to_have_text([COST, "두 바퀴", "Kites"])

    rows.nth(1).get_by_role("button", name="Delete").press("Enter")
    expect(page.locator("#fn-history-list .fn-history-open")).to_have_text([COST, "Kites"])
    expect(rows.nth(1).get_by_role("button", name="Delete")).to_be_focused()
    assert violations(page) == []
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#fn-history-list .fn-history-open")).to_have_text([COST, "두 바퀴", "Kites"])
    expect(page.locator("#fn-history-says")).to_have_text("“두 바퀴” is back.")
    rows.first.get_by_role("button", name="Delete").click()
    expect(rows).to_have_count(2)
    # What is deleted is no longer on the page either.
    expect(page.locator("#fn-chat .message")).to_have_count(0)

    page.get_by_role("button", name="Delete all").click()
    assert violations(page) == []
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Delete all")).to_be_focused()
    page.get_by_role("button", name="Delete all").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete all").click()
    expect(page.get_by_role("heading", name="No conversations yet")).to_be_focused()
    assert kept(page) == []
    assert violations(page) == []


def saved(page: Page, button: str, *, within: str = "#fn-history-list > li") -> tuple[str, str]:
    with page.expect_download() as download:
        page.locator(within).first.get_by_role("button", name=button).click()
    return download.value.suggested_filename, Path(download.value.path()).read_text(encoding="utf-8")


def test_conversations_are_saved_with_their_sources(visit: Visitor) -> None:
    page = visit().page
    ask(page, COST)
    ask(page, UNKNOWN)
    wait_for(page, [[COST, UNKNOWN]])
    history(page)
    name, text = saved(page, "Save as Markdown")
    assert name == "footnote-How-much-does-a-single-ferry-ticket-cost.md"
    assert f"## {COST}" in text
    assert f"> {QUOTE} [1]" in text
    assert "### Sources" in text
    title = r"Harbour town doubles its ferry service \<img src=x onerror=alert(1)\>"
    assert f"1. {title}, The Example Post, 2026-01-31 <https://example.org/ferries> (ferry.md, " in text
    assert "**The articles don’t answer this.**" in text
    name, text = saved(page, "Save as JSON")
    assert name.endswith(".json")
    one = json.loads(text)
    assert [turn["question"] for turn in one["turns"]] == [COST, UNKNOWN]
    assert one["turns"][0]["citations"][0]["cited_text"] == QUOTE
    name, text = saved(page, "Save all as JSON", within="#fn-history-tools")
    assert name == "footnote-conversations.json"
    assert json.loads(text) == [one]


def second_tab(visited: Visit, place: Place) -> Page:
    page = visited.page.context.new_page()
    page.goto(f"{place.address}/ui/")
    page.wait_for_selector("#fn-panel .fn-empty")
    return page


def test_two_tabs_do_not_overwrite_each_other(visit: Visitor, served: Place) -> None:
    visited = visit()
    page = visited.page
    ask(page, COST)
    other = second_tab(visited, served)
    ask(other, PLANTS)
    history(other)
    ask(page, UNKNOWN)
    wait_for(page, [[COST, UNKNOWN], [PLANTS]])
    # The list of the other tab has noticed.
    row = other.locator("#fn-history-list > li").first
    expect(row).to_contain_text("2 questions")
    # One conversation in both tabs: whoever asks second goes on in a new one.
    other.get_by_role("button", name=COST, exact=True).click()
    expect(other.locator("#fn-chat .bot-row")).to_have_count(2, timeout=20_000)
    ask(other, PLANTS)
    wait_for(page, [[COST, UNKNOWN, PLANTS], [PLANTS]])
    ask(page, "Who is Mayor Ida Holm?")
    wait_for(page, [[COST, UNKNOWN, "Who is Mayor Ida Holm?"], [COST, UNKNOWN, PLANTS], [PLANTS]])
    # What was deleted there does not come back with the next question here.
    other.evaluate("Object.keys(localStorage).forEach(key => localStorage.removeItem(key))")
    ask(page, PLANTS)
    wait_for(page, [[PLANTS]])


SLOW = """
const asked = window.fetch;
window.fetch = (address, ...more) => String(address?.url ?? address).includes("queue/join")
  ? new Promise((go) => setTimeout(go, 1500)).then(() => asked(address, ...more)) : asked(address, ...more);
"""


def test_what_is_typed_while_a_conversation_opens_is_kept_and_asked_after_it(visit: Visitor) -> None:
    visited = visit()
    page = visited.page
    page.add_init_script(SLOW)
    ask(page, COST)
    wait_for(page, [[COST]])
    box = page.locator("#fn-question textarea")
    # Typed before and after the conversation is there.
    reload(visited)
    page.wait_for_selector("#fn-panel .fn-empty")
    box.press_sequentially(PLANTS, delay=50)
    expect(page.locator("#fn-chat .bot-row")).to_have_count(1, timeout=20_000)
    box.press_sequentially(" Say", delay=50)
    page.wait_for_timeout(500)
    expect(box).to_have_value(f"{PLANTS} Say")
    # Asked before it is there: it waits, and comes after what was kept.
    reload(visited)
    page.wait_for_selector("#fn-question textarea:enabled")
    box.fill(PLANTS)
    box.press("Enter")
    expect(page.locator("#fn-chat .fn-acts")).to_have_count(2, timeout=30_000)
    wait_for(page, [[COST, PLANTS]])
    expect(box).to_have_value("")


def test_when_there_is_no_room_the_oldest_conversation_goes(visit: Visitor) -> None:
    page = visit().page
    old = made("Old", updated=1)
    old["turns"][0]["text"] = "x" * 200_000
    put(page, old, made("Newer", updated=2))
    page.evaluate("""() => {
      let size = 1 << 22;
      let text = '';
      while (size > 64) {
        try { localStorage.setItem('filler', text + 'x'.repeat(size)); text += 'x'.repeat(size); } catch { size >>= 1; }
      }
    }""")
    history(page)
    page.get_by_role("tab", name="Ask").click()
    ask(page, COST)
    wait_for(page, [[COST], ["Newer"]])
    history(page)
    expect(page.locator("#fn-history-says")).to_contain_text("the oldest conversation was removed: “Old”")


def test_strange_things_in_the_browser_do_no_harm(visit: Visitor) -> None:
    page = visit().page
    hostile = made('<img src=x onerror="document.title=1">', quote="</p><script>document.title=2</script>")
    hostile["id"] = "h"
    put(page, hostile)
    for key, value in (("a", "no json"), ("b", "null"), ("c", '{"turns": 7}'), ("d", '{"turns": [null]}')):
        page.evaluate("([key, value]) => localStorage.setItem(key, value)", [PREFIX + key, value])
    history(page)
    expect(page.locator("#fn-history-list > li")).to_have_count(1)
    page.get_by_role("searchbox").fill("script>")
    expect(page.locator("#fn-history-list mark")).to_have_text("script>")
    assert page.locator("#fn-history img, #fn-history script").count() == 0
    # It is no receipt, so nothing opens; the page stays as it is.
    page.locator(".fn-history-open").click()
    page.wait_for_timeout(1000)
    expect(page.locator("#fn-chat .message")).to_have_count(0)
    ask(page, COST)
    assert page.title() == "Footnote"


@pytest.mark.parametrize(
    ("width", "height", "query", "locale", "tab"),
    [
        (1280, 800, "", "en-GB", "History"),
        (390, 844, "", "en-GB", "History"),
        (1280, 800, "?__theme=dark", "en-GB", "History"),
        (390, 844, "?__theme=dark", "ko-KR", "기록"),
        (1280, 800, "", "ko-KR", "기록"),
        (320, 640, "", "ko-KR", "기록"),
    ],
)
def test_it_is_accessible_everywhere(
    visit: Visitor, width: int, height: int, query: str, locale: str, tab: str
) -> None:
    visited = visit(query, width=width, height=height, locale=locale)
    page = visited.page
    history(page, tab)
    assert violations(page) == []
    assert overflow(page) == 0
    names = ["How much does a single ferry ticket cost?", "솔트미어의 여객선 요금은 얼마인가요?", "Long" * 30]
    put(page, *(made(name, updated=1_763_000_000_000 + place) for place, name in enumerate(names)))
    reload(visited)
    page.wait_for_selector("#fn-panel .fn-empty")
    history(page, tab)
    expect(page.locator("#fn-history-list > li")).to_have_count(3)
    page.locator("#fn-history-search").fill("3 crowns")
    expect(page.locator("#fn-history-list mark")).to_have_count(3)
    page.locator("[data-act=delete]").last.click()
    page.locator("[data-act=rename]").first.click()
    assert violations(page) == []
    assert overflow(page) == 0
    page.locator("[data-act=delete-all]").click()
    assert violations(page) == []
