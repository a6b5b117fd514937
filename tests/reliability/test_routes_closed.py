"""Every route there is, ours and Gradio's, read from the app itself: closed to other sites, and without a key.

The requests are handed to the app as uvicorn would, so that they may look like anything; nobody may read their body.
"""

import base64
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from starlette.routing import Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from indexer.settings import Settings
from qa.api import create_app
from qa.guard.keys import OPEN
from qa.library import Library
from tests.chromium import apart
from tests.conftest import Tally
from tests.indexer.hash_embedder import HashEmbedder
from tests.qa.conftest import PORT
from ui.page.mount import mount_page

HOST = f"127.0.0.1:{PORT}"
READ, ADMIN = "r" * 40, "a" * 40
WRONG = base64.b64encode(b"anybody:" + b"w" * 40).decode()
Pairs = list[tuple[str, str]]


@dataclass
class Answered:
    """What an app answered, and whether it has asked for the body."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body_read: bool = False


async def hand_over(app: ASGIApp, method: str, path: str, headers: Pairs) -> Answered:
    """Hand one request to an app, past any client that would repair it."""
    answered = Answered()
    scope: Scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in headers],
        "client": ("127.0.0.1", 50_000),
        "server": ("127.0.0.1", PORT),
    }

    async def receive() -> Message:
        answered.body_read = True
        return {"type": "http.request", "body": b"{}", "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            answered.status = message["status"]
            answered.headers = {name.decode(): value.decode() for name, value in message["headers"]}

    await app(scope, receive, send)
    return answered


def routes_of(routes: Iterable[Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Every method and path, with something in place of each parameter."""
    for route in routes:
        if isinstance(route, Mount):
            yield from routes_of(route.routes, prefix + route.path)
        elif included := getattr(route, "original_router", None):
            yield from routes_of(included.routes, prefix + route.include_context.prefix)
        else:
            path = prefix + re.sub(r"\{\w+(?::\w+)?\}", "1", route.path)
            for method in sorted(route.methods or ()):
                yield method, path


def app_with(tmp_path: Path, *, api_key: SecretStr | None = None, admin_key: SecretStr | None = None) -> FastAPI:
    place = Settings(corpus=tmp_path / "corpus", index=tmp_path / "index", port=PORT)
    settings = place.model_copy(update={"api_key": api_key, "admin_key": admin_key})
    library = Library(settings, HashEmbedder())

    async def made() -> FastAPI:
        # Gradio wants a loop, and would make one of its own and leave it open.
        return mount_page(create_app(library, settings), library, settings)

    return apart(made())


def within(app: FastAPI, stack: ASGIApp) -> ASGIApp:
    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        await stack({**scope, "app": app}, receive, send)

    return serve


def fresh(app: FastAPI) -> ASGIApp:
    """The app behind a guard that remembers no failure."""
    return within(app, app.build_middleware_stack())


