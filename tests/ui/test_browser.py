"""The page in a real browser: what a visitor does, from a question to the marked sentence and a rebuild."""

import re
import time

import pytest

pytest.importorskip("playwright.sync_api")

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import FilePayload, Page, expect

from tests.ui.conftest import Place, Visitor

COST = "How much does a single ferry ticket cost?"
PLANTS = "How many plants will be in the leading AI factory project by 2030?"
UNKNOWN = "Who won the football world cup in 2018?"
TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")


def ask(page: Page, question: str, *, stop: str = "Stop") -> None:
    """Ask and wait until the answer is complete."""
    before = page.locator("#fn-chat .bot-row").count()
    box = page.locator("#fn-question textarea")
    box.fill(question)
    box.press("Enter")
    expect(page.locator("#fn-chat .bot-row")).to_have_count(before + 1, timeout=20_000)
    expect(page.locator(".fn-waiting")).to_have_count(0, timeout=20_000)
    expect(page.get_by_role("button", name=stop, exact=True)).to_have_count(0)


# What moves is judged at its faintest: the end of what ends, the middle of what goes on for ever.
STILL = """() => document.getAnimations().forEach((one) => {
  const { duration, iterations } = one.effect.getComputedTiming();
  if (iterations !== Infinity) return one.finish();
  one.pause();
  one.currentTime = duration / 2;
})"""
MOVE = "() => document.getAnimations().forEach((one) => one.play())"


def violations(page: Page) -> list[str]:
    """Name what axe finds against WCAG A and AA and its best practices, whatever moves at the time."""
    page.evaluate(STILL)
    found = Axe().run(page, options={"runOnly": list(TAGS)}).response["violations"]
    page.evaluate(MOVE)
    return [f"{item['id']}: {[node['target'] for node in item['nodes']]}" for item in found]


def overflow(page: Page) -> int:
    width: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return width


def test_a_number_opens_the_article_at_the_quoted_sentence_and_escape_leads_back(visit: Visitor) -> None:
    page = visit("?__theme=dark").page  # a query string, which breaks plain links in Gradio's pages
    ask(page, COST)
    quote = page.locator(".fn-quote q").first.text_content()
    assert quote == "A single ticket costs 3 crowns, and children under six travel free."
    number = page.locator("a.fn-cite").first
    number.focus()
    page.keyboard.press("Enter")
    mark = page.locator("#t1-c1-mark")
    expect(mark).to_be_focused()
    expect(mark).to_be_in_viewport()
    assert mark.text_content() == quote
    assert "Forty boats now cross the bay" in (page.locator("#t1-c1 .fn-article").text_content() or "")
    page.keyboard.press("Escape")
    expect(number).to_be_focused()
    number.click()
    page.get_by_role("button", name="Back to the answer").click()
    expect(number).to_be_focused()
    assert page.url.endswith("?__theme=dark")
    assert violations(page) == []


def test_earlier_answers_keep_their_citations(visit: Visitor) -> None:
    page = visit().page
    ask(page, COST)
    ask(page, PLANTS)
    assert page.locator("#t2-c1").is_visible()
    expect(page.locator("#t1-c1")).to_be_hidden()
    page.locator("a.fn-cite[href='#t1-c1']").click()
    mark = page.locator("#t1-c1-mark")
    expect(mark).to_be_focused()
    assert mark.text_content() == page.locator(".fn-quote q").first.text_content()
    assert violations(page) == []
    page.get_by_role("button", name="New conversation").click()
    expect(page.locator("#fn-chat .message")).to_have_count(0)
    expect(page.locator(".fn-card")).to_have_count(0)


def test_hostile_text_stays_text(visit: Visitor) -> None:
    page = visit().page
    question = (
        'What did Mayor Ida Holm say? <img src=x onerror="document.title=1"> ![a](https://example.org/x.png) ${1}'
    )
    ask(page, question)
    assert page.locator(".fn-question").first.text_content() == f"Your question: {question}"
    assert page.locator("#fn-chat img, #fn-sources img, #fn-sources script").count() == 0
    assert "<img src=x onerror=alert(1)>" in (page.locator("#fn-sources").text_content() or "")
    assert "${1+1} May {{later}}" in (page.locator("#fn-sources").text_content() or "")
    assert page.title() == "Footnote"


def test_what_the_articles_do_not_say_is_said_with_the_closest_passage(visit: Visitor) -> None:
    page = visit().page
    page.get_by_role("button", name="Filters").click()
    page.get_by_label("Published from").fill("2026-01-01")
    expect(page.locator("#fn-filter-line")).to_have_text("Filters on: from 1 Jan 2026")
    ask(page, UNKNOWN)
    answer = page.locator(".fn-answer").last
    expect(answer).to_contain_text("The articles don’t answer this.")
    expect(answer).to_contain_text("Loosen the filters: from 1 Jan 2026")
    page.get_by_role("link", name="Read it in its article").click()
    expect(page.locator("#t1-c0-mark")).to_be_focused()
    assert violations(page) == []


def test_a_follow_up_is_understood_and_says_how(visit: Visitor) -> None:
    page = visit().page
    ask(page, "Who is Mayor Ida Holm?")
    ask(page, "What did she say?")
    expect(page.locator(".fn-answer").last).to_contain_text("Understood as: What did Mayor Ida Holm say?")
    expect(page.locator(".fn-question").last).to_be_in_viewport()
    # Without a language model there is nothing to choose.
    expect(page.locator("#fn-generate")).to_have_count(0)
    assert violations(page) == []


