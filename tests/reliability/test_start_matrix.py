"""Every state an index can be found in, and what `footnote ask` and `footnote serve` make of it: never a traceback."""

import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner, Result

import indexer.manifest
import ui.options
from indexer.build import build
from indexer.embedding import Embedder
from indexer.generation import Store
from indexer.manifest import MANIFEST_FILE, Manifest, encode_manifest
from indexer.settings import Settings
from qa.api import create_app
from tests.indexer.hash_embedder import HashEmbedder
from tests.reliability.rights import bound_by_rights
from ui.cli import app
from ui.serving import open_library

ROOT = Path(__file__).parents[2]
PORT = 8124
QUESTION = "How many tonnes of honey did beekeepers harvest?"
CORPUS = {
    "honey.md": "# A record harvest\n\nBeekeepers in the Ulmen valley harvested 310 tonnes of honey this summer.\n",
    "ferries.md": "# Ferries\n\nThe harbour town of Tolm will run twelve ferries a day from March.\n",
    "bridge.md": "# A bridge\n\nThe stone bridge at Ostra closes on Monday for eight months.\n",
}


@dataclass(frozen=True, slots=True)
class Home:
    """A folder with a corpus and its index."""

    settings: Settings

    @property
    def index(self) -> Path:
        """The index folder."""
        return self.settings.index

    @property
    def generation(self) -> Path:
        """The folder of the only generation."""
        return self.index / "gen-000001"

    def rewrite_manifest(self, change: Callable[[dict[str, Any]], object]) -> None:
        """Change the manifest as whoever wrote it might have, with every checksum right."""
        path = self.generation / MANIFEST_FILE
        fields = json.loads(path.read_bytes())
        fields.pop("checksum")
        change(fields)
        data = _sealed(fields)
        path.write_bytes(data)
        Store(self.index).point_at(self.generation.name)


def _sealed(fields: dict[str, Any]) -> bytes:
    adapter = indexer.manifest._ADAPTER
    manifest: Manifest = adapter.validate_json(json.dumps(fields))
    return encode_manifest(manifest)


def _empty(home: Home) -> None:
    shutil.rmtree(home.index)
    home.index.mkdir()


def _flip_a_bit(home: Home) -> None:
    path = home.generation / "vectors.npy"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def _of_another_model(dim: int) -> Callable[[Home], None]:
    def rebuild(home: Home) -> None:
        shutil.rmtree(home.index)
        # The reader is not asked, so what it needs of a model is left out.
        other: Any = HashEmbedder(dim=dim)
        build(home.settings, other)

    return rebuild


def _hide_files(home: Home) -> None:
    for path in home.generation.rglob("*"):
        if path.is_file():
            path.chmod(0)


def _forbid_writing(home: Home) -> None:
    for path in (home.index, *home.index.rglob("*")):
        path.chmod(stat.S_IMODE(path.stat().st_mode) & ~0o222)


@dataclass(frozen=True, slots=True)
class Case:
    """A state, and what follows: of `ask` the exit code, of `serve` whether it is ready, each with the error's code.

    `command` is what the advice tells the user to run, `degraded` whether that is an older or doubtful index.
    """

    state: str
    make: Callable[[Home], object]
    ask: int = 0
    ask_code: str = ""
    command: str = ""
    ready: bool = True
    code: str = ""
    build: str = "unchanged"
    degraded: bool = False
    locked: bool = False
    bound: bool = False

    @property
    def row(self) -> tuple[str, str, str]:
        """The row of the table in docs/operations.md."""
        answers = "answers" + (", with a note" if self.degraded else "")
        asked = f"exit {self.ask}, `{self.ask_code}`" if self.ask_code else answers
        built = {"done": "builds it anew, answers", "unchanged": "answers"}
        served = built.get(self.build, f"answers; the build fails with `{self.build}`")
        return self.state, asked, served if self.ready else f"`/readyz` 503, `{self.code}`"


INDEX = "footnote index"
CASES = [
    Case("missing", lambda home: shutil.rmtree(home.index), 5, "index_missing", INDEX, build="done"),
    Case("an empty folder", _empty, 5, "index_missing", INDEX, build="done"),
    Case(
        "CURRENT damaged",
        lambda home: (home.index / "CURRENT").write_bytes(b"gen-\xff\n"),
        command=INDEX,
        build="done",
        degraded=True,
    ),
    Case("a file damaged, no older generation", _flip_a_bit, 5, "index_damaged", INDEX, build="done"),
    Case(
        "of an older format than is read",
        lambda home: home.rewrite_manifest(lambda fields: fields.update(format_version=0)),
        5,
        "index_incompatible",
        INDEX,
        build="done",
    ),
    Case(
        "of a newer format",
        lambda home: home.rewrite_manifest(lambda fields: fields.update(format_version=99)),
        5,
        "index_incompatible",
        "--index",
        ready=False,
        code="index_incompatible",
        build="index_incompatible",
    ),
    Case("made by another model of one length", _of_another_model(384), 5, "index_incompatible", INDEX, build="done"),
    Case("made by a model of another length", _of_another_model(8), 5, "index_incompatible", INDEX, build="done"),
    Case(
        "cut into passages in another way",
        lambda home: home.rewrite_manifest(lambda fields: fields["chunker"].update(version="other")),
        build="done",
    ),
    Case(
        "files unreadable for this user",
        _hide_files,
        74,
        "storage",
        "chmod",
        ready=False,
        code="storage",
        build="storage",
        bound=True,
    ),
    Case("the folder read-only", _forbid_writing, command="chmod", build="storage", bound=True),
    Case("another process is building", lambda home: None, build="index_busy", locked=True),
]
each_case = pytest.mark.parametrize("case", CASES, ids=[case.state for case in CASES])


