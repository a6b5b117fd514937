"""What a ranking of passages is worth for a question, with bootstrap intervals. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DEPTH = 10
RESAMPLES = 2000
SEED = 20261122

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, the articles that answer it, and what an answering passage of theirs holds.

    That is one of `answers`, or at least the first or the last half of one of `sentences`: a splitter that does not
    know sentences may cut one in two, and should not lose by it.
    """

    question: str
    articles: frozenset[str]
    answers: tuple[str, ...] = ()
    sentences: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage by any splitter: `text` is its own words, `seen` what is embedded and indexed of it."""

    article: str
    text: str
    seen: str


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean, or a mean difference, with its bootstrap 95 % interval (percentiles)."""

    value: float
    low: float
    high: float


def flat(text: str) -> str:
    """Fold case and white space, so that texts compare however they were joined."""
    return " ".join(text.split()).casefold()


def answers(asked: Asked, chunk: Chunk) -> bool:
    """Whether a passage of a right article holds an answer."""
    if chunk.article not in asked.articles:
        return False
    text = flat(chunk.text)
    return any(flat(answer) in text for answer in asked.answers) or any(
        half in text for sentence in asked.sentences for half in _halves(flat(sentence))
    )


def _halves(sentence: str) -> tuple[str, str]:
    middle = len(sentence) // 2
    return sentence[:middle].strip() or sentence, sentence[middle:].strip() or sentence


def figures(asked: Asked, ranking: Sequence[Chunk]) -> dict[str, float]:
    """Judge the first ten passages.

    `article@k`: one of the first k passages is of a right article (success at k). `answer@1`: the first passage
    holds an answer. `mrr@10`: 1 / rank of the first passage that holds an answer, 0 if none does.
    """
    right = [chunk.article in asked.articles for chunk in ranking[:DEPTH]]
    answering = [answers(asked, chunk) for chunk in ranking[:DEPTH]]
    return {
        "article@1": float(any(right[:1])),
        "article@5": float(any(right[:5])),
        "answer@1": float(any(answering[:1])),
        "mrr@10": 1.0 / (answering.index(True) + 1) if any(answering) else 0.0,
    }


def interval(values: Sequence[float]) -> Interval:
    """Return the mean over questions; raises ValueError when there is none."""
    if not values:
        raise ValueError("no question, no mean")
    sample = np.asarray(values, dtype=np.float64)
    rows = np.random.default_rng(SEED).integers(0, len(sample), size=(RESAMPLES, len(sample)))
    low, high = np.percentile(sample[rows].mean(axis=1), (2.5, 97.5))
    return Interval(float(sample.mean()), float(low), float(high))


def difference(ours: Sequence[float], theirs: Sequence[float]) -> Interval:
    """Return ours − theirs, question by question: the pairs are drawn, not each side alone."""
    return interval([one - other for one, other in zip(ours, theirs, strict=True)])


def best(columns: Mapping[str, Sequence[float]]) -> str:
    """Name the column with the highest mean, the first of equals."""
    return max(columns, key=lambda name: float(np.mean(columns[name])))
