"""Keys: what each allows, where it may stand, and how guessing ends."""

import base64
from collections.abc import Iterator

import pytest
from pydantic import SecretStr
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient
from starlette.types import Scope, Send

from indexer.settings import Settings
from qa.api import create_app
from qa.guard import Guard
from qa.guard.keys import Failures, Keyring
from qa.library import Library
from tests.qa.conftest import PORT

OWN = f"http://127.0.0.1:{PORT}"
QUESTION = {"question": "How many ferries a day will Tolm run?"}
READ, ADMIN = "read-" + "r" * 40, "admin-" + "a" * 40


def basic(key: str, name: str = "anybody") -> str:
    return "Basic " + base64.b64encode(f"{name}:{key}".encode()).decode()


@pytest.fixture
def keyed(library: Library, settings: Settings) -> Iterator[TestClient]:
    keys = {"api_key": SecretStr(READ), "admin_key": SecretStr(ADMIN)}
    with TestClient(create_app(library, settings.model_copy(update=keys)), base_url=OWN) as client:
        yield client


@pytest.mark.parametrize("way", ["Bearer {}", "bearer  {} ", "BASIC"])
def test_each_key_does_what_it_is_for(keyed: TestClient, way: str) -> None:
    def send(key: str, method: str, path: str, **more: object) -> int:
        header = basic(key) if way == "BASIC" else way.format(key)
        return keyed.request(method, path, headers={"authorization": header}, **more).status_code  # type: ignore[arg-type]  # options of httpx

    for key in (READ, ADMIN):
        assert send(key, "GET", "/v1/index") == 200
        assert send(key, "GET", "/docs") == 200
        assert send(key, "POST", "/v1/search", json=QUESTION) == 200
    assert send(READ, "DELETE", "/v1/articles/ferries.md") == 403
    assert send(ADMIN, "DELETE", "/v1/articles/ferries.md") == 200


@pytest.mark.parametrize(
    "header",
    [
        "",
        READ,
        f"Bearer {READ[:-1]}",
        f"Bearer {READ}x",
        f"Bearer {READ} {READ}",
        f"Bearer {READ.upper()}",
        "Bearer ",
        f"Token {READ}",
        f"Basic {READ}",
        basic(""),
        basic("x", READ),
        "Basic \u00ff",
        f"Digest {READ}",
    ],
)
def test_a_wrong_key_is_none(keyed: TestClient, header: str) -> None:
    response = keyed.get("/v1/index", headers=[(b"authorization", header.encode("latin-1"))])
    assert response.status_code == 401
    assert response.json()["error"]["code"] == "key_wrong"
    assert response.headers["www-authenticate"] == 'Bearer realm="Footnote"'
    assert READ not in response.text


@pytest.mark.parametrize("query", ["?api_key={}", "?key={}", "?access_token={}"])
def test_a_key_has_one_place(keyed: TestClient, query: str) -> None:
    other = {"x-api-key": READ, "api-key": READ, "cookie": f"key={READ}; access-token={READ}"}
    assert keyed.get("/v1/index" + query.format(READ), headers=other).status_code == 401


def test_browsers_are_asked_in_their_way(keyed: TestClient) -> None:
    assert keyed.get("/docs").headers["www-authenticate"].startswith("Basic ")
    assert keyed.get("/v1/index").headers["www-authenticate"].startswith("Bearer ")
    fetched = keyed.get("/v1/index", headers={"sec-fetch-site": "same-origin"})
    assert fetched.headers["www-authenticate"].startswith("Basic ")


def test_health_needs_no_key_and_tells_strangers_nothing(keyed: TestClient) -> None:
    assert keyed.get("/healthz").status_code == 200
    ready = keyed.get("/readyz")
    assert ready.status_code == 200
    assert {name for name, value in ready.json().items() if value is not None} == {"ready"}
    assert keyed.get("/readyz", headers={"authorization": f"Bearer {READ}"}).json()["generation"]
    assert keyed.get("/readyz", headers={"authorization": "Bearer wrong"}).status_code == 401
    assert keyed.get("/metrics").status_code == 401


def test_guessing_ends(keyed: TestClient) -> None:
    wrong, right = {"authorization": "Bearer guess"}, {"authorization": f"Bearer {READ}"}
    assert [keyed.get("/v1/index", headers=wrong).status_code for _ in range(11)] == [401] * 10 + [429]
    blocked = keyed.get("/v1/index", headers=right)
    assert blocked.status_code == 429
    assert 1 <= int(blocked.headers["retry-after"]) <= 60
    assert keyed.get("/healthz").status_code == 200


def test_asking_without_a_key_is_no_guess(keyed: TestClient) -> None:
    assert {keyed.get("/v1/index").status_code for _ in range(30)} == {401}
    assert keyed.get("/v1/index", headers={"authorization": f"Bearer {READ}"}).status_code == 200


def test_failures_end_with_their_minute_and_their_number() -> None:
    now = 1000.0
    failures = Failures(lambda: now)
    for _ in range(10):
        assert failures.wait_s("10.0.0.1") == 0
        failures.note("10.0.0.1")
    assert (failures.wait_s("10.0.0.1"), failures.wait_s("10.0.0.2")) == (60, 0)
    now += 59.5
    assert failures.wait_s("10.0.0.1") == 1
    now += 0.5
    assert failures.wait_s("10.0.0.1") == 0
    for number in range(12_000):
        failures.note(f"10.1.{number // 250}.{number % 250}")
    assert len(failures) == 10_000


def test_one_subscriber_is_one_network() -> None:
    failures = Failures()
    for number in range(10):
        failures.note(f"2001:db8:1:2::{number}")
    assert failures.wait_s("2001:db8:1:2:ffff::1") > 0
    assert failures.wait_s("2001:db8:1:3::1") == 0


@pytest.mark.parametrize(("api", "admin", "allowed"), [(READ, None, True), (None, ADMIN, True), (READ, ADMIN, False)])
def test_one_key_alone_does_everything(settings: Settings, api: str | None, admin: str | None, allowed: bool) -> None:
    keys = {name: SecretStr(key) for name, key in (("api_key", api), ("admin_key", admin)) if key}
    keyring = Keyring(settings.model_copy(update=keys))
    assert (keyring.role_of(api or ADMIN) == "admin") == allowed
    assert keyring.role_of("") is None


def test_the_app_never_sees_the_key(settings: Settings) -> None:
    seen: list[bytes] = []

    async def app(scope: Scope, receive: object, send: Send) -> None:
        seen.extend(value for _, value in scope["headers"])
        assert scope["state"]["role"] == "admin"
        await PlainTextResponse("ok")(scope, receive, send)  # type: ignore[arg-type]  # as given

    guard = Guard(app, settings.model_copy(update={"api_key": SecretStr(READ)}))
    assert TestClient(guard, base_url=OWN).get("/", headers={"authorization": f"Bearer {READ}"}).status_code == 200
    assert seen
    assert not any(READ.encode() in value for value in seen)
