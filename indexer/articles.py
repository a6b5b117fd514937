"""The records of the corpus: `Article`, `Passage` and `Sentence`, joined by exact offsets.

Offsets count Unicode code points of `Article.text` (NFC, `\\n` line ends), end exclusive, always.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal, Protocol

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

    @property
    def collection(self) -> str | None:
        """The folder of the corpus it lies in, such as `policy/2025`; None at the top."""
        folder, _, _ = self.id.rpartition("/")
        return folder or None

    def is_in(self, collection: str) -> bool:
        """Whether it lies in a collection, or in one below that; a `/` at the end of the name says nothing."""
        return self.id.startswith(f"{collection.rstrip('/')}/")


def collections_of(articles: Iterable[Article]) -> dict[str, int]:
    """Count the articles of each collection, those of nested ones included; each name comes before those below it."""
    counts: Counter[str] = Counter()
    for article in articles:
        folders = article.id.split("/")[:-1]
        counts.update("/".join(folders[:depth]) for depth in range(1, len(folders) + 1))
    return {name: counts[name] for name in sorted(counts, key=lambda name: name.split("/"))}


class Selection(Protocol):
    """Which articles may be drawn on; an empty field does not filter, and bounds of dates are inclusive."""

    @property
    def published_from(self) -> date | None: ...

    @property
    def published_to(self) -> date | None: ...

    @property
    def sources(self) -> tuple[str, ...]: ...

    @property
    def languages(self) -> tuple[str, ...]: ...

    @property
    def article_ids(self) -> tuple[str, ...]: ...

    @property
    def collections(self) -> tuple[str, ...]: ...

    def accept(self, article: Article) -> bool:
        """Whether an article is among them."""
        ...


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
