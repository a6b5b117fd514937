"""One bit per dimension of every vector, read for candidates, which are scored exactly from the vectors themselves.

The codes are RaBitQ's (Gao and Long, SIGMOD 2024), in FAISS's fast-scan layout. They lie in one list, or in many, of
which a question looks at the nearest. FAISS filters lists while it reads them, and the flat fast scan not at all, so
one list also serves where all is read.
"""

import struct
from collections.abc import Iterator
from typing import Self

import faiss
import numpy as np
from numpy.typing import NDArray

from indexer.dense.choice import LEARNT_FROM, Kind, lists_covering, recall_curve, sufficient
from indexer.dense.exact import Half, Mask, Row, cosines, ranked, selector
from indexer.dense.reading import read_lists
from indexer.errors import IndexDamagedError

# Before FAISS's own bytes: that it is ours, and how many candidates are enough.
HEAD = struct.Struct("<4sI")
MAGIC = b"FNs1"

# For any question there are at least this many times as many candidates as results.
OVERSAMPLE = 2
EFFORTS = (200, 400, 800, 1600, 3200)
RECALL, LISTS_RECALL = 0.995, 0.99
TOP = 10
# What stands for questions: vectors of passages, with noise so many times their length. Measured with all-MiniLM-L6-v2
# on 20,046 passages and 968 questions, half of them on a subject of few passages: the scan needs fewer candidates for
# any question than for a vector with noise of 1.5; and as many lists for the rare subject as with noise of 3.
PROBES = 200
NOISE, LISTS_NOISE = 1.5, 3.0
# The share of rows that the filter allows under which the candidates must be enough as well.
ALLOWED = 0.1
# With fewer vectors there is nothing to measure on.
FEWEST = 2000
# Summing in another order moves a cosine by less.
TOLERANCE = 1e-5
# So few allowed rows are read one by one sooner than the codes of all.
FEW = 4096
BLOCK = 65_536
ROUNDS = 10
SEED = 0


class ScanIndex:
    """Nearest vectors by one-bit codes and exact scores; `vectors`, shape (n, dim), may be a mapped file."""

    def __init__(self, index: faiss.IndexIVFRaBitQFastScan, vectors: Half, candidates: int) -> None:
        self.index = index
        self.vectors = vectors
        self.candidates = candidates

    @classmethod
    def build(cls, vectors: Half, *, lists: int) -> Self | None:
        """Index unit vectors, and find out how much must be looked at; equal vectors give equal bytes.

        None when no effort finds enough, or when there are too few vectors to tell.
        """
        if len(vectors) < FEWEST:
            return None
        draw = np.random.default_rng(SEED)
        made = cls(_filled(vectors, lists, draw), vectors, EFFORTS[-1])
        return made if made._tune(draw) else None

    @classmethod
    def from_bytes(cls, data: bytes, vectors: Half) -> Self:
        """Read what `to_bytes` wrote; raises IndexDamagedError when FAISS cannot, or the vectors are others."""
        if len(data) < HEAD.size:
            raise IndexDamagedError("dense.faiss cannot be read: it ends too early")
        _, candidates = HEAD.unpack_from(data)
        index = read_lists(data[HEAD.size :])
        if candidates not in EFFORTS or vectors.dtype != np.float16 or vectors.shape != (index.ntotal, index.d):
            raise IndexDamagedError("dense.faiss cannot be read: it does not go with its vectors")
        return cls(index, vectors, candidates)

    def to_bytes(self) -> bytes:
        """Serialise in memory: FAISS's own file writer hides a full disk."""
        data: bytes = faiss.serialize_index(self.index).tobytes()
        return HEAD.pack(MAGIC, self.candidates) + data

    def followed(self, vectors: Half, rows: NDArray[np.int64]) -> Self:
        """Index other vectors, most of them the same: `rows`, shape (n,), says which row each has here, or −1.

        The centres, and how much is looked at, stay as they were learnt and measured. This index stays as it is.
        """
        index = read_lists(faiss.serialize_index(self.index).tobytes())
        kept = rows >= 0
        renumbered = np.full(index.ntotal, -1, dtype=np.int64)
        renumbered[rows[kept]] = np.flatnonzero(kept)
        if (renumbered < 0).any():
            index.remove_ids(selector(renumbered < 0))
        for number in range(index.nlist):
            size = index.invlists.list_size(number)
            if size:
                ids = faiss.rev_swig_ptr(index.invlists.get_ids(number), size)
                ids[:] = renumbered[ids]
        new = np.flatnonzero(~kept)
        if len(new):
            index.add_with_ids(np.take(vectors, new, axis=0).astype(np.float32), new)
        return type(self)(index, vectors, self.candidates)

    @property
    def kind(self) -> Kind:
        """Whether all codes are read, or lists of them."""
        return Kind.SCAN if self.index.nlist == 1 else Kind.LISTS

    def search(self, query: NDArray[np.float32], depth: int, *, allowed: Mask | None) -> list[tuple[Row, float]]:
        """Return at most `depth` (row, cosine) pairs, best first, ties by row.

        With a filter every list is looked at: those near the question may hold nothing that is allowed.
        """
        rows = np.flatnonzero(allowed) if allowed is not None else None
        if rows is None or len(rows) > max(FEW, OVERSAMPLE * depth):
            effort = max(self.candidates, OVERSAMPLE * depth)
            lists = self.index.nlist if allowed is not None else self.index.nprobe
            rows = np.sort(self._candidates(query.reshape(1, -1), effort, lists=lists, allowed=allowed)[0])
            rows = rows[rows >= 0]
        if not len(rows):
            return []
        return ranked(rows, cosines(query, self.vectors, rows), depth)

    def _candidates(
        self, queries: NDArray[np.float32], effort: int, *, lists: int, allowed: Mask | None = None
    ) -> NDArray[np.int64]:
        """Return rows by what their codes promise, shape (queries, effort); −1 where there are fewer."""
        parameters = faiss.IVFSearchParameters(nprobe=lists, sel=selector(allowed) if allowed is not None else None)
        rows: NDArray[np.int64] = self.index.search(queries, min(effort, self.index.ntotal), params=parameters)[1]
        return rows

    def _tune(self, draw: np.random.Generator) -> bool:
        """Find how many candidates, and how many lists, find the best ten of a sample; False where no number does."""
        queries = _probes(self.vectors, draw, noise=NOISE)
        some = draw.random(len(self.vectors)) < ALLOWED
        # With a filter the best are less like the question, and there are more like them.
        curves = [self._recalls(queries, None), self._recalls(queries, some)]
        recalls = [(effort, min(curve[min(effort, len(curve)) - 1] for curve in curves)) for effort in EFFORTS]
        enough = sufficient(recalls, target=RECALL)
        if enough is not None:
            self.candidates = enough
            needed = self._lists_needed(_probes(self.vectors, draw, noise=LISTS_NOISE))
            self.index.nprobe = min(needed, self.index.nlist)
        return enough is not None

    def _lists_needed(self, queries: NDArray[np.float32]) -> int:
        """Return of how many lists, the nearest first, hold nearly all of the best ten of each query."""
        if self.index.nlist == 1:
            return 1
        _, rows = _best(queries, self.vectors)
        homes = self.index.quantizer.search(np.take(self.vectors, rows.ravel(), axis=0).astype(np.float32), 1)[1]
        nearest = self.index.quantizer.search(queries, self.index.nlist)[1]
        places = np.argsort(nearest, axis=1)
        return lists_covering(np.take_along_axis(places, homes.reshape(rows.shape), axis=1), target=LISTS_RECALL)

    def _recalls(self, queries: NDArray[np.float32], allowed: Mask | None) -> NDArray[np.float64]:
        """Return the recall after 1, 2, … candidates from all lists."""
        best, _ = _best(queries, self.vectors if allowed is None else self.vectors[allowed])
        rows = self._candidates(queries, EFFORTS[-1], lists=self.index.nlist, allowed=allowed)
        found = np.full(rows.shape, -np.inf, dtype=np.float32)
        for number, query in enumerate(queries):
            there = rows[number] >= 0
            found[number, there] = cosines(query, self.vectors, rows[number, there])
        return recall_curve(found, best, tolerance=TOLERANCE)


