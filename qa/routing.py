"""What every route shares: strict JSON in, the one error shape out, the library of the app, and work for a caller."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request
from fastapi.responses import Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from qa.guard.receipt import LEFT
from qa.library import Library
from qa.problems import ContentTypeError, parse_json
from qa.schemas import ErrorResponse
from qa.streaming import Gate

Result = TypeVar("Result")

JSON_TYPE = "application/json"
ERRORS: dict[int | str, dict[str, Any]] = {"4XX": {"model": ErrorResponse}, "5XX": {"model": ErrorResponse}}


class JsonRoute(APIRoute):
    """Reads bodies as strict JSON and refuses any other kind; a browser cannot send JSON across sites unasked."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler, behind the check where the route takes a body."""
        handle = super().get_route_handler()
        if self.body_field is None:
            return handle

        async def checked(request: Request) -> Response:
            strict = _JsonRequest(request.scope, request.receive)
            await strict.check()
            return await handle(strict)

        return checked


class _JsonRequest(Request):
    async def check(self) -> None:
        """Raise ContentTypeError or MalformedJsonError; no body at all is left to the route."""
        body = await self.body()
        if body:
            require_json(self)
            self._parsed = parse_json(body)

    async def json(self) -> Any:  # noqa: ANN401 - JSON may hold anything
        """Return what `check` has read."""
        return self._parsed


def require_json(request: Request) -> None:
    """Raise ContentTypeError unless the request says that it sends JSON."""
    kind, _, parameters = request.headers.get("content-type", "").lower().partition(";")
    if kind.strip() != JSON_TYPE or parameters.replace(" ", "").strip('"') not in ("", "charset=utf-8"):
        raise ContentTypeError(f"Send {JSON_TYPE} in UTF-8.")


def library_of(request: Request) -> Library:
    """The library of the app, up to date with what other processes commit."""
    library: Library = request.app.state.library
    library.refresh_if_changed()
    return library


async def gate_of(request: Request) -> Gate:
    """The gate that every question passes; `async` because anything else is a trip to a thread and back."""
    gate: Gate = request.app.state.gate
    return gate


LibraryOf = Annotated[Library, Depends(library_of)]
GateOf = Annotated[Gate, Depends(gate_of)]


async def run_for(request: Request, gate: Gate, work: Callable[[], Result]) -> Result:
    """Run work at a gate as long as its caller stays; who leaves gives the place in the line up.

    The body of the request must have been read. Work that runs already is finished.
    """
    task, leaving = asyncio.ensure_future(gate.run(work)), asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait({task, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise HTTPException(LEFT, "The caller has left.")
        return task.result()
    finally:
        leaving.cancel()
        task.cancel()


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
