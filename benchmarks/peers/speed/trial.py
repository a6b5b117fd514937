"""One system at one size, in a process of its own: what is timed, in what order; how memory and disk are counted."""

import ctypes
import gc
import json
import os
import resource
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers.adapters import Embed
from benchmarks.peers.speed.figures import agreement, latency, ratio
from benchmarks.peers.speed.footnote import Engines, Footnote, Given
from benchmarks.peers.speed.systems import FOOTNOTE, MAKERS, Ask, PlainModel, System
from benchmarks.peers.speed.texts import PARTS, Precomputed, Writer, read_passages
from indexer.embedding import SentenceTransformerEmbedder

MIB = 2**20
PASSAGES_FILE = "passages.jsonl"
QUESTIONS = 400
PER_SEARCH = 100
# Of searches timed, by clients in all, however long they take.
FEWEST, WARM_UP = 3, 3
# Many clients are not tried where their first answers would take so many times the time for a search.
MOST_WAITS = 4
CLIENTS = (1, 8)
# So many passages that Footnote's engines are timed without the files.
MOST_FILES = 100_000

Report = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Task:
    """What to time. Without `model` the vectors are given: `vectors` of passages and of questions, in `material`."""

    system: str
    passages: int
    material: Path
    model: bool
    search_s: float

    @property
    def writer(self) -> Writer:
        """Real words cost the model what they should; drawn ones suit a search by words."""
        return Writer(vocabulary=not self.model)

    def texts(self) -> list[str]:
        """Return the passages."""
        if self.model:
            return [text for article in self.writer.articles(self.passages) for text in article.passages()]
        return read_passages(self.material / PASSAGES_FILE, self.passages)


