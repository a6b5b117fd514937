"""The figures of a run as ratios inside it, and as tables. Pure."""

from collections.abc import Mapping
from typing import Any

from benchmarks.peers.speed.figures import at, growth, ratio, rebuild_seconds, table
from benchmarks.peers.speed.systems import FOOTNOTE, PLAIN

Results = Mapping[str, Any]

BYTES_OF_VECTOR = 384 * 4
# More than the caches of most processors.
CACHES = 128 * 2**20

# What is drawn and fitted over the sizes: path in a result, title.
CURVES = {
    "index.s": "index, s",
    "add.s": "one article more, s",
    "held_mb": "memory held, MiB",
    "dense.p50_ms": "dense leg, p50 ms",
    "lexical.p50_ms": "lexical leg, p50 ms",
    "search.1.p50_ms": "search, p50 ms",
}
COLUMNS = {
    "index.s": "index s",
    "index.per_cpu_s": "passages per processor second",
    "add.s": "one article more s",
    "held_mb": "held MiB",
    "saved.mb": "disk MiB",
    "dense.p50_ms": "dense p50 ms",
    "recall_at_10": "recall@10",
    "lexical.p50_ms": "lexical p50 ms",
    "search.1.p50_ms": "search p50 ms",
    "search.1.p95_ms": "p95 ms",
    "search.8.p50_ms": "8 clients p50 ms",
    "search.8.p95_ms": "p95 ms",
    "search.1.per_s": "searches/s",
    "search.8.per_s": "with 8",
}


def curve(sizes: Results, path: str) -> dict[int, float]:
    """Return one figure of one system by size, where it is known."""
    found = {int(size): at(result, path) for size, result in sizes.items()}
    return {size: value for size, value in sorted(found.items()) if value is not None}


def summary(run: Results) -> dict[str, Any]:
    """Return the exponents of growth, and Footnote's figures as ratios to the others', size by size."""
    systems: Results = run.get("growth", {})
    ours: Results = systems.get(FOOTNOTE, {})
    exponents = {name: {path: growth(curve(sizes, path)) for path in CURVES} for name, sizes in systems.items()}
    return {
        "exponents": exponents,
        "times_footnote": {
            path: {
                name: {size: ratio(at(one, path), at(mine, path)) for size, one, mine in _pairs(sizes, ours)}
                for name, sizes in systems.items()
                if name != FOOTNOTE
            }
            for path in CURVES
        },
        "rebuild_per_added_article": _rebuilds(run, systems, ours),
        "flat_scan_share_of_memory_read": _scan_share(run, systems.get(PLAIN, {})),
        "retrieval_p95_per_bare_embedder": {
            size: {way: at(one, f"{way}.p95_per_bare") for way in one if at(one, f"{way}.p95_per_bare")}
            for size, one in run.get("retrieval", {}).items()
        },
    }


def _pairs(sizes: Results, others: Results) -> list[tuple[str, Any, Any]]:
    known = [size for size in sizes if size in others]
    pairs = [(size, sizes[size], others[size]) for size in known]
    return [(size, one, other) for size, one, other in pairs if at(one, "index.s") and at(other, "index.s")]


def _rebuilds(run: Results, systems: Results, ours: Results) -> dict[str, Any]:
    """How many times a peer's whole rebuild takes what Footnote needs for one article more, by size.

    The peer embeds at the rate of its own run with the model (processor time); beside it, the time with vectors given.
    """
    found: dict[str, Any] = {}
    for name, sizes in systems.items():
        rate = at(run, f"model.{name}.index.per_cpu_s")
        for size, one, mine in _pairs(sizes, ours):
            added = at(mine, "add.s")
            if name != FOOTNOTE and added:
                embedding = rebuild_seconds(one, passages=int(size), passages_per_s=rate) if rate else None
                figures = {"with_model": ratio(embedding, added, digits=1)}
                found.setdefault(name, {})[size] = {**figures, "vectors_given": ratio(at(one, "index.s"), added)}
    return found


def _scan_share(run: Results, flat: Results) -> dict[str, float | None]:
    """What FAISS Flat reads a second, as a share of the fastest reading measured, where no cache could hold it."""
    limit = at(run, "limits.memory_read_gb_per_s")
    read = {size: int(size) * BYTES_OF_VECTOR for size in flat}
    seconds = {size: (at(one, "dense.p50_ms") or 0) / 1000 for size, one in flat.items()}
    return {size: ratio(read[size] / one / 1e9, limit) for size, one in seconds.items() if one and read[size] > CACHES}


def described(run: Results) -> str:
    """Return the run as Markdown tables."""
    parts = []
    if model := run.get("model"):
        parts.append(f"With the model\n\n{table(model, COLUMNS)}")
    sizes = sorted({int(size) for one in run.get("growth", {}).values() for size in one})
    for size in sizes:
        rows = {name: one[str(size)] for name, one in run["growth"].items() if str(size) in one}
        parts.append(f"{size:,} passages, vectors given\n\n{table(rows, COLUMNS)}")
        parts += [f"{name}: {row['stopped']}" for name, row in rows.items() if "stopped" in row]
    for size, one in run.get("retrieval", {}).items():
        ways = {way: figures for way, figures in one.items() if isinstance(figures, dict) and "p95_per_bare" in figures}
        columns = {
            "p50_ms": "p50 ms",
            "p95_ms": "p95 ms",
            "cpu_p50_ms": "processor p50 ms",
            "p95_per_bare": "p95 / bare",
        }
        parts.append(f"Retrieval at {int(size):,} passages\n\n{table(ways, columns)}")
    return "\n\n".join(parts)
