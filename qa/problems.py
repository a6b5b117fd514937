"""Errors over HTTP: one table from our errors to statuses, and one shape for every error there is."""

import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from indexer import errors
from qa.fetching import FetchingDisabledError
from qa.uploads import ArticleNotFoundError

logger = logging.getLogger(__name__)


class MalformedJsonError(errors.UsageError):
    """The body is not JSON, or is JSON that two readers could read in two ways."""

    code = "malformed_json"


class ContentTypeError(errors.UsageError):
    """The body is of a kind that this route does not take."""

    code = "wrong_content_type"


class NoWriterError(errors.UsageError):
    """A generated answer was asked for, and there is no language model."""

    code = "no_writer"


class JobNotFoundError(errors.UsageError):
    """There is no such job, or it is too long ago."""

    code = "job_not_found"


class OverloadedError(errors.FootnoteError):
    """More questions at once than can be answered or kept waiting."""

    code = "overloaded"
    retry_after_s = 2


# The nearest class in an error's ancestry counts.
STATUSES: Mapping[type[errors.FootnoteError], int] = {
    errors.FootnoteError: 500,
    errors.UsageError: 422,
    MalformedJsonError: 400,
    NoWriterError: 400,
    ContentTypeError: 415,
    FetchingDisabledError: 403,
    ArticleNotFoundError: 404,
    JobNotFoundError: 404,
    errors.UnreadableFileError: 422,
    errors.NothingToIndexError: 409,
    errors.ShrinkRefusedError: 409,
    errors.IndexBusyError: 409,
    errors.IndexMissingError: 503,
    errors.IndexDamagedError: 503,
    errors.IndexIncompatibleError: 503,
    errors.StorageError: 503,
    errors.SandboxError: 503,
    OverloadedError: 503,
}
CODES = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    408: "timeout",
    413: "too_large",
}
MAX_PROBLEMS = 5
MAX_PLACE_CHARS = 80


def status_of(error: errors.FootnoteError) -> int:
    """Look an error up in the table."""
    return next(STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)


def error_body(code: str, message: str, request_id: str) -> dict[str, Any]:
    """The one shape; a message may quote what cannot be encoded."""
    readable = message.encode("utf-8", "backslashreplace").decode()
    return {"error": {"code": code, "message": readable, "request_id": request_id}}


def explain(problems: Sequence[Any]) -> str:
    """Say in one line what is wrong where, without repeating what was sent."""
    lines = []
    for problem in problems[:MAX_PROBLEMS]:
        place = ".".join(str(part) for part in problem["loc"][1:])[:MAX_PLACE_CHARS]
        message = problem["msg"].removeprefix("Value error, ")
        lines.append(f"{place}: {message}" if place else message)
    if len(problems) > MAX_PROBLEMS:
        lines.append(f"and {len(problems) - MAX_PROBLEMS} more")
    return "; ".join(lines)


def parse_json(body: bytes) -> Any:  # noqa: ANN401 - JSON may hold anything
    """Read JSON as the standard has it: UTF-8, no NaN, no key twice, not nested without end."""
    try:
        return json.loads(body.decode(), parse_constant=_refuse_constant, object_pairs_hook=_unique)
    except RecursionError as error:
        raise MalformedJsonError("The JSON is nested too deeply.") from error
    except UnicodeDecodeError as error:
        raise MalformedJsonError("The JSON is not UTF-8.") from error
    except ValueError as error:
        raise MalformedJsonError(f"This is not JSON: {error}.") from error


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    unique = dict(pairs)
    if len(unique) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return unique


def install(app: FastAPI) -> None:
    """Give every error of an app the one shape."""
    app.exception_handler(errors.FootnoteError)(_on_footnote_error)
    app.exception_handler(RequestValidationError)(_on_invalid)
    app.exception_handler(HTTPException)(_on_http_error)
    app.exception_handler(Exception)(_on_unforeseen)


def response_to(error: errors.FootnoteError, request_id: str) -> JSONResponse:
    """Return what a caller gets for an error."""
    headers = {"Retry-After": str(error.retry_after_s)} if isinstance(error, OverloadedError) else None
    body = error_body(error.code, str(error), request_id)
    return JSONResponse(body, status_code=status_of(error), headers=headers)


def _respond(
    request: Request, status: int, code: str, message: str, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    return JSONResponse(error_body(code, message, _id_of(request)), status_code=status, headers=headers)


def _id_of(request: Request) -> str:
    return getattr(request.state, "request_id", "")


async def _on_footnote_error(request: Request, error: errors.FootnoteError) -> JSONResponse:
    return response_to(error, _id_of(request))


async def _on_invalid(request: Request, error: RequestValidationError) -> JSONResponse:
    return _respond(request, 422, "invalid", explain(error.errors()))


async def _on_http_error(request: Request, error: HTTPException) -> JSONResponse:
    return _respond(request, error.status_code, CODES.get(error.status_code, "error"), error.detail, error.headers)


async def _on_unforeseen(request: Request, error: Exception) -> JSONResponse:
    logger.error("Request %s failed", _id_of(request), exc_info=error)
    return _respond(request, 500, "internal", "Something went wrong that we did not foresee; the log has the details.")
