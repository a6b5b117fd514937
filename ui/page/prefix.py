"""The page behind a reverse proxy that serves it under a prefix, such as /footnote, and takes the prefix off."""

import re

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER = "x-forwarded-prefix"
ICON = b'<link rel="icon" href="../favicon.ico">'
# Segments of plain letters: nothing that could be taken for another host, or for the way up.
_PREFIX = re.compile(r"(?:/[A-Za-z0-9_-][A-Za-z0-9._~-]{0,63}){1,8}")


class Prefix:
    """Puts the prefix that the proxy names back where ASGI has it, in `root_path` and before `path`.

    What Gradio writes into its page begins there. Our own links are relative and need no prefix. A visitor who sends
    the header changes only the page that this visitor gets; a header that is no prefix is passed over.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "http":
            prefix = Headers(scope=scope).get(HEADER, "").rstrip("/")
            if _PREFIX.fullmatch(prefix):
                raw = prefix.encode() + scope["raw_path"]
                root = prefix + scope.get("root_path", "")
                scope = {**scope, "root_path": root, "path": prefix + scope["path"], "raw_path": raw}
        await self._app(scope, receive, send)


class Icon:
    """Names the icon in Gradio's page, which has no place for it: else browsers look for one outside of the prefix."""

    def __init__(self, app: ASGIApp, page: str) -> None:
        self._app = app
        self._page = page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http" or scope["path"] != scope.get("root_path", "") + self._page:
            await self._app(scope, receive, send)
            return
        start: Message | None = None

        async def sending(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start" and message["status"] == 200:
                # Its length may still change.
                start = message
                return
            if start:
                body = message.get("body", b"")
                # At the end of the head, since what stands before may have to be first.
                named = body.replace(b"</head>", ICON + b"</head>", 1)
                headers = MutableHeaders(scope=start)
                headers["Content-Length"] = str(int(headers["Content-Length"]) + len(named) - len(body))
                await send(start)
                message, start = {**message, "body": named}, None
            await send(message)

        await self._app(scope, receive, sending)
