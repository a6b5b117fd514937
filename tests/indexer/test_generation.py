"""A reader gets a whole generation or a clear word; what is damaged is found, named, kept, and never served."""

import multiprocessing
import os
import random
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from multiprocessing.synchronize import Event
from pathlib import Path

import faiss
import numpy as np
import pytest

from indexer.build import BuildReport, build
from indexer.commit import writing
from indexer.dense import DenseIndex
from indexer.errors import (
    IndexBusyError,
    IndexDamagedError,
    IndexIncompatibleError,
    IndexMissingError,
    StorageError,
    UsageError,
)
from indexer.generation import Generation, Store
from indexer.manifest import FORMAT_VERSION, decode_manifest, encode_manifest
from indexer.opening import read_generation
from indexer.settings import Settings
from indexer.storage import measure
from tests.indexer.hash_embedder import HashEmbedder

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["indexer.build", "tests.indexer.hash_embedder", "pytest", "datasketch"])


def grow(folder: Path, marker: int, **settings: object) -> BuildReport:
    """Write a corpus whose every article carries the marker, and build it."""
    corpus = folder / "corpus"
    corpus.mkdir(exist_ok=True)
    for number in range(3):
        text = f"# Title {number}\n\nArticle {number} of GEN={marker}. It counts {number * 7 + marker} robots.\n"
        (corpus / f"article-{number}.md").write_text(text)
    configured = Settings.model_validate({"corpus": corpus, "index": folder / "index", **settings})
    return build(configured, HashEmbedder())


def marker_of(generation: Generation) -> int:
    """Return the one marker that a generation carries in texts, passages and the lexical index."""
    markers = {article.text.split("GEN=")[1].split(".")[0] for article in generation.articles.values()}
    assert len(markers) == 1
    assert all("GEN=" in generation.article_of(one).quote(one.start, one.end) for one in generation.passages)
    rows = np.asarray(generation.vectors, dtype=np.float32)
    assert all(generation.dense.search(row, 1)[0][0] == number for number, row in enumerate(rows))
    return int(markers.pop())


