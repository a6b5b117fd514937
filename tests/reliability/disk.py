"""A disk that loses power: what a program did to a folder, and what could be left of it.

`Recorder` notes every operation on a folder while real code runs in it, ours through the functions of `os`, a
library's own by what has changed since. `Disk` plays them back after the rules of POSIX: what was written lasts once
the file is synced; a name that was made, moved or removed lasts once its folder is. Whatever was not synced when the
power went may be there, or not, or in part.
"""

import hashlib
import os
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

Node = int
Key = str  # of a content: its SHA-256
Tree = dict[str, Key | None]  # path to content; None for a folder

ROOT: Node = 0
# Smaller than any real one, as the files of a trial are.
SECTOR = 64
CALLS = ("fsync", "rename", "replace", "mkdir", "rmdir", "unlink", "remove")


@dataclass(frozen=True, slots=True)
class Write:
    """A file got a content."""

    node: Node
    content: Key


@dataclass(frozen=True, slots=True)
class Link:
    """A file or a folder came to be."""

    folder: Node
    name: str
    node: Node
    is_folder: bool


@dataclass(frozen=True, slots=True)
class Unlink:
    """A name went away."""

    folder: Node
    name: str


@dataclass(frozen=True, slots=True)
class Rename:
    """A name became another, perhaps in the place of something."""

    folder: Node
    name: str
    to_folder: Node
    to_name: str
    node: Node


@dataclass(frozen=True, slots=True)
class Sync:
    """A file's content, or a folder's names, were brought to the disk."""

    node: Node
    is_folder: bool
    name: str


@dataclass(frozen=True, slots=True)
class Promise:
    """From here on a reader must be served one of these; None stands for no index."""

    allowed: frozenset[int | None]


Change = Link | Unlink | Rename
Operation = Write | Change | Sync | Promise


@dataclass(slots=True)
class _Seen:
    """A folder as it lies there, by nodes instead of paths."""

    entries: dict[tuple[Node, str], Node] = field(default_factory=dict)
    contents: dict[Node, Key] = field(default_factory=dict)
    folders: set[Node] = field(default_factory=lambda: {ROOT})


