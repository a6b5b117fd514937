"""The command line as a user meets it: real corpus, real model, real index, real processes."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import indexer
from ui import serving, terminal
from ui.cli import app

FERRIES = """---
title: Harbour town doubles its ferry service
source: The Example Post
published: 2026-01-31
---

The harbour town of Tolm will run twelve ferries a day from March.

Mayor Ines Falk said that the pier cost 4.2 million crowns.
"""
HONEY = """---
title: Beekeepers report a record harvest
source: Valley Gazette
---

Beekeepers in the Ulmen valley harvested 310 tonnes of honey this summer. It is the largest harvest since 1987.
"""
LIBRARY = """---
title: 새 도서관이 문을 열다
source: 한글신문
published: 2026-02-10
---

한빛시는 새 도서관을 3월 2일에 연다고 밝혔다. 도서관에는 책 12만 권이 있다.
"""
CORPUS = {"ferries.md": FERRIES, "honey.md": HONEY, "도서관.md": LIBRARY}
QUESTION = "How many tonnes of honey did beekeepers harvest?"
QUOTE = "Beekeepers in the Ulmen valley harvested 310 tonnes of honey this summer."
UNANSWERED = "Which striker scored in the final of the football cup?"


def footnote(*arguments: str | Path, stdin: str | None = None) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments], input=stdin)


def read_json(result: Result) -> Any:  # noqa: ANN401 - whatever the command says
    """Stdout must be one JSON document and nothing else."""
    return json.loads(result.stdout)


def write_corpus(folder: Path) -> Path:
    """Write the articles."""
    folder.mkdir()
    for name, text in CORPUS.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `corpus` and `index`; not to be changed."""
    root = tmp_path_factory.mktemp("cli")
    result = footnote("index", "--corpus", write_corpus(root / "corpus"), "--index", root / "index")
    assert result.exit_code == 0, result.output
    assert "gen-000001: 3 articles (3 new, 0 changed, 0 gone), 3 passages (3 embedded, 0 reused)" in result.stdout
    return root


