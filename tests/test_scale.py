"""The calculation of docs/scale.md: it says what the page says, and it behaves as queues of machines do."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from benchmarks.scale import fan_out, measured, table

PAGE = Path(__file__).parents[1] / "docs/scale.md"


def test_the_page_has_the_table_of_the_saved_figures() -> None:
    assert table(measured()) in PAGE.read_text(encoding="utf-8")


@given(st.integers(1, 40), st.floats(1, 100))
def test_more_shards_are_slower_and_hedging_helps_the_tail(shards: int, search_ms: float) -> None:
    median, worst = fan_out(search_ms, shards, hedged=False, questions=500)
    more, _ = fan_out(search_ms, shards + 40, hedged=False, questions=500)
    _, hedged = fan_out(search_ms, shards, hedged=True, questions=500)
    assert 0 < median <= worst
    assert more >= median
    assert hedged <= worst * 1.05
