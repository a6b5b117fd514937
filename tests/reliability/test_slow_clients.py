"""Clients that are silent, slow or too many: each is let go in time, and nobody else notices."""

import asyncio
import functools
import resource
import socket
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from indexer.build import build
from indexer.embedding import SentenceTransformerEmbedder
from indexer.settings import Settings
from qa.guard.connections import Door, LimitedProtocol
from qa.library import Library
from tests.chromium import apart
from tests.conftest import Tally, Trials
from tests.qa.conftest import CORPUS, serving, write_corpus
from tests.reliability.raw_http import Reply, exchange, request

DEADLINE_S = 10.0
# A slow machine may be late; a server without a deadline is later than this.
LATEST_S = 22.0
UPLOAD = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.txt"\r\n\r\n'
DRIP = tuple(b"a" for _ in range(60))


@pytest.fixture(scope="module")
def address(embedder: SentenceTransformerEmbedder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    root = tmp_path_factory.mktemp("slow")
    write_corpus(root / "corpus", CORPUS)
    settings = Settings(corpus=root / "corpus", index=root / "index")
    build(settings, embedder)
    library = Library(settings, embedder)
    library.open()
    with serving(library, settings) as address:
        yield address
    library.close()


def slow_pieces(address: str) -> dict[str, tuple[bytes, ...]]:
    """Ways to take one's time: all that is sent, a second apart."""
    post = request(address, "POST /v1/search", "Content-Type: application/json", "Content-Length: 1000")
    upload = request(
        address, "POST /v1/articles", "Content-Type: multipart/form-data; boundary=x", "Content-Length: 9000000"
    )
    chunked = request(address, "POST /v1/search", "Content-Type: application/json", "Transfer-Encoding: chunked")
    return {
        "silent": (),
        "slow header": (request(address)[:-2] + b"X-Slow: ", *DRIP),
        "slow body": (post, *DRIP),
        "slow upload": (upload + UPLOAD, *DRIP),
        "endless chunks": (chunked, *[b"1\r\na\r\n" for _ in DRIP]),
        "slow second header": (request(address), request(address)[:-2] + b"X-Slow: ", *DRIP),
        "body after the answer": (request(address, "POST /healthz", "Content-Length: 1000"), *DRIP),
    }


async def ask_while(waiting: asyncio.Task[list[Reply]], address: str) -> Counter[int]:
    """Ask as everybody does until the slow ones are gone; returns the statuses."""
    statuses: Counter[int] = Counter()
    async with httpx.AsyncClient(base_url=address, timeout=30) as client:
        while not waiting.done():
            for response in (
                await client.get("/healthz"),
                await client.get("/v1/index", headers={"connection": "close"}),
                await client.post("/v1/search", json={"question": "How many ferries a day?"}),
            ):
                statuses[response.status_code] += 1
            await asyncio.sleep(0.2)
    return statuses


async def besiege(address: str, each: int) -> tuple[dict[str, list[Reply]], Counter[int]]:
    """Open `each` connections of every kind at once, while others ask."""
    kinds = slow_pieces(address)
    # Those whose first request is answered begin to wait after it, 10 seconds later at most.
    slow = [exchange(address, *pieces, pause_s=1.0, wait_s=60.0) for pieces in kinds.values() for _ in range(each)]
    waiting = asyncio.ensure_future(asyncio.gather(*slow))
    statuses = await ask_while(waiting, address)  # type: ignore[arg-type]  # a gathering is a future, not a task
    replies = iter(waiting.result())
    return {kind: [next(replies) for _ in range(each)] for kind in kinds}, statuses


def test_slow_connections_end_and_others_are_served(address: str, trials: Trials, tally: Tally) -> None:
    each = trials(6, 200)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < each * 20:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, each * 20) if hard > 0 else each * 20, hard))
    replies, statuses = apart(besiege(address, each))
    slowest = {kind: max(reply.seconds for reply in group) for kind, group in replies.items()}
    late = [kind for kind, group in replies.items() for one in group if not one.closed or one.seconds > LATEST_S]
    tally(
        "slow connections",
        tried=sum(map(len, replies.values())),
        still_open=len(late),
        slowest_s=f"{max(slowest.values()):.1f}",
        others_served=statuses[200],
        others_not_served=statuses.total() - statuses[200],
    )
    assert not late
    assert set(statuses) == {200}
    if each * len(replies) < 256:
        # With more, the limit on connections cuts some off before they have asked anything.
        assert min(one.seconds for one in replies["silent"]) > DEADLINE_S - 1, "nobody is cut off early"
        for kind in ("slow body", "slow upload", "endless chunks"):
            assert {one.status for one in replies[kind]} == {408}, "an answer, not only an end"


