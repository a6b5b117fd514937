"""`footnote why` as a user meets it: the story fits the terminal, the JSON is whole, the exit codes are the usual."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from indexer.build import build
from indexer.embedding import SentenceTransformerEmbedder
from indexer.settings import Settings
from qa.features import NAMES
from ui.cli import app
from ui.why import FEATURES, WIDTH, wrapped

FERRIES = """---
title: Harbour town doubles its ferry service
published: 2026-01-31
---

The harbour town of Tolm will run twelve ferries a day from March. Until now six boats crossed the bay daily.
"""
LIBRARY = """---
title: 새 도서관이 문을 열다
---

한빛시는 새 도서관을 3월 2일에 연다고 밝혔다. 도서관에는 책 12만 권이 있다.
"""
QUESTION = "How many ferries will Tolm run a day?"


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory, embedder: SentenceTransformerEmbedder) -> Path:
    root = tmp_path_factory.mktemp("why")
    (root / "corpus" / "news").mkdir(parents=True)
    (root / "corpus" / "news" / "ferries.md").write_text(FERRIES, encoding="utf-8")
    (root / "corpus" / "도서관.md").write_text(LIBRARY, encoding="utf-8")
    build(Settings(corpus=root / "corpus", index=root / "index"), embedder)
    return root / "index"


def why(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["why", *map(str, arguments)])


def test_the_story_is_told_from_the_question_to_the_reason(index: Path) -> None:
    result = why(QUESTION, "ferries.md", "--index", index)
    assert result.exit_code == 0, result.output
    places = [result.stdout.index(part) for part in ("1. The question", "2. Its best", "3. Its best", "4. The answer")]
    assert places == sorted(places)
    assert "news/ferries.md · Harbour town doubles its ferry service" in result.stdout
    assert result.stdout.rstrip().endswith("It is quoted as [1].")
    assert max(map(len, result.stdout.splitlines())) <= WIDTH


def test_a_filter_ends_the_story_early(index: Path) -> None:
    for option in ("--to", "--as-of"):
        result = why(QUESTION, "ferries.md", "--index", index, option, "2026-01-01")
        assert result.exit_code == 0
        assert "DOES NOT PASS" in result.stdout
        assert "2. Its best" not in result.stdout
        assert "→ filters" in result.stdout


def test_json_is_one_document_of_one_shape(index: Path) -> None:
    bodies = [
        json.loads(why(question, name, "--index", index, "--json").stdout)
        for question, name in (
            (QUESTION, "ferries.md"),
            (QUESTION, "도서관.md"),
            ("도서관에 책이 몇 권 있나요?", "도서관.md"),
        )
    ]
    assert [set(body) for body in bodies] == [set(bodies[0])] * 3
    assert bodies[0]["dropped_at"] is None
    assert bodies[1]["dropped_at"] is not None
    assert bodies[2]["understood"]["embedder_knows"] is False


def test_exit_codes(index: Path, tmp_path: Path) -> None:
    assert why(QUESTION, "ferries.md", "--index", tmp_path / "none").exit_code == 5
    assert why(" ", "ferries.md", "--index", index).exit_code == 2
    assert why(QUESTION, "ferries.md", "--index", index, "--from", "2026-02-01", "--to", "2026-01-01").exit_code == 2
    unknown = why(QUESTION, "ferry.md", "--index", index)
    assert unknown.exit_code == 2
    assert "Did you mean news/ferries.md" in unknown.stderr


def test_every_feature_has_words() -> None:
    assert {name.removesuffix("_behind") for name in NAMES} == set(FEATURES)


@given(st.text(st.sampled_from("ab 가힣é-"), max_size=120), st.integers(4, 30))
def test_lines_hold_the_whole_text_and_fit(text: str, width: int) -> None:
    lines = wrapped(text, width)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(sum(2 if "가" <= mark <= "힣" else 1 for mark in line) <= width for line in lines)


def test_lines_break_at_spaces() -> None:
    assert wrapped("one two three four", 9) == ["one two", "three", "four"]
    assert wrapped("", 9) == [""]
