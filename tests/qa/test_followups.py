"""Follow-up questions: what is put back, what is left alone, and laws that hold for any texts."""

import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from qa.followups import Standalone, Turn, standalone

BUDGET = Turn("What is the budget of the smart factory programme in 2025?", "It is 236.1 billion won. [1]")
BUDGET_KO = Turn("2025년 스마트공장 구축 예산은 얼마인가?", "올해 2,361억원이다. [1]")
COMPANY_KO = Turn("AI 고로를 도입한 회사는 어디인가?", "포스코는 AI 고로를 도입해 생산성을 높였다고 소개했다. [1]")


def understood(question: str, *turns: Turn) -> str:
    return standalone(question, turns, similarity=None).text


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("and in 2026?", "What is the budget of the smart factory programme in 2026?"),
        ("and in June?", "What is the budget of the smart factory programme in June 2025?"),
        ("who said that?", "Who said that about the budget of the smart factory programme in 2025?"),
        ("why?", "Why? (the budget of the smart factory programme in 2025)"),
        ("how much?", "How much? (the budget of the smart factory programme in 2025)"),
        ("what about Samsung?", "What about Samsung? (the budget of the smart factory programme in 2025)"),
        ("and the second one?", "And the second one? (the budget of the smart factory programme in 2025)"),
        ("where is it?", "Where is the smart factory programme?"),
        ("when did they start?", "When did the smart factory programme start?"),
        ("What about the deadline?", "What about the deadline of the smart factory programme?"),
        ("When was the programme announced?", "When was the smart factory programme announced?"),
        ("What does the ministry say about that?", "What does the ministry say about the smart factory programme?"),
        ("tell me more", "Tell me more about the smart factory programme."),
    ],
)
def test_english_follow_ups(question: str, expected: str) -> None:
    assert understood(question, BUDGET) == expected


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("2026년에는?", "2026년 스마트공장 구축 예산은 얼마인가?"),
        ("그럼 예산은?", "스마트공장 구축 예산은?"),
        ("그건 언제야?", "스마트공장 구축은 언제야?"),
        ("왜?", "왜? (2025년 스마트공장 구축 예산)"),
        ("누가 그랬어?", "2025년 스마트공장 구축 예산에 대해 누가 그랬어?"),
        ("삼성은?", "삼성은? (2025년 스마트공장 구축 예산)"),
        ("더 자세히", "스마트공장 구축에 대해 더 자세히"),
        ("그것으로는 뭘 해?", "스마트공장 구축으로는 뭘 해?"),
        ("그거로는 뭘 해?", "스마트공장 구축으로는 뭘 해?"),
        ("그 회사는 어디에 있어?", "그 회사는 어디에 있어? (2025년 스마트공장 구축 예산)"),
    ],
)
def test_korean_follow_ups(question: str, expected: str) -> None:
    assert understood(question, BUDGET_KO) == expected


@pytest.mark.parametrize(
    "question",
    [
        "What is the capital of France?",
        "Is it possible to extend the web chat?",
        "Is there a plan?",
        "Tell me more about debt consolidation - is it a good idea?",
        "How do companies hire their employees?",
        "If Samsung builds a plant, will it need water?",
        "Which ministry announced the law that is in force?",
        "  What is IMEC ?\n",
        "국가전략기술 서밋은 어디에서 열렸나?",
        "소부장 특화단지란 무엇이고 그 목적은 무엇인가?",
        "네이버 블로그의 반응은 어때?",
        "¿qué?",
        "?",
        "",
    ],
)
def test_a_new_topic_stays_as_it_is(question: str) -> None:
    for turn in (BUDGET, BUDGET_KO):
        assert standalone(question, [turn], similarity=None) == Standalone(question, False, None)


