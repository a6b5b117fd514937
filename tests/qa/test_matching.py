"""Matching by hand-made states: directions on a circle."""

import numpy as np
import pytest

from indexer.embedding import TokenStates
from qa.matching import Match, match


def states(*rows: tuple[tuple[float, float], int, int]) -> TokenStates:
    vectors = np.array([vector for vector, _, _ in rows], dtype=np.float16).reshape(-1, 2)
    return TokenStates(vectors, np.array([start for _, start, _ in rows]), np.array([end for _, _, end in rows]))


EAST, NORTH, WEST = (1.0, 0.0), (0.0, 1.0), (-1.0, 0.0)
QUESTION = states((EAST, 0, 3), (NORTH, 4, 8))
PASSAGE = states((EAST, 0, 4), (WEST, 5, 9), (NORTH, 10, 14))


def test_each_token_of_the_question_finds_its_best_partner() -> None:
    found = match(QUESTION, [], PASSAGE, (0, 9))
    # east finds east; north finds nothing better than a right angle
    assert (found.tokens, found.weakest) == pytest.approx((0.5, 0.0), abs=1e-3)
    # the mean of east and west is nothing
    assert found.similarity == pytest.approx(0.0, abs=1e-3)


def test_only_the_wanted_words_are_matched() -> None:
    found = match(QUESTION, [(4, 8)], PASSAGE, (10, 14))
    assert (found.tokens, found.weakest) == pytest.approx((1.0, 1.0), abs=1e-3)
    assert found.similarity == pytest.approx(2**-0.5, abs=1e-3)


def test_a_sentence_beyond_the_window_matches_nothing() -> None:
    assert match(QUESTION, [], PASSAGE, (20, 30)) == Match()
