"""The routes for whoever watches the server: does it live, can it answer, and the figures."""

import threading
import time
from datetime import datetime

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, Response
from starlette.concurrency import run_in_threadpool

from indexer.errors import FootnoteError
from indexer.generation import Generation
from qa.catalogue import HealthBody, LastBuildBody, ReadyBody
from qa.events import DONE
from qa.library import CANARY, Library
from qa.metrics import CONTENT_TYPE, Metrics, age_seconds
from qa.routing import LibraryOf
from qa.traffic import Traffic

CANARY_SECONDS = 5.0
STOPPING = "The server is stopping."

health = APIRouter()


@health.get("/healthz")
async def healthz() -> HealthBody:
    """Say that the process answers; nothing else is asked of it."""
    return HealthBody()


@health.get("/readyz", responses={503: {"model": ReadyBody}})
async def readyz(request: Request, response: Response, library: LibraryOf) -> ReadyBody:
    """Say whether questions can be answered, having asked one; why, and from what, only with a key if there is one."""
    traffic: Traffic = request.app.state.traffic
    canary: Canary = request.app.state.canary
    if traffic.stopping:
        body = _not_ready(library, "stopping", STOPPING)
    else:
        body = await run_in_threadpool(canary.check, library)
    response.status_code = 200 if body.ready else 503
    return body if request.state.role else body.without_details()


@health.get("/metrics", response_class=PlainTextResponse)
def metrics(request: Request) -> Response:
    """Give the figures in Prometheus's text format; none holds a word of a question."""
    figures: Metrics = request.app.state.metrics
    return Response(figures.render(), media_type=CONTENT_TYPE, headers={"Cache-Control": "no-store"})


class Canary:
    """Asks the live index a question now and then, and remembers how it went."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: ReadyBody | None = None
        self._until = 0.0

    def check(self, library: Library) -> ReadyBody:
        """Return whether the live index works; asked at most once in a few seconds."""
        with self._lock:
            live = library.live.id if library.live else None
            if self._last is None or self._last.generation != live or time.monotonic() > self._until:
                self._last = self._ask(library)
                self._until = time.monotonic() + CANARY_SECONDS
            return self._last

    def _ask(self, library: Library) -> ReadyBody:
        try:
            with library.lease() as answerer:
                answerer.search(CANARY, top_k=1)
                live = answerer.generation
                return ReadyBody(
                    ready=True,
                    generation=live.id,
                    articles=len(live.articles),
                    degraded=live.degraded,
                    reason=None,
                    age_s=int(age_seconds(live)),
                    last_build=_last_build(library, live),
                )
        except FootnoteError as error:
            return _not_ready(library, error.code, str(error))


def _not_ready(library: Library, code: str, reason: str) -> ReadyBody:
    return ReadyBody(
        ready=False,
        generation=None,
        articles=None,
        degraded=None,
        reason=reason,
        code=code,
        last_build=_last_build(library, library.live),
    )


def _last_build(library: Library, live: Generation | None) -> LastBuildBody | None:
    """How the last build of this process ended; before there was one, the build that made the live generation."""
    if last := library.events.tallies().last_build:
        return LastBuildBody(status=last.status, code=last.code, skipped=last.skipped, at=last.at)
    if live is None:
        return None
    created = datetime.fromisoformat(live.manifest.created)
    return LastBuildBody(status=DONE, code=None, skipped=len(live.manifest.problems), at=created)