@pytest.fixture(scope="module")
def open_app(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    """The whole app without keys, page included, and without an index: nobody gets as far."""
    return app_with(tmp_path_factory.mktemp("open"))


@pytest.fixture(scope="module")
def keyed_app(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    return app_with(tmp_path_factory.mktemp("keyed"), api_key=SecretStr(READ), admin_key=SecretStr(ADMIN))


ATTACKS: dict[str, Pairs] = {
    "no host": [],
    "an empty host": [("host", "")],
    "two hosts": [("host", HOST), ("host", HOST)],
    "two hosts, one of them ours": [("host", "evil.example"), ("host", HOST)],
    "a rebinding name": [("host", "rebound.evil.example")],
    "a rebinding name with our port": [("host", f"rebound.evil.example:{PORT}")],
    "a name that resolves here": [("host", f"127.0.0.1.nip.example:{PORT}")],
    "a name of this machine": [("host", f"my-laptop.local:{PORT}")],
    "a trailing dot": [("host", f"localhost.:{PORT}")],
    "a trailing dot of an address": [("host", f"127.0.0.1.:{PORT}")],
    "no port": [("host", "127.0.0.1")],
    "another port": [("host", "127.0.0.1:1")],
    "a port with a zero in front": [("host", f"127.0.0.1:0{PORT}")],
    "a port that is too large": [("host", f"127.0.0.1:{PORT + 65_536}")],
    "IPv6 loopback": [("host", f"[::1]:{PORT}")],
    "IPv4 in IPv6": [("host", f"[::ffff:127.0.0.1]:{PORT}")],
    "any address": [("host", f"0.0.0.0:{PORT}")],
    "a short address": [("host", f"127.1:{PORT}")],
    "an address as a number": [("host", f"2130706433:{PORT}")],
    "an address in hexadecimals": [("host", f"0x7f000001:{PORT}")],
    "another loopback address": [("host", f"127.0.0.2:{PORT}")],
    "userinfo": [("host", f"user@{HOST}")],
    "a fragment": [("host", f"evil.example#{HOST}")],
    "a space": [("host", f" {HOST} x")],
    "a full width digit": [("host", f"１27.0.0.1:{PORT}")],
    "a forwarded host": [("host", HOST), ("x-forwarded-host", "evil.example")],
    "a forwarded host behind ours": [("host", HOST), ("x-forwarded-host", f"{HOST}, evil.example")],
    "two forwarded hosts": [("host", HOST), ("x-forwarded-host", HOST), ("x-forwarded-host", "evil.example")],
    "a host for Gradio": [("host", HOST), ("x-gradio-server", "http://evil.example")],
    "a foreign origin": [("host", HOST), ("origin", "https://evil.example")],
    "a foreign origin that equals the host": [("host", f"evil.example:{PORT}"), ("origin", f"http://evil.example:{PORT}")],
    "no origin to speak of": [("host", HOST), ("origin", "null")],
    "an origin on another port": [("host", HOST), ("origin", "http://127.0.0.1:1")],
    "an origin by TLS": [("host", HOST), ("origin", f"https://{HOST}")],
    "an origin with ours in front": [("host", HOST), ("origin", f"http://{HOST}.evil.example")],
    "an origin with a dot": [("host", HOST), ("origin", f"http://localhost.:{PORT}")],
    "an origin with a path": [("host", HOST), ("origin", f"http://{HOST}/")],
    "two origins": [("host", HOST), ("origin", f"http://{HOST}"), ("origin", "https://evil.example")],
    "an empty origin": [("host", HOST), ("origin", "")],
    "from another site": [("host", HOST), ("sec-fetch-site", "cross-site")],
    "from the same site": [("host", HOST), ("sec-fetch-site", "same-site")],
    "from another site, with our origin": [
        ("host", HOST), ("origin", f"http://{HOST}"), ("sec-fetch-site", "cross-site")
    ],
    "from ours and another site": [("host", HOST), ("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")],
    "a form of another site": [
        ("host", HOST), ("origin", "https://evil.example"), ("content-type", "text/plain"), ("content-length", "2")
    ],
    "a frame of another site": [
        ("host", HOST), ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")
    ],
}  # fmt: skip


async def attack(app: FastAPI, routes: Iterable[tuple[str, str]]) -> tuple[int, list[str]]:
    """Return how many requests were tried, and which were not refused as they should be."""
    tried, passed = 0, []
    stack = fresh(app)
    for method, path in routes:
        for name, headers in ATTACKS.items():
            answered = await hand_over(stack, method, path, headers)
            tried += 1
            if answered.status != 403 or answered.body_read or _has_cors(answered):
                passed.append(f"{method} {path}: {name}")
    return tried, passed


def _has_cors(answered: Answered) -> bool:
    return any(name.startswith("access-control-") for name in answered.headers)


def test_all_routes_are_found(open_app: FastAPI) -> None:
    """What the other tests go through is all there is: ours, Gradio's, and what either adds without being asked."""
    found = set(routes_of(open_app.routes))
    paths = {path for _, path in found}
    assert {"/v1/answer", "/v1/index/rebuild", "/healthz", "/docs", "/openapi.json", "/", "/articles/1"} <= paths
    gradio = {"/ui/", "/ui/config", "/ui/gradio_api/upload", "/ui/gradio_api/file=1", "/ui/gradio_api/queue/join"}
    assert gradio <= paths
    documented = {
        (method.upper(), re.sub(r"\{\w+\}", "1", path))
        for path, item in open_app.openapi()["paths"].items()
        for method in item
    }
    assert documented <= found
    assert len(found) > 90


def test_other_sites_reach_no_route(open_app: FastAPI, tally: Tally) -> None:
    routes = sorted({*routes_of(open_app.routes), ("POST", "/nothing"), ("OPTIONS", "/v1/answer"), ("TRACE", "/")})
    tried, passed = apart(attack(open_app, routes))
    tally("requests of other sites", routes=len(routes), tried=tried, passed=len(passed))
    assert not passed


def test_without_the_guard_they_would(open_app: FastAPI, tally: Tally) -> None:
    """The suite above would notice: the same requests without the guard, to routes that change nothing."""

    async def unguarded() -> int:
        stack = within(open_app, FastAPI.build_middleware_stack(open_app))
        reached = 0
        for path in ("/v1/jobs", "/openapi.json", "/ui/config", "/docs"):
            for headers in ATTACKS.values():
                reached += (await hand_over(stack, "GET", path, headers)).status == 200
        return reached

    reached = apart(unguarded())
    tally("the same without the guard", tried=4 * len(ATTACKS), passed=reached)
    assert reached > 2 * len(ATTACKS)


# Keys


def authorization(key: str) -> Pairs:
    return [("host", HOST), ("authorization", f"Bearer {key}")]


async def try_all(app: FastAPI, headers: Pairs) -> dict[tuple[str, str], Answered]:
    """Try every route with the same headers."""
    routes = sorted(set(routes_of(app.routes)))
    return {(method, path): await hand_over(fresh(app), method, path, headers) for method, path in routes}


@pytest.mark.parametrize("headers", [[], authorization("w" * 40), [("authorization", f"Basic {WRONG}")]])
def test_no_route_without_a_key(keyed_app: FastAPI, headers: Pairs, tally: Tally) -> None:
    answers = apart(try_all(keyed_app, [("host", HOST), *headers[-1:]]))
    closed = {route: one for route, one in answers.items() if headers or route[1] not in OPEN}
    reached = [route for route, one in closed.items() if one.status != 401 or one.body_read]
    tally("routes without a key", kind="wrong" if headers else "none", tried=len(closed), reached=len(reached))
    assert not reached
    for (_, path), one in closed.items():
        assert one.headers["www-authenticate"].startswith("Bearer" if path.startswith("/v1/") else "Basic")
        assert one.headers["x-content-type-options"] == "nosniff"
        assert not _has_cors(one)


@pytest.mark.parametrize("second", [READ, ADMIN, "w" * 40])
def test_two_keys_are_refused(keyed_app: FastAPI, second: str) -> None:
    """Where two readers of a request could each see another key, one of them may be wrong."""
    headers = [*authorization(READ), ("authorization", f"Bearer {second}")]
    assert apart(hand_over(fresh(keyed_app), "GET", "/v1/jobs", headers)).status == 400


def test_the_read_key_changes_nothing(keyed_app: FastAPI, tally: Tally) -> None:
    async def run() -> list[tuple[str, str]]:
        reached = []
        for method, path in sorted(set(routes_of(keyed_app.routes))):
            if method in ("GET", "HEAD") or (method, path) in ASKING or "/gradio_api/" in path:
                continue
            one = await hand_over(fresh(keyed_app), method, path, authorization(READ))
            if one.status != 403 or one.body_read:
                reached.append((method, path))
        return reached

    reached = apart(run())
    tally("changes with the read key", reached=len(reached))
    assert not reached


ASKING = {("POST", path) for path in ("/v1/answer", "/v1/search", "/v1/verify", "/v1/feedback")}
CHANGES = [
    ("POST", "/v1/articles"),
    ("DELETE", "/v1/articles/a.md"),
    ("POST", "/v1/articles/restore"),
    ("POST", "/v1/index/rebuild"),
    ("POST", "/v1/index/rollback"),
    ("POST", "/v1/a-route-of-tomorrow"),
    ("PUT", "/v1/index"),
    ("POST", "//v1/answer"),
    ("POST", "/v1/answer/"),
]


@pytest.mark.parametrize(("method", "path"), CHANGES)
def test_only_the_admin_key_gets_through(keyed_app: FastAPI, method: str, path: str) -> None:
    async def status(key: str) -> int:
        return (await hand_over(fresh(keyed_app), method, path, authorization(key))).status

    assert apart(status(READ)) == 403
    assert apart(status(ADMIN)) not in (401, 403)


@pytest.mark.parametrize("call", ["upload", "component_server", "process_recording", "vibe-edit", "stream/1", "call/x"])
def test_what_the_page_does_not_need_of_gradio_is_closed(open_app: FastAPI, call: str) -> None:
    headers = [("host", HOST), ("content-type", "multipart/form-data; boundary=x"), ("content-length", "9")]
    answered = apart(hand_over(fresh(open_app), "POST", f"/ui/gradio_api/{call}", headers))
    assert (answered.status, answered.body_read) == (404, False)


def test_what_gradio_keeps_is_nobody_elses(open_app: FastAPI) -> None:
    import os

    assert open_app
    folder = Path(os.environ["GRADIO_TEMP_DIR"])
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert folder.stat().st_uid == os.getuid()


def test_no_response_speaks_to_other_origins(open_app: FastAPI) -> None:
    async def run() -> list[str]:
        stack = fresh(open_app)
        own = [("host", HOST), ("origin", f"http://{HOST}"), ("access-control-request-method", "POST")]
        asked = [
            ("GET", "/ui/config"),
            ("OPTIONS", "/ui/config"),
            ("OPTIONS", "/ui/gradio_api/queue/join"),
            ("GET", "/v1/jobs"),
        ]
        return [path for method, path in asked if _has_cors(await hand_over(stack, method, path, own))]

    assert apart(run()) == []
