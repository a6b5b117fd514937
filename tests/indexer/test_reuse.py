"""Rows are matched by their texts: as many as can be, none twice, and never two texts that differ."""

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.lines import Digests
from indexer.reuse import Reuse, find

# Few texts, two of which share their first eight bytes.
TEXTS = [bytes([number]) * 32 for number in range(6)] + [bytes([1]) * 8 + bytes(24)]
ROWS = st.lists(st.sampled_from(TEXTS[:6]), max_size=12)


def digests(texts: list[bytes]) -> Digests:
    """Return texts as they are compared."""
    return np.frombuffer(b"".join(texts), dtype=np.uint8).reshape(-1, 32)


@given(ROWS, ROWS)
@settings(max_examples=100)
def test_every_row_that_can_be_is_found_again_and_none_twice(before: list[bytes], after: list[bytes]) -> None:
    reuse = find(digests(before), digests(after))
    own = [row for row in reuse.own.tolist() if row >= 0]
    assert len(own) == len(set(own)) == (Counter(before) & Counter(after)).total()
    for rows in (reuse.own, reuse.alike):
        assert all(before[row] == after[new] for new, row in enumerate(rows.tolist()) if row >= 0)
    assert [row >= 0 for row in reuse.alike.tolist()] == [text in before for text in after]


def test_texts_that_begin_alike_are_two() -> None:
    reuse = find(digests([TEXTS[1]]), digests([TEXTS[6], TEXTS[1]]))
    assert (reuse.alike.tolist()[0], reuse.own.tolist()[0]) == (-1, -1)
    assert find(digests([]), digests([TEXTS[1]])).own.tolist() == [-1]
    assert Reuse.nothing(2).own.tolist() == [-1, -1]
