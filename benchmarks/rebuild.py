"""What does a rebuild cost after one article was added? By the number of passages there were, stage by stage.

OMP_NUM_THREADS=1 python -m benchmarks.rebuild [--sizes 1000 10000 100000] [--save benchmarks/results/rebuild.json]

Articles are made of the sentences of `corpus/`, two words in five replaced by words of a vocabulary of 50,000 drawn
after Zipf's law. A stub stands for the model: a random vector of the article's subject, one of the article and one of
the passage, so that passages of an article are near each other, and articles of a subject; a model has to embed the new
article's passages, and nothing else. Each build runs in a process of its own. Beside it stand the
plain copy of the index's files, brought to the disk, and the SHA-256 of the copy: what a rebuild that checks every byte
cannot do without. Seconds are by the clock and of the processor (without the children that parse new files); a busy
machine shows in the first.
"""

import argparse
import bisect
import hashlib
import itertools
import json
import os
import platform
import random
import re
import resource
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexer.build import build
from indexer.embedding import EmbedderInfo, TokenStates
from indexer.generation import Store
from indexer.settings import Settings

ROOT = Path(__file__).parent.parent
VOCABULARY, REPLACED, DIM = 50_000, 0.4, 384
SYLLABLES = ["ba", "ce", "di", "fo", "gu", "ka", "le", "mi", "no", "pu", "ra", "se", "ti", "vo", "zu", "sha", "tre"]
PER_ARTICLE = 12
ROUNDS = 3
# How many subjects the articles have, and how much of a passage is its own.
SUBJECTS, OWN = 2000, 0.7


