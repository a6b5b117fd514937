"""Processes that change an index, stopped before they begin so that a test can say what happens to them.

The articles are read in the same process: one that is made for each trial would spend its time on starting a second
one. Trials with the real embedder read them as the command line does.
"""

import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Literal
from unittest import mock

from indexer.articles import Article
from indexer.build import BuildProgress, build
from indexer.embedding import Embedder, SentenceTransformerEmbedder
from indexer.errors import FootnoteError, IndexMissingError, UnreadableFileError
from indexer.formats import read_article
from indexer.generation import Store
from indexer.opening import read_generation
from tests.indexer.hash_embedder import HashEmbedder
from tests.reliability.marked import assert_no_leftovers, build_marker, marker_of, served_marker, settings_of

PROCESSES = multiprocessing.get_context("forkserver")
# datasketch is loaded with the first article to group: a library that cannot be loaded is no disk of ours.
PROCESSES.set_forkserver_preload(["tests.reliability.builders", "ui.cli", "pytest", "datasketch"])
PATIENCE_S = 120.0
SAID = "said"

Action = Literal["build", "build with the model", "open", "roll back"]
# Where a process waits for its test: before it begins, or when every passage has gone to the lexical index.
Moment = Literal["start", "indexed"]
Spoil = Callable[[], None]


class InThisProcess:
    """Makes articles of files without a process of their own."""

    at_once = 1

    def submit(self, article_id: str, data: bytes) -> Future[Article]:
        """Read a file at once."""
        future: Future[Article] = Future()
        try:
            future.set_result(read_article(article_id, data))
        except UnreadableFileError as error:
            future.set_exception(error)
        return future


@dataclass(frozen=True, slots=True)
class Waiting:
    """A process that has come to its moment and waits."""

    process: BaseProcess
    go: Event

    @property
    def pid(self) -> int:
        """Its number."""
        assert self.process.pid is not None
        return self.process.pid

    def end(self) -> int:
        """Wait until it ends, and return its exit code: −9 after SIGKILL."""
        self.process.join(PATIENCE_S)
        if self.process.exitcode is None:
            self.process.kill()
            self.process.join()
            raise AssertionError("the process hangs")
        return self.process.exitcode

    def run(self) -> int:
        """Let it go on to its end."""
        self.go.set()
        return self.end()


def waiting(folder: Path, *, action: Action = "build", moment: Moment = "start", spoil: Spoil | None = None) -> Waiting:
    """Start a process that does something to the index in a folder; `spoil` is called in it first."""
    ready, go = PROCESSES.Event(), PROCESSES.Event()
    process = PROCESSES.Process(target=_act, args=(folder, action, moment, spoil, ready, go))
    process.start()
    assert ready.wait(PATIENCE_S), "the process does not start"
    return Waiting(process, go)


def grow_whatever_is_gone() -> None:
    """Let no share of deleted documents be too large to take over a lexical index."""
    mock.patch("indexer.lexical.MOST_DELETED", 1.0).start()


def _act(folder: Path, action: Action, moment: Moment, spoil: Spoil | None, ready: Event, go: Event) -> None:
    grow_whatever_is_gone()
    if spoil:
        spoil()
    embedder: HashEmbedder | SentenceTransformerEmbedder = HashEmbedder()
    if action == "build with the model":
        embedder = SentenceTransformerEmbedder()
        embedder.embed_queries(["Loaded before the kills begin."])
    else:
        mock.patch("indexer.corpus.shared_pool", return_value=InThisProcess()).start()

    def wait() -> None:
        ready.set()
        go.wait(PATIENCE_S)

    def follow(progress: BuildProgress) -> None:
        if progress.stage == "index" and progress.done == progress.total:
            wait()

    if moment == "start":
        wait()
    try:
        if action == "open":
            Store(folder / "index").open().close()
        elif action == "roll back":
            Store(folder / "index").rollback()
        else:
            build(settings_of(folder), embedder, progress=follow if moment == "indexed" else None)
    except FootnoteError as error:
        # A link takes no room of its own on a full disk.
        (folder / SAID).symlink_to(str(error))
        os._exit(error.exit_code)


def said(folder: Path) -> str:
    """Return the error that the last process told, and forget it."""
    words = os.readlink(folder / SAID)
    (folder / SAID).unlink()
    return words


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a reader is served after a crash, and what is wrong with that; None when nothing is."""

    served: int | None
    wrong: str | None


def look(
    folder: Path, *, old: int | None, new: int, damaged: str | None = None, embedder: Embedder | None = None
) -> Verdict:
    """Open the index as a reader would: anything but the old or the new generation, whole, is wrong.

    `damaged` is a generation that was damaged before; `embedder` the real model, where it made some.
    """
    store = Store(folder / "index")
    try:
        generation = store.open()
    except IndexMissingError:
        return Verdict(None, None if old is None else "unavailable: there is no index")
    except FootnoteError as error:
        return Verdict(None, f"unavailable: {error}")
    try:
        is_real = embedder is not None and generation.manifest.embedder == embedder.info
        marker = marker_of(generation, embedder=embedder if is_real else None)
    except (AssertionError, KeyError, IndexError, ValueError) as error:
        return Verdict(None, f"mixed: {error!r}")
    finally:
        generation.close()
    if marker not in (old, new):
        return Verdict(marker, "neither the old nor the new one")
    # Before the first commit there is no CURRENT, and what lies there whole is served.
    if generation.degraded and old is not None and not damaged:
        return Verdict(marker, f"degraded: {generation.degraded}")
    return Verdict(marker, next(filter(None, (_fault(store, name) for name in store.names() if name != damaged)), None))


def _fault(store: Store, name: str) -> str | None:
    try:
        read_generation(store.root / name, name).close()
    except FootnoteError as error:
        return f"{name} is not whole: {error}"
    return None


def unmended(folder: Path, marker: int) -> str | None:
    """Say what is wrong with the build after a crash: it commits the marker and leaves nothing lying about."""
    try:
        build_marker(folder, marker)
        assert served_marker(folder) == marker
        assert_no_leftovers(folder)
    except (AssertionError, FootnoteError) as error:
        return f"the next build: {error!r}"
    return None
