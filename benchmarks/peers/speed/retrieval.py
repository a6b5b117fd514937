"""What retrieval adds to the bare embedder call, with the real model, as the corpus grows."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.peers.metrics import DEPTH
from benchmarks.peers.speed.figures import latency, ratio
from benchmarks.peers.speed.footnote import Engines
from benchmarks.peers.speed.trial import Report, Task, timed
from indexer.embedding import SentenceTransformerEmbedder

ROUNDS = 100
BARE, LEGS, RETRIEVER = "embedder alone", "both legs and fusion", "retriever"


def measure(task: Task, report: Report) -> None:
    """Ask in turn the embedder alone, both legs, and the retriever without its closer look, which repeats records here.

    Each gets questions of its own, of the same kind, so that nothing is remembered; and all see the same load.
    """
    writer = task.writer
    embedder = SentenceTransformerEmbedder()
    vectors = np.load(task.material / "vectors.npy", mmap_mode="r")
    with tempfile.TemporaryDirectory() as scratch:
        engines = Engines(embedder, Path(scratch), vectors=vectors, writer=writer)
        passages = task.texts()
        with timed() as index:
            said = engines.index(passages)
        report({"index": {**index, **said}})
        del passages
        ways = _ways(engines, embedder)
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        busy: dict[str, list[float]] = {name: [] for name in ways}
        questions = iter(writer.questions((ROUNDS + 3) * len(ways), passages=1000))
        for turn in range(-3, ROUNDS):
            for name, ask in ways.items():
                question = next(questions)
                started, worked = time.perf_counter(), time.process_time()
                ask(question)
                if turn >= 0:
                    busy[name].append(time.process_time() - worked)
                    seconds[name].append(time.perf_counter() - started)
    figures = {name: {**latency(seconds[name]), "cpu_p50_ms": latency(busy[name])["p50_ms"]} for name in ways}
    bare = figures[BARE]
    report({name: {**one, "p95_per_bare": ratio(one["p95_ms"], bare["p95_ms"])} for name, one in figures.items()})


def _ways(engines: Engines, embedder: SentenceTransformerEmbedder) -> dict[str, Callable[[str], object]]:
    plain = engines.retriever(looked_at=0)
    return {
        BARE: lambda question: embedder.embed_queries([question]),
        LEGS: plain.rank,
        RETRIEVER: lambda question: plain.retrieve(question, top_k=DEPTH),
    }
