"""The same library on a shared store: equal answers, and nothing lost with whoever dies."""

import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from indexer.cluster.store import ClusterStore, shared_store
from indexer.embedding import SentenceTransformerEmbedder
from indexer.errors import IndexMissingError, SettingsError
from indexer.settings import Settings, load_settings
from qa.answer import Answer
from qa.library import Library
from qa.retrieval import Filters
from tests.cluster.conftest import need
from tests.cluster.made_up import articles, committed
from tests.conftest import Tally, Trials
from tests.qa.conftest import CORPUS, FERRIES, write_corpus

PROCESSES = multiprocessing.get_context("spawn")
QUESTIONS = (
    "How many ferries will Tolm run a day?",
    "Who built the second pier?",
    "How much honey did they harvest?",
    "도서관에는 책이 몇 권 있나?",
    "Who won the regatta?",
)
PATIENCE_S = 120.0


@pytest.fixture(autouse=True)
def _needs_the_extra() -> None:
    need("lance")


def _said(answer: Answer) -> tuple[object, ...]:
    quotations = [(one.article_id, one.start, one.end) for one in answer.citations]
    return answer.outcome, answer.text, quotations, [hit.passage.id for hit in answer.hits[:3]]


def test_a_library_on_a_store_answers_as_on_a_folder(tmp_path: Path, embedder: SentenceTransformerEmbedder) -> None:
    """Through additions, changes and removals; and another process's commit is noticed."""
    write_corpus(tmp_path / "corpus", CORPUS)
    folder = Settings(corpus=tmp_path / "corpus", index=tmp_path / "index")
    store = folder.model_copy(update={"store": str(tmp_path / "store")})
    changed = FERRIES.replace("twelve ferries", "fourteen ferries")
    libraries = Library(folder, embedder), Library(store, embedder)
    onlooker = Library(store, embedder)
    for step in range(3):
        if step == 1:
            write_corpus(tmp_path / "corpus", {"ferries.md": changed, "new/ice.md": FERRIES.replace("Tolm", "Isen")})
        if step == 2:
            (tmp_path / "corpus" / "roads" / "bridges.md").unlink()
        reports = []
        for library in libraries:
            reports.append(library.build(allow_shrink=True))
            library.open()
            assert library.pending().count == 0
        one, other = reports
        assert (one.counts, one.new, one.changed, one.gone) == (other.counts, other.new, other.changed, other.gone)
        for filters in (Filters(), Filters(collections=("roads",)), Filters(sources=("nobody",))):
            for question in QUESTIONS:
                first, second = (library.answer(question, filters=filters) for library in libraries)
                assert _said(first) == _said(second)
        if step == 0:
            onlooker.open()
    assert libraries[1].build().committed is False
    deadline = time.monotonic() + PATIENCE_S
    while onlooker.generation.id != libraries[1].generation.id:
        assert time.monotonic() < deadline
        onlooker.refresh_if_changed()
        time.sleep(0.05)
    assert libraries[1].rollback() == "gen-000002"
    assert "roads/bridges.md" in libraries[1].generation.articles
    for library in (*libraries, onlooker):
        library.close()


def _commit_for_ever(uri: str, said: str) -> None:
    """Commit one generation after another, each of ten articles more; to be killed."""
    store = shared_store(uri)
    files = articles(random.Random(0), 500)
    base = store.current()
    count = len(store.read(base).stamps()) if base else 0
    Path(said).touch()
    while count < len(files):
        base = committed(store, base, files[count : count + 10]).generation
        count += 10


def _await(path: Path, process: BaseProcess) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not path.exists():
        assert process.is_alive()
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_killed_build_leaves_the_old_generation_or_the_new(tmp_path: Path, trials: Trials, tally: Tally) -> None:
    """At any moment of a commit; what it had written is nobody's, and the next build goes on from what is there."""
    uri, bad, tried = str(tmp_path / "store"), 0, trials(2, 20)
    committed(shared_store(uri), None, articles(random.Random(0), 10))
    for trial in range(tried):
        said = tmp_path / f"begun-{trial}"
        process = PROCESSES.Process(target=_commit_for_ever, args=(uri, str(said)))
        process.start()
        _await(said, process)
        time.sleep(random.uniform(0, 0.4))
        assert process.pid
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        store = shared_store(uri)
        name = store.current()
        assert name
        generation = store.read(name)
        held = {one.passage.article_id for _, one in generation.all_passages()}
        counts = generation.manifest.counts
        whole = len(held) == len(generation.stamps()) == counts.articles and counts.articles % 10 == 0
        bad += not whole
        # The next build goes on from there.
        more = committed(store, name, articles(random.Random(0), 500)[-10:])
        bad += len(list(store.read(more.generation).all_passages())) != more.counts.passages
        bad += more.counts.articles != counts.articles + 10
        committed(store, more.generation, articles(random.Random(0), 10), anew=True)
    tally("builds of a shared store killed", tried=tried, bad=bad)
    assert not bad


def test_two_nodes_build_what_one_process_builds_though_one_is_lost(tmp_path: Path, tally: Tally) -> None:
    """Real Ray nodes on this machine; the second is killed while it works."""
    need("ray")
    command = [sys.executable, "-m", "tests.cluster.two_nodes", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=5 * PATIENCE_S, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["lost"]
    assert result["cluster"] == result["alone"]
    tally("passages built by a cluster that lost a node", tried=len(result["alone"]), bad=0)


def test_settings_say_what_goes_together() -> None:
    with pytest.raises(SettingsError, match="ray_address needs store"):
        load_settings({"ray_address": "auto"}, environ={})


def test_an_empty_store_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(IndexMissingError, match="footnote index"):
        ClusterStore(str(tmp_path / "store")).open()
