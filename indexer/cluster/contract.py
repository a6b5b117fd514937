"""What a store must do that many machines share: the one contract, whatever engine keeps it.

Passages are put beforehand, from any machine, where no reader sees them; one commit makes a whole generation of them,
or nothing. A reader that opened a generation goes on reading it, whatever is committed meanwhile.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from indexer.articles import Selection
from indexer.corpus import FileStamp, Problem, ScannedFile
from indexer.manifest import Manifest, Shape
from indexer.records import Duplicates, IndexedPassage

# Names a passage within one generation; the numbers have gaps.
Row = int


class Condition(Protocol):
    """A selection in the words of the store that made it."""

    def any(self) -> bool:
        """Whether any passage meets it."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class StoredPassage:
    """A passage as it is put into a store: with its tokens, its unit vector, and what filters ask of its article."""

    indexed: IndexedPassage
    tokens: Sequence[str]
    vector: NDArray[np.float16]
    published: date | None
    source: str | None
    language: str


@dataclass(frozen=True, slots=True)
class Parcel:
    """Passages that were put and wait for their commit: what the store needs to find them again, as text."""

    passages: int
    contents: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """A passage that a leg found, with its score."""

    row: Row
    score: float
    passage: IndexedPassage


@dataclass(frozen=True, slots=True)
class Change:
    """What makes the next generation of the one before: articles removed, articles and parcels added.

    An article that changed is removed and added. With `anew` nothing of the one before is kept.
    """

    removed: Sequence[str]
    added: Sequence[ScannedFile]
    parcels: Sequence[Parcel]
    shape: Shape
    problems: tuple[Problem, ...]
    fingerprint: str
    duplicates: Duplicates
    anew: bool = False


class StoredGeneration(Protocol):
    """One committed generation as a reader has it; it never changes. Every method may be called from any thread."""

    @property
    def manifest(self) -> Manifest: ...
    @property
    def duplicates(self) -> Duplicates: ...

    def nearest(self, query: NDArray[np.float32], depth: int, allowed: Condition | None) -> list[Found]:
        """Return at most `depth` passages by their cosine to a unit vector of shape (dim,), best first."""
        ...

    def matching(self, tokens: Sequence[str], depth: int, allowed: Condition | None) -> list[Found]:
        """Return at most `depth` passages by BM25, best first; none that shares no token."""
        ...

    def document_frequency(self, token: str) -> int:
        """In how many passages the token occurs."""
        ...

    def allow(self, selection: Selection) -> Condition:
        """Put a selection into the words of the store."""
        ...

    def passages(self, rows: Sequence[Row]) -> dict[Row, IndexedPassage]:
        """Fetch passages by their rows."""
        ...

    def all_passages(self, article_id: str | None = None) -> Iterator[tuple[Row, IndexedPassage]]:
        """Yield all passages, or those of one article, in the order they were put."""
        ...

    def files(self, article_ids: Sequence[str]) -> dict[str, ScannedFile]:
        """Fetch articles with the stamps of their files; one that is not there is left out."""
        ...

    def all_files(self) -> Iterator[ScannedFile]:
        """Yield every article, by id."""
        ...

    def stamps(self) -> Mapping[str, FileStamp]:
        """Return the stamp of every file by article id, in order, without reading the articles."""
        ...


class SharedStore(Protocol):
    """A place that keeps generations for any number of readers on any number of machines."""

    def current(self) -> str | None:
        """Return the name of the current generation; None when nothing was committed yet."""
        ...

    def read(self, name: str) -> StoredGeneration:
        """Open a generation; raises IndexMissingError when it is not kept."""
        ...

    def kept(self) -> list[Manifest]:
        """Return the manifests of the generations that are kept, oldest first."""
        ...

    def put(self, passages: Sequence[StoredPassage]) -> Parcel:
        """Write passages, at least one, where nobody sees them before a commit; from any machine."""
        ...

    def commit(self, base: str | None, change: Change, *, keep: int, progress: Callable[[], None]) -> Manifest:
        """Make the next generation of `base` and `change`, all or nothing, and keep at most `keep` older ones.

        Raises IndexBusyError when another was committed since `base`; the store is then as the other left it.
        """
        ...

    def go_back(self) -> str:
        """Make the parent of the current generation the current one, and return its name; raises UsageError."""
        ...

    def version(self) -> int:
        """Return a number that is another one after any commit; cheap enough to be asked every second."""
        ...
