"""`Document`: what one format reader found in one file, before it becomes an `Article`."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Generic, Literal, TypeVar

from indexer.articles import Block, Origin
from indexer.formats.decoding import normalise

T = TypeVar("T")

PieceKind = Literal["heading", "paragraph", "line"]


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """A value and the place it was read from."""

    value: T
    origin: Origin


@dataclass(frozen=True, slots=True)
class Fields:
    """The metadata of a document, as far as it is known."""

    title: Found[str] | None = None
    source: Found[str] | None = None
    published: Found[date] | None = None
    author: Found[str] | None = None
    url: Found[str] | None = None
    language: Found[str] | None = None
    tags: Found[tuple[str, ...]] | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """A slice of the text as the format shows it; "line" means the format does not say what it is."""

    kind: PieceKind
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Document:
    """The text of a file, its marked blocks, the metadata found and what went wrong on the way."""

    text: str
    blocks: tuple[Block, ...]
    fields: Fields
    warnings: tuple[str, ...] = ()


def join_pieces(parts: Iterable[tuple[PieceKind, str]]) -> tuple[str, list[Piece]]:
    """Lay the parts of a structured format out as one text, a blank line between them."""
    texts: list[str] = []
    pieces: list[Piece] = []
    offset = 0
    for kind, raw in parts:
        # Entities stand for any character, also for those that were taken out before.
        text = normalise(raw).strip()
        if text:
            texts.append(text)
            pieces.append(Piece(kind, offset, offset + len(text)))
            offset += len(text) + 2
    return "\n\n".join(texts), pieces