def test_filters_keep_articles_out(visit: Visitor) -> None:
    page = visit().page
    page.get_by_role("button", name="Filters").click()
    page.get_by_label("Published from").fill("2026-02-01")
    page.get_by_label("Published to").fill("2026-01-01")
    expect(page.locator("#fn-filter-line")).to_contain_text("later than")
    page.get_by_label("Published to").fill("")
    page.get_by_label("Korean", exact=True).check()
    expect(page.locator("#fn-filter-line")).to_contain_text("from 1 Feb 2026 · Korean")
    ask(page, "여객선 편도 요금은 얼마인가?")
    assert set(page.locator(".fn-card .fn-title").all_text_contents()) == {"솔트미어, 여객선 운항 두 배로"}


def test_an_example_is_answered(visit: Visitor) -> None:
    page = visit().page
    example = page.locator("#fn-examples button").first
    expect(example).to_be_visible(timeout=20_000)
    text = example.text_content() or ""
    example.click()
    expect(page.locator("a.fn-cite").first).to_be_visible(timeout=20_000)
    assert text in (page.locator(".fn-question").first.text_content() or "")


def test_korean_browsers_get_korean(visit: Visitor) -> None:
    page = visit(locale="ko-KR").page
    expect(page.get_by_role("tab", name="질문")).to_be_visible()
    expect(page.locator(".fn-status")).to_contain_text("기사 6건")
    expect(page.get_by_role("button", name="질문하기")).to_be_visible()
    ask(page, "편도 요금은 얼마인가?", stop="중지")
    page.locator("a.fn-cite").first.click()
    expect(page.locator("#t1-c1-mark")).to_have_text("편도 요금은 3크라운이다.")
    expect(page.locator("#fn-sources")).to_contain_text("2026년 2월 1일")
    assert violations(page) == []


@pytest.mark.parametrize("width", [320, 390, 768])
def test_nothing_scrolls_sideways_on_a_phone(visit: Visitor, width: int) -> None:
    page = visit(width=width, height=844).page
    assert overflow(page) <= 0
    ask(page, COST)
    page.locator("a.fn-cite").first.click()
    expect(page.locator("#t1-c1-mark")).to_be_in_viewport()
    assert overflow(page) <= 0
    page.get_by_role("tab", name="Library").click()
    expect(page.locator(".fn-table")).to_be_visible()
    assert overflow(page) <= 0
    if width == 390:
        assert violations(page) == []


def test_an_uploaded_article_is_answerable_after_a_rebuild(visit: Visitor, served: Place) -> None:
    page = visit().page
    page.get_by_role("tab", name="Library").click()
    expect(page.locator(".fn-table")).to_contain_text("Harbour town doubles its ferry service")
    expect(page.locator("#fn-problems")).to_contain_text("1 file could not be used")
    text = "Lighthouse reopens\n\nThe lighthouse keeper of Saltmere is called Bo Lind. The tower is 41 metres tall."
    files: list[FilePayload] = [
        {"name": "등대 <b>.txt", "mimeType": "text/plain", "buffer": text.encode()},
        {"name": "picture.png", "mimeType": "image/png", "buffer": b"\x89PNG"},
    ]
    page.locator("#fn-upload ~ input[type=file], #fn-actions input[type=file]").first.set_input_files(files)
    expect(page.locator("#fn-outcomes li")).to_have_count(2)
    expect(page.locator("#fn-outcomes li.fn-added")).to_contain_text("등대")
    expect(page.locator("#fn-outcomes li.fn-refused")).to_contain_text("picture.png not added")
    expect(page.locator(".fn-status")).to_contain_text("1 file waiting for a rebuild")
    assert violations(page) == []
    page.get_by_role("button", name="Rebuild the index").click()
    other = visit().page  # another tab sees the same job
    other.get_by_role("tab", name="Library").click()
    expect(page.locator("#fn-job")).to_contain_text("The index was rebuilt: 1 new", timeout=30_000)
    expect(page.locator(".fn-table")).to_contain_text("Lighthouse reopens")
    expect(other.locator(".fn-table")).to_contain_text("Lighthouse reopens", timeout=10_000)
    expect(page.locator(".fn-status")).to_contain_text("7 articles")
    page.get_by_role("tab", name="Ask").click()
    ask(page, "Who is the lighthouse keeper of Saltmere?")
    expect(page.locator(".fn-quote q").first).to_have_text("The lighthouse keeper of Saltmere is called Bo Lind.")


def test_an_article_has_a_page_of_its_own(visit: Visitor, served: Place) -> None:
    page = visit().page
    ask(page, COST)
    page.locator("a.fn-cite").first.click()
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Open in a new tab").click()
    article = opened.value
    article.wait_for_load_state()
    assert article.locator("mark").text_content() == page.locator("#t1-c1-mark").text_content()
    expect(article.locator("mark")).to_be_in_viewport()
    assert violations(article) == []
    assert article.locator("h1").text_content() == "Harbour town doubles its ferry service <img src=x onerror=alert(1)>"


def test_the_empty_page_is_light_and_keeps_no_connection_open(visit: Visitor) -> None:
    begun = time.perf_counter()
    made = visit()
    assert time.perf_counter() - begun < 10
    made.page.wait_for_timeout(500)
    assert not [url for url in made.requests if re.search(r"heartbeat|fonts\.|huggingface|api\.gradio", url)]
    assert len(made.requests) < 130
    assert violations(made.page) == []
