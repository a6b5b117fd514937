"""Whenever a process that changes the index is killed, a reader gets the old generation or the new one, whole.

The processes are real and die of SIGKILL: at any time, and at every system call of a commit, of a start after a crash,
of the clean-up and of a quarantine. Every article carries `GEN=<n>`, so that a mixed answer would be seen.
"""

import random
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import pytest

from indexer.build import build
from indexer.embedding import Embedder, SentenceTransformerEmbedder
from indexer.errors import UsageError
from indexer.generation import Store
from tests.conftest import Tally, Trials
from tests.indexer.hash_embedder import HashEmbedder
from tests.reliability.builders import SAID, Action, Moment, Spoil, look, unmended, waiting
from tests.reliability.marked import clear_away, served_marker, settings_of, write_corpus
from tests.reliability.syscalls import MAIN, Point, killed_at, points, require_strace

NAMES_CHANGE = ("rename", "renameat", "renameat2", "mkdir", "unlink")


def fresh(made: Path, folder: Path) -> Path:
    """Make a copy of the index, with articles of marker 3 waiting for a build."""
    clear_away(folder)
    shutil.copytree(made / "index", folder / "index")
    write_corpus(folder / "corpus", 3)
    return folder


# ---------------------------------------------------------------- at any time


def test_a_builder_killed_at_any_time_leaves_the_old_or_the_new(tmp_path: Path, trials: Trials, tally: Tally) -> None:
    counts = kill_at_random(tmp_path, deaths=trials(40, 1000))
    tally("kills at a random time", **counts)
    assert counts["new_served"] < counts["tried"]


def test_a_builder_with_the_real_model_killed_at_any_time(
    tmp_path: Path, embedder: SentenceTransformerEmbedder, trials: Trials, tally: Tally
) -> None:
    if not trials(0, 20):
        pytest.skip("each trial loads the model: `make torture` tries it")
    counts = kill_at_random(tmp_path, deaths=trials(0, 20), model=embedder)
    tally("kills at a random time, with the real model", **counts)


def kill_at_random(tmp_path: Path, *, deaths: int, model: Embedder | None = None) -> dict[str, int]:
    """Kill builders until so many died, three in ten of them in the last tenth of the build; every fifth is a first."""
    chance = random.Random(20264)
    died = trial = new_served = 0
    wrongs = []
    action: Action = "build with the model" if model else "build"
    usual = usual_seconds(tmp_path / "usual", action)
    while died < deaths:
        trial += 1
        assert trial < 5 * deaths, "too few of the builders are killed in time"
        folder = tmp_path / (f"first-{trial}" if trial % 5 == 0 else "long-lived")
        folder.mkdir(exist_ok=True)
        # Every trial ends with a build by the stub.
        old = served_marker(folder)
        new = (old or 0) + 1
        write_corpus(folder / "corpus", new)
        process = waiting(folder, action=action)
        process.go.set()
        time.sleep(usual * (chance.uniform(0.9, 1.05) if chance.random() < 0.3 else chance.random()))
        process.process.kill()
        died += process.end() == -signal.SIGKILL
        verdict = look(folder, old=old, new=new, embedder=model)
        new_served += verdict.served == new
        if wrong := verdict.wrong or unmended(folder, new + 1):
            wrongs.append(f"trial {trial}: {wrong}")
    assert not wrongs
    return {"tried": trial, "deaths": died, "new_served": new_served, "bad": len(wrongs)}


def usual_seconds(folder: Path, action: Action) -> float:
    """Return how long a build takes here and now."""
    folder.mkdir()
    times = []
    for marker in (1, 2, 3):
        write_corpus(folder / "corpus", marker)
        process = waiting(folder, action=action)
        started = time.monotonic()
        assert process.run() == 0
        times.append(time.monotonic() - started)
    return sorted(times)[1]


# ---------------------------------------------------------------- at every system call


def test_a_builder_killed_at_every_system_call_leaves_the_old_or_the_new(
    made: Path, tmp_path: Path, trials: Trials, tally: Tally
) -> None:
    require_strace()
    places = places_of(made, tmp_path)
    chosen = spread(places, trials(20, len(places)))
    served: dict[str, list[int | None]] = {}
    killed, wrongs = 0, []
    for moment, point in chosen:
        folder = fresh(made, tmp_path / "trial")
        is_dead = killed_at(waiting(folder, moment=moment), point)
        killed += is_dead
        verdict = look(folder, old=2, new=3)
        if is_dead and point.thread == MAIN:
            served.setdefault(point.call, []).append(verdict.served)
        if wrong := verdict.wrong or unmended(folder, 4):
            wrongs.append((point, wrong))
    tally("kills at a system call of a build", calls=len(places), tried=len(chosen), deaths=killed, bad=len(wrongs))
    assert not wrongs
    # The later the builder dies, the newer is what is served.
    assert all(found == sorted(found, key=lambda marker: marker or 0) for found in served.values())
    assert {marker for found in served.values() for marker in found} == {2, 3}
    # Threads take turns as they please, which may spare one of them a call or two.
    assert killed >= 0.75 * len(chosen)


def places_of(made: Path, tmp_path: Path, spoil: Spoil | None = None) -> list[tuple[Moment, Point]]:
    """Count the calls of a build: of its main thread from the start, of tantivy's from where they have work."""
    main = points(waiting(fresh(made, tmp_path / "counted"), spoil=spoil), tmp_path / "log")
    others = points(waiting(fresh(made, tmp_path / "counted"), spoil=spoil, moment="indexed"), tmp_path / "log")
    assert {point.call for point in main} >= {"fsync", "rename", "write", "openat", "mkdir"}
    places: list[tuple[Moment, Point]] = [("start", point) for point in main]
    places += [("indexed", point) for point in others if point.thread != MAIN]
    assert len({point.thread for _, point in places}) >= 3
    return places


