"""Footnote's speed, memory and disk beside its peers', in one run: same model, same articles, same questions.

    pip install -e '.[peers]'        # into an environment of its own
    OMP_NUM_THREADS=1 python -m benchmarks.peers.speed [DATA …] [--cache FOLDER] [--only Footnote …]
        [--parts limits model growth retrieval] [--sizes 1000 10000 100000 1000000]
        [--save FILE [--add]] [--plot FOLDER]

Four parts: what the machine can do; everybody with the real model on few passages; everybody with given vectors as the
corpus grows; and what Footnote's retrieval adds to the bare embedder call. With `--add` what the file holds already
stays unless it is measured again. DATA and --cache are those of `benchmarks/dense.py`, whose vectors are used. A peer
that is not installed is left out, with a line that says so. docs/benchmarks.md explains the figures.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.dense import BLOCK, embedded, grown
from benchmarks.peers.adapters import LEG_DEPTH
from benchmarks.peers.metrics import DEPTH
from benchmarks.peers.speed import retrieval, trial
from benchmarks.peers.speed.figures import too_much
from benchmarks.peers.speed.limits import limits
from benchmarks.peers.speed.plots import plot
from benchmarks.peers.speed.summary import described, summary
from benchmarks.peers.speed.systems import FOOTNOTE, MAKERS, PLAIN, missing
from benchmarks.peers.speed.texts import PARTS, Writer, write_passages
from benchmarks.peers.speed.trial import MOST_FILES, PASSAGES_FILE, Task, apart

SYSTEMS = (PLAIN, FOOTNOTE, *(name for name in MAKERS if name != PLAIN))
CHECKED = 50
STAGES = ("limits", "model", "growth", "retrieval")
PACKAGES = (
    "bm25s",
    "faiss-cpu",
    "haystack-ai",
    "langchain-classic",
    "langchain-community",
    "langchain-core",
    "llama-index-core",
    "llama-index-retrievers-bm25",
    "rank-bm25",
    "sentence-transformers",
    "tantivy",
    "torch",
    "txtai",
)
Results = dict[str, Any]


class Run:
    """One run: its arguments, the material it works on, and the results so far, saved after every step."""

    def __init__(self, arguments: argparse.Namespace, systems: Sequence[str], material: Path) -> None:
        self.arguments = arguments
        self.systems = systems
        self.material = material
        self.results: Results = {}
        if arguments.add and arguments.save.exists():
            self.results = json.loads(arguments.save.read_text(encoding="utf-8"))
        self.results["setup"] = setup_of(arguments)

    def task(self, system: str, passages: int, *, model: bool) -> Task:
        """Return what a process of its own is to do."""
        return Task(system, passages, self.material, model, self.arguments.search_seconds)

    def limits(self) -> None:
        """Measure what the machine can do."""
        self.keep(limits(), "limits")

    def model(self) -> None:
        """Everybody with the real model."""
        passages = self.arguments.with_model
        for system in self.systems:
            found = apart(trial.measure, self.task(system, passages, model=True), most_s=self.arguments.model_seconds)
            self.keep({"passages": passages, **found}, "model", system)

    def growth(self) -> None:
        """Everybody with given vectors, size by size."""
        for size in self.arguments.sizes:
            np.save(self.material / f"nearest-{size}.npy", nearest(self.material, size))
            for system in self.systems:
                self.keep(self._tried(system, size), "growth", system, str(size))

    def _tried(self, system: str, size: int) -> Results:
        known = self.results.get("growth", {}).get(system, {})
        before_size = max((int(one) for one in known if int(one) < size), default=0)
        most_s, most_mb = self.arguments.most_seconds, self.arguments.most_gib * 1024
        # Footnote goes on without the files, which is another matter.
        goes_on = system == FOOTNOTE and size > MOST_FILES
        if before_size and not goes_on:
            before = known[str(before_size)]
            if reason := too_much(before, size / before_size, most_s=most_s, most_mb=most_mb):
                return {"stopped": reason}
        return apart(trial.measure, self.task(system, size, model=False), most_s=4 * most_s)

    def retrieval(self) -> None:
        """Footnote's retrieval with the real model and given vectors of passages."""
        for size in self.arguments.sizes:
            task = self.task(FOOTNOTE, size, model=False)
            self.keep(apart(retrieval.measure, task, most_s=600), "retrieval", str(size))

    def keep(self, result: Results, *place: str) -> None:
        """Put a result where it belongs, tell it, and save everything."""
        into = self.results
        for name in place[:-1]:
            into = into.setdefault(name, {})
        into[place[-1]] = result
        print(" ".join(place), json.dumps(result), file=sys.stderr)
        if self.arguments.save:
            text = json.dumps({**self.results, "summary": summary(self.results)}, indent=1, ensure_ascii=False)
            self.arguments.save.parent.mkdir(parents=True, exist_ok=True)
            self.arguments.save.write_text(text + "\n", encoding="utf-8")


