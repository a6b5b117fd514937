"""The routes of what the library holds: articles, the index, and the jobs that rebuild it."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
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
    RemovalBody,
    RestoreBody,
)
from qa.library import Library
from qa.problems import ContentTypeError, JobNotFoundError, parse_json
from qa.requests import CharIndex, IsoDate, RebuildRequest, RestoreRequest, TextArticleRequest
from qa.retrieval import Filters
from qa.routing import ERRORS, JSON_TYPE, JsonRoute, LibraryOf, require_json
from qa.uploads import ArticleNotFoundError, shown

MULTIPART = "multipart/form-data"
MAX_PAGE = 500

FILES_SCHEMA = {
    "type": "object",
    "properties": {"files": {"type": "array", "items": {"type": "string", "format": "binary"}}},
}
ADD_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            MULTIPART: {"schema": FILES_SCHEMA},
            JSON_TYPE: {"schema": TextArticleRequest.model_json_schema()},
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
    from_: Annotated[IsoDate | None, Query(alias="from")] = None,
    to: Annotated[IsoDate | None, Query()] = None,
    offset: Annotated[CharIndex, Query()] = 0,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 100,
) -> ArticlesBody:
    """List the articles of the live index, a page at a time."""
    filters = Filters(
        published_from=from_, published_to=to, sources=tuple(source or ()), languages=tuple(language or ())
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
    """Put files, or one text, into the corpus; they are found after a rebuild. Each file has its own outcome."""
    if request.headers.get("content-type", "").lower().startswith(MULTIPART):
        return await _add_files(request, library)
    if not request.headers.get("content-type"):
        raise ContentTypeError(f"Send {MULTIPART} or {JSON_TYPE}.")
    require_json(request)
    article = _text_article(parse_json(await request.body()))
    outcomes = await run_in_threadpool(library.add_articles, [(article.name, article.text.encode())])
    return AddBody.of(outcomes)


async def _add_files(request: Request, library: Library) -> AddBody:
    most = library.settings.max_upload_files
    async with request.form(max_files=most, max_fields=most) as form:
        parts = [part for _, part in form.multi_items() if isinstance(part, UploadFile)]
        if not parts:
            raise UsageError("No file was sent.")
        largest = library.settings.max_file_mb * 2**20
        return AddBody.of(await run_in_threadpool(library.add_articles, _contents(parts, largest)))


def _contents(parts: Sequence[UploadFile], largest: int) -> Iterator[tuple[str, bytes]]:
    """Yield files one by one, so that one at a time is in memory; a byte too many is enough to refuse one."""
    for part in parts:
        yield part.filename or "", part.file.read(largest + 1)


def _text_article(data: Any) -> TextArticleRequest:  # noqa: ANN401 - JSON may hold anything
    try:
        return TextArticleRequest.model_validate(data)
    except ValidationError as error:
        problems = [{**problem, "loc": ("body", *problem["loc"])} for problem in error.errors()]
        raise RequestValidationError(problems) from error


@holdings.post("/articles/restore")
def restore_article(body: RestoreRequest, library: LibraryOf) -> RestoreBody:
    """Undo a deletion."""
    return RestoreBody(article_id=library.restore_article(body.trash_id))


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