def spread(places: list[tuple[Moment, Point]], most: int) -> list[tuple[Moment, Point]]:
    """Take some of the places in their order: half of them where names change, and of the rest every so many."""
    if most >= len(places):
        return places
    names = [place for place in places if place[1].call in NAMES_CHANGE][-most // 2 :]
    rest = [place for place in places if place not in names]
    chosen = names + rest[:: len(rest) // (most - len(names)) + 1]
    return [place for place in places if place in chosen]


# ---------------------------------------------------------------- these trials can fail


def write_current_in_place() -> None:
    """Spoil a builder: CURRENT is not replaced but written over."""

    def write(path: Path, data: bytes) -> None:
        path.write_bytes(data)

    mock.patch("indexer.generation.replace_file", write).start()


def remove_the_old_first() -> None:
    """Spoil a builder: what is old goes before CURRENT names what is new."""
    point_at = Store.point_at

    def point(self: Store, name: str) -> None:
        for other in self.names():
            if other != name:
                shutil.rmtree(self.root / other)
        point_at(self, name)

    mock.patch.object(Store, "point_at", point).start()


@pytest.mark.parametrize("spoil", [write_current_in_place, remove_the_old_first])
def test_a_builder_that_commits_in_the_wrong_order_is_found_out(made: Path, tmp_path: Path, spoil: Spoil) -> None:
    require_strace()
    writes = [place for place in places_of(made, tmp_path, spoil) if place[1].call == "write" and place[0] == "start"]
    for moment, point in reversed(writes):
        folder = fresh(made, tmp_path / "trial")
        assert killed_at(waiting(folder, moment=moment, spoil=spoil), point)
        if (wrong := look(folder, old=2, new=3).wrong) is not None:
            assert "CURRENT" in wrong
            return
    pytest.fail("no kill shows the fault")


# ---------------------------------------------------------------- while it recovers


def leave_leftovers(index: Path) -> None:
    """What builders that were killed leave behind."""
    shutil.copytree(index / "gen-000002", index / "tmp-999999-0123abcd")
    shutil.copytree(index / "gen-000001", index / "trash-gen-000001-0123abcd")
    (index / "CURRENT.0123abcd.tmp").write_bytes(b"gen-0000")


def leave_many_generations(index: Path) -> None:
    """More generations than are kept, as after a smaller `keep_generations`."""
    for marker in range(5, 9):
        wanted = settings_of(index.parent).model_copy(update={"keep_generations": 9})
        write_corpus(wanted.corpus, marker)
        build(wanted, HashEmbedder())
    write_corpus(index.parent / "corpus", 3)


def damage(index: Path) -> None:
    """One bit of the current generation is another."""
    path = index / "gen-000002" / "passages.jsonl"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)


@dataclass(frozen=True, slots=True)
class Recovery:
    """A state to recover from, what is killed while it does, and the markers that may be served."""

    leave: Callable[[Path], None]
    action: Action
    old: int
    new: int


RECOVERIES = (
    Recovery(leave_leftovers, "build", 2, 3),
    Recovery(leave_many_generations, "build", 8, 3),
    Recovery(damage, "open", 1, 1),
    Recovery(damage, "build", 1, 3),
    Recovery(damage, "roll back", 1, 1),
)


@pytest.mark.parametrize("recovery", RECOVERIES, ids=lambda one: f"{one.leave.__name__}-{one.action}")
def test_a_process_killed_while_it_recovers_leaves_the_old_or_the_new(
    made: Path, tmp_path: Path, trials: Trials, tally: Tally, recovery: Recovery
) -> None:
    require_strace()
    chance = random.Random(f"{recovery.leave.__name__} {recovery.action}")
    recovery.leave(fresh(made, tmp_path / "left") / "index")
    calls = points(waiting(again(tmp_path), action=recovery.action), tmp_path / "log")
    deaths, wrongs = 0, []
    for _ in range(trials(3, 40)):
        folder = again(tmp_path)
        # Half of them are killed once more while they recover from that.
        for point in chance.sample(calls, chance.choice((1, 2))):
            # Once it has gone back there is nothing older to go back to.
            ends = (0, UsageError.exit_code) if recovery.action == "roll back" else (0,)
            deaths += killed_at(waiting(folder, action=recovery.action), point, ends=ends)
            (folder / SAID).unlink(missing_ok=True)
        damaged = "gen-000002" if recovery.leave is damage else None
        verdict = look(folder, old=recovery.old, new=recovery.new, damaged=damaged)
        wrong = verdict.wrong or lost(folder, recovery) or unmended(folder, 9)
        if wrong:
            wrongs.append((point, wrong))
    tally(f"kills while recovering ({recovery.leave.__name__}, {recovery.action})", deaths=deaths, bad=len(wrongs))
    assert deaths
    assert not wrongs


def again(tmp_path: Path) -> Path:
    """Make a copy of what is to be recovered from."""
    clear_away(tmp_path / "trial")
    return Path(shutil.copytree(tmp_path / "left", tmp_path / "trial"))


def lost(folder: Path, recovery: Recovery) -> str | None:
    """Say so when something of a damaged generation is gone: it is left alone or moved aside, never deleted."""
    if recovery.leave is not damage:
        return None
    expected = {path.name for path in (folder.parent / "left/index/gen-000002").rglob("*") if path.suffix != ".lock"}
    places = [folder / "index/gen-000002", *(folder / "index/quarantine").glob("gen-000002*")]
    kept = {path.name for place in places for path in place.rglob("*")}
    return f"lost of the damaged one: {expected - kept}" if expected - kept else None
