"""The main path on a real index: follow-ups, periods, two questions in one, near-misses, copies, disagreement."""

from datetime import date
from pathlib import Path

import pytest

from indexer.build import build
from indexer.embedding import SentenceTransformerEmbedder
from indexer.generation import Store
from indexer.settings import Settings
from qa.answer import NO_WRITER, PERIOD_MATCHES_NOTHING, Answer, Answerer
from qa.followups import Turn
from qa.retrieval import Filters

MILL = """---
title: The mill of Varn
published: {published}
source: {source}
---

The mill of Varn was built in 1901 by the miller Ada Byron. It stands on the river Osta, two miles below the bridge.

The town bought the mill in 2019 for 3.2 million euros. The repair of its wheel cost 400,000 euros in 2024. “We will
grind flour again. Nobody believed it,” said the mayor, Tom Reyes.
"""
PLAN = """---
title: Varn wants more mills
published: 2025-03-02
source: Osta Herald
---

Varn plans to run 12 mills by 2030, the council said on Sunday. Most of them will grind rye.
"""
OTHER_PLAN = """---
title: Council cuts the plan for mills
published: 2025-06-10
source: Varn Times
---

Varn plans to run 8 mills by 2030, after the council cut the budget. Farmers had asked for more.
"""


@pytest.fixture(scope="module")
def answerer(tmp_path_factory: pytest.TempPathFactory, embedder: SentenceTransformerEmbedder) -> Answerer:
    folder: Path = tmp_path_factory.mktemp("varn")
    settings = Settings(corpus=folder / "corpus", index=folder / "index")
    settings.corpus.mkdir()
    texts = {
        "mill.md": MILL.format(published="2024-11-05", source="Varn Times"),
        "mill-again.md": MILL.format(published="2024-11-06", source="Osta Herald"),
        "plan.md": PLAN,
        "other-plan.md": OTHER_PLAN,
    }
    for name, text in texts.items():
        (settings.corpus / name).write_text(text, encoding="utf-8")
    build(settings, embedder)
    return Answerer(Store(settings.index).open(), embedder, settings)


def quotes(answer: Answer) -> list[str]:
    return [citation.cited_text for citation in answer.citations]


def test_a_follow_up_is_understood_and_says_how(answerer: Answerer) -> None:
    turns = [Turn("When was the mill of Varn built?", "The mill of Varn was built in 1901. [1]")]
    answer = answerer.answer("Who built it?", turns=turns)
    assert answer.question == "Who built it?"
    assert "mill of Varn" in answer.standalone_question
    assert answer.short_answer is not None
    assert "Ada Byron" in answer.short_answer


def test_a_new_topic_is_left_alone(answerer: Answerer) -> None:
    turns = [Turn("When was the mill of Varn built?", "The mill of Varn was built in 1901. [1]")]
    answer = answerer.answer("How many mills does Varn plan to run by 2030?", turns=turns)
    assert answer.standalone_question == answer.question


def test_two_questions_in_one_are_both_answered(answerer: Answerer) -> None:
    answer = answerer.answer("When was the mill of Varn built and how much did the repair of its wheel cost?")
    assert answer.outcome == "answered"
    assert any("1901" in quote for quote in quotes(answer))
    assert any("400,000" in quote for quote in quotes(answer))


def test_of_two_questions_the_one_that_is_not_answered_is_named(answerer: Answerer) -> None:
    answer = answerer.answer("When was the mill of Varn built and who won the football world cup in 2018?")
    assert (answer.outcome, answer.answered) == ("partly", True)
    assert list(answer.missing) == ["Who won the football world cup in 2018?"]
    assert any("1901" in quote for quote in quotes(answer))


def test_another_year_is_not_answered(answerer: Answerer) -> None:
    asked, near = (
        answerer.answer(f"How much did the repair of the mill's wheel cost in {year}?") for year in (2024, 1987)
    )
    assert asked.answered
    assert not near.answered
    assert near.answerable < asked.answerable
    if near.outcome == "partly":
        assert "1987" in near.missing
        assert near.short_answer is None


def test_articles_from_last_week_are_asked_for(answerer: Answerer) -> None:
    answer = answerer.answer("What did the news say about mills last week?", as_of=date(2025, 6, 18))
    assert answer.period is not None
    assert answer.period.kind == "published"
    assert {hit.article.id for hit in answer.hits} == {"other-plan.md"}
    assert answer.as_of == date(2025, 6, 18)


def test_a_period_without_articles_is_said_and_all_are_searched(answerer: Answerer) -> None:
    answer = answerer.answer("What did the news say about mills last week?", as_of=date(2012, 6, 18))
    assert PERIOD_MATCHES_NOTHING in answer.warnings
    assert answer.hits


def test_the_dates_a_user_gave_win_over_the_question(answerer: Answerer) -> None:
    filters = Filters(published_to=date(2024, 12, 31))
    answer = answerer.answer("News about mills last week?", filters=filters, as_of=date(2025, 6, 18))
    assert {hit.article.id for hit in answer.hits} == {"mill.md"}


def test_a_copy_is_folded_and_named(answerer: Answerer) -> None:
    answer = answerer.answer("When was the mill of Varn built?")
    assert [citation.article_id for citation in answer.citations if "1901" in citation.cited_text] == ["mill.md"]
    assert answer.citations[0].also_in == ("mill-again.md",)
    assert "mill-again.md" not in {hit.article.id for hit in answer.hits}


def test_articles_that_disagree_are_both_shown_the_older_first(answerer: Answerer) -> None:
    (conflict,) = answerer.answer("How many mills does Varn plan to run by 2030?").conflicts
    assert [(side.evidence.article.id, side.value) for side in conflict.sides] == [
        ("plan.md", "12"),
        ("other-plan.md", "8"),
    ]
    for side in conflict.sides:
        assert side.evidence.article.quote(side.start, side.end) == side.value


def test_what_was_said_keeps_who_said_it(answerer: Answerer) -> None:
    answer = answerer.answer("Who said that flour will be ground again?")
    assert any("said the mayor, Tom Reyes" in quote for quote in quotes(answer))


def test_a_model_that_is_not_there_is_said(answerer: Answerer) -> None:
    answer = answerer.answer("When was the mill of Varn built?", generate=True)
    assert answer.written is None
    assert NO_WRITER in answer.warnings


def test_every_quotation_is_checked(answerer: Answerer) -> None:
    for question in (
        "When was the mill built?",
        "Who is Tom Reyes?",
        "How much did the mill cost and where does it stand?",
    ):
        answer = answerer.answer(question)
        assert all(citation.verified for citation in answer.citations)
        ranks = [hit.rank for hit in answer.hits]
        assert ranks == list(range(1, len(ranks) + 1))
        scores = [hit.score for hit in answer.hits]
        assert len({hit.passage.id for hit in answer.hits}) == len(scores)
