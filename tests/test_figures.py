"""Pages say what the saved figures say, and the calculation of docs/scale.md behaves as queues of machines do."""

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from benchmarks import embedding
from benchmarks.scale import RESULTS, fan_out, measured, table

DOCS = Path(__file__).parents[1] / "docs"


def test_the_pages_have_the_tables_of_the_saved_figures() -> None:
    assert table(measured()) in (DOCS / "scale.md").read_text(encoding="utf-8")
    saved = json.loads((RESULTS / "embedding.json").read_text(encoding="utf-8"))
    assert embedding.table(saved) in (DOCS / "benchmarks.md").read_text(encoding="utf-8")


@given(st.integers(1, 40), st.floats(1, 100))
def test_more_shards_are_slower_and_hedging_helps_the_tail(shards: int, search_ms: float) -> None:
    median, worst = fan_out(search_ms, shards, hedged=False, questions=500)
    more, _ = fan_out(search_ms, shards + 40, hedged=False, questions=500)
    _, hedged = fan_out(search_ms, shards, hedged=True, questions=500)
    assert 0 < median <= worst
    assert more >= median
    assert hedged <= worst * 1.05
