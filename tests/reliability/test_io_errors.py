"""The disk refuses at one call, or at every call from then on: it is said plainly, and the old index serves.

Every call that a build, an import, a rollback or an export makes within the index (or for the copy) is refused in
turn: first where Python calls the system, then, under `--torture`, where the kernel is entered, tantivy's threads
included.
"""

import errno
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Any, Literal

import pytest

from indexer.build import build
from indexer.errors import FootnoteError, StorageError
from indexer.generation import Store
from indexer.transfer import export_generation, import_copy, verify_copy
from tests.conftest import Tally, Trials
from tests.indexer.hash_embedder import HashEmbedder
from tests.reliability.builders import waiting
from tests.reliability.marked import (
    assert_no_leftovers,
    build_marker,
    clear_away,
    served_marker,
    settings_of,
    write_corpus,
)
from tests.reliability.syscalls import points, refused_at, require_strace

CAUSES = (errno.EIO, errno.ENOSPC)
PATHS_FIRST = ("open", "rename", "replace", "mkdir")
DESCRIPTORS_FIRST = ("write", "fsync")
CALLS = (*PATHS_FIRST, *DESCRIPTORS_FIRST)
REFUSED_IN_KERNEL = ("openat", "mkdir", "write", "fsync", "fdatasync", "rename")
# numpy loads it with the first array it maps; a library that cannot be loaded is no disk of ours.
LOAD_LATE_MODULE = partial(import_module, "mmap")
# What a build exits with: nothing to read, no index, the disk.
REFUSED_CODES = (4, 5, 74)
OLD, NEW, NEXT, IMPORTED = 2, 3, 4, 9

Change = Literal["build", "import", "roll back", "export"]
Reading = Change | Literal["open"]


