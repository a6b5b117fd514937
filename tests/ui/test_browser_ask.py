"""What can be done with an answer, in a real browser."""

import json

import pytest

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import Page, expect

from tests.ui.conftest import Place, Visitor
from tests.ui.test_browser import COST, PLANTS, UNKNOWN, ask, overflow, violations

BOATS = "How many boats cross the bay each day?"
LAMPS = "How many street lamps will Ulmen replace?"


def settled(page: Page, questions: int) -> None:
    """Wait until so many questions are answered."""
    expect(page.locator("#fn-chat .fn-question")).to_have_count(questions, timeout=20_000)
    expect(page.locator("#fn-chat .bot-row .fn-acts")).to_have_count(questions, timeout=20_000)
    expect(page.get_by_role("button", name="Stop", exact=True)).to_have_count(0)


def act(page: Page, name: str) -> None:
    page.locator("#fn-chat .bot-row").last.get_by_role("button", name=name).click()


def test_the_last_question_can_be_asked_again_edited_and_taken_back(visit: Visitor) -> None:
    page = visit().page
    ask(page, COST)
    ask(page, PLANTS)
    before = page.locator("#t2").get_attribute("data-answer") or ""
    act(page, "Ask again")
    expect(page.locator("#t2")).not_to_have_attribute("data-answer", before, timeout=20_000)
    settled(page, 2)
    assert "AI factory" in (page.locator(".fn-question").last.text_content() or "")
    act(page, "Edit question")
    box = page.locator("#fn-question textarea")
    expect(box).to_have_value(PLANTS)
    expect(page.locator("#fn-editing")).to_be_visible()
    box.fill(BOATS)
    box.press("Enter")
    expect(page.locator(".fn-question").last).to_contain_text("boats cross", timeout=20_000)
    settled(page, 2)
    expect(page.locator("#fn-editing")).to_have_count(0)
    expect(page.locator(".fn-answer").last).to_contain_text("Forty boats")
    act(page, "Take back")
    settled(page, 1)
    expect(box).to_have_value(BOATS)
    expect(page.locator("#t1-c1")).to_be_visible()
    expect(page.locator("#t2")).to_have_count(0)
    assert violations(page) == []


def test_editing_can_be_given_up(visit: Visitor) -> None:
    page = visit().page
    ask(page, COST)
    act(page, "Edit question")
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#fn-editing")).to_have_count(0)
    expect(page.locator("#fn-question textarea")).to_have_value("")
    ask(page, BOATS)
    expect(page.locator(".fn-question")).to_have_count(2)


def test_only_the_last_answer_offers_what_changes_the_conversation(visit: Visitor) -> None:
    page = visit().page
    ask(page, COST)
    ask(page, BOATS)
    expect(page.get_by_role("button", name="Ask again")).to_have_count(1)
    expect(page.get_by_role("button", name="Copy with sources")).to_have_count(2)


