"""The records of the corpus: `Article`, `Passage` and `Sentence`, joined by exact offsets.

Offsets count Unicode code points of `Article.text` (NFC, `\\n` line ends), end exclusive, always.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

BlockKind = Literal["heading", "paragraph", "clutter"]
Origin = Literal["front matter", "metadata", "text", "path", "request"]


@dataclass(frozen=True, slots=True)
class Block:
    """A line-aligned slice of an article and what it is; clutter is kept but never embedded or quoted."""

    kind: BlockKind
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Sentence:
    """A slice of an article: `article.text[start:end]`, without surrounding white space."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Article:
    """One document of the corpus: what it says, where it comes from, and how each field is known.

    `id` is the path relative to the corpus (POSIX, NFC). `published` is None when no date is known.
    `provenance` maps a field name to the place it was read from. `blocks` are sorted, do not
    overlap, and cover everything but white space.
    """

    id: str
    text: str
    title: str
    language: str
    blocks: tuple[Block, ...]
    source: str | None = None
    published: date | None = None
    author: str | None = None
    url: str | None = None
    tags: tuple[str, ...] = ()
    provenance: Mapping[str, Origin] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    sha256: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sha256", hashlib.sha256(self.text.encode()).hexdigest())

    def quote(self, start: int, end: int) -> str:
        """Return the exact slice of the text; every citation is made of such slices."""
        return self.text[start:end]


@dataclass(frozen=True, slots=True)
class Passage:
    """A run of sentences of one article under one heading: what is embedded, indexed and retrieved."""

    id: str
    article_id: str
    start: int
    end: int
    heading: str
    sentences: tuple[Sentence, ...]


def make_passage(article: Article, sentences: Sequence[Sentence], *, heading: str) -> Passage:
    """Join sentences (sorted, at least one) into a passage whose id depends on content alone."""
    start, end = sentences[0].start, sentences[-1].end
    identity = "\0".join((article.id, str(start), str(end), article.quote(start, end)))
    return Passage(
        id=hashlib.sha256(identity.encode()).hexdigest()[:24],
        article_id=article.id,
        start=start,
        end=end,
        heading=heading,
        sentences=tuple(sentences),
    )
