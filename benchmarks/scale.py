"""From one machine to a billion passages: what was measured, carried on by the rules stated in docs/scale.md.

    python -m benchmarks.scale

prints the table of that page from the figures in benchmarks/results. Nothing beyond a million passages was measured.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

RESULTS = Path(__file__).parent / "results"
SIZES = (100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000)
# What one machine of two cores and 16 GiB is given at most.
PASSAGES_PER_SHARD = 3_000_000
# How often a machine is slow for reasons of its own, and how much: a common figure of large installations (Dean and
# Barroso 2013, "The tail at scale": one request in a hundred takes ten times as long).
SLOW_SHARE, SLOW_TIMES = 0.01, 10.0
QUESTIONS = 20_000
SEED = 20_251_122


@dataclass(frozen=True, slots=True)
class Measured:
    """What one machine does; `embed_ms` is for a question, `search_ms` for both legs over a million passages."""

    embedded_per_s: float
    bytes_per_passage: float
    embed_ms: float
    search_ms: float


def measured() -> Measured:
    """Read the figures of the last saved runs."""
    embedding, rebuild, peers = (_load(name) for name in ("embedding", "rebuild", "peer_speed"))
    largest = max(rebuild["sizes"], key=lambda size: int(size["passages"]))
    million = peers["retrieval"]["1000000"]
    alone = million["embedder alone"]["p50_ms"]
    return Measured(
        embedded_per_s=embedding["all_cores_by_the_clock"]["ours bfloat16"]["passages_per_s"],
        bytes_per_passage=largest["index_bytes"] / largest["passages"],
        embed_ms=alone,
        search_ms=million["both legs and fusion"]["p50_ms"] - alone,
    )


def _load(name: str) -> Any:  # noqa: ANN401 - JSON
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))


def fan_out(search_ms: float, shards: int, *, hedged: bool, questions: int = QUESTIONS) -> tuple[float, float]:
    """Simulate questions that ask all shards and wait for the slowest; returns median and 99th percentile in ms.

    A shard takes about `search_ms` (a tenth more or less), ten times as long once in a hundred. `hedged`: what is not
    there after twice the usual time is asked of a copy of the shard as well, and the first answer counts.
    """
    dice = np.random.default_rng(SEED)
    slowest = np.zeros(questions)
    for _ in range(shards):
        first = _times(dice, search_ms, questions)
        if hedged:
            first = np.minimum(first, 2 * search_ms + _times(dice, search_ms, questions))
        slowest = np.maximum(slowest, first)
    median, worst = np.percentile(slowest, [50, 99])
    return float(median), float(worst)


def _times(dice: np.random.Generator, usual_ms: float, count: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    slow = np.where(dice.random(count) < SLOW_SHARE, SLOW_TIMES, 1.0)
    return usual_ms * np.exp(dice.normal(0.0, 0.1, count)) * slow


def table(figures: Measured) -> str:
    """Return the plan for each size as a Markdown table."""
    heads = ["passages", "shards", "disk", "first build, one machine", "machines to build in a day"]
    heads += ["p50 / p99 of a search", "the same, hedged"]
    rows = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for passages in SIZES:
        shards = -(-passages // PASSAGES_PER_SHARD)
        search = figures.search_ms * (passages / shards) / 1_000_000
        once, hedged = (fan_out(search, shards, hedged=hedged) for hedged in (False, True))
        hours = passages / figures.embedded_per_s / 3600
        cells = [
            f"{passages:,}",
            f"{shards}",
            f"{passages * figures.bytes_per_passage / 2**30:,.1f} GiB",
            f"{hours:,.1f} h",
            f"{max(1, -(-int(hours) // 24))}",
            *(f"{figures.embed_ms + p50:,.0f} / {figures.embed_ms + p99:,.0f} ms" for p50, p99 in (once, hedged)),
        ]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


if __name__ == "__main__":
    print(table(measured()))
