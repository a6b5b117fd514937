"""Question and passages to evidence: which sentences answer, and whether any does at all."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from indexer.articles import Article, Sentence
from indexer.chunking import embedded_text
from indexer.generation import Generation
from qa.features import NAMES, Candidate, Matrix, candidates_of, features
from qa.matching import Match, Matcher
from qa.questions import answer_kind, missing_share, names_in, numbers_in, spans_of
from qa.retrieval import Hit

MAX_EVIDENCE = 5


@dataclass(frozen=True, slots=True)
class Evidence:
    """A sentence the reader chose: `score` is the probability that it answers the question.

    `short_start`/`short_end` are offsets into the article of the short answer inside the sentence; None when
    the sentence itself is the answer.
    """

    article: Article
    sentence: Sentence
    score: float
    short_start: int | None = None
    short_end: int | None = None

    @property
    def text(self) -> str:
        """The sentence exactly as the article has it."""
        return self.article.quote(self.sentence.start, self.sentence.end)

    @property
    def short_answer(self) -> str | None:
        """The short answer exactly as the article has it."""
        if self.short_start is None or self.short_end is None:
            return None
        return self.article.quote(self.short_start, self.short_end)


@dataclass(frozen=True, slots=True)
class Reading:
    """What the reader made of the hits: evidence, best first, and P(some sentence answers)."""

    evidence: Sequence[Evidence]
    answerable: float


class Reader(Protocol):
    """Whatever reads: `read` gives at most five pieces of evidence."""

    def read(self, question: str, hits: Sequence[Hit]) -> Reading: ...


# What P(answerable) is judged by: the best candidate's features, how it stands out, and what is missing.
ANSWERABLE_NAMES = (*NAMES, "utility", "lead_over_second", "dense", "unseen", "names_missing", "numbers_missing")


@dataclass(frozen=True, slots=True)
class Weights:
    """A linear model: `rank` orders sentences (conditional logit), `answerable` and `bias` judge the best one.

    Fitted on public question sets by benchmarks/fit_reader.py, which also writes down the data and the figures.
    """

    rank: NDArray[np.float64]
    answerable: NDArray[np.float64]
    bias: float

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Weights":
        """Read named weights; a name without a weight counts 0."""
        return cls(
            rank=np.array([data["rank"].get(name, 0.0) for name in NAMES]),
            answerable=np.array([data["answerable"].get(name, 0.0) for name in ANSWERABLE_NAMES]),
            bias=float(data["bias"]),
        )


def load_weights() -> dict[str, Weights]:
    """Return the shipped weights: "semantic" where the embedder knows the language, "lexical" where not."""
    data = json.loads(resources.files("qa").joinpath("reader_weights.json").read_text(encoding="utf-8"))
    return {name: Weights.from_json(data[name]) for name in ("semantic", "lexical")}


class FeatureReader:
    """Scores sentences by readable features and a small linear model; needs no language model."""

    def __init__(self, generation: Generation, matcher: Matcher) -> None:
        self._lexical = generation.lexical
        self._passages = len(generation.passages)
        self._matcher = matcher
        self._analyser = matcher.analyser
        self._weights = load_weights()

    def read(self, question: str, hits: Sequence[Hit]) -> Reading:
        """Return at most MAX_EVIDENCE sentences, best first, and P(some sentence answers)."""
        candidates = candidates_of(hits)
        if not candidates:
            return Reading(evidence=(), answerable=0.0)
        weights = self._weights["semantic" if self._matcher.knows_language_of(question) else "lexical"]
        rows = self.features(question, candidates)
        utilities = rows @ weights.rank
        judged = self.answerable_features(question, candidates, rows, utilities)
        answerable = _sigmoid(float(judged @ weights.answerable) + weights.bias)
        chances = np.exp(utilities - utilities.max())
        chances /= chances.sum()
        order = np.argsort(-utilities, kind="stable")[:MAX_EVIDENCE]
        evidence = [_evidence(question, candidates[i], answerable * float(chances[i])) for i in order]
        return Reading(evidence=evidence, answerable=answerable)

    def features(self, question: str, candidates: Sequence[Candidate]) -> Matrix:
        """Return the candidates' features, shape (n, len(NAMES))."""
        return features(
            question,
            candidates,
            matches=self._matches(question, candidates),
            tokenise=self._analyser.content_tokens,
            idf=self._idf,
        )

    def answerable_features(
        self, question: str, candidates: Sequence[Candidate], rows: Matrix, utilities: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return what answerability is judged by, shape (len(ANSWERABLE_NAMES),)."""
        order = np.argsort(-utilities, kind="stable")
        best = candidates[order[0]]
        lead = float(utilities[order[0]] - utilities[order[1]]) if len(order) > 1 else 1.0
        around = " ".join((*best.surroundings, best.hit.text))
        tokens = self._analyser.content_tokens(question)
        unseen = [token for token in tokens if self._lexical.document_frequency(token) == 0]
        facts = (
            float(utilities[order[0]]),
            lead,
            max(candidate.hit.dense_score for candidate in candidates),
            len(unseen) / len(tokens) if tokens else 0.0,
            missing_share(names_in(question), around),
            missing_share(numbers_in(question), around),
        )
        return np.concatenate([rows[order[0]], np.array(facts)])

    def _matches(self, question: str, candidates: Sequence[Candidate]) -> list[Match]:
        if not self._matcher.knows_language_of(question):
            return [Match()] * len(candidates)
        hits = {candidate.hit.passage.id: candidate.hit for candidate in candidates}
        text_of = {passage_id: embedded_text(hit.article, hit.passage) for passage_id, hit in hits.items()}
        texts = [text_of[candidate.hit.passage.id] for candidate in candidates]
        places = [_place(candidate, text) for candidate, text in zip(candidates, texts, strict=True)]
        return self._matcher.match(question, texts, places)

    def _idf(self, token: str) -> float:
        frequency = self._lexical.document_frequency(token)
        return math.log(1 + (self._passages - frequency + 0.5) / (frequency + 0.5))


def _place(candidate: Candidate, text: str) -> tuple[int, int]:
    """Where the candidate stands in the text its passage is embedded as: its sentences end that text."""
    lengths = [sentence.end - sentence.start for sentence in candidate.hit.passage.sentences]
    number = candidate.hit.passage.sentences.index(candidate.sentence)
    start = len(text) - sum(lengths[number:]) - (len(lengths) - 1 - number)
    return start, start + lengths[number]


def _evidence(question: str, candidate: Candidate, score: float) -> Evidence:
    """Point at the short answer only where it cannot be mistaken: one span of the kind asked for."""
    spans = spans_of(answer_kind(question), candidate.text, question)
    start, end = spans[0] if len(spans) == 1 else (None, None)
    offset = candidate.sentence.start
    return Evidence(
        article=candidate.article,
        sentence=candidate.sentence,
        score=score,
        short_start=None if start is None else offset + start,
        short_end=None if end is None else offset + end,
    )


def _sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-max(-60.0, min(60.0, value))))
