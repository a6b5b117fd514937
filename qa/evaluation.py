"""A question file to figures with confidence intervals: how good are the answers on these articles?

A question counts as answered when a chosen sentence of a listed article contains one of its answers, case-folded.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import ir_measures
import numpy as np
from ir_measures import RR, Qrel, ScoredDoc, Success, nDCG
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from sklearn.metrics import f1_score, roc_auc_score

from indexer.articles import Article
from indexer.errors import UsageError
from indexer.generation import Generation
from qa.answer import Answer, Answerer

DEPTH = 10
BINS = 10
RESAMPLES = 1000
RANKING = {
    "recall@1": Success @ 1,
    "recall@3": Success @ 3,
    "recall@5": Success @ 5,
    "recall@10": Success @ 10,
    "mrr@10": RR @ 10,
    "ndcg@10": nDCG @ 10,
}

Values = NDArray[np.float64]
Statistic = Callable[[Values], float]


class Question(BaseModel):
    """One line of a question file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    question: str
    answers: tuple[str, ...] | None
    articles: tuple[str, ...]
    answerable: bool
    as_of: date | None = None

    @model_validator(mode="after")
    def _agrees(self) -> "Question":
        if self.answerable and not (self.answers and self.articles):
            raise ValueError("an answerable question needs `answers` and `articles`")
        return self

    def answered_by(self, article: Article, text: str) -> bool:
        """Whether this text of this article contains one of the answers."""
        folded = text.casefold()
        return article.id in self.articles and any(answer.casefold() in folded for answer in self.answers or ())


@dataclass(frozen=True, slots=True)
class Figure:
    """A value with its bootstrap 95 % interval; all None when it is not defined for these questions."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one question."""

    question: Question
    answer: Answer
    latency_ms: float
    ranking: Mapping[str, float]

    def sentence_within(self, depth: int) -> bool:
        """Whether one of the first `depth` pieces of evidence answers."""
        first = self.answer.evidence[:depth]
        return any(self.question.answered_by(evidence.article, evidence.text) for evidence in first)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The figures by name, and what became of each question."""

    figures: Mapping[str, Figure]
    outcomes: Sequence[Outcome]

    def to_dict(self) -> dict[str, Any]:
        """The shape of `footnote eval --json`."""
        figures = {
            name: {"value": figure.value, "low": figure.low, "high": figure.high}
            for name, figure in self.figures.items()
        }
        return {"questions": len(self.outcomes), "figures": figures}


def load_questions(path: Path) -> list[Question]:
    """Read a question file, one JSON object a line; raises UsageError naming the line that is wrong."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}.", advice="Give a UTF-8 file of JSON lines.") from error
    questions = []
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                questions.append(Question.model_validate(json.loads(line)))
            except (json.JSONDecodeError, ValidationError) as error:
                reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
                raise UsageError(
                    f"{path}:{number} is not a question: {reason}.", advice="docs/api.md shows what one looks like."
                ) from error
    if not questions:
        raise UsageError(f"{path} holds no question.", advice="Give one JSON object a line.")
    return questions


def evaluate(
    questions: Sequence[Question], answerer: Answerer, *, progress: Callable[[int, int], None] | None = None
) -> Evaluation:
    """Ask every question and measure; `progress` is told (done, total)."""
    answers: list[tuple[Answer, float]] = []
    for done, question in enumerate(questions, start=1):
        start = time.perf_counter()
        answer = answerer.answer(question.question, as_of=question.as_of, top_k=DEPTH)
        answers.append((answer, (time.perf_counter() - start) * 1000))
        if progress:
            progress(done, len(questions))
    rankings = _rankings(questions, [answer for answer, _ in answers], answerer.generation)
    outcomes = [
        Outcome(question=question, answer=answer, latency_ms=latency, ranking=rankings.get(question.id, {}))
        for question, (answer, latency) in zip(questions, answers, strict=True)
    ]
    return Evaluation(figures=figures_of(outcomes, answerer.generation), outcomes=outcomes)


