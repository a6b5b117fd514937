"""What users say of answers: kept through anything, and made into questions that an evaluation takes."""

import json
import os
import resource
import signal
import stat
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from indexer.build import build
from indexer.embedding import SentenceTransformerEmbedder
from indexer.errors import StorageError
from indexer.generation import Store
from indexer.settings import Settings
from qa import feedback as module
from qa.answer import Answerer
from qa.evaluation import evaluate, load_questions
from qa.feedback import FEEDBACK_FILE, Feedback, FeedbackFullError, Quote, load, question_set, store

AT = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
QUOTE = Quote("roads/honey.md", 0, 9, "310 tonnes")
UP = Feedback("1", AT, "How much honey?", "up", outcome="answered", citations=(QUOTE,))
NOTHING = Feedback("2", AT, "Who won the cup?", "up", outcome="not_in_articles")
DOWN = Feedback(
    "3", AT, "Who built the pier?", "down", "wrong", "It was Norrvik.", outcome="answered", citations=(QUOTE,)
)


# On disk


def test_what_was_said_is_there_and_nobody_elses_business(tmp_path: Path) -> None:
    index = tmp_path / "new" / "index"
    said = [UP, NOTHING, DOWN]
    for remark in said:
        store(index, remark)
    assert load(index) == (said, 0)
    assert stat.S_IMODE((index / FEEDBACK_FILE).stat().st_mode) == 0o600
    assert load(tmp_path / "nowhere") == ([], 0)


def test_a_line_that_a_crash_cut_off_costs_itself_alone(tmp_path: Path) -> None:
    store(tmp_path, UP)
    path = tmp_path / FEEDBACK_FILE
    whole = path.read_bytes()
    for cut in range(len(whole)):
        path.write_bytes(whole + whole[:cut])
        store(tmp_path, DOWN)
        found, damaged = load(tmp_path)
        assert found[0] == UP
        assert found[-1] == DOWN
        # Without its line end alone, a line is whole.
        assert (len(found), damaged) == ((3, 0) if cut == len(whole) - 1 else (2, int(cut > 0)))


def test_noise_in_the_file_is_counted(tmp_path: Path) -> None:
    store(tmp_path, UP)
    with (tmp_path / FEEDBACK_FILE).open("ab") as file:
        file.write(b'\xff\n{}\n[1]\n{"id": 1}\n\n' + b"[" * 5000 + b"\n")
    store(tmp_path, DOWN)
    assert load(tmp_path) == ([UP, DOWN], 5)