def _filled(vectors: Half, lists: int, draw: np.random.Generator) -> faiss.IndexIVFRaBitQFastScan:
    dim = vectors.shape[1]
    centres = faiss.IndexFlatIP(dim)
    sample = _sample(vectors, max(BLOCK, lists * LEARNT_FROM), draw)
    if lists == 1:
        # FAISS would make it a unit vector, farther from most.
        centres.add(sample.mean(axis=0, keepdims=True))
    index = faiss.IndexIVFRaBitQFastScan(centres, dim, lists, faiss.METRIC_INNER_PRODUCT)
    index.cp.seed, index.cp.niter, index.cp.max_points_per_centroid = SEED + 1, ROUNDS, LEARNT_FROM
    index.train(sample)
    for block in _blocks(vectors):
        index.add(block)
    return index


def _probes(vectors: Half, draw: np.random.Generator, *, noise: float) -> NDArray[np.float32]:
    """Return unit vectors as far from all others as questions are: some of the vectors, with noise of that length."""
    sample = _sample(vectors, PROBES, draw)
    moved = draw.normal(size=sample.shape)
    moved = sample + noise * moved / np.linalg.norm(moved, axis=1, keepdims=True)
    probes: NDArray[np.float32] = (moved / np.linalg.norm(moved, axis=1, keepdims=True)).astype(np.float32)
    return probes


def _best(queries: NDArray[np.float32], vectors: Half) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return cosines and rows of the ten nearest vectors, shape (queries, 10), by reading all."""
    scores, rows = np.empty((len(queries), 0), dtype=np.float32), np.empty((len(queries), 0), dtype=np.int64)
    for number, block in enumerate(_blocks(vectors)):
        near, places = faiss.knn(queries, block, min(TOP, len(block)), metric=faiss.METRIC_INNER_PRODUCT)
        scores, rows = np.hstack([scores, near]), np.hstack([rows, places + number * BLOCK])
        order = np.argsort(-scores, axis=1, kind="stable")[:, :TOP]
        scores, rows = np.take_along_axis(scores, order, axis=1), np.take_along_axis(rows, order, axis=1)
    return scores, rows


def _blocks(vectors: Half) -> Iterator[NDArray[np.float32]]:
    for start in range(0, len(vectors), BLOCK):
        yield np.ascontiguousarray(vectors[start : start + BLOCK], dtype=np.float32)


def _sample(vectors: Half, size: int, draw: np.random.Generator) -> NDArray[np.float32]:
    rows = np.sort(draw.choice(len(vectors), min(size, len(vectors)), replace=False))
    return np.take(vectors, rows, axis=0).astype(np.float32)
