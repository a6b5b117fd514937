"""The outermost layer: hosts, origins, headers and sizes, on the real app and on a bare one."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from fastapi import FastAPI
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.testclient import TestClient
from starlette.types import Message

from indexer.errors import SettingsError
from indexer.settings import Settings
from qa.guard import PAGE_POLICY, Guard, check_host
from qa.guard.receipt import limited
from tests.chromium import apart
from tests.qa.conftest import PORT

OWN = f"http://127.0.0.1:{PORT}"
QUESTION = {"question": "How many ferries a day will Tolm run?"}
PATHS = ["/v1/index", "/v1/articles", "/openapi.json", "/docs", "/healthz", "/readyz", "/nothing"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "host",
    [
        "testserver",
        "rebound.evil.example",
        f"rebound.evil.example:{PORT}",
        "127.0.0.1",
        "127.0.0.1:1",
        f"127.0.0.1.evil.example:{PORT}",
        f"evil.example#127.0.0.1:{PORT}",
        f"user@127.0.0.1:{PORT}",
        f"[::1]:{PORT}",
        f"0.0.0.0:{PORT}",
        "",
    ],
)
def test_another_host_is_refused(client: TestClient, path: str, host: str) -> None:
    response = client.get(path, headers={"host": host})
    assert response.status_code == 403
    assert response.json()["error"]["code"] == "host_not_allowed"


@pytest.mark.parametrize("host", [f"127.0.0.1:{PORT}", f"localhost:{PORT}", f"LOCALHOST:{PORT}"])
def test_its_own_hosts_are_served(client: TestClient, host: str) -> None:
    assert client.get("/healthz", headers={"host": host}).status_code == 200


def test_two_hosts_are_refused(client: TestClient) -> None:
    hosts = [("host", f"127.0.0.1:{PORT}"), ("host", f"127.0.0.1:{PORT}")]
    assert client.request("GET", "/healthz", headers=httpx.Headers(hosts)).status_code == 403


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/answer"),
        ("POST", "/v1/search"),
        ("POST", "/v1/verify"),
        ("POST", "/v1/articles"),
        ("DELETE", "/v1/articles/ferries.md"),
        ("POST", "/v1/index/rebuild"),
        ("PUT", "/nothing"),
        ("GET", "/v1/index"),
    ],
)
@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:1"},
        {"origin": f"https://127.0.0.1:{PORT}"},
        {"origin": f"http://127.0.0.1:{PORT}.evil.example"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"},
        {"origin": OWN, "sec-fetch-site": "cross-site"},
    ],
)
def test_other_sites_may_neither_change_nor_read(
    client: TestClient, method: str, path: str, headers: dict[str, str]
) -> None:
    response = client.request(method, path, headers=headers)
    assert response.status_code == 403
    assert response.json()["error"]["code"] == "cross_origin"


@pytest.mark.parametrize("path", ["/docs", "/openapi.json"])
def test_other_sites_may_link_to_pages_but_not_embed_them(client: TestClient, path: str) -> None:
    link = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    assert client.get(path, headers=link).status_code == 200
    for dest in ("iframe", "script", "image", "empty"):
        assert client.get(path, headers={**link, "sec-fetch-dest": dest}).status_code == 403
    assert client.get(path, headers={"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}).status_code == 403


@pytest.mark.parametrize("origin", [OWN, f"http://localhost:{PORT}"])
def test_its_own_pages_may_post(client: TestClient, origin: str) -> None:
    headers = {"origin": origin, "sec-fetch-site": "same-origin"}
    response = client.post("/v1/search", json=QUESTION, headers=headers)
    assert response.status_code == 200
    assert "access-control-allow-origin" not in response.headers


@pytest.mark.parametrize("path", PATHS)
def test_every_response_is_hardened(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-request-id"]
    policy = headers["content-security-policy"]
    assert "frame-ancestors" in policy
    assert ("sandbox" in policy) == path.startswith("/v1/")


def test_a_request_id_is_kept_if_it_is_harmless(client: TestClient) -> None:
    assert client.get("/healthz", headers={"x-request-id": "trace-1.2_3"}).headers["x-request-id"] == "trace-1.2_3"
    for odd in ("", "a b", "x" * 65, "<script>", "é"):
        given = client.get("/healthz", headers=[(b"x-request-id", odd.encode())]).headers["x-request-id"]
        assert given != odd
        assert len(given) == 16


@pytest.mark.parametrize("path", ["/v1/answer", "/v1/search", "/v1/verify", "/v1/index/rebuild", "/v1/articles"])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_too_large_is_refused(client: TestClient, path: str, chunked: bool) -> None:
    body = json.dumps({"question": "x" * 5_000_000}).encode()

    def parts() -> Iterator[bytes]:
        for start in range(0, len(body), 4096):
            yield body[start : start + 4096]

    content = parts() if chunked else body
    response = client.post(path, content=content, headers={"content-type": "application/json"})
    assert response.status_code == 413
    assert response.json()["error"]["code"] == "too_large"
    assert response.headers["x-request-id"] == response.json()["error"]["request_id"]


def test_an_upload_may_be_larger_than_a_question(own_client: TestClient) -> None:
    files = [("files", (f"{number}.txt", b"The whale swam. " * 50_000)) for number in range(3)]
    response = own_client.post("/v1/articles", files=files)
    assert response.status_code == 200
    assert [file["status"] for file in response.json()["files"]] == ["added"] * 3


def test_errors_nobody_foresaw_are_hardened_too(app: FastAPI) -> None:
    async def fail() -> None:
        raise RuntimeError("a secret detail")

    app.add_api_route("/fail", fail)
    with TestClient(app, base_url=OWN, raise_server_exceptions=False) as client:
        response = client.get("/fail")
    assert response.status_code == 500
    assert response.json()["error"]["code"] == "internal"
    assert response.json()["error"]["request_id"] == response.headers["x-request-id"]
    assert "secret" not in response.text
    assert response.headers["x-content-type-options"] == "nosniff"


def guarded(respond: Response, settings: Settings) -> Guard:
    """A guard around an app with one response."""

    async def app(scope: object, receive: object, send: object) -> None:
        await respond(scope, receive, send)  # type: ignore[arg-type]

    return Guard(app, settings)


def test_a_page_s_own_policy_stays(settings: Settings) -> None:
    page = PlainTextResponse("page", headers={"Content-Security-Policy": "default-src 'none'"})
    client = TestClient(guarded(page, settings), base_url=OWN)
    policies = client.get("/articles/a.md").headers.get_list("content-security-policy")
    assert policies == ["default-src 'none'", "frame-ancestors 'self'"]
    assert "frame-ancestors 'self'" in PAGE_POLICY


def test_port_zero_goes_by_the_socket(settings: Settings) -> None:
    guard = guarded(PlainTextResponse("ok"), settings.model_copy(update={"port": 0}))

    async def ask(host: str) -> int:
        transport = httpx.ASGITransport(guard)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:5050") as client:
            return (await client.get("/", headers={"host": host})).status_code

    assert apart(ask("localhost:5050")) == 200
    assert apart(ask("localhost:5051")) == 403


def test_port_80_may_go_unsaid(settings: Settings) -> None:
    guard = guarded(PlainTextResponse("ok"), settings.model_copy(update={"port": 80}))
    client = TestClient(guard, base_url="http://localhost")
    assert client.get("/", headers={"origin": "http://localhost"}).status_code == 200
    assert client.get("/", headers={"host": "evil.example"}).status_code == 403


def test_streams_are_not_held_back(settings: Settings) -> None:
    """The first part arrives while the app still waits to make the second."""
    sent: list[bytes] = []

    async def parts() -> AsyncIterator[bytes]:
        yield b"first"
        assert b"first" in sent
        yield b"second"

    async def run() -> None:
        scope = {
            "type": "http",
            "method": "GET",
            "path": "/v1/stream",
            "headers": [(b"host", f"127.0.0.1:{PORT}".encode())],
        }
        waiting = asyncio.Event()
        messages = [{"type": "http.request", "body": b"", "more_body": False}]

        async def receive() -> dict[str, object]:
            if messages:
                return messages.pop()
            await waiting.wait()
            return {"type": "http.disconnect"}

        async def send(message: object) -> None:
            assert isinstance(message, dict)
            sent.append(message.get("body", b""))

        await guarded(StreamingResponse(parts()), settings)(scope, receive, send)

    apart(run())
    assert sent[1:3] == [b"first", b"second"]


def test_a_body_that_does_not_arrive_is_given_up(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qa.guard.receipt.RECEIPT_SECONDS", 0.05)
    app = FastAPI()

    @app.post("/v1/echo")
    async def echo(request: Request) -> int:
        return len(await request.body())

    async def drip() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(0.2)
        yield b"}"

    async def ask() -> int:
        transport = httpx.ASGITransport(Guard(app, settings))
        async with httpx.AsyncClient(transport=transport, base_url=OWN) as client:
            return (await client.post("/v1/echo", content=drip())).status_code

    assert apart(ask()) == 408


def test_websockets_are_refused(client: TestClient) -> None:
    from starlette.websockets import WebSocketDisconnect

    with pytest.raises(WebSocketDisconnect), client.websocket_connect(f"ws://127.0.0.1:{PORT}/v1/answer"):
        pass


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.0.0.2", "::1"])
def test_this_machine_may_be_served(host: str) -> None:
    check_host(Settings(host=host))


BEYOND = ["0.0.0.0", "::", "192.168.1.5", "example.org", ""]


@pytest.mark.parametrize("host", BEYOND)
def test_other_machines_may_not_be_served_without_a_key(host: str) -> None:
    with pytest.raises(SettingsError, match="no key"):
        check_host(Settings(host=host))


@pytest.mark.parametrize("host", BEYOND)
@pytest.mark.parametrize("key", ["api_key", "admin_key"])
def test_with_a_key_other_machines_may_be_served(host: str, key: str) -> None:
    check_host(Settings.model_validate({"host": host, key: "k" * 32}))


def status_for(settings: Settings, **headers: str) -> int:
    client = TestClient(guarded(PlainTextResponse("ok"), settings), base_url=OWN)
    return client.get("/", headers={name.replace("_", "-"): value for name, value in headers.items()}).status_code


def test_allowed_hosts_are_exact(settings: Settings) -> None:
    named = settings.model_copy(update={"allowed_hosts": ("qa.example.org", "box.lan:8000")})
    for host in ("qa.example.org", "QA.Example.org", "box.lan:8000", f"127.0.0.1:{PORT}"):
        assert status_for(named, host=host) == 200
    for host in ("qa.example.org:8000", "box.lan", "www.qa.example.org", "qa.example.org.", "example.org"):
        assert status_for(named, host=host) == 403
    for origin in ("https://qa.example.org", "http://qa.example.org", "https://box.lan:8000"):
        assert status_for(named, host="qa.example.org", origin=origin) == 200
    for origin in ("https://example.org", "https://qa.example.org:444", f"https://127.0.0.1:{PORT}"):
        assert status_for(named, host="qa.example.org", origin=origin) == 403
    assert status_for(named, host="qa.example.org", x_forwarded_host="qa.example.org") == 200


def test_a_wildcard_is_no_name(settings: Settings) -> None:
    bound = settings.model_copy(update={"host": "0.0.0.0"})
    assert status_for(bound, host=f"0.0.0.0:{PORT}") == 403
    assert status_for(bound, host=f"localhost:{PORT}") == 200


def test_an_upload_has_to_move(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the least rate it may go on past the deadline of everything else; below it ends."""
    monkeypatch.setattr("qa.guard.receipt.RECEIPT_SECONDS", 0.2)

    async def take(part: bytes) -> int:
        async def receive() -> Message:
            await asyncio.sleep(0.1)
            return {"type": "http.request", "body": part, "more_body": True}

        receiving, parts = limited(receive, 10**9, uploads=True), 0
        with contextlib.suppress(StarletteHTTPException):
            while parts < 15:
                await receiving()
                parts += 1
        return parts

    assert apart(take(b"a" * 2**15)) == 15
    assert apart(take(b"a")) <= 2


def test_files_are_taken_in_one_place(client: TestClient) -> None:
    """A form that is sent elsewhere has no more room than anything else there."""
    response = client.post("/v1/answer", files=[("files", ("a.txt", b"a" * 100_000))])
    assert response.status_code == 413
