"""Vectors to nearest passages: the one home of FAISS.

An index is built from unit vectors, so the inner product is the cosine. Rows are numbered from 0 in the order given.
"""

import threading
from typing import Self

import faiss
import numpy as np
from numpy.typing import NDArray

from indexer.errors import IndexDamagedError

Row = int

FOURCC = b"IxSQ"
# A scalar quantiser has none.
MOST_LOOPS = 1
# FAISS keeps its limits for the whole process.
_READING = threading.Lock()


class DenseIndex:
    """Exact inner-product search over half-precision vectors (FAISS scalar quantiser, fp16)."""

    kind = "SQfp16"

    def __init__(self, index: faiss.Index) -> None:
        self._index = index

    @classmethod
    def build(cls, vectors: NDArray[np.floating]) -> Self:
        """Index unit vectors of shape (n, dim); n may be 0."""
        index = faiss.IndexScalarQuantizer(vectors.shape[1], faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
        if len(vectors):
            index.add(np.ascontiguousarray(vectors, dtype=np.float32))
        return cls(index)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what `to_bytes` wrote; raises IndexDamagedError when FAISS cannot."""
        # FAISS reads many types by much code; only ours is let in.
        if not data.startswith(FOURCC):
            raise IndexDamagedError("dense.faiss cannot be read: it is no scalar quantiser")
        with _READING:
            # No vector in the file is longer than the file, whatever it says.
            faiss.set_deserialization_vector_byte_limit(len(data))
            faiss.set_deserialization_loop_limit(MOST_LOOPS)
            try:
                index = faiss.deserialize_index(np.frombuffer(data, dtype=np.uint8))
            except RuntimeError as error:
                raise IndexDamagedError(f"dense.faiss cannot be read: {error}") from error
        if index.metric_type != faiss.METRIC_INNER_PRODUCT or index.codes.size() != index.ntotal * index.code_size:
            raise IndexDamagedError("dense.faiss cannot be read: its vectors are not whole")
        return cls(index)

    def to_bytes(self) -> bytes:
        """Serialise in memory: FAISS's own file writer hides a full disk."""
        data: bytes = faiss.serialize_index(self._index).tobytes()
        return data

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def dim(self) -> int:
        """The length of a vector."""
        return int(self._index.d)

    def search(
        self, query: NDArray[np.float32], depth: int, *, allowed: NDArray[np.bool_] | None = None
    ) -> list[tuple[Row, float]]:
        """Return at most `depth` (row, cosine) pairs, best first, ties by row.

        `query` has shape (dim,); `allowed` has shape (n,) and rules rows out before ranking.
        """
        if query.shape != (self.dim,):
            raise ValueError(f"a query of shape {query.shape} cannot search vectors of length {self.dim}")
        if not np.isfinite(query).all() or len(self) == 0:
            return []
        parameters = None
        if allowed is not None:
            bitmap = np.packbits(allowed, bitorder="little")
            parameters = faiss.SearchParameters(sel=faiss.IDSelectorBitmap(bitmap))
        scores, rows = self._index.search(
            query.reshape(1, -1).astype(np.float32), min(depth, len(self)), params=parameters
        )
        # FAISS pads with row −1 when fewer are allowed than asked for.
        found = [(int(row), float(score)) for row, score in zip(rows[0], scores[0], strict=True) if row >= 0]
        return sorted(found, key=lambda pair: (-pair[1], pair[0]))
