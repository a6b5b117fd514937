"""Conversations from files in a real browser: what was saved comes back once, and what is none changes nothing."""

import json
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import FilePayload, Page, expect

from tests.ui.conftest import Visitor
from tests.ui.test_browser import COST, PLANTS, ask, violations
from tests.ui.test_browser_history import (
    assert_first_answer_leads_to_its_article,
    history,
    kept,
    made,
    put,
    saved,
    wait_for,
)


def bring_in(page: Page, *files: tuple[str, str]) -> None:
    chosen = [FilePayload(name=name, mimeType="application/json", buffer=text.encode()) for name, text in files]
    page.locator("#fn-history-files").set_input_files(chosen)


def test_saved_conversations_are_imported_once_and_open_with_their_sources(visit: Visitor) -> None:
    page = visit().page
    says = page.locator("#fn-history-says")
    ask(page, COST)
    wait_for(page, [[COST]])
    history(page)
    _, alone = saved(page, "Save as JSON")
    page.get_by_role("tab", name="Ask").click()
    ask(page, PLANTS)
    wait_for(page, [[COST, PLANTS]])
    history(page)
    name, whole = saved(page, "Save all as JSON", within="#fn-history-tools")
    # What goes on here is here, also as it was earlier.
    bring_in(page, (name, whole), ("earlier.json", alone))
    expect(says).to_have_text("2 were here already.")
    page.get_by_role("button", name="Delete all").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete all").click()
    expect(page.get_by_role("heading", name="No conversations yet")).to_be_visible()
    bring_in(page, (name, whole), ("twice.json", whole))
    expect(says).to_have_text("1 conversation was imported. 1 was here already.")
    assert violations(page) == []
    wait_for(page, [[COST, PLANTS]])
    assert kept(page)[0]["updated"] == pytest.approx(page.evaluate("Date.now()"), abs=600_000)
    page.get_by_role("button", name=COST, exact=True).click()
    expect(page.locator("#fn-chat .bot-row")).to_have_count(2, timeout=20_000)
    assert_first_answer_leads_to_its_article(page)


def test_files_that_hold_no_conversations_change_nothing(visit: Visitor) -> None:
    page = visit().page
    history(page)
    turn = {"version": 1, "id": "x", "question": "<img src=x onerror='document.title=1'>"}
    wrong: list[Any] = [
        7, [], {}, {"turns": []}, {"turns": [7]}, {"turns": [{**turn, "version": 2}]}, {"turns": [{**turn, "id": ""}]},
        {"turns": [{**turn, "question": "x" * 30_000}]}, {"turns": [{**turn, "citations": 7}]},
        {"turns": [{**turn, "citations": [{"index": 1, "cited_text": {}}]}]}, {"turns": [{**turn, "conflicts": [{}]}]},
        {"turns": [{**turn, "written": {"sentences": 1}}]}, {"turns": [{**turn, "missing": [1]}]},
        [{"turns": [turn]}, None],
    ]  # fmt: skip
    files = [(f"{number}.json", json.dumps(one)) for number, one in enumerate(wrong)]
    bring_in(page, *files, ("text.json", "no json"), ("<b>.json", "x" * (10 * 2**20 + 1)))
    says = page.locator("#fn-history-says")
    expect(says).to_contain_text("“text.json” holds no conversations saved as JSON.")
    expect(says).to_contain_text("“<b>.json” is larger than 10 MB.")
    assert (says.text_content() or "").count("holds no conversations") == len(wrong) + 1
    assert kept(page) == []
    # A shape that is right says nothing yet: its words stay words, and no receipt is made of it.
    bring_in(page, ("right.json", json.dumps({"name": turn["question"], "updated": "9999", "turns": [turn]})))
    expect(says).to_have_text("1 conversation was imported.")
    assert page.locator("#fn-history img").count() == 0
    saved(page, "Save as Markdown")
    page.locator(".fn-history-open").click()
    page.wait_for_timeout(1500)
    expect(page.locator("#fn-chat .message")).to_have_count(0)
    assert page.title() == "Footnote"


def test_a_full_browser_takes_the_newest(visit: Visitor) -> None:
    page = visit().page
    put(page, *(made(f"Kept {number}") for number in range(198)))
    history(page)
    turn = {"version": 1, "id": "new", "question": "New?"}
    days = [
        {"name": f"Day {day}", "updated": f"2026-01-0{day}", "turns": [{**turn, "id": f"n{day}"}]} for day in (1, 2, 3)
    ]
    bring_in(page, ("days.json", json.dumps(days)))
    expect(page.locator("#fn-history-says")).to_have_text("2 conversations were imported. There is no room for 1 more.")
    names = {one["name"] for one in kept(page)}
    assert {"Day 3", "Day 2", "Kept 0"} < names
    assert "Day 1" not in names
