"""The main path: a question becomes an answer whose every sentence is a checked quotation."""

import time
import uuid
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import chain, zip_longest
from typing import Literal, TypeVar

from indexer.embedding import Embedder
from indexer.generation import Generation
from indexer.language import Analyser
from indexer.settings import Settings
from qa.citations import Citation, check
from qa.composition import choose, compose, whole_statements
from qa.conflicts import Conflict, conflicts_in
from qa.dates import Period, period_in
from qa.followups import Turn, standalone
from qa.matching import Matcher
from qa.questions import parts_of, unsaid
from qa.reader import MAX_EVIDENCE, Evidence, FeatureReader, Reader, Reading
from qa.retrieval import NO_FILTERS, Filters, Hit, Retrieval, Retriever
from qa.writing import OpenAIWriter, Writer, Written

Item = TypeVar("Item")
Outcome = Literal["answered", "partly", "not_in_articles"]

# Between this share of the threshold and the threshold, the articles may speak of it without answering it.
PARTLY_SHARE = 0.4
# What the user should know about how the question was understood; ui/texts.py has the words.
PERIOD_MATCHES_NOTHING = "period_matches_nothing"
NO_WRITER = "no_writer"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the user gets. `text` holds quotations, each followed by its number `[n]`, joined by a space.

    `outcome` is "partly" when a question of two parts is answered in one, or when the articles speak of what is
    asked but not of all of it; `missing` then names the part, or the words, that they do not have. `answerable` is the
    probability that some sentence answers, `answered` whether that is enough. When `outcome` is `not_in_articles`,
    `text` and `citations` are empty, and `evidence` and `hits` still say what came closest. `written` is what a
    language model made of the cited sentences, if one was asked.
    """

    id: str
    question: str
    standalone_question: str
    outcome: Outcome
    answered: bool
    answerable: float
    text: str
    short_answer: str | None
    citations: Sequence[Citation]
    evidence: Sequence[Evidence]
    hits: Sequence[Hit]
    generation: str
    as_of: date
    period: Period | None = None
    missing: Sequence[str] = ()
    conflicts: Sequence[Conflict] = ()
    written: Written | None = None
    warnings: Sequence[str] = ()
    timings_ms: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Found:
    """What was found for one part of a question: `hits` as the reader ordered them, then those it did not read."""

    part: str
    hits: Sequence[Hit]
    warnings: tuple[str, ...]
    reading: Reading
    answered: bool


class Answerer:
    """Answers from one generation; immutable, so it may be used by many threads at once."""

    def __init__(
        self,
        generation: Generation,
        embedder: Embedder,
        settings: Settings,
        *,
        reader: Reader | None = None,
        writer: Writer | None = None,
    ) -> None:
        self.generation = generation
        self._settings = settings
        self._embedder = embedder
        self._matcher = Matcher(embedder, Analyser(settings.korean_analyser))
        self._retriever = Retriever(generation, embedder, self._matcher, settings)
        self._reader = reader or FeatureReader(generation, self._matcher)
        self._writer = writer or (OpenAIWriter(settings) if settings.writer_base_url else None)

    @property
    def settings(self) -> Settings:
        """The settings it answers by."""
        return self._settings

    @property
    def matcher(self) -> Matcher:
        """What retriever and reader share."""
        return self._matcher

    @property
    def retriever(self) -> Retriever:
        """What finds passages."""
        return self._retriever

    @property
    def reader(self) -> Reader:
        """What chooses sentences."""
        return self._reader

    def search(
        self, question: str, filters: Filters = NO_FILTERS, *, as_of: date | None = None, top_k: int = 10
    ) -> Retrieval:
        """Return the passages only, as the reader orders them."""
        found = self._find(question, filters, period_in(question, as_of or date.today()), top_k, Clock())
        return Retrieval(found.hits[:top_k], found.warnings)

    def answer(
        self,
        question: str,
        *,
        turns: Sequence[Turn] = (),
        filters: Filters = NO_FILTERS,
        as_of: date | None = None,
        top_k: int = 10,
        generate: bool = False,
    ) -> Answer:
        """Understand, retrieve, read, choose, cite and check; an answer that the articles do not give is not given.

        `turns` are earlier exchanges, which lend a follow-up its context. `as_of` is the day from which "last week"
        is seen, by default today. With `generate`, a language model also words the answer, if one is set.
        """
        clock, as_of = Clock(), as_of or date.today()
        understood = self._understand(question, turns)
        period = period_in(understood, as_of)
        clock.lap("understand")
        found = [self._find(part, filters, period, top_k, clock) for part in parts_of(understood)]
        evidence = _interleaved([one.reading.evidence for one in found], _sentence)
        hits = _interleaved([one.hits for one in found], _passage)[:top_k]
        outcome, missing = self._outcome(found)
        chosen = whole_statements(self._chosen(found, outcome))
        text, citations = self._cited(chosen)
        clock.lap("cite")
        conflicts = conflicts_in(understood, evidence) if outcome == "answered" else []
        written, failure = self._write(understood, chosen) if generate else (None, ())
        clock.lap("write")
        return Answer(
            id=uuid.uuid4().hex,
            question=question,
            standalone_question=understood,
            outcome=outcome,
            answered=any(one.answered for one in found),
            answerable=max(one.reading.answerable for one in found),
            text=text,
            short_answer=chosen[0].short_answer if outcome == "answered" else None,
            citations=citations,
            evidence=evidence[:MAX_EVIDENCE],
            hits=[replace(hit, rank=rank) for rank, hit in enumerate(hits, start=1)],
            generation=self.generation.id,
            as_of=as_of,
            period=period,
            missing=missing,
            conflicts=conflicts,
            written=written,
            warnings=(*dict.fromkeys(chain.from_iterable(one.warnings for one in found)), *failure),
            timings_ms=clock.laps,
        )

    def _understand(self, question: str, turns: Sequence[Turn]) -> str:
        if not turns:
            return question
        similarity = self._similarity if self._matcher.knows_language_of(question) else None
        return standalone(question, turns, similarity=similarity).text

    def _similarity(self, one: str, other: str) -> float:
        vectors = self._embedder.embed_queries([one, other])
        return float(vectors[0] @ vectors[1])

    def _find(self, part: str, filters: Filters, period: Period | None, top_k: int, clock: "Clock") -> _Found:
        retrieval = self._retrieve(part, filters, period, max(top_k, self._settings.read_passages))
        clock.lap("retrieve")
        reading = self._reader.read(part, retrieval.hits[: self._settings.read_passages])
        clock.lap("read")
        answered = bool(reading.evidence) and reading.answerable >= self._settings.answer_threshold
        hits = [*reading.hits, *retrieval.hits[len(reading.hits) :]]
        return _Found(part, hits, retrieval.warnings, reading, answered)

    def _retrieve(self, question: str, filters: Filters, period: Period | None, top_k: int) -> Retrieval:
        """Look within the period the question asks articles of; when none is from then, look everywhere and say so."""
        narrowed = filters.within(period)
        retrieval = self._retriever.retrieve(question, narrowed, period=period, top_k=top_k)
        if retrieval.hits or narrowed == filters:
            return retrieval
        everywhere = self._retriever.retrieve(question, filters, period=period, top_k=top_k)
        return replace(everywhere, warnings=(*everywhere.warnings, PERIOD_MATCHES_NOTHING))

    def _outcome(self, found: Sequence[_Found]) -> tuple[Outcome, tuple[str, ...]]:
        """How far the question is answered, and what is missing."""
        if all(one.answered for one in found):
            return "answered", ()
        if any(one.answered for one in found):
            return "partly", tuple(one.part for one in found if not one.answered)
        best = max(found, key=lambda one: one.reading.answerable)
        missing = unsaid(best.part, best.reading.evidence[0].article.text) if best.reading.evidence else ()
        near = best.reading.answerable >= PARTLY_SHARE * self._settings.answer_threshold
        return ("partly", missing) if near and missing else ("not_in_articles", ())

    def _chosen(self, found: Sequence[_Found], outcome: Outcome) -> list[Evidence]:
        if outcome == "not_in_articles":
            return []
        answered = [one for one in found if one.answered]
        if not answered:
            return [max(found, key=lambda one: one.reading.answerable).reading.evidence[0]]
        return list(chain.from_iterable(choose(one.part, one.reading.evidence) for one in answered))

    def _cited(self, chosen: Sequence[Evidence]) -> tuple[str, list[Citation]]:
        text, citations = compose(chosen)
        return text, [check(item, self.generation.articles.get(item.article_id), text) for item in citations]

    def _write(self, question: str, chosen: Sequence[Evidence]) -> tuple[Written | None, tuple[str, ...]]:
        if not chosen:
            return None, ()
        if self._writer is None:
            return None, (NO_WRITER,)
        written = self._writer.write(question, chosen)
        return (written, ()) if isinstance(written, Written) else (None, (written.code,))


def _interleaved(lists: Sequence[Sequence[Item]], name: Callable[[Item], Hashable]) -> list[Item]:
    """The first of each list, then the second of each; of those with one name, only the first."""
    items: dict[Hashable, Item] = {}
    for row in zip_longest(*lists):
        for item in row:
            if item is not None:
                items.setdefault(name(item), item)
    return list(items.values())


def _sentence(item: Evidence) -> Hashable:
    return item.article.id, item.sentence.start


def _passage(hit: Hit) -> Hashable:
    return hit.passage.id


class Clock:
    """Milliseconds between laps."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        """Add the time since the last lap to a name."""
        now = time.perf_counter()
        self.laps[name] = round(self.laps.get(name, 0.0) + (now - self._last) * 1000, 3)
        self._last = now
