"""The quality of answers on the starter corpus may not drop below the interval of the baseline.

After a change that is better (or knowingly worse), renew the baseline and say why in the commit:

    make baseline
"""

import json
from pathlib import Path

import pytest

from indexer.build import build
from indexer.embedding import SentenceTransformerEmbedder
from indexer.generation import Store
from indexer.settings import Settings
from qa.answer import Answerer
from qa.evaluation import Evaluation, evaluate, load_questions

HERE = Path(__file__).parent
CORPUS = HERE.parent.parent / "corpus"
BASELINE = json.loads((HERE / "baseline.json").read_text(encoding="utf-8"))
HIGHER_IS_BETTER = [name for name in BASELINE["figures"] if name != "ece" and not name.startswith("latency")]


@pytest.fixture(scope="module")
def evaluation(tmp_path_factory: pytest.TempPathFactory, embedder: SentenceTransformerEmbedder) -> Evaluation:
    settings = Settings(corpus=CORPUS, index=tmp_path_factory.mktemp("quality") / "index")
    build(settings, embedder)
    generation = Store(settings.index).open()
    return evaluate(load_questions(HERE / "corpus.jsonl"), Answerer(generation, embedder, settings))


@pytest.mark.parametrize("name", HIGHER_IS_BETTER)
def test_no_figure_drops_below_the_interval_of_the_baseline(evaluation: Evaluation, name: str) -> None:
    figure, baseline = evaluation.figures[name], BASELINE["figures"][name]
    assert figure.value is not None
    assert figure.value >= baseline["low"], (
        f"{name} is {figure.value:.3f}; the baseline is {baseline['value']:.3f} "
        f"[{baseline['low']:.3f}, {baseline['high']:.3f}]. If that is meant, run `make baseline`."
    )


def test_calibration_stays_within_the_interval_of_the_baseline(evaluation: Evaluation) -> None:
    error = evaluation.figures["ece"].value
    assert error is not None
    assert error <= BASELINE["figures"]["ece"]["high"]


def test_every_citation_re_slices_to_its_quote(evaluation: Evaluation) -> None:
    assert evaluation.figures["citation_precision"].value == 1.0
    assert all(citation.verified for outcome in evaluation.outcomes for citation in outcome.answer.citations)


def test_the_question_sets_are_what_they_claim_to_be() -> None:
    questions = [*load_questions(HERE / "corpus.jsonl"), *load_questions(HERE / "seeds.jsonl")]
    korean = [question for question in questions if question.id.split("-")[1] == "ko"]
    on_corpus = load_questions(HERE / "corpus.jsonl")
    assert len({question.id for question in questions}) == len(questions) >= 120
    assert len([question for question in on_corpus if question in korean]) >= len(on_corpus) / 3
    assert sum(not question.answerable for question in questions) >= len(questions) / 4
