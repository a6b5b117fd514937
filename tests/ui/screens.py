"""Pictures of the page in its states, to be looked at: python -m tests.ui.screens docs/screens

Serves the starter corpus and drives a real Chromium (CHROMIUM names another than /usr/bin/chromium).
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from benchmarks.page import served
from tests.ui.conftest import ARGUMENTS, CHROMIUM


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


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    with served() as (address, _), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        for name, look in LOOKS.items():
            context = browser.new_context(viewport={"width": look.width, "height": look.height}, locale=look.locale)
            page = context.new_page()
            page.goto(f"{address}/ui/{look.query}")
            for state in walk(page, look):
                page.screenshot(path=folder / f"{name}-{state}.png")
            context.close()
        browser.close()


if __name__ == "__main__":
    main()
