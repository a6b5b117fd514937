"""The shared store against the embedded index, and two Ray nodes against one, as ratios inside one run.

OMP_NUM_THREADS=1 python -m benchmarks.cluster [DATA …] [--cache FOLDER] [--sizes 20000 100000] [--passages 2500]
    [--save benchmarks/results/cluster.json]

DATA and the cache are those of benchmarks/dense.py; more vectors than texts are grown as there, and take the tokens of
the texts in turn. The legs are asked 200 questions, 100 deep, alone and kept to a tenth of the articles. The processor
time is that of the whole process, whose threads Lance spreads a question over. For the nodes, real articles are built
into a store, first by one node and then by two, each held to one core of its own; the model is loaded before. What is
compared is the stage that the nodes share: chunking, analysing, embedding and putting.
"""

import argparse
import json
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.dense import embedded, grown, texts_of
from indexer.articles import Article, Block, Passage, Sentence
from indexer.cluster.contract import Change, SharedStore, StoredPassage
from indexer.cluster.store import shared_store
from indexer.corpus import FileStamp, ScannedFile
from indexer.dense import DenseIndex
from indexer.embedding import EmbedderInfo, SentenceTransformerEmbedder
from indexer.language import Analyser
from indexer.lexical import LexicalIndex
from indexer.manifest import ChunkerInfo, Shape
from indexer.records import Duplicates, IndexedPassage
from indexer.settings import Settings
from qa.retrieval import Filters

DEPTH, TOP, COLLECTIONS, PARCEL = 100, 10, 10, 5000
# Enough articles that every node gets some, and loads the model.
WARMING = 400
TENTH = Filters(collections=("c3",))
Tokens = Sequence[Sequence[str]]
Leg = Callable[[Any, Any], Sequence[tuple[Any, float]]]


def files_of(texts: Sequence[str], size: int) -> list[ScannedFile]:
    """Return articles of one passage each, in ten collections."""
    articles = (
        Article(
            f"c{row % COLLECTIONS}/{row:07}.md", text, text[:40], "en", (Block("paragraph", 0, len(text)),), source="S"
        )
        for row, text in ((row, texts[row % len(texts)]) for row in range(size))
    )
    return [ScannedFile(article, FileStamp(len(article.text), 0, article.sha256)) for article in articles]


def fill(store: SharedStore, files: Sequence[ScannedFile], tokens: Tokens, vectors: NDArray[np.float16]) -> None:
    """Put one passage of each article into a store and commit; its id is its row."""
    info = EmbedderInfo("all-MiniLM-L6-v2", "", vectors.shape[1], 256, "float32", ("en",))
    shape = Shape(info, ChunkerInfo("whole", 110), "bigrams", "none")

    def stored(row: int) -> StoredPassage:
        article = files[row].article
        end = len(article.text)
        passage = Passage(str(row), article.id, 0, end, "", (Sentence(0, end),))
        return StoredPassage(
            IndexedPassage(passage, article.sha256), tokens[row % len(tokens)], vectors[row], None, "S", "en"
        )

    parcels = [
        store.put([stored(row) for row in range(start, min(start + PARCEL, len(files)))])
        for start in range(0, len(files), PARCEL)
    ]
    change = Change((), files, parcels, shape, (), "", Duplicates("none", {}))
    store.commit(None, change, keep=2, progress=lambda: None)


def asked(leg: Leg, questions: Sequence[Any], allowed: object) -> tuple[dict[str, float], list[list[str]]]:
    """Ask a leg every question: times in milliseconds, and the rows of the best ten."""
    for question in questions[:5]:
        leg(question, allowed)
    seconds, busy, found = [], [], []
    for question in questions:
        start, worked = time.perf_counter(), time.process_time()
        hits = leg(question, allowed)
        busy.append(time.process_time() - worked)
        seconds.append(time.perf_counter() - start)
        found.append([str(row) for row, _ in hits[:TOP]])
    times = {
        "p50_ms": float(np.median(seconds)),
        "p95_ms": float(np.quantile(seconds, 0.95)),
        "cpu_ms": float(np.mean(busy)),
    }
    return {name: round(1000 * value, 2) for name, value in times.items()}, found


def _same(found: Sequence[Sequence[str]], best: Sequence[Sequence[str]]) -> dict[str, float]:
    """How many of the ten best are the same, and how often the first is."""
    shared = sum(len(set(one) & set(other)) for one, other in zip(found, best, strict=True))
    first = sum(one[:1] == other[:1] for one, other in zip(found, best, strict=True))
    return {
        "same_of_10_best": round(shared / max(1, sum(map(len, best))), 4),
        "same_first": round(first / len(best), 4),
    }


