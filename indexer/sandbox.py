"""Untrusted files are read by other processes, which may hang, crash or eat memory without harm to this one.

A pool of children reads many files one after another. They are started when there is something to read, and ended when
there was nothing for a while. What a child can do is bounded by `indexer.sandbox_child`; how long it may take, here.
"""

import atexit
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Protocol, Self

import indexer
from indexer.articles import Article
from indexer.errors import SandboxError, UnreadableFileError
from indexer.sandbox_child import Limits, Reply, decode_reply, read_frame, write_frame

MOST_WORKERS = 2
IDLE_S = 30.0
START_LIMIT_S = 120.0
# About what the start of a child takes: only after so much work another one pays.
START_COST_S = 0.5
# What closes its pipe or is told to end has so long to do it.
END_S = 5.0
# After these a child is not what it was.
BREAKING = ("memory", "crash")
NONSENSE = Reply(reason="crash", detail="The process that read it gave something that is no article.")

_ROOT = Path(indexer.__file__).resolve().parent.parent
_READERS = "indexer.formats"
# Isolated: neither the working folder nor variables of the environment say what is imported.
_BOOT = "import sys; sys.path.append(sys.argv[1]); from indexer.sandbox_child import main; main(*sys.argv[2:])"
_OF_THE_SYSTEM = ("SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TZ")


class Parser(Protocol):
    """What makes articles of files; `at_once` says how many at a time."""

    at_once: int

    def submit(self, article_id: str, data: bytes) -> Future[Article]:
        """Begin to read a file; the future raises UnreadableFileError when it is no article."""
        ...


class SandboxPool:
    """Children that read files, at most `workers` of them; every method may be called from any thread.

    `entry` is the module whose `read_article` reads a file.
    """

    def __init__(
        self, *, workers: int | None = None, entry: str = _READERS, limits: Limits | None = None, idle_s: float = IDLE_S
    ) -> None:
        self.at_once = workers or min(MOST_WORKERS, os.cpu_count() or 1)
        self.entry = entry
        self.limits = limits or Limits()
        self.idle_s = idle_s
        self.started = 0
        self._changed = threading.Condition()  # over every field below
        self._jobs: deque[_Job] = deque()
        self._wardens: list[_Warden] = []
        self._idle = 0
        self._spent_s = 0.0
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def read(self, article_id: str, data: bytes) -> Article:
        """Read one file as `indexer.formats.read_article` does, in a child.

        Raises UnreadableFileError with the reasons of that and timeout, memory, crash and too_large; SandboxError.
        """
        return self.submit(article_id, data).result()

    def submit(self, article_id: str, data: bytes) -> Future[Article]:
        """Begin to read one file; raises what `read` raises when the result is asked for."""
        job = _Job(article_id, data)
        with self._changed:
            if self._closed:
                raise SandboxError("The processes that read files have been ended.")
            self._jobs.append(job)
            if len(self._jobs) > self._idle and self._pays_to_start():
                warden = _Warden(self)
                self._wardens.append(warden)
                warden.start()
            self._changed.notify()
        return job.future

    def close(self) -> None:
        """End all children, whatever they do."""
        with self._changed:
            self._closed = True
            wardens = list(self._wardens)
            for job in self._jobs:
                job.future.cancel()
            self._jobs.clear()
            self._changed.notify_all()
        for warden in wardens:
            warden.kill_child()
        for warden in wardens:
            warden.join()

    def _pays_to_start(self) -> bool:
        running = len(self._wardens)
        return running == 0 or (running < self.at_once and self._spent_s >= START_COST_S * running)

    def next_job(self, warden: "_Warden", spent_s: float) -> "_Job | None":
        """Wait for a file to read; None when the warden is to go."""
        with self._changed:
            self._spent_s += spent_s
            self._idle += 1
            self._changed.wait_for(lambda: self._jobs or self._closed, timeout=self.idle_s)
            self._idle -= 1
            if self._jobs:
                return self._jobs.popleft()
            self._wardens.remove(warden)
            if not self._wardens:
                self._spent_s = 0.0
            return None

    def start_child(self) -> "_Child":
        """Start a child; it ends with the thread that calls this. Raises SandboxError."""
        with self._changed:
            if self._closed:
                raise SandboxError("The processes that read files have been ended.")
            self.started += 1
        return _Child(self.entry, self.limits)


@cache
def _pool_of(process: int) -> SandboxPool:
    pool = SandboxPool()
    atexit.register(pool.close)
    return pool


def shared_pool() -> SandboxPool:
    """Return the pool of this process; a forked one gets its own, since threads are not forked."""
    return _pool_of(os.getpid())


class _Job:
    __slots__ = ("article_id", "data", "future")

    def __init__(self, article_id: str, data: bytes) -> None:
        self.article_id = article_id
        self.data = data
        self.future: Future[Article] = Future()