def measure(task: Task, report: Report) -> None:
    """Index, search, save, add; every figure is reported as soon as it is known."""
    writer = task.writer
    asked = iter(writer.questions(QUESTIONS, passages=min(task.passages, 1000)))
    with tempfile.TemporaryDirectory() as scratch:
        system = prepared(task, writer, Path(scratch))
        before = held_mb()
        report({"start_mb": peak_mb()})
        passages = task.texts()
        with timed() as index:
            said = system.index(passages)
        rates = {"per_s": ratio(len(passages), index["s"]), "per_cpu_s": ratio(len(passages), index["cpu_s"])}
        report({"index": {**index, **rates, **said}})
        del passages
        report({"held_mb": round(held_mb() - before, 1), "peak_mb": peak_mb()})
        search(system, task, asked, report)
        report({"saved": save(system, Path(scratch))})
        if not isinstance(system, Engines):
            new = writer.article(task.passages // PARTS).passages()
            with timed() as add:
                said = system.add(new)
            report({"add": {**add, **said}})
        report({"process_mb": peak_mb()})


def prepared(task: Task, writer: Writer, scratch: Path) -> System:
    """Load what the system needs before it can index: its library, the model, the files."""
    if task.system != FOOTNOTE:
        embed = PlainModel() if task.model else given(task)
        # Once in small, so that no import is counted.
        MAKERS[task.system](embed).index(writer.article(0).passages())
        return MAKERS[task.system](embed)
    if task.model:
        real = SentenceTransformerEmbedder()
        real.embed_passages(writer.article(0).passages())
        return Footnote(real, scratch, writer=writer, passages=task.passages, model=True)
    vectors = np.load(task.material / "vectors.npy", mmap_mode="r")
    embedder = Given(given(task), vectors.shape[1])
    if task.passages > MOST_FILES:
        return Engines(embedder, scratch, vectors=vectors, writer=writer)
    return Footnote(embedder, scratch, writer=writer, passages=task.passages, model=False)


def given(task: Task) -> Embed:
    """Return an embedder that looks its vectors up; real vectors of questions stand for those asked here, in turn."""
    vectors = np.load(task.material / "vectors.npy", mmap_mode="r")
    asked = np.load(task.material / "questions.npy")
    texts = task.writer.questions(QUESTIONS, passages=min(task.passages, 1000))
    return Precomputed(vectors, {text: asked[number % len(asked)] for number, text in enumerate(texts)})


def nearest_of(task: Task) -> list[list[int]]:
    """Return the exact ten nearest passages of the first questions."""
    nearest: list[list[int]] = np.load(task.material / f"nearest-{task.passages}.npy").tolist()
    return nearest


def search(system: System, task: Task, asked: Iterator[str], report: Report) -> None:
    """Time each leg, then each search with one client and with many. Nobody is asked the same question twice."""
    questions = list(asked)
    found: dict[str, list[int]] = {}

    def dense(question: str) -> None:
        found[question] = system.dense(question)

    report({"dense": each(dense, questions[:PER_SEARCH], task.search_s)})
    if not task.model:
        exact = dict(zip(questions, nearest_of(task), strict=False))
        report({"recall_at_10": agreement(found, exact)})
    if by_words := system.lexical():
        report({"lexical": each(by_words, questions[PER_SEARCH : 2 * PER_SEARCH], task.search_s)})
    for name, ask in system.searches().items():
        results: dict[str, Any] = {}
        for number, clients in enumerate(CLIENTS):
            part = questions[(2 + number) * PER_SEARCH : (3 + number) * PER_SEARCH]
            # Python lets one search at a time: as many as clients would take that many times as long.
            if number and results["1"]["p50_ms"] * clients > 1000 * MOST_WAITS * task.search_s:
                break
            results[str(clients)] = at_once(ask, part, clients, task.search_s)
        report({name: results})


def each(ask: Ask, questions: Sequence[str], most_s: float) -> dict[str, Any]:
    """Ask one question after the other, until time is up."""
    return at_once(ask, questions, 1, most_s)


def at_once(ask: Ask, questions: Sequence[str], clients: int, most_s: float) -> dict[str, Any]:
    """Let so many clients ask at the same time; the questions are dealt out to them."""
    for question in questions[:WARM_UP]:
        started = time.perf_counter()
        ask(question)
        if time.perf_counter() - started > most_s / 10:
            break
    deadline = time.perf_counter() + most_s
    with timed() as whole, ThreadPoolExecutor(clients) as pool:
        fewest = -(-FEWEST // clients)
        hands = [questions[WARM_UP:][client::clients] for client in range(clients)]
        seconds = [one for hand in pool.map(lambda hand: _client(ask, hand, deadline, fewest), hands) for one in hand]
    per_s = round(len(seconds) / whole["s"], 2)
    return {**latency(seconds), "per_s": per_s, "cpu_ms": round(1000 * whole["cpu_s"] / len(seconds), 3)}


def _client(ask: Ask, questions: Sequence[str], deadline: float, fewest: int) -> list[float]:
    seconds: list[float] = []
    for question in questions:
        if time.perf_counter() > deadline and len(seconds) >= fewest:
            break
        started = time.perf_counter()
        ask(question)
        seconds.append(time.perf_counter() - started)
    return seconds


def save(system: System, scratch: Path) -> dict[str, Any]:
    """Let the system write its index, and count the bytes."""
    folder = scratch / "saved"
    folder.mkdir()
    with timed() as times:
        note = system.save(folder)
    return {**times, "mb": round(disk_bytes(folder) / MIB, 2), "note": note}


class timed(dict[str, float]):  # noqa: N801 - it reads as a statement
    """Fills itself with the seconds by the clock and those of the processor, children's included, when left."""

    def __enter__(self) -> "timed":
        self._started, self._worked = time.perf_counter(), _worked()
        return self

    def __exit__(self, *_: object) -> None:
        self["s"] = round(time.perf_counter() - self._started, 4)
        self["cpu_s"] = round(_worked() - self._worked, 4)


def _worked() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def disk_bytes(folder: Path) -> int:
    """Return the bytes of all files below a folder, links followed."""
    return sum(
        (Path(root) / name).stat().st_size for root, _, names in os.walk(folder, followlinks=True) for name in names
    )


def held_mb() -> float:
    """Return the memory that no file stands behind, after what is free was given back."""
    gc.collect()
    if hasattr(libc := ctypes.CDLL(None), "malloc_trim"):
        libc.malloc_trim(0)
    return _status_mb("RssAnon")


def peak_mb() -> float:
    """Return the most memory the process has held, libraries and mapped files included."""
    return round(_status_mb("VmHWM"), 1)


def _status_mb(name: str) -> float:
    """Return a line of Linux's account of this process; what getrusage says of the peak includes the parent's."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return sum(int(line.split()[1]) / 1024 for line in lines if line.startswith(name))


def apart(work: Callable[..., None], task: object, *, most_s: float) -> dict[str, Any]:
    """Run `work(task, report)` in a process of its own, and return all it reported before it ended or time was up."""
    here, there = get_context("spawn").Pipe(duplex=False)
    process = get_context("spawn").Process(target=_child, args=(work, task, there))
    process.start()
    there.close()
    result: dict[str, Any] = {"load": round(os.getloadavg()[0], 1)}
    deadline = time.monotonic() + most_s
    try:
        while here.poll(max(0.0, deadline - time.monotonic())):
            result.update(json.loads(here.recv()))
        result["stopped"] = f"stopped after {most_s:.0f} s"
    except EOFError:
        process.join(10)
        if process.exitcode and "stopped" not in result:
            result["stopped"] = f"ended with {process.exitcode}"
    process.kill()
    process.join()
    return result


def _child(work: Callable[..., None], task: object, pipe: Connection) -> None:
    def report(figures: Mapping[str, Any]) -> None:
        pipe.send(json.dumps(figures))

    try:
        work(task, report)
    except Exception as error:
        report({"stopped": f"{type(error).__name__}: {error}"[:300]})
        raise
