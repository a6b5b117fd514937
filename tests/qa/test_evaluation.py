"""The figures, worked out by hand and on a real index."""

import json
from pathlib import Path

import numpy as np
import pytest

from indexer.errors import UsageError
from qa.evaluation import evaluate, expected_calibration_error, load_questions
from qa.library import Library

PIER, BRIDGE, HONEY = "ferries.md", "roads/bridges.md", "roads/honey.md"
QUESTIONS = [
    {"id": "1", "question": "How much did the second pier cost?", "answers": ["4.2 MILLION"], "articles": [PIER]},
    {"id": "2", "question": "How many arches have cracks?", "answers": ["two of its five"], "articles": [BRIDGE]},
    {"id": "3", "question": "How much honey was harvested?", "answers": ["never said"], "articles": [HONEY]},
    {"id": "4", "question": "Who wrote Hamlet?", "answers": None, "articles": []},
]
NAMES = {
    *(
        "sentence@1",
        "sentence@3",
        "recall@1",
        "recall@3",
        "recall@5",
        "recall@10",
        "mrr@10",
        "ndcg@10",
        "auroc",
        "f1",
        "ece",
    ),
    *("citation_precision", "latency_p50_ms", "latency_p95_ms"),
}


def write(path: Path, rows: list[dict[str, object]]) -> Path:
    lines = [json.dumps({"as_of": None, "answerable": row["answers"] is not None, **row}) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_the_figures_of_four_questions(library: Library, tmp_path: Path) -> None:
    questions = load_questions(write(tmp_path / "questions.jsonl", QUESTIONS))  # type: ignore[arg-type]
    evaluation = evaluate(questions, library.answerer)
    figures = evaluation.to_dict()["figures"]
    assert set(figures) == NAMES
    assert evaluation.to_dict()["questions"] == 4
    # The third question's answer stands nowhere, so two of three answerable ones are found.
    assert figures["recall@10"]["value"] == pytest.approx(2 / 3)
    assert figures["sentence@3"]["value"] == pytest.approx(2 / 3)
    assert figures["citation_precision"]["value"] == 1
    assert figures["auroc"]["value"] == 1
    assert all(f["low"] <= f["value"] <= f["high"] for f in figures.values() if f["value"] is not None)


def test_figures_that_are_not_defined_are_null(library: Library, tmp_path: Path) -> None:
    questions = load_questions(write(tmp_path / "questions.jsonl", [QUESTIONS[3]]))  # type: ignore[list-item]
    figures = evaluate(questions, library.answerer).to_dict()["figures"]
    assert figures["auroc"] == figures["sentence@1"] == {"value": None, "low": None, "high": None}


def test_the_calibration_error_in_full() -> None:
    # Bin .2: confidence .25, accuracy 0; bin .8: confidence .85, accuracy 1; half the questions each.
    error = expected_calibration_error(np.array([0.25, 0.25, 0.85, 0.85]), np.array([0.0, 0.0, 1.0, 1.0]))
    assert error == pytest.approx(0.5 * 0.25 + 0.5 * 0.15)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "Expecting property name"),
        ('{"id": "1"}', "Field required"),
        ('{"id": "1", "question": "?", "answers": null, "articles": [], "answerable": true}', "needs `answers`"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str, reason: str) -> None:
    path = write(tmp_path / "questions.jsonl", [QUESTIONS[0]])  # type: ignore[list-item]
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(UsageError, match=r"questions\.jsonl:2 is not a question") as caught:
        load_questions(path)
    assert reason in str(caught.value)


def test_an_empty_or_missing_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_text("\n")
    for name in ("empty.jsonl", "missing.jsonl"):
        with pytest.raises(UsageError):
            load_questions(tmp_path / name)
