"""A server that is left running: many questions, rebuilds and visits later it is as big and as quick as it was.

`make torture` asks for half an hour, `make test` some hundred questions, which only shows what leaks fast.
"""

import json
import os
import random
import shutil
import statistics
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from benchmarks.page import served, updates
from tests.conftest import Tally, Trials

ROOT = Path(__file__).parents[2]
QUESTIONS = [
    json.loads(line)["question"]
    for line in (ROOT / "tests/quality/corpus.jsonl").read_text(encoding="utf-8").splitlines()
]
CLIENTS = 4
SAMPLES = 20
MIB = 2**20


@dataclass(frozen=True, slots=True)
class Size:
    """What a process holds: memory in bytes, open files, threads."""

    memory: int
    files: int
    threads: int

    @classmethod
    def of(cls, process: int) -> "Size":
        """Look at a process."""
        pages = int(Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1])
        count = [len(os.listdir(f"/proc/{process}/{kind}")) for kind in ("fd", "task")]
        return cls(pages * os.sysconf("SC_PAGE_SIZE"), *count)


@dataclass
class Run:
    """What happened so far."""

    latencies: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    sizes: list[Size] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, response: httpx2.Response, seconds: float) -> None:
        """Count one request."""
        with self.lock:
            self.latencies.append(seconds)
            if response.status_code not in (200, 202):
                self.failures.append(f"{response.request.url}: {response.status_code} {response.text[:200]}")


def ask(client: httpx2.Client, dice: random.Random) -> httpx2.Response:
    """One request as users mix them: mostly answers, short and long, with and without history; sometimes the rest."""
    question = dice.choice(QUESTIONS)
    kind = dice.random()
    if kind < 0.1:
        return client.post("/v1/search", json={"question": question, "top_k": 20})
    if kind < 0.15:
        return client.get("/v1/articles", params={"q": question.split()[0]})
    body: dict[str, Any] = {"question": question}
    if kind < 0.25:
        body["question"] = f"{question} ({' '.join(dice.sample(QUESTIONS, 20))})"
    elif kind < 0.4:
        body["history"] = [{"question": dice.choice(QUESTIONS), "answer": ""}]
    elif kind < 0.5:
        body["stream"] = True
    return client.post("/v1/answer", json=body)


def ask_on(address: str, run: Run, seed: int, until: threading.Event) -> None:
    """Ask one question after the other; what a full queue sends away comes again, and is not counted."""
    dice = random.Random(seed)
    with httpx2.Client(base_url=address, timeout=60) as client:
        while not until.is_set():
            begin = time.perf_counter()
            response = ask(client, dice)
            if response.status_code == 503 and "retry-after" in response.headers:
                time.sleep(float(response.headers["retry-after"]))
                continue
            run.note(response, time.perf_counter() - begin)


def rebuild(address: str, article: Path, number: int, run: Run) -> None:
    """Change an article and wait until the change can be found."""
    with article.open("a", encoding="utf-8") as file:
        file.write(f"\nThe remark of round {number} was added on purpose.\n")
    with httpx2.Client(base_url=address, timeout=60) as client:
        begin = time.perf_counter()
        started = client.post("/v1/index/rebuild", json={})
        run.note(started, time.perf_counter() - begin)
        job = started.json()
        while job["state"] in ("waiting", "running", "queued"):
            time.sleep(0.2)
            job = client.get(f"/v1/jobs/{job['id']}").json()
        if job["state"] != "done":
            run.failures.append(f"rebuild {number}: {job}")


def visit(address: str, number: int, run: Run) -> None:
    """Ask on the page."""
    *_, (_, last) = updates(address, QUESTIONS[number % len(QUESTIONS)])
    if not json.loads(last)["success"]:
        run.failures.append(f"visit {number}: {last[:300]}")


def soak(folder: Path, *, seconds: float, rebuilds: int, visits: int) -> Run:
    """Let clients ask for so long, with rebuilds and visits spread over it; the first tenth is a warm-up."""
    run, until = Run(), threading.Event()
    corpus = shutil.copytree(ROOT / "corpus", folder / "corpus")
    with served(corpus) as (address, process):
        clients = [threading.Thread(target=ask_on, args=(address, run, seed, until)) for seed in range(CLIENTS)]
        for client in clients:
            client.start()
        try:
            begin = time.monotonic()
            article = min(corpus.rglob("*.md"))
            built = visited = 0
            for step in range(1, SAMPLES + 1):
                while visited < visits * step // SAMPLES:
                    visit(address, visited, run)
                    visited += 1
                while built < rebuilds * step // SAMPLES:
                    rebuild(address, article, built, run)
                    built += 1
                time.sleep(max(0.0, begin + seconds * step / SAMPLES - time.monotonic()))
                run.sizes.append(Size.of(process))
        finally:
            until.set()
            for client in clients:
                client.join(90)
    return run


def test_left_running_it_stays_as_it_was(tmp_path: Path, trials: Trials, tally: Tally) -> None:
    seconds = trials(15, 1800)
    run = soak(tmp_path, seconds=seconds, rebuilds=trials(1, 20), visits=trials(5, 200))
    warm, end = run.sizes[SAMPLES // 10], run.sizes[-1]
    # Connections, and the threads that serve them, come and go: the most that was open early on, the least of late.
    early, late = run.sizes[SAMPLES // 10 : SAMPLES // 10 + 5], run.sizes[-5:]
    files = max(one.files for one in early), min(one.files for one in late)
    threads = max(one.threads for one in early), min(one.threads for one in late)
    tenth = max(1, len(run.latencies) // 10)
    first, last = run.latencies[tenth : 2 * tenth], run.latencies[-tenth:]
    tally(
        "left running",
        seconds=seconds,
        requests=len(run.latencies),
        failures=len(run.failures),
        memory_mib=f"{warm.memory // MIB} → {end.memory // MIB}",
        files=f"{files[0]} → {files[1]}",
        threads=f"{threads[0]} → {threads[1]}",
        p95_s=f"{p95(first):.2f} → {p95(last):.2f}",
    )
    assert not run.failures, "\n".join(run.failures[:5])
    # A short run is still filling its caches: the bound is there for what grows with each request.
    assert end.memory <= 1.10 * warm.memory + trials(256, 32) * MIB
    assert files[1] <= files[0] + trials(40, 0)
    assert threads[1] <= threads[0] + trials(60, 0)


def test_many_rebuilds_keep_no_memory(tmp_path: Path, trials: Trials, tally: Tally) -> None:
    run, sizes, rebuilds = Run(), [], trials(4, 100)
    corpus = shutil.copytree(ROOT / "corpus", tmp_path / "corpus")
    with served(corpus) as (address, process):
        for number in range(rebuilds):
            rebuild(address, min(corpus.rglob("*.md")), number, run)
            sizes.append(Size.of(process))
    warm, end = sizes[rebuilds // 10], sizes[-1]
    tally(
        "rebuilt again and again",
        rebuilds=rebuilds,
        memory_mib=f"{warm.memory // MIB} → {end.memory // MIB}",
        files=f"{warm.files} → {end.files}",
        threads=f"{warm.threads} → {end.threads}",
    )
    assert not run.failures, "\n".join(run.failures[:5])
    assert end.memory <= 1.10 * warm.memory + trials(256, 0) * MIB
    assert end.files <= warm.files + trials(40, 5)


def p95(seconds: list[float]) -> float:
    """The 95th percentile."""
    return statistics.quantiles(seconds, n=20)[-1] if len(seconds) > 1 else seconds[0]
