"""The HTTP interface, on the real index: every route, every kind of error, streams, load, and bodies made of noise."""

import json
import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from indexer import errors
from indexer.embedding import SentenceTransformerEmbedder
from indexer.settings import Settings
from qa.api import create_app
from qa.library import Library
from qa.problems import STATUSES
from qa.streaming import Gate
from tests.qa.conftest import CORPUS, PORT, serving, wait_for_job

QUESTION = {"question": "How many tonnes of honey did the beekeepers harvest?"}
JSON = {"content-type": "application/json"}
BODIES = [
    "/v1/answer",
    "/v1/search",
    "/v1/verify",
    "/v1/index/rebuild",
    "/v1/articles",
    "/v1/articles/restore",
    "/v1/feedback",
]


class Response(Protocol):
    """What both clients give."""

    @property
    def headers(self) -> Mapping[str, str]: ...

    def json(self) -> Any: ...  # noqa: ANN401 - JSON may hold anything


def error_of(response: Response) -> dict[str, str]:
    """The error of a response, which has the one shape."""
    body = response.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message", "request_id"}
    assert body["error"]["request_id"] == response.headers["x-request-id"]
    assert body["error"]["message"]
    error: dict[str, str] = body["error"]
    return error


# Questions


def test_an_answer_is_quoted_and_can_be_verified(client: TestClient) -> None:
    body = client.post("/v1/answer", json=QUESTION).json()
    assert body["outcome"] == "answered"
    assert body["generation"] == "gen-000001"
    [citation] = [citation for citation in body["citations"] if "310 tonnes" in citation["cited_text"]]
    assert f"{citation['cited_text']} [{citation['index']}]" in body["answer"]

    keys = ("article_id", "cited_text", "start_char_index", "end_char_index", "prefix", "suffix", "article_sha256")
    asked = {key: citation[key] for key in keys}
    verified = client.post("/v1/verify", json=asked).json()
    assert verified["verdict"] == "exact"
    assert verified["article_sha256"] == citation["article_sha256"]

    moved = {**asked, "start_char_index": 5, "end_char_index": 9}
    assert client.post("/v1/verify", json=moved).json() == {**verified, "verdict": "moved"}
    changed = {**asked, "cited_text": citation["cited_text"].replace("310", "999")}
    assert client.post("/v1/verify", json=changed).json()["verdict"] == "changed"
    for missing in ({**asked, "article_id": "nothing.md"}, {**asked, "cited_text": "Nobody ever wrote this."}):
        verdict = client.post("/v1/verify", json={**missing, "prefix": "", "suffix": ""}).json()
        assert (verdict["verdict"], verdict["start_char_index"]) == ("missing", None)


def test_filters_come_before_ranking(client: TestClient) -> None:
    def found(**filters: object) -> set[str]:
        body = client.post("/v1/search", json={**QUESTION, "filters": filters, "top_k": 50}).json()
        return {passage["article_id"] for passage in body["passages"]}

    assert found() == set(CORPUS)
    assert found(source="Valley Gazette") == {"roads/bridges.md", "roads/honey.md"}
    assert found(source=["The Example Post"], language=["en"]) == {"ferries.md"}
    assert found(**{"from": "2025-11-02", "to": "2026-01-31"}) == {"roads/bridges.md", "ferries.md"}
    assert found(article_ids=["한국/도서관.md"]) == {"한국/도서관.md"}
    assert found(collection="roads") == {"roads/bridges.md", "roads/honey.md"}
    assert found(collection=["roads", "한국"], language="ko") == {"한국/도서관.md"}
    assert found(source="Nobody") == found(collection="Nowhere") == set()
    as_of = client.post("/v1/search", json={**QUESTION, "as_of": "2025-12-31"}).json()
    assert {passage["article_id"] for passage in as_of["passages"]} == {"roads/bridges.md"}


def test_top_k_limits_the_passages(client: TestClient) -> None:
    for route in ("/v1/search", "/v1/answer"):
        assert len(client.post(route, json={**QUESTION, "top_k": 2}).json()["passages"]) == 2


