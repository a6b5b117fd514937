"""A new generation: written beside the live one, read back, asked a question, and swapped in by one rename.

After a crash at any moment CURRENT names the old generation or the new one, and both are whole.
"""

import os
import re
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Protocol

import numpy as np

from indexer.draft import Contents, Draft
from indexer.errors import FootnoteError, IndexDamagedError, IndexIncompatibleError, IndexMissingError, StorageError
from indexer.generation import CURRENT_FILE, QUARANTINE, Store, name_of, number_of
from indexer.manifest import NewerFormatError
from indexer.opening import (
    DENSE_FILE,
    LEXICAL_FOLDER,
    PIN_FILE,
    Generation,
    read_generation,
)
from indexer.storage import Lock, make_private_folder, reported, sync

# Only names made here are ever removed; whatever else lies in the folder belongs to somebody.
LEFTOVER = re.compile(r"tmp-\d+-[0-9a-f]{8}|trash-gen-\d{6,}-[0-9a-f]{8}")
LEFTOVER_FILE = re.compile(rf"{CURRENT_FILE}\.[0-9a-f]{{8}}\.tmp")
NUMBERED = re.compile(r"(?:trash-)?(gen-\d{6,})(?:-[0-9a-f]{8})?")
CANARY_TOLERANCE = 0.01


class Unpublished(Protocol):
    """A generation that nobody can see yet: a folder with everything but the manifest."""

    folder: Path
    # Whether its records came from elsewhere, so that all of them must be read.
    is_foreign: bool

    def tokens_of(self, row: int) -> Sequence[str]:
        """Return the tokens that the passage of a row must be found by; none where they are not known."""
        ...

    def compare(self, generation: Generation) -> None:
        """Raise IndexDamagedError where the records that are new are not those that were read back."""
        ...

    def seal(self, name: str, parent: str | None) -> None:
        """Write the manifest and bring everything to the disk."""
        ...

    def fault(self, error: FootnoteError) -> FootnoteError:
        """Return what to say when it cannot be read back."""
        ...


