"""What comes back about the articles and the index: their wire form, and the way to it from our records."""

from collections import Counter
from dataclasses import replace
from datetime import date, datetime
from typing import Any, Self

from indexer.articles import Article, Origin, Passage, collections_of
from indexer.generation import Generation
from qa.events import BuildStatus
from qa.jobs import Job, JobState
from qa.library import LibraryState
from qa.schemas import Span, Wire
from qa.shelf import Pending
from qa.uploads import AddOutcome, Removal, Status, Trashed


class ArticleBody(Wire):
    """An article without its text; `provenance` says where each field was read, `collection` the folder it lies in."""

    article_id: str
    collection: str | None
    title: str
    source: str | None
    published: date | None
    author: str | None
    url: str | None
    language: str
    tags: list[str]
    characters: int
    article_sha256: str
    provenance: dict[str, Origin]
    warnings: list[str]

    @classmethod
    def of(cls, article: Article, **more: Any) -> Self:  # noqa: ANN401 - the fields of a subclass
        """Convert the record."""
        return cls(
            article_id=article.id,
            collection=article.collection,
            title=article.title,
            source=article.source,
            published=article.published,
            author=article.author,
            url=article.url,
            language=article.language,
            tags=list(article.tags),
            characters=len(article.text),
            article_sha256=article.sha256,
            provenance=dict(article.provenance),
            warnings=list(article.warnings),
            **more,
        )


class ArticleTextBody(ArticleBody):
    """An article, or the slice of it that was asked for: `text` is `article.text[start:end]`."""

    text: str
    start_char_index: int
    end_char_index: int
    generation: str


class ArticlesBody(Wire):
    """A page of the articles of the live index, in the order of their ids; `total` counts what the filter leaves."""

    articles: list[ArticleBody]
    total: int
    offset: int
    limit: int
    generation: str


class ArticlePassage(Wire):
    """A passage of an article, in the order of the text."""

    passage_id: str
    start_char_index: int
    end_char_index: int
    heading: str
    text: str
    sentences: list[Span]

    @classmethod
    def of(cls, passage: Passage, article: Article) -> Self:
        """Convert the record."""
        return cls(
            passage_id=passage.id,
            start_char_index=passage.start,
            end_char_index=passage.end,
            heading=passage.heading,
            text=article.quote(passage.start, passage.end),
            sentences=[Span(start=sentence.start, end=sentence.end) for sentence in passage.sentences],
        )


class ArticlePassagesBody(Wire):
    """Every passage of one article."""

    article_id: str
    article_sha256: str
    passages: list[ArticlePassage]
    generation: str


class AddedBody(Wire):
    """What became of one offered file; `reason` is a stable word, there when it was refused."""

    name: str
    status: Status
    article_id: str | None
    reason: str | None
    detail: str | None

    @classmethod
    def of(cls, outcome: AddOutcome) -> Self:
        """Convert the record."""
        return cls(
            name=outcome.name,
            status=outcome.status,
            article_id=outcome.article_id,
            reason=outcome.reason or None,
            detail=outcome.detail or None,
        )


class AddBody(Wire):
    """One outcome a file; with `needs_rebuild`, what was added is found only after a rebuild."""

    files: list[AddedBody]
    needs_rebuild: bool

    @classmethod
    def of(cls, outcomes: list[AddOutcome]) -> Self:
        """Convert the records."""
        return cls(
            files=[AddedBody.of(outcome) for outcome in outcomes],
            needs_rebuild=any(outcome.needs_rebuild for outcome in outcomes),
        )


class RemovalBody(Wire):
    """An article is out of the corpus, and out of the answers after a rebuild; `trash_id` undoes it."""

    article_id: str
    trash_id: str
    needs_rebuild: bool = True

    @classmethod
    def of(cls, removal: Removal) -> Self:
        """Convert the record."""
        return cls(article_id=removal.article_id, trash_id=removal.trash_id)


class RestoreBody(Wire):
    """An article is back in the corpus."""

    article_id: str
    needs_rebuild: bool = True


class TrashedBody(Wire):
    """A deleted article that can come back."""

    trash_id: str
    article_id: str
    deleted: datetime


class TrashBody(Wire):
    """The last deleted articles, the latest first."""

    trash: list[TrashedBody]

    @classmethod
    def of(cls, trash: list[Trashed]) -> Self:
        """Convert the records."""
        return cls(
            trash=[TrashedBody(trash_id=one.trash_id, article_id=one.article_id, deleted=one.deleted) for one in trash]
        )


class RollbackBody(Wire):
    """The generation that is live again."""

    generation: str


