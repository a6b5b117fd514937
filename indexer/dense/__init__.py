"""Vectors to nearest passages: the one home of FAISS.

An index is built from unit vectors, so the inner product is the cosine. Rows are numbered from 0 in the order given.
While they are few every vector is read; when they are many, one bit per dimension of each, and the candidates that
this finds are scored from the vectors themselves, which lie in the generation as a mapped file. `choice` decides.
"""

from typing import Self

import faiss
import numpy as np
from numpy.typing import NDArray

from indexer.dense.choice import Kind, kind_for, lists_for, serves
from indexer.dense.exact import ExactIndex, Half, Mask, Row
from indexer.dense.scan import MAGIC, ScanIndex
from indexer.errors import IndexDamagedError

__all__ = ["DenseIndex", "Kind", "Row"]


class DenseIndex:
    """Inner-product search over half-precision unit vectors, of the kind that suits their number."""

    def __init__(self, index: ExactIndex | ScanIndex) -> None:
        self._index = index

    @classmethod
    def build(cls, vectors: NDArray[np.floating], *, kind: Kind | None = None) -> Self:
        """Index unit vectors of shape (n, dim); n may be 0. Equal vectors give equal bytes.

        The kind follows from n, unless it is given. Where a scan would miss too much the index is exact.
        """
        _use_one_thread()
        wanted = kind or kind_for(len(vectors))
        if wanted is not Kind.EXACT:
            lists = lists_for(len(vectors)) if wanted is Kind.LISTS else 1
            scan = ScanIndex.build(np.asarray(vectors, dtype=np.float16), lists=lists)
            if scan:
                return cls(scan)
        return cls(ExactIndex.build(vectors))

    def followed(self, vectors: Half, rows: NDArray[np.int64]) -> "DenseIndex":
        """Index unit vectors most of which are here: `rows`, shape (n,), says in which row, or −1.

        What was learnt and measured for these vectors, that a scan misses too much included, serves for the others
        until there are a tenth more.
        """
        if not serves(len(self), len(vectors)):
            return DenseIndex.build(vectors)
        _use_one_thread()
        if isinstance(self._index, ScanIndex):
            return DenseIndex(self._index.followed(vectors, rows))
        # Built anew, which takes no longer.
        return DenseIndex(ExactIndex.build(vectors))

    @classmethod
    def from_bytes(cls, data: bytes, vectors: Half | None = None) -> Self:
        """Read what `to_bytes` wrote; raises IndexDamagedError when FAISS cannot.

        `vectors`, shape (n, dim), are those the index was built from; only an exact one does without.
        """
        if not data.startswith(MAGIC):
            return cls(ExactIndex.from_bytes(data))
        if vectors is None:
            raise IndexDamagedError("dense.faiss cannot be read: its vectors are missing")
        return cls(ScanIndex.from_bytes(data, vectors))

    def to_bytes(self) -> bytes:
        """Return the index as bytes; a scan's vectors are not among them."""
        return self._index.to_bytes()

    def __len__(self) -> int:
        return int(self._index.index.ntotal)

    @property
    def dim(self) -> int:
        """The length of a vector."""
        return int(self._index.index.d)

    @property
    def kind(self) -> str:
        """How the vectors are searched, as the manifest says it."""
        return str(self._index.kind)

    def search(self, query: NDArray[np.float32], depth: int, *, allowed: Mask | None = None) -> list[tuple[Row, float]]:
        """Return at most `depth` (row, cosine) pairs, best first, ties by row.

        `query` has shape (dim,); `allowed` has shape (n,) and rules rows out before ranking.
        """
        if query.shape != (self.dim,):
            raise ValueError(f"a query of shape {query.shape} cannot search vectors of length {self.dim}")
        if not np.isfinite(query).all() or len(self) == 0:
            return []
        _use_one_thread()
        return self._index.search(np.ascontiguousarray(query, dtype=np.float32), depth, allowed=allowed)


def _use_one_thread() -> None:
    """Keep FAISS to the thread that calls: questions are served side by side already, and its helpers wait by spinning.

    OpenMP keeps the number thread by thread, so every thread must say so; torch brings an OpenMP of its own.
    """
    faiss.omp_set_num_threads(1)
