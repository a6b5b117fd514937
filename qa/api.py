"""The HTTP interface: `create_app` and the routes that take questions."""

from functools import partial

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import HTMLResponse, Response, StreamingResponse
from starlette.routing import Mount
from starlette.types import ASGIApp

from indexer import __version__
from indexer.errors import UsageError
from indexer.settings import Settings
from qa.citations import verify
from qa.feedback import store
from qa.fetching import FETCH_SECONDS
from qa.guard import Guard
from qa.health import Canary, health
from qa.holdings import holdings
from qa.library import Library
from qa.metrics import Metrics
from qa.problems import NoWriterError, install
from qa.reference import render
from qa.requests import AnswerRequest, FeedbackRequest, SearchRequest, VerifyRequest
from qa.routing import ERRORS, GateOf, JsonRoute, LibraryOf, run_for
from qa.schemas import AnswerBody, FeedbackBody, SearchBody, VerifyBody
from qa.streaming import Gate, stream_answer
from qa.traffic import Traffic, Turnstile, Watch

DESCRIPTION = "Questions answered from a folder of articles; every sentence of an answer is an exact quotation."
# Pages fetched at once; each takes FETCH_SECONDS at most.
FETCHES = 4
# Articles are put into the corpus one at a time; a long one takes its reader seconds.
ADD_SECONDS = 30.0

questions = APIRouter(prefix="/v1", route_class=JsonRoute, responses=ERRORS)

EVENTS_TYPE = "text/event-stream"


@questions.post("/answer", response_model=AnswerBody, responses={200: {"content": {EVENTS_TYPE: {}}}})
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
        return await run_for(request, gate, work)
    # What is wrong already now gets a status of its own; later there is only an event.
    gate.admit()
    _ = library.answerer
    events = stream_answer(partial(gate.run, work), request_id=request.state.request_id)
    return StreamingResponse(events, media_type=EVENTS_TYPE, headers={"Cache-Control": "no-store"})


@questions.post("/search")
async def search(body: SearchRequest, request: Request, library: LibraryOf, gate: GateOf) -> SearchBody:
    """Return the passages for a question, without choosing sentences."""
    _check_question(body.question, library.settings)
    return await run_for(request, gate, partial(_search, library, body))


@questions.post("/verify")
async def verify_quotation(body: VerifyRequest, request: Request, library: LibraryOf, gate: GateOf) -> VerifyBody:
    """Check a citation: `exact`, `moved` within its article, `changed`, or `missing`."""
    return await run_for(request, gate, partial(_verify, library, body))


@questions.post("/feedback", status_code=201)
def give_feedback(body: FeedbackRequest, request: Request) -> FeedbackBody:
    """Keep what a user says of an answer, on this machine; it cannot be read over HTTP."""
    settings: Settings = request.app.state.settings
    _check_question(body.question, settings)
    remark = body.record()
    store(settings.index, remark)
    return FeedbackBody(id=remark.id)


def _check_question(question: str, settings: Settings) -> None:
    if len(question) > settings.max_question_chars:
        raise UsageError(f"The question is longer than {settings.max_question_chars} characters.")


def _answer(library: Library, body: AnswerRequest) -> AnswerBody:
    answer = library.answer(
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


class GuardedApp(FastAPI):
    """FastAPI with the guard outside of everything, error pages and mounted apps included."""

    def build_middleware_stack(self) -> ASGIApp:
        """Wrap the whole stack; every request is seen, those that the guard refuses as well."""
        traffic: Traffic = self.state.traffic
        turnstile = Turnstile(super().build_middleware_stack(), traffic, self.state.gate)
        guarded = Guard(turnstile, self.state.settings)
        mounts = [route.path for route in self.routes if isinstance(route, Mount)]
        return Watch(guarded, traffic, mounts, self.state.metrics.observe)


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
    app.state.add_gate = Gate(workers=1, patience_s=ADD_SECONDS)
    app.state.canary = Canary()
    app.state.traffic = Traffic()
    app.state.metrics = Metrics(library, app.state.gate, app.state.traffic)
    install(app)
    for router in (questions, holdings, health):
        app.include_router(router)
    app.add_api_route("/docs", partial(_reference_page, app), include_in_schema=False, response_class=HTMLResponse)
    return app


async def _reference_page(app: FastAPI) -> HTMLResponse:
    return HTMLResponse(render(app.openapi()))