def test_copying_takes_the_quotations_and_where_they_stand(visit: Visitor) -> None:
    page = visit().page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    ask(page, COST)
    act(page, "Copy with sources")
    expect(page.get_by_text("Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith(COST)
    assert "“A single ticket costs 3 crowns, and children under six travel free.” [1]" in copied
    assert "The Example Post" in copied
    assert "/articles/ferry.md?start=" in copied


@pytest.mark.parametrize("width", [1280, 390])
def test_a_collection_with_those_below_it_is_asked_alone(visit: Visitor, width: int) -> None:
    page = visit(width=width, height=844).page
    page.get_by_role("button", name="Filters").click()
    collections = page.get_by_role("group", name="Collections")
    collections.get_by_label("policy/2025", exact=True).check()
    line = page.locator("#fn-filter-line")
    expect(line).to_have_text("Filters on: collection policy/2025")
    assert overflow(page) <= 0
    assert violations(page) == []
    ask(page, LAMPS)
    answer = page.locator(".fn-answer").last
    expect(answer).to_contain_text("Loosen the filters: collection policy/2025")
    collections.get_by_label("policy", exact=True).check()
    expect(line).to_have_text("Filters on: collection policy/2025 · collection policy")
    # By the other way to a question, which takes the filters along as well.
    act(page, "Ask again")
    expect(page.locator(".fn-quote q").first).to_contain_text("900 street lamps", timeout=20_000)
    settled(page, 1)
    assert set(page.locator(".fn-card .fn-title").all_text_contents()) == {"Ulmen replaces its street lamps"}
    ask(page, COST)
    expect(page.locator(".fn-answer").last).to_contain_text("The articles don’t answer this.")
    assert violations(page) == []


def test_what_one_thinks_of_an_answer_is_kept_here(visit: Visitor, served: Place) -> None:
    page = visit().page
    sent: list[dict[str, object]] = []
    page.on("request", lambda request: sent.append(request.post_data_json) if "feedback" in request.url else None)
    ask(page, COST)
    act(page, "Good answer")
    expect(page.get_by_text("Noted, on this machine only.")).to_be_visible()
    ask(page, UNKNOWN)
    act(page, "Bad answer")
    assert violations(page) == []
    page.get_by_label("The articles do answer this").check()
    page.get_by_label("More about it").fill("It is in the ferry article.")
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#fn-why")).to_have_count(0)
    expect(page.locator(".fn-answer").last.get_by_text("Noted")).to_be_visible()
    assert [one["rating"] for one in sent] == ["up", "down"]
    assert sent[0]["citations"]
    assert sent[1]["reason"] == "not_in_articles_but_is"


def test_a_reader_goes_from_quotation_to_quotation_by_button_and_key(visit: Visitor) -> None:
    page = visit().page
    ask(page, "How many boats cross the bay each day, and how much is a ticket?")
    cards = page.locator("#t1 .fn-card").count()
    assert cards >= 2
    page.locator("a.fn-cite").first.click()
    expect(page.locator("#t1-c1-mark")).to_be_focused()
    page.locator("#t1-c1").get_by_role("button", name="Next quotation").click()
    expect(page.locator("#t1-c2-mark")).to_be_focused()
    page.keyboard.press("[")
    expect(page.locator("#t1-c1-mark")).to_be_focused()


def test_a_question_to_go_on_with_is_answered(visit: Visitor) -> None:
    page = visit().page
    ask(page, "What did Koo Yun-cheol say about AI factories?")
    suggestion = page.locator(".fn-go").first
    expect(suggestion).to_be_visible(timeout=20_000)
    text = suggestion.text_content() or ""
    suggestion.click()
    settled(page, 2)
    assert text in (page.locator(".fn-question").last.text_content() or "")
    assert page.locator(".fn-answer").last.locator("a.fn-cite").count() > 0


def test_a_server_that_is_gone_is_said_so_and_forgotten_when_it_is_back(visit: Visitor) -> None:
    made = visit()
    page = made.page
    page.route("**/v1/jobs**", lambda route: route.abort())
    expect(page.locator("#fn-gone")).to_contain_text("Nothing is lost", timeout=20_000)
    page.unroute("**/v1/jobs**")
    expect(page.locator("#fn-gone")).to_have_count(0, timeout=20_000)
    # The browser itself reports the requests that were refused.
    made.errors[:] = [line for line in made.errors if "Failed to load resource" not in line]


def test_a_command_that_makes_no_sense_changes_nothing(visit: Visitor) -> None:
    page = visit().page
    ask(page, COST)
    before = page.locator("#fn-chat").text_content()
    for text in (
        "{",
        '{"do": "format"}',
        json.dumps({"do": "open", "turns": [{"x": 1}, 3]}),
        json.dumps({"do": "again", "turn": 0}),
    ):
        page.evaluate(
            """(text) => {
              const area = document.querySelector("#fn-command textarea, #fn-command input");
              Object.getOwnPropertyDescriptor(Object.getPrototypeOf(area), "value").set.call(area, text);
              area.dispatchEvent(new Event("input", { bubbles: true }));
            }""",
            text,
        )
        page.wait_for_timeout(500)
    assert page.locator("#fn-chat").text_content() == before