class _Warden(threading.Thread):
    """Starts a child, gives it one file after another, and starts another when it is lost.

    One thread from its start to its end, because for Linux a process ends with the thread that started it.
    """

    def __init__(self, pool: SandboxPool) -> None:
        super().__init__(name="footnote-sandbox", daemon=True)
        self._pool = pool
        self._child: _Child | None = None

    def run(self) -> None:
        spent_s = 0.0
        while (job := self._pool.next_job(self, spent_s)) is not None:
            begin = time.monotonic()
            if job.future.set_running_or_notify_cancel():
                try:
                    job.future.set_result(self._read(job))
                except BaseException as error:
                    job.future.set_exception(error)
            spent_s = time.monotonic() - begin
        if self._child is not None:
            self._child.end()

    def _read(self, job: _Job) -> Article:
        while True:
            if self._child is None or not self._child.is_alive:
                self._child = self._pool.start_child()
            is_fresh = self._child.served == 0
            try:
                return self._child.read(job.article_id, job.data)
            except UnreadableFileError as error:
                # What the files before it left behind may be to blame: a fresh child tells.
                if is_fresh or error.reason not in BREAKING:
                    raise

    def kill_child(self) -> None:
        """Kill the child, from any thread."""
        child = self._child
        if child is not None:
            child.kill()


class _Child:
    """One process that reads files, as its parent sees it."""

    def __init__(self, entry: str, limits: Limits) -> None:
        self._limits = limits
        self.served = 0
        self.is_alive = True
        self._process = _start(entry, limits)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._requests, self._replies = self._process.stdin, self._process.stdout
        with self._deadline(START_LIMIT_S):
            ready = self._receive()
        if ready != Reply():
            self.end()
            raise SandboxError("The process that reads files did not start.", advice="Install Footnote anew.")

    def read(self, article_id: str, data: bytes) -> Article:
        """Have one file read; raises UnreadableFileError. What broke the process leaves it ended."""
        self.served += 1
        with self._deadline(self._limits.wall_s) as overdue:
            reply = self._receive() if self._send(article_id.encode(), data) else None
        if reply is not None and reply.article is not None and not _is_sound(reply.article, article_id):
            reply = NONSENSE
        if reply is None or overdue.is_set() or reply.reason in BREAKING:
            code = self.end()
        if reply is None:
            raise self._obituary(code, was_overdue=overdue.is_set())
        if reply.article is None:
            raise UnreadableFileError(reply.reason, reply.detail)
        return reply.article

    def end(self) -> int:
        """End the process and return its exit code, which is a negative signal number when it was killed."""
        self.is_alive = False
        with suppress(OSError):
            self._requests.close()
        try:
            code = self._process.wait(timeout=END_S)
        except subprocess.TimeoutExpired:
            self.kill()
            code = self._process.wait()
        self._replies.close()
        return code

    def kill(self) -> None:
        """Kill the process and what it may have started."""
        if self._process.poll() is None:
            with suppress(ProcessLookupError):
                if sys.platform == "win32":
                    self._process.kill()
                else:
                    os.killpg(self._process.pid, signal.SIGKILL)

    def _send(self, *frames: bytes) -> bool:
        try:
            for frame in frames:
                write_frame(self._requests, frame)
            self._requests.flush()
        except OSError:
            return False
        return True

    def _receive(self) -> Reply | None:
        """Return the reply; None when the process is gone."""
        try:
            return decode_reply(read_frame(self._replies, most=self._limits.reply_bytes))
        except ValueError:
            return NONSENSE
        except (OSError, EOFError):
            return None

    @contextmanager
    def _deadline(self, seconds: float) -> Iterator[threading.Event]:
        """Kill the process when the block takes longer; the event tells."""
        overdue = threading.Event()

        def strike() -> None:
            overdue.set()
            self.kill()

        timer = threading.Timer(seconds, strike)
        timer.daemon = True
        timer.start()
        try:
            yield overdue
        finally:
            timer.cancel()
            timer.join()

    def _obituary(self, code: int, *, was_overdue: bool) -> UnreadableFileError:
        """Say why the process, which has ended, gave no reply."""
        if was_overdue:
            # The machine may have been busy.
            detail = f"Reading it took longer than {self._limits.wall_s:g} seconds."
            return UnreadableFileError("timeout", detail, passing=True)
        if sys.platform != "win32" and code == -signal.SIGXCPU:
            detail = f"Reading it takes more than {self._limits.cpu_s} seconds of processor time."
            return UnreadableFileError("timeout", detail)
        if sys.platform != "win32" and code == -signal.SIGKILL:
            # By somebody else: the system when memory is short, or a person.
            return UnreadableFileError("crash", "The process that read it was killed.", passing=True)
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"exit code {code}"
        return UnreadableFileError("crash", f"The process that read it crashed: {name}.")


def _start(entry: str, limits: Limits) -> subprocess.Popen[bytes]:
    numbers = (limits.cpu_s, limits.memory_bytes, limits.reply_bytes, os.getpid())
    try:
        return subprocess.Popen(
            [sys.executable, "-I", "-X", "utf8", "-c", _BOOT, str(_ROOT), entry, *map(str, numbers)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=os.path.abspath(os.sep),
            env={name: os.environ[name] for name in _OF_THE_SYSTEM if name in os.environ},
            # A session of its own: Ctrl-C is not for it, and what it may start can be killed with it.
            start_new_session=True,
        )
    except OSError as error:
        raise SandboxError(f"The process that reads files cannot be started: {error.strerror}.") from error


def _is_sound(article: Article, article_id: str) -> bool:
    """Check what the rest of the program takes for granted, since a child may have been taken over."""
    edges = [edge for block in article.blocks for edge in (block.start, block.end)]
    inside = not edges or (edges[0] >= 0 and edges[-1] <= len(article.text))
    return article.id == article_id and inside and edges == sorted(edges)
