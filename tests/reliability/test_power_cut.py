"""The power goes at any moment: a reader gets the old index or the new one, whole; the new one once it was promised.

The operations are those of real builds, a rollback, an import and the mending of a damaged file, recorded once. What
a disk could hold after each is made up some hundred thousand times, laid out, and opened with the real `Store`.
The mutants show that the test can fail: each leaves out one precaution, and must be caught.
"""

import os
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from indexer import generation, opening
from indexer.commit import Writer
from indexer.errors import FootnoteError, IndexDamagedError, IndexMissingError
from indexer.generation import Store
from indexer.storage import sync
from indexer.transfer import export_generation, import_copy
from tests.conftest import Tally, Trials
from tests.reliability.disk import Disk, Key, Operation, Promise, Recorder, Sync, Tree, lay_out
from tests.reliability.marked import assert_no_leftovers, build_marker, marker_of, served_marker

SEED = 20264
NEXT = 77
IMPORTED = 9


@dataclass(frozen=True, slots=True)
class Story:
    """What was done, and every content that was written."""

    log: Sequence[Operation]
    contents: dict[Key, bytes]

    def without(self, left_out: Callable[[Sync], bool]) -> "Story":
        """The same, done by somebody who leaves out some of the syncs."""
        kept = [one for one in self.log if not (isinstance(one, Sync) and left_out(one))]
        return Story(kept, self.contents)


