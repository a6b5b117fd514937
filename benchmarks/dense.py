"""Which dense index for how many vectors? Speed, memory and recall of each kind, as ratios to FAISS's Flat fp32.

OMP_NUM_THREADS=1 python -m benchmarks.dense [DATA …] [--cache FOLDER] [--sizes 10000 100000 1000000]
    [--save benchmarks/results/dense.json]

DATA are folders with corpus.jsonl.gz (title, text) and queries.jsonl.gz (question, perhaps a rewrite); without one, the
sentences of `corpus/` and the questions of `tests/quality/` are used. More vectors than texts are grown from them: a
passage's vector is mixed with that of one of its ten nearest neighbours and with noise, so that who is near whom stays.
Questions are real. Each kind is built in a process of its own and opened in another, so that memory is what serving
holds, without the page cache of the mapped vectors. Ratios are of processor time (one thread each, the median of all
questions): on a busy machine the clock measures the others.
"""

import argparse
import gzip
import json
import os
import platform
import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from indexer.dense import DenseIndex, Kind
from indexer.dense.scan import MAGIC, ScanIndex
from indexer.embedding import SentenceTransformerEmbedder
from indexer.language import split_sentences

ROOT = Path(__file__).parent.parent
MOST_TEXTS, MOST_QUESTIONS, CHARACTERS = 20_046, 200, 700
NEIGHBOURS, MOST_MIXED, NOISE = 10, 0.5, 0.5
TOP, DEPTH, TOLERANCE = 10, 100, 1e-5
BLOCK = 50_000
FLAT = "Flat fp32"
SHARES = (0.001, 0.01, 0.1, 0.5, 0.9)
Vectors = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Task:
    """One kind of index over one file of vectors, shape (n, dim), fp16."""

    kind: str
    vectors: Path
    questions: Path
    folder: Path

    @property
    def file(self) -> Path:
        """Where the index lies once it is built."""
        return self.folder / f"{self.vectors.stem}-{list(KINDS).index(self.kind)}.faiss"


class Flat:
    """What the others are compared with: FAISS's exact single-precision index."""

    def __init__(self, index: faiss.IndexFlatIP) -> None:
        self.index = index

    @classmethod
    def build(cls, vectors: NDArray[np.float16]) -> "Flat":
        index = faiss.IndexFlatIP(vectors.shape[1])
        for start in range(0, len(vectors), BLOCK):
            index.add(vectors[start : start + BLOCK].astype(np.float32))
        return cls(index)

    @classmethod
    def from_bytes(cls, data: bytes, _: NDArray[np.float16]) -> "Flat":
        return cls(faiss.deserialize_index(np.frombuffer(data, dtype=np.uint8)))

    def to_bytes(self) -> bytes:
        data: bytes = faiss.serialize_index(self.index).tobytes()
        return data

    def search(self, query: Vectors, depth: int, *, allowed: Mask | None = None) -> list[tuple[int, float]]:
        bitmap = np.packbits(allowed, bitorder="little") if allowed is not None else None
        parameters = None if bitmap is None else faiss.SearchParameters(sel=faiss.IDSelectorBitmap(bitmap))
        scores, rows = self.index.search(query.reshape(1, -1), depth, params=parameters)
        return [(int(row), float(score)) for row, score in zip(rows[0], scores[0], strict=True) if row >= 0]


KINDS: dict[str, Callable[[NDArray[np.float16]], Flat | DenseIndex]] = {
    FLAT: Flat.build,
    **{str(kind): partial(DenseIndex.build, kind=kind) for kind in Kind},
}


def build(task: Task) -> dict[str, Any]:
    """Build and write one index: seconds by the clock and of the processor, bytes, and what was found to be enough."""
    faiss.omp_set_num_threads(1)
    vectors = np.load(task.vectors, mmap_mode="r")
    # The first reader would pay for the disk.
    float(np.asarray(vectors).view(np.uint16).max())
    start, worked = time.perf_counter(), time.process_time()
    index = KINDS[task.kind](np.asarray(vectors))
    seconds, busy = time.perf_counter() - start, time.process_time() - worked
    data = index.to_bytes()
    task.file.write_bytes(data)
    built = {"build_s": round(seconds, 2), "build_cpu_s": round(busy, 2), "index_bytes": len(data)}
    return {**built, **_effort(data, vectors)}


