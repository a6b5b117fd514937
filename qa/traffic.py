"""Requests as they pass: each is counted, timed and told to the log; where there is no room, none is let in.

Pure ASGI, so that whatever is mounted is covered and nothing is buffered.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from fastapi.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from qa.logs import REQUEST_ID
from qa.problems import OverloadedError, error_body, response_to
from qa.streaming import Gate

logger = logging.getLogger(__name__)

# Answered until the end, so that whoever watches sees it coming.
PROBES = frozenset({"/healthz", "/readyz", "/metrics"})
# What passes the gate. None of these paths holds anybody's words, so each is its own template.
QUESTIONS = frozenset({"/v1/answer", "/v1/search", "/v1/verify"})
METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
OTHER = "other"
# What nginx writes when the client left before there was anything to send.
CLIENT_LEFT = 499


@dataclass(frozen=True, slots=True)
class Passed:
    """A request that is over: the route's template, and how it went."""

    method: str
    route: str
    status: int
    seconds: float


class Traffic:
    """The requests of one app that are under way; `stopping` is set once and for all when no more are to come.

    What goes to a mounted page is counted apart, in `streams`: some of it stays open as long as a tab does.
    """

    def __init__(self) -> None:
        self.under_way = 0
        self.stopping = False
        self._streams: set[asyncio.Task[object]] = set()

    @property
    def streams(self) -> int:
        """How many requests to mounted pages are open."""
        return len(self._streams)

    @contextmanager
    def passing(self, *, mounted: bool) -> Iterator[None]:
        """Count a request while it is here; called from its own task."""
        task = asyncio.current_task()
        if mounted and task:
            self._streams.add(task)
        else:
            self.under_way += 1
        try:
            yield
        finally:
            if mounted and task:
                self._streams.discard(task)
            else:
                self.under_way -= 1

    def end_streams(self) -> None:
        """Let the requests to mounted pages end where they are; called from the event loop."""
        for task in self._streams:
            task.cancel()


class Watch:
    """The outermost layer: sees every request, those refused by the guard among them."""

    def __init__(
        self, app: ASGIApp, traffic: Traffic, mounts: Sequence[str], observe: Callable[[Passed], None]
    ) -> None:
        self._app = app
        self._traffic = traffic
        self._mounts = tuple(mounts)
        self._observe = observe

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status, ended = time.monotonic(), CLIENT_LEFT, False
        mount = next((path for path in self._mounts if _is_within(scope["path"], path)), None)

        async def sending(message: Message) -> None:
            nonlocal status, ended
            if message["type"] == "http.response.start":
                status = message["status"]
            elif message["type"] == "http.response.body":
                ended = not message.get("more_body", False)
            await send(message)

        try:
            with self._traffic.passing(mounted=mount is not None):
                await self._app(scope, receive, sending)
        except asyncio.CancelledError:
            if not self._traffic.stopping:
                raise
            # Something of a tab that is still open; to the browser this is its end.
            if status == CLIENT_LEFT:
                await _stopping(scope)(scope, receive, sending)
            elif not ended:
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            passed = Passed(_method_of(scope), mount or _route_of(scope), status, time.monotonic() - started)
            self._observe(passed)
            _tell(scope, passed)


class Turnstile:
    """Within the guard: gives the log the request's id, and lets nobody in once the server stops.

    Nor any question when nobody may even wait at the gate: to say so before a body is read, checked and routed costs
    half as much, and under a flood that is what answers are made of.
    """

    def __init__(self, app: ASGIApp, traffic: Traffic, gate: Gate) -> None:
        self._app = app
        self._traffic = traffic
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = scope["state"]["request_id"]
        before = REQUEST_ID.set(request_id)
        try:
            refusal = self._refusal(scope, request_id)
            await (refusal or self._app)(scope, receive, send)
        finally:
            REQUEST_ID.reset(before)

    def _refusal(self, scope: Scope, request_id: str) -> JSONResponse | None:
        if self._traffic.stopping and scope["path"] not in PROBES:
            return _stopping(scope)
        if scope["path"] in QUESTIONS and scope["method"] == "POST":
            try:
                self._gate.admit()
            except OverloadedError as error:
                return response_to(error, request_id)
        return None


def _stopping(scope: Scope) -> JSONResponse:
    request_id = scope.get("state", {}).get("request_id", "")
    body = error_body("stopping", "The server is stopping. Ask again in a moment.", request_id)
    return JSONResponse(body, status_code=503, headers={"Retry-After": "5", "Connection": "close"})


def _is_within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")


def _method_of(scope: Scope) -> str:
    return scope["method"] if scope["method"] in METHODS else OTHER


def _route_of(scope: Scope) -> str:
    """The template, never the path: an article's name is nobody's business, and there are many."""
    if scope["path"] in QUESTIONS:
        return str(scope["path"])
    return getattr(scope.get("route"), "path", None) or OTHER


def _tell(scope: Scope, passed: Passed) -> None:
    fields = {
        "request_id": scope.get("state", {}).get("request_id"),
        "method": passed.method,
        "route": passed.route,
        "status": passed.status,
        "ms": round(passed.seconds * 1000),
    }
    logger.log(logging.WARNING if passed.status >= 500 else logging.INFO, "request", extra=fields)
