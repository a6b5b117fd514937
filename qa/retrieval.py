"""Questions to passages: filters first, then both legs, one fused ranking, and a closer look at the best."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

from indexer.articles import Article, Passage
from indexer.chunking import embedded_text
from indexer.embedding import Embedder
from indexer.generation import Generation
from indexer.settings import Settings
from qa.dates import Period, nearness
from qa.folding import Fold, folded
from qa.fusion import fuse, prefer, rescore
from qa.matching import Matcher

Mask = NDArray[np.bool_]

# How many more passages are looked at, so that folding the copies of a story leaves enough.
MOST_COPIES = 40

# From so many passages on, a search by words takes longer than starting a thread: .3 ms.
WORTH_A_THREAD = 200_000

# What the user should know about how the hits were found; ui/texts.py has the words.
FILTERS_MATCH_NOTHING = "filters_match_nothing"
EMBEDDER_BLIND = "embedder_blind"


@dataclass(frozen=True, slots=True)
class Filters:
    """What an answer may draw on; an empty field does not filter. Bounds of dates are inclusive."""

    published_from: date | None = None
    published_to: date | None = None
    sources: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    article_ids: tuple[str, ...] = ()
    collections: tuple[str, ...] = ()

    def accept(self, article: Article) -> bool:
        """Whether the article passes; one without a date passes no filter on dates."""
        if (self.published_from or self.published_to) and article.published is None:
            return False
        return (
            (self.published_from is None or (article.published or date.min) >= self.published_from)
            and (self.published_to is None or (article.published or date.max) <= self.published_to)
            and (not self.sources or article.source in self.sources)
            and (not self.languages or article.language in self.languages)
            and (not self.article_ids or article.id in self.article_ids)
            and (not self.collections or any(map(article.is_in, self.collections)))
        )

    def within(self, period: Period | None) -> "Filters":
        """Also keep to a period that the question asks articles of; bounds the user gave win."""
        if period is None or period.kind != "published" or self.published_from or self.published_to:
            return self
        return replace(self, published_from=period.start, published_to=period.end)


NO_FILTERS = Filters()


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage with its scores: `score` is fused and comparable within one question only.

    `dense_score` is the cosine, `lexical_score` is BM25; 0.0 when that leg did not bring the passage. `also_in` are
    the other articles that carry the passage in nearly the same words, the earliest first.
    """

    passage: Passage
    article: Article
    rank: int
    score: float
    dense_score: float
    lexical_score: float
    also_in: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The passage as it stands in its article."""
        return self.article.quote(self.passage.start, self.passage.end)


@dataclass(frozen=True, slots=True)
class Retrieval:
    """The hits of one question, best first, and what the user should know about how they were found."""

    hits: Sequence[Hit]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ranking:
    """Rows of the generation with their scores: by each leg, fused, and after the closer look."""

    dense: Mapping[int, float]
    lexical: Mapping[int, float]
    fused: Sequence[tuple[int, float]]
    final: Sequence[tuple[int, float]]


def _shown(rank: int, fold: Fold[Hit]) -> Hit:
    """The hit of the earliest article, with the scores of the one that was found first."""
    scores = fold.best
    return replace(
        fold.hit,
        rank=rank,
        score=scores.score,
        dense_score=scores.dense_score,
        lexical_score=scores.lexical_score,
        also_in=fold.also_in,
    )


class Retriever:
    """Finds passages of one generation; immutable, so it may be used by many threads at once."""

    def __init__(self, generation: Generation, embedder: Embedder, matcher: Matcher, settings: Settings) -> None:
        self._generation = generation
        self._embedder = embedder
        self._matcher = matcher
        self._depth = settings.retrieval_depth
        self._looked_at = settings.rescored_passages

    def retrieve(
        self, question: str, filters: Filters = NO_FILTERS, *, period: Period | None = None, top_k: int = 10
    ) -> Retrieval:
        """Return at most `top_k` hits, best first; filters that match nothing return nothing.

        Articles from about the `period` the question speaks of are preferred.
        """
        ranking = self.rank(question, filters, period=period)
        if ranking is None:
            return Retrieval(hits=(), warnings=(FILTERS_MATCH_NOTHING,))
        best = ranking.final[: top_k + MOST_COPIES if self._generation.duplicates else top_k]
        self._generation.gather(row for row, _ in best)
        hits = [self._hit(rank, row, score, ranking) for rank, (row, score) in enumerate(best, start=1)]
        folds = folded(hits, self._generation.duplicates)
        hits = [_shown(rank, fold) for rank, fold in enumerate(folds[:top_k], start=1)]
        knows_language = self._matcher.knows_language_of(question)
        return Retrieval(hits=hits, warnings=() if knows_language else (EMBEDDER_BLIND,))

    def rank(self, question: str, filters: Filters = NO_FILTERS, *, period: Period | None = None) -> Ranking | None:
        """Return the rankings that lead to the hits, by row of the generation; None when the filters match nothing."""
        allowed = self._allowed(filters)
        if allowed is not None and not allowed.any():
            return None
        knows_language = self._matcher.knows_language_of(question)
        dense, lexical = self._legs(question, allowed, by_meaning=knows_language)
        fused = final = fuse(dense, lexical)
        if knows_language and self._looked_at:
            final = rescore(final, self._matched(question, [row for row, _ in final[: self._looked_at]]))
        if period:
            self._generation.gather(row for row, _ in final)
            final = prefer(final, {row: nearness(period, self._article(row).published) for row, _ in final})
        return Ranking(dense, lexical, fused, final)

    def _legs(
        self, question: str, allowed: Mask | None, *, by_meaning: bool
    ) -> tuple[dict[int, float], dict[int, float]]:
        """Search by meaning and by words; of many passages side by side, since embedding takes one core."""
        if not by_meaning:
            return {}, self._lexical_scores(question, allowed)
        if len(self._generation.passages) < WORTH_A_THREAD:
            return self._dense_scores(question, allowed), self._lexical_scores(question, allowed)
        # A thread of its own each time: it is served as soon as the one that starts it.
        with ThreadPoolExecutor(1, thread_name_prefix="footnote-leg") as beside:
            lexical = beside.submit(self._lexical_scores, question, allowed)
            return self._dense_scores(question, allowed), lexical.result()

    def _tokens(self, question: str) -> list[str]:
        # A question of nothing but stop words ("who is it?") still deserves a lexical search.
        return self._matcher.analyser.content_tokens(question) or self._matcher.analyser.tokens(question)

    def _lexical_scores(self, question: str, allowed: Mask | None) -> dict[int, float]:
        return dict(self._generation.lexical.search(self._tokens(question), self._depth, allowed=allowed))

    def _dense_scores(self, question: str, allowed: Mask | None) -> dict[int, float]:
        query = self._embedder.embed_queries([question])[0]
        return dict(self._generation.dense.search(query, self._depth, allowed=allowed))

    def _matched(self, question: str, rows: Sequence[int]) -> dict[int, float]:
        """How well the question's words are matched by each passage, read as a whole."""
        self._generation.gather(rows)
        texts = [embedded_text(self._article(row), self._generation.passages[row]) for row in rows]
        matches = self._matcher.match(question, texts, [(0, len(text)) for text in texts])
        return {row: match.tokens for row, match in zip(rows, matches, strict=True)}

    def _allowed(self, filters: Filters) -> Mask | None:
        return None if filters == NO_FILTERS else self._generation.allow(filters)

    def _article(self, row: int) -> Article:
        return self._generation.article_of(self._generation.passages[row])

    def _hit(self, rank: int, row: int, score: float, ranking: Ranking) -> Hit:
        return Hit(
            passage=self._generation.passages[row],
            article=self._article(row),
            rank=rank,
            score=score,
            dense_score=ranking.dense.get(row, 0.0),
            lexical_score=ranking.lexical.get(row, 0.0),
        )