def test_a_stream_says_what_the_answer_says(client: TestClient) -> None:
    whole = client.post("/v1/answer", json=QUESTION).json()
    response = client.post("/v1/answer", json={**QUESTION, "stream": True})
    assert response.headers["content-type"].startswith("text/event-stream")
    events = list(parse_events(response.text))
    names = [name for name, _ in events]
    assert names[0] == "retrieval"
    assert names[-1] == "final"
    final = events[-1][1]
    changing = {"id": None, "timings": None}
    assert {**final, **changing} == {**whole, **changing}
    assert "".join(data["text"] for name, data in events if name == "delta") == whole["answer"]
    assert [data for name, data in events if name == "citation"] == whole["citations"]
    assert events[0][1]["passages"] == whole["passages"]


def parse_events(text: str) -> Iterator[tuple[str, Any]]:
    """The events of a stream, without its comments."""
    for block in text.split("\n\n"):
        if block and not block.startswith(":"):
            name, data = block.split("\n")
            yield name.removeprefix("event: "), json.loads(data.removeprefix("data: "))


def test_there_is_no_writer(client: TestClient) -> None:
    response = client.post("/v1/answer", json={**QUESTION, "mode": "generate"})
    assert response.status_code == 400
    assert error_of(response)["code"] == "no_writer"


# Articles


@pytest.mark.parametrize("article_id", list(CORPUS))
def test_an_article_is_found_by_any_name(client: TestClient, article_id: str) -> None:
    for path in (quote(article_id), quote(article_id, safe="")):
        body = client.get(f"/v1/articles/{path}").json()
        assert body["article_id"] == article_id
        assert body["characters"] == len(body["text"]) == body["end_char_index"]
        piece = client.get(f"/v1/articles/{path}", params={"start": 3, "end": 9}).json()
        assert piece["text"] == body["text"][3:9]
        passages = client.get(f"/v1/articles/{path}/passages").json()["passages"]
        for passage in passages:
            assert body["text"][passage["start_char_index"] : passage["end_char_index"]] == passage["text"]


def test_articles_are_listed_by_the_page(client: TestClient) -> None:
    def ids(**params: str | int | list[str]) -> list[str]:
        return [article["article_id"] for article in client.get("/v1/articles", params=params).json()["articles"]]

    assert ids() == sorted(CORPUS)
    assert ids(offset=1, limit=2) == sorted(CORPUS)[1:3]
    assert ids(q="BRIDGE") == ["roads/bridges.md"]
    assert ids(language="ko") == ["한국/도서관.md"]
    assert ids(source=["Valley Gazette", "한글신문"]) == ["roads/bridges.md", "roads/honey.md", "한국/도서관.md"]
    assert ids(**{"from": "2026-02-01"}) == ids(collection="한국") == ["한국/도서관.md"]
    listed = client.get("/v1/articles").json()["articles"]
    assert [article["collection"] for article in listed] == [None, "roads", "roads", "한국"]
    assert client.get("/v1/articles", params={"limit": 1}).json()["total"] == len(CORPUS)
    for wrong in ({"limit": 0}, {"limit": 501}, {"offset": -1}, {"from": "0"}, {"from": "soon"}, {"offset": "x"}):
        response = client.get("/v1/articles", params=wrong)
        assert (response.status_code, error_of(response)["code"]) == (422, "invalid")