@contextmanager
def material(arguments: argparse.Namespace) -> Iterator[Path]:
    """Make the passages and vectors that are wanted, and a few more to add; with a cache they are made once."""
    with tempfile.TemporaryDirectory() as scratch:
        cache = arguments.cache or Path(scratch)
        most = max(arguments.sizes)
        made = sorted(int(folder.name.partition("-")[2]) for folder in cache.glob("passages-*"))
        many = next((one for one in made if one >= most), most)
        folder = cache / f"passages-{many}"
        if {"growth", "retrieval"} & set(arguments.parts) and not folder.exists():
            base, asked = embedded(arguments.data, cache)
            draft = Path(tempfile.mkdtemp(dir=cache))
            np.save(draft / "questions.npy", np.load(asked))
            grown(base, most + PARTS, draft / "vectors.npy")
            write_passages(draft / PASSAGES_FILE, Writer(vocabulary=True).articles(most))
            draft.rename(folder)
        yield folder


def nearest(folder: Path, size: int) -> NDArray[np.int64]:
    """Return the exact ten nearest of the first passages to some of the questions, shape (questions, 10)."""
    vectors = np.load(folder / "vectors.npy", mmap_mode="r")[:size]
    asked = np.load(folder / "questions.npy")[:CHECKED]
    blocks = [asked @ vectors[start : start + BLOCK].astype(np.float32).T for start in range(0, size, BLOCK)]
    return np.argsort(-np.concatenate(blocks, axis=1), axis=1)[:, :DEPTH]


def setup_of(arguments: argparse.Namespace) -> Results:
    """What the figures depend on."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "python": platform.python_version(),
        "cpus": os.cpu_count(),
        "threads": os.environ["OMP_NUM_THREADS"],
        "depth": DEPTH,
        "leg_depth": LEG_DEPTH,
        "most_seconds": arguments.most_seconds,
        "most_gib": arguments.most_gib,
        "versions": dict(_versions()),
    }


def _versions() -> Iterator[tuple[str, str]]:
    for package in PACKAGES:
        try:
            yield package, version(package)
        except PackageNotFoundError:
            continue


def parsed() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="*", type=Path)
    parser.add_argument("--cache", type=Path, help="keep the embedded DATA here")
    parser.add_argument("--parts", nargs="+", choices=STAGES, default=STAGES)
    parser.add_argument("--only", nargs="+", choices=SYSTEMS, default=SYSTEMS)
    parser.add_argument("--sizes", nargs="+", type=int, default=[1000, 10_000, 100_000], help="numbers of passages")
    parser.add_argument("--with-model", type=int, default=1000, help="so many passages with the real model")
    parser.add_argument("--model-seconds", type=float, default=300, help="the most for one system with the real model")
    parser.add_argument("--most-seconds", type=float, default=120, help="what would take longer to index is not tried")
    parser.add_argument("--most-gib", type=float, default=8, help="what would take more memory is not tried")
    parser.add_argument("--search-seconds", type=float, default=6, help="the most for each kind of search")
    parser.add_argument("--save", type=Path, help="write the figures here")
    parser.add_argument("--add", action="store_true", help="to what the file holds already")
    parser.add_argument("--plot", type=Path, help="draw them into this folder")
    arguments = parser.parse_args()
    if arguments.add and not arguments.save:
        parser.error("--add needs --save")
    return arguments


def main() -> None:
    arguments = parsed()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    absent = missing()
    for name, module in absent.items():
        print(f"{name} is left out: no module {module}; pip install -e '.[peers]'", file=sys.stderr)
    with material(arguments) as folder:
        run = Run(arguments, [name for name in arguments.only if name not in absent], folder)
        stages: dict[str, Callable[[], None]] = {
            "limits": run.limits,
            "model": run.model,
            "growth": run.growth,
            "retrieval": run.retrieval,
        }
        for part in arguments.parts:
            stages[part]()
    print(described(run.results))
    if arguments.plot:
        print(plot(run.results, arguments.plot))


if __name__ == "__main__":
    main()
