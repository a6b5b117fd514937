"""The index as readers see it: `Store` opens a `Generation`, whole and checked, or says why it cannot.

index/
  CURRENT        "gen-000124 <SHA-256 of its manifest.json>"
  LOCK           held by whoever changes the index
  gen-000124/    never changed once CURRENT names it; `.pin` is held by whoever has it open
  tmp-…/         being built
  quarantine/    damaged generations, each with the reason; never deleted
"""

import os
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from indexer.embedding import EmbedderInfo
from indexer.errors import (
    IndexBusyError,
    IndexDamagedError,
    IndexIncompatibleError,
    IndexMissingError,
    StorageError,
    UsageError,
)
from indexer.manifest import MANIFEST_FILE, Counts
from indexer.opening import DAMAGE, Generation, PointerDamagedError, UnreadError, read_generation, read_manifest
from indexer.storage import Lock, advice_for, measure, read_file, replace_file, reported, sync, write_file

__all__ = ["Generation", "GenerationSummary", "Store"]

CURRENT_FILE = "CURRENT"
LOCK_FILE = "LOCK"
QUARANTINE = "quarantine"
REASON_FILE = "REASON.txt"

# No more digits than a name of 16 characters has: a longer one is damage, not a folder to ask the system for.
NAME = re.compile(r"gen-(\d{6,12})")
POINTER = re.compile(r"(gen-\d{6,12}) ([0-9a-f]{64})\n")
# A reader that quarantines holds the lock for a moment; a build holds it for long.
PATIENCE_S = 0.3

BUILD_ADVICE = "Run `footnote index` to build it."
REBUILD_ADVICE = "Run `footnote index` to build it again; what is damaged is kept."


@dataclass(frozen=True, slots=True)
class GenerationSummary:
    """A generation on disk, by its manifest alone; `problem` says why the manifest cannot be read."""

    id: str
    current: bool
    created: str | None
    counts: Counts | None
    problem: str | None


