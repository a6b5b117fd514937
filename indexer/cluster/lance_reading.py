"""One generation of a Lance store, as a reader searches it: fixed versions of the datasets."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, cast

import lance
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from indexer.articles import Selection
from indexer.cluster.conditions import listed, quoted, sql_of
from indexer.cluster.contract import Condition, Found, Row
from indexer.cluster.lance_writing import reported
from indexer.cluster.tables import (
    ARTICLE,
    MTIME,
    RECORD,
    SHA256,
    SIZE,
    TOKENS,
    VECTOR,
    file_of,
    passage_of,
    stamps_of,
)
from indexer.corpus import FileStamp, ScannedFile
from indexer.manifest import Manifest
from indexer.records import Duplicates, IndexedPassage

ROW, DISTANCE, SCORE = "_rowid", "_distance", "_score"
# Of the lists of one-bit codes so many are read; so many times as many passages as asked for are scored exactly.
LISTS, ALL_LISTS, OVERSAMPLE = 80, 1_000_000, 10
FREQUENCIES_KEPT = 100_000


class LanceCondition:
    """SQL over the columns of a passage."""

    def __init__(self, passages: lance.LanceDataset, sql: str) -> None:
        self.sql = sql
        self._passages = passages

    def any(self) -> bool:
        """Whether any passage meets it."""
        with reported(self._passages.uri):
            return bool(self._passages.scanner(columns=[ARTICLE], filter=self.sql, limit=1).to_table().num_rows)


class LanceGeneration:
    """A committed generation; immutable, so it may be used by many threads at once."""

    def __init__(
        self, manifest: Manifest, duplicates: Duplicates, passages: lance.LanceDataset, articles: lance.LanceDataset
    ) -> None:
        self.manifest = manifest
        self.duplicates = duplicates
        self._passages = passages
        self._articles = articles
        self._stamps: Mapping[str, FileStamp] | None = None
        self._reading = threading.Lock()  # over the stamps
        self._frequency = lru_cache(FREQUENCIES_KEPT)(self._document_frequency)

    def nearest(self, query: NDArray[np.float32], depth: int, allowed: Condition | None) -> list[Found]:
        """Return at most `depth` passages by their cosine, best first: exactly, or by codes with exact scores."""
        wanted = {
            "column": VECTOR,
            "q": query,
            "k": depth,
            "metric": "dot",
            "nprobes": LISTS if allowed is None else ALL_LISTS,
            "refine_factor": OVERSAMPLE,
        }
        table = self._found(DISTANCE, allowed, nearest=wanted)
        # Lance calls one minus the inner product a distance.
        return _ranked(table, 1 - table[DISTANCE].to_numpy())

    def matching(self, tokens: Sequence[str], depth: int, allowed: Condition | None) -> list[Found]:
        """Return at most `depth` passages by BM25, best first, ties by row."""
        query = {"columns": [TOKENS], "query": " ".join(tokens)}
        table = self._found(SCORE, allowed, full_text_query=query, limit=depth)
        return _ranked(table, table[SCORE].to_numpy())

    def document_frequency(self, token: str) -> int:
        """In how many passages the token occurs; counted once."""
        return self._frequency(token)

    def allow(self, selection: Selection) -> LanceCondition:
        """Put a selection into SQL."""
        return LanceCondition(self._passages, sql_of(selection) or "true")

    def passages(self, rows: Sequence[Row]) -> dict[Row, IndexedPassage]:
        """Fetch passages by their rows; those that do not exist are left out."""
        if not rows:
            return {}
        wanted = ", ".join(str(int(row)) for row in rows)
        return dict(self._passages_where(f"{ROW} IN ({wanted})"))

    def all_passages(self, article_id: str | None = None) -> Iterator[tuple[Row, IndexedPassage]]:
        """Yield all passages, or those of one article, in the order they were put."""
        yield from self._passages_where(None if article_id is None else f"{ARTICLE} = {quoted(article_id)}")

    def files(self, article_ids: Sequence[str]) -> dict[str, ScannedFile]:
        """Fetch articles with the stamps of their files; one that is not there is left out."""
        if not article_ids:
            return {}
        with reported(self._articles.uri):
            where = f"{ARTICLE} IN {listed(list(article_ids))}"
            table = self._articles.scanner(columns=[RECORD], filter=where).to_table()
        return {file.article.id: file for file in map(file_of, table[RECORD].to_pylist())}

    def all_files(self) -> Iterator[ScannedFile]:
        """Yield every article, by id; a slice of them is in memory at a time."""
        ids = list(self.stamps())
        for start in range(0, len(ids), 1000):
            some = self.files(ids[start : start + 1000])
            yield from (some[one] for one in ids[start : start + 1000])

    def stamps(self) -> Mapping[str, FileStamp]:
        """Return the stamp of every file by article id, in order; read once."""
        with self._reading:
            if self._stamps is None:
                with reported(self._articles.uri):
                    table = self._articles.to_table(columns=[ARTICLE, SIZE, MTIME, SHA256])
                self._stamps = dict(sorted(stamps_of(table)))
            return self._stamps

    def _document_frequency(self, token: str) -> int:
        with reported(self._passages.uri):
            found = self._passages.scanner(
                columns=[],
                full_text_query={"columns": [TOKENS], "query": token},
                with_row_id=True,
                disable_scoring_autoprojection=True,
            )
            return int(found.to_table().num_rows)

    def _found(self, score: str, allowed: Condition | None, **search: Any) -> pa.Table:  # noqa: ANN401 - Lance's
        with reported(self._passages.uri):
            return self._passages.scanner(
                columns=[RECORD, score],
                filter=cast(LanceCondition, allowed).sql if allowed else None,
                prefilter=True,
                with_row_id=True,
                **search,
            ).to_table()

    def _passages_where(self, condition: str | None) -> Iterator[tuple[Row, IndexedPassage]]:
        with reported(self._passages.uri):
            scanner = self._passages.scanner(columns=[RECORD], filter=condition, with_row_id=True, scan_in_order=True)
            for batch in scanner.to_batches():
                yield from zip(batch[ROW].to_pylist(), map(passage_of, batch[RECORD].to_pylist()), strict=True)


def _ranked(table: pa.Table, scores: NDArray[np.floating]) -> list[Found]:
    rows = table[ROW].to_numpy()
    order = np.lexsort((rows, -scores))
    records = table[RECORD]
    return [Found(int(rows[i]), float(scores[i]), passage_of(records[int(i)].as_py())) for i in order]
