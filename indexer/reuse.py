"""Which rows of a new generation stood in the one before: equal texts have equal vectors and equal words."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexer.lines import Digests

Rows = NDArray[np.int64]
NONE = -1


@dataclass(frozen=True, slots=True, eq=False)
class Reuse:
    """For each new row a row of before, or −1; both of shape (n,).

    `alike` is one of the same text, whose vector will do. `own` names no row of before twice, so that a document of
    one is a document of the other.
    """

    alike: Rows
    own: Rows

    @classmethod
    def nothing(cls, rows: int) -> "Reuse":
        """Say that all rows are new."""
        return cls(np.full(rows, NONE, dtype=np.int64), np.full(rows, NONE, dtype=np.int64))


def find(before: Digests, after: Digests) -> Reuse:
    """Compare the SHA-256 of the texts, of shape (m, 32) before and (n, 32) after.

    Of equal texts the first row is taken for the first, the second for the second.
    """
    old, new = _prefixes(before), _prefixes(after)
    order = np.argsort(old, kind="stable")
    first = np.searchsorted(old[order], new, side="left")
    # Two texts whose first eight bytes agree by chance: the whole is compared, and both count as new.
    alike = _checked(order, first, before, after)
    return Reuse(alike, _checked(order, first + _places(new), before, after))


def _prefixes(digests: Digests) -> NDArray[np.uint64]:
    return np.ascontiguousarray(digests[:, :8]).view("<u8").ravel()


def _places(values: NDArray[np.uint64]) -> Rows:
    """Return how many equal values stand before each."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    begins = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    places = np.empty(len(values), dtype=np.int64)
    places[order] = np.arange(len(values)) - np.repeat(begins, np.diff([*begins, len(values)]))
    return places


def _checked(order: Rows, at: Rows, before: Digests, after: Digests) -> Rows:
    found = np.full(len(after), NONE, dtype=np.int64)
    inside = np.flatnonzero(at < len(order))
    rows = order[at[inside]]
    same = (before[rows] == after[inside]).all(axis=1)
    found[inside[same]] = rows[same]
    return found
