"""Why an article was used or not: each step at which one can fall out, on the starter articles with the real parts."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from indexer.build import build
from indexer.embedding import SentenceTransformerEmbedder
from indexer.errors import UsageError
from indexer.generation import Generation, Store
from indexer.settings import Settings
from qa.answer import Answerer
from qa.explanation import Explanation, explain, find_article
from qa.retrieval import Filters

CORPUS = Path(__file__).parents[2] / "corpus"
QUESTION = "How many AI factories are planned by 2030?"
QUOTED = "ai-factories-koo.en.md"
NUCLEAR = "Does the alliance think nuclear energy should be on the table?"
TOLM = "The harbour town of Tolm will run twelve ferries a day from March."

Making = Callable[..., Answerer]


@pytest.fixture(scope="module")
def generation(tmp_path_factory: pytest.TempPathFactory, embedder: SentenceTransformerEmbedder) -> Generation:
    settings = Settings(corpus=CORPUS, index=tmp_path_factory.mktemp("starter") / "index")
    build(settings, embedder)
    return Store(settings.index).open()


@pytest.fixture(scope="module")
def making(generation: Generation, embedder: SentenceTransformerEmbedder) -> Making:
    """Make an answerer on the starter articles, with settings of one's own."""

    def make(**settings: Any) -> Answerer:  # noqa: ANN401 - whatever a setting takes
        return Answerer(generation, embedder, Settings(corpus=CORPUS, **settings))

    return make


@pytest.fixture(scope="module")
def quoted(making: Making) -> Explanation:
    return explain(making(), QUESTION, QUOTED)


def test_an_article_that_is_quoted_is_dropped_nowhere(making: Making) -> None:
    answer = making().answer(QUESTION)
    first = answer.citations[0].article_id
    quoted = explain(making(), QUESTION, first)
    assert quoted.dropped_at is None
    assert quoted.cited == tuple(item.index for item in answer.citations if item.article_id == first)
    assert quoted.reason.startswith(f"It is quoted as [{quoted.cited[0]}]")
    assert quoted.comparison
    assert quoted.comparison.best
    assert quoted.comparison.best.rank == 1
    assert quoted.comparison.best.text == answer.evidence[0].text
    assert quoted.answerable == pytest.approx(answer.answerable, abs=1e-3)


def test_the_question_is_told_as_it_was_understood(making: Making) -> None:
    understood = explain(making(), "How many Zorblax factories are there?", QUOTED).understood
    assert (understood.language, understood.embedder_knows, understood.kind) == ("en", True, "number")
    known = {term.token: term.frequency for term in understood.terms}
    assert known["zorblax"] == 0
    assert 0 < known["factori"] < understood.indexed_passages


def test_filters(making: Making) -> None:
    explanation = explain(making(), QUESTION, QUOTED, filters=Filters(languages=("ko",)))
    assert explanation.dropped_at == "filters"
    assert explanation.passages == ()
    assert explanation.reason == "It has en, and the filter “language” wants ko."


def test_filters_that_the_question_itself_sets(making: Making) -> None:
    explanation = explain(making(), "What do articles from June 2025 say about AI factories?", QUOTED)
    assert explanation.dropped_at == "filters"
    assert explanation.understood.filters[0].name == "period"
    assert explanation.reason.startswith("It has no date, and the question asks for articles from")
    assert "front matter" in explanation.advice


def test_retrieval_by_words_alone(making: Making) -> None:
    explanation = explain(making(), "원자력 발전소는 어디에 있나요?", QUOTED)
    assert explanation.dropped_at == "retrieval"
    assert explanation.reason == (
        "The embedder does not know the language of the question, and none of the question's words stands in it."
    )
    assert all(passage.dense is None and passage.final_rank is None for passage in explanation.passages)


def test_retrieval_by_both_legs(making: Making) -> None:
    explanation = explain(making(retrieval_depth=10), "semiconductor packaging", "advanced-industry-six-tasks.ko.md")
    assert explanation.dropped_at == "retrieval"
    assert "among the 10 nearest in meaning" in explanation.reason
    best = explanation.passages[0]
    assert best.dense
    assert best.dense.rank is None
    assert -1 < best.dense.score < 1, "its cosine is told all the same"


def test_fusion_and_closer_look(making: Making) -> None:
    answerer = making(read_passages=5)
    low = explain(answerer, NUCLEAR, "industrial-ai-infrastructure.en.md")
    fell = explain(answerer, NUCLEAR, "strategic-technology-summit.en.md")
    assert (low.dropped_at, fell.dropped_at) == ("fusion", "closer_look")
    for explanation in (low, fell):
        rank = explanation.passages[0].final_rank
        assert rank
        assert rank > 5
        assert f"Its best passage came {rank} of {explanation.ranked}" in explanation.reason
        assert explanation.comparison
        assert explanation.comparison.best is None
        assert explanation.comparison.other
        assert explanation.comparison.other.rank == 1
    assert "before the closer look, one was 3" in fell.reason


