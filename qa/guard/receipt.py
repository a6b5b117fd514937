"""How much may be sent, and how fast it has to come."""

import asyncio
import time

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope

from indexer.settings import Settings
from qa.guard.hosts import DATA
from qa.guard.refusal import Refusal

UPLOADS = "/v1/articles"
# A page posts its own state, and an article may be sent as text: more than a question, less than a file.
MAX_OTHER_BODY = 4 * 2**20
MULTIPART_OVERHEAD = 2**16
MAX_HEADERS = 100
MAX_HEAD_BYTES = 16 * 2**10

RECEIPT_SECONDS = 10.0
# An upload gets longer, as long as it moves: each of these many bytes is worth a second.
UPLOAD_BYTES_PER_S = 16 * 2**10
UPLOAD_SECONDS = 600.0
# As nginx has it; nobody is there to read it, but it can be counted.
LEFT = 499
CLOSING = {"Connection": "close"}


def is_upload(scope: Scope, headers: Headers) -> bool:
    """Whether files are sent to where files are taken."""
    return scope["path"] == UPLOADS and headers.get("content-type", "").lower().startswith("multipart/form-data")


def body_limit(scope: Scope, headers: Headers, settings: Settings) -> int:
    """Return how many bytes a body may have."""
    if is_upload(scope, headers):
        files = settings.max_upload_files
        return settings.max_file_mb * 2**20 * files + MULTIPART_OVERHEAD * (files + 1)
    if scope["path"].startswith(DATA) and scope["path"] != UPLOADS:
        return settings.max_body_kb * 2**10
    return MAX_OTHER_BODY


def refuse_form(scope: Scope, headers: Headers, limit: int) -> Refusal | None:
    """Say what is wrong with the first lines of a request; None: nothing."""
    head = len(scope.get("raw_path") or b"") + len(scope.get("query_string", b""))
    head += sum(len(name) + len(value) for name, value in scope["headers"])
    if len(scope["headers"]) > MAX_HEADERS or head > MAX_HEAD_BYTES:
        return Refusal(431, "head_too_large", "The first lines of the request are too many or too long.", closes=True)
    if not scope["path"].startswith("/"):
        return Refusal(400, "bad_request", "The target of a request is a path.", closes=True)
    length = headers.get("content-length")
    if length is not None and "transfer-encoding" in headers:
        # Two servers in a row could see two requests where there is one.
        return Refusal(400, "bad_request", "Send Content-Length or Transfer-Encoding, not both.", closes=True)
    if length and length.isdecimal() and int(length) > limit:
        return Refusal(413, "too_large", _too_large(limit), closes=True)
    return None


def _too_large(limit: int) -> str:
    return f"The request is larger than {limit // 1024} KiB."


def limited(receive: Receive, limit: int, *, uploads: bool) -> Receive:
    """Count what comes in, and the time it takes; the app's own handlers turn the exceptions into responses."""
    received, complete, start = 0, False, time.monotonic()

    def left_s() -> float:
        allowed = RECEIPT_SECONDS + received / UPLOAD_BYTES_PER_S if uploads else RECEIPT_SECONDS
        return max(0.0, start + min(allowed, UPLOAD_SECONDS) - time.monotonic())

    async def receiving() -> Message:
        nonlocal received, complete
        if complete:
            # What follows is the wait for the client to leave, however long it stays.
            return await receive()
        try:
            message = await asyncio.wait_for(receive(), left_s())
        except TimeoutError as error:
            raise HTTPException(408, "The request took too long to arrive.", CLOSING) from error
        if message["type"] == "http.disconnect":
            raise HTTPException(LEFT, "The caller has left.")
        received += len(message.get("body", b""))
        complete = not message.get("more_body", False)
        if received > limit:
            raise HTTPException(413, _too_large(limit), CLOSING)
        return message

    return receiving
