"""Articles in a folder become the current generation: scan, chunk, embed what is new, index, verify, commit."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from indexer.articles import Article, Passage
from indexer.chunking import CHUNKER, chunk, embedded_text
from indexer.commit import Writer, writing
from indexer.corpus import Problem, Scan, printable, scan
from indexer.draft import Contents
from indexer.duplicates import METHOD
from indexer.embedding import Embedder
from indexer.errors import EmbedderError, NothingToIndexError, ShrinkRefusedError
from indexer.formats import FORMATS
from indexer.generation import Generation, Store
from indexer.language import Analyser
from indexer.lines import Digests, JoinedPassages
from indexer.manifest import ChunkerInfo, Counts, Shape, same_embedder
from indexer.records import IndexedPassage, embedded_hash
from indexer.reuse import Reuse, find
from indexer.sandbox import Parser
from indexer.settings import Settings

logger = logging.getLogger(__name__)

EMBED_AT_ONCE = 1024
COPY_AT_ONCE = 65_536
TELL_EVERY_S = 0.1

HalfVectors = NDArray[np.float16]
Stage = Literal["scan", "chunk", "embed", "index", "commit"]


@dataclass(frozen=True, slots=True)
class BuildProgress:
    """How far a stage is; `eta_s` is its remaining time, once there is a rate to tell it from."""

    stage: Stage
    done: int
    total: int
    eta_s: float | None


@dataclass(frozen=True, slots=True)
class Changes:
    """What differs from the generation built from, by article id."""

    new: tuple[str, ...]
    changed: tuple[str, ...]
    unchanged: tuple[str, ...]
    gone: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What a build did; without `committed` the index was up to date and `generation` is the one there was."""

    generation: str
    committed: bool
    counts: Counts
    new: tuple[str, ...]
    changed: tuple[str, ...]
    unchanged: tuple[str, ...]
    gone: tuple[str, ...]
    passages_embedded: int
    passages_reused: int
    problems: tuple[Problem, ...]
    warnings: tuple[str, ...]
    seconds: dict[str, float]

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON has it."""
        return asdict(self)


def build(
    settings: Settings,
    embedder: Embedder,
    *,
    allow_shrink: bool = False,
    progress: Callable[[BuildProgress], None] | None = None,
) -> BuildReport:
    """Bring the index up to date with the corpus; on any failure the live index stays as it is.

    Raises IndexBusyError, NothingToIndexError, ShrinkRefusedError, StorageError, and IndexIncompatibleError when
    a newer Footnote wrote the index.
    """
    clock = Clock(progress)
    analyser = Analyser(settings.korean_analyser)
    shape = Shape(embedder.info, ChunkerInfo(CHUNKER, settings.passage_words), analyser.name, FORMATS)
    with writing(Store(settings.index), keep=settings.keep_generations) as writer:
        # Other readers may make other articles of the same file.
        known = writer.base if writer.base and writer.base.manifest.formats == FORMATS else None
        scanned = scan_corpus(settings, known, clock)
        changes = _compare(writer.base, scanned)
        if writer.base and not allow_shrink:
            refuse_to_shrink(writer.base, scanned, changes, settings.shrink_limit)
        if writer.base and _is_up_to_date(writer.base, scanned, changes, shape):
            return _report(writer, writer.base.id, scanned, changes, writer.base.manifest.counts, 0, clock)
        articles = {file.article.id: file.article for file in scanned.files}
        passages = _chunk(articles, writer.base, changes, shape, clock)
        digests = passages.digests()
        reuse = find(writer.base.lines.digests(), digests) if writer.base else Reuse.nothing(len(passages))
        vectors, embedded = _embed(articles, passages, digests, writer.base, reuse, embedder, clock)
        contents = Contents(
            files=scanned.files,
            passages=passages,
            vectors=vectors,
            tokens_of=_tokens(articles, passages, analyser),
            own=reuse.own,
            touched={*changes.new, *changes.changed},
            shape=shape,
            problems=scanned.problems,
        )
        generation = _commit(writer, contents, clock)
        return _report(writer, generation, scanned, changes, contents.counts, embedded, clock)


@dataclass(slots=True)
class _Meter:
    """Tells one stage's progress, not too often."""

    stage: Stage
    total: int
    listener: Callable[[BuildProgress], None] | None
    started: float = field(default_factory=time.monotonic)
    told: float = 0.0

    def __call__(self, done: int, share: float | None = None) -> None:
        """Tell that `done` of the total are done; `share` is the share of the work where that differs."""
        now = time.monotonic()
        if self.listener is None or (now - self.told < TELL_EVERY_S and done < self.total):
            return
        self.told = now
        share = done / max(self.total, 1) if share is None else share
        eta = (now - self.started) * (1 - share) / share if share > 0 else None
        self.listener(BuildProgress(self.stage, done, self.total, eta))


