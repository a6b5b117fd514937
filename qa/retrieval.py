"""Questions to passages: filters first, then both legs, one fused ranking, and a closer look at the best."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from indexer.articles import Article, Passage
from indexer.chunking import embedded_text
from indexer.embedding import Embedder
from indexer.generation import Generation
from indexer.settings import Settings
from qa.fusion import fuse, rescore
from qa.matching import Matcher

Mask = NDArray[np.bool_]

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
        )


NO_FILTERS = Filters()


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage with its scores: `score` is fused and comparable within one question only.

    `dense_score` is the cosine, `lexical_score` is BM25; 0.0 when that leg did not bring the passage.
    """

    passage: Passage
    article: Article
    rank: int
    score: float
    dense_score: float
    lexical_score: float

    @property
    def text(self) -> str:
        """The passage as it stands in its article."""
        return self.article.quote(self.passage.start, self.passage.end)


@dataclass(frozen=True, slots=True)
class Retrieval:
    """The hits of one question, best first, and what the user should know about how they were found."""

    hits: Sequence[Hit]
    warnings: tuple[str, ...] = ()


class Retriever:
    """Finds passages of one generation; immutable, so it may be used by many threads at once."""

    def __init__(self, generation: Generation, embedder: Embedder, matcher: Matcher, settings: Settings) -> None:
        self._generation = generation
        self._embedder = embedder
        self._matcher = matcher
        self._depth = settings.retrieval_depth
        self._looked_at = settings.rescored_passages
        self._articles = [generation.articles[passage.article_id] for passage in generation.passages]

    def retrieve(self, question: str, filters: Filters = NO_FILTERS, *, top_k: int = 10) -> Retrieval:
        """Return at most `top_k` hits, best first; filters that match nothing return nothing."""
        allowed = self._allowed(filters)
        if allowed is not None and not allowed.any():
            return Retrieval(hits=(), warnings=(FILTERS_MATCH_NOTHING,))
        knows_language = self._matcher.knows_language_of(question)
        dense = self._dense_scores(question, allowed) if knows_language else {}
        lexical = dict(self._generation.lexical.search(self._tokens(question), self._depth, allowed=allowed))
        ranked = fuse(dense, lexical)
        if knows_language:
            ranked = rescore(ranked, self._matched(question, [row for row, _ in ranked[: self._looked_at]]))
        best = enumerate(ranked[:top_k], start=1)
        hits = [self._hit(rank, row, score, dense, lexical) for rank, (row, score) in best]
        return Retrieval(hits=hits, warnings=() if knows_language else (EMBEDDER_BLIND,))

    def _tokens(self, question: str) -> list[str]:
        # A question of nothing but stop words ("who is it?") still deserves a lexical search.
        return self._matcher.analyser.content_tokens(question) or self._matcher.analyser.tokens(question)

    def _dense_scores(self, question: str, allowed: Mask | None) -> dict[int, float]:
        query = self._embedder.embed_queries([question])[0]
        return dict(self._generation.dense.search(query, self._depth, allowed=allowed))

    def _matched(self, question: str, rows: Sequence[int]) -> dict[int, float]:
        """How well the question's words are matched by each passage, read as a whole."""
        texts = [embedded_text(self._articles[row], self._generation.passages[row]) for row in rows]
        matches = self._matcher.match(question, texts, [(0, len(text)) for text in texts])
        return {row: match.tokens for row, match in zip(rows, matches, strict=True)}

    def _allowed(self, filters: Filters) -> Mask | None:
        if filters == NO_FILTERS:
            return None
        accepted = {article.id: filters.accept(article) for article in self._generation.articles.values()}
        return np.array([accepted[article.id] for article in self._articles], dtype=np.bool_)

    def _hit(self, rank: int, row: int, score: float, dense: Mapping[int, float], lexical: Mapping[int, float]) -> Hit:
        return Hit(
            passage=self._generation.passages[row],
            article=self._articles[row],
            rank=rank,
            score=score,
            dense_score=dense.get(row, 0.0),
            lexical_score=lexical.get(row, 0.0),
        )
