"""More chats at once than can be answered: each is told its place or that there is no room, and none is lost."""

import json
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from fastapi import FastAPI

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import Page, expect

from benchmarks.page import updates
from qa.api import create_app
from qa.streaming import Gate
from tests.chromium import apart
from tests.conftest import Tally, Trials
from tests.qa.serving import serving_app
from tests.ui.conftest import Place, Visit
from tests.ui.test_browser import COST, PLANTS, ask, overflow, violations
from ui.page.mount import mount_page

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PLACE = re.compile(r"You are number (\d+) in line")
FULL = "Too many questions are waiting at the moment"


@dataclass(frozen=True, slots=True)
class Told:
    """What one chat was told: its places in the line, and how it ended."""

    places: tuple[int, ...]
    answered: bool
    refused: bool


def chat(address: str, question: str) -> Told:
    said = [update for _, update in updates(address, question)]
    assert json.loads(said[-1])["success"]
    text = " ".join(said)
    return Told(tuple(map(int, PLACE.findall(text))), "fn-acts" in text, FULL in text)


@dataclass(frozen=True, slots=True)
class Narrow:
    """A Footnote that answers one question at a time and lets two wait, and is busy until it is released."""

    address: str
    gate: Gate
    release: threading.Event


@contextmanager
def narrow(place: Place) -> Iterator[Narrow]:
    app = create_app(place.library, place.settings)
    gate = app.state.gate = Gate(workers=1, queue=2)
    release = threading.Event()

    async def mounted() -> FastAPI:
        # Inside of an event loop, or Gradio makes one that nobody closes.
        return mount_page(app, place.library, place.settings)

    @app.post("/hold")
    async def hold() -> bool:
        return await gate.run(partial(release.wait, 60))

    with ThreadPoolExecutor() as pool, serving_app(apart(mounted())) as address:
        pool.submit(httpx.post, f"{address}/hold", timeout=90)
        try:
            yield Narrow(address, gate, release)
        finally:
            release.set()


def wait_until_waiting(gate: Gate, count: int) -> None:
    for _ in range(200):
        if len(gate._line) == count:
            return
        threading.Event().wait(0.05)
    assert len(gate._line) == count


def test_chats_at_once_are_all_answered(served: Place, trials: Trials, tally: Tally) -> None:
    chats = trials(20, 34)
    with ThreadPoolExecutor(chats) as pool:
        told = list(pool.map(lambda number: chat(served.address, (COST, PLANTS)[number % 2]), range(chats)))
    lost = [one for one in told if not (one.answered or one.refused)]
    waited = sum(bool(one.places) for one in told)
    tally(
        "chats at once",
        tried=chats,
        answered=sum(one.answered for one in told),
        told_their_place=waited,
        lost=len(lost),
    )
    assert lost == []
    # The line has room for 32.
    assert all(one.answered for one in told)
    assert waited >= 2


def test_each_is_told_its_place_in_the_order_they_came_and_the_next_that_there_is_no_room(place: Place) -> None:
    with narrow(place) as server, ThreadPoolExecutor() as pool:
        first = pool.submit(chat, server.address, COST)
        wait_until_waiting(server.gate, 1)
        second = pool.submit(chat, server.address, PLANTS)
        wait_until_waiting(server.gate, 2)
        assert chat(server.address, COST) == Told((), answered=False, refused=True)
        server.release.set()
        assert first.result() == Told((1,), answered=True, refused=False)
        told = second.result()
        assert told.places[0] == 2
        assert told.answered


@contextmanager
def visiting(browser: "Browser", address: str, **look: Any) -> Iterator[Page]:  # noqa: ANN401 - as Playwright has it
    context = browser.new_context(**{"locale": "en-GB", **look})
    made = Visit(context.new_page())
    made.page.on("pageerror", lambda error: made.errors.append(str(error)))
    made.page.on("console", lambda line: made.errors.append(line.text) if line.type == "error" else None)
    made.page.goto(f"{address}/ui/")
    made.page.wait_for_selector(".fn-status")
    yield made.page
    context.close()
    assert made.errors == []


@pytest.mark.parametrize(("width", "locale"), [(1280, "en-GB"), (390, "ko-KR")])
def test_the_page_shows_the_place_and_keeps_a_question_there_is_no_room_for(
    place: Place, browser: "Browser", width: int, locale: str
) -> None:
    korean = locale == "ko-KR"
    look: dict[str, Any] = {"viewport": {"width": width, "height": 844}, "locale": locale}
    with narrow(place) as server, visiting(browser, server.address, **look) as page, ThreadPoolExecutor() as pool:
        box = page.locator("#fn-question textarea")
        waiting = pool.submit(chat, server.address, PLANTS)
        wait_until_waiting(server.gate, 1)
        box.fill(COST)
        box.press("Enter")
        line = page.get_by_role("status").filter(has_text="2번째" if korean else "You are number 2 in line")
        expect(line).to_be_visible()
        expect(page.locator(".fn-question")).to_contain_text(COST)
        expect(box).to_have_value("")
        assert (violations(page), overflow(page)) == ([], 0)
        with visiting(browser, server.address, **look) as other:
            other.locator("#fn-question textarea").fill(PLANTS)
            other.locator("#fn-question textarea").press("Enter")
            expect(other.locator("#fn-filter-line")).to_contain_text("너무 많습니다" if korean else FULL)
            expect(other.locator("#fn-question textarea")).to_have_value(PLANTS)
            expect(other.locator("#fn-chat .message")).to_have_count(0)
            expect(other.locator("#fn-ask-button")).to_be_visible()
            assert (violations(other), overflow(other)) == ([], 0)
            server.release.set()
            expect(page.locator("#fn-chat .fn-acts")).to_have_count(1, timeout=20_000)
            assert waiting.result().answered
            # What is asked again when there is room takes the word back.
            ask(other, PLANTS, stop="중지" if korean else "Stop")
            expect(other.locator("#fn-chat .fn-acts")).to_have_count(1, timeout=20_000)
            expect(other.locator("#fn-filter-line")).to_have_text("")


def test_who_stops_or_leaves_makes_room(place: Place, browser: "Browser") -> None:
    with narrow(place) as server, visiting(browser, server.address) as page:
        page.locator("#fn-question textarea").fill(COST)
        page.locator("#fn-question textarea").press("Enter")
        wait_until_waiting(server.gate, 1)
        page.get_by_role("button", name="Stop", exact=True).click()
        expect(page.locator(".fn-answer")).to_have_text("Stopped.")
        wait_until_waiting(server.gate, 0)
        with visiting(browser, server.address) as other:
            other.locator("#fn-question textarea").fill(COST)
            other.locator("#fn-question textarea").press("Enter")
            expect(other.get_by_role("status").filter(has_text="You are number 1 in line")).to_be_visible()
        wait_until_waiting(server.gate, 0)
