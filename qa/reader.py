"""Question and passages to evidence: which sentences answer, and whether any does at all."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from indexer.articles import Article, Sentence
from indexer.chunking import embedded_text, sentence_spans
from indexer.generation import Generation
from indexer.language import detect_language
from qa import korean
from qa.features import NAMES, Candidate, Matrix, candidates_of, features, years_missing
from qa.matching import Match, Matcher
from qa.questions import (
    FIGURES,
    Span,
    answer_kind,
    answer_span,
    asks_yes_or_no,
    beside_year,
    missing_share,
    names_in,
    numbers_in,
    spans_of,
    written_alike,
)
from qa.questions.spans import meets, with_whole_figures, without_lone_marks
from qa.reading import NOT_READ, Pair, PairReader, SentenceReading
from qa.retrieval import Hit

MAX_EVIDENCE = 5
# Of two sentences, the one that holds the figure asked for comes first if it is at least so likely as the other.
NEARLY_AS_LIKELY = 0.5
# A short answer is shown when it is likelier than this among all spans of its passage, and has no more words.
LEAST_SHORT_CHANCE = 0.15
LONGEST_SHORT_ANSWER = 14


@dataclass(frozen=True, slots=True)
class Evidence:
    """A sentence the reader chose: `score` is the probability that it answers the question.

    `short_start`/`short_end` are offsets into the article of the short answer inside the sentence; None when
    the sentence itself is the answer. `also_in` are other articles with its passage in nearly the same words.
    """

    article: Article
    sentence: Sentence
    score: float
    short_start: int | None = None
    short_end: int | None = None
    also_in: tuple[str, ...] = ()

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
    """What the reader made of the hits: evidence and the hits it read, best first, and P(some sentence answers)."""

    evidence: Sequence[Evidence]
    answerable: float
    hits: Sequence[Hit] = ()


class Reader(Protocol):
    """Whatever reads: `read` gives at most five pieces of evidence."""

    def read(self, question: str, hits: Sequence[Hit]) -> Reading: ...


# What P(answerable) is judged by: the best candidate's features, how it stands out, and what is missing.
ANSWERABLE_NAMES = (
    *NAMES,
    "utility",  # of the best sentence
    "lead_over_second",
    "dense",  # the best cosine of a passage
    "unseen",  # share of the question's terms that no article has
    "names_missing",  # share of its names that stand nowhere around the best sentence
    "names_missing_in_article",
    "numbers_missing",
    "years_missing",  # share of its years that the article neither names nor was published in
)


@dataclass(frozen=True, slots=True)
class Weights:
    """A linear model: `rank` orders sentences (conditional logit), `answerable` and `bias` judge the best one.

    Fitted on public question sets by training/combine.py, which also writes down the data and the figures.
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
    """Scores sentences by what the cross-encoder says and by readable features, in a small calibrated model."""

    def __init__(self, generation: Generation, matcher: Matcher, cross_encoder: PairReader | None = None) -> None:
        # Imported here: it brings torch, and a command that finds no index should say so at once.
        from qa.cross_encoder import shipped

        self._cross_encoder = cross_encoder or shipped()
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
        weights = self.weights_for(question)
        readings = self.readings(question, candidates)
        rows = self.features(question, candidates, readings)
        utilities = rows @ weights.rank
        judged = self.answerable_features(question, candidates, rows, utilities)
        answerable = _sigmoid(float(judged @ weights.answerable) + weights.bias)
        chances = np.exp(utilities - utilities.max())
        chances /= chances.sum()
        order = in_order(question, candidates, utilities)[:MAX_EVIDENCE]
        evidence = [_evidence(question, candidates[i], readings[i], answerable * float(chances[i])) for i in order]
        return Reading(evidence, answerable, hits=_by_best_sentence(hits, candidates, utilities))

    def weights_for(self, question: str) -> Weights:
        """Return the weights in use for the language of the question."""
        return self._weights["semantic" if self._matcher.knows_language_of(question) else "lexical"]

    def readings(self, question: str, candidates: Sequence[Candidate]) -> list[SentenceReading]:
        """Return what the cross-encoder makes of each candidate, read in its passage, each passage once.

        The `short` of each is a span of its article.
        """
        if not self._matcher.knows_language_of(question):
            return [NOT_READ] * len(candidates)
        hits = list({candidate.hit.passage.id: candidate.hit for candidate in candidates}.values())
        texts = [embedded_text(hit.article, hit.passage) for hit in hits]
        spans = [tuple(sentence_spans(hit.passage, text)) for hit, text in zip(hits, texts, strict=True)]
        read = self._cross_encoder.read(
            [Pair(question, text, places) for text, places in zip(texts, spans, strict=True)]
        )
        found = {
            (hit.passage.id, sentence.start): _in_article(reading, place, sentence)
            for hit, places, readings in zip(hits, spans, read, strict=True)
            for sentence, place, reading in zip(hit.passage.sentences, places, readings, strict=True)
        }
        return [found[candidate.hit.passage.id, candidate.sentence.start] for candidate in candidates]

    def features(self, question: str, candidates: Sequence[Candidate], readings: Sequence[SentenceReading]) -> Matrix:
        """Return the candidates' features, shape (n, len(NAMES))."""
        return features(
            question,
            candidates,
            matches=self._matches(question, candidates),
            readings=readings,
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
            missing_share(self._names(question), around),
            missing_share(self._names(question), f"{best.article.title}\n{best.article.text}"),
            missing_share(numbers_in(question), around),
            years_missing(question, best.article),
        )
        return np.concatenate([rows[order[0]], np.array(facts)])

    def _matches(self, question: str, candidates: Sequence[Candidate]) -> list[Match]:
        if not self._matcher.knows_language_of(question):
            if detect_language(question) != "ko":
                return [Match()] * len(candidates)
            seen = [(candidate.text, *candidate.surroundings) for candidate in candidates]
            return korean.match(question, seen, self._weight)
        hits = {candidate.hit.passage.id: candidate.hit for candidate in candidates}
        text_of = {passage_id: embedded_text(hit.article, hit.passage) for passage_id, hit in hits.items()}
        texts = [text_of[candidate.hit.passage.id] for candidate in candidates]
        places = [_place(candidate, text) for candidate, text in zip(candidates, texts, strict=True)]
        return self._matcher.match(question, texts, places)

    def _names(self, question: str) -> list[str]:
        knows = self._matcher.knows_language_of(question) or detect_language(question) != "ko"
        return names_in(question) if knows else korean.names(question)

    def _weight(self, word: str) -> float:
        tokens = self._analyser.tokens(word)
        return sum(map(self._idf, tokens)) / len(tokens) if tokens else 0.0

    def _idf(self, token: str) -> float:
        frequency = self._lexical.document_frequency(token)
        return math.log(1 + (self._passages - frequency + 0.5) / (frequency + 0.5))


