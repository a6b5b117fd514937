"""Tokens to matching passages by BM25: the one home of tantivy.

The tokens are our own (`language.Analyser`); tantivy only splits them at spaces. Rows are numbered from 0.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Self

import numpy as np
import tantivy
from numpy.typing import NDArray

from indexer.errors import IndexDamagedError

Row = int

TOKENS, ROW = "tokens", "row"
TOKENIZER = "spaces"
HEAP_BYTES = 64 * 1024 * 1024


class LexicalIndex:
    """BM25 (k1 1.2, b .75: tantivy's) over lists of tokens."""

    def __init__(self, index: tantivy.Index) -> None:
        self._index = index
        self._schema = index.schema
        self._searcher = index.searcher()

    @classmethod
    def build(cls, folder: Path, documents: Iterable[Sequence[str]]) -> Self:
        """Write an index of the documents, one row each, into an existing empty folder."""
        index = tantivy.Index(_schema(), path=str(folder))
        _register(index)
        # One thread and one commit: the same documents give the same rows in the same order.
        writer = index.writer(HEAP_BYTES, 1)
        for row, tokens in enumerate(documents):
            document = tantivy.Document()
            document.add_text(TOKENS, " ".join(tokens))
            document.add_unsigned(ROW, row)
            writer.add_document(document)
        writer.commit()
        writer.wait_merging_threads()
        index.reload()
        return cls(index)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open what `build` wrote; raises IndexDamagedError when tantivy cannot."""
        try:
            index = tantivy.Index.open(str(folder))
        except (ValueError, OSError) as error:
            raise IndexDamagedError(f"{folder.name} cannot be read: {error}") from error
        _register(index)
        return cls(index)

    def __len__(self) -> int:
        return int(self._searcher.num_docs)

    def document_frequency(self, token: str) -> int:
        """In how many documents the token occurs."""
        return int(self._searcher.doc_freq(TOKENS, token))

    def search(
        self, tokens: Sequence[str], depth: int, *, allowed: NDArray[np.bool_] | None = None
    ) -> list[tuple[Row, float]]:
        """Return at most `depth` (row, BM25) pairs, best first, ties by row.

        A document that shares no token with the question is not returned. `allowed` has shape (n,) and rules
        rows out before ranking.
        """
        if not tokens or (allowed is not None and not allowed.any()):
            return []
        words = [(tantivy.Occur.Should, tantivy.Query.term_query(self._schema, TOKENS, token)) for token in tokens]
        query = tantivy.Query.boolean_query(words)
        if allowed is not None and not allowed.all():
            rows = tantivy.Query.term_set_query(self._schema, ROW, np.flatnonzero(allowed).tolist())
            # Scored 0, so that the filter leaves the BM25 of the words as it is.
            kept = tantivy.Query.const_score_query(rows, 0.0)
            query = tantivy.Query.boolean_query([(tantivy.Occur.Must, query), (tantivy.Occur.Must, kept)])
        result = self._searcher.search(query, depth)
        found = [(int(self._searcher.doc(address)[ROW][0]), float(score)) for score, address in result.hits]
        return sorted(found, key=lambda pair: (-pair[1], pair[0]))


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_text_field(TOKENS, stored=False, tokenizer_name=TOKENIZER, index_option="freq")
    builder.add_unsigned_field(ROW, stored=True, indexed=True)
    return builder.build()


def _register(index: tantivy.Index) -> None:
    tokenizer = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build()
    index.register_tokenizer(TOKENIZER, tokenizer)
