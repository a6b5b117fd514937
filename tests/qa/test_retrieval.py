"""Retrieval on a real index: filters come first, a blind leg is silent, nothing is found for nothing."""

from datetime import date

import pytest

from indexer.embedding import SentenceTransformerEmbedder
from indexer.language import Analyser
from qa.library import Library
from qa.matching import Matcher
from qa.retrieval import EMBEDDER_BLIND, FILTERS_MATCH_NOTHING, Filters, Retrieval, Retriever


@pytest.fixture
def retriever(library: Library, embedder: SentenceTransformerEmbedder) -> Retriever:
    return Retriever(library.generation, embedder, Matcher(embedder, Analyser()), library.settings)


def articles(retrieval: Retrieval) -> set[str]:
    return {hit.article.id for hit in retrieval.hits}


def test_the_passage_that_says_it_comes_first(retriever: Retriever) -> None:
    first = retriever.retrieve("How much did the second pier cost?").hits[0]
    assert first.article.id == "ferries.md"
    assert "4.2 million crowns" in first.text
    assert first.lexical_score > 0
    assert 0 < first.dense_score <= 1


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (Filters(sources=("Valley Gazette",)), {"roads/bridges.md", "roads/honey.md"}),
        (Filters(published_from=date(2026, 1, 1), languages=("en",)), {"ferries.md"}),
        (Filters(published_to=date(2025, 11, 2)), {"roads/bridges.md"}),
        (Filters(article_ids=("roads/honey.md",)), {"roads/honey.md"}),
        (Filters(collections=("roads",)), {"roads/bridges.md", "roads/honey.md"}),
        (Filters(collections=("한국/", "roads"), languages=("ko",)), {"한국/도서관.md"}),
    ],
)
def test_filters_rule_out_before_ranking(retriever: Retriever, filters: Filters, expected: set[str]) -> None:
    # The question is about an article that most of these filters rule out.
    assert articles(retriever.retrieve("How many ferries run in Tolm?", filters)) == expected


@pytest.mark.parametrize("filters", [Filters(sources=("Nobody",)), Filters(collections=("road",))])
def test_a_filter_that_matches_nothing_returns_nothing_and_says_so(retriever: Retriever, filters: Filters) -> None:
    found = retriever.retrieve("How many ferries run in Tolm?", filters)
    assert (list(found.hits), found.warnings) == ([], (FILTERS_MATCH_NOTHING,))


def test_an_embedder_blind_to_the_language_is_not_asked(retriever: Retriever) -> None:
    found = retriever.retrieve("도서관에는 책이 몇 권 있나요?")
    assert found.warnings == (EMBEDDER_BLIND,)
    assert found.hits[0].article.id == "한국/도서관.md"
    assert all(hit.dense_score == 0 for hit in found.hits)


def test_ranks_count_from_one_and_scores_fall(retriever: Retriever) -> None:
    hits = retriever.retrieve("Which bridge closes?", top_k=3).hits
    assert [hit.rank for hit in hits] == [1, 2, 3]
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_legs_side_by_side_find_what_they_find_one_after_the_other(
    retriever: Retriever, monkeypatch: pytest.MonkeyPatch
) -> None:
    questions = ("How much did the second pier cost?", "Which bridge closes?", "도서관에는 책이 몇 권 있나요?", "?")
    before = [retriever.rank(question, Filters(languages=("en", "ko"))) for question in questions]
    monkeypatch.setattr("qa.retrieval.WORTH_A_THREAD", 0)
    assert [retriever.rank(question, Filters(languages=("en", "ko"))) for question in questions] == before
    assert before[0] is not None
    assert before[0].dense
    assert before[0].lexical
