"""Whenever a builder dies or the disk refuses, a reader gets the old generation or the new one, whole.

Every article of a trial carries `GEN=<n>`, so that a mixed answer would be seen. The builders are real processes,
killed with SIGKILL.
"""

import errno
import multiprocessing
import os
import random
import resource
import shutil
import signal
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import ParamSpec, TypeVar

import pytest

from indexer.build import build
from indexer.errors import FootnoteError, IndexMissingError, StorageError
from indexer.generation import NAME, Store
from indexer.settings import Settings
from tests.indexer.hash_embedder import HashEmbedder

P = ParamSpec("P")
R = TypeVar("R")

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["indexer.build", "tests.indexer.hash_embedder", "pytest"])
STORAGE_CALLS = ("fsync", "rename", "replace", "mkdir")
DEATHS = 15
KEPT = {"CURRENT", "LOCK", "quarantine"}


def write_corpus(folder: Path, marker: int) -> None:
    """Write articles that all carry the marker."""
    folder.mkdir(exist_ok=True)
    for number in range(4):
        text = f"# Title {number}\n\nArticle {number} of GEN={marker}. There are {number + marker} robots.\n"
        (folder / f"article-{number}.md").write_text(text)


def settings_of(folder: Path) -> Settings:
    """Return the settings of a trial."""
    wanted = {"corpus": folder / "corpus", "index": folder / "index", "keep_generations": 1}
    return Settings.model_validate(wanted)


def build_marker(folder: Path, marker: int) -> None:
    """Build a corpus that carries the marker."""
    write_corpus(folder / "corpus", marker)
    assert build(settings_of(folder), HashEmbedder()).committed


def served_marker(folder: Path) -> int | None:
    """Open as a reader would and return the one marker of everything served; None when there is no index yet."""
    try:
        generation = Store(folder / "index").open()
    except IndexMissingError:
        return None
    texts = [article.text for article in generation.articles.values()]
    markers = {int(text.split("GEN=")[1].split(".")[0]) for text in texts}
    assert len(markers) == 1
    assert len(generation.passages) == len(generation.vectors) == len(generation.dense) == len(generation.lexical) == 4
    (marker,) = markers
    assert {row for row, _ in generation.lexical.search([str(marker)], 10)} == {0, 1, 2, 3}
    generation.close()
    return marker


def assert_no_leftovers(folder: Path) -> None:
    """Nothing but generations, CURRENT and LOCK may lie in the index."""
    names = {path.name for path in (folder / "index").iterdir()}
    assert {name for name in names - KEPT if not NAME.fullmatch(name)} == set()


def _build_in_child(folder: Path, building: Event) -> None:
    building.set()
    build(settings_of(folder), HashEmbedder())


def _start(target: Callable[..., None], *arguments: object) -> BaseProcess:
    process = PROCESSES.Process(target=target, args=arguments)
    process.start()
    return process


# ---------------------------------------------------------------- killed at random


@pytest.mark.parametrize("had_index", [True, False])
def test_a_builder_killed_at_any_time_leaves_the_old_or_the_new(tmp_path: Path, had_index: bool) -> None:
    chance = random.Random(20264)
    seconds = _time_of_a_build(tmp_path / "timing")
    died = trial = 0
    while died < DEATHS and trial < 5 * DEATHS:
        trial += 1
        folder = tmp_path / str(trial) if not had_index else tmp_path / "long-lived"
        folder.mkdir(exist_ok=True)
        old = served_marker(folder)
        new = (old or 0) + 1
        write_corpus(folder / "corpus", new)
        building = PROCESSES.Event()
        process = _start(_build_in_child, folder, building)
        building.wait(30)
        # A third of the kills fall into the last part, where it commits.
        time.sleep(seconds * (chance.uniform(0.85, 1.05) if chance.random() < 0.33 else chance.random()))
        process.kill()
        process.join()
        died += process.exitcode == -signal.SIGKILL
        assert served_marker(folder) in (old, new)
        build_marker(folder, new + 1)
        assert served_marker(folder) == new + 1
        assert_no_leftovers(folder)
    assert died == DEATHS


def _time_of_a_build(folder: Path) -> float:
    folder.mkdir()
    write_corpus(folder / "corpus", 1)
    times = []
    for marker in (1, 2, 3):
        write_corpus(folder / "corpus", marker)
        building = PROCESSES.Event()
        process = _start(_build_in_child, folder, building)
        building.wait(30)
        started = time.monotonic()
        process.join()
        assert process.exitcode == 0
        times.append(time.monotonic() - started)
    return min(times)


# ---------------------------------------------------------------- killed at every step