def _effort(data: bytes, vectors: NDArray[np.float16]) -> dict[str, int]:
    if not data.startswith(MAGIC):
        return {}
    scan = ScanIndex.from_bytes(data, vectors)
    return {"candidates": scan.candidates, "lists": scan.index.nlist, "lists_looked_at": scan.index.nprobe}


def serve(task: Task) -> dict[str, Any]:
    """Open one index and ask it everything: memory, times, and the cosines found, unfiltered and filtered."""
    faiss.omp_set_num_threads(1)
    questions = np.load(task.questions)
    vectors = np.asarray(np.load(task.vectors, mmap_mode="r"))
    before = _anonymous_bytes()
    read = Flat.from_bytes if task.kind == FLAT else DenseIndex.from_bytes
    index = read(task.file.read_bytes(), vectors)
    held = _anonymous_bytes() - before
    for question in questions[:20]:
        index.search(question, DEPTH)
    seconds, busy, found = _timed(index, questions, None)
    draw, filtered = np.random.default_rng(0), {}
    for share in SHARES:
        allowed = draw.random(len(vectors)) < share
        _, times, cosines = _timed(index, questions[:50], allowed)
        filtered[share] = (1000 * float(np.median(times)), cosines)
    p50, p95 = (1000 * float(np.quantile(seconds, at)) for at in (0.5, 0.95))
    cpu = 1000 * float(np.median(busy))
    return {"held_bytes": held, "p50_ms": p50, "p95_ms": p95, "cpu_ms": cpu, "found": found, "filtered": filtered}


def _timed(
    index: Flat | DenseIndex, questions: Vectors, allowed: Mask | None
) -> tuple[list[float], list[float], list[list[float]]]:
    """Return the seconds of each question by the clock, those of the processor, and the cosines found."""
    seconds, busy, found = [], [], []
    for question in questions:
        start, worked = time.perf_counter(), time.thread_time()
        hits = index.search(question, DEPTH, allowed=allowed)
        busy.append(time.thread_time() - worked)
        seconds.append(time.perf_counter() - start)
        found.append([cosine for _, cosine in hits[:TOP]])
    return seconds, busy, found


def _anonymous_bytes() -> int:
    """Return the memory that no file stands behind; 0 where the system does not tell."""
    status = Path("/proc/self/status")
    lines = status.read_text(encoding="ascii").splitlines() if status.exists() else []
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon"))


def recall(found: Sequence[Sequence[float]], best: Sequence[Sequence[float]]) -> float:
    """Return how many of the ten best are found, on average; equal vectors stand for each other."""
    shares = [
        sum(cosine >= truth[-1] - TOLERANCE for cosine in cosines) / len(truth)
        for cosines, truth in zip(found, best, strict=True)
        if truth
    ]
    return float(np.mean(shares))


def measured(size: int, vectors: Path, questions: Path, folder: Path, kinds: Sequence[str]) -> dict[str, Any]:
    """Measure every kind over one file of vectors."""
    results: dict[str, Any] = {}
    baseline: dict[str, Any] = {}
    for kind in kinds:
        task = Task(kind, vectors, questions, folder)
        built, served = _apart(build, task), _apart(serve, task)
        task.file.unlink()
        baseline = baseline or {**built, **served}
        results[kind] = {
            **built,
            "held_mb": round(served["held_bytes"] / 2**20, 1),
            "p50_ms": round(served["p50_ms"], 2),
            "p95_ms": round(served["p95_ms"], 2),
            "cpu_ms": round(served["cpu_ms"], 2),
            "recall_at_10": round(recall(served["found"], baseline["found"]), 4),
            "times_flat": round(baseline["cpu_ms"] / served["cpu_ms"], 2),
            "held_per_flat": round(served["held_bytes"] / max(1, baseline["held_bytes"]), 3),
            # The fp16 vectors lie beside every index.
            "disk_per_flat": round((built["index_bytes"] + vectors.stat().st_size) / baseline["index_bytes"], 3),
            "filtered": {
                str(share): {
                    "recall_at_10": round(recall(found, baseline["filtered"][share][1]), 4),
                    "times_flat": round(baseline["filtered"][share][0] / times, 2),
                }
                for share, (times, found) in served["filtered"].items()
            },
        }
        print(size, kind, json.dumps(results[kind]), f"load {os.getloadavg()[0]:.1f}", file=sys.stderr, flush=True)
    return results


