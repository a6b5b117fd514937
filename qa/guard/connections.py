"""Connections as uvicorn serves them, with the limits that it lacks: a deadline for each request, and a number."""

import asyncio
import resource
from functools import partial
from typing import Any

import h11
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from indexer.settings import Settings
from qa.guard.refusal import Refusal

# From the first byte that may come to the last line of the headers; counted anew after each response.
HEADER_SECONDS = 10.0
# How long a client may leave unread what it was sent.
UNREAD_SECONDS = 30.0
LINGER_SECONDS = 2.0
HEALTH = "/healthz"
BUSY = Refusal(503, "overloaded", "Too many connections at once.", (("retry-after", "5"),), closes=True)
BAD_REQUEST = Refusal(400, "bad_request", "This is not an HTTP request.", closes=True)


class Door:
    """The connections that are waited for, whoever is waited for longest first; one for each server."""

    def __init__(self, most: int, *, header_s: float = HEADER_SECONDS, unread_s: float = UNREAD_SECONDS) -> None:
        self.most = most
        self.header_s = header_s
        self.unread_s = unread_s
        self._open: set[LimitedProtocol] = set()
        self._waiting: dict[LimitedProtocol, asyncio.TimerHandle] = {}

    @property
    def is_crowded(self) -> bool:
        """Whether there are more connections than there should be."""
        return len(self._open) > self.most

    def enter(self, newcomer: "LimitedProtocol") -> None:
        """Let a connection in; whoever has waited longest without asking anything makes room if need be."""
        self._open.add(newcomer)
        self.expect(newcomer)
        for connection in list(self._waiting)[: max(0, len(self._open) - self.most)]:
            if connection is not newcomer:
                connection.leave()

    def exit(self, connection: "LimitedProtocol") -> None:
        """A connection is closed, or about to be."""
        self._open.discard(connection)
        self.forget(connection)

    def expect(self, connection: "LimitedProtocol") -> None:
        """Give a connection its time to send a request."""
        self.forget(connection)
        self._waiting[connection] = connection.loop.call_later(self.header_s, connection.leave)

    def forget(self, connection: "LimitedProtocol") -> None:
        """A request has come."""
        if timer := self._waiting.pop(connection, None):
            timer.cancel()


class LimitedProtocol(H11Protocol):
    """One connection. What is beyond the limit is still told so, and whether the server lives."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        door: Door,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.app: ASGIApp = partial(self._serve, self.app)
        self._door = door
        self._unread: asyncio.TimerHandle | None = None

    async def _serve(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        if self._door.is_crowded and scope["path"] != HEALTH:
            await BUSY.send(send, "")
        else:
            await app(scope, receive, send)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as its parent
        """Wait for a request from now on."""
        super().connection_made(transport)
        self._door.enter(self)

    def handle_events(self) -> None:
        """Stop waiting when there is a request."""
        super().handle_events()
        if self.cycle is not None and not self.cycle.response_complete:
            self._door.forget(self)

    def on_response_complete(self) -> None:
        """Wait again: for the next request, or for the end of one that is answered already."""
        if not self.transport.is_closing():
            self._door.expect(self)
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget about it."""
        self._door.exit(self)
        self._read_again()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The client does not read what it asked for: not for ever."""
        super().pause_writing()
        self._unread = self.loop.call_later(self._door.unread_s, self.transport.abort)

    def resume_writing(self) -> None:
        """It reads again."""
        self._read_again()
        super().resume_writing()

    def _read_again(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def leave(self) -> None:
        """Close the connection; what is still on its way out gets a moment."""
        self._door.exit(self)
        self.transport.close()
        self.loop.call_later(LINGER_SECONDS, self.transport.abort)

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP; where an answer has begun, only the end is left."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            body = BAD_REQUEST.body("")
            headers = [
                ("content-type", "application/json"),
                ("content-length", str(len(body))),
                ("connection", "close"),
            ]
            parts = [h11.Response(status_code=400, headers=headers, reason=b"Bad Request"), h11.Data(data=body)]
            for part in (*parts, h11.EndOfMessage()):
                self.transport.write(self.conn.send(part) or b"")
        self.leave()


def server_options(settings: Settings) -> dict[str, Any]:
    """Return the options of uvicorn that limit connections, for one server."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    # The other half is for the index and for what is answered.
    most = settings.max_connections if files == resource.RLIM_INFINITY else min(settings.max_connections, files // 2)
    return {"http": partial(LimitedProtocol, door=Door(most)), "ws": "none"}
