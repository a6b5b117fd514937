"""What a question asks for, and which spans answer to that."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qa.questions import (
    answer_kind,
    asks_yes_or_no,
    beside_year,
    missing_share,
    names_in,
    numbers_in,
    parts_of,
    spans_of,
    unsaid,
)


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("When did the mill open?", "date"),
        ("공장은 언제 열렸나?", "date"),
        ("몇 년에 열렸나요?", "date"),
        ("What percentage of mills burned?", "percent"),
        ("How much did the new mill cost?", "money"),
        ("예산은 얼마인가요?", "money"),
        ("How many mills are there?", "number"),
        ("공장은 몇 개인가요?", "number"),
        ("Who owned the mill?", "person"),
        ("누가 공장을 샀나요?", "person"),
        ("Which companies run mills?", "person"),
        ("Where is the mill?", "place"),
        ("회의는 어디에서 열렸나요?", "place"),
        ("Why did it burn?", "reason"),
        ("What is a mill?", "open"),
    ],
)
def test_the_kind_of_a_question(question: str, kind: str) -> None:
    assert answer_kind(question) == kind


@pytest.mark.parametrize(
    ("kind", "sentence", "expected"),
    [
        ("money", "It cost 436.6 billion won, up from $3.2 million.", ["436.6 billion won", "$3.2 million"]),
        ("money", "예산은 4,366억 원이다.", ["4,366억 원"]),
        ("percent", "Adoption is under 5% now.", ["5%"]),
        ("date", "It opened on Sept. 18, 2025, not in 1901.", ["Sept. 18, 2025", "1901"]),
        ("date", "2025년 6월 10일에 발표했다.", ["2025년 6월 10일"]),
        ("number", "There are 1,000 mills and three owners.", ["1,000", "three"]),
        ("number", "Of 12 mills, 40% or 4.5 percent burned.", ["12"]),
        ("person", "It was sold to Ada Byron in May.", ["Ada Byron", "May"]),
    ],
)
def test_the_spans_of_a_kind(kind: str, sentence: str, expected: list[str]) -> None:
    spans = spans_of(kind, sentence, "?")  # type: ignore[arg-type]
    assert [sentence[start:end] for start, end in spans] == expected


def test_what_the_question_says_is_no_answer() -> None:
    assert spans_of("date", "In 1901 it opened.", "What happened in 1901?") == []


def test_what_a_question_names_and_the_text_lacks() -> None:
    question = "Did Samsung build 1,000 mills in 2031?"
    assert names_in(question) == ["Samsung"]
    assert numbers_in(question) == ["1000", "2031"]
    assert missing_share(numbers_in(question), "There will be 1,000 mills by 2030.") == 0.5
    assert missing_share([], "anything") == 0.0


# The first Korean text loads Kiwi.
@settings(deadline=None)
@given(st.sampled_from(["percent", "money", "date", "number", "person", "place", "reason", "open"]), st.text())
def test_spans_lie_in_the_sentence_in_order(kind: str, sentence: str) -> None:
    spans = spans_of(kind, sentence, "")  # type: ignore[arg-type]
    assert all(0 <= start < end <= len(sentence) for start, end in spans)
    assert spans == sorted(spans)


@pytest.mark.parametrize("hostile", ["1," * 50_000, "1 억 " * 30_000, "A " * 50_000, "Jan " * 25_000, "9" * 100_000])
def test_no_sentence_makes_the_patterns_slow(hostile: str) -> None:
    for kind in ("percent", "money", "date", "number", "person"):
        spans_of(kind, hostile, "")


@pytest.mark.parametrize(
    "question", ["Is the mill open?", "Did Ada buy it?", "Won't it burn?", "공장은 열렸나요?", "이미 문을 닫았어?"]
)
def test_a_yes_or_no_is_wanted(question: str) -> None:
    assert asks_yes_or_no(question)


@pytest.mark.parametrize(
    "question", ["What is it?", "Is it red or blue?", "mill opening hours", "공장은 언제 열렸나요?", "누가 샀어?", ""]
)
def test_no_yes_or_no_is_wanted(question: str) -> None:
    assert not asks_yes_or_no(question)


@pytest.mark.parametrize(
    ("question", "parts"),
    [
        ("When was the mill built and who owns it now?", ["When was the mill built?", "Who owns it now?"]),
        ("Who owns the mill? And how many looms are there?", ["Who owns the mill?", "How many looms are there?"]),
        ("공장은 언제 세워졌고 누가 가지고 있나요?", ["공장은 언제 세워졌고?", "누가 가지고 있나요?"]),
        ("Who and what is Ada?", ["Who and what is Ada?"]),
        ("What do mills and looms cost?", ["What do mills and looms cost?"]),
        ("Ada said when and where it burned", ["Ada said when and where it burned"]),
    ],
)
def test_a_question_of_two_parts(question: str, parts: list[str]) -> None:
    assert parts_of(question) == parts


@given(st.text())
def test_parts_of_anything_are_one_or_two(question: str) -> None:
    parts = parts_of(question)
    assert parts == [question] or len(parts) == 2


def test_what_is_unsaid_comes_in_order_and_once() -> None:
    question = "Did Samsung or LG's owner build 1,000 mills in 2031 for Samsung?"
    assert unsaid(question, "LG built 1000 mills.") == ("Samsung", "2031")
    assert unsaid("how many?", "") == ()


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("How many plants were in the project in 2024?", ["26"]),
        ("How many plants will be in the project by 2030?", ["500"]),
        ("How many plants are in the project?", []),
        ("How many plants were in the project in 2019?", []),
    ],
)
def test_of_several_figures_the_one_beside_the_year_is_told(question: str, expected: list[str]) -> None:
    sentence = "To that end, it will expand the number of plants to 500 by 2030 (26 in 2024), and lend 1,000 won."
    spans = beside_year(sentence, question, spans_of("number", sentence, question))
    assert [sentence[start:end] for start, end in spans] == expected


@given(st.text(max_size=80), st.text(max_size=40))
def test_what_stands_beside_a_year_is_among_the_spans(sentence: str, question: str) -> None:
    spans = [(at, at + 1) for at in range(0, len(sentence), 3)]
    assert set(beside_year(sentence, question, spans)) <= set(spans)
