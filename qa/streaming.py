"""Answers under load and over time: a bounded number at once, a bounded queue, and server-sent events."""

import asyncio
import json
import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Generic, TypeVar

from indexer.errors import FootnoteError
from qa.problems import OverloadedError, error_body
from qa.schemas import AnswerBody

Result = TypeVar("Result")

QUEUE = 32
QUEUE_SECONDS = 5.0
PLACE_SECONDS = 0.5
HEARTBEAT_SECONDS = 10.0
HEARTBEAT = b": heartbeat\n\n"


class Ticket:
    """Held by whoever waits at a gate."""


@dataclass(frozen=True, slots=True)
class Done(Generic[Result]):
    """What work returned that was waited for."""

    value: Result


class Gate:
    """Runs work in a pool of threads: at most `workers` at once and `queue` waiting; more is refused at once.

    Who comes first is served first, whichever way they wait.
    """

    def __init__(self, *, workers: int | None = None, queue: int = QUEUE, patience_s: float = QUEUE_SECONDS) -> None:
        count = workers or os.cpu_count() or 1
        self._pool = ThreadPoolExecutor(max_workers=count, thread_name_prefix="footnote-answer")
        self._slots = asyncio.Semaphore(count)
        self._workers = count
        self._queue = queue
        self._patience_s = patience_s
        self._line: list[Ticket] = []
        self.refused = 0

    @property
    def room(self) -> int:
        """How many may be served or wait at once."""
        return self._workers + self._queue

    @property
    def has_line(self) -> bool:
        """Whether somebody waits."""
        return bool(self._line)

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._line)

    def admit(self) -> None:
        """Raise OverloadedError when nobody may even wait."""
        if self._slots.locked() and len(self._line) >= self._queue:
            self.refused += 1
            raise OverloadedError("Too many questions at once.", advice="Ask again in a moment.")

    async def run(
        self, work: Callable[[], Result], *, ticket: Ticket | None = None, patience_s: float | None = None
    ) -> Result:
        """Wait for a slot, run the work in a thread and return what it returns.

        Raises OverloadedError when the line is full, or did not move within `patience_s` (the gate's own by default).
        """
        await self._enter(ticket or Ticket(), self._patience_s if patience_s is None else patience_s)
        loop = asyncio.get_running_loop()
        try:
            # With the context of whoever asked, so that the log knows the request.
            future = self._pool.submit(copy_context().run, work)
        except BaseException:
            self._slots.release()
            raise

        def leave(_: "Future[Result]") -> None:
            # When the thread is done, which is later than when a caller who lost patience is.
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._slots.release)

        future.add_done_callback(leave)
        return await asyncio.wrap_future(future)

    async def run_in_line(
        self, work: Callable[[], Result], *, patience_s: float, every_s: float = PLACE_SECONDS
    ) -> AsyncGenerator[int | Done[Result], None]:
        """Run the work as `run` does; yields the place in the line every `every_s` seconds, then what it returned.

        1 is next, 0 is being served. Who stops listening leaves the line.
        """
        ticket = Ticket()
        task = asyncio.create_task(self.run(work, ticket=ticket, patience_s=patience_s))
        try:
            # So that it has come to the line, or was refused.
            await asyncio.sleep(0)
            while not task.done():
                yield self._place(ticket)
                await asyncio.wait({task}, timeout=every_s)
            yield Done(task.result())
        finally:
            task.cancel()

    def _place(self, ticket: Ticket) -> int:
        return self._line.index(ticket) + 1 if ticket in self._line else 0

    async def _enter(self, ticket: Ticket, patience_s: float) -> None:
        self.admit()
        self._line.append(ticket)
        try:
            async with asyncio.timeout(patience_s):
                await self._slots.acquire()
        except TimeoutError as error:
            self.refused += 1
            raise OverloadedError("The queue did not move fast enough.", advice="Ask again in a moment.") from error
        finally:
            self._line.remove(ticket)


def sentences(body: AnswerBody) -> Iterator[str]:
    """Cut an answer before each quotation; the pieces joined are the answer."""
    starts = [citation.answer_span.start for citation in body.citations]
    cuts = sorted({0, len(body.answer), *starts})
    for start, end in pairwise(cuts):
        yield body.answer[start:end]


def event(name: str, data: Any) -> bytes:  # noqa: ANN401 - JSON may hold anything
    """One server-sent event; JSON keeps its data on one line."""
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()


def answer_events(body: AnswerBody) -> Iterator[bytes]:
    """The events of one answer: what was found, sentence by sentence what is said and where, and the whole."""
    found = body.model_dump(mode="json")
    keys = ("id", "standalone_question", "passages", "generation", "warnings")
    yield event("retrieval", {key: found[key] for key in keys})
    citations = iter(found["citations"])
    for sentence in sentences(body):
        yield event("delta", {"text": sentence})
        if citation := next(citations, None):
            yield event("citation", citation)
    yield event("final", found)


async def stream_answer(
    ask: Callable[[], Coroutine[Any, Any, AnswerBody]], *, request_id: str, heartbeat_s: float = HEARTBEAT_SECONDS
) -> AsyncIterator[bytes]:
    """Yield heartbeats until there is an answer, then its events; an error is an event too."""
    task = asyncio.create_task(ask())
    try:
        # At once, so that whoever stands between passes the headers on.
        yield HEARTBEAT
        while not (await asyncio.wait({task}, timeout=heartbeat_s))[0]:
            yield HEARTBEAT
        for part in answer_events(task.result()):
            yield part
    except FootnoteError as error:
        yield event("error", error_body(error.code, str(error), request_id))
    except Exception:
        yield event("error", error_body("internal", "Something went wrong that we did not foresee.", request_id))
        raise
    finally:
        task.cancel()