def test_upload_rebuild_ask_delete_undo(own_client: TestClient, library: Library) -> None:
    text = "The observatory on Mount Kell was opened by Queen Ada in 1931."
    files = [("files", ("observatory.txt", text.encode())), ("files", ("a.exe", b"MZ")), ("files", ("b.md", b""))]
    added = own_client.post("/v1/articles", files=files).json()
    assert [(file["status"], file["reason"]) for file in added["files"]] == [
        ("added", None),
        ("refused", "unsupported"),
        ("refused", "empty"),
    ]
    assert added["needs_rebuild"]
    assert own_client.post("/v1/articles", json={"name": "observatory.txt", "text": text}).json()["files"] == [
        {**added["files"][0], "status": "already_there"}
    ]
    assert own_client.get("/v1/index").json()["pending"] == {"new": 1, "changed": 0, "gone": 0}
    assert own_client.get("/v1/articles/observatory.txt").status_code == 404

    started = own_client.post("/v1/index/rebuild")
    assert started.status_code == 202
    wait_for_job(library, started.json()["id"])
    job = own_client.get(f"/v1/jobs/{started.json()['id']}").json()
    assert (job["state"], job["fraction"], job["error"]) == ("done", 1.0, None)
    assert job["report"]["generation"] == "gen-000002"
    body = own_client.post("/v1/answer", json={"question": "Who opened the observatory on Mount Kell in 1931?"}).json()
    assert body["generation"] == "gen-000002"
    assert body["passages"][0]["article_id"] == "observatory.txt"

    removal = own_client.delete("/v1/articles/observatory.txt").json()
    assert removal["needs_rebuild"]
    assert own_client.delete("/v1/articles/observatory.txt").status_code == 404
    restored = own_client.post("/v1/articles/restore", json={"trash_id": removal["trash_id"]}).json()
    assert restored["article_id"] == "observatory.txt"


def test_too_many_files_are_refused(client: TestClient) -> None:
    files = [("files", (f"{number}.txt", b"A whale.")) for number in range(21)]
    response = client.post("/v1/articles", files=files)
    assert response.status_code == 400
    error_of(response)


def test_what_comes_beside_files_is_refused(client: TestClient) -> None:
    """A title that nobody reads is worse than none."""
    files = {"files": ("whale.txt", b"A whale was seen off Tolm.")}
    response = client.post("/v1/articles", files=files, data={"title": "The whale"})
    assert response.status_code == 422
    assert "Only files" in error_of(response)["message"]
    assert client.get("/v1/articles", params={"q": "whale"}).json()["total"] == 0


# The index


def test_the_index_describes_itself(client: TestClient) -> None:
    body = client.get("/v1/index").json()
    assert body["generation"] == "gen-000001"
    assert body["counts"]["articles"] == len(CORPUS)
    assert body["languages"] == {"en": 3, "ko": 1}
    assert body["collections"] == {"roads": 2, "한국": 1}
    assert body["embedder"]["dim"] == 384
    assert (body["problems"], body["degraded"]) == ([], None)
    ready = client.get("/readyz").json()
    assert (ready["ready"], ready["generation"], ready["articles"]) == (True, "gen-000001", len(CORPUS))


def test_without_an_index_it_is_alive_but_not_ready(tmp_path: Path, embedder: SentenceTransformerEmbedder) -> None:
    settings = Settings(corpus=tmp_path / "corpus", index=tmp_path / "index", port=PORT)
    app = create_app(Library(settings, embedder), settings)
    with TestClient(app, base_url=f"http://127.0.0.1:{PORT}") as client:
        assert client.get("/healthz").json() == {"status": "ok"}
        ready = client.get("/readyz")
        assert ready.status_code == 503
        assert ready.json()["reason"]
        for stream in (False, True):
            response = client.post("/v1/answer", json={**QUESTION, "stream": stream})
            assert response.status_code == 503
            assert error_of(response)["code"] == "index_missing"
        assert client.get("/v1/index").status_code == 503


