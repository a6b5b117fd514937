"""An index in unfriendly surroundings: read-only, another user's, linked, littered, and with a clock that is wrong.

It is served all the same where it can be read, nothing that is somebody else's is touched, and generations are in the
order of their numbers whatever the time.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, tzinfo
from functools import partial
from pathlib import Path
from typing import Self
from unittest import mock

import pytest

from indexer.errors import StorageError
from indexer.generation import Store
from tests.conftest import Tally
from tests.reliability.builders import PROCESSES, said, waiting
from tests.reliability.marked import build_marker, marker_of, served_marker, write_corpus
from tests.reliability.rights import bound_by_rights

SOMEBODY = 12345
STRAYS = (
    ".DS_Store",
    "gen-abc",
    "gen-000124 (copy)",
    "gen-12",
    "notes.txt",
    "tmp-1",
    "tmp-x-00000000",
    "CURRENT.tmp",
    "CURRENT~",
)


@pytest.fixture
def home(made: Path) -> Iterator[Path]:
    """A copy of it in a folder that every user may enter."""
    home = Path(tempfile.mkdtemp(prefix="footnote-test-"))
    shutil.copytree(made / "index", home / "index")
    (home / "corpus").mkdir()
    home.chmod(0o755)
    yield home
    for path in [home, *home.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o755)
    shutil.rmtree(home)


def everything_in(folder: Path) -> dict[str, bytes | None]:
    """The content of every file, and every folder, by name; LOCK says who came last."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
        if path.name != "LOCK"
    }


# ---------------------------------------------------------------- read-only, or another user's


