"""Questions to passages: filters first, then both legs, then one fused ranking."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from indexer.articles import Article, Passage


@dataclass(frozen=True, slots=True)
class Filters:
    """What an answer may draw on; an empty field does not filter. Bounds of dates are inclusive."""

    published_from: date | None = None
    published_to: date | None = None
    sources: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    article_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage with its scores: `score` is fused and comparable within one question only.

    `dense_score` is the cosine; `lexical_score` is BM25, 0.0 when no term is shared.
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
