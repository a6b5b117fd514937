"""Every vector read for every question: exact, by FAISS's half-precision kernels."""

from typing import Self

import faiss
import numpy as np
from numpy.typing import NDArray

from indexer.dense.choice import Kind
from indexer.dense.reading import read_exact

Row = int
Half = NDArray[np.float16]
Mask = NDArray[np.bool_]


class ExactIndex:
    """Inner-product search over half-precision vectors (FAISS scalar quantiser, fp16)."""

    kind = Kind.EXACT

    def __init__(self, index: faiss.IndexScalarQuantizer) -> None:
        self.index = index

    @classmethod
    def build(cls, vectors: NDArray[np.floating]) -> Self:
        """Index unit vectors of shape (n, dim); n may be 0."""
        index = _empty(vectors.shape[1])
        if len(vectors):
            # As they are: in single precision they would need twice their room once more.
            index.add_sa_codes(np.ascontiguousarray(vectors, dtype=np.float16).view(np.uint8))
        return cls(index)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what `to_bytes` wrote; raises IndexDamagedError when FAISS cannot."""
        return cls(read_exact(data))

    def to_bytes(self) -> bytes:
        """Serialise in memory: FAISS's own file writer hides a full disk."""
        data: bytes = faiss.serialize_index(self.index).tobytes()
        return data

    def search(self, query: NDArray[np.float32], depth: int, *, allowed: Mask | None) -> list[tuple[Row, float]]:
        """Return at most `depth` (row, cosine) pairs, best first, ties by row."""
        parameters = faiss.SearchParameters(sel=selector(allowed)) if allowed is not None else None
        scores, rows = self.index.search(query.reshape(1, -1), min(depth, self.index.ntotal), params=parameters)
        # FAISS pads with row −1 when fewer are allowed than asked for.
        return ranked(rows[0][rows[0] >= 0], scores[0][rows[0] >= 0], depth)


def selector(allowed: Mask) -> faiss.IDSelectorBitmap:
    """Tell FAISS which rows may be found."""
    return faiss.IDSelectorBitmap(np.packbits(allowed, bitorder="little"))


def ranked(rows: NDArray[np.int64], scores: NDArray[np.float32], depth: int) -> list[tuple[Row, float]]:
    """Put rows in order of their scores, ties by row, and keep the first `depth`."""
    order = np.lexsort((rows, -scores))[:depth]
    return list(zip(rows[order].tolist(), scores[order].tolist(), strict=True))


def cosines(query: NDArray[np.float32], vectors: Half, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return the exact cosines of some rows, shape (len(rows),), by the kernel that ExactIndex uses.

    Rows in ascending order are read forwards, as a mapped file likes it.
    """
    chosen = _empty(vectors.shape[1])
    chosen.add_sa_codes(np.take(vectors, rows, axis=0).view(np.uint8))
    scores, places = chosen.search(query.reshape(1, -1), len(rows))
    found = np.full(len(rows), -np.inf, dtype=np.float32)
    found[places[0][places[0] >= 0]] = scores[0][places[0] >= 0]
    return found


def _empty(dim: int) -> faiss.IndexScalarQuantizer:
    return faiss.IndexScalarQuantizer(dim, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