def test_jobs_trash_and_the_way_back(own_client: TestClient, library: Library) -> None:
    before = own_client.get("/v1/jobs").json()
    assert (before["generation"], before["jobs"], before["elsewhere"]) == ("gen-000001", [], None)
    removed = own_client.delete("/v1/articles/ferries.md").json()
    assert own_client.get("/v1/jobs").json()["version"] != before["version"]
    [trashed] = own_client.get("/v1/trash").json()["trash"]
    assert (trashed["trash_id"], trashed["article_id"]) == (removed["trash_id"], "ferries.md")
    assert own_client.post("/v1/index/rollback").status_code == 422
    started = own_client.post("/v1/index/rebuild", json={"allow_shrink": True}).json()
    wait_for_job(library, started["id"])
    after = own_client.get("/v1/jobs", params={"limit": 1}).json()
    assert [(job["id"], job["state"], job["report"]) for job in after["jobs"]] == [(started["id"], "done", None)]
    assert own_client.post("/v1/index/rollback").json() == {"generation": "gen-000001"}
    assert own_client.get("/v1/index").json()["pending"]["gone"] == 1


def test_a_refused_rebuild_is_told_in_its_job(own_client: TestClient, library: Library) -> None:
    for article_id in ("ferries.md", "roads/bridges.md"):
        own_client.delete(f"/v1/articles/{article_id}")
    job_id = own_client.post("/v1/index/rebuild", json={}).json()["id"]
    while not (job := own_client.get(f"/v1/jobs/{job_id}").json())["finished"]:
        time.sleep(0.02)
    assert (job["state"], job["error"]["code"]) == ("failed", "shrink_refused")
    started = own_client.post("/v1/index/rebuild", json={"allow_shrink": True})
    wait_for_job(library, started.json()["id"])


