"""A generation of a shared store as the `Generation` that everything answers from; fetched as needed, and kept."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar, cast, overload

import numpy as np
from numpy.typing import NDArray

from indexer.articles import Article, Passage, Selection
from indexer.cluster.contract import Condition, Found, Row, StoredGeneration
from indexer.corpus import FileStamp, ScannedFile
from indexer.dense import DenseIndex
from indexer.lexical import LexicalIndex
from indexer.lines import PassageLines
from indexer.opening import Generation

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

# About 50 MB of each.
PASSAGES_KEPT, ARTICLES_KEPT = 50_000, 5_000


class Kept(Generic[Key, Value]):
    """The values fetched last, at most `most` of them; for any thread."""

    def __init__(self, fetch: Callable[[Sequence[Key]], Mapping[Key, Value]], most: int) -> None:
        self._fetch = fetch
        self._most = most
        self._values: OrderedDict[Key, Value] = OrderedDict()
        self._lock = threading.Lock()

    def add(self, values: Iterable[tuple[Key, Value]]) -> None:
        """Keep values that came by another way."""
        with self._lock:
            for key, value in values:
                self._values[key] = value
                self._values.move_to_end(key)
            while len(self._values) > self._most:
                self._values.popitem(last=False)

    def get(self, keys: Iterable[Key]) -> dict[Key, Value]:
        """Return the values of keys, fetching at once what is not kept; what does not exist is left out."""
        wanted = list(dict.fromkeys(keys))
        with self._lock:
            found = {key: self._values[key] for key in wanted if key in self._values}
        missing = [key for key in wanted if key not in found]
        if missing:
            found.update(self._fetch(missing))
        self.add(found.items())
        return found


class StoredPassages(Sequence[Passage]):
    """The passages of a generation by row. Rows have gaps: `enumerate` does not tell them."""

    def __init__(self, stored: StoredGeneration) -> None:
        self._stored = stored
        self.kept = Kept[Row, Passage](self._fetch, PASSAGES_KEPT)

    def _fetch(self, rows: Sequence[Row]) -> dict[Row, Passage]:
        return {row: indexed.passage for row, indexed in self._stored.passages(rows).items()}

    def __len__(self) -> int:
        return self._stored.manifest.counts.passages

    @overload
    def __getitem__(self, row: int) -> Passage: ...

    @overload
    def __getitem__(self, row: slice) -> Sequence[Passage]: ...

    def __getitem__(self, row: int | slice) -> Passage | Sequence[Passage]:
        if isinstance(row, slice):
            raise TypeError("passages of a shared store are fetched by row")
        try:
            return self.kept.get([row])[row]
        except KeyError:
            raise IndexError(row) from None

    def __iter__(self) -> Iterator[Passage]:
        return (indexed.passage for _, indexed in self._stored.all_passages())


class StoredArticles(Mapping[str, Article]):
    """The articles of a generation by id; to look at all of them reads all of them."""

    def __init__(self, stored: StoredGeneration) -> None:
        self._stored = stored
        self.kept = Kept[str, Article](self._fetch, ARTICLES_KEPT)

    def _fetch(self, article_ids: Sequence[str]) -> dict[str, Article]:
        return {article_id: file.article for article_id, file in self._stored.files(article_ids).items()}

    def __len__(self) -> int:
        return self._stored.manifest.counts.articles

    def __iter__(self) -> Iterator[str]:
        return iter(self._stored.stamps())

    def __contains__(self, article_id: object) -> bool:
        return article_id in self._stored.stamps()

    def __getitem__(self, article_id: str) -> Article:
        return self.kept.get([article_id])[article_id]

    def values(self) -> Any:  # noqa: ANN401 - a view in the sense of Mapping, read as a stream
        """Every article, by id, a slice of them in memory at a time."""
        return (file.article for file in self._stored.all_files())

    def items(self) -> Any:  # noqa: ANN401 - the same
        """Every id with its article."""
        return ((file.article.id, file.article) for file in self._stored.all_files())


class StoredFiles(Mapping[str, ScannedFile]):
    """The files of a generation with their stamps, to be compared with a folder; of the articles only the ids."""

    def __init__(self, stored: StoredGeneration) -> None:
        self._stored = stored

    def __len__(self) -> int:
        return self._stored.manifest.counts.articles

    def __iter__(self) -> Iterator[str]:
        return iter(self._stored.stamps())

    def __getitem__(self, article_id: str) -> ScannedFile:
        return _without_text(article_id, self._stored.stamps()[article_id])


def _without_text(article_id: str, stamp: FileStamp) -> ScannedFile:
    return ScannedFile(Article(id=article_id, text="", title="", language="", blocks=()), stamp)


class _Leg:
    """What both legs do: search the store, and keep the passages that come along."""

    def __init__(self, stored: StoredGeneration, passages: StoredPassages) -> None:
        self._stored = stored
        self._passages = passages

    def __len__(self) -> int:
        return self._stored.manifest.counts.passages

    def _pairs(self, found: Sequence[Found]) -> list[tuple[Row, float]]:
        self._passages.kept.add((one.row, one.passage.passage) for one in found)
        return [(one.row, one.score) for one in found]


class DenseLeg(_Leg):
    """Searches as a `DenseIndex` does."""

    @property
    def dim(self) -> int:
        """The length of a vector."""
        return self._stored.manifest.embedder.dim

    @property
    def kind(self) -> str:
        """How the vectors are searched, as the manifest says it."""
        return self._stored.manifest.dense

    def search(
        self, query: NDArray[np.float32], depth: int, *, allowed: Condition | None = None
    ) -> list[tuple[Row, float]]:
        """Return at most `depth` (row, cosine) pairs, best first, ties by row."""
        if query.shape != (self.dim,):
            raise ValueError(f"a query of shape {query.shape} cannot search vectors of length {self.dim}")
        if not np.isfinite(query).all():
            return []
        return self._pairs(self._stored.nearest(query, depth, allowed))


class LexicalLeg(_Leg):
    """Searches as a `LexicalIndex` does."""

    def search(self, tokens: Sequence[str], depth: int, *, allowed: Condition | None = None) -> list[tuple[Row, float]]:
        """Return at most `depth` (row, BM25) pairs, best first, ties by row; none that shares no token."""
        return self._pairs(self._stored.matching(tokens, depth, allowed)) if tokens else []

    def document_frequency(self, token: str) -> int:
        """In how many passages the token occurs."""
        return self._stored.document_frequency(token)


@dataclass(frozen=True, slots=True, eq=False)
class SharedGeneration(Generation):
    """A generation whose parts are a store's; it answers as any other, but has no files."""

    stored: StoredGeneration = field(kw_only=True)

    def allow(self, selection: Selection) -> Any:  # noqa: ANN401 - what the legs take as `allowed`
        """Put a selection into the words of the store."""
        return self.stored.allow(selection)

    def rows_of(self, article_id: str) -> list[int]:
        """Return the rows of the passages of an article."""
        return [row for row, _ in self.stored.all_passages(article_id)]

    def gather(self, rows: Iterable[int]) -> None:
        """Fetch the passages of some rows, and their articles, each at once."""
        passages = cast(StoredPassages, self.passages).kept.get(rows)
        cast(StoredArticles, self.articles).kept.get(passage.article_id for passage in passages.values())


def generation_of(stored: StoredGeneration, path: Path) -> SharedGeneration:
    """Return a stored generation in the form that everything answers from; `path` is where its files would lie."""
    passages = StoredPassages(stored)
    manifest = stored.manifest
    return SharedGeneration(
        id=manifest.generation,
        path=path,
        manifest=manifest,
        files=StoredFiles(stored),
        articles=StoredArticles(stored),
        passages=passages,
        lines=PassageLines.of(np.empty(0, dtype=np.uint8)),
        vectors=np.empty((0, manifest.embedder.dim), dtype=np.float16),
        dense=cast(DenseIndex, DenseLeg(stored, passages)),
        lexical=cast(LexicalIndex, LexicalLeg(stored, passages)),
        pin=None,
        duplicates=stored.duplicates.groups,
        duplicates_method=stored.duplicates.method,
        stored=stored,
    )
