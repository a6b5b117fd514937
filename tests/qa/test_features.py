"""What the reader looks at, worked out by hand."""

from collections.abc import Sequence
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.articles import Article, Block, Sentence, make_passage
from qa.features import NAMES, Candidate, candidates_of, features, years_missing
from qa.matching import Match
from qa.reading import NOT_READ, SentenceReading
from qa.retrieval import Hit

TEXT = "The mill opened in 1901. It burned down in 1932. Who rebuilt it?"
SENTENCES = (Sentence(0, 24), Sentence(25, 48), Sentence(49, 64))
ARTICLE = Article(id="mill.txt", text=TEXT, title="The mill", language="en", blocks=(Block("paragraph", 0, 64),))


def hit(*sentences: Sentence, rank: int = 1, score: float = 1.0) -> Hit:
    passage = make_passage(ARTICLE, sentences, heading="History")
    return Hit(passage, ARTICLE, rank=rank, score=score, dense_score=0.5, lexical_score=2.0)


def column(
    name: str, question: str, candidates: list[Candidate], readings: Sequence[SentenceReading] = ()
) -> list[float]:
    rows = features(
        question,
        candidates,
        matches=[Match()] * len(candidates),
        readings=readings or [NOT_READ] * len(candidates),
        tokenise=lambda text: text.lower().replace(".", "").replace("?", "").split(),
        idf=lambda token: 3.0 if token == "burned" else 1.0,
    )
    assert rows.shape == (len(candidates), len(NAMES))
    values: list[float] = rows[:, NAMES.index(name)].tolist()
    return values


def test_a_sentence_of_two_passages_is_one_candidate_with_the_sentence_before_it() -> None:
    candidates = candidates_of([hit(SENTENCES[1], SENTENCES[2]), hit(SENTENCES[0], SENTENCES[1], rank=2)])
    assert [candidate.sentence for candidate in candidates] == [SENTENCES[1], SENTENCES[2], SENTENCES[0]]
    assert candidates[0].previous == SENTENCES[0]
    assert candidates[0].hit.rank == 1
    assert candidates[0].surroundings == ("The mill", "History", "The mill opened in 1901.")
    assert candidates[2].surroundings == ("The mill", "History", "")


def test_overlap_is_weighted_by_rarity() -> None:
    candidates = candidates_of([hit(*SENTENCES)])
    # "burned" 3 + "down" 1 of a total of 5
    assert column("overlap", "burned down when", candidates) == pytest.approx([0, 4 / 5, 0])
    assert column("pairs", "burned down when", candidates) == pytest.approx([0, 1 / 2, 0])
    assert column("rare", "burned down when", candidates) == [0, 1, 0]


def test_a_kind_asked_for_is_looked_for() -> None:
    candidates = candidates_of([hit(*SENTENCES)])
    assert column("kind_found", "When did it burn?", candidates) == [1, 1, 0]
    assert column("kind_missing", "When did it burn?", candidates) == [0, 0, 1]
    assert column("kind_missing", "What happened?", candidates) == [0, 0, 0]


def test_a_question_is_seen_as_one_and_the_lead_as_lead() -> None:
    candidates = candidates_of([hit(*SENTENCES)])
    assert column("asks", "What happened?", candidates) == [0, 0, 1]
    assert column("lead", "What happened?", candidates) == [1, 0, 0]


def test_the_best_passage_scores_zero_and_the_others_below() -> None:
    candidates = candidates_of([hit(SENTENCES[0]), hit(SENTENCES[1], rank=2, score=-1.0)])
    first, second = column("passage", "What happened?", candidates)
    assert first == 0
    assert -1 < second < 0


def test_what_the_cross_encoder_says_is_scaled_and_compared_with_the_best() -> None:
    candidates = candidates_of([hit(*SENTENCES)])
    readings = [
        SentenceReading(2.0, (0, 3), -0.5),
        SentenceReading(-3.0, None, -10.0),
        SentenceReading(0.0, None, -1.0),
    ]
    assert column("read", "?", candidates, readings) == pytest.approx([0.4, -0.6, 0.0])
    assert column("read_behind", "?", candidates, readings) == pytest.approx([0.0, -1.0, -0.4])
    assert column("short", "?", candidates, readings) == pytest.approx([-0.1, -2.0, -0.2])


def article(text: str, published: date | None = None) -> Article:
    blocks = (Block("paragraph", 0, len(text)),)
    return Article(id="a.txt", text=text, title="Mills", language="en", blocks=blocks, published=published)


@pytest.mark.parametrize(
    ("question", "text", "published", "missing"),
    [
        ("What was the budget in 2021?", "In 2025 the budget rose.", None, 1.0),
        ("What was the budget in 2025?", "In 2025 the budget rose.", None, 0.0),
        ("What was the budget in 2021 and 2025?", "In 2025 the budget rose.", None, 0.5),
        ("What was the budget in 2024?", "The budget rose.", date(2024, 5, 1), 0.0),
        ("What was the budget in 2023?", "The budget rose from last year.", date(2024, 5, 1), 0.0),
        ("What was the budget in 2022?", "The budget rose from last year.", date(2024, 5, 1), 1.0),
        ("2025년 예산은?", "내년 예산이 늘었다.", date(2024, 5, 1), 0.0),
        ("What was the budget in 2021?", "This year's budget rose.", None, 0.0),
        ("What was the budget in 2025?", "This year's budget rose; in 2026 it falls.", None, 0.0),
        ("What was the budget in 2021?", "This year's budget rose; in 2026 it falls.", None, 1.0),
        ("How many of the 2021 mills?", "It has 2,021 mills.", None, 1.0),
        ("What was the budget?", "It rose.", None, 0.0),
    ],
)
def test_a_year_that_an_article_does_not_speak_of(
    question: str, text: str, published: date | None, missing: float
) -> None:
    assert years_missing(question, article(text, published)) == missing


@given(st.text(), st.text(min_size=1), st.dates() | st.none())
def test_a_share_of_years_is_a_share(question: str, text: str, published: date | None) -> None:
    assert 0 <= years_missing(question, article(text, published)) <= 1
