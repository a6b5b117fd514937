"""Evidence to citations that can be checked: now, later, and by others.

A citation carries the quote, its offsets (W3C TextPositionSelector), its surroundings (W3C TextQuoteSelector)
and the SHA-256 of the article it was taken from.
"""

from dataclasses import dataclass
from datetime import date
from typing import Literal

Verdict = Literal["exact", "moved", "changed", "missing"]


@dataclass(frozen=True, slots=True)
class Citation:
    """Number → the place in an article that says so; `answer_start`/`answer_end` is the span of the answer it carries."""

    index: int
    answer_start: int
    answer_end: int
    article_id: str
    title: str
    author: str | None
    source: str | None
    published: date | None
    url: str | None
    cited_text: str
    start: int
    end: int
    prefix: str
    suffix: str
    article_sha256: str
    verified: bool