def in_order(question: str, candidates: Sequence[Candidate], utilities: NDArray[np.float64]) -> list[int]:
    """Order candidates, best first; where a figure is asked for, one nearly as likely that holds it comes first.

    "How many factories by 2030?" is not answered by a share, however alike the words are.
    """
    order = [int(number) for number in np.argsort(-utilities, kind="stable")]
    kind = answer_kind(question)
    if kind in FIGURES:
        floor = utilities[order[0]] + math.log(NEARLY_AS_LIKELY)
        near = [number for number in order[:MAX_EVIDENCE] if utilities[number] >= floor]
        holding = (number for number in near if spans_of(kind, candidates[number].text, question))
        first = next(holding, order[0])
        order = [first, *(number for number in order if number != first)]
    return order


def _by_best_sentence(
    hits: Sequence[Hit], candidates: Sequence[Candidate], utilities: NDArray[np.float64]
) -> list[Hit]:
    """Order hits by their best sentence; `score` becomes its utility, above the lowest fused score of all."""
    value = {(c.article.id, c.sentence.start): float(u) for c, u in zip(candidates, utilities, strict=True)}
    best = {hit.passage.id: max(value[hit.article.id, one.start] for one in hit.passage.sentences) for hit in hits}
    floor = min(hit.score for hit in hits) - min(best.values())
    ordered = sorted(hits, key=lambda hit: (-best[hit.passage.id], hit.rank))
    return [replace(hit, rank=n, score=best[hit.passage.id] + floor) for n, hit in enumerate(ordered, start=1)]


def _place(candidate: Candidate, text: str) -> tuple[int, int]:
    passage = candidate.hit.passage
    return sentence_spans(passage, text)[passage.sentences.index(candidate.sentence)]


def _in_article(reading: SentenceReading, place: tuple[int, int], sentence: Sentence) -> SentenceReading:
    if reading.short is None:
        return reading
    offset = sentence.start - place[0]
    return replace(reading, short=(max(reading.short[0], place[0]) + offset, min(reading.short[1], place[1]) + offset))


def _evidence(question: str, candidate: Candidate, reading: SentenceReading, score: float) -> Evidence:
    start, end = short_answer(question, candidate, reading) or (None, None)
    return Evidence(candidate.article, candidate.sentence, score, start, end, candidate.hit.also_in)


def short_answer(question: str, candidate: Candidate, reading: SentenceReading) -> Span | None:
    """Point at the short answer inside the sentence, as a span of the article; None where it may be mistaken.

    When a figure or a date is asked for, what the cross-encoder points at must hold one, else the only one there is;
    and where the sentence gives one for the year asked of, it must be that. Between Korean and another language
    sentences are found by the names they share, and only a figure is known from these.
    """
    kind = answer_kind(question)
    if asks_yes_or_no(question) or not (kind in FIGURES or written_alike(question, candidate.text)):
        return None
    offset = candidate.sentence.start
    found = spans_of(kind, candidate.text, question)
    best = answer_span(kind, candidate.text, question)
    span = best
    if reading.short is not None and reading.short_log >= math.log(LEAST_SHORT_CHANCE):
        pointed = (reading.short[0] - offset, reading.short[1] - offset)
        span = _confirmed(pointed, found, best, question, candidate.text) if kind in FIGURES else pointed
    if span is None:
        return None
    if kind in FIGURES:
        span = with_whole_figures(span, found)
    start, end = without_lone_marks(candidate.text, span)
    words = candidate.text[start:end].split()
    is_short = 0 < len(words) <= LONGEST_SHORT_ANSWER and end - start < 0.8 * len(candidate.text)
    return (offset + start, offset + end) if is_short or span == best else None


def _confirmed(pointed: Span, figures: Sequence[Span], only: Span | None, question: str, text: str) -> Span | None:
    """Return what was pointed at if it holds a figure, of the year asked of; else the one that can be meant."""
    if not meets(pointed, figures):
        return only
    beside = beside_year(text, question, figures)
    if beside and not meets(pointed, beside):
        return beside[0] if len(beside) == 1 else None
    return pointed


def _sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-max(-60.0, min(60.0, value))))
