"""The layer itself, outside of everything else: what every request passes, and what every response carries.

Pure ASGI, so that it covers whatever is mounted and buffers nothing.
"""

import re
import secrets

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from indexer.settings import Settings
from qa.guard.hosts import DATA, SAFE_METHODS, refuse_stranger
from qa.guard.keys import GRADIO, Doorkeeper
from qa.guard.receipt import body_limit, is_upload, limited, refuse_form
from qa.guard.refusal import Refusal

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
# What our page posts to Gradio. The rest takes files, recordings, code: nothing here uses it.
PAGE_POSTS = frozenset({"queue", "run", "cancel", "reset"})
CLOSED = Refusal(404, "not_found", "Not Found")

# Gradio needs inline scripts and eval; what this promises is that nothing is fetched from or sent anywhere else.
PAGE_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; frame-src 'self'; object-src 'none'; "
    "base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
)
DATA_POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"
FRAME_POLICY = "frame-ancestors 'self'"
CORS = b"access-control-"


class Guard:
    """Wraps an ASGI app; requests it refuses never reach the app, nor is their body read.

    `scope["state"]` then holds `request_id` and `role`: "admin", "read", or None without a key where none is needed.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings
        self._door = Doorkeeper(settings)

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
        state = scope.setdefault("state", {})
        state["request_id"] = request_id = _request_id(headers)
        send = _with_headers(send, scope["path"], request_id)
        limit = body_limit(scope, headers, self._settings)
        if refusal := self._refusal(scope, headers, limit):
            await refusal.send(send, request_id)
            return
        if self._door.asks_for_keys:
            # Nobody behind here needs the key, so nobody can log it.
            scope["headers"] = [(name, value) for name, value in scope["headers"] if name != b"authorization"]
        await self._app(scope, limited(receive, limit, uploads=is_upload(scope, headers)), send)

    def _refusal(self, scope: Scope, headers: Headers, limit: int) -> Refusal | None:
        if refusal := refuse_stranger(scope, headers, self._settings):
            return refusal
        role = self._door.admit(scope, headers)
        if isinstance(role, Refusal):
            return role
        scope["state"]["role"] = role
        _, is_gradio, call = scope["path"].partition(GRADIO)
        if is_gradio and scope["method"] not in SAFE_METHODS and call.partition("/")[0] not in PAGE_POSTS:
            return CLOSED
        return refuse_form(scope, headers, limit)


def _request_id(headers: Headers) -> str:
    given = headers.get("x-request-id", "")
    return given if REQUEST_ID.fullmatch(given) else secrets.token_hex(8)


def _with_headers(send: Send, path: str, request_id: str) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            # Gradio would let pages of this machine's other servers read what it sends.
            message["headers"] = [pair for pair in message.get("headers", ()) if not pair[0].lower().startswith(CORS)]
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