@contextmanager
def read_only_disk(folder: Path) -> Iterator[None]:
    """Make the disk that a folder lies on read-only, as this process sees that folder."""
    for options in (["--bind", str(folder), str(folder)], ["-o", "remount,bind,ro", str(folder)]):
        try:
            refused = subprocess.run(["mount", *options], capture_output=True, text=True, check=False).stderr
        except FileNotFoundError:
            refused = "there is no mount"
        if refused:
            pytest.skip(f"no disk can be mounted here: {refused.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.parametrize("damaged", [False, True])
def test_an_index_on_a_read_only_disk_is_served(home: Path, damaged: bool) -> None:
    if damaged:
        (home / "index/gen-000002/vectors.npy").write_bytes(b"")
    before = everything_in(home)
    with read_only_disk(home / "index"):
        generation = Store(home / "index").open()
        assert (generation.id, generation.degraded is None) == (
            ("gen-000001", False) if damaged else ("gen-000002", True)
        )
        assert marker_of(generation) == (1 if damaged else 2)
        generation.close()
    assert everything_in(home) == before


def test_a_build_on_a_read_only_disk_is_a_clear_error(home: Path) -> None:
    write_corpus(home / "corpus", 3)
    with read_only_disk(home / "index"):
        assert waiting(home).run() == StorageError.exit_code
        assert "Read-only file system" in said(home)
        assert served_marker(home) == 2
    build_marker(home, 3)


def _serve_bound(home: Path, expected: int, is_degraded: bool) -> None:
    with bound_by_rights():
        assert not os.access(home / "index", os.W_OK, effective_ids=True)
        generation = Store(home / "index").open()
        assert marker_of(generation) == expected
        assert (generation.degraded is not None) is is_degraded
        # Whoever cleans up leaves it alone while it is open, even here.
        assert generation.pin is not None


def _serve_bound_while_the_lock_is_taken_once_more(home: Path) -> None:
    """As tantivy's threads do now and then: a file appears when the folder of links has just been clear_away."""
    real, late = os.rmdir, list[Path]()

    def rmdir(path: str, **options: int) -> None:
        if not late:
            late.append(next(Path(tempfile.gettempdir()).glob("footnote-*/")) / ".tantivy-meta.lock")
            late[0].touch()
        real(path, **options)  # type: ignore[arg-type]  # as os has it

    tempfile.tempdir = str(home / "temporary")
    with bound_by_rights(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "rmdir", rmdir)
        assert marker_of(Store(home / "index").open()) == 2
    assert late
    assert not list((home / "temporary").iterdir())


def _refuse_bound(home: Path) -> None:
    with bound_by_rights(), pytest.raises(StorageError, match="Permission denied"):
        Store(home / "index").open()


def in_child(target: object, *arguments: object) -> None:
    """Let a process of its own do something, and expect it to go well."""
    process = PROCESSES.Process(target=target, args=arguments)  # type: ignore[arg-type]  # any function will do
    process.start()
    process.join(60)
    assert process.exitcode == 0


@pytest.mark.parametrize("damaged", [False, True])
def test_a_read_only_folder_is_served_and_left_as_it_is(home: Path, damaged: bool) -> None:
    if damaged:
        (home / "index/gen-000002/dense.faiss").write_bytes(b"")
    before = everything_in(home)
    for path in [home, *home.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    in_child(_serve_bound, home, 1 if damaged else 2, damaged)
    assert everything_in(home) == before


def test_a_lock_taken_while_the_links_are_removed_harms_nothing(home: Path) -> None:
    (home / "temporary").mkdir()
    for path in [home / "index", *(home / "index").rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    in_child(_serve_bound_while_the_lock_is_taken_once_more, home)


@pytest.mark.skipif(os.getuid() != 0, reason="only root may give files away")
def test_another_user_s_index_is_served_when_it_may_be_read(home: Path) -> None:
    for path in [home, *home.rglob("*")]:
        os.chown(path, SOMEBODY, SOMEBODY)
        path.chmod(0o755 if path.is_dir() else 0o644)
    before = everything_in(home)
    in_child(_serve_bound, home, 2, False)
    (home / "index").chmod(0o700)
    in_child(_refuse_bound, home)
    assert everything_in(home) == before


# ---------------------------------------------------------------- folders, links and strays


def test_a_folder_in_the_place_of_current_is_kept_and_worked_around(home: Path) -> None:
    current = home / "index" / "CURRENT"
    current.unlink()
    current.mkdir()
    (current / "mine").write_text("mine")
    assert served_marker(home) == 2
    write_corpus(home / "corpus", 3)
    assert waiting(home).run() == StorageError.exit_code
    assert str(current) in said(home)
    assert served_marker(home) == 2
    assert (current / "mine").read_text() == "mine"


def test_links_to_outside_are_not_followed(home: Path) -> None:
    outside = home / "outside"
    os.rename(home / "index" / "gen-000002", outside)
    (home / "index" / "gen-000002").symlink_to(outside)
    before = everything_in(outside)
    generation = Store(home / "index").open()
    assert (generation.id, marker_of(generation)) == ("gen-000001", 1)
    assert generation.degraded is not None
    generation.close()
    build_marker(home, 3)
    assert served_marker(home) == 3
    assert everything_in(outside) == before
    assert (home / "index" / "gen-000002").is_symlink()


def test_a_link_in_the_place_of_current_is_not_followed(home: Path) -> None:
    outside = home / "outside"
    os.rename(home / "index" / "CURRENT", outside)
    (home / "index" / "CURRENT").symlink_to(outside)
    pointer = outside.read_bytes()
    generation = Store(home / "index").open()
    assert (generation.id, generation.degraded) == (
        "gen-000002",
        "CURRENT is damaged: it names no generation; serving gen-000002",
    )
    generation.close()
    build_marker(home, 3)
    assert served_marker(home) == 3
    assert outside.read_bytes() == pointer


def test_an_index_behind_a_link_is_served_and_built(home: Path) -> None:
    os.rename(home / "index", home / "elsewhere")
    (home / "index").symlink_to(home / "elsewhere")
    assert served_marker(home) == 2
    build_marker(home, 3)
    assert served_marker(home) == 3
    assert (home / "index").is_symlink()


def test_strays_are_neither_read_nor_removed(home: Path, tally: Tally) -> None:
    index = home / "index"
    for name in STRAYS:
        (index / name).write_text("mine")
    (index / "lost+found").mkdir()
    shutil.copytree(index / "gen-000001", index / "gen-000003 (copy)")
    (index / "gen-000009").symlink_to(home)
    (index / "gen-000002" / ".DS_Store").write_text("mine")
    (index / "gen-000002" / "lexical" / "notes").write_text("mine")
    mine = {name: data for name, data in everything_in(index).items() if not name.startswith("gen-00000")}
    copy = everything_in(index / "gen-000003 (copy)")
    assert served_marker(home) == 2
    for marker in range(3, 6):
        build_marker(home, marker)
    Store(index).rollback()
    (index / Store(index).names()[-1] / "manifest.json").unlink()
    assert served_marker(home) is not None
    build_marker(home, 6)
    assert served_marker(home) == 6
    after = everything_in(index)
    assert {name: after.get(name) for name in mine if name != "CURRENT"} == {
        name: data for name, data in mine.items() if name != "CURRENT"
    }
    assert everything_in(index / "gen-000003 (copy)") == copy
    assert (index / "gen-000009").is_symlink()
    tally("strays", left=len(STRAYS) + 3, touched=0)


# ---------------------------------------------------------------- the clock


def turn_clock(years: int) -> None:
    """Spoil a builder: its clock is wrong by so many years."""
    off = timedelta(days=365 * years)

    class Turned(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            return super().now(tz) + off

    for module in ("indexer.draft", "indexer.generation"):
        mock.patch(f"{module}.datetime", Turned).start()


def test_a_wrong_clock_changes_no_order(home: Path, tally: Tally) -> None:
    store = Store(home / "index")
    this_year = datetime.now(UTC).year
    for marker, years in enumerate((40, -10, 0, 40, -10), start=3):
        write_corpus(home / "corpus", marker)
        then = datetime(this_year + years, 6, 1, tzinfo=UTC).timestamp()
        for path in (home / "corpus").iterdir():
            os.utime(path, (then, then))
        assert waiting(home, spoil=partial(turn_clock, years)).run() == 0
        for path in [home / "index", *(home / "index").rglob("*")]:
            os.utime(path, (then, then))
        generation = store.open()
        assert (generation.id, generation.degraded) == (f"gen-{marker:06d}", None)
        assert marker_of(generation) == marker
        # The clock was wrong indeed.
        assert abs(int(generation.manifest.created[:4]) - this_year - years) <= 1
        assert generation.manifest.parent == f"gen-{marker - 1:06d}"
        generation.close()
        assert store.names() == [f"gen-{marker - 1:06d}", f"gen-{marker:06d}"]
    (store.root / "gen-000007" / "vectors.npy").unlink()
    assert served_marker(home) == 6
    assert store.rollback() == "gen-000006"
    tally("builds with a wrong clock", tried=5, out_of_order=0)