class SubjectEmbedder:
    """Stands for a model: each text is the sum of a vector of its title's subject, of its title and of itself."""

    info = EmbedderInfo("subjects", hashlib.sha256(b"subjects").hexdigest(), DIM, 256, "float32", ("en",))

    def embed_passages(
        self, texts: Sequence[str], *, progress: Callable[[int], None] | None = None
    ) -> NDArray[np.float32]:
        """Return one unit vector for each text."""
        vectors = np.array([_vector(text) for text in texts], dtype=np.float32)
        if progress:
            progress(len(texts))
        return vectors.reshape(len(texts), DIM)

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one unit vector for each text, the same as for a passage."""
        return self.embed_passages(texts)

    def token_states(self, texts: Sequence[str]) -> list[TokenStates]:
        """A build asks for none."""
        raise NotImplementedError


def _vector(text: str) -> NDArray[np.float32]:
    title = text.partition("\n")[0]
    subject = _number(title) % SUBJECTS
    total = _drawn(subject) + _drawn(_number(title)) + OWN * _drawn(_number(text))
    return np.asarray(total / np.linalg.norm(total), dtype=np.float32)


def _number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def _drawn(seed: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal(DIM, dtype=np.float32)


# ---------------------------------------------------------------- articles


class Author:
    """Writes articles of about `PER_ARTICLE` passages; the same number gives the same article."""

    def __init__(self) -> None:
        texts = [path.read_text("utf-8").split("---", 2)[2] for path in sorted((ROOT / "corpus").glob("*.en.md"))]
        sentences = [one.split() for text in texts for one in re.split(r"(?<=[.?!])\s+", text)]
        self.sentences = [one for one in sentences if 6 <= len(one) <= 45 and not one[0].startswith("#")]
        draw = random.Random(0)
        self.words = ["".join(draw.choices(SYLLABLES, k=draw.randint(2, 4))) for _ in range(VOCABULARY)]
        self.weights = list(itertools.accumulate(1 / (rank + 5) for rank in range(VOCABULARY)))

    def write(self, folder: Path, number: int) -> None:
        """Write one article, a thousand to a folder."""
        draw = random.Random(number)
        sections = ["\n\n".join(self._paragraph(draw) for _ in range(4)) for _ in range(3)]
        headings = [f"## {self._word(draw)} {self._word(draw)}\n\n{section}" for section in sections[1:]]
        path = folder / f"{number // 1000:04}" / f"{number:07}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        front = f"title: {self._word(draw)} {self._word(draw)} {number}\npublished: 2025-{draw.randint(1, 12):02}-01"
        path.write_text(f"---\n{front}\n---\n\n" + "\n\n".join([sections[0], *headings]) + "\n", encoding="utf-8")

    def _paragraph(self, draw: random.Random) -> str:
        return " ".join(self._sentence(draw) for _ in range(4))

    def _sentence(self, draw: random.Random) -> str:
        words = [self._word(draw) if draw.random() < REPLACED else word for word in draw.choice(self.sentences)]
        return " ".join(words).replace(". ", " ").rstrip(".,;:?!").capitalize() + "."

    def _word(self, draw: random.Random) -> str:
        return self.words[bisect.bisect(self.weights, draw.random() * self.weights[-1])]


# ---------------------------------------------------------------- measuring


def timed_build(corpus: Path, index: Path) -> dict[str, Any]:
    """Build once: seconds by stage, by the clock and of the processor, and the most memory held."""
    settings = Settings.model_validate({"corpus": corpus, "index": index})
    start, worked = time.perf_counter(), time.process_time()
    report = build(settings, SubjectEmbedder())
    return {
        "passages": report.counts.passages,
        "articles": report.counts.articles,
        "embedded": report.passages_embedded,
        "seconds": round(time.perf_counter() - start, 2),
        "cpu_seconds": round(time.process_time() - worked, 2),
        "stages": {name: round(seconds, 2) for name, seconds in report.seconds.items()},
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
    }


def timed_copy(source: Path, target: Path) -> dict[str, float]:
    """Copy every file, bring it to the disk, and read the copy back for its SHA-256."""
    start, worked = time.perf_counter(), time.process_time()
    shutil.copytree(source, target)
    for path in target.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
                hashlib.file_digest(file, "sha256")
    seconds, busy = time.perf_counter() - start, time.process_time() - worked
    shutil.rmtree(target)
    return {"seconds": round(seconds, 2), "cpu_seconds": round(busy, 2)}


def _alone(work: Callable[..., Any], *arguments: Any) -> Any:  # noqa: ANN401 - whatever the work takes and gives
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(work, *arguments).result()


def measure(passages: int, folder: Path, rounds: int) -> dict[str, Any]:
    """Build so many passages, then add one article at a time; of those the median by processor time."""
    author, corpus, index = Author(), folder / "corpus", folder / "index"
    articles = max(1, passages // PER_ARTICLE)
    for number in range(articles):
        author.write(corpus, number)
    first = _alone(timed_build, corpus, index)
    added, copies = [], []
    for number in range(articles, articles + rounds):
        author.write(corpus, number)
        added.append(_alone(timed_build, corpus, index))
        copies.append(timed_copy(_current(index), folder / "copy"))
    files = [path for path in _current(index).rglob("*") if path.is_file()]
    middle, copy = _median(added), _median(copies)
    return {
        "passages": first["passages"],
        "index_bytes": sum(path.stat().st_size for path in files),
        "first": first,
        "one_added": middle,
        "copy_and_hash": copy,
        "added_over_copy_cpu": round(middle["cpu_seconds"] / max(copy["cpu_seconds"], 0.01), 1),
    }


def _current(index: Path) -> Path:
    return index / (Store(index).current_id() or "")


def _median(taken: Sequence[dict[str, Any]]) -> dict[str, Any]:
    middle = statistics.median_low([one["cpu_seconds"] for one in taken])
    return next(one for one in taken if one["cpu_seconds"] == middle)


def main() -> None:
    """Measure, print, and save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000], metavar="PASSAGES")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="articles added, one after the other")
    parser.add_argument("--folder", type=Path, help="where to work; a new one beside the other temporary files")
    parser.add_argument("--save", type=Path)
    arguments = parser.parse_args()
    setup = {"cores": os.cpu_count(), "python": platform.python_version(), "machine": platform.machine()}
    result: dict[str, Any] = {**setup, "rounds": arguments.rounds, "dim": DIM, "sizes": []}
    for size in arguments.sizes:
        with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
            result["sizes"].append({"load": os.getloadavg()[0], **measure(size, Path(name), arguments.rounds)})
        print(json.dumps(result["sizes"][-1]), flush=True)
        if arguments.save:
            arguments.save.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
