"""The main path: a question becomes an answer whose every sentence is a checked quotation."""

import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from indexer.embedding import Embedder
from indexer.generation import Generation
from indexer.language import Analyser
from indexer.settings import Settings
from qa.citations import Citation, check, cite
from qa.matching import Matcher
from qa.questions import answer_kind, spans_of
from qa.reader import Evidence, FeatureReader, Reader
from qa.retrieval import NO_FILTERS, Filters, Hit, Retrieval, Retriever

Outcome = Literal["answered", "partly", "not_in_articles"]

MAX_SENTENCES = 3
# How good a further sentence must be, as a share of the best one's score. On 48 web pages, few of which share a
# subject, 4 of 66 questions for a figure get another one at .1, 3 at .2.
NEARLY_AS_GOOD = 0.6
ANOTHER_FIGURE = 0.1
FIGURES = ("percent", "money", "date", "number")
# Earlier turns were given; follow-up questions are not yet made standalone.
HISTORY_UNUSED = "history_unused"


@dataclass(frozen=True, slots=True)
class Turn:
    """One exchange of a conversation."""

    question: str
    answer: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the user gets. `text` holds quotations, each followed by its number `[n]`, joined by a space.

    When `outcome` is `not_in_articles`, `text` and `citations` are empty, and `evidence` and `hits` still say
    what came closest.
    """

    id: str
    question: str
    standalone_question: str
    outcome: Outcome
    answerable: float
    text: str
    short_answer: str | None
    citations: Sequence[Citation]
    evidence: Sequence[Evidence]
    hits: Sequence[Hit]
    generation: str
    warnings: Sequence[str] = ()
    timings_ms: Mapping[str, float] = field(default_factory=dict)


class Answerer:
    """Answers from one generation; immutable, so it may be used by many threads at once."""

    def __init__(
        self, generation: Generation, embedder: Embedder, settings: Settings, *, reader: Reader | None = None
    ) -> None:
        self.generation = generation
        self._settings = settings
        matcher = Matcher(embedder, Analyser(settings.korean_analyser))
        self._retriever = Retriever(generation, embedder, matcher, settings)
        self._reader = reader or FeatureReader(generation, matcher)

    def search(self, question: str, filters: Filters = NO_FILTERS, *, top_k: int = 10) -> Retrieval:
        """Return the passages only."""
        return self._retriever.retrieve(question, filters, top_k=top_k)

    def answer(
        self, question: str, *, turns: Sequence[Turn] = (), filters: Filters = NO_FILTERS, top_k: int = 10
    ) -> Answer:
        """Retrieve, read, choose, cite and check; an answer that the articles do not give is not given."""
        clock = Clock()
        depth = max(top_k, self._settings.read_passages)
        retrieval = self._retriever.retrieve(question, filters, top_k=depth)
        clock.lap("retrieve")
        reading = self._reader.read(question, retrieval.hits[: self._settings.read_passages])
        clock.lap("read")
        answered = bool(reading.evidence) and reading.answerable >= self._settings.answer_threshold
        chosen = choose(question, reading.evidence) if answered else []
        text, citations = compose(chosen)
        checked = [check(item, self.generation.articles.get(item.article_id), text) for item in citations]
        clock.lap("cite")
        return Answer(
            id=uuid.uuid4().hex,
            question=question,
            standalone_question=question,
            outcome="answered" if answered else "not_in_articles",
            answerable=reading.answerable,
            text=text,
            short_answer=chosen[0].short_answer if chosen else None,
            citations=checked,
            evidence=reading.evidence,
            hits=retrieval.hits[:top_k],
            generation=self.generation.id,
            warnings=(*retrieval.warnings, *((HISTORY_UNUSED,) if turns else ())),
            timings_ms=clock.laps,
        )


def choose(question: str, evidence: Sequence[Evidence]) -> list[Evidence]:
    """The best sentence, and up to two more that are nearly as good; none twice in other words.

    A figure from another article may be further behind: two figures for one question should both be seen.
    """
    chosen = [evidence[0]]
    for item in evidence[1:]:
        share = ANOTHER_FIGURE if _is_another_figure(question, item, chosen) else NEARLY_AS_GOOD
        good = item.score >= share * evidence[0].score
        if good and len(chosen) < MAX_SENTENCES and all(item.text != other.text for other in chosen):
            chosen.append(item)
    return chosen


def _is_another_figure(question: str, item: Evidence, chosen: Sequence[Evidence]) -> bool:
    kind = answer_kind(question)
    elsewhere = all(item.article.id != other.article.id for other in chosen)
    return elsewhere and kind in FIGURES and bool(spans_of(kind, item.text, question))


def compose(chosen: Sequence[Evidence]) -> tuple[str, list[Citation]]:
    """Join quotations, each followed by its number, and make a citation for each."""
    text, citations = "", []
    for number, item in enumerate(chosen, start=1):
        text += " " if text else ""
        start = len(text)
        text += item.text
        citations.append(cite(item, index=number, answer_start=start, answer_end=len(text)))
        text += f" [{number}]"
    return text, citations


class Clock:
    """Milliseconds between laps."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        """Note the time since the last lap under a name."""
        now = time.perf_counter()
        self.laps[name] = round((now - self._last) * 1000, 3)
        self._last = now