class Clock:
    """Times the stages and passes their progress on."""

    def __init__(self, listener: Callable[[BuildProgress], None] | None) -> None:
        self.listener = listener
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, stage: Stage, total: int) -> Iterator[_Meter]:
        meter = _Meter(stage, total, self.listener)
        meter(0)
        yield meter
        self.seconds[stage] = round(time.monotonic() - meter.started, 3)


def scan_corpus(
    settings: Settings,
    known: Generation | None,
    clock: Clock,
    *,
    exclude: Sequence[Path] = (),
    parser: Parser | None = None,
) -> Scan:
    """Scan the corpus and tell how far that is; `known` is what need not be read again, `exclude` is not looked into.

    Raises NothingToIndexError when no article can be read.
    """
    with clock.stage("scan", 0) as meter:

        def tell(done: int, total: int) -> None:
            meter.total = total
            meter(done)

        scanned = scan(
            settings.corpus,
            max_bytes=settings.max_file_mb * 1024 * 1024,
            known=known.files if known else {},
            known_problems={problem.path: problem for problem in known.manifest.problems} if known else {},
            exclude=[settings.index, *exclude],
            progress=tell,
            parser=parser,
        )
    for problem in scanned.problems:
        logger.info("not used: %s (%s): %s", printable(problem.path), problem.code, problem.detail)
    if not scanned.files:
        unreadable = f"; {len(scanned.problems)} files are unreadable" if scanned.problems else ""
        raise NothingToIndexError(
            f"There is no readable article in {settings.corpus}{unreadable}.",
            advice="Put articles there, or name another folder with --corpus; an existing index stays in use.",
        )
    return scanned


def _compare(base: Generation | None, scanned: Scan) -> Changes:
    before = base.articles if base else {}
    new, changed, unchanged = list[str](), list[str](), list[str]()
    for article in (file.article for file in scanned.files):
        known = before.get(article.id)
        # What was not read again is the very same object.
        same = known is article or known == article
        (new if known is None else unchanged if same else changed).append(article.id)
    present = {file.article.id for file in scanned.files}
    gone = tuple(article_id for article_id in before if article_id not in present)
    return Changes(tuple(new), tuple(changed), tuple(unchanged), gone)


def refuse_to_shrink(base: Generation, scanned: Scan, changes: Changes, limit: float) -> None:
    kept = {file.article.sha256 for file in scanned.files}
    # A renamed file is not lost.
    lost = [article_id for article_id in changes.gone if base.articles[article_id].sha256 not in kept]
    if len(lost) > limit * len(base.articles):
        unreadable = sum(problem.path in set(lost) for problem in scanned.problems)
        because = f" ({unreadable} of them unreadable)" if unreadable else ""
        raise ShrinkRefusedError(
            f"{len(lost)} of {len(base.articles)} articles are gone{because}, {lost[0]!r} among them; "
            f"more than {limit:.0%} are not dropped unasked.",
            advice="Bring them back, or run `footnote index --allow-shrink`; the index stays as it is.",
        )


def _is_up_to_date(base: Generation, scanned: Scan, changes: Changes, shape: Shape) -> bool:
    return (
        base.degraded is None
        and base.manifest.shape.serves(shape)
        and base.duplicates_method == METHOD
        and not (changes.new or changes.changed or changes.gone)
        and reasons(base.manifest.problems) == reasons(scanned.problems)
    )


def reasons(problems: Sequence[Problem]) -> list[tuple[str, str]]:
    """Return which files are not used and why, as they are compared between builds."""
    return [(problem.path, problem.code) for problem in problems]


def _chunk(
    articles: dict[str, Article], base: Generation | None, changes: Changes, shape: Shape, clock: Clock
) -> JoinedPassages:
    known: Mapping[str, Sequence[IndexedPassage]] = {}
    if base and base.manifest.chunker == shape.chunker:
        known = base.lines.by_article()
    unchanged = {*changes.unchanged} if known else set[str]()
    with clock.stage("chunk", len(articles)) as meter:

        def parts() -> Iterator[Sequence[IndexedPassage]]:
            for done, article in enumerate(articles.values(), start=1):
                kept = known.get(article.id) if article.id in unchanged else None
                yield _cut(article, shape.chunker.words) if kept is None else kept
                meter(done)

        passages = JoinedPassages(parts())
    if not passages:
        raise NothingToIndexError(
            "No article holds a sentence that could be quoted.",
            advice="Put articles with sentences in the corpus; an existing index stays in use.",
        )
    return passages


