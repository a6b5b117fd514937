"""The way of an article through retrieval and reading, for one question: ranks and scores at each step.

Nothing here decides: the same retriever and reader are asked again, and what they say is written down.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

from indexer.articles import Article
from indexer.chunking import embedded_text
from indexer.language import detect_language
from qa.answer import Answerer
from qa.dates import Period, nearness
from qa.features import NAMES, Candidate, candidates_of
from qa.fusion import z_scores
from qa.questions import AnswerKind, answer_kind
from qa.reader import FeatureReader, Reading, in_order, short_answer
from qa.reading import NOT_READ, SentenceReading
from qa.retrieval import Filters, Ranking, Retriever

Row = NDArray[np.float64]

MAX_PASSAGES = 3
MAX_EFFECTS = 3
_NO_EFFECT = 5e-4


@dataclass(frozen=True, slots=True)
class Term:
    """A search term of the question, and how many passages of the index hold it; 0: the index does not know it."""

    token: str
    frequency: int


@dataclass(frozen=True, slots=True)
class FilterCheck:
    """One filter: what it wants, what the article has (None: nothing), and whether that will do.

    `name` is from, to, source, language, article_ids, collection, or period: the days of which the question wants
    articles.
    """

    name: str
    wanted: str
    found: str | None
    passes: bool


@dataclass(frozen=True, slots=True)
class Understanding:
    """How a question was understood. `period_matches_nothing`: no article is from then, so all were searched."""

    part: str
    language: str
    embedder_knows: bool
    terms: tuple[Term, ...]
    indexed_passages: int
    kind: AnswerKind
    as_of: date
    period: Period | None
    period_matches_nothing: bool = False
    filters: tuple[FilterCheck, ...] = ()


@dataclass(frozen=True, slots=True)
class Leg:
    """One leg's view of a passage: cosine or BM25, the rank (None: not among the best), the z-score fusion used."""

    rank: int | None
    score: float
    z: float | None


@dataclass(frozen=True, slots=True)
class PassageTrace:
    """The way of one passage. `dense` and `closer_look` are None when the embedder does not know the language.

    `closer_look` is what the closer look added to the fused score, `near_in_time` what the period added. Ranks
    are None when neither leg brought the passage.
    """

    id: str
    start: int
    end: int
    dense: Leg | None
    lexical: Leg
    matched: tuple[str, ...]
    fused_rank: int | None
    fused_score: float | None
    closer_look: float | None
    near_in_time: float | None
    final_rank: int | None
    final_score: float | None
    read: bool


@dataclass(frozen=True, slots=True)
class SentenceTrace:
    """What the reader made of a sentence: `rank` among all read, the cross-encoder's `log_odds` (None: it cannot read
    this language), and `utility`, by which sentences are ranked.
    """

    article_id: str
    start: int
    end: int
    text: str
    rank: int
    log_odds: float | None
    short_answer: str | None
    utility: float


@dataclass(frozen=True, slots=True)
class Effect:
    """What a feature did to the utility of a sentence beside that of another: weight × (value − other)."""

    feature: str
    value: float
    other: float
    effect: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """The article's best sentence beside the winner, or beside the second where it is the winner itself.

    `effects` are all features that make a difference, the one that helps most first; they add up to the
    difference of the utilities. A feature and how far it is behind the best are one.
    """

    sentences: int
    best: SentenceTrace | None
    other: SentenceTrace | None
    effects: tuple[Effect, ...]

    @property
    def helped(self) -> tuple[Effect, ...]:
        """The three features that helped most."""
        return tuple(effect for effect in self.effects if effect.effect > 0)[:MAX_EFFECTS]

    @property
    def hurt(self) -> tuple[Effect, ...]:
        """The three features that hurt most, the worst first."""
        return tuple(effect for effect in reversed(self.effects) if effect.effect < 0)[:MAX_EFFECTS]


@dataclass(frozen=True, slots=True)
class Trace:
    """The way of an article through one question, or one part of it.

    `passages` are its best, at most three; `fused_rank` is the best rank of any of its passages before the closer
    look. `ranked` is how many passages of all articles any leg brought. `comparison` is None when nothing was read,
    or by a reader that does not tell what it goes by.
    """

    understood: Understanding
    passages: tuple[PassageTrace, ...]
    fused_rank: int | None
    ranked: int
    comparison: Comparison | None
    reading: Reading


