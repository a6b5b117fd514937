"""Answers under load and over time: a bounded number at once, a bounded queue, and server-sent events."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise
from typing import Any, TypeVar

from indexer.errors import FootnoteError
from qa.problems import OverloadedError, error_body
from qa.schemas import AnswerBody

Result = TypeVar("Result")

QUEUE = 32
QUEUE_SECONDS = 5.0
HEARTBEAT_SECONDS = 10.0
HEARTBEAT = b": heartbeat\n\n"


class Gate:
    """Runs work in a pool of threads: at most `workers` at once and `queue` waiting; more is refused at once."""

    def __init__(self, *, workers: int | None = None, queue: int = QUEUE, patience_s: float = QUEUE_SECONDS) -> None:
        count = workers or os.cpu_count() or 1
        self._pool = ThreadPoolExecutor(max_workers=count, thread_name_prefix="footnote-answer")
        self._slots = asyncio.Semaphore(count)
        self._queue = queue
        self._patience_s = patience_s
        self._waiting = 0

    def admit(self) -> None:
        """Raise OverloadedError when nobody may even wait."""
        if self._slots.locked() and self._waiting >= self._queue:
            raise OverloadedError("Too many questions at once.", advice="Ask again in a moment.")

    async def run(self, work: Callable[[], Result]) -> Result:
        """Wait for a slot, run the work in a thread and return what it returns."""
        await self._enter()
        loop = asyncio.get_running_loop()
        try:
            future = self._pool.submit(work)
        except BaseException:
            self._slots.release()
            raise

        def leave(_: "Future[Result]") -> None:
            # When the thread is done, which is later than when a caller who lost patience is.
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._slots.release)

        future.add_done_callback(leave)
        return await asyncio.wrap_future(future)

    async def _enter(self) -> None:
        self.admit()
        self._waiting += 1
        try:
            async with asyncio.timeout(self._patience_s):
                await self._slots.acquire()
        except TimeoutError as error:
            raise OverloadedError("The queue did not move fast enough.", advice="Ask again in a moment.") from error
        finally:
            self._waiting -= 1


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