def _apart(work: Callable[[Task], dict[str, Any]], task: Task) -> dict[str, Any]:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(work, task).result()


def texts_of(folders: Sequence[Path]) -> tuple[list[str], list[str]]:
    """Return passages and questions, in an order that does not change."""
    draw = random.Random(0)
    passages: list[str] = []
    questions: list[str] = []
    for folder in folders:
        with gzip.open(folder / "corpus.jsonl.gz", "rt", encoding="utf-8") as lines:
            passages += [f"{row['title'].strip()}\n{row['text'].strip()}" for row in map(json.loads, lines)]
        with gzip.open(folder / "queries.jsonl.gz", "rt", encoding="utf-8") as lines:
            questions += [row.get("rewrite") or row["question"] for row in map(json.loads, lines)]
    if not folders:
        for path in sorted((ROOT / "corpus").glob("*.en.md")):
            text = path.read_text(encoding="utf-8")
            passages += [text[start:end] for start, end in split_sentences(text, "en")]
        with (ROOT / "tests" / "quality" / "corpus.jsonl").open(encoding="utf-8") as lines:
            questions += [row["question"] for row in map(json.loads, lines) if row["question"].isascii()]
    draw.shuffle(passages)
    draw.shuffle(questions)
    return [text[:CHARACTERS] for text in passages[:MOST_TEXTS]], questions[:MOST_QUESTIONS]


def embedded(folders: Sequence[Path], cache: Path) -> tuple[Vectors, Path]:
    """Return the vectors of the passages, and the file with those of the questions; both are kept in the cache."""
    base, asked = cache / "passages.npy", cache / "questions.npy"
    if not base.exists() or not asked.exists():
        embedder = SentenceTransformerEmbedder()
        passages, questions = texts_of(folders)
        np.save(asked, embedder.embed_queries(questions))
        np.save(base, embedder.embed_passages(sorted(passages, key=len)))
    vectors: Vectors = np.load(base)
    return vectors, asked


def grown(base: Vectors, size: int, file: Path) -> None:
    """Write `size` unit vectors in half precision: first those of the texts, then mixtures with noise."""
    draw = np.random.default_rng(0)
    _, near = faiss.knn(base, base, min(NEIGHBOURS + 1, len(base)), metric=faiss.METRIC_INNER_PRODUCT)
    out = np.lib.format.open_memmap(file, mode="w+", dtype=np.float16, shape=(size, base.shape[1]))
    out[: len(base)] = base[:size]
    for start in range(len(base), size, BLOCK):
        many = min(BLOCK, size - start)
        rows = draw.integers(len(base), size=many)
        others = near[rows, draw.integers(1, near.shape[1], size=many)]
        noise = draw.normal(size=(many, base.shape[1])).astype(np.float32)
        noise *= NOISE / np.linalg.norm(noise, axis=1, keepdims=True)
        share = draw.uniform(0, MOST_MIXED, size=(many, 1)).astype(np.float32)
        mixed = (1 - share) * base[rows] + share * base[others] + noise
        out[start : start + many] = mixed / np.linalg.norm(mixed, axis=1, keepdims=True)
    out.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="*", type=Path)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--sizes", nargs="+", type=int, default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--without", nargs="*", default=[], choices=[str(kind) for kind in Kind])
    parser.add_argument("--save", type=Path)
    arguments = parser.parse_args()
    wanted = [kind for kind in KINDS if kind not in arguments.without]
    with tempfile.TemporaryDirectory() as scratch:
        cache = arguments.cache or Path(scratch)
        base, questions = embedded(arguments.data, cache)
        result: dict[str, Any] = {
            "setup": {
                "python": platform.python_version(),
                "faiss": faiss.__version__,
                "cpus": os.cpu_count(),
                "threads": 1,
                "embedded_texts": len(base),
                "questions": len(np.load(questions)),
                "depth": DEPTH,
            },
            "sizes": {},
        }
        for size in arguments.sizes:
            file = Path(scratch) / f"{size}.npy"
            grown(base, size, file)
            load = round(os.getloadavg()[0], 1)
            kinds = measured(size, file, questions, Path(scratch), wanted)
            result["sizes"][str(size)] = {"load": load, **kinds}
            file.unlink()
            text = json.dumps(result, indent=2)
            if arguments.save:
                arguments.save.write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
