"""Answers as a browser keeps them: an answer to a compact receipt, and back. Pure.

A receipt holds no article, only quotations, offsets and hashes. What comes back is a stranger's data: it is validated,
and each quotation is looked up in the articles of today before it is shown as one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, with_config

from indexer.articles import Article, Sentence, make_passage
from indexer.generation import Generation
from qa.answer import Answer, Outcome
from qa.citations import Citation, check, cite, verify
from qa.conflicts import Conflict, Side
from qa.dates import Period
from qa.questions import AnswerKind
from qa.reader import Evidence
from qa.retrieval import NO_FILTERS, Filters, Hit
from qa.writing import Written
from ui.page.markup import Exchange, sides_of

# Far more than any answer has; what is longer is no receipt.
MOST_CHARS = 20_000
MOST_ITEMS = 64
# A quotation that stands in an article more often than this says nothing about where it was taken from.
MOST_PLACES = 64

Share = Annotated[float, Field(ge=0, le=1)]
Few = Field(max_length=MOST_ITEMS)
Place = tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class _Sentence:
    """A sentence that was read; `quote` where it was shown without being cited, `short` its short answer's place."""

    article_id: str
    start: int
    end: int
    score: Share
    quote: str = ""
    short: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class _Passage:
    """A passage that was found, best first."""

    article_id: str
    start: int
    end: int
    rank: int
    score: float


@dataclass(frozen=True, slots=True)
class _Side:
    sentence: _Sentence
    start: int
    end: int
    amount: float
    unit: str


@dataclass(frozen=True, slots=True)
class _Conflict:
    kind: AnswerKind
    sides: Annotated[tuple[_Side, ...], Few]


# The limits hold for all that is inside as well.
@with_config(ConfigDict(str_max_length=MOST_CHARS, allow_inf_nan=False))
@dataclass(frozen=True, slots=True)
class _Receipt:
    """`articles` gives the SHA-256 of each article named: offsets mean something in that text only."""

    version: Literal[1]
    id: str
    question: str
    standalone_question: str
    outcome: Outcome
    answered: bool
    answerable: Share
    text: str
    generation: str
    as_of: date
    short_answer: str | None = None
    citations: Annotated[tuple[Citation, ...], Few] = ()
    evidence: Annotated[tuple[_Sentence, ...], Few] = ()
    passages: Annotated[tuple[_Passage, ...], Few] = ()
    articles: Annotated[dict[str, str], Field(max_length=4 * MOST_ITEMS)] = field(default_factory=dict)
    period: Period | None = None
    missing: Annotated[tuple[str, ...], Few] = ()
    conflicts: Annotated[tuple[_Conflict, ...], Few] = ()
    written: Written | None = None
    warnings: Annotated[tuple[str, ...], Few] = ()
    filters: Filters = NO_FILTERS


_RECEIPT = TypeAdapter(_Receipt)


# An answer to its receipt


def receipt_of(exchange: Exchange) -> dict[str, Any]:
    """Return what a browser needs to keep of an answer; what is empty is left out."""
    answer = exchange.answer
    articles = [hit.article for hit in answer.hits] + [item.article for item in answer.evidence]
    articles += [side.evidence.article for side in sides_of(answer).values()]
    shown = 1 if answer.outcome == "not_in_articles" else 0
    receipt = _Receipt(
        version=1,
        id=answer.id,
        question=answer.question,
        standalone_question=answer.standalone_question,
        outcome=answer.outcome,
        answered=answer.answered,
        answerable=answer.answerable,
        text=answer.text,
        generation=answer.generation,
        as_of=answer.as_of,
        short_answer=answer.short_answer,
        citations=tuple(answer.citations),
        evidence=tuple(_sentence(item, quote=place < shown) for place, item in enumerate(answer.evidence)),
        passages=tuple(_passage(hit) for hit in answer.hits),
        articles={article.id: article.sha256 for article in articles},
        period=answer.period,
        missing=tuple(answer.missing),
        conflicts=tuple(_conflict(conflict) for conflict in answer.conflicts),
        written=answer.written,
        warnings=tuple(answer.warnings),
        filters=exchange.filters,
    )
    kept: dict[str, Any] = _RECEIPT.dump_python(receipt, mode="json", exclude_defaults=True)
    return kept