@pytest.fixture
def home(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it that is the working folder, so that the default settings find it."""
    root = tmp_path / "home"
    shutil.copytree(built, root)
    monkeypatch.chdir(root)
    return root


def test_help_lists_the_commands() -> None:
    result = footnote("--help")
    assert result.exit_code == 0
    for command in ("index", "serve", "ask", "articles", "eval", "verify", "rollback", "doctor"):
        assert command in result.stdout


def test_help_loads_nothing_heavy() -> None:
    code = "import sys, ui.cli; print([m for m in ('torch', 'gradio', 'faiss', 'fastapi') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_version() -> None:
    assert footnote("--version").stdout == f"footnote {indexer.__version__}\n"


# index


@pytest.mark.usefixtures("home")
def test_an_unchanged_folder_commits_nothing() -> None:
    result = footnote("index")
    assert result.exit_code == 0
    assert result.stdout == "Nothing changed: gen-000001 is up to date.\n"


def test_one_more_article_costs_one_article(home: Path) -> None:
    (home / "corpus/bridge.md").write_text(
        "# A bridge\n\nThe stone bridge at Ostra closes on Monday.", encoding="utf-8"
    )
    report = read_json(footnote("index", "--json"))
    assert report["generation"] == "gen-000002"
    assert (report["new"], report["passages_embedded"], report["passages_reused"]) == (["bridge.md"], 1, 3)


def test_what_cannot_be_used_is_listed_and_strict_exits_with_3(home: Path) -> None:
    (home / "corpus/empty.md").touch()
    result = footnote("index")
    assert result.exit_code == 0
    assert "not used: empty.md: the file is empty" in result.stderr
    assert footnote("index", "--strict").exit_code == 3


def test_a_shrunken_folder_is_refused(home: Path) -> None:
    (home / "corpus/honey.md").unlink()
    refused = footnote("index")
    assert refused.exit_code == 4
    assert "--allow-shrink" in refused.stderr
    assert footnote("index", "--allow-shrink").exit_code == 0


@pytest.mark.usefixtures("home")
def test_errors_are_json_when_json_is_asked_for() -> None:
    result = footnote("index", "--corpus", "nowhere", "--json")
    assert result.exit_code == 4
    assert read_json(result)["error"]["code"] == "nothing_to_index"


def test_a_busy_index_exits_with_75(home: Path) -> None:
    from indexer.generation import Store

    with Store(home / "index").lock():
        assert footnote("index").exit_code == 75


def test_watch_rebuilds_after_a_change(home: Path) -> None:
    with process("index", "--watch", "--json") as watcher:
        assert watcher.stdout is not None
        assert json.loads(watcher.stdout.readline())["committed"] is False
        (home / "corpus/bridge.txt").write_text("A bridge\n\nThe stone bridge at Ostra closes on Monday.")
        assert json.loads(watcher.stdout.readline())["new"] == ["bridge.txt"]
        watcher.send_signal(signal.SIGINT)
        assert watcher.wait(10) == 0


# ask


@pytest.mark.usefixtures("home")
def test_an_answer_shows_where_it_stands() -> None:
    result = footnote("ask", QUESTION)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    place = lines.index(f"[1] “{QUOTE}”")
    assert lines[place + 1].strip() == "Beekeepers report a record harvest"
    assert lines[place + 2].strip() == "Valley Gazette · date unknown"
    assert lines[place + 3].strip().startswith("honey.md:0-")
    assert lines[-1].startswith("1 quotation from 1 article")


def test_the_json_of_an_answer_is_exact(home: Path) -> None:
    body = read_json(footnote("ask", QUESTION, "--json", "--top-k", "2"))
    articles = {article.id: article for article in _articles(home)}
    assert body["outcome"] == "answered"
    assert body["citations"]
    assert len(body["passages"]) <= 2
    for citation in body["citations"]:
        text = articles[citation["article_id"]].text
        assert text[citation["start_char_index"] : citation["end_char_index"]] == citation["cited_text"]
        assert citation["verified"] is True


def _articles(home: Path) -> list[Any]:
    from indexer.generation import Store

    return list(Store(home / "index").open().articles.values())


@pytest.mark.usefixtures("home")
def test_a_follow_up_is_understood_from_the_questions_before_it() -> None:
    earlier = ("--after", "Who is Mayor Ines Falk?", "--after", "Thanks")
    result = footnote("ask", "What did she say?", *earlier)
    assert result.exit_code == 0
    assert result.stdout.startswith("Understood as: What did Mayor Ines Falk say?\n\n")
    assert read_json(footnote("ask", "What did she say?", *earlier, "--json"))["standalone_question"] == (
        "What did Mayor Ines Falk say?"
    )


@pytest.mark.usefixtures("home")
def test_an_answer_as_of_a_day_leaves_out_what_came_later_and_sees_last_week_from_there() -> None:
    asked = "What do articles from last week say about the ferries?"
    body = read_json(footnote("ask", asked, "--as-of", "2026-02-05", "--json"))
    assert body["as_of"] == "2026-02-05"
    assert body["period"] == {"from": "2026-01-26", "to": "2026-02-01", "text": "last week", "kind": "published"}
    assert {passage["article_id"] for passage in body["passages"]} == {"ferries.md"}
    before = read_json(footnote("ask", "How many ferries?", "--as-of", "2026-01-30", "--to", "2026-12-31", "--json"))
    assert before["passages"] == []


@pytest.mark.usefixtures("home")
def test_no_language_model_no_generated_answer() -> None:
    result = footnote("ask", QUESTION, "--generate", "--json")
    assert result.exit_code == 2
    assert read_json(result)["error"]["code"] == "no_writer"


@pytest.mark.usefixtures("home")
def test_a_language_model_that_cannot_be_reached_is_said_and_the_quotation_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    monkeypatch.setenv("FOOTNOTE_WRITER_BASE_URL", f"http://127.0.0.1:{port}/v1")
    monkeypatch.setenv("FOOTNOTE_WRITER_MODEL", "a-model")
    result = footnote("ask", QUESTION, "--generate")
    assert result.exit_code == 0
    assert "note: The language model cannot be reached, so there are quotations only." in result.stderr
    assert f"[1] “{QUOTE}”" in result.stdout


@pytest.mark.usefixtures("home")
def test_what_the_articles_do_not_say_is_not_said() -> None:
    result = footnote("ask", UNANSWERED)
    assert result.exit_code == 0
    assert result.stdout.startswith("The articles don’t answer this.")
    assert footnote("ask", UNANSWERED, "--json").stdout.count('"citations": []') == 1


@pytest.mark.usefixtures("home")
def test_a_korean_question_is_answered_in_korean() -> None:
    result = footnote("ask", "새 도서관은 언제 문을 여나?")
    assert "한빛시는 새 도서관을 3월 2일에 연다고 밝혔다." in result.stdout
    assert "2026년 2월 10일" in result.stdout


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    "filters",
    [("--source", "The Example Post"), ("--from", "2026-01-01"), ("--language", "ko"), ("--to", "1999-12-31")],
)
def test_filters_keep_articles_out(filters: tuple[str, str]) -> None:
    body = read_json(footnote("ask", QUESTION, "--json", *filters))
    assert "honey.md" not in {passage["article_id"] for passage in body["passages"]}


def test_a_collection_is_a_folder_of_the_corpus(tmp_path: Path) -> None:
    corpus, index = tmp_path / "corpus", ("--index", tmp_path / "index")
    for name, text in (("ferries.md", FERRIES), ("farms/valley/honey.md", HONEY)):
        (corpus / name).parent.mkdir(parents=True, exist_ok=True)
        (corpus / name).write_text(text, encoding="utf-8")
    assert footnote("index", "--corpus", corpus, *index).exit_code == 0
    for options, found in (
        (("farms",), {"farms/valley/honey.md"}),
        (("farms/valley/", "ships"), {"farms/valley/honey.md"}),
        (("farm",), set()),
    ):
        chosen = [part for name in options for part in ("--collection", name)]
        body = read_json(footnote("ask", QUESTION, "--json", *index, *chosen))
        assert {passage["article_id"] for passage in body["passages"]} == found
        assert body["answerable"] == bool(found)
    listed = read_json(footnote("articles", "--json", *index))["articles"]
    assert [article["collection"] for article in listed] == ["farms/valley", None]


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    "arguments",
    [
        ("ask", ""),
        ("ask", "x" * 4001),
        ("ask", QUESTION, "--from", "yesterday"),
        ("ask", QUESTION, "--from", "2026-02-01", "--to", "2026-01-01"),
        ("ask", QUESTION, "--top-k", "0"),
        ("ask", QUESTION, "--after", " "),
        ("ask", QUESTION, "--as-of", "last week"),
        ("ask", QUESTION, "--generate"),
        ("serve", "--host", "0.0.0.0"),
        ("serve", "--port", "70000"),
        ("verify", "corpus/honey.md"),
        ("eval", "corpus/honey.md"),
        ("rollback",),
        ("index", "--no-such-option"),
    ],
)
def test_wrong_usage_exits_with_2(arguments: tuple[str, ...]) -> None:
    result = footnote(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Traceback" not in result.stderr


@pytest.mark.usefixtures("home")
def test_a_wrong_setting_names_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTNOTE_CORPUSS", "x")
    result = footnote("articles")
    assert result.exit_code == 2
    assert "did you mean 'corpus'?" in result.stderr


@pytest.mark.parametrize("arguments", [("ask", QUESTION), ("articles",), ("verify",), ("rollback",)])
def test_without_an_index_it_exits_with_5_and_says_what_to_do(
    arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = footnote(*arguments)
    assert result.exit_code == 5
    assert "footnote index" in result.stderr


# articles, verify, rollback, doctor, eval


@pytest.mark.usefixtures("home")
def test_articles_are_listed() -> None:
    assert footnote("articles").stdout.endswith("3 articles\n")
    body = read_json(footnote("articles", "--json"))
    assert [article["article_id"] for article in body["articles"]] == ["ferries.md", "honey.md", "도서관.md"]
    assert [article["published"] for article in body["articles"]] == ["2026-01-31", None, "2026-02-10"]


def test_verify_finds_one_flipped_bit(home: Path) -> None:
    assert footnote("verify").exit_code == 0
    vectors = home / "index/gen-000001/vectors.npy"
    data = bytearray(vectors.read_bytes())
    data[-1] ^= 1
    vectors.write_bytes(data)
    result = footnote("verify", "--json")
    assert result.exit_code == 5
    body = read_json(result)
    assert body["ok"] is False
    assert "vectors.npy" in body["checks"][0]["detail"]


def test_verify_checks_an_answer_against_the_articles_of_now(home: Path) -> None:
    answer = footnote("ask", QUESTION, "--json").stdout
    (home / "answer.json").write_text(answer, encoding="utf-8")
    assert "exact" in footnote("verify", "answer.json").stdout
    moved = HONEY.replace("Beekeepers in", "Good news first. Beekeepers in")
    (home / "corpus/honey.md").write_text(moved, encoding="utf-8")
    footnote("index")
    assert _first_verdict(answer) == (0, "moved")
    (home / "corpus/honey.md").write_text(HONEY.replace("310 tonnes", "290 tonnes"), encoding="utf-8")
    footnote("index")
    assert _first_verdict(answer) == (1, "changed")
    (home / "corpus/honey.md").unlink()
    footnote("index", "--allow-shrink")
    assert _first_verdict(answer) == (1, "missing")


def _first_verdict(answer: str) -> tuple[int, str]:
    result = footnote("verify", "-", "--json", stdin=answer)
    return result.exit_code, read_json(result)["citations"][0]["verdict"]


def test_rollback_goes_back_to_the_parent(home: Path) -> None:
    (home / "corpus/bridge.md").write_text(
        "# A bridge\n\nThe stone bridge at Ostra closes on Monday.", encoding="utf-8"
    )
    footnote("index")
    assert read_json(footnote("rollback", "--json")) == {"generation": "gen-000001"}
    assert "bridge.md" not in footnote("articles").stdout


def test_a_copy_is_exported_checked_and_imported(home: Path) -> None:
    assert "gen-000001 is in copy.zip, and was read back: 3 articles" in footnote("export", "copy.zip").stdout
    assert footnote("export", "copy.zip").exit_code == 2
    checked = read_json(footnote("import", "copy.zip", "--verify", "--json"))
    assert (checked["copy_of"], checked["generation"], checked["committed"]) == ("gen-000001", None, False)
    assert "Nothing changed: gen-000001" in footnote("import", "copy.zip").stdout
    assert footnote("import", "copy.zip", "--index", "restored").exit_code == 0
    assert footnote("verify", "--index", "restored").exit_code == 0
    assert QUOTE in footnote("ask", QUESTION, "--index", "restored").stdout
    (home / "copy.zip").write_bytes((home / "copy.zip").read_bytes()[:-100])
    result = footnote("import", "copy.zip", "--index", "again", "--json")
    assert (result.exit_code, read_json(result)["error"]["code"]) == (5, "index_damaged")


@pytest.mark.usefixtures("home")
def test_doctor_finds_nothing_to_mend() -> None:
    result = footnote("doctor", "--json")
    assert result.exit_code == 0
    states = {check["name"]: check["state"] for check in read_json(result)["checks"]}
    assert {states[name] for name in ("model", "processor", "corpus", "gen-000001", "offline")} == {"ok"}


def test_doctor_says_what_is_wrong(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_SHARE", "True")
    shutil.rmtree(home / "index")
    (home / "corpus/empty.md").touch()
    result = footnote("doctor")
    assert result.exit_code == 2
    for line in ("warn corpus", "warn index", "fail offline", "→ Unset GRADIO_SHARE."):
        assert line in result.stdout


def test_eval_prints_and_saves_the_figures(home: Path) -> None:
    questions: list[dict[str, object]] = [
        {"id": "1", "question": QUESTION, "answers": ["310 tonnes"], "articles": ["honey.md"], "answerable": True},
        {"id": "2", "question": UNANSWERED, "answers": None, "articles": [], "answerable": False},
    ]
    lines = "".join(json.dumps(question | {"as_of": None}) + "\n" for question in questions)
    (home / "questions.jsonl").write_text(lines, encoding="utf-8")
    body = read_json(footnote("eval", "questions.jsonl", "--save", "baseline.json", "--json"))
    assert body["questions"] == 2
    assert body["figures"]["sentence@1"]["value"] == 1.0
    assert body["figures"]["citation_precision"]["value"] == 1.0
    assert json.loads((home / "baseline.json").read_text()) == body
    assert "2 questions" in footnote("eval", "questions.jsonl").stdout


# serve


@contextmanager
def process(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run a command as a process of its own, in the working folder."""
    command = [sys.executable, "-c", "import ui.cli; ui.cli.main()", *arguments]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    # A shell that runs the tests in the background ignores SIGINT, and a child would inherit that.
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        started = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    finally:
        signal.signal(signal.SIGINT, before)
    with started as running:
        try:
            yield running
        finally:
            running.kill()


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serve_answers_and_stops_when_told(home: Path, number: signal.Signals) -> None:
    shutil.rmtree(home / "index")
    with process("serve", "--port", "0", "--json") as server:
        assert server.stdout is not None
        ready = json.loads(server.stdout.readline())
        assert ready["generation"] == "gen-000001"
        body = json.dumps({"question": QUESTION}).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(ready["address"] + "/v1/answer", data=body, headers=headers)
        with urllib.request.urlopen(request, timeout=30) as response:
            assert QUOTE in json.load(response)["answer"]
        server.send_signal(number)
        assert server.wait(15) == 0


@pytest.mark.usefixtures("home")
def test_a_taken_port_is_said_plainly() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        result = footnote("serve", "--port", str(other.getsockname()[1]))
    assert result.exit_code == 2
    assert "--port" in result.stderr


# what is shown


def test_nothing_in_an_article_steers_the_terminal() -> None:
    assert terminal.clean("a\x1b[2Jb\u202ec\n한") == "a�[2Jb�c\n한"


def test_the_disk_refusing_is_no_traceback(home: Path) -> None:
    (home / "blocked").touch()
    result = footnote("index", "--index", home / "blocked/index")
    assert result.exit_code == 74
    assert "Traceback" not in result.output


def test_small_packets_do_not_wait_for_the_client() -> None:
    with (
        serving._listening("127.0.0.1", 0) as listener,
        socket.create_connection(listener.getsockname()),
        listener.accept()[0] as connection,
    ):
        assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
