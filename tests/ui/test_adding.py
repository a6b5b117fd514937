"""`footnote add` and `footnote feedback` as a user meets them."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from indexer.generation import Store
from qa.feedback import Feedback, Quote, now, store
from tests.qa.page_server import TEXT, page_server
from ui.cli import app

FERRIES = "# Ferries\n\nThe harbour town of Tolm will run twelve ferries a day from March."
HONEY = f"# Honey\n\n{TEXT}"


def footnote(*arguments: str | Path) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def read_json(result: Result) -> Any:  # noqa: ANN401 - whatever the command says
    """Stdout must be one JSON document and nothing else."""
    return json.loads(result.stdout)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with articles outside of the corpus."""
    for path, text in {"new/a.md": FERRIES, "new/deep/b.txt": TEXT, "new/empty.md": "", "new/README.md": "x"}.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def statuses(body: dict[str, Any]) -> list[tuple[str, str, str | None]]:
    """What became of each file."""
    return [(Path(file["name"]).name, file["status"], file["reason"]) for file in body["files"]]


def test_a_folder_is_added_and_can_be_asked(home: Path) -> None:
    result = footnote("add", "new")
    assert result.exit_code == 3, result.output
    assert "not added: empty.md: the file is empty" in result.stderr
    assert "gen-000001: 2 articles (2 new" in result.stdout
    assert sorted(path.name for path in (home / "corpus").iterdir()) == ["a.md", "b.txt"]

    (home / "honey.md").write_text(HONEY, encoding="utf-8")
    body = read_json(footnote("add", "honey.md", "new/a.md", "corpus/b.txt", "--json"))
    assert statuses(body) == [
        ("honey.md", "added", None),
        ("a.md", "already_there", None),
        ("b.txt", "already_there", None),
    ]
    assert body["index"]["new"] == ["honey.md"]
    assert body["index"]["passages_reused"] == 2
    assert "310 tonnes" in footnote("ask", "How many tonnes of honey did beekeepers harvest?").stdout


def test_without_a_rebuild_nothing_is_built(home: Path) -> None:
    result = footnote("add", "new/a.md", "--no-rebuild")
    assert result.exit_code == 0
    assert "footnote index" in result.stdout
    assert not (home / "index").exists()
    body = read_json(footnote("add", "new/a.md", "--no-rebuild", "--json"))
    assert (statuses(body), body["index"]) == ([("a.md", "already_there", None)], None)


def test_what_is_no_article_is_refused_and_the_rest_is_added(home: Path) -> None:
    os.mkfifo(home / "new/pipe.md")
    (home / "new/a.exe").write_bytes(b"MZ")
    (home / "loop.md").symlink_to("loop.md")
    (home / "new/\u202eevil\n.md").write_text(FERRIES, encoding="utf-8")
    names = ["new/pipe.md", "new/a.exe", "loop.md", "nowhere.md", "new/\u202eevil\n.md"]
    result = footnote("add", *names, "--no-rebuild", "--json")
    assert result.exit_code == 3
    assert [file["reason"] for file in read_json(result)["files"]] == [
        "not_regular",
        "unsupported",
        "path",
        "missing",
        None,
    ]
    assert [path.name for path in (home / "corpus").iterdir()] == ["evil.md"]
    refused = footnote("add", "nowhere.md")
    assert refused.exit_code == 3
    assert not (home / "index").exists()


def test_a_link_in_a_folder_does_not_lead_out_of_it(home: Path) -> None:
    (home / "secret.txt").write_text(TEXT, encoding="utf-8")
    (home / "new/empty.md").unlink()
    (home / "new/out.txt").symlink_to(home / "secret.txt")
    (home / "new/circle.txt").symlink_to("circle.txt")
    body = read_json(footnote("add", "new", "--no-rebuild", "--json"))
    assert {(name, reason) for name, _, reason in statuses(body)} == {
        ("a.md", None),
        ("b.txt", None),
        ("out.txt", "path"),
        ("circle.txt", "path"),
    }


def test_too_large_a_file_is_not_read(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTNOTE_MAX_FILE_MB", "1")
    with (home / "large.txt").open("wb") as file:
        file.truncate(2**40)
    assert statuses(read_json(footnote("add", "large.txt", "--json"))) == [("large.txt", "refused", "too_large")]


def test_a_rebuild_that_fails_still_tells_what_was_added(home: Path) -> None:
    (home / "index").mkdir()
    with Store(home / "index").lock():
        result = footnote("add", "new/a.md", "--json")
    assert result.exit_code == 75
    body = read_json(result)
    assert statuses(body) == [("a.md", "added", None)]
    assert body["error"]["code"] == "index_busy"


def test_a_page_is_added_only_when_that_is_allowed(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with page_server() as site:
        url = f"http://127.0.0.1:{site.port}/page"
        refused = footnote("add", "new/a.md", url)
        assert refused.exit_code == 2
        assert "fetch_urls" in refused.stderr
        assert not (home / "corpus").exists()
        monkeypatch.setenv("FOOTNOTE_FETCH_URLS", "true")
        private = footnote("add", url, "--json")
        assert (private.exit_code, statuses(read_json(private))) == (3, [("page", "refused", "address")])
        assert site.requests == []
        monkeypatch.setenv("FOOTNOTE_FETCH_PRIVATE_ADDRESSES", "true")
        assert footnote("add", url).exit_code == 0
    [article] = read_json(footnote("articles", "--json"))["articles"]
    assert (article["article_id"], article["url"]) == ("beekeepers-report-a-record-harvest.html", url)


# What was said


def test_feedback_is_listed_and_exported_for_eval(home: Path) -> None:
    (home / "corpus").mkdir()
    (home / "corpus/honey.md").write_text(HONEY, encoding="utf-8")
    footnote("index")
    nothing_yet = footnote("feedback")
    assert (nothing_yet.exit_code, nothing_yet.stdout) == (0, "0 remarks; 0 questions can be exported.\n")
    assert footnote("feedback", "--export", "questions.jsonl").exit_code == 2

    quote = Quote("honey.md", 7, 80, TEXT.partition(". ")[0] + ".")
    said = Feedback("1", now(), "How many tonnes of honey?\x1b[2J", "up", outcome="answered", citations=(quote,))
    store(home / "index", said)
    store(home / "index", Feedback("2", now(), "Who won the football cup?", "up", outcome="not_in_articles"))
    store(home / "index", Feedback("3", now(), "Who built it?", "down", "wrong", "Nobody did.", outcome="answered"))
    listed = footnote("feedback")
    assert "\x1b" not in listed.stdout
    assert "answered · wrong · Nobody did." in listed.stdout
    assert "3 remarks; 2 questions can be exported, 1 need a human to say what is right." in listed.stdout

    body = read_json(footnote("feedback", "--export", "questions.jsonl", "--json"))
    assert [remark["id"] for remark in body["feedback"]] == ["1", "2", "3"]
    assert {key: body[key] for key in ("questions", "needs_human", "merged", "damaged_lines", "exported")} == {
        "questions": 2,
        "needs_human": 1,
        "merged": 0,
        "damaged_lines": 0,
        "exported": "questions.jsonl",
    }
    evaluated = read_json(footnote("eval", "questions.jsonl", "--json"))
    assert evaluated["questions"] == 2
    assert evaluated["figures"]["sentence@1"]["value"] == 1.0
