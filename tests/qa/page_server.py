"""A web site on any loopback address that behaves as badly as asked: its path says how."""

import asyncio
import gzip
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

# Longer than any deadline in the tests; the server is cancelled at their end.
FOREVER_S = 3600

TEXT = "Beekeepers in the Ulmen valley harvested 310 tonnes of honey this summer. It is the largest harvest since 1987."
HEAD = "<meta charset=utf-8><title>Beekeepers report a record harvest</title>"
PAGE = f"<!doctype html><html lang=en><head>{HEAD}</head><body><article><p>{TEXT}</p></article></body></html>"
KOREAN_TEXT = "울멘 골짜기의 양봉가들이 꿀 310톤을 거두었다고 밝혔다."
KOREAN = f"<html><head><title>꿀 수확</title></head><body><p>{KOREAN_TEXT}</p></body></html>"


@dataclass
class Site:
    """Where it listens, how often it was connected to, and every request: the first line and the headers."""

    port: int = 0
    connections: int = 0
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection."""
        self.connections += 1
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
            self.requests.append((head[0], headers))
            await self.behave(head[0].split()[1].partition("?")[0], writer)
            await writer.drain()
        writer.close()

    async def behave(self, path: str, writer: asyncio.StreamWriter) -> None:
        """Do what the path says."""
        name, _, rest = path.removeprefix("/").partition("/")
        match name:
            case "to":
                writer.write(reply(b"", status="302 Found", more=f"Location: {rest.replace('_', '/')}\r\n"))
            case "round":
                writer.write(reply(b"", status="302 Found", more=f"Location: /round/{int(rest or 0) + 1}\r\n"))
            case "hops":
                target = f"/hops/{int(rest) - 1}" if int(rest) else "/page"
                writer.write(reply(b"", status="301 Moved Permanently", more=f"Location: {target}\r\n"))
            case "drip":
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n")
                await _trickle(writer, b" ")
            case "drip-headers":
                writer.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
                await _trickle(writer, b"a")
            case "hang":
                await asyncio.sleep(FOREVER_S)
            case "ten-gigabytes":
                writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {10**10}\r\n\r\n".encode())
                await _trickle(writer, b"a" * 2**20, pause_s=0)
            case "flood":
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n")
                for _ in range(400):
                    writer.write(b"a" * 2**20)
                    await writer.drain()
            case _:
                writer.write(REPLIES.get(name) or reply(b"<h1>not here</h1>", status="404 Not Found"))


async def _trickle(writer: asyncio.StreamWriter, piece: bytes, pause_s: float = 0.1) -> None:
    for _ in range(FOREVER_S):
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(pause_s)


def reply(body: bytes, kind: str = "text/html; charset=utf-8", *, status: str = "200 OK", more: str = "") -> bytes:
    """A whole reply."""
    head = f"HTTP/1.1 {status}\r\n" + (f"Content-Type: {kind}\r\n" if kind else "") + more
    return f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body


def packed(body: bytes, encoding: str = "gzip") -> bytes:
    """A compressed reply that nobody asked for."""
    return reply(body, more=f"Content-Encoding: {encoding}\r\n")


MARKDOWN = f"# A record harvest\n\n{TEXT}\n"
FRONT = f"---\ntitle: Honey\nsource: Valley Gazette\nurl: https://elsewhere.example/honey\n---\n\n{TEXT}\n"
REPLIES = {
    "page": reply(PAGE.encode()),
    "canonical": reply(PAGE.replace("</title>", "</title><link rel=canonical href='https://fake.example/x'>").encode()),
    "fragment": reply(f"<p>{TEXT}</p>".encode()),
    "headless": reply(f"<!doctype html><title>Honey</title><p>{TEXT}".encode()),
    "korean": reply(KOREAN.encode("cp949"), "text/html; charset=euc-kr"),
    "wrong-charset": reply(PAGE.replace("honey", "hönig").encode(), "text/html; charset=iso-8859-1"),
    "odd-charset": reply(PAGE.encode(), "text/html; charset=idna"),
    "markdown": reply(MARKDOWN.encode(), "text/markdown"),
    "front": reply(FRONT.encode(), "text/plain; charset=utf-8"),
    "xhtml": reply(PAGE.encode(), "application/xhtml+xml"),
    "empty": reply(b""),
    "pdf": reply(b"%PDF-1.7", "application/pdf"),
    "no-kind": reply(PAGE.encode(), ""),
    "gzip": packed(gzip.compress(PAGE.encode())),
    "bomb": packed(gzip.compress(b"a" * 200_000_000)),
    "bad-gzip": packed(b"\x1f\x8b\x08\x00nothing"),
    "brotli": packed(b"\x0b\x02\x80", "br"),
    "says-too-much": b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 500\r\n\r\n<html>",
    "no-http": b"220 mail.example ESMTP\r\n",
    "no-location": reply(b"", status="302 Found"),
    "500": reply(b"", status="500 Internal Server Error"),
    "204": reply(b"", status="204 No Content"),
}


@contextmanager
def page_server(address: str = "127.0.0.1", *, port: int = 0, tls: ssl.SSLContext | None = None) -> Iterator[Site]:
    """Serve on a loopback address."""
    site, started = Site(port), threading.Event()
    loop, stop = asyncio.new_event_loop(), asyncio.Event()

    async def run() -> None:
        server = await asyncio.start_server(site.serve, address, port, ssl=tls)
        site.port = server.sockets[0].getsockname()[1]
        started.set()
        await stop.wait()
        server.close()

    def work() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(run())

    thread = threading.Thread(target=work)
    thread.start()
    assert started.wait(10)
    try:
        yield site
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
