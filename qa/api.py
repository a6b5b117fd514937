"""The HTTP interface: `create_app` and the routes that take questions."""

import threading
import time
from functools import partial

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import HTMLResponse, Response, StreamingResponse
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp

from indexer import __version__
from indexer.errors import FootnoteError, UsageError
from indexer.settings import Settings
from qa.catalogue import HealthBody, ReadyBody
from qa.citations import verify
from qa.feedback import store
from qa.fetching import FETCH_SECONDS
from qa.guard import Guard
from qa.holdings import holdings
from qa.library import CANARY, Library
from qa.problems import NoWriterError, install
from qa.reference import render
from qa.requests import AnswerRequest, FeedbackRequest, SearchRequest, VerifyRequest
from qa.routing import ERRORS, GateOf, JsonRoute, LibraryOf
from qa.schemas import AnswerBody, FeedbackBody, SearchBody, VerifyBody
from qa.streaming import Gate, stream_answer

DESCRIPTION = "Questions answered from a folder of articles; every sentence of an answer is an exact quotation."
CANARY_SECONDS = 5.0
# Pages fetched at once; each takes FETCH_SECONDS at most.
FETCHES = 4

questions = APIRouter(prefix="/v1", route_class=JsonRoute, responses=ERRORS)
health = APIRouter()


@questions.post("/answer", response_model=AnswerBody)
async def answer(body: AnswerRequest, request: Request, library: LibraryOf, gate: GateOf) -> AnswerBody | Response:
    """Answer a question with quotations; with `stream`, as the events retrieval, delta, citation, final and error."""
    _check_question(body.question, library.settings)
    if body.mode == "generate" and library.settings.writer_base_url is None:
        raise NoWriterError(
            "No language model is configured.",
            advice="Set `writer_base_url` and `writer_model`, or use the mode `extractive`.",
        )
    work = partial(_answer, library, body)
    if not body.stream:
        return await gate.run(work)
    # What is wrong already now gets a status of its own; later there is only an event.
    gate.admit()
    _ = library.answerer
    events = stream_answer(partial(gate.run, work), request_id=request.state.request_id)
    return StreamingResponse(events, media_type="text/event-stream", headers={"Cache-Control": "no-store"})


@questions.post("/search")
async def search(body: SearchRequest, library: LibraryOf, gate: GateOf) -> SearchBody:
    """Return the passages for a question, without choosing sentences."""
    _check_question(body.question, library.settings)
    return await gate.run(partial(_search, library, body))


@questions.post("/verify")
async def verify_quotation(body: VerifyRequest, library: LibraryOf, gate: GateOf) -> VerifyBody:
    """Check a citation: `exact`, `moved` within its article, `changed`, or `missing`."""
    return await gate.run(partial(_verify, library, body))


@questions.post("/feedback", status_code=201)
def give_feedback(body: FeedbackRequest, request: Request) -> FeedbackBody:
    """Keep what a user says of an answer, on this machine; it cannot be read over HTTP."""
    settings: Settings = request.app.state.settings
    _check_question(body.question, settings)
    remark = body.record()
    store(settings.index, remark)
    return FeedbackBody(id=remark.id)


@health.get("/healthz")
async def healthz() -> HealthBody:
    """Say that the process answers; nothing else is asked of it."""
    return HealthBody()


@health.get("/readyz", responses={503: {"model": ReadyBody}})
async def readyz(request: Request, response: Response, library: LibraryOf) -> ReadyBody:
    """Say whether questions can be answered, having asked one."""
    canary: Canary = request.app.state.canary
    body = await run_in_threadpool(canary.check, library)
    response.status_code = 200 if body.ready else 503
    return body


def _check_question(question: str, settings: Settings) -> None:
    if len(question) > settings.max_question_chars:
        raise UsageError(f"The question is longer than {settings.max_question_chars} characters.")


def _answer(library: Library, body: AnswerRequest) -> AnswerBody:
    with library.lease() as answerer:
        answer = answerer.answer(
            body.question,
            turns=body.turns,
            filters=body.filters.record(body.as_of),
            as_of=body.as_of,
            top_k=body.top_k,
            generate=body.mode == "generate",
        )
        return AnswerBody.of(answer)


def _search(library: Library, body: SearchRequest) -> SearchBody:
    with library.lease() as answerer:
        found = answerer.search(body.question, body.filters.record(body.as_of), as_of=body.as_of, top_k=body.top_k)
        return SearchBody.of(found, question=body.question, generation=answerer.generation.id)


def _verify(library: Library, body: VerifyRequest) -> VerifyBody:
    with library.lease() as answerer:
        article = answerer.generation.articles.get(body.article_id)
        verification = verify(
            article,
            cited_text=body.cited_text,
            start=body.start_char_index,
            end=body.end_char_index,
            prefix=body.prefix,
            suffix=body.suffix,
        )
        return VerifyBody.of(verification, article=article, generation=answerer.generation.id)


class Canary:
    """Asks the live index a question now and then, and remembers how it went."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: ReadyBody | None = None
        self._until = 0.0

    def check(self, library: Library) -> ReadyBody:
        """Return whether the live index works; asked at most once in a few seconds."""
        with self._lock:
            live = library.generation.id if library.is_open else None
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
                    ready=True, generation=live.id, articles=len(live.articles), degraded=live.degraded, reason=None
                )
        except FootnoteError as error:
            return ReadyBody(ready=False, generation=None, articles=None, degraded=None, reason=str(error))


class GuardedApp(FastAPI):
    """FastAPI with the guard outside of everything, error pages and mounted apps included."""

    def build_middleware_stack(self) -> ASGIApp:
        """Wrap the whole stack."""
        return Guard(super().build_middleware_stack(), self.state.settings)


def create_app(library: Library, settings: Settings) -> FastAPI:
    """Build the app on a library that may not have an index yet."""
    app = GuardedApp(
        title="Footnote",
        version=__version__,
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        # Nothing leaves this machine, whatever the environment says.
        telemetry={"auto_configure": False, "tracing": False, "metrics": False, "logs": False},
    )
    app.state.library = library
    app.state.settings = settings
    app.state.gate = Gate()
    app.state.fetch_gate = Gate(workers=FETCHES, patience_s=FETCH_SECONDS)
    app.state.canary = Canary()
    install(app)
    for router in (questions, holdings, health):
        app.include_router(router)
    app.add_api_route("/docs", partial(_reference_page, app), include_in_schema=False, response_class=HTMLResponse)
    return app


async def _reference_page(app: FastAPI) -> HTMLResponse:
    return HTMLResponse(render(app.openapi()))
