"""Kills a process at one exact system call of one of its threads, by strace.

A process waits at a moment (`builders.waiting`); strace takes hold of one thread, and SIGKILL strikes when that thread
enters a call for the nth time: what the call would have done is not done, and nothing after it.
"""

import os
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.reliability.builders import Waiting

# Everything that changes what is on disk, and opening and locking, which lead to it.
CALLS = (
    "openat",
    "mkdir",
    "mkdirat",
    "write",
    "pwrite64",
    "copy_file_range",
    "ftruncate",
    "fsync",
    "fdatasync",
    "rename",
    "renameat",
    "renameat2",
    "unlink",
    "unlinkat",
    "rmdir",
    "flock",
)
MAIN = "main"


@dataclass(frozen=True, slots=True)
class Point:
    """The nth time that a thread enters a call; `thread` is the name the system knows it by."""

    thread: str
    call: str
    nth: int


def require_strace() -> None:
    """Skip the test where processes cannot be traced; on CI, that is a failure."""
    if (refusal := _refusal()) is None:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(refusal)
    pytest.skip(refusal)


def _refusal() -> str | None:
    if shutil.which("strace") is None:
        return "strace is not installed (on Debian: apt-get install strace)"
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as traced:
        command = ["strace", "-o", os.devnull, "-p", str(traced.pid)]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as tracer:
            assert tracer.stderr is not None
            said = tracer.stderr.readline().strip()
            traced.kill()
    # Some systems let only a parent, or root, trace a process.
    return None if "attached" in said else f"strace may not trace here: {said}"


def points(process: Waiting, log: Path) -> list[Point]:
    """Let a process run to its end and return every call of the threads it has now, in the order of each."""
    threads = _threads(process)
    with _attach(process.pid, "-ff", "-o", str(log)):
        assert process.run() == 0
    found = []
    for thread, number in sorted(threads.items()):
        seen: Counter[str] = Counter()
        path = log.with_name(f"{log.name}.{number}")
        for line in path.read_text(errors="replace").splitlines() if path.exists() else ():
            call, bracket, _ = line.partition("(")
            if bracket and call in CALLS:
                seen[call] += 1
                found.append(Point(thread, call, seen[call]))
        path.unlink(missing_ok=True)
    return found


def killed_at(process: Waiting, point: Point, *, ends: Collection[int] = (0,)) -> bool:
    """Let a process run until it is killed at a point; False when it came to one of its ends without getting there."""
    number = _threads(process).get(point.thread)
    if number is None:
        assert process.run() in ends
        return False
    inject = f"inject={point.call}:signal=SIGKILL:when={point.nth}"
    with _attach(number, "-o", os.devnull, "-e", inject):
        code = process.run()
    assert code in (*ends, -signal.SIGKILL), code
    return code == -signal.SIGKILL


def refused_at(process: Waiting, point: Point, error: str, *, forever: bool) -> int:
    """Let a process run to its end while a call fails from a point on, or only there; return its exit code."""
    inject = f"inject={point.call}:error={error}:when={point.nth}{'+' if forever else ''}"
    with _attach(_threads(process)[point.thread], "-f", "-o", os.devnull, "-e", inject):
        return process.run()


def _threads(process: Waiting) -> dict[str, int]:
    found: dict[str, int] = {}
    for number in sorted(int(path.name) for path in Path(f"/proc/{process.pid}/task").iterdir()):
        # Some threads end by themselves meanwhile.
        with suppress(FileNotFoundError, ProcessLookupError):
            name = Path(f"/proc/{process.pid}/task/{number}/comm").read_text().strip()
            name = MAIN if number == process.pid else name
            while name in found:
                name += "+"
            found[name] = number
    return found


def _attach(number: int, *options: str) -> subprocess.Popen[str]:
    """Have strace take hold of a thread, or with `-f` of all threads of its process, and wait until it has."""
    command = ["strace", *options, "-e", f"trace={','.join(CALLS)}", "-e", "signal=none", "-p", str(number)]
    tracer = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert tracer.stderr is not None
    said = tracer.stderr.readline()
    assert "attached" in said, said
    return tracer
