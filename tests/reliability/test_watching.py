"""Watching: figures that grow with nobody's wit, and log lines that nothing can break."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path

import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import settings as budget
from hypothesis import strategies as st
from starlette.testclient import TestClient

from indexer.build import build
from indexer.embedding import Embedder
from indexer.errors import NothingToIndexError
from indexer.settings import Settings
from qa import logs
from qa.api import create_app
from qa.library import Library
from tests.reliability.serving import QUESTION, WORD, figures, write_corpus

PORT = 8125


@pytest.fixture(scope="module")
def library(embedder: Embedder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """A live index of two articles and a file that is none."""
    root = tmp_path_factory.mktemp("operations")
    write_corpus(root / "corpus")
    settings = Settings(corpus=root / "corpus", index=root / "index", port=PORT)
    build(settings, embedder)
    library = Library(settings, embedder)
    library.open()
    yield library
    library.close()


def client_of(app: FastAPI) -> TestClient:
    """A client that calls the app by its name, and sees errors as statuses."""
    return TestClient(app, base_url=f"http://127.0.0.1:{PORT}", raise_server_exceptions=False)


# Figures


def test_what_is_asked_shows_in_the_figures(library: Library) -> None:
    before = library.events.tallies().answers.copy()
    with client_of(create_app(library, library.settings)) as client:
        assert client.post("/v1/answer", json={"question": QUESTION}).status_code == 200
        assert client.post("/v1/answer", json={"question": ""}).status_code == 422
        assert client.get("/v1/articles/honey.md").status_code == 200
        assert client.get("/v1/articles", headers={"Host": "elsewhere.example"}).status_code == 403
        response = client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    found = figures(response.text)
    assert found["footnote_requests_total", ("POST", "/v1/answer", "200")] == 1
    assert found["footnote_requests_total", ("POST", "/v1/answer", "422")] == 1
    assert found["footnote_requests_total", ("GET", "/v1/articles/{article_id:path}", "200")] == 1
    assert found["footnote_requests_total", ("GET", "other", "403")] == 1
    assert found["footnote_request_seconds_count", ("/v1/answer",)] == 2
    assert sum(library.events.tallies().answers.values()) == sum(before.values()) + 1
    assert found["footnote_generation", ()] == 1
    assert found["footnote_articles", ()] == 2
    assert found["footnote_files_skipped", ("empty",)] == 1
    assert found["footnote_generation_degraded", ()] == 0
    assert found["footnote_requests_under_way", ()] == 1
    for name in ("footnote_queue_waiting", "footnote_queue_refused_total", "footnote_index_damage_total"):
        assert (name, ()) in found
    if Path("/proc/self/stat").exists():
        assert found["process_resident_memory_bytes", ()] > 0
        assert found["process_open_fds", ()] > 0
    assert WORD not in response.text


@pytest.mark.parametrize("number", [40])
def test_what_clients_make_up_adds_no_label(library: Library, number: int) -> None:
    with client_of(create_app(library, library.settings)) as client:
        for made_up in range(number):
            client.get(f"/v1/articles/{WORD}{made_up}")
            client.get(f"/{WORD}{made_up}")
            client.request(f"BREW{made_up}", "/healthz")
        text = client.get("/metrics").text
    assert WORD not in text
    assert "BREW" not in text
    requests = {labels for name, labels in figures(text) if name == "footnote_requests_total"}
    assert requests == {
        ("GET", "/v1/articles/{article_id:path}", "404"),
        ("GET", "other", "404"),
        ("other", "/healthz", "405"),
    }


def test_two_apps_count_apart(library: Library) -> None:
    one, other = (client_of(create_app(library, library.settings)) for _ in range(2))
    one.get("/healthz")
    assert ("footnote_requests_total", ("GET", "/healthz", "200")) in figures(one.get("/metrics").text)
    assert ("footnote_requests_total", ("GET", "/healthz", "200")) not in figures(other.get("/metrics").text)


def test_a_failed_build_shows(embedder: Embedder, tmp_path: Path) -> None:
    settings = Settings(corpus=tmp_path / "nowhere", index=tmp_path / "index", port=PORT)
    library = Library(settings, embedder)
    with pytest.raises(NothingToIndexError):
        library.build()
    with client_of(create_app(library, settings)) as client:
        found, ready = figures(client.get("/metrics").text), client.get("/readyz")
    assert found["footnote_builds_total", ("nothing_to_index",)] == 1
    assert found["footnote_last_build_ok", ()] == 0
    assert found["footnote_index_open", ()] == 0
    assert ready.status_code == 503
    assert ready.json()["code"] == "index_missing"
    assert ready.json()["last_build"]["status"] == "failed"
    assert ready.json()["last_build"]["code"] == "nothing_to_index"


# Log lines


@contextmanager
def logged(log_format: logs.LogFormat) -> Iterator[StringIO]:
    """Collect what the log writes."""
    stream, root = StringIO(), logging.getLogger()
    levels = {name: logging.getLogger(name).level for name in logs.OWN}
    logs.configure(log_format, stream)
    try:
        yield stream
    finally:
        for handler in [one for one in root.handlers if one.get_name() == logs.HANDLER]:
            root.removeHandler(handler)
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
        logging.captureWarnings(capture=False)


@budget(max_examples=60, deadline=None)
@given(st.text(), st.text())
def test_one_event_is_one_line_whatever_it_says(name: str, value: str) -> None:
    with logged("json") as stream:
        logging.getLogger("qa.anything").info("%s", name, extra={"path": value})
    written = stream.getvalue()
    assert written.isascii()
    assert written.count("\n") == 1
    line = json.loads(written)
    assert (line["event"], line["path"]) == (name, value)


@budget(max_examples=60, deadline=None)
@given(st.text(alphabet=st.characters(codec=None), min_size=1))
def test_nothing_in_an_event_steers_a_terminal(value: str) -> None:
    with logged("text") as stream:
        logging.getLogger("qa.anything").warning("%s", value, extra={"path": value})
    line = stream.getvalue()
    assert line.count("\n") == 1
    assert "\x1b" not in line
    assert line[:-1] == logs.escape(line[:-1])


def test_an_unforeseen_error_stays_in_the_log(library: Library) -> None:
    app = create_app(library, library.settings)

    @app.get("/broken")
    def broken() -> None:
        raise RuntimeError("what only the log may say\x1b[2J")

    with logged("json") as stream, client_of(app) as client:
        response = client.get("/broken", headers={"X-Request-ID": "request-7"})
    assert response.status_code == 500
    assert response.json()["error"]["request_id"] == "request-7"
    assert "only the log" not in response.text
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    told = [line for line in lines if "traceback" in line]
    assert {line["request_id"] for line in told if line["logger"].startswith("qa.")} == {"request-7"}
    assert "RuntimeError: what only the log may say" in told[0]["traceback"]
    assert "\x1b" not in stream.getvalue()
    assert [line["status"] for line in lines if line["event"] == "request"] == [500]


def test_text_for_a_terminal_leaves_out_what_went_well(library: Library) -> None:
    with logged("text") as stream, client_of(create_app(library, library.settings)) as client:
        client.post("/v1/answer", json={"question": QUESTION})
        client.get("/nothing")
    assert stream.getvalue() == ""