# Smaller limits, so that the rest takes a moment


async def flood(scope: Scope, receive: Receive, send: Send) -> None:
    """An app that says as much as it is let."""

    async def parts() -> AsyncIterator[bytes]:
        for _ in range(400):
            yield b"a" * 2**16

    if scope["type"] == "http":
        await StreamingResponse(parts())(scope, receive, send)


@contextmanager
def serving_behind(door: Door | None, app: object = flood) -> Iterator[str]:
    """Serve an app with limits of our choice, or with uvicorn's own, which are none."""
    options = {"http": functools.partial(LimitedProtocol, door=door)} if door else {"http": "h11"}
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(
            app,  # type: ignore[arg-type]  # an ASGI app of whatever type
            log_level="warning",
            lifespan="off",
            timeout_graceful_shutdown=1,
            **options,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            while not server.started:
                time.sleep(0.01)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = server.force_exit = True
            thread.join(15)


@pytest.mark.parametrize("kind", ["silent", "slow header"])
def test_uvicorn_alone_would_wait(kind: str) -> None:
    """The deadline is ours: without it, these connections stay open."""

    async def wait(address: str) -> Reply:
        return await exchange(address, *slow_pieces(address)[kind], pause_s=0.1, wait_s=1.5)

    with serving_behind(Door(16, header_s=0.5)) as ours, serving_behind(None) as theirs:
        assert apart(wait(ours)).closed
        assert not apart(wait(theirs)).closed


def test_who_does_not_read_is_let_go() -> None:
    async def stall(address: str) -> bool:
        host, port = address.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port), limit=2**10)
        writer.write(request(address))
        await reader.readexactly(100)
        await asyncio.sleep(1.5)
        try:
            async with asyncio.timeout(20):
                total = 0
                while chunk := await reader.read(2**16):
                    total += len(chunk)
        except ConnectionError:
            return True
        finally:
            writer.close()
        return total < 400 * 2**16

    with serving_behind(Door(16, unread_s=0.5)) as address:
        assert apart(stall(address))
    with serving_behind(Door(16, unread_s=60)) as address:
        assert not apart(stall(address)), "who reads on gets everything"


async def silent_then_ask(address: str, number: int) -> tuple[int, int]:
    """Return how many of so many silent connections were closed for a newcomer, and what the newcomer got."""
    held = [asyncio.create_task(exchange(address, wait_s=3.0)) for _ in range(number)]
    await asyncio.sleep(1.0)
    reply = await exchange(address, request(address, "GET /healthz", "Connection: close"), wait_s=10)
    return sum(one.closed for one in await asyncio.gather(*held)), reply.status


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    """An app that answers once it has read the body."""
    if scope["type"] == "http":
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"hello"})


def test_who_is_silent_makes_room() -> None:
    with serving_behind(Door(16), hello) as address:
        closed, status = apart(silent_then_ask(address, 40))
    assert (closed, status) == (25, 200), "15 stay beside the one who asks"


def test_beyond_the_limit_only_health_is_answered() -> None:
    async def run(address: str) -> tuple[list[Reply], list[Reply]]:
        body = request(address, "POST /", "Content-Length: 10")
        held = [asyncio.create_task(exchange(address, body, wait_s=2.5)) for _ in range(16)]
        await asyncio.sleep(1.0)
        asked = [
            await exchange(address, request(address, f"GET {path}"), wait_s=2) for path in ("/v1/index", "/healthz")
        ]
        return await asyncio.gather(*held), asked

    with serving_behind(Door(16), hello) as address:
        held, (other, health) = apart(run(address))
    assert not any(reply.closed for reply in held), "who has asked is not cut off"
    assert other.status == 503
    assert b"retry-after: 5" in other.head
    assert other.closed
    assert health.status == 200


def test_the_limit_leaves_files_for_the_rest(tmp_path: Path) -> None:
    from qa.guard.connections import server_options

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    door = server_options(Settings(max_connections=65_536))["http"].keywords["door"]
    assert door.most == min(65_536, soft // 2)
    assert server_options(Settings(max_connections=16))["http"].keywords["door"].most == 16