class Store:
    """The index folder: opens the current generation, lists them, goes back to the parent."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def open(self, *, expect: EmbedderInfo | None = None) -> Generation:
        """Open the current generation after checking every byte of it; instead of a damaged one, the newest valid one.

        Raises IndexMissingError; IndexDamagedError when none is valid; IndexIncompatibleError when it was made
        by a newer format or, given `expect`, by another embedder.
        """
        generation = self.open_or_fall_back(lock_held=False)
        made_by = generation.manifest.embedder
        if expect and (expect.sha256, expect.dim) != (made_by.sha256, made_by.dim):
            generation.close()
            raise IndexIncompatibleError(
                f"{generation.id} was made by the embedder {_describe(made_by)}; in use is {_describe(expect)}.",
                advice="Run `footnote index` to build the index with it, or set `embedder` back.",
            )
        return generation

    def open_or_fall_back(self, *, lock_held: bool, whole: bool = True) -> Generation:
        """Open as `open` does, for a caller that may hold the lock already; `whole` as in `read_generation`."""
        while True:
            text = self.current_text()
            try:
                return self._open_current(text, whole=whole)
            except IndexDamagedError as damage:
                if self.current_text() == text:
                    return self._fall_back(text, damage, lock_held=lock_held, whole=whole)
                # A commit and its clean-up overtook this reader; there is a newer one to read.

    def current_text(self) -> str | None:
        """Return what CURRENT holds, right or wrong; None when there is no such file."""
        try:
            return read_file(self.root / CURRENT_FILE).decode("ascii", "replace")
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno in DAMAGE:
                return ""
            said = f"Cannot read {self.root / CURRENT_FILE}: {error.strerror}."
            raise StorageError(said, advice=advice_for(error)) from error

    def current_id(self) -> str | None:
        """Return the name in CURRENT, unchecked: enough to notice that another process committed."""
        match = POINTER.fullmatch(self.current_text() or "")
        return match.group(1) if match else None

    def stamp(self) -> tuple[int, int, int] | None:
        """Return what is another one after any commit, for the price of one stat; None when there was none yet."""
        try:
            status = os.stat(self.root / CURRENT_FILE)
        except OSError:
            return None
        return status.st_mtime_ns, status.st_ino, status.st_size

    def names(self) -> list[str]:
        """Return the generations on disk, oldest first; whatever else lies there is not looked at."""
        if not self.root.is_dir():
            return []
        try:
            found = [path.name for path in self.root.iterdir() if NAME.fullmatch(path.name)]
        except OSError as error:
            raise StorageError(f"Cannot read {self.root}: {error.strerror}.") from error
        return sorted((name for name in found if _is_folder(self.root / name)), key=number_of)

    def generations(self) -> list[GenerationSummary]:
        """List the generations on disk, oldest first, by their manifests."""
        current = self.current_id()
        return [self._summarise(name, current) for name in self.names()]

    def rollback(self) -> str:
        """Point CURRENT at the parent of the current generation and return its name.

        When the current one is damaged, the one served in its place becomes the current one.
        """
        if not self.root.is_dir():
            raise IndexMissingError(f"There is no index in {self.root}.", advice=BUILD_ADVICE)
        with self.lock():
            target = self._rollback_target()
            # It is opened and checked before anything points at it.
            read_generation(self.root / target, target).close()
            self.point_at(target)
        return target

    def point_at(self, name: str) -> None:
        """Make a generation the current one, or leave what was; the caller holds the lock and has checked it."""
        path, before = self.root / CURRENT_FILE, self.current_text()
        with reported(path):
            manifest = measure(self.root / name / MANIFEST_FILE)
        try:
            replace_file(path, f"{name} {manifest.sha256}\n".encode())
        except StorageError as error:
            self._point_back(name, before)
            if self.current_id() == name != (before or "").partition(" ")[0]:
                said = f"{error.message} {name} is whole and in use all the same, but a power cut may undo that."
                raise StorageError(said, advice="Check the disk, then run it again.") from error
            raise

    def _point_back(self, name: str, before: str | None) -> None:
        """Undo a change of CURRENT that may not last: what was not synced is not trusted."""
        path = self.root / CURRENT_FILE
        with suppress(OSError, StorageError):
            if self.current_id() != name:
                return
            if before is None:
                path.unlink()
            else:
                replace_file(path, before.encode())

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the index for a change; raises IndexBusyError, naming the holder, when another does."""
        path = self.root / LOCK_FILE
        with reported(self.root):
            lock = _wait_for(path)
        if lock is None:
            raise self._busy(_holder(path))
        with lock:
            with reported(path):
                lock.write(f"pid {os.getpid()}, since {_now()}\n")
            yield

    def holder(self) -> str | None:
        """Name the process that is changing the index at this moment; None when there is none."""
        path = self.root / LOCK_FILE
        try:
            lock = Lock.shared(path)
        except OSError:
            return None
        if lock is None:
            return _holder(path)
        lock.close()
        return None

    def refuse_if_busy(self) -> None:
        """Raise IndexBusyError if another process is changing the index at this moment."""
        if (holder := self.holder()) is not None:
            raise self._busy(holder)

    def _busy(self, holder: str) -> IndexBusyError:
        return IndexBusyError(
            f"Another process is changing the index in {self.root} ({holder}).",
            advice="Wait for it to finish; meanwhile the index can be searched.",
        )

    def quarantine(self, name: str, reason: str) -> None:
        """Move a damaged generation aside with the reason; the caller holds the lock."""
        folder = self.root / QUARANTINE
        target = folder / name
        with reported(folder):
            folder.mkdir(exist_ok=True)
            if target.exists():
                target = folder / f"{name}-{secrets.token_hex(4)}"
            os.rename(self.root / name, target)
            write_file(target / REASON_FILE, [f"{reason}\n{_now()}\n".encode()])
            for changed in (target, folder, self.root):
                sync(changed)

    def _open_current(self, text: str | None, *, whole: bool) -> Generation:
        name, manifest_sha256 = self._pointed_at(text)
        return read_generation(self.root / name, name, manifest_sha256=manifest_sha256, whole=whole)

    def _pointed_at(self, text: str | None) -> tuple[str, str]:
        if text is None:
            raise PointerDamagedError("CURRENT is missing")
        match = POINTER.fullmatch(text)
        if match is None:
            raise PointerDamagedError("CURRENT is damaged: it names no generation")
        name, manifest_sha256 = match.groups()
        if not _is_folder(self.root / name):
            raise PointerDamagedError(self._why_absent(name))
        return name, manifest_sha256

    def _why_absent(self, name: str) -> str:
        try:
            reason = (self.root / QUARANTINE / name / REASON_FILE).read_text(encoding="utf-8").splitlines()[0]
        except (OSError, ValueError, IndexError):
            return f"CURRENT names {name}, which is missing"
        return f"{name} is damaged: {reason}"

    def _fall_back(self, text: str | None, damage: IndexDamagedError, *, lock_held: bool, whole: bool) -> Generation:
        what, named = damage.message, self.current_id()
        if not isinstance(damage, PointerDamagedError):
            what = f"{named} is damaged: {damage.message}"
            self._try_quarantine(named, damage, text, lock_held=lock_held)
        for name in self._candidates(named):
            try:
                generation = read_generation(self.root / name, name, whole=whole)
            except IndexDamagedError as error:
                self._try_quarantine(name, error, text, lock_held=lock_held)
            except IndexIncompatibleError:
                continue
            else:
                return replace(generation, degraded=f"{what}; serving {name}")
        if text is None:
            raise IndexMissingError(f"There is no index in {self.root}.", advice=BUILD_ADVICE) from damage
        raise IndexDamagedError(f"{what}; no other generation is valid.", advice=REBUILD_ADVICE) from damage

    def _candidates(self, named: str | None) -> list[str]:
        """Return the older ones, newest first; then newer ones, which somebody rolled back from."""
        names = self.names()[::-1]
        limit = number_of(named) if named else float("inf")
        return sorted(names, key=lambda name: number_of(name) > limit)

    def _try_quarantine(
        self, name: str | None, damage: IndexDamagedError, text: str | None, *, lock_held: bool
    ) -> None:
        """Move it aside where that is allowed; serving what is left matters more."""
        # What could not be read may be whole again tomorrow.
        if name is None or isinstance(damage, UnreadError) or not _is_folder(self.root / name):
            return
        try:
            if lock_held:
                self.quarantine(name, damage.message)
            elif lock := Lock.exclusive(self.root / LOCK_FILE):
                with lock:
                    # Whoever held the lock before may have moved or replaced it.
                    if self.current_text() == text and _is_folder(self.root / name):
                        self.quarantine(name, damage.message)
        except (OSError, StorageError):
            return

    def _rollback_target(self) -> str:
        """Return what to go back to; the current one is read whole before, so that damage is set aside."""
        served = self.open_or_fall_back(lock_held=True)
        served.close()
        if served.degraded:
            return served.id
        name, parent = served.id, served.manifest.parent
        if parent is None:
            raise UsageError(f"{name} has no older generation to go back to.")
        if not _is_folder(self.root / parent):
            raise UsageError(f"{parent}, the parent of {name}, is no longer kept.")
        return parent

    def _summarise(self, name: str, current: str | None) -> GenerationSummary:
        try:
            manifest = read_manifest(self.root / name, name)
        except (IndexDamagedError, IndexIncompatibleError) as error:
            return GenerationSummary(name, name == current, None, None, error.message)
        return GenerationSummary(name, name == current, manifest.created, manifest.counts, None)


def number_of(name: str) -> int:
    """Return 124 for gen-000124: the order of generations, whatever the clock says."""
    match = NAME.match(name)
    return int(match.group(1)) if match else 0


def name_of(number: int) -> str:
    """Return gen-000124 for 124."""
    return f"gen-{number:06d}"


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _describe(embedder: EmbedderInfo) -> str:
    return f"{embedder.id} ({embedder.dim} dimensions, SHA-256 {embedder.sha256[:12]}…)"


def _wait_for(path: Path) -> Lock | None:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        if lock := Lock.exclusive(path):
            return lock
        if time.monotonic() > deadline:
            return None
        time.sleep(0.02)


def _holder(path: Path) -> str:
    try:
        return read_file(path).decode("utf-8", "replace").strip() or "unknown"
    except OSError:
        return "unknown"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
