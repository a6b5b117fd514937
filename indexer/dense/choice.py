"""Which index for how many vectors, and how thoroughly it must look: pure functions of sizes and measured recall.

The sizes are those of `benchmarks/dense.py`; docs/decisions/0016 tells why.
"""

import math
from collections.abc import Sequence
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

# Up to here reading every vector takes a few milliseconds.
MOST_EXACT = 50_000
# Up to here reading one bit per dimension of every vector takes about 20 ms.
MOST_SCANNED = 3_000_000
# FAISS advises 4–16 √n lists, and about 40 vectors to learn each from.
LISTS_PER_ROOT = 4
LEARNT_FROM = 40
STEP = 1.1


class Kind(StrEnum):
    """How vectors are searched; the value is what the manifest says."""

    EXACT = "SQfp16"
    SCAN = "RaBitQfs,Refine(fp16)"
    LISTS = "IVF,RaBitQfs,Refine(fp16)"


def kind_for(rows: int) -> Kind:
    """Return the kind of index for that many vectors."""
    if rows <= MOST_EXACT:
        return Kind.EXACT
    return Kind.SCAN if rows <= MOST_SCANNED else Kind.LISTS


def lists_for(rows: int) -> int:
    """Return into how many lists that many vectors are parted: 4 √n, a power of two, each with enough to learn from."""
    wanted = LISTS_PER_ROOT * math.sqrt(rows)
    affordable = max(1, rows // LEARNT_FROM)
    return 1 << int(math.log2(max(1.0, min(wanted, affordable))))


def serves(old: int, new: int) -> bool:
    """Whether what was learnt and measured for `old` vectors serves for `new` ones: until there are a tenth more."""
    return kind_for(old) is kind_for(new) and _step(old) == _step(new)


def _step(rows: int) -> int:
    return int(math.log(max(rows, 1), STEP))


def sufficient(recalls: Sequence[tuple[int, float]], *, target: float) -> int | None:
    """Return the smallest effort whose recall reaches the target, from (effort, recall) pairs; None when none does."""
    return min((effort for effort, recall in recalls if recall >= target), default=None)


def recall_curve(found: NDArray[np.float32], best: NDArray[np.float32], *, tolerance: float) -> NDArray[np.float64]:
    """Return the mean recall after 1, 2, … candidates, shape (candidates,).

    `found` holds the cosines of each query's candidates in the order of the scan, shape (queries, candidates); `best`
    the exact best ones, shape (queries, depth). Who is as near as the last of the best counts, so that equal vectors
    stand for each other.
    """
    depth = best.shape[1]
    near = found >= best.min(axis=1, keepdims=True) - tolerance
    hits: NDArray[np.int64] = np.minimum(np.cumsum(near, axis=1), depth)
    recalls: NDArray[np.float64] = hits.mean(axis=0) / depth
    return recalls


def lists_covering(places: NDArray[np.int64], *, target: float) -> int:
    """Return how many lists, a power of two, hold that share of what is looked for.

    `places` says for each thing looked for how many lists are nearer to the question than its own.
    """
    lists = 1
    while float((places < lists).mean()) < target:
        lists *= 2
    return lists
