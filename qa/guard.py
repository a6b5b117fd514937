"""The outermost layer: who may talk to this server, how much they may send, and what every response carries.

Pure ASGI, so that it covers whatever is mounted and buffers nothing.
"""

import asyncio
import ipaddress
import json
import re
import secrets
import time
from collections.abc import Sequence

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from indexer.errors import SettingsError
from indexer.settings import Settings

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
DATA = "/v1/"
UPLOADS = "/v1/articles"
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

# A page posts its own state, and an article may be sent as text: more than a question, less than a file.
MAX_OTHER_BODY = 4 * 2**20
MULTIPART_OVERHEAD = 2**16
RECEIPT_SECONDS = 10.0
UPLOAD_SECONDS = 600.0

# Gradio needs inline scripts and eval; what this promises is that nothing is fetched from or sent anywhere else.
PAGE_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; frame-src 'self'; object-src 'none'; "
    "base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
)
DATA_POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"
FRAME_POLICY = "frame-ancestors 'self'"


def check_host(settings: Settings) -> None:
    """Refuse to serve beyond this machine: there is no key yet that would keep strangers out."""
    try:
        local = settings.host == "localhost" or ipaddress.ip_address(settings.host).is_loopback
    except ValueError:
        local = False
    if not local:
        raise SettingsError(
            f"Setting 'host' is {settings.host!r}, which other machines can reach; Footnote has no API key yet.",
            advice="Use 127.0.0.1, and a tunnel such as SSH to reach it from elsewhere.",
        )


class Guard:
    """Wraps an ASGI app; requests it refuses never reach the app."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "websocket":
            # Nothing here speaks it, and browsers let any page open one to any host.
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        request_id = _request_id(headers)
        scope.setdefault("state", {})["request_id"] = request_id
        send = _with_headers(send, scope["path"], request_id)
        if refusal := self._refusal(scope, headers):
            await _refuse(send, request_id, *refusal)
            return
        limit = self._limit(scope, headers)
        if (length := headers.get("content-length")) and length.isdecimal() and int(length) > limit:
            await _refuse(send, request_id, 413, "too_large", _too_large(limit))
            return
        seconds = UPLOAD_SECONDS if _is_multipart(headers) else RECEIPT_SECONDS
        await self._app(scope, _limited(receive, limit, seconds), send)

    def _refusal(self, scope: Scope, headers: Headers) -> tuple[int, str, str] | None:
        """Say why a request may not pass: status, code and message."""
        hosts = self._hosts(scope)
        if len(named := headers.getlist("host")) != 1 or named[0].lower() not in hosts:
            return 403, "host_not_allowed", f"This server answers only as {hosts[0]}."
        origins = headers.getlist("origin")
        if any(origin.lower() not in {f"http://{host}" for host in hosts} for origin in origins):
            return 403, "cross_origin", "Requests from other sites are refused."
        if headers.get("sec-fetch-site", "none") in ("same-origin", "none"):
            return None
        # Another site may link to a page. It may not post to it, embed it, or fetch data.
        navigates = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
        if scope["method"] in SAFE_METHODS and navigates and not scope["path"].startswith(DATA):
            return None
        return 403, "cross_origin", "Requests from other sites are refused."

    def _hosts(self, scope: Scope) -> Sequence[str]:
        """The names this server answers to, the usual one first; never taken from the request."""
        # Port 0 means that the system chose: the socket knows.
        port = self._settings.port or (scope.get("server") or ("", 0))[1]
        own = self._settings.host.lower()
        names = dict.fromkeys(("127.0.0.1", "localhost", f"[{own}]" if ":" in own else own))
        hosts = [f"{name}:{port}" for name in names]
        # Browsers leave out the port that goes without saying.
        return hosts + list(names) if port == 80 else hosts

    def _limit(self, scope: Scope, headers: Headers) -> int:
        if _is_multipart(headers):
            files = self._settings.max_upload_files
            return self._settings.max_file_mb * 2**20 * files + MULTIPART_OVERHEAD * (files + 1)
        if scope["path"].startswith(DATA) and scope["path"] != UPLOADS:
            return self._settings.max_body_kb * 2**10
        return MAX_OTHER_BODY


def _request_id(headers: Headers) -> str:
    given = headers.get("x-request-id", "")
    return given if REQUEST_ID.fullmatch(given) else secrets.token_hex(8)


def _is_multipart(headers: Headers) -> bool:
    return headers.get("content-type", "").lower().startswith("multipart/form-data")


def _too_large(limit: int) -> str:
    return f"The request is larger than {limit // 1024} KiB."


def _with_headers(send: Send, path: str, request_id: str) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message.setdefault("headers", [])
            headers = MutableHeaders(scope=message)
            headers["X-Request-ID"] = request_id
            headers["X-Content-Type-Options"] = "nosniff"
            headers["Referrer-Policy"] = "no-referrer"
            headers["Cross-Origin-Resource-Policy"] = "same-origin"
            headers["Cross-Origin-Opener-Policy"] = "same-origin"
            policy = DATA_POLICY if path.startswith(DATA) else PAGE_POLICY
            # A page's own, stricter policy stays; browsers obey all they get.
            headers.append("Content-Security-Policy", FRAME_POLICY if "content-security-policy" in headers else policy)
        await send(message)

    return sending


def _limited(receive: Receive, limit: int, seconds: float) -> Receive:
    """Count what comes in, and the time it takes; the app's own handlers turn the exceptions into responses."""
    received, complete, deadline = 0, False, time.monotonic() + seconds

    async def receiving() -> Message:
        nonlocal received, complete
        if complete:
            # What follows is the wait for the client to leave, however long it stays.
            return await receive()
        try:
            message = await asyncio.wait_for(receive(), max(0.0, deadline - time.monotonic()))
        except TimeoutError as error:
            raise HTTPException(408, "The request took too long to arrive.") from error
        received += len(message.get("body", b""))
        complete = not message.get("more_body", False)
        if received > limit:
            raise HTTPException(413, _too_large(limit))
        return message

    return receiving


async def _refuse(send: Send, request_id: str, status: int, code: str, message: str) -> None:
    body = json.dumps({"error": {"code": code, "message": message, "request_id": request_id}}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if status == 413:
        # The rest of the body is not read.
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
