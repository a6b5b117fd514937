"""What others wrote cannot steer a terminal: no escape sequence, no markup of Rich's, no line that looks like ours."""

import json
import re
import unicodedata
from pathlib import Path

import pytest
from typer.testing import CliRunner

from indexer.build import build
from indexer.corpus import Problem
from indexer.generation import Generation, Store
from indexer.settings import Settings
from qa import feedback
from qa.schemas import AnswerBody
from tests.conftest import Tally
from tests.indexer.hash_embedder import HashEmbedder
from tests.reliability.hostile_page import article_id, hostile_answer, write_hostile_corpus
from tests.reliability.hostile_texts import PAYLOADS
from ui import terminal
from ui.cli import app
from ui.reports import show_answer

# What Rich itself writes when it is told to use colours.
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
JOINERS = "\u00ad\u200b\u200c\u200d\u2060\ufeff"


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    root = tmp_path_factory.mktemp("hostile")
    write_hostile_corpus(root / "corpus")
    settings = Settings(corpus=root / "corpus", index=root / "index")
    build(settings, HashEmbedder())
    return settings


@pytest.fixture(scope="module")
def generation(settings: Settings) -> Generation:
    return Store(settings.index).open()


def steering(output: str) -> list[str]:
    """What could move a cursor, open a link, change the direction of writing, or hide."""
    plain = COLOUR.sub("", output)
    return [
        f"{unicodedata.category(mark)} {ord(mark):#x}"
        for mark in plain
        if unicodedata.category(mark) in ("Cc", "Cf", "Cs") and mark not in "\n\t" + JOINERS
    ]


def footnote(*arguments: str | Path, colour: bool = True) -> str:
    """Run a command as on a terminal with colours."""
    environment = {"FORCE_COLOR": "1", "TERM": "xterm-256color"} if colour else {}
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], env=environment)
    assert result.exit_code == 0, result.output
    return str(result.output)


@pytest.fixture
def coloured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rich takes this for a terminal that can do anything."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")


def test_lists_are_plain(settings: Settings, generation: Generation, tally: Tally) -> None:
    shown = footnote("articles", "--index", settings.index)
    assert steering(shown) == []
    plain = COLOUR.sub("", shown)
    # Two lines for each article and one for the count: no name makes a line of its own.
    assert len(plain.splitlines()) == 2 * len(generation.articles) + 1
    assert "[bold red]x[/bold red] [link=https://evil.example]y[/link]" in plain
    assert "]8;;" in plain
    told = json.loads(footnote("articles", "--index", settings.index, "--json", colour=False))
    assert {one["article_id"] for one in told["articles"]} == set(generation.articles)
    tally("hostile texts listed on the terminal", texts=len(PAYLOADS), bad=0)


def test_json_cannot_steer_either(settings: Settings, generation: Generation) -> None:
    written = footnote("articles", "--index", settings.index, "--json")
    assert steering(written) == []
    titles = {one["title"] for one in json.loads(written)["articles"]}
    assert titles == {article.title for article in generation.articles.values()}


@pytest.mark.usefixtures("coloured")
@pytest.mark.parametrize("kind", ["answered", "partly", "not_in_articles"])
def test_answers_are_plain(generation: Generation, capsys: pytest.CaptureFixture[str], tally: Tally, kind: str) -> None:
    for number in range(len(PAYLOADS)):
        answer = hostile_answer(generation, number, kind)
        show_answer(answer)
        terminal.write_json(AnswerBody.of(answer).model_dump(mode="json"))
        output = capsys.readouterr()
        assert steering(output.out + output.err) == [], PAYLOADS[number]
    tally(f"hostile texts answered on the terminal, {kind}", texts=len(PAYLOADS), bad=0)


@pytest.mark.usefixtures("coloured")
def test_problems_are_plain(generation: Generation, capsys: pytest.CaptureFixture[str], tally: Tally) -> None:
    problems = [*generation.manifest.problems, Problem("a\nerror: your disk is full.txt", "empty", "")]
    terminal.show_problems(problems)
    shown = capsys.readouterr().err
    assert steering(shown) == []
    assert len(shown.splitlines()) == len(problems)
    tally("hostile names of files on the terminal", texts=len(problems), bad=0)


def test_remarks_are_plain(tmp_path: Path) -> None:
    (tmp_path / "index").mkdir()
    for payload in PAYLOADS:
        feedback.store(tmp_path / "index", remark(payload))
    assert steering(footnote("feedback", "--index", tmp_path / "index")) == []
    assert steering(footnote("feedback", "--index", tmp_path / "index", "--json")) == []


def remark(payload: str) -> feedback.Feedback:
    """What somebody says of an answer."""
    from qa.requests import FeedbackRequest

    return FeedbackRequest(question=payload, rating="down", comment=payload).record()


@pytest.mark.usefixtures("coloured")
def test_without_cleaning_it_would_be_seen(
    generation: Generation, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terminal, "clean", lambda text: text)
    number = next(at for at, payload in enumerate(PAYLOADS) if "\x1b" in payload)
    show_answer(hostile_answer(generation, number, "answered"))
    assert steering(capsys.readouterr().out)
    assert article_id(number) in generation.articles
