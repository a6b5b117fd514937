"""The reader on a real index: the sentence that answers, never clutter or a heading, and an honest no."""

from pathlib import Path

import pytest

from indexer.build import build
from indexer.embedding import SentenceTransformerEmbedder
from indexer.generation import Store
from indexer.language import Analyser
from indexer.settings import Settings
from qa.answer import Answer, Answerer
from qa.features import NAMES
from qa.library import Library
from qa.matching import Matcher
from qa.reader import ANSWERABLE_NAMES, FeatureReader, load_weights

CLUTTERED = """Regional solar plant starts work

2026-03-04
Share
Facebook
Favorite

The Kestrel solar plant near Varn started work on Tuesday. It feeds 48 megawatts into the regional grid.

The plant belongs to Ostra Power. Its 120,000 panels were made in Gdansk.

Kestrel solar plant megawatts grid /Courtesy of Varn News

© Varn News. All rights reserved. Kestrel solar plant megawatts.
"""


@pytest.fixture(scope="module")
def answerer(tmp_path_factory: pytest.TempPathFactory, embedder: SentenceTransformerEmbedder) -> Answerer:
    folder: Path = tmp_path_factory.mktemp("cluttered")
    settings = Settings(corpus=folder / "corpus", index=folder / "index")
    settings.corpus.mkdir()
    (settings.corpus / "solar.txt").write_text(CLUTTERED, encoding="utf-8")
    build(settings, embedder)
    return Answerer(Store(settings.index).open(), embedder, settings)


def first(answer: Answer) -> str:
    return answer.evidence[0].text


def test_the_sentence_after_the_one_that_names_the_thing_is_found(answerer: Answerer) -> None:
    answer = answerer.answer("How many megawatts does the Kestrel solar plant feed into the grid?")
    assert first(answer) == "It feeds 48 megawatts into the regional grid."
    assert answer.outcome == "answered"
    assert answer.short_answer == "48 megawatts"


def test_between_korean_and_english_only_a_figure_is_a_short_answer(answerer: Answerer) -> None:
    """Any name in the sentence would do: asked where Gdansk is, it was "Ostra Power"."""
    for question in ("Gdansk는 어디에 있나요?", "Ostra Power는 누구인가요?"):
        assert [evidence.short_answer for evidence in answerer.answer(question).evidence[:2]] == [None, None]
    asked_how_many = answerer.answer("Kestrel 발전소는 몇 megawatts인가요?")
    assert asked_how_many.evidence[0].short_answer == "48"


def test_clutter_and_headings_are_never_chosen(answerer: Answerer) -> None:
    for question in ("Kestrel solar plant megawatts", "Varn News rights", "Regional solar plant starts work", "Share"):
        for evidence in answerer.answer(question).evidence:
            assert "Courtesy" not in evidence.text
            assert "rights reserved" not in evidence.text
            assert evidence.text not in ("Share", "Facebook", "Favorite", "Regional solar plant starts work")


def test_what_the_article_does_not_say_is_not_answered(answerer: Answerer) -> None:
    answer = answerer.answer("Who won the football world cup in 2018?")
    assert answer.outcome == "not_in_articles"
    assert (answer.text, list(answer.citations), answer.short_answer) == ("", [], None)
    assert answer.evidence, "what came closest is still shown"


def test_a_reading_is_a_set_of_probabilities(library: Library, embedder: SentenceTransformerEmbedder) -> None:
    reader = FeatureReader(library.generation, Matcher(embedder, Analyser()))
    hits = library.answerer.search("How long does the bridge at Ostra close?").hits
    reading = reader.read("How long does the bridge at Ostra close?", hits)
    scores = [evidence.score for evidence in reading.evidence]
    assert scores == sorted(scores, reverse=True)
    assert 0 <= sum(scores) <= reading.answerable <= 1
    assert reading.evidence[0].text == "The stone bridge at Ostra closes on Monday for eight months."
    assert reader.read("Anything?", []).answerable == 0


def test_reading_twice_gives_the_same(answerer: Answerer) -> None:
    question = "Who owns the plant?"
    once, again = answerer.answer(question), answerer.answer(question)
    assert [evidence.text for evidence in once.evidence] == [evidence.text for evidence in again.evidence]
    assert once.answerable == pytest.approx(again.answerable, abs=1e-3)


def test_every_feature_has_a_weight() -> None:
    for weights in load_weights().values():
        assert weights.rank.shape == (len(NAMES),)
        assert weights.answerable.shape == (len(ANSWERABLE_NAMES),)
        assert weights.rank.any()