def compared(store: SharedStore, size: int, texts: Sequence[str], tokens: Tokens, asking: Any, folder: Path) -> Any:  # noqa: ANN401 - JSON
    """Build both over `size` passages, and ask both the same."""
    vectors = np.load(folder / f"{size}.npy", mmap_mode="r")
    files = files_of(texts, size)
    (folder / "lexical").mkdir()
    start = time.perf_counter()
    lexical = LexicalIndex.build(folder / "lexical", (tokens[row % len(tokens)] for row in range(size)))
    dense = DenseIndex.build(np.asarray(vectors))
    built = {"embedded": round(time.perf_counter() - start, 2)}
    start = time.perf_counter()
    fill(store, files, tokens, np.asarray(vectors))
    built["store"] = round(time.perf_counter() - start, 2)
    generation = store.read(str(store.current()))
    kept = np.arange(size) % COLLECTIONS == 3
    condition = generation.allow(TENTH)
    legs: dict[str, tuple[Sequence[Any], Leg, Leg]] = {
        "dense": (
            asking["vectors"],
            lambda query, allowed: dense.search(query, DEPTH, allowed=allowed),
            lambda query, allowed: [(f.passage.passage.id, f.score) for f in generation.nearest(query, DEPTH, allowed)],
        ),
        "lexical": (
            asking["tokens"],
            lambda words, allowed: lexical.search(words, DEPTH, allowed=allowed),
            lambda words, allowed: [
                (f.passage.passage.id, f.score) for f in generation.matching(words, DEPTH, allowed)
            ],
        ),
    }
    result: dict[str, Any] = {"built_s": built, "load": round(os.getloadavg()[0], 1)}
    for name, (questions, here, there) in legs.items():
        for suffix, mask, stored in (("", None, None), (" filtered", kept, condition)):
            near, best = asked(here, questions, mask)
            far, found = asked(there, questions, stored)
            result[name + suffix] = {
                "embedded": near,
                "store": far,
                "times_p50": round(far["p50_ms"] / near["p50_ms"], 1),
                **_same(found, best),
            }
    held = _bytes(folder / "lexical") + len(dense.to_bytes()) + vectors.nbytes
    result["disk_mb"] = {"embedded": round(held / 1e6, 1), "store": round(_bytes(folder / f"store-{size}") / 1e6, 1)}
    shutil.rmtree(folder / "lexical")
    return result


def _bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def stores(arguments: argparse.Namespace, folder: Path, open_store: Callable[[int], SharedStore]) -> dict[str, Any]:
    """Compare both at every size."""
    texts, questions = texts_of(arguments.data)
    texts.sort(key=len)
    base, vectors_of_questions = embedded(arguments.data, arguments.cache or folder)
    analyser = Analyser("bigrams")
    tokens = [analyser.tokens(text) for text in texts]
    asking = {
        "tokens": [analyser.content_tokens(text) or analyser.tokens(text) for text in questions],
        "vectors": np.load(vectors_of_questions),
    }
    results = {}
    for size in arguments.sizes:
        grown(base, size, folder / f"{size}.npy")
        results[str(size)] = compared(open_store(size), size, texts, tokens, asking, folder)
        print(size, json.dumps(results[str(size)]), file=sys.stderr, flush=True)
    return results


def nodes(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Build the same articles by one node and by two, turn about."""
    os.environ.update(OMP_NUM_THREADS="1", RAY_worker_niceness="0", RAY_usage_stats_enabled="0")
    from ray.cluster_utils import Cluster

    texts, _ = texts_of(arguments.data)
    for row, text in enumerate(texts[: arguments.passages]):
        for name in ("corpus", "few")[: 2 if row < WARMING else 1]:
            (folder / name).mkdir(exist_ok=True)
            (folder / name / f"{row:05}.md").write_text(f"# Article {row}\n\n{text}\n", encoding="utf-8")
    embedder = SentenceTransformerEmbedder()
    cores = sorted(os.sched_getaffinity(0))
    speeds: dict[str, list[float]] = {"1": [], "2": []}
    for turn in range(arguments.turns):
        cluster = Cluster()
        for count in (1, 2):
            # What a node starts stays on its core.
            os.sched_setaffinity(0, {cores[(count - 1) % len(cores)]})
            cluster.add_node(num_cpus=2, include_dashboard=False)
            os.sched_setaffinity(0, cores)
            speeds[str(count)].append(_speed(embedder, folder, cluster.address, f"{turn}-{count}"))
            print(count, "nodes:", speeds[str(count)][-1], "passages/s", file=sys.stderr, flush=True)
        cluster.shutdown()
    ratios = [two / one for one, two in zip(speeds["1"], speeds["2"], strict=True)]
    return {"passages_per_s": speeds, "times": [round(ratio, 2) for ratio in ratios]}


def _speed(embedder: SentenceTransformerEmbedder, folder: Path, address: str, name: str) -> float:
    from indexer.cluster.build import build_shared

    for corpus in ("few", "corpus"):
        settings = Settings(
            corpus=folder / corpus, index=folder / "index", store=str(folder / f"{corpus}-{name}"), ray_address=address
        )
        report = build_shared(settings, embedder)
    return round(report.passages_embedded / report.seconds["embed"], 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="*", type=Path)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--sizes", nargs="*", type=int, default=[20_000, 100_000])
    parser.add_argument("--passages", type=int, default=2500)
    parser.add_argument("--turns", type=int, default=1)
    parser.add_argument("--save", type=Path)
    arguments = parser.parse_args()
    names = ("ray", "pylance", "faiss-cpu", "tantivy")
    result: dict[str, Any] = {
        "setup": {
            "python": platform.python_version(),
            **{name: version(name) for name in names},
            "cpus": os.cpu_count(),
            "depth": DEPTH,
        }
    }
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        if arguments.sizes:
            result["stores"] = stores(arguments, folder, lambda size: shared_store(str(folder / f"store-{size}")))
        if arguments.passages:
            result["nodes"] = nodes(arguments, folder)
    text = json.dumps(result, indent=2)
    if arguments.save:
        arguments.save.write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