def test_reader(making: Making) -> None:
    explanation = explain(making(read_passages=25), QUESTION, "strategic-technology-summit.en.md")
    assert explanation.dropped_at == "reader"
    assert explanation.comparison
    assert explanation.comparison.best
    assert explanation.comparison.best.rank > 5
    assert explanation.comparison.hurt


def test_answerability(making: Making) -> None:
    explanation = explain(making(answer_threshold=1.0), QUESTION, QUOTED)
    assert explanation.dropped_at == "answerability"
    assert "below the threshold of 1.00" in explanation.reason


def ferries(folder: Path, embedder: SentenceTransformerEmbedder, second: str) -> Answerer:
    settings = Settings(corpus=folder / "corpus", index=folder / "index", answer_threshold=0.0)
    settings.corpus.mkdir()
    for name, text in (("one.md", TOLM), ("two.md", second)):
        (settings.corpus / name).write_text(f"---\ntitle: Ferries\n---\n\n{text}\n", encoding="utf-8")
    build(settings, embedder)
    return Answerer(Store(settings.index).open(), embedder, settings)


def test_composition(tmp_path: Path, embedder: SentenceTransformerEmbedder) -> None:
    answerer = ferries(tmp_path, embedder, "Nobody in Tolm likes the ferries, says a shopkeeper.")
    told = {name: explain(answerer, "How many ferries does Tolm run?", name) for name in ("one.md", "two.md")}
    assert [told[name].dropped_at for name in ("one.md", "two.md")] == [None, "composition"]
    assert "as likely to answer as the best one" in told["two.md"].reason


def test_folding(tmp_path: Path, embedder: SentenceTransformerEmbedder) -> None:
    text = " ".join(f"The harbour town of Tolm will run ferry number {number} from March." for number in range(12))
    answerer = ferries(tmp_path, embedder, f"{TOLM} {text}")
    (tmp_path / "corpus" / "one.md").write_text(f"---\ntitle: Ferries\n---\n\n{TOLM} {text}\n", encoding="utf-8")
    settings = answerer.settings
    build(settings, embedder)
    answerer = Answerer(Store(settings.index).open(), embedder, settings)
    told = {name: explain(answerer, "How many ferries does Tolm run?", name) for name in ("one.md", "two.md")}
    assert [told[name].dropped_at for name in ("one.md", "two.md")] == [None, "folding"]
    assert "one.md, which is shown in its place" in told["two.md"].reason


@pytest.mark.parametrize("question", [QUESTION, "2030년까지 AI 팩토리는 몇 개로 늘어나나요?"])
def test_what_is_told_is_what_the_answer_does(making: Making, generation: Generation, question: str) -> None:
    answerer = making()
    answer, hits = answerer.answer(question), answerer.search(question, top_k=8).hits
    read = {hit.passage.id for hit in hits}
    for article_id in sorted(generation.articles)[:5]:
        explanation = explain(answerer, question, article_id)
        assert (explanation.dropped_at is None) == (article_id in {item.article_id for item in answer.citations})
        for passage in explanation.passages:
            assert passage.read == (passage.id in read)
        compared = explanation.comparison
        assert compared
        if compared.best and compared.other:
            effects = sum(effect.effect for effect in compared.effects)
            assert effects == pytest.approx(compared.best.utility - compared.other.utility, abs=0.02)


def test_of_two_parts_the_one_where_it_came_further_is_told(making: Making) -> None:
    explanation = explain(making(), f"{QUESTION[:-1]}, and who won the football cup in 1987?", QUOTED)
    assert explanation.understood.part.startswith("How many AI factories")


def test_an_article_may_be_named_by_how_it_ends(generation: Generation) -> None:
    assert find_article(generation, "koo.en.md").id == QUOTED
    with pytest.raises(UsageError, match=r"10 articles end with \.md"):
        find_article(generation, ".md")
    with pytest.raises(UsageError, match=r"no article ai-factory-koo\.en\.md") as raised:
        find_article(generation, "ai-factory-koo.en.md")
    assert QUOTED in raised.value.advice


def test_the_machines_form_is_json(quoted: Explanation) -> None:
    body = json.loads(json.dumps(quoted.to_dict(), allow_nan=False))
    assert body["article_id"] == QUOTED
    assert body["dropped_at"] is None
    assert body["passages"][0]["dense"]["rank"] == 1
    assert body["understood"]["as_of"][:2] == "20"