@pytest.fixture(scope="module")
def shelf() -> Iterator[Path]:
    """A folder in memory, where there is such a thing."""
    memory = Path("/dev/shm")
    place = memory if os.access(memory, os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=place, ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def story(shelf: Path) -> Story:
    """Everything that changes an index, once."""
    aside, home = shelf / "aside", shelf / "home"
    aside.mkdir()
    home.mkdir()
    build_marker(aside, IMPORTED)
    export_generation(Store(aside / "index"), shelf / "copy.zip")
    store, recorder = Store(home / "index"), Recorder(home, "index")
    with recorder.recording():
        for old, new in ((None, 1), (1, 2), (2, 3), (3, 4)):
            recorder.promise(old, new)
            build_marker(home, new)
            recorder.promise(new)
        recorder.promise(4, 3)
        assert store.rollback() == "gen-000003"
        recorder.promise(3)
        recorder.promise(3, 5)
        build_marker(home, 5)
        recorder.promise(5)
        recorder.promise(5, IMPORTED)
        assert import_copy(store, shelf / "copy.zip", keep=1).committed
        recorder.promise(IMPORTED)
        # Its parent is served when a file of it goes bad, and it is set aside.
        recorder.promise(IMPORTED, 5)
        _spoil(store.root / str(store.current_id()) / "passages.jsonl")
        recorder.promise(5)
        assert served_marker(home) == 5
        recorder.promise(5, 6)
        build_marker(home, 6)
        recorder.promise(6)
    assert len(recorder.log) > 300
    return Story(recorder.log, recorder.contents)


def _spoil(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    sync(path)


# ---------------------------------------------------------------- judging what is left


class Court:
    """Opens what a disk could hold and says what is wrong with it; each state once."""

    def __init__(self, shelf: Path) -> None:
        self.known: dict[tuple[tuple[str, Key | None], ...], int | str | None] = {}
        self.shelf = shelf
        (shelf / "pool").mkdir(exist_ok=True)

    def verdict(self, tree: Tree, contents: dict[Key, bytes], allowed: frozenset[int | None]) -> str | None:
        """What a reader would complain of: unavailable, traceback, lost, or silent (served, but wrong); or None."""
        case = tuple(tree.items())
        if case not in self.known:
            self.known[case] = self._served(tree, contents)
        served = self.known[case]
        if isinstance(served, str):
            return served
        if served in allowed:
            return None
        return "lost" if served else "unavailable"

    def _served(self, tree: Tree, contents: dict[Key, bytes]) -> int | str | None:
        # A name that was never there: what tantivy still holds of another state may outlive its removal.
        folder = Path(tempfile.mkdtemp(dir=self.shelf, prefix="state-"))
        try:
            lay_out(tree, contents, folder, self.shelf / "pool")
            return _served(folder)
        finally:
            # tantivy may still be at its lock file.
            shutil.rmtree(folder, ignore_errors=True)

    def build_goes_on(self, tree: Tree, contents: dict[Key, bytes]) -> None:
        """The next build succeeds and clears up."""
        folder = Path(tempfile.mkdtemp(dir=self.shelf, prefix="next-"))
        lay_out(tree, contents, folder, self.shelf / "pool")
        build_marker(folder, NEXT)
        assert served_marker(folder) == NEXT
        assert_no_leftovers(folder)
        shutil.rmtree(folder, ignore_errors=True)


def _served(folder: Path) -> int | str | None:
    try:
        opened = Store(folder / "index").open()
    except IndexMissingError:
        return None
    except FootnoteError:
        return "unavailable"
    except Exception:
        return "traceback"
    try:
        return marker_of(opened)
    except Exception:
        # Whatever the oracle stumbles over was served as if it were right.
        return "silent"
    finally:
        opened.close()


def states(story: Story, each: int, seed: int) -> Iterator[tuple[Tree, dict[Key, bytes], frozenset[int | None]]]:
    """What could be left, `each` times after every operation, half of them with the changes of names in order."""
    chance, disk = random.Random(seed), Disk(story.contents)
    allowed: frozenset[int | None] = frozenset({None})
    for step, operation in enumerate(story.log):
        disk.apply(operation)
        if isinstance(operation, Promise):
            allowed = operation.allowed
        for number in range(step, step + each):
            yield disk.cut(chance, "any" if number % 2 else "ordered"), disk.contents, allowed


def test_after_a_power_cut_a_reader_gets_the_old_or_the_new(
    story: Story, shelf: Path, trials: Trials, tally: Tally
) -> None:
    court, bad, tried = Court(shelf), Counter[str](), 0
    next_builds, every = 0, trials(100, 500)
    for tree, contents, allowed in states(story, trials(1, 200), SEED):
        tried += 1
        if wrong := court.verdict(tree, contents, allowed):
            bad[wrong] += 1
        if tried % every == 0:
            court.build_goes_on(tree, contents)
            next_builds += 1
    tally(
        "power cuts", operations=len(story.log), states=tried, distinct=len(court.known), next_builds=next_builds,
        bad=bad.total(),
    )  # fmt: skip
    assert not bad
    assert tried >= trials(400, 10_000)


# ---------------------------------------------------------------- the test can fail


def faults(story: Story, shelf: Path, wanted: str) -> Counter[str]:
    """Count what is wrong with a mutant once it has promised something, until it is wrong as expected."""
    court, bad = Court(shelf), Counter[str]()
    cases = [case for case in states(story, 4, SEED) if None not in case[2]]
    random.Random(SEED).shuffle(cases)
    for tree, contents, allowed in cases[:3000]:
        if wrong := court.verdict(tree, contents, allowed):
            bad[wrong] += 1
            if wrong == wanted:
                break
    return bad


def test_without_syncing_files_what_was_promised_is_lost(story: Story, shelf: Path) -> None:
    careless = story.without(lambda sync: not sync.is_folder)
    assert faults(careless, shelf, "lost")["lost"]


def test_without_syncing_folders_what_was_promised_is_lost(story: Story, shelf: Path) -> None:
    careless = story.without(lambda sync: sync.is_folder)
    assert faults(careless, shelf, "lost")["lost"]


def test_without_syncing_files_nor_checksums_wrong_answers_come_in_silence(
    story: Story, shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Only ours: with checks off, the libraries may take the whole process down over theirs.
    careless = story.without(lambda sync: sync.name in ("articles.jsonl", "passages.jsonl", "vectors.npy"))
    monkeypatch.setattr(opening, "_check_files", lambda folder, manifest: None)
    assert faults(careless, shelf, "silent")["silent"]


def _record_builds(home: Path) -> Story:
    home.mkdir()
    recorder = Recorder(home, "index")
    with recorder.recording():
        for old, new in ((None, 1), (1, 2), (2, 3)):
            recorder.promise(old, new)
            build_marker(home, new)
            recorder.promise(new)
    return Story(recorder.log, recorder.contents)


def _write_in_place(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    sync(path)
    sync(path.parent)


def _do_not_fall_back(
    store: Store, text: str | None, damage: IndexDamagedError, *, lock_held: bool, whole: bool
) -> None:
    raise damage


def test_with_current_written_in_place_and_no_fallback_nothing_can_be_loaded(
    shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(generation, "replace_file", _write_in_place)
        careless = _record_builds(shelf / "in-place")
    monkeypatch.setattr(Store, "_fall_back", _do_not_fall_back)
    assert faults(careless, shelf, "unavailable")["unavailable"]


def test_without_syncing_and_with_the_old_one_deleted_at_once_nothing_can_be_loaded(
    shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forget_the_old(writer: Writer) -> None:
        current = writer.store.current_id()
        for name in writer.store.names():
            if name != current:
                shutil.rmtree(writer.store.root / name)

    with monkeypatch.context() as patch:
        patch.setattr(Writer, "clean_up", forget_the_old)
        careless = _record_builds(shelf / "forgetful").without(lambda sync: True)
    assert faults(careless, shelf, "unavailable")["unavailable"]
