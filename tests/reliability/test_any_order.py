"""Whatever is done to a folder and its index, in whatever order: what is served is the folder as it was at a commit.

Hypothesis writes, copies and deletes articles, builds, kills builders, goes back, damages files and keeps readers open.
Beside it runs a model, a dictionary of what each file says: it knows nothing of how an index is made.
"""

import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from indexer.build import build
from indexer.chunking import embedded_text
from indexer.errors import (
    FootnoteError,
    IndexDamagedError,
    IndexMissingError,
    NothingToIndexError,
    ShrinkRefusedError,
    UsageError,
)
from indexer.generation import Generation, Store
from indexer.language import Analyser
from tests.conftest import Tally, Trials
from tests.indexer.hash_embedder import HashEmbedder
from tests.reliability.builders import SAID, InThisProcess, waiting
from tests.reliability.effort import effort_of
from tests.reliability.marked import clear_away, settings_of

NAMES = st.sampled_from(["tides.md", "ferries.md", "notes/honey.txt", "notes/항구.md", "piers.md", "lamps.txt"])
WORDS = ["harbour", "twelve", "항구에", "ferries", "1,000", "lighthouse", "봄부터", "honey"]
TEXTS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map(lambda words: f"It says {' '.join(words)} today.")
MOST_HELD = 3
LONG_BUILD_S = 0.25

# What each article says, by its name.
Folder = dict[str, str]


class AnyOrder(RuleBasedStateMachine):
    """The folder, its index, and what each generation must hold."""

    home: Path
    done: int = 0
    kills: int = 0

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp(dir=self.home))
        (self.root / "corpus").mkdir()
        self.store = Store(self.root / "index")
        self.texts: Folder = {}
        self.committed: dict[str, Folder] = {}
        self.parents: dict[str, str | None] = {}
        self.current: str | None = None
        self.damaged: set[str] = set()
        self.held: list[Generation] = []

    # ------------------------------------------------------------ the folder

    @initialize(first=st.dictionaries(NAMES, TEXTS, min_size=2))
    def begin(self, first: Folder) -> None:
        """Most begin with some articles and an index."""
        for name, text in first.items():
            self.write(name, text)
        self.build()

    @rule(name=NAMES, text=TEXTS)
    def write(self, name: str, text: str) -> None:
        """Write an article, or another version of it."""
        path = self.root / "corpus" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        self.texts[name] = text

    @rule(name=NAMES)
    def delete(self, name: str) -> None:
        """Delete an article, if it is there."""
        (self.root / "corpus" / name).unlink(missing_ok=True)
        self.texts.pop(name, None)

    @rule(name=NAMES, other=NAMES)
    def copy(self, name: str, other: str) -> None:
        """Let an article say what another says."""
        if name in self.texts:
            self.write(other, self.texts[name])

    # ------------------------------------------------------------ the index

    @rule()
    def build(self) -> None:
        """Build, however much is gone."""
        self._build(allow_shrink=True)

    @rule()
    def build_with_care(self) -> None:
        """Build as `footnote index` does, which refuses to lose much."""
        self._build(allow_shrink=False)

    def _build(self, *, allow_shrink: bool) -> None:
        with mock.patch("indexer.corpus.shared_pool", return_value=InThisProcess()):
            try:
                report = build(settings_of(self.root), HashEmbedder(), allow_shrink=allow_shrink)
            except NothingToIndexError:
                assert not self.texts
                return
            except ShrinkRefusedError:
                assert not allow_shrink
                assert len(self._served().keys() - self.texts.keys()) > 0
                return
        assert self.texts
        if report.committed:
            self._note(report.generation)
            self.current = report.generation

    def _note(self, name: str) -> None:
        """Remember what a new generation holds, and which was the current one before."""
        self.committed[name] = dict(self.texts)
        self.parents[name] = self.current
        self.damaged.discard(name)

    @rule(share=st.floats(0, 1))
    def build_and_be_killed(self, share: float) -> None:
        """Begin to build, and die before the end, or at it."""
        before = set(self.store.names())
        process = waiting(self.root)
        process.go.set()
        time.sleep(share * LONG_BUILD_S)
        process.process.kill()
        type(self).kills += process.end() == -9
        (self.root / SAID).unlink(missing_ok=True)
        for name in set(self.store.names()) - before:
            self._note(name)
            if self.store.current_id() in (name, None):
                self.current = name

    @rule()
    def roll_back(self) -> None:
        """Go back to the parent, where there is one."""
        parent = self.parents.get(self.current or "")
        try:
            name = self.store.rollback()
        except (UsageError, IndexMissingError, IndexDamagedError):
            assert self.damaged or parent not in self.store.names()
            return
        assert self.damaged or name == parent
        self.current = name

    # Whether there is something to damage, and how much, hangs on when a builder died: what is drawn must not.
    @rule(seed=st.integers(0, 2**32))
    def damage(self, seed: int) -> None:
        """Flip a bit of the current generation; who reads it already is let go, since the bytes are the same."""
        if self.current not in self.store.names():
            return
        assert self.current
        chance = random.Random(seed)
        folder = self.root / "index" / self.current
        files = sorted(path for path in folder.rglob("*") if path.is_file() and path.stat().st_size)
        path = chance.choice(files)
        self._let_go(lambda generation: generation.id == self.current)
        path.chmod(0o600)
        with path.open("r+b") as file:
            place, bit = chance.randrange(path.stat().st_size), 1 << chance.randrange(8)
            file.seek(place)
            byte = file.read(1)[0]
            file.seek(place)
            file.write(bytes([byte ^ bit]))
        self.damaged.add(self.current)

    # ------------------------------------------------------------ who reads

    @rule()
    def hold(self) -> None:
        """Keep a reader open, over whatever comes."""
        if len(self.held) < MOST_HELD:
            try:
                self.held.append(self.store.open())
            except (IndexMissingError, IndexDamagedError):
                return

    @rule()
    def let_go(self) -> None:
        """Close the readers."""
        self._let_go(lambda _: True)

    def _let_go(self, which: Callable[[Generation], bool]) -> None:
        for generation in [one for one in self.held if which(one)]:
            generation.close()
            self.held.remove(generation)

    def _served(self) -> Folder:
        generation = self.store.open()
        try:
            return said_by(generation)
        finally:
            generation.close()

    @invariant()
    def serves_a_commit(self) -> None:
        """What is served is what the folder held when that generation was made, and the newest that is whole."""
        type(self).done += 1
        try:
            generation = self.store.open()
        except IndexMissingError:
            assert self.current is None
            return
        except IndexDamagedError:
            assert self.damaged
            return
        try:
            assert said_by(generation) == self.committed[generation.id]
            if not self.damaged:
                assert generation.id == self.current
        finally:
            generation.close()

    @invariant()
    def readers_see_what_they_saw(self) -> None:
        """A generation that is read does not change, nor go."""
        for generation in self.held:
            assert said_by(generation) == self.committed[generation.id]

    def teardown(self) -> None:
        """Whatever happened, the next build makes it good."""
        self._let_go(lambda _: True)
        self.write("piers.md", "It says that all is well at last.")
        self.build()
        generation = self.store.open()
        assert (generation.degraded, said_by(generation)) == (None, self.texts)
        generation.close()
        clear_away(self.root)