class CountsBody(Wire):
    """How many of each."""

    articles: int
    passages: int


class EmbedderBody(Wire):
    """The embedder that made the vectors."""

    id: str
    sha256: str
    dim: int
    max_tokens: int
    dtype: str
    languages: list[str]


class ProblemBody(Wire):
    """A file that could not be read; `code` is a short stable word."""

    path: str
    code: str
    detail: str


class PendingBody(Wire):
    """How many articles a rebuild would add, read again or drop."""

    new: int
    changed: int
    gone: int

    @classmethod
    def of(cls, pending: Pending) -> Self:
        """Convert the record."""
        return cls(new=len(pending.new), changed=len(pending.changed), gone=len(pending.gone))


class IndexBody(Wire):
    """The live index; `degraded` says why it is not the newest, `languages` and `collections` count articles."""

    generation: str
    parent: str | None
    created: str
    counts: CountsBody
    embedder: EmbedderBody
    languages: dict[str, int]
    collections: dict[str, int]
    problems: list[ProblemBody]
    pending: PendingBody
    degraded: str | None

    @classmethod
    def of(cls, generation: Generation, pending: Pending) -> Self:
        """Convert the records."""
        manifest, embedder = generation.manifest, generation.manifest.embedder
        languages = Counter(article.language for article in generation.articles.values())
        return cls(
            generation=generation.id,
            parent=manifest.parent,
            created=manifest.created,
            counts=CountsBody(articles=manifest.counts.articles, passages=manifest.counts.passages),
            embedder=EmbedderBody(
                id=embedder.id,
                sha256=embedder.sha256,
                dim=embedder.dim,
                max_tokens=embedder.max_tokens,
                dtype=embedder.dtype,
                languages=list(embedder.languages),
            ),
            languages=dict(languages.most_common()),
            collections=collections_of(generation.articles.values()),
            problems=[
                ProblemBody(path=problem.path, code=problem.code, detail=problem.detail)
                for problem in manifest.problems
            ],
            pending=PendingBody.of(pending),
            degraded=generation.degraded,
        )


class JobError(Wire):
    """Why a job failed and what to do about it."""

    code: str
    message: str
    advice: str


class JobBody(Wire):
    """A rebuild as it stands; `done` of `total` counts within the stage, `fraction` is their quotient."""

    id: str
    state: JobState
    stage: str
    done: int
    total: int
    fraction: float
    eta_s: float | None
    message: str
    error: JobError | None
    report: dict[str, Any] | None
    started: datetime | None
    finished: datetime | None

    @classmethod
    def of(cls, job: Job) -> Self:
        """Convert the record."""
        return cls(
            id=job.id,
            state=job.state,
            stage=job.stage,
            done=job.done,
            total=job.total,
            fraction=job.fraction,
            eta_s=job.eta_s,
            message=job.message,
            error=JobError(code=job.code, message=job.message, advice=job.advice) if job.code else None,
            report=dict(job.report) if job.report is not None else None,
            started=job.started,
            finished=job.finished,
        )


class JobsBody(Wire):
    """The last rebuilds, newest first and without their reports, and what else may change while somebody looks on.

    `version` is another word after any change of these; `elsewhere` names another process that changes the index.
    """

    version: str
    generation: str | None
    pending: PendingBody
    elsewhere: str | None
    jobs: list[JobBody]

    @classmethod
    def of(cls, state: LibraryState, limit: int) -> Self:
        """Convert the record."""
        return cls(
            version=state.version,
            generation=state.generation,
            pending=PendingBody.of(state.pending),
            elsewhere=state.elsewhere,
            jobs=[JobBody.of(replace(job, report=None)) for job in state.jobs[:limit]],
        )


class HealthBody(Wire):
    """The process answers."""

    status: str = "ok"


class LastBuildBody(Wire):
    """How the last build ended; `skipped` counts the files that could not be used, `code` belongs to a failure."""

    status: BuildStatus
    code: str | None
    skipped: int
    at: datetime


class ReadyBody(Wire):
    """Whether questions can be answered, and if not why; `degraded` may be set while they can.

    `age_s` is the time since the live generation was built, in seconds.
    """

    ready: bool
    generation: str | None
    articles: int | None
    degraded: str | None
    reason: str | None
    code: str | None = None
    age_s: int | None = None
    last_build: LastBuildBody | None = None

    def without_details(self) -> "ReadyBody":
        """Return what strangers may know."""
        return ReadyBody(ready=self.ready, generation=None, articles=None, degraded=None, reason=None, code=self.code)