class Countdown:
    """Wraps the calls that change what is on disk, and does something at the nth of them."""

    def __init__(self, at: int, act: Callable[[], None]) -> None:
        self.calls = 0
        self.at = at
        self.act = act

    def wrap(self, original: Callable[P, R]) -> Callable[P, R]:
        """Return the call with the act before it."""

        def counted(*arguments: P.args, **options: P.kwargs) -> R:
            self.calls += 1
            if self.calls == self.at:
                self.act()
            return original(*arguments, **options)

        return counted


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _build_and_die(folder: Path, at: int) -> None:
    countdown = Countdown(at, _die)
    for name in STORAGE_CALLS:
        setattr(os, name, countdown.wrap(getattr(os, name)))
    build(settings_of(folder), HashEmbedder())


def test_a_builder_killed_at_every_step_leaves_the_old_or_the_new(tmp_path: Path) -> None:
    build_marker(tmp_path, 1)
    build_marker(tmp_path, 2)
    seen: list[int | None] = []
    for step in range(1, 100):
        folder = tmp_path / "trial"
        shutil.copytree(tmp_path / "index", folder / "index")
        write_corpus(folder / "corpus", 3)
        process = _start(_build_and_die, folder, step)
        process.join()
        seen.append(served_marker(folder))
        if process.exitcode == 0:
            break
        assert process.exitcode == -signal.SIGKILL
        build_marker(folder, 4)
        assert served_marker(folder) == 4
        assert_no_leftovers(folder)
        shutil.rmtree(folder)
    assert set(seen) == {2, 3}
    assert seen == sorted(seen, key=lambda marker: marker or 0)
    assert 15 < len(seen) < 99


# ---------------------------------------------------------------- the disk refuses


def test_a_disk_that_refuses_at_any_step_is_named_and_the_old_one_serves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_marker(tmp_path, 1)
    build_marker(tmp_path, 2)
    refused = 0
    for step in range(1, 100):
        folder = tmp_path / "trial"
        shutil.copytree(tmp_path / "index", folder / "index")
        write_corpus(folder / "corpus", 3)
        cause = (errno.ENOSPC, errno.EIO)[step % 2]
        error = _refuse_at(step, cause, folder, monkeypatch)
        if error is None and served_marker(folder) == 3 and step > 15:
            break
        if error is not None:
            refused += 1
            assert isinstance(error, StorageError)
            assert os.strerror(cause) in error.message
            assert str(folder / "index") in error.message
            assert served_marker(folder) == 2
            assert Store(folder / "index").names() == ["gen-000001", "gen-000002"]
        build_marker(folder, 4)
        assert served_marker(folder) == 4
        assert_no_leftovers(folder)
        shutil.rmtree(folder)
    assert refused > 15


def _refuse_at(step: int, cause: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> FootnoteError | None:
    def refuse() -> None:
        raise OSError(cause, os.strerror(cause))

    countdown = Countdown(step, refuse)
    with monkeypatch.context() as patch:
        for name in STORAGE_CALLS:
            patch.setattr(os, name, countdown.wrap(getattr(os, name)))
        try:
            build(settings_of(folder), HashEmbedder())
        except FootnoteError as error:
            return error
    return None


def _build_in_little_space(folder: Path, limit: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        build(settings_of(folder), HashEmbedder())
    except StorageError as error:
        (folder / "said").symlink_to(str(error))  # a link needs no space of its own
        os._exit(error.exit_code)


def test_a_file_that_cannot_grow_is_a_clear_error(tmp_path: Path) -> None:
    build_marker(tmp_path, 1)
    build_marker(tmp_path, 2)
    largest = max(path.stat().st_size for path in (tmp_path / "index" / "gen-000002").rglob("*") if path.is_file())
    outcomes = set()
    for limit in [*range(0, largest, largest // 8), largest * 4]:
        folder = tmp_path / f"limit-{limit}"
        shutil.copytree(tmp_path / "index", folder / "index")
        write_corpus(folder / "corpus", 3)
        process = _start(_build_in_little_space, folder, limit)
        process.join(30)
        outcomes.add(process.exitcode)
        if process.exitcode == 0:
            assert served_marker(folder) == 3
            continue
        assert process.exitcode == StorageError.exit_code
        assert "Cannot write" in os.readlink(folder / "said")
        assert str(folder / "index") in os.readlink(folder / "said")
        assert served_marker(folder) == 2
        build_marker(folder, 4)
        assert_no_leftovers(folder)
    assert outcomes == {0, StorageError.exit_code}


def test_what_another_sees_while_building_is_always_whole(tmp_path: Path) -> None:
    build_marker(tmp_path, 1)
    seen = []
    for marker in (2, 3, 4):
        write_corpus(tmp_path / "corpus", marker)
        building = PROCESSES.Event()
        process = _start(_build_in_child, tmp_path, building)
        while process.is_alive():
            seen.append(served_marker(tmp_path))
        process.join()
        assert process.exitcode == 0
        assert served_marker(tmp_path) == marker
    assert None not in seen
    assert seen == sorted(seen, key=lambda marker: marker or 0)
    assert len(seen) > 20
