"""Laws of score fusion."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.fusion import fuse, rescore, z_scores

scores = st.dictionaries(st.integers(0, 50), st.floats(-100, 100), max_size=20)


def test_the_arithmetic_in_full() -> None:
    # dense: mean 0.5, deviation 0.3; lexical: mean 4, deviation 2
    fused = fuse({1: 0.8, 2: 0.2}, {2: 6.0, 3: 2.0})
    assert dict(fused) == pytest.approx({1: 1 - 1, 2: -1 + 1, 3: -1 - 1})
    assert fused[-1][0] == 3


def test_a_leg_of_weight_zero_brings_nothing() -> None:
    assert [row for row, _ in fuse({1: 0.9, 2: 0.1}, {3: 5.0, 4: 1.0}, dense_weight=0)] == [3, 4]


@given(scores)
def test_z_scores_have_mean_zero_and_keep_the_order(values: dict[int, float]) -> None:
    scaled = z_scores(values)
    assert scaled.keys() == values.keys()
    assert sum(scaled.values()) == pytest.approx(0, abs=1e-6)
    for a in values:
        for b in values:
            assert not (values[a] < values[b] and scaled[a] > scaled[b])


@given(scores, scores)
def test_every_row_of_either_leg_is_ranked_once_best_first(dense: dict[int, float], lexical: dict[int, float]) -> None:
    fused = fuse(dense, lexical)
    assert sorted(row for row, _ in fused) == sorted(dense.keys() | lexical.keys())
    assert [score for _, score in fused] == sorted((score for _, score in fused), reverse=True)


@given(scores, scores, st.integers(0, 50))
def test_a_better_score_in_a_leg_never_lowers_a_row_below_an_equal(
    dense: dict[int, float], lexical: dict[int, float], row: int
) -> None:
    both = {**dense, row: max([*dense.values(), 0.0]) + 1}
    top = {**lexical, row: max([*lexical.values(), 0.0]) + 1}
    assert fuse(both, top)[0][0] == row


def test_a_closer_look_is_added_and_rows_it_left_out_get_its_lowest() -> None:
    # mean 0.4, deviation 0.2: row 1 loses one, row 2 gains one, row 3 was not looked at
    rescored = rescore([(1, 2.0), (2, 1.5), (3, 1.8)], {1: 0.2, 2: 0.6})
    assert dict(rescored) == pytest.approx({2: 2.5, 1: 1.0, 3: 0.8})
    assert [row for row, _ in rescored] == [2, 1, 3]
    assert rescore([(1, 2.0), (2, 1.5)], {}) == [(1, 2.0), (2, 1.5)]