@dataclass(slots=True)
class Refusal:
    """Refuses the nth call that touches a folder, or every one from the nth on; `struck` are those refused.

    Either the calls that change something are counted, or those that open a file to read it.
    """

    folder: Path
    nth: int
    forever: bool
    cause: int
    reading: bool = False
    calls: int = 0
    struck: list[str] = field(default_factory=list)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Refuse while the block runs."""
        with pytest.MonkeyPatch.context() as patch:
            for name in CALLS:
                patch.setattr(os, name, self._wrap(name, getattr(os, name)))
            yield

    def _wrap(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def refused(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - whatever the call takes
            path = _path_of(arguments[0])
            if not path.startswith(str(self.folder)) or self.reading != _is_reading(name, path, arguments):
                return call(*arguments, **options)
            self.calls += 1
            if self.calls == self.nth or (self.forever and self.calls > self.nth):
                self.struck.append(f"{name} {os.path.relpath(path, self.folder)}")
                raise OSError(self.cause, os.strerror(self.cause), *([path] if name in PATHS_FIRST else []))
            return call(*arguments, **options)

        return refused


def _path_of(first: object) -> str:
    if isinstance(first, int):
        return os.readlink(f"/proc/self/fd/{first}")
    return os.fspath(first) if isinstance(first, str | os.PathLike) else ""


def _is_reading(name: str, path: str, arguments: Sequence[Any]) -> bool:
    """Whether a file is opened to read; a folder is opened to sync it."""
    return name == "open" and not arguments[1] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) and not os.path.isdir(path)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an index of two generations, and a copy of a third."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "aside").mkdir()
    build_marker(folder / "aside", IMPORTED)
    export_generation(Store(folder / "aside" / "index"), folder / "copy.zip")
    for marker in (1, OLD):
        build_marker(folder, marker)
    return folder


def lay_out(made: Path, folder: Path) -> Path:
    """Make a folder with that index, and a corpus that is ahead of it."""
    shutil.copytree(made / "index", folder / "index")
    (folder / "out").mkdir()
    write_corpus(folder / "corpus", NEW)
    return folder


def change(what: Reading, folder: Path, made: Path) -> None:
    """Do what is to be refused."""
    store = Store(folder / "index")
    if what == "build":
        build(settings_of(folder), HashEmbedder())
    elif what == "import":
        import_copy(store, made / "copy.zip", keep=1)
    elif what == "roll back":
        store.rollback()
    elif what == "export":
        export_generation(store, folder / "out" / "copy")
    else:
        store.open().close()


WANTED: dict[Reading, int] = {"build": NEW, "import": IMPORTED, "roll back": 1, "export": OLD}


def outcome(what: Change, refusal: Refusal, folder: Path, made: Path) -> str | None:
    """What is wrong after a refusal; None if nothing is."""
    error: FootnoteError | None = None
    with refusal.at_work():
        try:
            change(what, folder, made)
        except FootnoteError as refused:
            error = refused
    served = served_marker(folder)
    # A disk that refuses for ever also keeps things from being removed; what has a copy's name is whole.
    if error and os.listdir(folder / "out") and not refusal.forever:
        return "something was left of a copy"
    if error and (folder / "out" / "copy").exists():
        verify_copy(folder / "out" / "copy")
    if error is None and (told := [one for one in refusal.struck if not _is_cleaning(one, folder)]):
        return f"success was told in spite of {told[0]}"
    if error is None:
        return None if served == WANTED[what] else f"done, but GEN={served} is served"
    if served != OLD and not (served == WANTED[what] and "in use all the same" in error.message):
        return f"refused, but GEN={served} is served"
    if not isinstance(error, StorageError):
        return f"not called the disk's fault: {error!r}"
    if os.strerror(refusal.cause) not in error.message or str(folder) not in error.message:
        return f"path or cause unnamed: {error}"
    return None


def _is_cleaning(struck: str, folder: Path) -> bool:
    """Whether a call only takes away what is old: after a commit, which stands whether or not that succeeds."""
    path = struck.partition(" ")[2]
    is_moved = not (folder / "index" / "gen-000001").exists()
    return path.startswith(("gen-000001", "trash-")) or (path == "." and is_moved)


@pytest.mark.parametrize("what", ["build", "import", "roll back", "export"])
@pytest.mark.parametrize("forever", [False, True], ids=["once", "for ever"])
def test_a_disk_that_refuses_is_named_and_the_old_index_serves(
    made: Path, tmp_path: Path, what: Change, forever: bool, trials: Trials, tally: Tally
) -> None:
    refused, wrong, step = 0, [], trials(1 if what == "roll back" else 4, 1)
    # A few: every fourth call with one of the causes; others where it lasts than where it strikes once.
    for nth in count(1 + forever * (step - 1), step):
        reached = False
        for cause in CAUSES if step == 1 else (CAUSES[nth % 2],):
            folder = lay_out(made, tmp_path / f"{nth}-{cause}")
            refusal = Refusal(folder / ("out" if what == "export" else "index"), nth, forever, cause)
            said = outcome(what, refusal, folder, made)
            reached = reached or bool(refusal.struck)
            refused += bool(refusal.struck)
            if said:
                wrong.append(f"{refusal.struck[:1]}: {said}")
            build_marker(folder, NEXT)
            assert served_marker(folder) == NEXT
            assert_no_leftovers(folder)
            clear_away(folder)
        if not reached:
            break
    tally(f"disk refuses a {what}, {'for ever' if forever else 'once'}", refused=refused, bad=len(wrong))
    assert not wrong
    assert refused >= 5


@pytest.mark.parametrize("what", ["build", "import", "roll back", "export", "open"])
def test_a_disk_that_cannot_be_read_is_no_traceback_and_nothing_is_lost(
    made: Path, tmp_path: Path, what: Reading, trials: Trials, tally: Tally
) -> None:
    """An older one serves for what cannot be read, or the whole is refused; nothing is set aside or deleted."""
    refused, step = 0, trials(7, 1)
    for nth in count(1, step):
        folder = lay_out(made, tmp_path / str(nth))
        refusal = Refusal(folder / "index", nth, bool(nth % 2), errno.EIO, reading=True)
        with refusal.at_work(), suppress(FootnoteError):
            change(what, folder, made)
        if not refusal.struck:
            break
        refused += 1
        assert not (folder / "index" / "quarantine").exists(), refusal.struck
        assert served_marker(folder) in (OLD, WANTED.get(what)), refusal.struck
        build_marker(folder, NEXT)
        assert served_marker(folder) == NEXT
        clear_away(folder)
    tally(f"disk cannot be read: {what}", refused=refused, bad=0)
    assert refused >= 2


def test_the_kernel_refuses_and_the_old_index_serves(made: Path, tmp_path: Path, trials: Trials, tally: Tally) -> None:
    """The same where the kernel is entered, so that nothing of Python or of a library is passed over."""
    require_strace()
    first = waiting(lay_out(made, tmp_path / "first"), spoil=LOAD_LATE_MODULE)
    found = [point for point in points(first, tmp_path / "calls") if point.call in REFUSED_IN_KERNEL]
    tried, wrong = 0, []
    for number, point in enumerate(found[:: trials(max(1, len(found) // 6), 1)]):
        for forever in (False, True):
            folder = lay_out(made, tmp_path / f"{number}-{forever}")
            process, error = waiting(folder, spoil=LOAD_LATE_MODULE), ("EIO", "ENOSPC")[number % 2]
            code = refused_at(process, point, error, forever=forever)
            served = served_marker(folder)
            tried += 1
            if code not in (0, *REFUSED_CODES) or served not in ((NEW,) if code == 0 else (OLD, NEW)[: 1 + forever]):
                wrong.append(f"{point}, {'for ever' if forever else 'once'}: exit {code}, GEN={served}")
            build_marker(folder, NEXT)
            assert_no_leftovers(folder)
            clear_away(folder)
    tally("kernel refuses a build", tried=tried, bad=len(wrong))
    assert not wrong
    assert tried >= 10
