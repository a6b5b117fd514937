"""A disk that is full, at any size and at any byte, is a clear error; the generation before it serves on.

The disk is a real one where this process may mount it: a tmpfs of so many pages, or so many files. And for the last
bytes of each file, the system refuses to make it as long as it has to be.
"""

import os
import random
import resource
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from unittest import mock

import faiss
import numpy as np
import pytest

from indexer.dense import DenseIndex
from indexer.draft import Draft
from indexer.errors import StorageError
from indexer.generation import Store
from indexer.storage import FileRecord, measure, write_file
from tests.conftest import Tally, Trials
from tests.reliability.builders import PROCESSES, look, said, unmended, waiting
from tests.reliability.marked import build_marker, clear_away, write_corpus

PAGE = os.sysconf("SC_PAGE_SIZE")
CURRENT = "CURRENT"
LEXICAL = "lexical"
WRITTEN = (
    "articles.jsonl",
    "passages.jsonl",
    "duplicates.json",
    "bands.npy",
    "keys.npy",
    "vectors.npy",
    "dense.faiss",
    "manifest.json",
    CURRENT,
)


# ---------------------------------------------------------------- a disk of every size


@contextmanager
def disk(folder: Path) -> Iterator[Path]:
    """Mount a small disk on a folder, or skip where that is not allowed."""
    folder.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=64m", "footnote-test", str(folder)]
    try:
        refused = subprocess.run(mounting, capture_output=True, text=True, check=False).stderr
    except FileNotFoundError:
        refused = "there is no mount"
    if refused:
        pytest.skip(f"no disk can be mounted here: {refused.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def resize(folder: Path, option: str) -> None:
    """Leave a mounted disk so much room."""
    subprocess.run(["mount", "-o", f"remount,{option}", str(folder)], check=True)


def pages(folder: Path, left: int) -> str:
    """The option that leaves so many pages."""
    status = os.statvfs(folder)
    # A size of 0 would mean no limit.
    return f"size={max((status.f_blocks - status.f_bfree + left) * status.f_frsize, 1)}"


def files(folder: Path, left: int) -> str:
    """The option that leaves room for so many files."""
    status = os.statvfs(folder)
    return f"nr_inodes={status.f_files - status.f_ffree + left}"


@pytest.mark.parametrize("room", [pages, files], ids=["pages", "files"])
@pytest.mark.parametrize("had_index", [True, False], ids=["again", "first"])
def test_a_disk_with_any_room_too_little_is_a_clear_error(
    tmp_path: Path, trials: Trials, tally: Tally, room: Callable[[Path, int], str], had_index: bool
) -> None:
    with disk(tmp_path / "index") as index:
        marker = 2 if had_index else 0
        for one in range(1, marker + 1):
            build_marker(tmp_path, one)
        refused = 0
        for left in range(0, 100, trials(4, 1)):
            write_corpus(tmp_path / "corpus", 3)
            resize(index, room(index, left))
            code = waiting(tmp_path).run()
            verdict = look(tmp_path, old=marker or None, new=3)
            assert not verdict.wrong, f"{left} {room.__name__}: {verdict.wrong}"
            if code == 0:
                assert verdict.served == 3
                break
            refused += 1
            words = said(tmp_path)
            assert (code, verdict.served) == (StorageError.exit_code, marker or None), words
            assert str(index) in words
            assert "No space left on device" in words or "MiB free" in words
            assert not [path.name for path in index.iterdir() if path.name.startswith(("tmp-", "CURRENT."))]
        resize(index, "size=64m,nr_inodes=10000")
        assert unmended(tmp_path, 4) is None
        tally(f"full disks ({room.__name__}, {'again' if had_index else 'first'})", refused=refused, enough_at=left)
    assert refused >= 3


# ---------------------------------------------------------------- a file that cannot get its last bytes


@contextmanager
def longest_file(limit: int) -> Iterator[None]:
    """Let the system refuse to make any file longer than this."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (max(limit, 0), before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def refuse_last_bytes(name: str, count: int) -> None:
    """Spoil a builder: the system refuses the last bytes of one file."""

    def write(path: Path, parts: Iterable[bytes]) -> FileRecord:
        parts = list(parts)
        if path.name.split(".")[0] != name.split(".")[0]:
            return write_file(path, parts)
        with longest_file(sum(map(len, parts)) - count):
            return write_file(path, parts)

    mock.patch("indexer.draft.write_file", write).start()
    mock.patch("indexer.storage.write_file", write).start()


def refuse_longer_lexical_files(limit: int) -> None:
    """Spoil a builder: no file of the lexical index may be longer."""
    original = Draft._write_lexical

    def write(draft: Draft, progress: Callable[[int], None]) -> None:
        with longest_file(limit):
            original(draft, progress)

    mock.patch.object(Draft, "_write_lexical", write).start()


def test_a_file_without_its_last_bytes_is_a_clear_error(
    made: Path, tmp_path: Path, trials: Trials, tally: Tally
) -> None:
    chance, generation = random.Random(20265), made / "index" / "gen-000002"
    spoils = []
    for name in WRITTEN:
        size = (made / "index" / name if name == CURRENT else generation / name).stat().st_size
        cuts = {1, *(chance.randint(1, min(size, PAGE)) for _ in range(trials(2, 64)))}
        spoils += [(name, partial(refuse_last_bytes, name, cut)) for cut in cuts]
    for path in sorted((generation / LEXICAL).iterdir()):
        size = path.stat().st_size
        limits = {size - 1, *(chance.randrange(size) for _ in range(trials(1, 64)))} if size > 1 else set()
        spoils += [(LEXICAL, partial(refuse_longer_lexical_files, limit)) for limit in limits]
    folder = tmp_path / "trial"
    for name, spoil in spoils:
        clear_away(folder)
        shutil.copytree(made / "index", folder / "index")
        write_corpus(folder / "corpus", 3)
        code = waiting(folder, spoil=spoil).run()
        words = said(folder)
        assert code == StorageError.exit_code, (spoil, words)
        assert "File too large" in words, (spoil, words)
        assert str(folder / "index") in words
        assert name in words
        verdict = look(folder, old=2, new=2)
        assert verdict.wrong is None, spoil
        assert Store(folder / "index").names() == ["gen-000001", "gen-000002"]
    assert unmended(folder, 4) is None
    tally("files without their last bytes", tried=len(spoils), bad=0)


# ---------------------------------------------------------------- a disk that is full when the file is closed


def write_as_faiss_does(cut: int) -> None:
    """Spoil a builder: FAISS writes its file itself, and the system refuses the last bytes of it."""

    def write(path: Path, parts: Iterable[bytes]) -> FileRecord:
        parts = list(parts)
        if path.name != "dense.faiss":
            return write_file(path, parts)
        whole = faiss.deserialize_index(np.frombuffer(b"".join(parts), dtype=np.uint8))
        with longest_file(sum(map(len, parts)) - cut):
            faiss.write_index(whole, str(path))
        return measure(path)

    mock.patch("indexer.draft.write_file", write).start()


def _write_with_faiss(path: Path, limit: int) -> None:
    with longest_file(limit):
        faiss.write_index(faiss.deserialize_index(np.frombuffer(_dense(), dtype=np.uint8)), str(path))


def _write_with_footnote(path: Path, limit: int) -> None:
    with longest_file(limit), pytest.raises(StorageError, match="File too large"):
        write_file(path, [_dense()])


def _dense() -> bytes:
    vectors = np.random.default_rng(1).standard_normal((300, 64)).astype(np.float16)
    return DenseIndex.build(vectors).to_bytes()


def test_a_disk_that_is_full_when_the_file_is_closed_is_noticed(tmp_path: Path) -> None:
    """FAISS's own writer ignores what `fclose` returns: it leaves a file cut short and raises nothing. Ours raises."""
    size = len(_dense())
    limit = size // PAGE * PAGE
    for target in (_write_with_faiss, _write_with_footnote):
        process = PROCESSES.Process(target=target, args=(tmp_path / target.__name__, limit))
        process.start()
        process.join()
        assert process.exitcode == 0, target
    assert (tmp_path / "_write_with_faiss").stat().st_size == limit < size


def test_a_file_cut_short_in_silence_is_noticed_before_it_is_committed(made: Path, tmp_path: Path) -> None:
    """The second line: had the writer not noticed, the reading back would."""
    shutil.copytree(made / "index", tmp_path / "index")
    write_corpus(tmp_path / "corpus", 3)
    assert waiting(tmp_path, spoil=partial(write_as_faiss_does, 20)).run() == StorageError.exit_code
    assert "not what was written" in said(tmp_path)
    assert look(tmp_path, old=2, new=2).wrong is None
