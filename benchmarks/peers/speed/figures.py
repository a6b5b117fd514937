"""What is made of the times that were taken. Pure."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

Result = Mapping[str, Any]


def latency(seconds: Sequence[float]) -> dict[str, float]:
    """Return the median and the 95th percentile in milliseconds; ValueError when nothing was timed."""
    if not seconds:
        raise ValueError("nothing was timed")
    p50, p95 = (round(1000 * float(np.quantile(seconds, at)), 3) for at in (0.5, 0.95))
    return {"p50_ms": p50, "p95_ms": p95, "asked": len(seconds)}


def growth(values: Mapping[int, float]) -> float | None:
    """Return the exponent b of the power law value = a * size^b that fits best (least squares of the logarithms).

    0 is a cost that stays, 1 one in proportion to the size. None from fewer than two sizes.
    """
    known = {size: value for size, value in values.items() if value > 0}
    if len(known) < 2:
        return None
    slope = np.polyfit([math.log(size) for size in known], [math.log(value) for value in known.values()], 1)[0]
    return round(float(slope), 2)


def ratio(one: float | None, other: float | None, *, digits: int = 2) -> float | None:
    """Return how many times `other` goes into `one`; None where one of them is missing or nothing."""
    return round(one / other, digits) if one and other else None


def at(result: Result, path: str) -> float | None:
    """Return the number at a path such as `search.1.p50_ms`; None where there is none."""
    found: Any = result
    for name in path.split("."):
        if not isinstance(found, Mapping) or name not in found:
            return None
        found = found[name]
    return float(found) if isinstance(found, int | float) else None


def agreement(found: Mapping[str, Sequence[int]], nearest: Mapping[str, Sequence[int]]) -> float | None:
    """Return which share of the nearest was found among as many, over the questions that both know."""
    shares = [
        len({*found[question][: len(rows)]} & {*rows}) / len(rows)
        for question, rows in nearest.items()
        if question in found
    ]
    return round(float(np.mean(shares)), 4) if shares else None


def rebuild_seconds(result: Result, *, passages: int, passages_per_s: float) -> float | None:
    """Return how long a whole index takes: embedding, at the rate timed with the model, and what was timed without."""
    indexed = at(result, "index.s")
    return None if indexed is None else round(passages / passages_per_s + indexed, 1)


def too_much(before: Result, factor: float, *, most_s: float, most_mb: float) -> str | None:
    """Say why a system is not tried at `factor` times the size: it failed, or would take too long or too much memory.

    Both are taken to grow in proportion, memory from what was held before the first passage.
    """
    if stopped := before.get("stopped"):
        return f"not tried: {stopped} with fewer"
    seconds, start, peak = (at(before, path) for path in ("index.s", "start_mb", "peak_mb"))
    if seconds is not None and seconds * factor > most_s:
        return f"not tried: would take about {seconds * factor:.0f} s to index"
    if start is not None and peak is not None and (needed := start + factor * (peak - start)) > most_mb:
        return f"not tried: would take about {needed / 1024:.0f} GiB"
    return None


def cell(value: float | None) -> str:
    """Write a number with three digits that count, as people do."""
    if value is None:
        return "–"
    if value == 0 or not math.isfinite(value):
        return str(value)
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{digits}f}"


def table(rows: Mapping[str, Result], columns: Mapping[str, str]) -> str:
    """Return a Markdown table: a row for each system, a column for each path, headed by its title."""
    lines = ["| | " + " | ".join(columns.values()) + " |", "|---" * (len(columns) + 1) + "|"]
    lines += [f"| {name} | " + " | ".join(cell(at(row, path)) for path in columns) + " |" for name, row in rows.items()]
    return "\n".join(lines)
