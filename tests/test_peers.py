"""The judging of the comparison with peers, which needs none of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.peers.metrics import DEPTH, Asked, Chunk, answers, best, difference, figures, interval

BY_ANSWER = Asked("Who?", frozenset({"a.txt"}), answers=("Park  Ji-won",))
BY_SENTENCE = Asked("Where?", frozenset({"a.txt"}), sentences=("The centre will stand in Daejeon, next to IMEC.",))
RIGHT, WRONG = Chunk("a.txt", "It was\npark ji-won.", ""), Chunk("a.txt", "It was nobody.", "")
ELSEWHERE = Chunk("b.txt", "Park Ji-won", "")


def test_an_answer_counts_in_a_right_article_only_whatever_the_case_and_white_space() -> None:
    assert answers(BY_ANSWER, RIGHT)
    assert not answers(BY_ANSWER, WRONG)
    assert not answers(BY_ANSWER, ELSEWHERE)


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("Before. The centre will stand in Daejeon, next to IMEC. After.", True),
        ("Before. The centre will stand in Dae", True),
        ("n Daejeon, next to IMEC. After.", True),
        ("Before. The centre", False),
        ("IMEC. After.", False),
    ],
)
def test_half_a_sentence_is_enough_where_a_splitter_cut_it(text: str, holds: bool) -> None:
    assert answers(BY_SENTENCE, Chunk("a.txt", text, "")) is holds


def test_figures_of_a_ranking() -> None:
    assert figures(BY_ANSWER, [ELSEWHERE, WRONG, RIGHT]) == pytest.approx(
        {"article@1": 0.0, "article@5": 1.0, "answer@1": 0.0, "mrr@10": 1 / 3}
    )
    assert set(figures(BY_ANSWER, []).values()) == {0.0}
    assert figures(BY_ANSWER, [*[ELSEWHERE] * DEPTH, RIGHT])["mrr@10"] == 0.0


@given(st.lists(st.sampled_from([0.0, 1.0]), min_size=1, max_size=50))
def test_an_interval_holds_its_mean_and_a_system_has_no_lead_over_itself(values: list[float]) -> None:
    found = interval(values)
    assert 0.0 <= found.low <= found.value <= found.high <= 1.0
    lead = difference(values, values)
    assert (lead.value, lead.low, lead.high) == (0.0, 0.0, 0.0)


def test_no_question_no_mean() -> None:
    with pytest.raises(ValueError, match="no question"):
        interval([])


def test_pairs_of_unlike_length_are_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        difference([1.0], [1.0, 0.0])


def test_the_best_is_the_first_of_equals() -> None:
    assert best({"b": [1.0, 0.0], "a": [0.0, 1.0], "c": [0.0, 0.0]}) == "b"