@pytest.fixture(scope="module")
def built(embedder: Embedder) -> Iterator[Path]:
    """A corpus and its index, where another user can come to; not to be changed."""
    root = Path(tempfile.mkdtemp(prefix="footnote-states-"))
    (root / "corpus").mkdir()
    for name, text in CORPUS.items():
        (root / "corpus" / name).write_text(text, encoding="utf-8")
    build(Settings(corpus=root / "corpus", index=root / "index"), embedder)
    yield root
    shutil.rmtree(root)


@pytest.fixture
def home(built: Path, embedder: Embedder, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """A copy of it; commands get the model that is loaded already."""
    root = Path(tempfile.mkdtemp(prefix="footnote-state-"))
    shutil.copytree(built, root, dirs_exist_ok=True)
    monkeypatch.setattr(ui.options, "load_embedder", lambda settings: embedder)
    yield Home(Settings(corpus=root / "corpus", index=root / "index", port=PORT))
    shutil.rmtree(root)


@contextmanager
def in_state(case: Case, home: Home) -> Iterator[None]:
    """The index as the case has it."""
    case.make(home)
    rights = bound_by_rights() if case.bound else nullcontext()
    with rights, Store(home.index).lock() if case.locked else nullcontext():
        yield


def ask(home: Home, *arguments: str) -> Result:
    """Run `footnote ask`."""
    return CliRunner().invoke(app, ["ask", QUESTION, "--index", str(home.index), *arguments])


@each_case
def test_ask(case: Case, home: Home) -> None:
    with in_state(case, home):
        result = ask(home, "--json")
    assert result.exit_code == case.ask, result.output
    assert "Traceback" not in result.output
    body = json.loads(result.stdout)
    if case.ask_code:
        error = body["error"]
        assert error["code"] == case.ask_code
        assert "\n" not in error["message"]
        assert case.command in error["advice"]
    else:
        assert "310 tonnes" in body["answer"]
        assert (INDEX in result.stderr) is case.degraded


@each_case
def test_serve(case: Case, home: Home, embedder: Embedder, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    with in_state(case, home):
        library = open_library(home.settings, embedder, for_people=False)
        with TestClient(create_app(library, home.settings), base_url=f"http://127.0.0.1:{PORT}") as client:
            ready, answer = client.get("/readyz"), client.post("/v1/answer", json={"question": QUESTION})
        library.close()
    body = ready.json()
    assert (ready.status_code == 200) is case.ready
    assert body["ready"] is case.ready
    assert body["code"] == (case.code or None)
    assert (body["last_build"]["code"] or body["last_build"]["status"]) == case.build
    if case.ready:
        assert body["degraded"] is None
        assert "310 tonnes" in answer.json()["answer"]
        assert answer.json()["generation"] == body["generation"]
    else:
        assert answer.status_code == 503
        assert answer.json()["error"]["code"] == case.code
        assert case.command in answer.json()["error"]["message"]
    failed = [record for record in caplog.records if record.message == "build" and record.levelname == "ERROR"]
    expected = [] if case.build in ("done", "unchanged") else [case.build]
    assert [vars(record)["code"] for record in failed] == expected
    assert not [record for record in caplog.records if record.exc_info]


def test_the_operations_page_has_the_same_table() -> None:
    text = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    section = text.split("\n### What an index may be like at the start\n", 1)[1]
    table = section.split("\n|---|---|---|\n", 1)[1].split("\n\n")[0]
    rows = [tuple(cell.strip() for cell in line.strip("|").split(" | ")) for line in table.splitlines()]
    assert rows == [case.row for case in CASES]


def test_a_manifest_that_is_rewritten_is_as_good_as_one_that_was_written(home: Home) -> None:
    """So the matrix tries what it says, and not a damaged manifest."""
    before = (home.generation / MANIFEST_FILE).read_bytes()
    home.rewrite_manifest(lambda fields: None)
    assert (home.generation / MANIFEST_FILE).read_bytes() == before


# The settings


def test_all_wrong_settings_are_told_at_once_each_with_the_nearest_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FOOTNOTE_PROT", "1")
    (tmp_path / "footnote.toml").write_text('port = 70000\nlog_fromat = "json"\nread_passages = "many"\n')
    for command in (["serve"], ["doctor"], ["ask", QUESTION], ["index"]):
        result = CliRunner().invoke(app, [*command, "--json"])
        assert result.exit_code == 2
        error = json.loads(result.stdout)["error"]
        assert error["code"] == "settings"
        assert "'prot'; did you mean 'port'?" in error["message"]
        assert "'log_fromat'; did you mean 'log_format'?" in error["message"]
        assert "Setting 'port' has value 70000" in error["message"]
        assert "Setting 'read_passages'" in error["message"]
        assert "Traceback" not in result.output


def test_wrong_settings_are_told_before_anything_slow_is_loaded(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom typer.testing import CliRunner\nfrom ui.cli import app\n"
        "result = CliRunner().invoke(app, ['serve', '--port', '70000'])\n"
        "print(result.exit_code, [m for m in ('torch', 'gradio', 'faiss', 'fastapi', 'uvicorn') if m in sys.modules])"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.stdout.strip() == "2 []"