# Errors


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "not_found"),
        ("GET", "/v1/nothing", 404, "not_found"),
        ("GET", "//v1/index", 404, "not_found"),
        ("GET", "/v1/answer", 405, "method_not_allowed"),
        ("PUT", "/v1/index", 405, "method_not_allowed"),
        ("OPTIONS", "/v1/answer", 405, "method_not_allowed"),
        ("TRACE", "/v1/answer", 405, "method_not_allowed"),
        ("GET", "/v1/articles/nothing.md", 404, "article_not_found"),
        ("GET", "/v1/articles/%00", 404, "article_not_found"),
        ("GET", "/v1/articles/%ff%fe", 404, "article_not_found"),
        ("GET", "/v1/articles/..%2f..%2fetc%2fpasswd", 404, "article_not_found"),
        ("GET", "/v1/articles/nothing.md/passages", 404, "article_not_found"),
        ("GET", "/v1/articles/ferries.md?start=x", 422, "invalid"),
        ("GET", "/v1/articles/ferries.md?start=9&end=3", 422, "usage"),
        ("GET", "/v1/articles/ferries.md?start=99999999", 422, "usage"),
        ("DELETE", "/v1/articles/nothing.md", 404, "article_not_found"),
        ("DELETE", "/v1/articles/%2e%2e%2findex%2fCURRENT", 404, "article_not_found"),
        ("GET", "/v1/jobs/nothing", 404, "job_not_found"),
    ],
)
def test_errors_have_one_shape(client: TestClient, method: str, path: str, status: int, code: str) -> None:
    response = client.request(method, path)
    assert response.status_code == status
    assert error_of(response)["code"] == code


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "malformed_json"),
        (b'{"question": NaN}', "malformed_json"),
        (b'{"question": "a", "question": "b"}', "malformed_json"),
        (b"[" * 60_000, "malformed_json"),
        (b'\xef\xbb\xbf{"question": "a"}', "malformed_json"),
        ('{"question": "a"}'.encode("utf-16"), "malformed_json"),
        (b'"\xff"', "malformed_json"),
        (b'{"unknown\\ud800": 1}', "invalid"),
        (b'"text"', "invalid"),
        (b"[]", "invalid"),
        (b"1e999", "invalid"),
    ],
)
def test_bodies_that_are_wrong_everywhere(client: TestClient, path: str, body: bytes, code: str) -> None:
    response = client.post(path, content=body, headers=JSON)
    assert response.status_code == {"malformed_json": 400, "invalid": 422}[code]
    assert error_of(response)["code"] == code


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=euc-kr", "application/jsonx", None],
)
def test_other_kinds_of_bodies_are_refused(client: TestClient, path: str, content_type: str | None) -> None:
    headers = {"content-type": content_type} if content_type else {}
    response = client.post(path, content=b'{"question": "When?"}', headers=headers)
    assert response.status_code == 415
    assert error_of(response)["code"] == "wrong_content_type"


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b'{"question": ""}', "blank"),
        (b'{"question": "  \\n "}', "blank"),
        (b'{"question": "a\\u0000b"}', "NUL"),
        (b'{"question": "\\ud800"}', "surrogate"),
        (b'{"question": "%s"}' % (b"x" * 4001), "longer than 4000"),
        (b"{}", "question"),
        (b'{"question": "a", "top_k": 0}', "top_k"),
        (b'{"question": "a", "filters": {"colour": "red"}}', "filters.colour"),
        (b'{"question": "a", "filters": {"from": "2026-99-01"}}', "2026-01-31"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/answer", "/v1/search"])
def test_a_wrong_question_says_what_is_wrong(client: TestClient, path: str, body: bytes, word: str) -> None:
    response = client.post(path, content=body, headers=JSON)
    assert response.status_code == 422
    assert word in error_of(response)["message"]


@pytest.mark.parametrize("body", [b"", b"--x--", b"--x\r\n\r\n", b"--x\r\nContent-Disposition: form-data\r\n\r\n1"])
@pytest.mark.parametrize("boundary", ["; boundary=x", ""])
def test_broken_uploads_are_refused(client: TestClient, body: bytes, boundary: str) -> None:
    headers = {"content-type": f"multipart/form-data{boundary}"}
    response = client.post("/v1/articles", content=body, headers=headers)
    assert response.status_code in (400, 422)
    error_of(response)


def test_every_error_has_a_status() -> None:
    def tree(kind: type[errors.FootnoteError]) -> Iterator[type[errors.FootnoteError]]:
        yield kind
        for inner in kind.__subclasses__():
            yield from tree(inner)

    for kind in tree(errors.FootnoteError):
        assert any(ancestor in STATUSES for ancestor in kind.__mro__[:-1]), kind


KINDS = st.sampled_from(
    [
        "application/json",
        "text/plain",
        "multipart/form-data; boundary=x",
        "multipart/form-data",
        "application/x-www-form-urlencoded",
        "",
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=[])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
REQUESTS = st.dictionaries(
    st.sampled_from(["question", "filters", "history", "top_k", "stream", "mode", "as_of", "name", "text"]), VALUES
)


@hypothesis_settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(st.sampled_from(BODIES), st.binary(max_size=300) | REQUESTS.map(lambda body: json.dumps(body).encode()), KINDS)
def test_noise_is_never_our_fault(own_client: TestClient, path: str, body: bytes, kind: str) -> None:
    response = own_client.post(path, content=body, headers={"content-type": kind} if kind else {})
    assert response.status_code in (200, 202, 400, 404, 413, 415, 422), response.text
    if response.status_code >= 400:
        error_of(response)


# What is served


def test_the_reference_names_every_route_and_loads_nothing(client: TestClient) -> None:
    page = client.get("/docs").text
    document = client.get("/openapi.json").json()
    for path in document["paths"]:
        assert f"<code>{path}</code>" in page
    assert not re.search(r"<script|<link|<img|src=|url\(|@import|https?://", page)
    assert {"/v1/answer", "/v1/articles/{article_id}", "/healthz"} <= set(document["paths"])


@pytest.mark.parametrize("path", ["/redoc", "/docs/oauth2-redirect"])
def test_nothing_else_is_served(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


# Load


def test_too_many_at_once_are_told_to_come_back(app: FastAPI, own_client: TestClient) -> None:
    """With one worker held and nobody allowed to wait, questions get 503 at once and health goes on."""
    app.state.gate = Gate(workers=1, queue=0)
    held, let_go = threading.Event(), threading.Event()

    def hold() -> None:
        held.set()
        let_go.wait(10)

    assert own_client.portal
    holding = own_client.portal.start_task_soon(app.state.gate.run, hold)
    assert held.wait(5)
    for stream in (False, True):
        response = own_client.post("/v1/answer", json={**QUESTION, "stream": stream})
        assert response.status_code == 503
        assert error_of(response)["code"] == "overloaded"
        assert int(response.headers["retry-after"]) > 0
    assert own_client.get("/healthz").status_code == 200
    assert own_client.get("/readyz").status_code == 200
    let_go.set()
    holding.result(5)
    assert own_client.post("/v1/answer", json=QUESTION).status_code == 200


def test_a_queue_that_does_not_move_is_left(app: FastAPI, own_client: TestClient) -> None:
    app.state.gate = Gate(workers=1, queue=5, patience_s=0.05)
    let_go = threading.Event()
    assert own_client.portal
    holding = own_client.portal.start_task_soon(app.state.gate.run, lambda: let_go.wait(10))
    time.sleep(0.05)
    assert own_client.post("/v1/answer", json=QUESTION).status_code == 503
    streamed = own_client.post("/v1/answer", json={**QUESTION, "stream": True})
    [(name, data)] = parse_events(streamed.text)
    assert (name, data["error"]["code"]) == ("error", "overloaded")
    let_go.set()
    holding.result(5)


def test_a_real_server_streams(library: Library, settings: Settings) -> None:
    with serving(library, settings) as address, httpx.Client(base_url=address) as client:
        with client.stream("POST", "/v1/answer", json={**QUESTION, "stream": True}) as response:
            assert response.status_code == 200
            assert response.headers["transfer-encoding"] == "chunked"
            text = "".join(response.iter_text())
        assert text.startswith(": heartbeat\n\n")
        assert [name for name, _ in parse_events(text)][-1] == "final"
        assert client.get("/healthz", headers={"host": "evil.example"}).status_code == 403


def test_nothing_fails_while_the_index_is_rebuilt(library: Library, settings: Settings) -> None:
    """Four clients ask without a pause through three rebuilds: all 200, none mixed, the new articles answerable."""
    stop = threading.Event()
    seen: list[tuple[int, str, set[str]]] = []

    def ask(address: str) -> None:
        with httpx.Client(base_url=address, timeout=30) as client:
            while not stop.is_set():
                response = client.post("/v1/answer", json={"question": "What is the code of the station?"})
                body = response.json()
                ids = {passage["article_id"] for passage in body.get("passages", ())}
                seen.append((response.status_code, body.get("generation", ""), ids))

    with ExitStack() as stack:
        address = stack.enter_context(serving(library, settings))
        threads = [threading.Thread(target=ask, args=(address,)) for _ in range(4)]
        for thread in threads:
            thread.start()
            stack.callback(thread.join)
        stack.callback(stop.set)
        with httpx.Client(base_url=address, timeout=30) as client:
            for number in range(2, 5):
                article = {"name": f"station-{number}.txt", "text": f"The code of station {number} is KX{number}."}
                assert client.post("/v1/articles", json=article).json()["files"][0]["status"] == "added"
                wait_for_job(library, client.post("/v1/index/rebuild").json()["id"])
                body = client.post("/v1/answer", json={"question": f"What is the code of station {number}?"}).json()
                assert body["generation"] == f"gen-{number:06}"
                assert f"station-{number}.txt" in {passage["article_id"] for passage in body["passages"]}

    assert {status for status, _, _ in seen} == {200}
    for _, generation, ids in seen:
        stations = {f"station-{number}.txt" for number in range(2, int(generation[-6:]) + 1)}
        assert ids <= set(CORPUS) | stations
        assert stations <= ids


def test_a_client_that_leaves_gives_its_place_back(library: Library, settings: Settings) -> None:
    with serving(library, settings) as address, httpx.Client(base_url=address) as client:
        for _ in range(20):
            with client.stream("POST", "/v1/answer", json={**QUESTION, "stream": True}) as response:
                next(response.iter_raw())
        assert client.post("/v1/answer", json=QUESTION).status_code == 200