def _sentence(item: Evidence, *, quote: bool) -> _Sentence:
    short = None if item.short_start is None or item.short_end is None else (item.short_start, item.short_end)
    start, end = item.sentence.start, item.sentence.end
    return _Sentence(item.article.id, start, end, item.score, item.text if quote else "", short)


def _passage(hit: Hit) -> _Passage:
    return _Passage(hit.article.id, hit.passage.start, hit.passage.end, hit.rank, hit.score)


def _conflict(conflict: Conflict) -> _Conflict:
    sides = [
        _Side(_sentence(side.evidence, quote=True), side.start, side.end, side.amount, side.unit)
        for side in conflict.sides
    ]
    return _Conflict(conflict.kind, tuple(sides))


# A receipt to an answer of today


def exchange_of(receipt: Mapping[str, Any], generation: Generation, *, turn: int = 1) -> Exchange | None:
    """Rebuild an answer from its receipt; None for what is none.

    A quotation that stands where it stood, or elsewhere in its article, is verified anew; one that does not is kept
    with `verified=False` and the title it had. What else the receipt points at is left out where it is gone.
    """
    try:
        kept = _RECEIPT.validate_python(dict(receipt))
    except (ValidationError, TypeError, ValueError):
        return None
    if [citation.index for citation in kept.citations] != list(range(1, len(kept.citations) + 1)):
        return None
    return Exchange(turn, _Rebuilding(kept, generation).answer(), kept.filters)