def test_the_answer_lends_the_name_that_was_asked_for() -> None:
    who = Turn("Who promised a package?", "Deputy Prime Minister Koo Yoon-cheol promised it on the 19th. [1]")
    company = Turn("Which company uses a smart blast furnace?", "POSCO reported that it uses AI. [1]")
    assert understood("where did he speak?", who) == "Where did Koo Yoon-cheol speak?"
    assert understood("where is that company?", company) == "Where is POSCO?"
    assert understood("그 회사는 어디에 있어?", COMPANY_KO) == "포스코는 어디에 있어?"


def test_a_chain_is_made_standalone_turn_by_turn() -> None:
    turns = [Turn("Where is IMEC?"), Turn("Who founded it?"), Turn("thanks"), Turn("why?")]
    assert standalone("and who owns it?", turns, similarity=None) == Standalone("Who owns IMEC?", True, 3)
    assert understood("그럼 2027년에는?", BUDGET_KO, Turn("2026년에는?")) == "2027년 스마트공장 구축 예산은 얼마인가?"


def test_the_turn_that_lent_the_context_is_named() -> None:
    turns = [BUDGET, Turn("ok"), Turn("thanks!")]
    assert standalone("where is it?", turns, similarity=None).from_turn == 0


def test_the_embedder_says_which_phrase_is_replaced() -> None:
    turn = Turn("Does Samsung work with Hyundai?")
    first = standalone("what about Kia?", [turn], similarity=lambda _, text: float(text == "Samsung"))
    second = standalone("what about Kia?", [turn], similarity=lambda _, text: float(text == "Hyundai"))
    assert first.text == "Does Kia work with Hyundai?"
    assert second.text == "Does Samsung work with Kia?"


@pytest.mark.parametrize(("cosine", "changed"), [(0.9, True), (0.1, False)])
def test_bare_keywords_go_on_only_when_they_are_near(cosine: float, changed: bool) -> None:
    found = standalone("disaster recovery", [BUDGET], similarity=lambda _one, _other: cosine)
    assert found.changed is changed


SAID = """
it its they he she that this there one which what when why how much is does and about the company plan Samsung IMEC
2025 2026 in of budget who said ? . , ( ) more
그 그건 그럼 회사는 예산은 2026년에는 왜 언제 어디 누가 이 사업은 두 번째 삼성은 더 자세히 거기서
"""
WORDS = st.sampled_from(SAID.split())
TEXT = st.one_of(st.text(max_size=60), st.lists(WORDS, max_size=9).map(" ".join))
TURNS = st.lists(st.builds(Turn, TEXT, TEXT), max_size=4)


@given(TEXT, TURNS)
@example("why?", [BUDGET, Turn("and in 2026?")])
@settings(max_examples=150, deadline=None)
def test_laws(question: str, turns: list[Turn]) -> None:
    """Never raises; unchanged means byte for byte; a standalone question stays as it is, given the same turns."""
    first = standalone(question, turns, similarity=None)
    assert first.changed == (first.text != question) == (first.from_turn is not None)
    assert standalone(first.text, turns, similarity=None).text == first.text
    assert standalone(question, [], similarity=None) == Standalone(question, False, None)


@pytest.mark.parametrize(
    "hostile", ["it " * 130, "and " * 100, "더 " * 200, "그 " * 200, "A of " * 80, '"' * 400, "the " * 5000]
)
def test_hostile_texts_cost_little(hostile: str) -> None:
    start = time.process_time()
    standalone(hostile, [Turn(hostile, hostile)] * 8, similarity=None)
    assert time.process_time() - start < 1


def test_a_question_costs_less_than_two_milliseconds() -> None:
    times = []
    for number in range(30):
        turns = [BUDGET, Turn(f"Who runs programme {number}?")]
        start = time.process_time()
        standalone(f"and in {2000 + number}?", turns, similarity=None)
        times.append(time.process_time() - start)
    assert sorted(times)[len(times) // 2] < 0.002


def test_a_counter_is_no_part_of_what_a_question_is_about() -> None:
    turns = [Turn("AI 팩토리는 2030년까지 몇 개로 늘어나나?")]
    assert standalone("그럼 예산은?", turns, similarity=None).text == "AI 팩토리 예산은?"