def trace(
    answerer: Answerer, part: str, article: Article, *, filters: Filters, period: Period | None, as_of: date
) -> Trace:
    """Follow an article through one part of a question, as `Answerer.answer` answers it."""
    kept, ranking = _ranking(answerer.retriever, part, filters, period)
    understood = _understanding(answerer, part, period, as_of)
    understood = replace(
        understood,
        period_matches_nothing=kept != filters.within(period),
        filters=(*filter_checks(filters, article), *period_check(kept, filters, article)),
    )
    own = set(answerer.generation.rows_of(article.id))
    depth = answerer.settings.read_passages
    hits = answerer.retriever.retrieve(part, kept, period=period, top_k=depth).hits
    return Trace(
        understood=understood,
        passages=_passages(answerer, article, ranking, understood) if kept.accept(article) else (),
        fused_rank=next((rank for rank, (row, _) in enumerate(ranking.fused, 1) if row in own), None),
        ranked=len(ranking.final),
        comparison=_comparison(answerer, part, article, candidates_of(hits)),
        reading=answerer.reader.read(part, hits),
    )


def _ranking(retriever: Retriever, part: str, filters: Filters, period: Period | None) -> tuple[Filters, Ranking]:
    """Rank within the period, or everywhere when nothing is from then, as `Answerer` does; and say which it was."""
    for kept in (filters.within(period), filters):
        ranking = retriever.rank(part, kept, period=period)
        if ranking and ranking.final:
            return kept, ranking
    return filters, Ranking({}, {}, (), ())


def _understanding(answerer: Answerer, part: str, period: Period | None, as_of: date) -> Understanding:
    generation, matcher = answerer.generation, answerer.matcher
    terms = dict.fromkeys(matcher.analyser.content_tokens(part) or matcher.analyser.tokens(part))
    return Understanding(
        part=part,
        language=detect_language(part),
        embedder_knows=matcher.knows_language_of(part),
        terms=tuple(Term(token, generation.lexical.document_frequency(token)) for token in terms),
        indexed_passages=len(generation.passages),
        kind=answer_kind(part),
        as_of=as_of,
        period=period,
    )


def filter_checks(filters: Filters, article: Article) -> list[FilterCheck]:
    """Hold each filter that is set against the article; all pass if and only if `filters.accept(article)`."""
    published = article.published.isoformat() if article.published else None
    wanted: dict[str, tuple[object, str | None, Filters]] = {
        "from": (filters.published_from, published, Filters(published_from=filters.published_from)),
        "to": (filters.published_to, published, Filters(published_to=filters.published_to)),
        "source": (", ".join(filters.sources), article.source, Filters(sources=filters.sources)),
        "language": (", ".join(filters.languages), article.language, Filters(languages=filters.languages)),
        "article_ids": (", ".join(filters.article_ids), article.id, Filters(article_ids=filters.article_ids)),
        "collection": (
            ", ".join(filters.collections),
            article.collection,
            Filters(collections=filters.collections),
        ),
    }
    return [
        FilterCheck(name, str(value), found, alone.accept(article))
        for name, (value, found, alone) in wanted.items()
        if value
    ]


def period_check(kept: Filters, filters: Filters, article: Article) -> tuple[FilterCheck, ...]:
    """Hold the days that narrowed `filters` to `kept` against the article; nothing when they are the same."""
    if kept == filters:
        return ()
    days = Filters(published_from=kept.published_from, published_to=kept.published_to)
    published = article.published.isoformat() if article.published else None
    return (FilterCheck("period", f"{kept.published_from} to {kept.published_to}", published, days.accept(article)),)


# ---------------------------------------------------------------- passages


def _passages(
    answerer: Answerer, article: Article, ranking: Ranking, understood: Understanding
) -> tuple[PassageTrace, ...]:
    """Trace the article's best passages; those that no leg brought come last, as they rank among themselves."""
    # Asked of this article alone, each leg tells the scores of passages that are not among its best.
    alone = answerer.retriever.rank(understood.part, Filters(article_ids=(article.id,)), period=understood.period)
    if alone is None:
        return ()
    view = _View(answerer, ranking, alone, understood)
    own = answerer.generation.rows_of(article.id)
    found = [row for row, _ in (*ranking.final, *alone.final) if row in own]
    return tuple(view.passage(row) for row in [*dict.fromkeys([*found, *own])][:MAX_PASSAGES])


