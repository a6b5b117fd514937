"""Tokens to matching passages by BM25: the one home of tantivy.

The tokens are our own (`language.Analyser`); tantivy only splits them at spaces. Rows are numbered from 0. tantivy
knows a document by its *key*, which it keeps from one generation to the next while its row may change.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Self

import numpy as np
import tantivy
from numpy.typing import NDArray

from indexer.errors import IndexDamagedError

Row = int
# One for each row.
Keys = NDArray[np.uint32]

TOKENS = "tokens"
# The first format had rows for keys, and called them so.
KEY = "row"
TOKENIZER = "spaces"
HEAP_BYTES = 64 * 1024 * 1024
META_FILE = "meta.json"

# tantivy's BM25 counts what is deleted until it is merged away: beyond this share an index is written afresh.
MOST_DELETED = 0.05
MOST_SEGMENTS = 40
# So many times the hits that are expected to be needed are looked through at first.
MARGIN = 1.5


class LexicalIndex:
    """BM25 (k1 1.2, b .75: tantivy's) over lists of tokens."""

    def __init__(self, index: tantivy.Index, keys: Keys | None = None, *, deleted: int = 0) -> None:
        self._index = index
        self._schema = index.schema
        self._searcher = index.searcher()
        self.keys = np.arange(len(self), dtype=np.uint32) if keys is None else keys
        self._deleted = deleted
        self._by_key = np.argsort(self.keys)
        self._sorted = self.keys[self._by_key]

    @classmethod
    def build(cls, folder: Path, documents: Iterable[Sequence[str]]) -> Self:
        """Write an index of the documents, one row each, into an existing empty folder; a row is its own key."""
        index = tantivy.Index(_schema(), path=str(folder))
        _change(index, enumerate(documents))
        return cls(index)

    @classmethod
    def grow(
        cls, folder: Path, keys: Keys, *, gone: Iterable[int], documents: Iterable[tuple[Row, Sequence[str]]]
    ) -> Self:
        """Change a copy of another index: take out the keys that are gone, and add the documents of new rows.

        `keys` are those of the rows as they are afterwards. Files that the copy shares with the original stay as they
        are, to the byte, but for tantivy's two lists of them.
        """
        index = _open(folder)
        _change(index, ((int(keys[row]), tokens) for row, tokens in documents), gone)
        _collect_garbage(folder)
        return cls.open(folder, keys)

    @classmethod
    def open(cls, folder: Path, keys: Keys | None = None) -> Self:
        """Open what `build` or `grow` wrote; raises IndexDamagedError when tantivy cannot, or other keys are given."""
        index = _open(folder)
        if keys is not None and (keys.ndim != 1 or keys.dtype != np.uint32):
            raise IndexDamagedError(f"the keys of {folder.name} are no row of numbers")
        opened = cls(index, keys, deleted=_written(folder)[2])
        if keys is not None and (len(keys) != len(opened) or (opened._sorted[1:] == opened._sorted[:-1]).any()):
            raise IndexDamagedError(f"{folder.name} has {len(opened)} documents, which these keys do not name")
        return opened

    def __len__(self) -> int:
        return int(self._searcher.num_docs)

    def document_frequency(self, token: str) -> int:
        """In how many documents the token occurs; as many as are deleted may be counted too, but none is never one."""
        frequency = int(self._searcher.doc_freq(TOKENS, token))
        if not 0 < frequency <= self._deleted:
            return frequency
        # Perhaps all of them are deleted.
        query = tantivy.Query.term_query(self._schema, TOKENS, token)
        return len(self._searcher.search(query, frequency, count=False).hits)

    def search(
        self, tokens: Sequence[str], depth: int, *, allowed: NDArray[np.bool_] | None = None
    ) -> list[tuple[Row, float]]:
        """Return at most `depth` (row, BM25) pairs, best first, ties by row.

        A document that shares no token with the question is not returned. `allowed` has shape (n,) and rules
        rows out before ranking.
        """
        count = len(self) if allowed is None else int(np.count_nonzero(allowed))
        if not tokens or not count:
            return []
        words = [(tantivy.Occur.Should, tantivy.Query.term_query(self._schema, TOKENS, token)) for token in tokens]
        query = tantivy.Query.boolean_query(words)
        if allowed is None or count == len(self):
            rows, scores = self._best(query, depth)
        elif (wanted := int(MARGIN * depth * len(self) / count) + depth) <= count:
            # Looking at a hit and naming a row cost about the same: whichever is the fewer.
            rows, scores = self._best_allowed(query, depth, allowed, wanted)
        else:
            keys = tantivy.Query.term_set_query(self._schema, KEY, self.keys[allowed].tolist())
            # Scored 0, so that the filter leaves the BM25 of the words as it is.
            kept = tantivy.Query.const_score_query(keys, 0.0)
            rows, scores = self._best(
                tantivy.Query.boolean_query([(tantivy.Occur.Must, query), (tantivy.Occur.Must, kept)]), depth
            )
        best = np.lexsort((rows, -scores))[:depth]
        return [(int(rows[at]), float(scores[at])) for at in best]

    def _best_allowed(
        self, query: tantivy.Query, depth: int, allowed: NDArray[np.bool_], wanted: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Look through ever more of the best until enough of them are allowed, or there are no more."""
        while True:
            rows, scores = self._best(query, wanted)
            kept = allowed[rows]
            if np.count_nonzero(kept) >= depth or len(rows) < wanted:
                return rows[kept], scores[kept]
            wanted *= 4

    def _best(self, query: tantivy.Query, depth: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        hits = self._searcher.search(query, depth, count=False).hits
        keys = np.array([self._searcher.doc(address)[KEY][0] for _, address in hits], dtype=np.uint32)
        scores = np.array([score for score, _ in hits], dtype=np.float64)
        return self._by_key[np.searchsorted(self._sorted, keys)], scores


def is_worth_growing(folder: Path, gone: int) -> bool:
    """Whether the index in a folder is worth a copy, where so many of its documents are to be taken out."""
    segments, written, deleted = _written(folder)
    return segments <= MOST_SEGMENTS and deleted + gone <= MOST_DELETED * written


def _written(folder: Path) -> tuple[int, int, int]:
    """Return how many segments there are, how many documents were written to them, and how many of these are deleted.

    tantivy tells no other way than by its list of segments.
    """
    try:
        segments = json.loads((folder / META_FILE).read_bytes())["segments"]
        deleted = sum((segment["deletes"] or {}).get("num_deleted_docs", 0) for segment in segments)
        return len(segments), sum(segment["max_doc"] for segment in segments), deleted
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise IndexDamagedError(f"{folder.name}/{META_FILE} cannot be read: {error}") from error


def is_rewritten(name: str) -> bool:
    """Whether tantivy writes a file of this name anew at each commit; every other is written once."""
    return name in (META_FILE, ".managed.json")


def _open(folder: Path) -> tantivy.Index:
    try:
        index = tantivy.Index.open(str(folder))
    except (ValueError, OSError) as error:
        raise IndexDamagedError(f"{folder.name} cannot be read: {error}") from error
    _register(index)
    return index


def _change(index: tantivy.Index, documents: Iterable[tuple[int, Sequence[str]]], gone: Iterable[int] = ()) -> None:
    _register(index)
    # One thread and one commit: the same documents give the same segment.
    writer = index.writer(HEAP_BYTES, 1)
    if keys := list(gone):
        # By term, tantivy 0.27 takes an unsigned number for a signed one, and finds none.
        writer.delete_documents_by_query(tantivy.Query.term_set_query(index.schema, KEY, keys))
    for key, tokens in documents:
        document = tantivy.Document()
        document.add_text(TOKENS, " ".join(tokens))
        document.add_unsigned(KEY, key)
        writer.add_document(document)
    writer.commit()
    writer.wait_merging_threads()
    index.reload()


def _collect_garbage(folder: Path) -> None:
    """Remove the segments that were merged away: while they are open they stay."""
    writer = _open(folder).writer(HEAP_BYTES, 1)
    writer.garbage_collect_files()
    writer.wait_merging_threads()


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_text_field(TOKENS, stored=False, tokenizer_name=TOKENIZER, index_option="freq")
    builder.add_unsigned_field(KEY, stored=True, indexed=True)
    return builder.build()


def _register(index: tantivy.Index) -> None:
    tokenizer = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build()
    index.register_tokenizer(TOKENIZER, tokenizer)
