"""Two articles with two amounts for one quantity are shown together; anything less sure is left alone."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.articles import Article, Block, Sentence
from indexer.language import detect_language
from qa.conflicts import Conflict, conflicts_in
from qa.reader import Evidence


def say(
    number: int, text: str, *, published: date | None = None, title: str = "Report", score: float = 0.0
) -> Evidence:
    """Evidence from an article of one sentence; the earlier ones are the better ones."""
    article = Article(
        id=f"{number}.md",
        text=text,
        title=title,
        language=detect_language(text),
        blocks=(Block("paragraph", 0, len(text)),),
        published=published,
    )
    return Evidence(article, Sentence(0, len(text)), score or 0.6 / (number + 1))


def between(question: str, *texts: str) -> list[Conflict]:
    """The conflicts of sentences that stand in one article each."""
    return conflicts_in(question, [say(number, text) for number, text in enumerate(texts)])


TRUE = [
    (
        "How many AI factories by 2030?",
        "It will expand the number of AI factory project plants to 500 by 2030 (26 in 2024), and support loans.",
        "The government is targeting 1,000 AI-integrated factories by 2030, aiming to transform logistics.",
        ("500", "1,000"),
    ),
    (
        "How many AI-integrated factories are planned?",
        "The number of plants in the leading AI factory project is to grow to 500 by 2030, up from 26 in 2024.",
        "The plan is for 1,000 AI-integrated factories by 2030, and it wants logistics to change along with it.",
        ("500", "1,000"),
    ),
    (
        "How many people were injured in the Harwick fire?",
        "Twelve people were injured in the Harwick fire on Sunday.",
        "Police said that 19 people were injured when fire swept through Harwick on Sunday.",
        ("Twelve", "19"),
    ),
    (
        "How much did the Tolm pier cost?",
        "The pier at Tolm cost 4.2 million euros.",
        "Building the Tolm pier cost €5.1 million, the auditors found.",
        ("4.2 million euros", "€5.1 million"),
    ),
    (
        "What percentage of households in Ostra recycle?",
        "In Ostra 24 percent of households recycle.",
        "The survey finds that 31% of households in Ostra recycle.",
        ("24 percent", "31%"),
    ),
    (
        "How many jobs will the Lindau battery plant create?",
        "The battery plant in Lindau will create 3,000 jobs.",
        "Officials expect the Lindau battery plant to create two thousand jobs.",
        ("3,000", "two thousand"),
    ),
    (
        "How long will the stone bridge at Ostra be closed?",
        "The stone bridge at Ostra will be closed for eight months.",
        "Ostra's stone bridge will stay closed for one year, the engineers say.",
        ("eight months", "one year"),
    ),
    (
        "What is the budget for the harbour tunnel?",
        "The budget for the harbour tunnel is $3.2 billion.",
        "The harbour tunnel has a budget of $3.9 billion.",
        ("$3.2 billion", "$3.9 billion"),
    ),
    (
        "How many visitors did the museum have in 2024?",
        "In 2024 the museum had 1.5 million visitors.",
        "The museum counted 1.1 million visitors in 2024, fewer than hoped.",
        ("1.5 million", "1.1 million"),
    ),
    (
        "2030년까지 AI 공장은 몇 곳인가?",
        "정부는 2030년까지 AI 통합 공장 1,000곳을 구축한다는 목표를 세웠다.",
        "이를 위해 2024년 26곳이던 AI 선도사업 공장을 2030년 500곳까지 늘린다.",
        ("1,000곳", "500곳"),
    ),
    (
        "한빛시 도서관 건립 예산은 얼마인가?",
        "한빛시 도서관 건립 예산은 모두 120억원이다.",
        "한빛시는 도서관 건립 예산으로 1조 2천억 원을 편성했다.",
        ("120억원", "1조 2천억 원"),
    ),
    (
        "제조기업의 AI 도입률은 2030년에 몇 퍼센트인가?",
        "정부는 제조기업의 AI 도입률을 2030년까지 40%로 끌어올린다.",
        "제조기업의 AI 도입률 목표는 2030년 70%다.",
        ("40%", "70%"),
    ),
    (
        "태풍으로 대피한 주민은 몇 명인가?",
        "태풍으로 주민 350명이 대피했다.",
        "태풍이 지나가며 대피한 주민은 1천2백 명으로 집계됐다.",
        ("350명", "1천2백 명"),
    ),
]

FALSE = [
    (
        "equal",
        "How many experts came to the summit?",
        "1,000 experts came to the summit.",
        "One thousand experts came to the summit.",
    ),
    (
        "equal",
        "What share of farms use drones?",
        "24% of farms use drones.",
        "Twenty-four percent of farms use drones.",
    ),
    ("rounded", "What share of farms use drones?", "24% of farms use drones.", "24.3 percent of farms use drones."),
    ("about", "How many sheep live on Skarn?", "About 500 sheep live on Skarn.", "498 sheep live on Skarn."),
    (
        "at least",
        "How many experts came to the summit?",
        "More than 1,000 experts came to the summit.",
        "The summit drew 1,200 experts.",
    ),
    (
        "other year",
        "How many visitors did the museum have?",
        "In 2023 the museum had 1.5 million visitors.",
        "The museum had 1.1 million visitors in 2024.",
    ),
    (
        "other currency",
        "How much will a project receive?",
        "Each project will receive up to 10 billion won.",
        "Each project will receive up to $7.3 million.",
    ),
    (
        "other thing",
        "How many AI factories will there be?",
        "There will be 500 AI factories in the country.",
        "There will be 24 AI graduate schools in the country.",
    ),
    (
        "before and after",
        "How many ferries run in Tolm?",
        "Six ferries run in Tolm.",
        "The number of ferries in Tolm was raised from six to twelve.",
    ),
    (
        "change and level",
        "What is the unemployment rate in Ostra?",
        "The unemployment rate in Ostra is 5%.",
        "The unemployment rate in Ostra fell 2% last month.",
    ),
    (
        "per year and in all",
        "How much will Ostra spend on roads?",
        "Ostra will spend 5 million euros a year on roads.",
        "Ostra will spend 25 million euros on roads.",
    ),
    (
        "other place",
        "How many people live in Tolm?",
        "12,000 people live in Tolm, a town by the sea.",
        "9,500 people live in Ostra, a town in the hills.",
    ),
    ("equal", "책은 몇 권 있나?", "도서관에는 책 12만 권이 있다.", "도서관의 책은 모두 120,000권이다."),
]


@pytest.mark.parametrize(("question", "one", "other", "values"), TRUE)
def test_a_disagreement_is_found(question: str, one: str, other: str, values: tuple[str, str]) -> None:
    conflicts = between(question, one, other)
    assert [tuple(side.value for side in conflict.sides) for conflict in conflicts] == [values]


@pytest.mark.parametrize(("why", "question", "one", "other"), FALSE)
def test_what_may_both_be_true_is_left_alone(why: str, question: str, one: str, other: str) -> None:
    assert between(question, one, other) == [], why


def test_sides_are_slices_in_order_of_date() -> None:
    question, one, other, _ = TRUE[0]
    third = "By 2030 there are to be 750 AI factories."
    evidence = [say(0, one), say(1, other, published=date(2025, 6, 23)), say(2, third, published=date(2024, 1, 1))]
    conflict = conflicts_in(question, evidence)[0]
    assert conflict.kind == "number"
    assert [(side.value, side.amount, side.evidence.article.id) for side in conflict.sides] == [
        ("750", 750.0, "2.md"),
        ("1,000", 1000.0, "1.md"),
        ("500", 500.0, "0.md"),
    ]
    assert all(side.evidence.article.quote(side.start, side.end) == side.value for side in conflict.sides)


def test_one_article_does_not_contradict_itself() -> None:
    text = "Six ferries run in Tolm. Nine ferries run in Tolm."
    article = Article("a.md", text, "Ferries", "en", (Block("paragraph", 0, len(text)),))
    evidence = [Evidence(article, Sentence(0, 24), 0.5), Evidence(article, Sentence(25, len(text)), 0.4)]
    assert conflicts_in("How many ferries run in Tolm?", evidence) == []


def test_a_side_that_agrees_is_shown_with_those_that_do_not() -> None:
    question = "How many ferries run in Tolm?"
    conflicts = between(question, "Six ferries run in Tolm.", "Nine ferries run in Tolm.", "In Tolm run six ferries.")
    assert [[side.value for side in conflict.sides] for conflict in conflicts] == [["Six", "Nine", "six"]]


def test_a_sentence_far_behind_does_not_count() -> None:
    question, one, other, _ = TRUE[1]
    assert conflicts_in(question, [say(0, one, score=0.9), say(1, other, score=0.001)]) == []


def test_a_similarity_joins_sentences_in_other_words() -> None:
    question = "How much did the pier cost?"
    one = "Taxpayers handed over $4.2 million once every plank of the pier had finally been nailed down."
    other = "Cost of the pier, according to auditors writing this week: $9 million."
    assert between(question, one, other) == []
    evidence = [say(0, one, title="The cost of the pier"), say(1, other)]
    assert len(conflicts_in(question, evidence, similarity=lambda *_: 0.9)) == 1


def test_a_question_that_asks_for_no_amount_has_no_conflicts() -> None:
    _, one, other, _ = TRUE[0]
    assert between("Who builds AI factories?", one, other) == []
    assert between("When will there be AI factories?", one, other) == []


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=80), st.lists(st.text(min_size=1, max_size=120), max_size=4))
def test_any_text_is_read(question: str, texts: list[str]) -> None:
    for conflict in conflicts_in(question, [say(number, text) for number, text in enumerate(texts)]):
        assert len({side.evidence.article.id for side in conflict.sides}) == len(conflict.sides) >= 2