def test_many_at_once_lose_nothing(tmp_path: Path) -> None:
    def say(number: int) -> None:
        for turn in range(20):
            store(tmp_path, replace(UP, id=f"{number}-{turn}"))

    threads = [threading.Thread(target=say, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found, damaged = load(tmp_path)
    assert damaged == 0
    assert {remark.id for remark in found} == {f"{number}-{turn}" for number in range(8) for turn in range(20)}


KILLED = """
import sys
from pathlib import Path
from qa.feedback import Feedback, now, store
for number in range(100_000):
    store(Path(sys.argv[1]), Feedback(str(number), now(), "How much honey?", "up"))
    print(number, flush=True)
"""


def test_a_killed_process_loses_nothing_that_it_confirmed(tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    for confirmed in (3, 11, 29):
        index = tmp_path / str(confirmed)
        with subprocess.Popen(
            [sys.executable, "-c", KILLED, str(index)], stdout=subprocess.PIPE, text=True, env=environment
        ) as process:
            assert process.stdout is not None
            for _ in range(confirmed):
                last = int(process.stdout.readline())
            process.send_signal(signal.SIGKILL)
        store(index, DOWN)
        found, damaged = load(index)
        assert damaged <= 1
        assert [remark.id for remark in found[: last + 1]] == [str(number) for number in range(last + 1)]
        assert found[-1] == DOWN


def test_a_full_disk_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    store(tmp_path, UP)
    before = (tmp_path / FEEDBACK_FILE).read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 20, limits[1]))
    try:
        with pytest.raises(StorageError, match=FEEDBACK_FILE):
            store(tmp_path, DOWN)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (tmp_path / FEEDBACK_FILE).read_bytes() == before


def test_beyond_the_limit_it_is_refused(tmp_path: Path) -> None:
    store(tmp_path, UP)
    os.truncate(tmp_path / FEEDBACK_FILE, module.MAX_FEEDBACK_BYTES)
    with pytest.raises(FeedbackFullError, match="64 MiB"):
        store(tmp_path, DOWN)
    assert (tmp_path / FEEDBACK_FILE).stat().st_size == module.MAX_FEEDBACK_BYTES


def test_a_link_or_a_pipe_in_its_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").touch()
    for make in (
        lambda path: path.symlink_to(tmp_path / "elsewhere"),
        os.mkfifo,
        Path.mkdir,
    ):
        index = Path(tmp_path, str(len(list(tmp_path.iterdir()))))
        index.mkdir()
        make(index / FEEDBACK_FILE)
        with pytest.raises(StorageError):
            store(index, UP)
        with pytest.raises(StorageError):
            load(index)
    assert (tmp_path / "elsewhere").read_bytes() == b""


def test_builds_rollbacks_and_clean_ups_leave_it_alone(
    settings: Settings, embedder: SentenceTransformerEmbedder
) -> None:
    store(settings.index, UP)
    few = settings.model_copy(update={"keep_generations": 1})
    for number in range(4):
        (settings.corpus / f"{number}.md").write_text(f"# Notice {number}\n\nThe {number}th notice was put up today.")
        build(few, embedder)
    Store(settings.index).rollback()
    vectors = next(settings.index.glob("gen-*/vectors.npy"))
    vectors.write_bytes(b"damaged")
    build(few, embedder)
    assert load(settings.index) == ([UP], 0)


# As questions


def test_only_what_tells_the_truth_is_asked_again() -> None:
    found = replace(NOTHING, id="4", question="Q4", rating="down", reason="not_in_articles_but_is", citations=(QUOTE,))
    remarks = [
        UP,
        NOTHING,
        DOWN,
        found,
        replace(found, id="5", question="Q5", citations=()),
        replace(UP, id="6", question="Q6", outcome="partly"),
        replace(UP, id="7", question="Q7", outcome=None),
        replace(UP, id="8", question="Q8", citations=()),
        replace(DOWN, id="9", question="Q9", reason="not_in_articles_but_is"),
        replace(UP, id="10", question="And there?", standalone_question="How much honey in Ulmen?"),
    ]
    questions = question_set(remarks)
    assert (questions.merged, questions.unclear) == (0, 6)
    [up, nothing, shown, standalone] = map(json.loads, questions.lines)
    assert up == {
        "id": "1",
        "question": "How much honey?",
        "answers": ["310 tonnes"],
        "articles": ["roads/honey.md"],
        "answerable": True,
        "as_of": "2026-03-01",
    }
    assert (nothing["answers"], nothing["articles"], nothing["answerable"]) == (None, [], False)
    assert shown["answerable"] is True
    assert standalone["question"] == "How much honey in Ulmen?"


def test_the_newest_word_on_a_question_counts() -> None:
    again = replace(NOTHING, id="9", question="  how MUCH honey? ")
    assert [json.loads(line)["id"] for line in question_set([UP, NOTHING, again]).lines] == ["2", "9"]
    # Taken back: what was right yesterday is not exported.
    assert question_set([UP, replace(DOWN, question=UP.question)]).lines == ()


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=30)
QUOTES = st.builds(Quote, TEXT, st.just(0), st.just(5), TEXT)
REMARKS = st.builds(
    Feedback,
    id=st.uuids().map(str),
    at=st.just(AT),
    question=TEXT,
    rating=st.sampled_from(["up", "down"]),
    comment=TEXT,
    outcome=st.sampled_from(["answered", "partly", "not_in_articles", None]),
    citations=st.lists(QUOTES, max_size=3).map(tuple),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(remarks=st.lists(REMARKS, max_size=6))
def test_every_text_comes_back_and_every_line_can_be_evaluated(tmp_path: Path, remarks: list[Feedback]) -> None:
    (tmp_path / FEEDBACK_FILE).unlink(missing_ok=True)
    for remark in remarks:
        store(tmp_path, remark)
    assert load(tmp_path) == (remarks, 0)
    questions = question_set(remarks)
    assert len(questions.lines) + questions.merged + questions.unclear == len(remarks)
    if questions.lines:
        path = tmp_path / "questions.jsonl"
        path.write_text("".join(f"{line}\n" for line in questions.lines), encoding="utf-8")
        assert [question.id for question in load_questions(path)] == [
            json.loads(line)["id"] for line in questions.lines
        ]


# Over HTTP


@pytest.fixture
def said(own_client: TestClient, answerer: Answerer) -> dict[str, Any]:
    """A thumbs-up on a real answer, as the page sends it."""
    answer = own_client.post("/v1/answer", json={"question": "How many tonnes of honey were harvested?"}).json()
    keys = ("article_id", "start_char_index", "end_char_index", "cited_text")
    return {
        "answer_id": answer["id"],
        "question": answer["question"],
        "rating": "up",
        "citations": [{key: citation[key] for key in keys} for citation in answer["citations"]],
        "outcome": answer["outcome"],
        "generation": answer["generation"],
    }


@pytest.fixture
def answerer(app: FastAPI) -> Answerer:
    """What answers behind the app."""
    found: Answerer = app.state.library.answerer
    return found


def test_a_remark_on_an_answer_becomes_a_question_it_answers(
    own_client: TestClient, said: dict[str, Any], app: FastAPI, answerer: Answerer, tmp_path: Path
) -> None:
    response = own_client.post("/v1/feedback", json=said)
    assert response.status_code == 201
    nothing = {"question": "Which striker scored in the cup final?", "rating": "up", "outcome": "not_in_articles"}
    assert own_client.post("/v1/feedback", json=nothing).status_code == 201
    remarks, _ = load(app.state.settings.index)
    assert remarks[0].id == response.json()["id"]
    assert remarks[0].citations[0].cited_text == said["citations"][0]["cited_text"]
    path = tmp_path / "questions.jsonl"
    path.write_text("".join(f"{line}\n" for line in question_set(remarks).lines), encoding="utf-8")
    evaluation = evaluate(load_questions(path), answerer)
    figures = evaluation.to_dict()["figures"]
    assert (figures["sentence@1"]["value"], figures["f1"]["value"]) == (1.0, 1.0)
    assert own_client.get("/v1/feedback").status_code == 405


@pytest.mark.parametrize(
    "change",
    [
        {"rating": "fine"},
        {"rating": None},
        {"reason": "wrong"},
        {"rating": "down", "reason": "because"},
        {"comment": "a" * 2001},
        {"comment": "\0"},
        {"question": ""},
        {"question": "a" * 4001},
        {"outcome": "perhaps"},
        {"citations": [{"article_id": "a.md", "start_char_index": 1, "end_char_index": 2, "cited_text": "a"}] * 21},
        {"citations": [{"article_id": "a.md", "start_char_index": 2, "end_char_index": 2, "cited_text": "a"}]},
        {"citations": [{"article_id": "a.md"}]},
        {"user": "me"},
    ],
)
def test_what_is_not_as_it_should_be_is_refused(client: TestClient, change: dict[str, object]) -> None:
    response = client.post("/v1/feedback", json={"question": "How much?", "rating": "up", **change})
    assert response.status_code == 422
    assert response.json()["error"]["message"]


def test_a_full_file_is_said(own_client: TestClient, app: FastAPI) -> None:
    path = app.state.settings.index / FEEDBACK_FILE
    path.touch()
    os.truncate(path, module.MAX_FEEDBACK_BYTES)
    response = own_client.post("/v1/feedback", json={"question": "How much?", "rating": "up"})
    assert response.status_code == 503
    assert response.json()["error"]["code"] == "feedback_full"
