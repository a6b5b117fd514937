"""Whatever happens to the bytes of an index, it is noticed when it is opened, the right file is named, and the
generation before it is served.

The lock is held meanwhile, so that nothing is moved aside and one index serves for all trials.
"""

import json
import os
import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise, permutations
from pathlib import Path
from unittest import mock

import pytest

from indexer.errors import FootnoteError
from indexer.generation import Store
from indexer.manifest import decode_manifest
from indexer.opening import read_generation
from tests.conftest import Tally, Trials
from tests.reliability.builders import PROCESSES
from tests.reliability.marked import build_marker, marker_of

MANIFEST = "manifest.json"
CURRENT = "CURRENT"


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An index of two generations; whoever damages it mends it again."""
    folder = tmp_path_factory.mktemp("made")
    for marker in (1, 2):
        build_marker(folder, marker)
    with Store(folder / "index").lock():
        yield folder / "index"
    assert not (folder / "index" / "quarantine").exists()
    assert fault(folder / "index") is None


def names_in(folder: Path) -> list[str]:
    """The files that a generation consists of."""
    return [MANIFEST, *decode_manifest((folder / MANIFEST).read_bytes()).files]


def fault(index: Path) -> str | None:
    """Open the index; return why something else than the current generation is served, None when it is not."""
    generation = Store(index).open()
    try:
        expected = 1 if generation.id == "gen-000001" else 2
        assert marker_of(generation) == expected
        if generation.degraded is None:
            assert generation.id == "gen-000002"
        return generation.degraded
    finally:
        generation.close()


def is_named(name: str, said: str | None) -> bool:
    """Whether the right file is blamed."""
    if name == CURRENT:
        return said is not None and said.startswith(CURRENT)
    return said is not None and said.startswith(f"gen-000002 is damaged: {name}: ")


@contextmanager
def holding(path: Path, data: bytes | None) -> Iterator[None]:
    """Let a file hold other bytes, or be missing, for a while."""
    whole = path.read_bytes()
    path.unlink()
    if data is not None:
        path.write_bytes(data)
    try:
        yield
    finally:
        path.write_bytes(whole)


def flipped(data: bytes, position: int, bit: int) -> bytes:
    """Return the bytes with one bit changed."""
    return data[:position] + bytes([data[position] ^ 1 << bit]) + data[position + 1 :]


def try_all(index: Path, damages: Iterator[tuple[str, bytes | None]]) -> tuple[int, list[str]]:
    """Put other bytes into files of the current generation, one after another; return how many, and what went wrong."""
    tried, wrongs = 0, []
    for name, data in damages:
        tried += 1
        with holding(index / name if name == CURRENT else index / "gen-000002" / name, data):
            try:
                said = fault(index)
            except (AssertionError, FootnoteError) as error:
                wrongs.append(f"{name}: {error!r}")
                continue
        if not is_named(name, said):
            wrongs.append(f"{name}: {said}")
    return tried, wrongs


# ---------------------------------------------------------------- every kind of damage


def test_any_flipped_bit_is_found(index: Path, trials: Trials, tally: Tally) -> None:
    chance = random.Random(20261)
    folder = index / "gen-000002"
    names = names_in(folder)

    def damages() -> Iterator[tuple[str, bytes]]:
        # A small file as often as a large one.
        for _ in range(trials(150, 2000)):
            name = chance.choice([name for name in names if (folder / name).stat().st_size])
            data = (folder / name).read_bytes()
            yield name, flipped(data, chance.randrange(len(data)), chance.randrange(8))

    tried, wrongs = try_all(index, damages())
    tally("flipped bits", tried=tried, missed=len(wrongs))
    assert not wrongs


@pytest.mark.parametrize("name", [MANIFEST, CURRENT])
def test_every_byte_of_what_vouches_for_the_rest_matters(index: Path, trials: Trials, tally: Tally, name: str) -> None:
    chance = random.Random(20262)
    whole = (index / name if name == CURRENT else index / "gen-000002" / name).read_bytes()
    step = trials(max(1, len(whole) // 80), 1)
    tried, wrongs = try_all(
        index, ((name, flipped(whole, position, chance.randrange(8))) for position in range(0, len(whole), step))
    )
    tally(f"flipped bits, one in every byte of {name}", bytes=len(whole), tried=tried, missed=len(wrongs))
    assert not wrongs


def test_a_file_of_another_length_is_found(index: Path, trials: Trials, tally: Tally) -> None:
    chance = random.Random(20263)
    folder = index / "gen-000002"

    def damages() -> Iterator[tuple[str, bytes | None]]:
        for name in [*names_in(folder), CURRENT]:
            data = (index / name if name == CURRENT else folder / name).read_bytes()
            yield name, data + bytes([chance.randrange(256)])
            yield name, None
            if data:
                yield name, b""
                most = min(trials(2, 64), len(data) - 1)
                yield from ((name, data[:length]) for length in chance.sample(range(1, len(data)), most))

    tried, wrongs = try_all(index, damages())
    tally("files cut off, longer, empty, missing", tried=tried, missed=len(wrongs))
    assert not wrongs


def test_a_file_in_the_place_of_another_is_found(index: Path, trials: Trials, tally: Tally) -> None:
    folder, older = index / "gen-000002", index / "gen-000001"
    names = names_in(folder)
    of_old = {generic(name): older / name for name in names_in(older)}

    def damages() -> Iterator[tuple[str, bytes]]:
        pairs = list(permutations(names, 2))
        for name, other in pairs[:: trials(len(pairs) // 30, 1)]:
            if (folder / name).read_bytes() != (folder / other).read_bytes():
                yield name, (folder / other).read_bytes()
        for name in names:
            if (data := of_old[generic(name)].read_bytes()) != (folder / name).read_bytes():
                yield name, data

    tried, wrongs = try_all(index, damages())
    tally("files of another name or generation", tried=tried, missed=len(wrongs))
    assert not wrongs
    assert tried > 30


def generic(name: str) -> str:
    """The name of a file without what is drawn by lot: two generations have the same ones."""
    return f"lexical/*{Path(name).suffix}" if len(Path(name).stem) == 32 else name


def test_two_files_exchanged_are_found(index: Path, tally: Tally) -> None:
    folder = index / "gen-000002"
    names = [name for name in names_in(folder) if name != MANIFEST]
    tried = 0
    for name, other in pairwise(names):
        one, two = (folder / name).read_bytes(), (folder / other).read_bytes()
        if one == two:
            continue
        with holding(folder / name, two), holding(folder / other, one):
            said = fault(index)
        assert is_named(min(name, other), said)
        tried += 1
    tally("files exchanged", tried=tried, missed=0)


@pytest.mark.parametrize("what", ["gen-000002", "gen-000002/lexical", "all files"])
def test_a_missing_folder_is_found(index: Path, tmp_path: Path, what: str) -> None:
    damaged = Path(shutil.copytree(index, tmp_path / "index"))
    if what == "all files":
        for path in (damaged / "gen-000002").rglob("*"):
            if path.is_file():
                path.unlink()
    else:
        shutil.rmtree(damaged / what)
    said = fault(damaged)
    assert said is not None
    assert said.startswith(
        {
            "gen-000002": "CURRENT names gen-000002, which is missing",
            "gen-000002/lexical": "gen-000002 is damaged: lexical/",
            "all files": "gen-000002 is damaged: manifest.json: missing",
        }[what]
    )


# ---------------------------------------------------------------- these trials can fail


def test_without_its_checksums_an_index_serves_damage_without_a_word(index: Path, tmp_path: Path) -> None:
    """With the comparison switched off, bits flip unseen; in a process of its own, since libraries may crash."""
    damaged = Path(shutil.copytree(index, tmp_path / "index"))
    process = PROCESSES.Process(target=_open_unchecked, args=(damaged, tmp_path / "outcomes"))
    process.start()
    process.join()
    outcomes = (tmp_path / "outcomes").read_text().split()
    assert outcomes.count("silent") >= 5
    assert process.exitcode == 0 or len(outcomes) < 40


def _open_unchecked(index: Path, outcomes: Path) -> None:
    chance = random.Random(20264)
    folder = index / "gen-000002"
    with mock.patch("indexer.opening._check_files"), outcomes.open("w", buffering=1) as told:
        for trial in range(40):
            path = folder / ("vectors.npy", "dense.faiss", "passages.jsonl", "articles.jsonl")[trial % 4]
            data = path.read_bytes()
            with holding(path, flipped(data, chance.randrange(len(data)), chance.randrange(8))):
                try:
                    read_generation(folder, "gen-000002").close()
                except Exception:  # whatever the libraries make of it
                    told.write("noticed\n")
                else:
                    told.write("silent\n")


def test_a_file_that_the_manifest_does_not_list_is_never_read(index: Path, tmp_path: Path) -> None:
    damaged = Path(shutil.copytree(index, tmp_path / "index"))
    (damaged / "gen-000002" / "extra.jsonl").write_text(json.dumps({"GEN": 9}))
    os.mkdir(damaged / "gen-000002" / "lexical" / "more")
    assert fault(damaged) is None