class _View:
    """The rankings of one question, looked up by row."""

    def __init__(self, answerer: Answerer, ranking: Ranking, alone: Ranking, understood: Understanding) -> None:
        self._generation = answerer.generation
        self._matcher = answerer.matcher
        self._settings = answerer.settings
        self._understood = understood
        self._dense = _LegView(ranking.dense, alone.dense)
        self._lexical = _LegView(ranking.lexical, alone.lexical)
        self._fused = _ranks(dict(ranking.fused))
        self._final = _ranks(dict(ranking.final))
        self._fused_scores, self._final_scores = dict(ranking.fused), dict(ranking.final)

    def passage(self, row: int) -> PassageTrace:
        """Trace the passage in one row."""
        passage = self._generation.passages[row]
        article = self._generation.article_of(passage)
        said = set(self._matcher.analyser.tokens(embedded_text(article, passage)))
        fused, final = self._fused_scores.get(row), self._final_scores.get(row)
        knows, period = self._understood.embedder_knows, self._understood.period
        near = nearness(period, article.published) if period and final is not None else None
        rank = self._final.get(row)
        return PassageTrace(
            id=passage.id,
            start=passage.start,
            end=passage.end,
            dense=self._dense.leg(row) if knows else None,
            lexical=self._lexical.leg(row),
            matched=tuple(term.token for term in self._understood.terms if term.token in said),
            fused_rank=self._fused.get(row),
            fused_score=fused,
            closer_look=final - fused - (near or 0.0) if knows and final is not None and fused is not None else None,
            near_in_time=near,
            final_rank=rank,
            final_score=final,
            read=rank is not None and rank <= self._settings.read_passages,
        )


class _LegView:
    """The scores of one leg: among all passages, and of the article alone."""

    def __init__(self, scores: Mapping[int, float], alone: Mapping[int, float]) -> None:
        self._scores = {**alone, **scores}
        self._ranks = _ranks(scores)
        self._z = z_scores(scores)
        self._lowest = min(self._z.values(), default=None)

    def leg(self, row: int) -> Leg:
        return Leg(self._ranks.get(row), self._scores.get(row, 0.0), self._z.get(row, self._lowest))


def _ranks(scores: Mapping[int, float]) -> dict[int, int]:
    ordered = sorted(scores, key=lambda row: (-scores[row], row))
    return {row: rank for rank, row in enumerate(ordered, start=1)}


# ---------------------------------------------------------------- sentences


def _comparison(answerer: Answerer, part: str, article: Article, candidates: list[Candidate]) -> Comparison | None:
    reader = answerer.reader
    if not candidates or not isinstance(reader, FeatureReader):
        return None
    readings = reader.readings(part, candidates)
    rows = reader.features(part, candidates, readings)
    weights = reader.weights_for(part).rank
    utilities = rows @ weights
    order = in_order(part, candidates, utilities)
    own = next((place for place in order if candidates[place].article.id == article.id), None)
    other = next((place for place in order if place != own), None)

    def sentence(place: int | None) -> SentenceTrace | None:
        if place is None:
            return None
        rank, reading = order.index(place) + 1, readings[place]
        return _sentence(part, candidates[place], reading, rank=rank, utility=float(utilities[place]))

    effects = effects_of(rows[own], rows[other], weights) if own is not None and other is not None else ()
    return Comparison(len(candidates), sentence(own), sentence(other), effects)


def _sentence(part: str, candidate: Candidate, reading: SentenceReading, *, rank: int, utility: float) -> SentenceTrace:
    short = short_answer(part, candidate, reading)
    return SentenceTrace(
        article_id=candidate.article.id,
        start=candidate.sentence.start,
        end=candidate.sentence.end,
        text=candidate.text,
        rank=rank,
        log_odds=None if reading == NOT_READ else reading.logit,
        short_answer=candidate.article.quote(*short) if short else None,
        utility=utility,
    )


def effects_of(values: Row, others: Row, weights: Row) -> tuple[Effect, ...]:
    """Return what each feature does to the difference of two utilities, most helpful first; shapes (len(NAMES),).

    "…_behind" differs from its feature by the same number for all sentences, so both are counted as one.
    """
    effects: dict[str, Effect] = {}
    for name, value, other, weight in zip(NAMES, values.tolist(), others.tolist(), weights.tolist(), strict=True):
        known = effects.get(base := name.removesuffix("_behind"))
        effect = weight * (value - other)
        effects[base] = replace(known, effect=known.effect + effect) if known else Effect(base, value, other, effect)
    made = [effect for effect in effects.values() if abs(effect.effect) > _NO_EFFECT]
    return tuple(sorted(made, key=lambda effect: -effect.effect))