def said_by(generation: Generation) -> Folder:
    """What a generation says, by article; every part of it is looked at."""
    texts = {article.id: article.text for article in generation.articles.values()}
    passages, rows = generation.passages, len(generation.passages)
    assert rows == len(generation.vectors) == len(generation.dense) == len(generation.lexical)
    said: dict[str, list[str]] = {name: [] for name in texts}
    for passage in passages:
        said[passage.article_id].append(texts[passage.article_id][passage.start : passage.end])
    assert {name: " ".join(parts) for name, parts in said.items()} == texts
    meant = HashEmbedder().embed_queries(
        [embedded_text(generation.article_of(one), one) for one in generation.passages]
    )
    assert np.array_equal(generation.vectors, meant.astype(np.float16))
    for row, vector in enumerate(meant):
        nearest, score = generation.dense.search(vector, 1)[0]
        assert nearest == row or score > 0.99
    found = {row for row, _ in generation.lexical.search(Analyser().tokens("says"), rows)}
    assert found == set(range(rows))
    return texts


def test_in_any_order(tmp_path: Path, trials: Trials, tally: Tally) -> None:
    AnyOrder.home, AnyOrder.done, AnyOrder.kills = tmp_path, 0, 0
    sequences = trials(6, 500)
    run_state_machine_as_test(AnyOrder, settings=effort_of(sequences, steps=trials(10, 15)))
    tally("in any order", sequences=sequences, states_looked_at=AnyOrder.done, builders_killed=AnyOrder.kills, bad=0)


# What a build may get wrong, and what it is put in the place of.
MISTAKES = {
    "takes everything for known": ("indexer.build._is_up_to_date", lambda *_: True),
    "goes back to where it is": ("indexer.generation.Store.rollback", lambda self: self.current_id()),
}


@pytest.mark.parametrize("mistake", sorted(MISTAKES))
def test_a_mistake_is_found(tmp_path: Path, mistake: str) -> None:
    name, wrong = MISTAKES[mistake]
    AnyOrder.home = tmp_path
    with mock.patch(name, wrong), pytest.raises((AssertionError, FootnoteError, KeyError, ValueError)):
        run_state_machine_as_test(AnyOrder, settings=effort_of(200, steps=15))
