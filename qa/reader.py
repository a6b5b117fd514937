"""Question and passages to evidence: which sentences answer, and whether any does at all."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from indexer.articles import Article, Sentence
from qa.retrieval import Hit


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
