"""Requests that no browser sends, byte by byte, to a real server: each has one outcome, and the next one is served."""

import json
from collections.abc import Iterator

import pytest

from indexer.settings import Settings
from qa.library import Library
from tests.chromium import apart
from tests.conftest import Tally
from tests.indexer.hash_embedder import HashEmbedder
from tests.qa.conftest import serving
from tests.reliability.raw_http import Reply, exchange, request

JSON = "Content-Type: application/json"
LONGEST_S = 30.0
# It depends on how the bytes are cut on their way whether they are read before they are too many.
TOO_LONG = {400, 431}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server without an index: what is asked here needs none."""
    root = tmp_path_factory.mktemp("odd")
    (root / "corpus").mkdir()
    settings = Settings(corpus=root / "corpus", index=root / "index")
    with serving(Library(settings, HashEmbedder()), settings) as address:
        yield address


def odd_requests(address: str) -> dict[str, tuple[bytes, int]]:
    """What is sent, and the status that answers it; 0 is an end without an answer."""
    host = address.removeprefix("http://")

    def ask(line: str, *headers: str, body: bytes = b"") -> bytes:
        return request(address, line, *headers, "Connection: close", body=body)

    def post(*headers: str, body: bytes = b"") -> bytes:
        return ask("POST /v1/search", JSON, *headers, body=body)

    return {
        "plain": (ask("GET /healthz"), 200),
        "HEAD": (ask("HEAD /healthz"), 405),
        "OPTIONS": (ask("OPTIONS /v1/answer"), 405),
        "OPTIONS of everything": (ask("OPTIONS *"), 400),
        "TRACE": (ask("TRACE /v1/index"), 405),
        "CONNECT": (ask("CONNECT example.org:443"), 400),
        "a method of its own": (ask("BREW /v1/index"), 405),
        "a target with a host": (ask(f"GET http://{host}/healthz"), 400),
        "a target with another host": (ask("GET http://evil.example/healthz"), 400),
        "two slashes": (ask("POST //v1/answer", JSON, "Content-Length: 2", body=b"{}"), 404),
        "two slashes, a look": (ask("GET //evil.example/"), 404),
        "dots": (ask("GET /v1/../v1/../../etc/passwd"), 404),
        "dots, escaped": (ask("GET /v1/articles/%2e%2e%2f%2e%2e%2fetc%2fpasswd"), 503),
        "NUL": (ask("GET /v1/articles/%00"), 503),
        "NUL in a page": (ask("GET /%00"), 404),
        "bytes that are no text": (ask("GET /v1/jobs/%ff%fe"), 404),
        "a broken escape": (ask("GET /v1/jobs/%zz"), 404),
        "letters beyond ASCII": (b"GET /\xff HTTP/1.1\r\nHost: " + host.encode() + b"\r\n\r\n", 400),
        "a long target": (ask("GET /" + "a" * 70_000), 431),
        "a long header": (ask("GET /healthz", "X-Long: " + "a" * 65_536), 431),
        "many headers": (ask("GET /healthz", *[f"X-{n}: a" for n in range(101)]), 431),
        "very many headers": (ask("GET /healthz", *["a: b"] * 20_000), 431),
        "a header with NUL": (ask("GET /healthz", "X-Odd: a\0b"), 400),
        "a header without a name": (ask("GET /healthz", ": a"), 400),
        "a header with a space before its colon": (ask("GET /healthz", "X-Odd : a"), 400),
        "no host": (b"GET /healthz HTTP/1.1\r\n\r\n", 400),
        "no host, long ago": (b"GET /healthz HTTP/1.0\r\n\r\n", 403),
        "two hosts": (ask("GET /healthz", f"Host: {host}"), 400),
        "a negative length": (post("Content-Length: -1"), 400),
        "a length that is no number": (post("Content-Length: 0x10"), 400),
        "a huge length": (post("Content-Length: " + "9" * 30), 400),
        "more than is allowed": (post("Content-Length: 99999999"), 413),
        "two lengths": (post("Content-Length: 2", "Content-Length: 3", body=b"{}"), 400),
        "one length twice": (post("Content-Length: 2", "Content-Length: 2", body=b"{}"), 422),
        "a length and chunks": (post("Content-Length: 2", "Transfer-Encoding: chunked", body=b"0\r\n\r\n"), 400),
        "an unknown encoding": (post("Transfer-Encoding: gzip", body=b"0\r\n\r\n"), 400),
        "chunks twice": (post("Transfer-Encoding: chunked, chunked", body=b"0\r\n\r\n"), 400),
        "a chunk of no size": (post("Transfer-Encoding: chunked", body=b"zz\r\n{}\r\n"), 400),
        "a chunk of negative size": (post("Transfer-Encoding: chunked", body=b"-1\r\n{}\r\n0\r\n\r\n"), 400),
        "proper chunks": (post("Transfer-Encoding: chunked", body=b"2\r\n{}\r\n0\r\n\r\n"), 422),
        "a WebSocket": (ask("GET /v1/index", "Upgrade: websocket", "Sec-WebSocket-Version: 13"), 503),
        "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\n", 403),
        "HTTP/3.7": (ask("GET /healthz").replace(b"HTTP/1.1", b"HTTP/3.7", 1), 200),
        "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200), 400),
        "nonsense": (b"\r\n\r\n\0\0\0" * 50, 400),
        "another protocol": (b"EHLO example.org\r\n\r\n", 400),
    }


async def one_by_one(address: str) -> tuple[dict[str, Reply], list[int]]:
    replies, after = {}, []
    for name, (data, _) in odd_requests(address).items():
        replies[name] = await exchange(address, data, wait_s=LONGEST_S)
        after.append(
            (await exchange(address, request(address, "GET /healthz", "Connection: close"), wait_s=LONGEST_S)).status
        )
    return replies, after


def test_each_has_its_outcome(address: str, tally: Tally) -> None:
    replies, after = apart(one_by_one(address))
    wanted = {name: TOO_LONG if status == 431 else {status} for name, (_, status) in odd_requests(address).items()}
    wrong = {name: (reply.status, wanted[name]) for name, reply in replies.items() if reply.status not in wanted[name]}
    tally(
        "odd requests",
        tried=len(replies),
        other_outcome=len(wrong),
        left_open=sum(not r.closed for r in replies.values()),
    )
    assert wrong == {}
    assert not [name for name, reply in replies.items() if not reply.closed]
    assert set(after) == {200}
    for name, reply in replies.items():
        if reply.status >= 400 and name != "HEAD":
            body = json.loads(reply.data.partition(b"\r\n\r\n")[2])
            assert set(body["error"]) == {"code", "message", "request_id"}, name


def test_two_requests_at_once_get_two_answers(address: str) -> None:
    two = request(address) + request(address, "GET /healthz", "Connection: close")
    reply = apart(exchange(address, two, wait_s=LONGEST_S))
    assert reply.data.count(b"HTTP/1.1 200") == 2


def test_who_waits_for_leave_gets_it(address: str) -> None:
    post = request(address, "POST /v1/search", JSON, "Content-Length: 2", "Expect: 100-continue", "Connection: close")
    reply = apart(exchange(address, post, b"{}", pause_s=0.3, wait_s=LONGEST_S))
    assert reply.status == 100
    assert b"HTTP/1.1 422" in reply.data
