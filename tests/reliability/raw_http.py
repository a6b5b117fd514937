"""HTTP by hand, for what no client would send: bytes out, bytes in, and how long it took."""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Reply:
    """What came until the server closed, or until there was nothing more to wait for; `seconds` since connecting."""

    data: bytes
    closed: bool
    seconds: float

    @property
    def status(self) -> int:
        """The status of the first response; 0 without one."""
        start = self.data[:12]
        return int(start[9:]) if start.startswith(b"HTTP/1.1 ") else 0

    @property
    def head(self) -> bytes:
        """The headers of the first response, in small letters."""
        return self.data.partition(b"\r\n\r\n")[0].lower()


async def exchange(address: str, *pieces: bytes, pause_s: float = 0.0, wait_s: float) -> Reply:
    """Send the pieces with a pause after each, then read until the server closes or `wait_s` have passed in all."""
    parts = urlsplit(address)
    started = time.monotonic()
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    data = bytearray()
    sending = asyncio.create_task(_send(writer, pieces, pause_s))
    closed = False
    try:
        async with asyncio.timeout(wait_s):
            while chunk := await reader.read(65_536):
                data += chunk
            closed = True
    except TimeoutError:
        pass
    except ConnectionError:
        closed = True
    finally:
        sending.cancel()
        writer.transport.abort()
    return Reply(bytes(data), closed, time.monotonic() - started)


async def _send(writer: asyncio.StreamWriter, pieces: tuple[bytes, ...], pause_s: float) -> None:
    with suppress(ConnectionError):
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause_s)


def request(address: str, line: str = "GET /healthz", *headers: str, body: bytes = b"") -> bytes:
    """A whole request with the host it should have; `line` without the version."""
    first = [f"{line} HTTP/1.1", f"Host: {urlsplit(address).netloc}", *headers, "", ""]
    return "\r\n".join(first).encode() + body
