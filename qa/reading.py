"""What is read, and what is made of it: a question and a text to readings of the text's sentences."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

Span = tuple[int, int]

LEAST_LOG = -10.0


@dataclass(frozen=True, slots=True)
class Pair:
    """A question and a text to read; `sentences` are sorted spans of the text, in code points."""

    question: str
    text: str
    sentences: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class SentenceReading:
    """What was made of one sentence: `logit`, its log-odds against "none of these", and its likeliest short answer.

    `short` is a span of the text and `short_log` its log-probability among all spans of the text. A sentence beyond
    the window has no `short`, and the `logit` of the worst sentence read.
    """

    logit: float
    short: Span | None
    short_log: float


NOT_READ = SentenceReading(0.0, None, LEAST_LOG)


class PairReader(Protocol):
    """Whatever reads question and text together."""

    def read(self, pairs: Sequence[Pair]) -> list[list[SentenceReading]]: ...
