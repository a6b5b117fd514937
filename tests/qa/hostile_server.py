"""An HTTP server that behaves as badly as asked: the first part of the path names the behaviour."""

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

Behaviour = Callable[[asyncio.StreamWriter], Awaitable[None]]
# Longer than any deadline in the tests; the server is cancelled at their end.
FOREVER_S = 3600


@dataclass
class Request:
    """What came in."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class HostileServer:
    """Its address, what it was asked, and the texts that the behaviour `say-…` says."""

    port: int = 0
    requests: list[Request] = field(default_factory=list)
    sayings: dict[str, str] = field(default_factory=dict)

    def base_url(self, behaviour: str) -> str:
        """The address of a server that behaves so."""
        return f"http://127.0.0.1:{self.port}/{behaviour}/v1"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection."""
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            path = head[0].split()[1]
            self.requests.append(Request(path, headers, body))
            behaviour = path.split("/")[1]
            if behaviour.startswith("say-"):
                await reply(writer, completion(self.sayings[behaviour]))
            elif behaviour == "picky":
                await picky(writer, json.loads(body))
            else:
                await BEHAVIOURS[behaviour](writer)
        writer.close()

    async def run(self, started: threading.Event, stop: asyncio.Event) -> None:
        """Serve until told to stop."""
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        started.set()
        await stop.wait()
        server.close()


@contextmanager
def hostile_server() -> Iterator[HostileServer]:
    """Serve on a free port of this machine."""
    server, started = HostileServer(), threading.Event()
    loop, stop = asyncio.new_event_loop(), asyncio.Event()

    def work() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(server.run(started, stop))

    thread = threading.Thread(target=work)
    thread.start()
    assert started.wait(10)
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)


def completion(content: object, **message: object) -> bytes:
    """The body of a chat completion."""
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": content, **message}}
    return json.dumps(
        {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
    ).encode()


async def reply(
    writer: asyncio.StreamWriter, body: bytes, status: str = "200 OK", kind: str = "application/json"
) -> None:
    """Send a whole reply."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    writer.write(head.encode() + body)
    await writer.drain()


def replying(body: bytes, status: str = "200 OK", kind: str = "application/json") -> Behaviour:
    """A behaviour that sends this reply."""
    return lambda writer: reply(writer, body, status, kind)


async def picky(writer: asyncio.StreamWriter, request: dict[str, object]) -> None:
    """Refuse every parameter besides the messages, as some models do."""
    if set(request) - {"model", "messages"}:
        await reply(writer, b'{"error": {"message": "unsupported parameter"}}', "400 Bad Request")
    else:
        await reply(writer, completion("Norrvik Marine built it in eleven months. [2]"))


async def hang(writer: asyncio.StreamWriter) -> None:
    """Take the request and say nothing."""
    await asyncio.sleep(FOREVER_S)


async def drip(writer: asyncio.StreamWriter) -> None:
    """Send a byte of the body now and then: each read succeeds, the reply never ends."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n")
    await _trickle(writer, b" ")


async def drip_headers(writer: asyncio.StreamWriter) -> None:
    """The same before the body has begun."""
    writer.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
    await _trickle(writer, b"a")


async def _trickle(writer: asyncio.StreamWriter, piece: bytes) -> None:
    for _ in range(FOREVER_S):
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0.1)


async def stream(writer: asyncio.StreamWriter) -> None:
    """Stream events nobody asked for, without end."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
    await _trickle(writer, b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n')


async def cut(writer: asyncio.StreamWriter) -> None:
    """Hang up in the middle of the body."""
    writer.write(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{"choices": [')
    await writer.drain()


async def hang_up(writer: asyncio.StreamWriter) -> None:
    """Hang up without a word."""


async def flood(writer: asyncio.StreamWriter, status: str = "200 OK") -> None:
    """Send 50 MB."""
    writer.write(f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: 50000000\r\n\r\n".encode())
    for _ in range(500):
        writer.write(b"a" * 100_000)
        await writer.drain()


async def redirect(writer: asyncio.StreamWriter) -> None:
    """Send the client, and its key, elsewhere."""
    writer.write(
        b"HTTP/1.1 307 Temporary Redirect\r\nLocation: /say-right/v1/chat/completions\r\nContent-Length: 0\r\n\r\n"
    )
    await writer.drain()


ERROR = b'{"error": {"message": "broken: your key is sk-hidden-0123"}}'
TOOL_CALL = {"id": "1", "type": "function", "function": {"name": "delete_articles", "arguments": "{}"}}
BEHAVIOURS: dict[str, Behaviour] = {
    "hang": hang,
    "drip": drip,
    "drip-headers": drip_headers,
    "stream": stream,
    "cut": cut,
    "hang-up": hang_up,
    "flood": flood,
    "flood-error": lambda writer: flood(writer, "500 Internal Server Error"),
    "redirect": redirect,
    "500": replying(ERROR, "500 Internal Server Error"),
    "429": replying(ERROR, "429 Too Many Requests\r\nRetry-After: 60"),
    "401": replying(ERROR, "401 Unauthorized"),
    "404": replying(b"<h1>not here</h1>", "404 Not Found", "text/html"),
    "always-400": replying(ERROR, "400 Bad Request"),
    "no-http": replying(b"", "abc"),
    "invalid-json": replying(b'{"choices": [{"message": '),
    "deep-json": replying(b"[" * 200_000),
    "not-utf8": replying(b'{"choices": [{"message": {"content": "\xff\xfe"}}]}'),
    "html": replying(b"<html>hello</html>", kind="text/html"),
    "gzip": replying(b"\x1f\x8b\x08\x00", kind="application/json\r\nContent-Encoding: gzip"),
    "no-choices": replying(b'{"id": "1", "choices": []}'),
    "null-choices": replying(b'{"id": "1", "choices": null}'),
    "error-in-200": replying(ERROR),
    "list": replying(b"[1, 2]"),
    "null-content": replying(completion(None)),
    "blank-content": replying(completion(" \n ")),
    "parts": replying(completion([{"type": "text", "text": "hello"}])),
    "tool-calls": replying(completion(None, tool_calls=[TOOL_CALL])),
    "refusal-field": replying(completion(None, refusal="I can't help with that.")),
    "odd-label": replying(completion("Norrvik Marine built it in eleven months. [2]"), kind="text/plain"),
}