def figures_of(outcomes: Sequence[Outcome], generation: Generation) -> dict[str, Figure]:
    """Return every figure of the contract, by name."""
    answerable = [outcome for outcome in outcomes if outcome.question.answerable]
    columns: dict[str, Sequence[float]] = {
        "sentence@1": [float(outcome.sentence_within(1)) for outcome in answerable],
        "sentence@3": [float(outcome.sentence_within(3)) for outcome in answerable],
    }
    for name in RANKING:
        columns[name] = [outcome.ranking.get(name, 0.0) for outcome in answerable]
    figures = {name: _mean(values) for name, values in columns.items()}
    judged = np.array(
        [(float(o.question.answerable), o.answer.answerable, float(o.answer.answered)) for o in outcomes]
    ).reshape(-1, 3)
    figures["auroc"] = _bootstrap(judged, _auroc)
    figures["f1"] = _bootstrap(judged, lambda rows: float(f1_score(rows[:, 0], rows[:, 2], zero_division=0.0)))
    figures["ece"] = _bootstrap(judged, lambda rows: expected_calibration_error(rows[:, 1], rows[:, 0]))
    figures["citation_precision"] = _mean(_citations_checked(outcomes, generation))
    latency = np.array([outcome.latency_ms for outcome in outcomes])
    for name, share in (("latency_p50_ms", 50), ("latency_p95_ms", 95)):
        figures[name] = _bootstrap(latency, partial(_percentile, share=share))
    return figures


def expected_calibration_error(probabilities: Values, truths: Values, *, bins: int = BINS) -> float:
    """Mean |confidence − accuracy| over equal-width bins, weighted by their size (Guo et al. 2017, eq. 5)."""
    which = np.minimum((probabilities * bins).astype(int), bins - 1)
    error = 0.0
    for number in range(bins):
        inside = which == number
        if inside.any():
            error += inside.mean() * abs(probabilities[inside].mean() - truths[inside].mean())
    return float(error)


def _rankings(
    questions: Sequence[Question], answers: Sequence[Answer], generation: Generation
) -> dict[str, dict[str, float]]:
    """Success@k, RR@10 and nDCG@10 of each answerable question; a passage is relevant when it answers."""
    run = [
        ScoredDoc(question.id, hit.passage.id, -float(hit.rank))
        for question, answer in zip(questions, answers, strict=True)
        for hit in answer.hits
    ]
    qrels = [
        Qrel(question.id, passage.id, 1)
        for question in questions
        if question.answerable
        for passage in generation.passages
        if passage.article_id in question.articles
        and question.answered_by(
            generation.articles[passage.article_id],
            generation.articles[passage.article_id].quote(passage.start, passage.end),
        )
    ]
    names = {str(measure): name for name, measure in RANKING.items()}
    rankings: dict[str, dict[str, float]] = {}
    for metric in ir_measures.iter_calc(RANKING.values(), qrels, run):
        rankings.setdefault(metric.query_id, {})[names[str(metric.measure)]] = float(metric.value)
    return rankings


def _citations_checked(outcomes: Sequence[Outcome], generation: Generation) -> list[float]:
    """1 for each citation whose quote equals its slice of the article and of the answer."""
    return [
        float(
            generation.articles[citation.article_id].text[citation.start : citation.end] == citation.cited_text
            and outcome.answer.text[citation.answer_start : citation.answer_end] == citation.cited_text
        )
        for outcome in outcomes
        for citation in outcome.answer.citations
    ]


def _percentile(values: Values, *, share: int) -> float:
    return float(np.percentile(values, share))


def _mean(values: Sequence[float]) -> Figure:
    return _bootstrap(np.array(values, dtype=np.float64), lambda sample: float(np.mean(sample)))


def _auroc(rows: Values) -> float:
    both = len(np.unique(rows[:, 0])) == 2
    return float(roc_auc_score(rows[:, 0], rows[:, 1])) if both else float("nan")


def _bootstrap(values: Values, statistic: Statistic) -> Figure:
    """The percentile bootstrap (Efron 1979) over questions; the same sample each time."""
    if len(values) == 0 or np.isnan(value := statistic(values)):
        return Figure(None, None, None)
    draw = np.random.default_rng(0)
    samples = [statistic(values[draw.integers(0, len(values), len(values))]) for _ in range(RESAMPLES)]
    low, high = np.nanpercentile(samples, (2.5, 97.5))
    return Figure(value=value, low=float(low), high=float(high))