class Writer:
    """The right to change an index, held from the first look at it to the last clean-up.

    `base` is the generation to build from: the current one, or the newest valid one when that is damaged, in which
    case `notes` says so.
    """

    def __init__(self, store: Store, *, keep: int) -> None:
        self.store = store
        self.keep = keep
        self.notes: list[str] = []
        with reported(store.root):
            self._remove_leftovers()
        self.base = self._open_base()
        if self.base:
            self.need_space(2 * self.base.manifest.size)

    @contextmanager
    def draft(self, contents: Contents) -> Iterator[Draft]:
        """Make an empty draft to write and publish; it is gone afterwards unless it was published."""
        with self.room() as folder:
            yield Draft(folder, contents, self.base)

    @contextmanager
    def room(self) -> Iterator[Path]:
        """Make an empty folder that no other process clears away; it is gone afterwards unless it was published."""
        folder = self.store.root / f"tmp-{os.getpid()}-{secrets.token_hex(4)}"
        try:
            with reported(folder):
                folder.mkdir()
                (folder / PIN_FILE).touch()
                # While this process lives nobody takes the draft for a leftover; readers pin it the same way.
                pin = Lock.shared(folder / PIN_FILE)
            with pin or nullcontext():
                yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def need_space(self, needed: int) -> None:
        """Raise StorageError when the disk has fewer bytes free than are needed."""
        with reported(self.store.root):
            free = shutil.disk_usage(self.store.root).free
        if free < needed:
            self.close()
            raise StorageError(
                f"{self.store.root} has {free >> 20} MiB free; this needs {-(-needed >> 20)} MiB.",
                advice="Free some space, then run it again; the index stays in use.",
            )

    def publish(self, draft: Unpublished, *, first: str | None = None) -> str:
        """Make a draft the current generation and return its name; on any failure the old one stays.

        The name is the next one; `first` instead, where there has never been a generation.
        """
        with reported(self.store.root):
            number = self._last_number()
        name = first if first and not number and self.store.current_text() is None else name_of(number + 1)
        draft.seal(name, self.base.id if self.base else None)
        _check(draft, name)
        try:
            with reported(self.store.root / name):
                os.rename(draft.folder, self.store.root / name)
                sync(self.store.root)
            self.store.point_at(name)
        except BaseException:
            self._withdraw(name)
            raise
        return name

    def clean_up(self) -> None:
        """Remove the generations that nobody needs: not current, not its parent, not open, not among the newest.

        What was committed stays committed when this fails; the notes then say so.
        """
        try:
            self._clean_up()
        except StorageError as error:
            self.notes.append(f"Nothing older was removed: {error.message}")

    def _clean_up(self) -> None:
        current = self.store.current_id()
        others = [name for name in self.store.names() if name != current]
        needed = {*others[-self.keep :], self.base.id if self.base else current}
        for name in others:
            if name not in needed:
                try:
                    self._discard(name)
                except OSError as error:
                    self.notes.append(f"{name} could not be removed: {error.strerror}.")

    def close(self) -> None:
        """Let the base go."""
        if self.base:
            self.base.close()

    def _open_base(self) -> Generation | None:
        try:
            base = self.store.open_or_fall_back(lock_held=True, whole=False)
        except IndexMissingError:
            return None
        except NewerFormatError:
            raise
        except (IndexDamagedError, IndexIncompatibleError) as error:
            self.notes.append(f"{error.message.rstrip('.')}. Everything is built anew.")
            return None
        if base.degraded:
            self.notes.append(f"{base.degraded.partition(';')[0]}. Built from {base.id} instead.")
        return base

    def _last_number(self) -> int:
        names = [path.name for path in self.store.root.iterdir()]
        if (self.store.root / QUARANTINE).is_dir():
            names += [path.name for path in (self.store.root / QUARANTINE).iterdir()]
        names.append(self.store.current_id() or "")
        taken = (number_of(match.group(1)) for match in map(NUMBERED.fullmatch, names) if match)
        return max(taken, default=0)

    def _remove_leftovers(self) -> None:
        for path in self.store.root.iterdir():
            if LEFTOVER_FILE.fullmatch(path.name):
                path.unlink(missing_ok=True)
            elif LEFTOVER.fullmatch(path.name) and path.is_dir() and not path.is_symlink():
                self._remove_leftover(path)

    def _remove_leftover(self, folder: Path) -> None:
        with suppress(OSError):
            pin = Lock.exclusive(folder / PIN_FILE)
            if pin:
                with pin:
                    shutil.rmtree(folder, ignore_errors=True)

    def _discard(self, name: str) -> None:
        """Remove a generation unless somebody has it open."""
        pin = Lock.exclusive(self.store.root / name / PIN_FILE)
        if pin:
            with pin:
                self._remove(name)

    def _remove(self, name: str) -> None:
        """Take a generation away in one step; deleting its files takes many."""
        trash = self.store.root / f"trash-{name}-{secrets.token_hex(4)}"
        os.rename(self.store.root / name, trash)
        # Or a power cut could leave half of it under its own name.
        sync(self.store.root)
        shutil.rmtree(trash, ignore_errors=True)

    def _withdraw(self, name: str) -> None:
        """Take back a generation whose commit failed; one that is in use all the same is whole, and stays."""
        with suppress(OSError, StorageError):
            if self.store.current_id() != name:
                self._remove(name)


@contextmanager
def writing(store: Store, *, keep: int) -> Iterator[Writer]:
    """Take the right to change an index; raises IndexBusyError at once while another process has it."""
    with reported(store.root):
        make_private_folder(store.root)
    with store.lock():
        writer = Writer(store, keep=keep)
        try:
            yield writer
        finally:
            writer.close()


def _check(draft: Unpublished, name: str) -> None:
    """Open the draft as a reader would, and ask it for passages that it must find."""
    try:
        generation = read_generation(draft.folder, name, whole=draft.is_foreign)
        try:
            for row in {0, len(generation.passages) // 2, len(generation.passages) - 1}:
                _ask(generation, row, sorted(set(draft.tokens_of(row))))
            draft.compare(generation)
        finally:
            generation.close()
    except (IndexDamagedError, IndexIncompatibleError) as error:
        raise draft.fault(error) from error


def _ask(generation: Generation, row: int, tokens: list[str]) -> None:
    query = generation.vectors[row].astype(np.float32)
    allowed = np.zeros(len(generation.passages), dtype=np.bool_)
    allowed[row] = True
    best = generation.dense.search(query, 1)
    # A near-duplicate may come first, but no less like the query than the row itself.
    if not best or float(generation.vectors[best[0][0]].astype(np.float32) @ query) < query @ query - CANARY_TOLERANCE:
        raise IndexDamagedError(f"{DENSE_FILE}: does not find row {row}")
    if [found for found, _ in generation.dense.search(query, 1, allowed=allowed)] != [row]:
        raise IndexDamagedError(f"{DENSE_FILE}: does not find row {row} alone")
    if tokens and [found for found, _ in generation.lexical.search(tokens, 1, allowed=allowed)] != [row]:
        raise IndexDamagedError(f"{LEXICAL_FOLDER}: does not find row {row}")