def names_in(folder: Path) -> set[str]:
    """Return what lies in a folder."""
    return {path.name for path in folder.iterdir()}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of two generations, never changed by a test."""
    folder = tmp_path_factory.mktemp("made")
    for marker in (1, 2):
        assert grow(folder, marker).committed
    return folder / "index"


@pytest.fixture
def index(made: Path, tmp_path: Path) -> Path:
    """A copy of the index that a test may spoil."""
    return Path(shutil.copytree(made, tmp_path / "index"))


# ---------------------------------------------------------------- opening


def test_the_current_generation_opens_whole(made: Path) -> None:
    generation = Store(made).open()
    assert (generation.id, generation.degraded, marker_of(generation)) == ("gen-000002", None, 2)
    assert generation.manifest.parent == "gen-000001"
    assert generation.vectors.dtype == np.float16
    assert len(generation.dense) == len(generation.lexical) == len(generation.passages) == 3
    generation.close()


def test_without_an_index_it_says_how_to_make_one(tmp_path: Path) -> None:
    for root in (tmp_path, tmp_path / "absent"):
        with pytest.raises(IndexMissingError, match="footnote index"):
            Store(root).open()
        with pytest.raises(IndexMissingError, match="footnote index"):
            Store(root).rollback()
        assert Store(root).generations() == []


def test_another_embedder_is_refused_but_not_another_number_format(made: Path) -> None:
    with pytest.raises(IndexIncompatibleError, match=r"footnote index"):
        Store(made).open(expect=HashEmbedder(name="other").info)
    with pytest.raises(IndexIncompatibleError, match=r"9 dimensions"):
        Store(made).open(expect=HashEmbedder(dim=9).info)
    Store(made).open(expect=HashEmbedder(dtype="bfloat16").info).close()


def test_generations_are_listed(index: Path) -> None:
    (index / "gen-000001" / "manifest.json").write_bytes(b"{}")
    first, second = Store(index).generations()
    assert (first.id, first.current, first.counts) == ("gen-000001", False, None)
    assert first.problem is not None
    assert "manifest.json" in first.problem
    assert (second.id, second.current, second.problem) == ("gen-000002", True, None)
    assert second.counts is not None
    assert second.counts.passages == 3


# ---------------------------------------------------------------- damage


def flip(path: Path, chance: random.Random) -> None:
    """Change one bit."""
    data = bytearray(path.read_bytes())
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    path.write_bytes(data)


def truncate(path: Path, chance: random.Random) -> None:
    """Cut a file off somewhere."""
    path.write_bytes(path.read_bytes()[: chance.randrange(path.stat().st_size)])


def extend(path: Path, chance: random.Random) -> None:
    """Append one byte."""
    path.write_bytes(path.read_bytes() + bytes([chance.randrange(256)]))


def delete(path: Path, chance: random.Random) -> None:
    """Remove a file."""
    path.unlink()


def swap(path: Path, chance: random.Random) -> None:
    """Exchange a file with another of its generation."""
    other = path.with_name("passages.jsonl" if path.name == "articles.jsonl" else "articles.jsonl")
    if path.parent.name == "lexical":
        other = path.parent.parent / "articles.jsonl"
    shutil.copyfile(other, path)


def take_older(path: Path, chance: random.Random) -> None:
    """Put the file of another generation in its place."""
    shutil.copyfile(older_of(path), path)


def older_of(path: Path) -> Path:
    """Return the file of the first generation that plays the same part; names of segments are drawn by lot."""
    folder = Path(str(path.parent).replace("gen-000002", "gen-000001"))
    same = folder / path.name
    return same if same.exists() else next(folder.glob(f"*{path.suffix}"))


def make_folder(path: Path, chance: random.Random) -> None:
    """Put a folder where the file was."""
    path.unlink()
    path.mkdir()


def make_link(path: Path, chance: random.Random) -> None:
    """Put a link to a file outside in its place."""
    outside = path.parents[3] / f"outside-{path.name}" if path.parent.name == "lexical" else path.parents[2] / path.name
    shutil.move(path, outside)
    path.symlink_to(outside)


def make_pipe(path: Path, chance: random.Random) -> None:
    """Put a pipe in its place, which would make a careless reader wait for ever."""
    path.unlink()
    os.mkfifo(path)


DAMAGES = [flip, flip, flip, truncate, truncate, extend, delete, swap, take_older, make_folder, make_link, make_pipe]


def test_damage_to_any_file_is_found_and_named(made: Path, tmp_path: Path) -> None:
    chance = random.Random(20261)
    manifest = decode_manifest((made / "gen-000002" / "manifest.json").read_bytes())
    trials = 0
    for name in [*manifest.files, "manifest.json"]:
        for damage in DAMAGES:
            path = made / "gen-000002" / name
            if damage is take_older and older_of(path).read_bytes() == path.read_bytes():
                continue
            root = tmp_path / f"{trials}"
            index = Path(shutil.copytree(made, root / "index"))
            damage(index / "gen-000002" / name, chance)
            generation = Store(index).open()
            assert generation.id == "gen-000001", (name, damage)
            assert generation.degraded is not None
            assert generation.degraded.startswith(f"gen-000002 is damaged: {name}: "), (damage, generation.degraded)
            assert generation.degraded.endswith("; serving gen-000001")
            assert marker_of(generation) == 1
            reason = (index / "quarantine" / "gen-000002" / "REASON.txt").read_text()
            assert name in reason
            generation.close()
            # tantivy's watcher may still put its lock file into the folder that is being removed.
            shutil.rmtree(root, ignore_errors=True)
            trials += 1
    assert trials > 12 * 10


def test_a_flipped_format_number_is_damage_not_the_future(index: Path) -> None:
    manifest = index / "gen-000002" / "manifest.json"
    told = f'"format_version": {FORMAT_VERSION}'.encode()
    manifest.write_bytes(manifest.read_bytes().replace(told, told[:-1] + b"7"))
    generation = Store(index).open()
    assert generation.degraded == "gen-000002 is damaged: manifest.json: SHA-256 differs; serving gen-000001"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"gen-000002",
        b"../../etc 00\n",
        b"\xff" * 80,
        b"x" * 100_000,
        b"gen-" + b"0" * 300 + b"2 " + b"a" * 64 + b"\n",
    ],
)
def test_a_spoilt_current_serves_the_newest_valid_generation(index: Path, content: bytes) -> None:
    (index / "CURRENT").write_bytes(content)
    generation = Store(index).open()
    assert (generation.id, marker_of(generation)) == ("gen-000002", 2)
    assert generation.degraded == "CURRENT is damaged: it names no generation; serving gen-000002"


def test_a_missing_current_or_a_folder_in_its_place_serves_the_newest(index: Path) -> None:
    (index / "CURRENT").unlink()
    assert Store(index).open().degraded == "CURRENT is missing; serving gen-000002"
    (index / "CURRENT").mkdir()
    assert Store(index).open().degraded == "CURRENT is damaged: it names no generation; serving gen-000002"


def test_a_missing_folder_serves_the_parent(index: Path) -> None:
    shutil.rmtree(index / "gen-000002")
    assert Store(index).open().degraded == "CURRENT names gen-000002, which is missing; serving gen-000001"


def test_the_degraded_state_lasts_until_somebody_mends_it(index: Path) -> None:
    (index / "gen-000002" / "dense.faiss").unlink()
    expected = "gen-000002 is damaged: dense.faiss: missing; serving gen-000001"
    assert [Store(index).open().degraded for _ in range(3)] == [expected] * 3
    assert Store(index).rollback() == "gen-000001"
    assert Store(index).open().degraded is None
    assert names_in(index / "quarantine" / "gen-000002") >= {"REASON.txt", "manifest.json", "vectors.npy"}


def test_with_nothing_valid_it_says_so_and_deletes_nothing(index: Path) -> None:
    for name in ("gen-000001", "gen-000002"):
        (index / name / "vectors.npy").write_bytes(b"")
    for _ in range(2):
        with pytest.raises(IndexDamagedError, match=r"gen-000002 is damaged: vectors.npy.*footnote index"):
            Store(index).open()
    assert names_in(index / "quarantine") == {"gen-000001", "gen-000002"}
    assert grow(index.parent, 3).generation == "gen-000003"
    assert Store(index).open().degraded is None


def test_a_build_mends_a_damaged_index_and_never_reuses_its_number(index: Path) -> None:
    flip(index / "gen-000002" / "vectors.npy", random.Random(3))
    report = grow(index.parent, 2)
    assert report.committed
    assert report.generation == "gen-000003"
    assert report.warnings == ("gen-000002 is damaged: vectors.npy: SHA-256 differs. Built from gen-000001 instead.",)
    generation = Store(index).open()
    assert (generation.degraded, generation.manifest.parent, marker_of(generation)) == (None, "gen-000001", 2)


def test_a_newer_format_is_left_untouched(index: Path) -> None:
    folder = index / "gen-000002"
    told = f'"format_version": {FORMAT_VERSION}'.encode()
    data = (folder / "manifest.json").read_bytes().replace(told, told[:-1] + b"%d" % (FORMAT_VERSION + 1))
    (folder / "manifest.json").write_bytes(data)
    Store(index).point_at("gen-000002")
    before = {path: path.stat().st_mtime_ns for path in sorted(index.rglob("*")) if path.name != "LOCK"}
    with pytest.raises(IndexIncompatibleError, match=f"format {FORMAT_VERSION + 1}"):
        Store(index).open()
    with pytest.raises(IndexIncompatibleError, match=f"format {FORMAT_VERSION + 1}"):
        grow(index.parent, 3)
    after = {path: path.stat().st_mtime_ns for path in sorted(index.rglob("*")) if path.name != "LOCK"}
    assert after == before


def test_counts_that_disagree_are_damage(index: Path) -> None:
    path = index / "gen-000002" / "manifest.json"
    manifest = decode_manifest(path.read_bytes())
    path.write_bytes(encode_manifest(replace(manifest, counts=replace(manifest.counts, lexical=4))))
    with pytest.raises(IndexDamagedError, match="counts disagree"):
        read_generation(index / "gen-000002", "gen-000002")


def test_whole_files_that_a_library_cannot_read_are_incompatible_not_damaged(index: Path) -> None:
    folder = index / "gen-000002"
    manifest = decode_manifest((folder / "manifest.json").read_bytes())
    (folder / "dense.faiss").write_bytes(b"of another FAISS")
    files = {**manifest.files, "dense.faiss": measure(folder / "dense.faiss")}
    (folder / "manifest.json").write_bytes(encode_manifest(replace(manifest, files=files)))
    Store(index).point_at("gen-000002")
    with pytest.raises(IndexIncompatibleError, match=r"gen-000002 is whole.*footnote index"):
        Store(index).open()
    assert folder.is_dir()
    report = grow(index.parent, 3)
    assert report.warnings[0].endswith("Everything is built anew.")
    assert marker_of(Store(index).open()) == 3


# ---------------------------------------------------------------- rollback, clean-up, strays


def test_rollback_goes_to_the_parent_and_the_next_build_goes_on_from_there(index: Path) -> None:
    store = Store(index)
    assert store.rollback() == "gen-000001"
    assert marker_of(store.open()) == 1
    with pytest.raises(UsageError, match="no older generation"):
        store.rollback()
    report = grow(index.parent, 2)
    assert (report.generation, store.open().manifest.parent) == ("gen-000003", "gen-000001")


def test_rollback_sets_a_damaged_generation_aside_where_no_clean_up_deletes_it(index: Path) -> None:
    (index / "gen-000002" / "passages.jsonl").write_bytes(b"")
    assert Store(index).rollback() == "gen-000001"
    assert Store(index).names() == ["gen-000001"]
    assert "passages.jsonl" in (index / "quarantine" / "gen-000002" / "REASON.txt").read_text()


def test_rollback_refuses_a_damaged_parent(index: Path) -> None:
    flip(index / "gen-000001" / "passages.jsonl", random.Random(4))
    with pytest.raises(IndexDamagedError, match=r"passages.jsonl"):
        Store(index).rollback()
    assert Store(index).open().id == "gen-000002"


def test_clean_up_keeps_what_is_needed(tmp_path: Path) -> None:
    for marker in range(1, 7):
        grow(tmp_path, marker, keep_generations=2)
    assert Store(tmp_path / "index").names() == ["gen-000004", "gen-000005", "gen-000006"]


def test_clean_up_keeps_the_parent_after_a_rollback(tmp_path: Path) -> None:
    store = Store(tmp_path / "index")
    for marker in range(1, 4):
        grow(tmp_path, marker, keep_generations=2)
    store.rollback()
    store.rollback()
    grow(tmp_path, 4, keep_generations=1)
    assert store.names() == ["gen-000001", "gen-000003", "gen-000004"]
    assert store.rollback() == "gen-000001"


def test_an_open_generation_is_kept_until_it_is_closed(tmp_path: Path) -> None:
    store = Store(tmp_path / "index")
    grow(tmp_path, 1)
    held = store.open()
    for marker in range(2, 6):
        grow(tmp_path, marker, keep_generations=1)
    assert store.names() == ["gen-000001", "gen-000004", "gen-000005"]
    assert marker_of(held) == 1
    held.close()
    grow(tmp_path, 6, keep_generations=1)
    assert store.names() == ["gen-000005", "gen-000006"]


def test_a_forgotten_generation_lets_go(tmp_path: Path) -> None:
    store = Store(tmp_path / "index")
    grow(tmp_path, 1)
    held: list[Generation] = [store.open()]
    held.clear()
    for marker in range(2, 4):
        grow(tmp_path, marker, keep_generations=1)
    assert store.names() == ["gen-000002", "gen-000003"]


def test_an_open_generation_answers_after_it_was_moved(index: Path) -> None:
    generation = Store(index).open()
    os.rename(index / "gen-000002", index / "elsewhere")
    assert len(generation.lexical.search(["robot"], 10)) == 3
    shutil.rmtree(index / "elsewhere")
    assert len(generation.lexical.search(["robot"], 10)) == 3
    assert marker_of(generation) == 2


# ---------------------------------------------------------------- one builder at a time


def _hold(index: Path, holding: Event) -> None:
    with writing(Store(index), keep=2):
        holding.set()
        time.sleep(60)


@pytest.fixture
def holder(index: Path) -> Iterator[Callable[[], None]]:
    """Another process that is building; calling it kills that process."""
    holding = PROCESSES.Event()
    process = PROCESSES.Process(target=_hold, args=(index, holding))
    process.start()
    assert holding.wait(30)

    def kill() -> None:
        process.kill()
        process.join()

    yield kill
    kill()


def test_a_second_builder_is_told_at_once_who_builds(index: Path, holder: Callable[[], None]) -> None:
    started = time.monotonic()
    with pytest.raises(IndexBusyError, match=r"pid \d+, since 20\d\d-") as caught:
        grow(index.parent, 3)
    assert time.monotonic() - started < 1
    assert caught.value.exit_code == 75
    with pytest.raises(IndexBusyError):
        Store(index).rollback()
    assert marker_of(Store(index).open()) == 2
    holder()
    assert grow(index.parent, 3).generation == "gen-000003"


def test_a_reader_serves_the_older_one_while_a_builder_keeps_the_lock(index: Path, holder: Callable[[], None]) -> None:
    flip(index / "gen-000002" / "dense.faiss", random.Random(5))
    generation = Store(index).open()
    assert generation.degraded == "gen-000002 is damaged: dense.faiss: SHA-256 differs; serving gen-000001"
    assert (index / "gen-000002").is_dir()


def test_too_little_space_is_said_before_any_work(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = shutil.disk_usage(index)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: free)
    with pytest.raises(StorageError, match="0 MiB free"):
        grow(index.parent, 3)
    assert marker_of(Store(index).open()) == 2


def test_what_is_no_scalar_quantiser_of_ours_is_not_read_by_faiss(made: Path) -> None:
    data = (made / "gen-000002" / "dense.faiss").read_bytes()
    assert len(DenseIndex.from_bytes(data)) == 3
    with pytest.raises(IndexDamagedError, match="no scalar quantiser"):
        DenseIndex.from_bytes(faiss.serialize_index(faiss.IndexFlatIP(8)).tobytes())
    for at in range(4, len(data) - 8):
        # A length that says more than there is must not be believed, nor allocated.
        with suppress(IndexDamagedError):
            DenseIndex.from_bytes(data[:at] + b"\xff" * 7 + data[at + 7 :])


def test_a_link_in_the_place_of_the_lock_is_not_written_through(index: Path) -> None:
    mine = index.parent / "mine.txt"
    mine.write_text("mine")
    (index / "LOCK").unlink(missing_ok=True)
    (index / "LOCK").symlink_to(mine)
    with pytest.raises(StorageError, match="LOCK"):
        grow(index.parent, 3)
    assert mine.read_text() == "mine"
    assert marker_of(Store(index).open()) == 2


def test_a_new_index_is_its_owners_alone(tmp_path: Path) -> None:
    assert grow(tmp_path, 1).committed
    assert (tmp_path / "index").stat().st_mode & 0o777 == 0o700
