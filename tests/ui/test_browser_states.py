"""Every state of the page, in four looks: no barrier that axe finds, no sideways scroll; and the way to a quotation."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import Page, expect

from tests.ui.conftest import Place, Visitor
from tests.ui.test_browser import COST, PLANTS, UNKNOWN, ask, overflow, violations

DISAGREE = "How many plants will be in the leading AI factory project by 2030?"


@dataclass(frozen=True, slots=True)
class Look:
    """How the page is looked at: its size, its query, the browser's language, and its words there."""

    width: int
    height: int
    query: str
    locale: str
    stop: str
    library: str
    history: str
    filters: str


ENGLISH = ("Stop", "Library", "History", "Filters")
LOOKS = {
    "desktop": Look(1280, 800, "", "en-GB", *ENGLISH),
    "phone": Look(390, 844, "", "en-GB", *ENGLISH),
    "dark": Look(1280, 800, "?__theme=dark", "en-GB", *ENGLISH),
    "korean": Look(390, 844, "?__theme=dark", "ko-KR", "중지", "자료실", "기록", "필터"),
}


def states(page: Page, look: Look) -> Iterator[str]:
    """Lead the page from state to state."""
    expect(page.locator("#fn-examples button").first).to_be_visible(timeout=30_000)
    yield "start"
    page.get_by_role("button", name=look.filters).click()
    yield "filters"
    page.get_by_role("button", name=look.filters).click()
    ask(page, COST, stop=look.stop)
    yield "answer"
    page.locator("a.fn-cite").first.click()
    expect(page.locator("#t1-c1-mark")).to_be_focused()
    yield "source"
    ask(page, PLANTS, stop=look.stop)
    yield "second answer"
    page.locator("details#t1 > summary").click()
    yield "earlier source"
    page.locator(".fn-act-down").last.click()
    yield "what is wrong"
    page.keyboard.press("Escape")
    page.locator("#fn-chat .bot-row").last.locator(".fn-act-edit").click()
    yield "editing"
    page.locator("#fn-editing button").click()
    ask(page, UNKNOWN, stop=look.stop)
    yield "not in the articles"
    page.get_by_role("tab", name=look.library).click()
    expect(page.locator("#fn-articles")).to_be_visible()
    yield "library"
    for summary in page.locator("#fn-library details:not([open]) > summary").all():
        if summary.is_visible():
            summary.click()
    yield "library, unfolded"
    page.get_by_role("tab", name=look.history).click()
    page.wait_for_timeout(300)
    yield "history"
    page.get_by_role("searchbox").last.fill("zebra")
    yield "history, nothing found"


@pytest.mark.parametrize("name", LOOKS)
def test_no_state_shuts_anyone_out_or_scrolls_sideways(visit: Visitor, name: str) -> None:
    look = LOOKS[name]
    page = visit(look.query, width=look.width, height=look.height, locale=look.locale).page
    found = {state: (violations(page), overflow(page)) for state in states(page, look)}
    assert len(found) >= 12
    assert {state: problems for state, problems in found.items() if problems != ([], 0)} == {}


def test_an_article_page_shuts_nobody_out(visit: Visitor, served: Place) -> None:
    for look in LOOKS.values():
        page = visit(look.query, width=look.width, height=look.height, locale=look.locale).page
        page.goto(f"{served.address}/articles/ferry.md?start=0&end=20")
        assert (violations(page), overflow(page)) == ([], 0)


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844)])
def test_from_the_start_to_a_quotation_in_its_article_are_two_clicks(visit: Visitor, width: int, height: int) -> None:
    page = visit(width=width, height=height).page
    page.locator("#fn-examples button").first.click(timeout=30_000)  # one
    number = page.locator("a.fn-cite").first
    expect(number).to_be_visible(timeout=20_000)
    number.click()  # two
    mark = page.locator("#t1-c1-mark")
    expect(mark).to_be_in_viewport()
    assert mark.text_content() in (page.locator("#t1-c1 .fn-article").text_content() or "")


def test_the_way_by_keyboard_is_a_question_and_one_key_on_its_number(visit: Visitor) -> None:
    page = visit().page
    page.locator("#fn-question textarea").focus()
    page.keyboard.type(COST)
    page.keyboard.press("Enter")  # one
    number = page.locator("a.fn-cite").first
    expect(number).to_be_visible(timeout=20_000)
    # The number is reached with Shift+Tab, backwards from the question box.
    for _ in range(12):
        page.keyboard.press("Shift+Tab")
        if number.evaluate("(link) => link === document.activeElement"):
            break
    page.keyboard.press("Enter")  # two
    expect(page.locator("#t1-c1-mark")).to_be_focused()


def test_nothing_jumps_while_an_answer_grows(visit: Visitor) -> None:
    page = visit().page
    page.evaluate(
        """() => {
          window.jumps = [];
          new PerformanceObserver((list) => {
            for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.jumps.push(entry.value);
          }).observe({ type: "layout-shift", buffered: false });
        }"""
    )
    ask(page, COST)
    ask(page, PLANTS)
    assert page.evaluate("window.jumps.reduce((sum, one) => sum + one, 0)") < 0.25


def test_eight_tabs_of_one_browser_all_work(visit: Visitor, served: Place) -> None:
    first = visit().page
    tabs = [first, *(first.context.new_page() for _ in range(7))]
    for tab in tabs[1:]:
        tab.goto(f"{served.address}/ui/")
    # A connection held open by each tab would leave none for the seventh.
    for tab in tabs:
        expect(tab.locator(".fn-status")).to_contain_text("articles", timeout=20_000)
    ask(tabs[-1], COST)
    expect(tabs[-1].locator("a.fn-cite").first).to_be_visible()
