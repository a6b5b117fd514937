"""The routes of what the library holds: articles, the index, and the jobs that rebuild it."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.datastructures import UploadFile

from indexer.articles import Article
from indexer.errors import UsageError
from indexer.generation import Generation
from qa.catalogue import (
    AddBody,
    ArticleBody,
    ArticlePassage,
    ArticlePassagesBody,
    ArticlesBody,
    ArticleTextBody,
    IndexBody,
    JobBody,
    JobsBody,
    RemovalBody,
    RestoreBody,
    RollbackBody,
    TrashBody,
)
from qa.clippings import add_page, text_file
from qa.library import Library
from qa.problems import ContentTypeError, JobNotFoundError, parse_json
from qa.requests import (
    CharIndex,
    IsoDate,
    PageRequest,
    PastedArticleRequest,
    RebuildRequest,
    RestoreRequest,
    TextArticleRequest,
)
from qa.retrieval import Filters
from qa.routing import ERRORS, JSON_TYPE, JsonRoute, LibraryOf, require_json
from qa.streaming import Gate
from qa.uploads import AddOutcome, ArticleNotFoundError, shown

MULTIPART = "multipart/form-data"
MAX_PAGE = 500

JSON_ARTICLES = (TextArticleRequest, PastedArticleRequest, PageRequest)
FILES_SCHEMA = {
    "type": "object",
    "properties": {"files": {"type": "array", "items": {"type": "string", "format": "binary"}, "minItems": 1}},
    "required": ["files"],
    "additionalProperties": False,
}
ADD_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            MULTIPART: {"schema": FILES_SCHEMA},
            JSON_TYPE: {"schema": {"oneOf": [kind.model_json_schema() for kind in JSON_ARTICLES]}},
        },
    }
}

holdings = APIRouter(prefix="/v1", route_class=JsonRoute, responses=ERRORS)


@holdings.get("/articles")
def list_articles(
    library: LibraryOf,
    q: Annotated[str, Query(max_length=200, description="a part of the title or the id")] = "",
    source: Annotated[list[str] | None, Query(max_length=100)] = None,
    language: Annotated[list[str] | None, Query(max_length=100)] = None,
    collection: Annotated[list[str] | None, Query(max_length=100)] = None,
    from_: Annotated[IsoDate | None, Query(alias="from")] = None,
    to: Annotated[IsoDate | None, Query()] = None,
    offset: Annotated[CharIndex, Query()] = 0,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 100,
) -> ArticlesBody:
    """List the articles of the live index, a page at a time."""
    filters = Filters(
        published_from=from_,
        published_to=to,
        sources=tuple(source or ()),
        languages=tuple(language or ()),
        collections=tuple(collection or ()),
    )
    with library.lease() as answerer:
        generation = answerer.generation
        wanted = q.casefold()
        found = [
            article
            for _, article in sorted(generation.articles.items())
            if filters.accept(article) and (wanted in article.title.casefold() or wanted in article.id.casefold())
        ]
        page = [ArticleBody.of(article) for article in found[offset : offset + limit]]
        return ArticlesBody(articles=page, total=len(found), offset=offset, limit=limit, generation=generation.id)


@holdings.post("/articles", openapi_extra=ADD_BODY)
async def add_articles(request: Request, library: LibraryOf) -> AddBody:
    """Put files, a text or a page of the web into the corpus, to be found after a rebuild; each has its own outcome."""
    if request.headers.get("content-type", "").lower().startswith(MULTIPART):
        return await _add_files(request, library)
    if not request.headers.get("content-type"):
        raise ContentTypeError(f"Send {MULTIPART} or {JSON_TYPE}.")
    require_json(request)
    match _json_article(parse_json(await request.body())):
        case PageRequest(url=url):
            fetching: Gate = request.app.state.fetch_gate
            return AddBody.of([await fetching.run(lambda: add_page(url, library.settings, partial(_add, library)))])
        case PastedArticleRequest() as pasted:
            file = text_file(
                pasted.title, pasted.text, source=pasted.source, published=pasted.published, url=pasted.url
            )
        case TextArticleRequest() as named:
            file = (named.name, named.text.encode())
    adding: Gate = request.app.state.add_gate
    return AddBody.of([await adding.run(partial(_add, library, *file))])


def _add(library: Library, name: str, data: bytes) -> AddOutcome:
    [outcome] = library.add_articles([(name, data)])
    return outcome


async def _add_files(request: Request, library: Library) -> AddBody:
    most = library.settings.max_upload_files
    async with request.form(max_files=most, max_fields=most) as form:
        parts = [part for _, part in form.multi_items() if isinstance(part, UploadFile)]
        if not parts:
            raise UsageError("No file was sent.")
        if len(parts) < len(form.multi_items()):
            # Somebody means something by them, and would wonder where it is.
            raise UsageError("Only files can be sent so.", advice=f"Send a text, or an address, as {JSON_TYPE}.")
        largest = library.settings.max_file_mb * 2**20
        adding: Gate = request.app.state.add_gate
        return AddBody.of(await adding.run(partial(library.add_articles, _contents(parts, largest))))


def _contents(parts: Sequence[UploadFile], largest: int) -> Iterator[tuple[str, bytes]]:
    """Yield files one by one, so that one at a time is in memory; a byte too many is enough to refuse one."""
    for part in parts:
        yield part.filename or "", part.file.read(largest + 1)


def _json_article(data: Any) -> TextArticleRequest | PastedArticleRequest | PageRequest:  # noqa: ANN401 - any JSON
    """Tell by the fields what is meant: a `title` is pasted, a `url` with nothing else is fetched."""
    fields = set(data) if isinstance(data, dict) else set()
    kind = PastedArticleRequest if "title" in fields else PageRequest if "url" in fields else TextArticleRequest
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        problems = [{**problem, "loc": ("body", *problem["loc"])} for problem in error.errors()]
        raise RequestValidationError(problems) from error


@holdings.post("/articles/restore")
def restore_article(body: RestoreRequest, library: LibraryOf) -> RestoreBody:
    """Undo a deletion."""
    return RestoreBody(article_id=library.restore_article(body.trash_id))


@holdings.get("/trash")
def list_deleted(library: LibraryOf) -> TrashBody:
    """List the articles that were deleted and can come back, the latest first."""
    return TrashBody.of(library.trash())


@holdings.get("/articles/{article_id:path}/passages")
def list_passages(article_id: str, library: LibraryOf) -> ArticlePassagesBody:
    """Show how an article was cut into passages and sentences."""
    with library.lease() as answerer:
        article = _article(answerer.generation, article_id)
        passages = [passage for passage in answerer.generation.passages if passage.article_id == article.id]
        return ArticlePassagesBody(
            article_id=article.id,
            article_sha256=article.sha256,
            passages=[ArticlePassage.of(passage, article) for passage in passages],
            generation=answerer.generation.id,
        )


@holdings.get("/articles/{article_id:path}")
def get_article(
    article_id: str,
    library: LibraryOf,
    start: Annotated[CharIndex, Query(description="a code point")] = 0,
    end: Annotated[CharIndex | None, Query(description="a code point, exclusive")] = None,
) -> ArticleTextBody:
    """Return an article with its text, or with the slice of it from `start` to `end`."""
    with library.lease() as answerer:
        article = _article(answerer.generation, article_id)
        last = len(article.text) if end is None else min(end, len(article.text))
        if start > last:
            raise UsageError(f"`start` is beyond `end` or the {len(article.text)} characters of the article.")
        return ArticleTextBody.of(
            article,
            text=article.quote(start, last),
            start_char_index=start,
            end_char_index=last,
            generation=answerer.generation.id,
        )


@holdings.delete("/articles/{article_id:path}")
def delete_article(article_id: str, library: LibraryOf) -> RemovalBody:
    """Move an article out of the corpus; it leaves the answers with the next rebuild."""
    return RemovalBody.of(library.delete_article(article_id))


@holdings.get("/index")
def get_index(library: LibraryOf) -> IndexBody:
    """Describe the live index and what waits for a rebuild."""
    with library.lease() as answerer:
        return IndexBody.of(answerer.generation, library.pending())


@holdings.post("/index/rebuild", status_code=202)
def rebuild(library: LibraryOf, body: RebuildRequest | None = None) -> JobBody:
    """Rebuild the index in the background while questions are answered; one that runs already is returned."""
    return JobBody.of(library.start_rebuild(allow_shrink=bool(body and body.allow_shrink)))


@holdings.post("/index/rollback")
def rollback(library: LibraryOf) -> RollbackBody:
    """Go back to the generation before the live one; nothing is deleted, and the next rebuild builds from it."""
    return RollbackBody(generation=library.rollback())


@holdings.get("/jobs")
def list_jobs(library: LibraryOf, limit: Annotated[int, Query(ge=1, le=20)] = 20) -> JobsBody:
    """List the last rebuilds; asked every few seconds, its `version` says whether anything is new."""
    return JobsBody.of(library.state(), limit)


@holdings.get("/jobs/{job_id}")
def get_job(job_id: str, library: LibraryOf) -> JobBody:
    """Say how far a rebuild is, or how it ended."""
    job = library.job(job_id)
    if job is None:
        raise JobNotFoundError("There is no such job.", advice="The last 20 are kept, until a restart.")
    return JobBody.of(job)


def _article(generation: Generation, article_id: str) -> Article:
    article = generation.articles.get(article_id)
    if article is None:
        raise ArticleNotFoundError(f"There is no article {shown(article_id)!r} in {generation.id}.")
    return article
