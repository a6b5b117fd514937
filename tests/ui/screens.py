"""Pictures of the page in its states, to be looked at: python -m tests.ui.screens docs/screens

Serves the starter corpus and drives a real Chromium (CHROMIUM names another than /usr/bin/chromium).
"""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from benchmarks.page import served, updates
from tests.chromium import ARGUMENTS, CHROMIUM


@dataclass(frozen=True, slots=True)
class Look:
    """How the page is looked at, and what is asked there."""

    width: int
    height: int
    query: str
    locale: str
    question: str
    unknown: str
    tabs: tuple[str, str, str]


ENGLISH = ("How many AI factories are planned by 2030?", "When was IMEC founded?", ("Ask", "Library", "History"))
LOOKS = {
    "desktop": Look(1280, 800, "", "en-GB", *ENGLISH),
    "dark": Look(1280, 800, "?__theme=dark", "en-GB", *ENGLISH),
    "phone": Look(390, 844, "", "en-GB", *ENGLISH),
    "korean": Look(
        390,
        844,
        "",
        "ko-KR",
        "스마트공장 예산은 얼마로 늘어나나요?",
        "IMEC은 언제 설립됐나요?",
        ("질문", "자료실", "기록"),
    ),
}


def ask(page: Page, question: str, number: int) -> None:
    """Ask and wait until the answer is whole."""
    box = page.locator("#fn-question textarea")
    box.fill(question)
    box.press("Enter")
    expect(page.locator("#fn-chat .fn-acts")).to_have_count(number, timeout=60_000)
    page.wait_for_timeout(1500)


def walk(page: Page, look: Look) -> Iterator[str]:
    """Lead the page from state to state; yields the name of each."""
    expect(page.locator("#fn-examples button").first).to_be_visible(timeout=60_000)
    yield "start"
    ask(page, look.question, 1)
    yield "answer"
    page.locator("a.fn-cite").first.click()
    page.wait_for_timeout(800)
    yield "source"
    ask(page, look.unknown, 2)
    yield "not-in-the-articles"
    for name, tab in zip(("library", "history"), look.tabs[1:], strict=True):
        page.get_by_role("tab", name=tab).click()
        page.wait_for_timeout(1000)
        yield name
    with page.expect_download() as saved:
        page.locator("#fn-history [data-act=save-all]").click()
    files = page.locator("#fn-history-files")
    files.set_input_files([saved.value.path(), Path(__file__)])
    expect(page.locator("#fn-history-says span")).to_be_visible()
    yield "import"


@contextmanager
def crowd(address: str, size: int, question: str) -> Iterator[None]:
    """So many others who ask at once, again and again."""
    gone = threading.Event()

    def keep_asking() -> None:
        while not gone.is_set():
            for _ in updates(address, question):
                pass

    others = [threading.Thread(target=keep_asking) for _ in range(size)]
    for one in others:
        one.start()
    # Until most of them have come.
    time.sleep(2)
    try:
        yield
    finally:
        gone.set()
        for one in others:
            one.join()


def busy(page: Page, look: Look, address: str) -> Iterator[str]:
    """Ask among so many that one has to wait, then among more than may wait."""
    for state, size, seen in (("waiting", 32, ".fn-waiting[role=status]"), ("full", 70, "#fn-filter-line p")):
        # Else what was open comes back.
        page.evaluate("sessionStorage.clear()")
        page.goto(f"{address}/ui/{look.query}")
        expect(page.locator("#fn-examples button").first).to_be_visible(timeout=60_000)
        box = page.locator("#fn-question textarea")
        box.fill(look.question)
        with crowd(address, size, look.question):
            box.press("Enter")
            page.wait_for_selector(seen, timeout=60_000)
            yield state


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    with served() as (address, _), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        for name, look in LOOKS.items():
            context = browser.new_context(viewport={"width": look.width, "height": look.height}, locale=look.locale)
            page = context.new_page()
            page.goto(f"{address}/ui/{look.query}")
            for state in chain(walk(page, look), busy(page, look, address)):
                page.screenshot(path=folder / f"{name}-{state}.png")
            context.close()
        browser.close()


if __name__ == "__main__":
    main()