def _cut(article: Article, words: int) -> list[IndexedPassage]:
    return [
        IndexedPassage(passage, embedded_hash(embedded_text(article, passage)))
        for passage in chunk(article, words=words)
    ]


def _embed(
    articles: dict[str, Article],
    passages: JoinedPassages,
    digests: Digests,
    base: Generation | None,
    reuse: Reuse,
    embedder: Embedder,
    clock: Clock,
) -> tuple[HalfVectors, int]:
    """Return the vectors in row order, and how many of them were not in the base."""
    vectors = np.empty((len(passages), embedder.info.dim), dtype=np.float16)
    is_new = np.ones(len(passages), dtype=np.bool_)
    if base and same_embedder(base.manifest.embedder, embedder.info):
        is_new = reuse.alike < 0
        for known in np.array_split(np.flatnonzero(~is_new), len(passages) // COPY_AT_ONCE + 1):
            vectors[known] = base.vectors[reuse.alike[known]]
    new = np.flatnonzero(is_new)
    # Equal texts are embedded once. Texts are made when they are needed: all would take as much room as the articles.
    _, first, text_of = np.unique(digests[new].view("V32").ravel(), return_index=True, return_inverse=True)
    lengths = np.array([len(_text(articles, passages[row].passage)) for row in new[first].tolist()], dtype=np.int64)
    # Texts of like length stand together; the longest come first, where memory would fail soonest.
    order = np.argsort(-lengths, kind="stable")
    characters = np.cumsum([0, *lengths[order]])
    with clock.stage("embed", len(order)) as meter:
        for start in range(0, len(order), EMBED_AT_ONCE):

            def tell(done: int, start: int = start) -> None:
                meter(start + done, float(characters[start + done] / characters[-1]))

            rows = new[first[order[start : start + EMBED_AT_ONCE]]]
            vectors[rows] = _embedded([_text(articles, passages[row].passage) for row in rows.tolist()], embedder, tell)
    again = np.flatnonzero(new != new[first[text_of]])
    vectors[new[again]] = vectors[new[first[text_of[again]]]]
    return vectors, int(np.count_nonzero(is_new))


def _embedded(texts: Sequence[str], embedder: Embedder, tell: Callable[[int], None]) -> HalfVectors:
    """Return vectors; only one slice is ever held in single precision."""
    fresh = embedder.embed_passages(texts, progress=tell)
    if not np.isfinite(fresh).all():
        raise EmbedderError(
            f"The embedder {embedder.info.id} gave vectors that are not numbers.",
            advice="Set `embedder` to another model; the index stays as it is.",
        )
    return fresh.astype(np.float16)


def _tokens(
    articles: dict[str, Article], passages: Sequence[IndexedPassage], analyser: Analyser
) -> Callable[[int], Sequence[str]]:
    return lambda row: analyser.tokens(_text(articles, passages[row].passage))


def _text(articles: dict[str, Article], passage: Passage) -> str:
    return embedded_text(articles[passage.article_id], passage)


def _commit(writer: Writer, contents: Contents, clock: Clock) -> str:
    with writer.draft(contents) as draft:
        with clock.stage("index", len(contents.passages)) as meter:
            draft.write(progress=meter)
        with clock.stage("commit", 1) as meter:
            generation = writer.publish(draft)
            writer.clean_up()
            meter(1)
    return generation


def _report(
    writer: Writer, generation: str, scanned: Scan, changes: Changes, counts: Counts, embedded: int, clock: Clock
) -> BuildReport:
    looked_at = {*changes.new, *changes.changed}
    warnings = [
        f"{file.article.id}: {warning}"
        for file in scanned.files
        if file.article.id in looked_at
        for warning in file.article.warnings
    ]
    return BuildReport(
        generation=generation,
        committed="commit" in clock.seconds,
        counts=counts,
        new=changes.new,
        changed=changes.changed,
        unchanged=changes.unchanged,
        gone=changes.gone,
        passages_embedded=embedded,
        passages_reused=counts.passages - embedded,
        problems=scanned.problems,
        warnings=(*writer.notes, *warnings),
        seconds=clock.seconds,
    )