class Recorder:
    """Notes what happens below a folder, in one of its entries; `contents` holds every content that was seen."""

    def __init__(self, root: Path, entry: str) -> None:
        self.log: list[Operation] = []
        self.contents: dict[Key, bytes] = {}
        self._root, self._entry = root, entry
        self._nodes: dict[int, Node] = {root.stat().st_ino: ROOT}
        self._next: Node = ROOT + 1
        self._seen = _Seen()

    def promise(self, *allowed: int | None) -> None:
        """Note what a reader may be served from here on."""
        self._look()
        self.log.append(Promise(frozenset(allowed)))

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Watch the calls of this process while the block runs."""
        with pytest.MonkeyPatch.context() as patch:
            for name in CALLS:
                patch.setattr(os, name, self._watched(getattr(os, name), name))
            yield
        self._look()

    def _watched(self, original: Callable[..., Any], name: str) -> Callable[..., Any]:
        def watched(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - whatever the call takes
            self._look()
            result = original(*arguments, **options)
            if name == "fsync":
                self._note_sync(arguments[0])
            self._look()
            return result

        return watched

    def _note_sync(self, descriptor: int) -> None:
        node = self._nodes.get(os.fstat(descriptor).st_ino)
        if node is not None:
            name = os.path.basename(os.readlink(f"/proc/self/fd/{descriptor}"))
            self.log.append(Sync(node, node in self._seen.folders, name))

    def _look(self) -> None:
        """Note what has changed since the last look."""
        before, after = self._seen, _Seen()
        alive = {self._root.stat().st_ino}
        if (self._root / self._entry).exists():
            self._look_at(self._root / self._entry, ROOT, after, alive)
        self._nodes = {inode: node for inode, node in self._nodes.items() if inode in alive}
        self.log.extend(_changes(before, after))
        self._seen = after

    def _look_at(self, path: Path, folder: Node, seen: _Seen, alive: set[int]) -> None:
        inode = path.stat().st_ino
        alive.add(inode)
        if inode not in self._nodes:
            self._nodes[inode], self._next = self._next, self._next + 1
        node = self._nodes[inode]
        seen.entries[folder, path.name] = node
        if path.is_dir():
            seen.folders.add(node)
            for below in sorted(os.listdir(path)):
                self._look_at(path / below, node, seen, alive)
        else:
            data = path.read_bytes()
            seen.contents[node] = key_of(data)
            self.contents[seen.contents[node]] = data


def _changes(before: _Seen, after: _Seen) -> Iterator[Operation]:
    gone = {place: node for place, node in before.entries.items() if after.entries.get(place) != node}
    came = {place: node for place, node in after.entries.items() if before.entries.get(place) != node}
    left_from = {node: place for place, node in gone.items()}
    for place, node in came.items():
        if node in left_from:
            yield Rename(*left_from[node], *place, node)
        else:
            yield Link(*place, node, node in after.folders)
    for node, content in after.contents.items():
        if before.contents.get(node, EMPTY) != content:
            yield Write(node, content)
    moved = set(came.values())
    for place, node in gone.items():
        # What a rename took the place of went with it.
        if node not in moved and place not in came:
            yield Unlink(*place)


def key_of(data: bytes) -> Key:
    """Return the name of a content."""
    return hashlib.sha256(data).hexdigest()


EMPTY = key_of(b"")


@dataclass(slots=True)
class _Pending:
    """A change of names that no fsync has made last; `owed` are the folders still to be synced."""

    change: Change
    owed: set[Node]


class Disk:
    """What is on the disk for sure, and what is on its way."""

    def __init__(self, contents: dict[Key, bytes]) -> None:
        self.contents = {**contents, EMPTY: b""}
        self._entries: dict[Node, dict[str, Node]] = {ROOT: {}}
        self._files: dict[Node, Key] = {}
        self._folders = {ROOT}
        self._names: list[_Pending] = []
        self._writes: dict[Node, list[Key]] = {}

    def apply(self, operation: Operation) -> None:
        """Do what was done."""
        match operation:
            case Write(node, content):
                self._writes.setdefault(node, []).append(content)
            case Sync(node, is_folder):
                self._sync_folder(node) if is_folder else self._sync_file(node)
            case Promise():
                pass
            case Rename(folder, _, to_folder):
                self._names.append(_Pending(operation, {folder, to_folder}))
            case Link(folder, _, node, is_folder):
                (self._folders.add if is_folder else self._files.setdefault)(node, *([] if is_folder else [EMPTY]))
                self._names.append(_Pending(operation, {folder}))
            case Unlink(folder):
                self._names.append(_Pending(operation, {folder}))

    def _sync_file(self, node: Node) -> None:
        if versions := self._writes.pop(node, None):
            self._files[node] = versions[-1]

    def _sync_folder(self, node: Node) -> None:
        for pending in self._names:
            pending.owed.discard(node)
            if not pending.owed:
                _change(self._entries, pending.change)
        self._names = [pending for pending in self._names if pending.owed]

    def cut(self, chance: random.Random, names: Literal["any", "ordered"]) -> Tree:
        """Return what could be left if the power went now: of the changes of names any, or only the first ones."""
        entries = {folder: dict(listing) for folder, listing in self._entries.items()}
        if names == "ordered":
            kept = self._names[: chance.randint(0, len(self._names))]
        else:
            share = chance.choice((0.0, 0.1, 0.5, 0.9, 1.0))
            kept = [pending for pending in self._names if chance.random() < share]
        for pending in kept:
            _change(entries, pending.change)
        harm = chance.choice((0.0, 0.2, 1.0))
        files = dict(self._files)
        for node, versions in self._writes.items():
            files[node] = self._left(files.get(node, EMPTY), versions, chance, harm)
        return dict(self._walk(ROOT, "", entries, files))

    def _left(self, old: Key, versions: Sequence[Key], chance: random.Random, harm: float) -> Key:
        if chance.random() >= harm:
            return chance.choice(versions)
        if (kind := chance.choice(("old", "truncated", "zeroed", "garbled"))) == "old":
            return old
        data = bytearray(self.contents[versions[-1]])
        sectors = range(0, len(data), SECTOR)
        hit = [at for at in sectors if chance.random() < 0.5] or list(sectors[:1])
        if kind == "truncated":
            del data[chance.randint(0, len(data)) :]
        elif kind == "zeroed":
            for at in hit:
                data[at : at + SECTOR] = bytes(len(data[at : at + SECTOR]))
        else:
            for at in hit:
                data[at : at + SECTOR] = chance.randbytes(len(data[at : at + SECTOR]))
        key = key_of(bytes(data))
        self.contents[key] = bytes(data)
        return key

    def _walk(
        self, folder: Node, path: str, entries: dict[Node, dict[str, Node]], files: dict[Node, Key]
    ) -> Iterator[tuple[str, Key | None]]:
        for name, node in sorted(entries.get(folder, {}).items()):
            if node in self._folders:
                yield f"{path}{name}", None
                yield from self._walk(node, f"{path}{name}/", entries, files)
            else:
                yield f"{path}{name}", files.get(node, EMPTY)


def _change(entries: dict[Node, dict[str, Node]], change: Change) -> None:
    match change:
        case Link(folder, name, node):
            entries.setdefault(folder, {})[name] = node
        case Unlink(folder, name):
            entries.get(folder, {}).pop(name, None)
        case Rename(folder, name, to_folder, to_name, node):
            # The new name may last though the old one never did.
            if entries.get(folder, {}).get(name) == node:
                del entries[folder][name]
            entries.setdefault(to_folder, {})[to_name] = node


def lay_out(tree: Tree, contents: dict[Key, bytes], folder: Path, pool: Path) -> None:
    """Make a folder what a tree says; equal contents are one file, linked, from the pool."""
    for path, content in tree.items():
        if content is None:
            (folder / path).mkdir()
        elif content == EMPTY or path.endswith("LOCK"):
            # What is locked or written in place must be a file of its own.
            (folder / path).write_bytes(contents[content])
        else:
            kept = pool / content
            if not kept.exists():
                kept.write_bytes(contents[content])
            os.link(kept, folder / path)