class _Rebuilding:
    """One receipt held against the articles of today."""

    def __init__(self, kept: _Receipt, generation: Generation) -> None:
        self._kept = kept
        self._generation = generation
        self._placed: dict[Place, tuple[int, int]] = {}
        self._citations = [self._cited(citation) for citation in kept.citations]

    def answer(self) -> Answer:
        """Return the answer; what it says of itself is as it was, what it shows is as the articles have it."""
        kept = self._kept
        evidence, conflicts = self._evidence(), self._conflicts()
        return Answer(
            id=kept.id,
            question=kept.question,
            standalone_question=kept.standalone_question,
            outcome=kept.outcome,
            answered=kept.answered,
            answerable=kept.answerable,
            text=kept.text,
            short_answer=self._short_answer() if len(conflicts) == len(kept.conflicts) else None,
            citations=self._citations,
            evidence=evidence,
            hits=self._hits(evidence, conflicts),
            generation=kept.generation,
            as_of=kept.as_of,
            period=kept.period,
            missing=kept.missing,
            conflicts=conflicts,
            written=self._written(),
            warnings=kept.warnings,
        )

    def _cited(self, kept: Citation) -> Citation:
        article = self._generation.articles.get(kept.article_id)
        place = _find(article, kept.cited_text, kept.start, kept.end, kept.prefix, kept.suffix)
        if article is None or place is None:
            return replace(kept, start=0, end=0, verified=False, also_in=())
        self._placed[kept.article_id, kept.start, kept.end] = place
        copies = tuple(name for name in kept.also_in if name in self._generation.articles)
        evidence = Evidence(article, Sentence(*place), 0.0, also_in=copies)
        fresh = cite(evidence, index=kept.index, answer_start=kept.answer_start, answer_end=kept.answer_end)
        fresh = check(fresh, article, self._kept.text)
        return replace(fresh, verified=fresh.verified and kept.verified)

    def _short_answer(self) -> str | None:
        """A short answer stands above its quotation, so it falls with it."""
        short = self._kept.short_answer
        held = short and any(short in citation.cited_text for citation in self._citations if citation.verified)
        return short if held else None

    def _written(self) -> Written | None:
        """What a language model wrote was checked against quotations; it goes when one of them does."""
        written, known = self._kept.written, {item.index for item in self._citations if item.verified}
        cited = {index for item in written.sentences if item.supported for index in item.cites} if written else set()
        return written if cited <= known else None

    def _same(self, article_id: str) -> Article | None:
        """The article if its text is what it was."""
        article = self._generation.articles.get(article_id)
        return article if article and article.sha256 == self._kept.articles.get(article_id) else None

    def _evidence_of(self, kept: _Sentence) -> Evidence | None:
        article = self._generation.articles.get(kept.article_id)
        place = self._placed.get((kept.article_id, kept.start, kept.end))
        if place is None and kept.quote:
            place = _find(article, kept.quote, kept.start, kept.end)
        elif place is None and (same := self._same(kept.article_id)) and _inside(same, kept.start, kept.end):
            place = kept.start, kept.end
        if article is None or place is None:
            return None
        start, end = kept.short or (kept.start, kept.start)
        if not kept.start <= start < end <= kept.end:
            return Evidence(article, Sentence(*place), kept.score)
        shift = place[0] - kept.start
        return Evidence(article, Sentence(*place), kept.score, start + shift, end + shift)

    def _evidence(self) -> list[Evidence]:
        found = [self._evidence_of(item) for item in self._kept.evidence]
        if self._kept.outcome == "not_in_articles" and found and found[0] is None:
            # The next was not what came closest.
            return []
        return [item for item in found if item]

    def _hits(self, evidence: list[Evidence], conflicts: list[Conflict]) -> list[Hit]:
        hits = []
        for kept in self._kept.passages:
            article = self._same(kept.article_id)
            if article and _inside(article, kept.start, kept.end):
                hits.append(_hit(article, kept.start, kept.end, kept.rank, kept.score))
        named = {hit.article.id for hit in hits} | {item.article.id for item in evidence}
        named |= {side.evidence.article.id for conflict in conflicts for side in conflict.sides}
        for citation in self._citations:
            article = self._generation.articles.get(citation.article_id)
            if article and citation.article_id not in named and citation.start < citation.end:
                # The passage is no longer there as it was; its sentence is.
                hits.append(_hit(article, citation.start, citation.end, len(hits) + 1, 0.0))
                named.add(article.id)
        return hits

    def _conflicts(self) -> list[Conflict]:
        """The conflicts of which two sides are left: one alone disagrees with nothing."""
        found = [
            Conflict(kept.kind, tuple(side for side in map(self._side, kept.sides) if side))
            for kept in self._kept.conflicts
        ]
        return [conflict for conflict in found if len(conflict.sides) > 1]

    def _side(self, kept: _Side) -> Side | None:
        evidence = self._evidence_of(kept.sentence)
        if evidence is None or not kept.sentence.start <= kept.start < kept.end <= kept.sentence.end:
            return None
        shift = evidence.sentence.start - kept.sentence.start
        start, end = kept.start + shift, kept.end + shift
        return Side(evidence, evidence.article.quote(start, end), start, end, kept.amount, kept.unit)


def _inside(article: Article, start: int, end: int) -> bool:
    return 0 <= start < end <= len(article.text)


def _hit(article: Article, start: int, end: int, rank: int, score: float) -> Hit:
    passage = make_passage(article, [Sentence(start, end)], heading="")
    return Hit(passage, article, rank, score, dense_score=0.0, lexical_score=0.0)


def _find(
    article: Article | None, quote: str, start: int, end: int, prefix: str = "", suffix: str = ""
) -> tuple[int, int] | None:
    """Return where a quotation stands in an article today; None when it does not."""
    if article is None:
        return None
    if _inside(article, start, end) and article.quote(start, end) == quote:
        return start, end
    # Before the search among all sentences for what the quotation may have become, which is slow and not wanted here.
    if not quote.strip() or not 0 < article.text.count(quote) <= MOST_PLACES:
        return None
    now = verify(article, cited_text=quote, start=start, end=end, prefix=prefix, suffix=suffix)
    if now.verdict not in ("exact", "moved") or now.start is None or now.end is None:
        return None
    return now.start, now.end
