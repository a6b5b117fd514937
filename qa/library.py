"""The live index: what the API, the page and the command line share.

One reference names the current generation. A request leases it once and works on it to the end; a rebuild, here or in
another process, changes the reference and never the generation, which is closed when its last lease ends.
"""

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from indexer.build import BuildProgress, BuildReport
from indexer.embedding import Embedder
from indexer.errors import FootnoteError, IndexMissingError
from indexer.generation import Generation, GenerationSummary
from indexer.language import morphemes
from indexer.settings import Settings
from indexer.stores import build, store_of
from qa.answer import Answer, Answerer
from qa.events import Events
from qa.jobs import Job, Jobs
from qa.memory import Trimmer, hand_back, settle
from qa.priority import give_way, in_thread
from qa.shelf import Pending, Shelf
from qa.uploads import AddOutcome, Removal, Trashed

logger = logging.getLogger(__name__)

CANARY = "What do the articles say?"
KOREAN_CANARY = "기사"
CHECK_SECONDS = 1.0
Stamp = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class LibraryState:
    """What changes while somebody looks on: the live generation, rebuilds (newest first), and what waits for one.

    `elsewhere` names another process that is changing the index.
    """

    generation: str | None
    jobs: tuple[Job, ...]
    elsewhere: str | None
    pending: Pending

    @property
    def running(self) -> Job | None:
        """The rebuild that this process has under way."""
        return next((job for job in self.jobs if not job.is_over), None)

    @property
    def is_busy(self) -> bool:
        """Whether the index is being changed, here or elsewhere."""
        return self.running is not None or self.elsewhere is not None

    @property
    def version(self) -> str:
        """A short word that is another one after any change."""
        jobs = [(job.id, job.state, job.stage, job.done, job.total) for job in self.jobs]
        known = repr((self.generation, jobs, self.elsewhere, self.pending))
        return hashlib.sha256(known.encode("utf-8", "replace")).hexdigest()[:16]


@dataclass(slots=True)
class _Live:
    """An open generation and how many requests are using it."""

    generation: Generation
    answerer: Answerer
    leases: int = 0
    retired: bool = False


class Library:
    """The live index of one corpus; every method may be called from any thread."""

    def __init__(self, settings: Settings, embedder: Embedder) -> None:
        self.settings = settings
        self.embedder = embedder
        self.events = Events()
        self._store = store_of(settings)
        self._lock = threading.Lock()  # over every field below
        self._opening = threading.Lock()  # one opening at a time
        self._live: _Live | None = None
        self._problem: FootnoteError | None = None
        self._seen: Stamp | None = None
        self._leases = 0
        self._next_check = 0.0
        self._checking = False
        self._jobs = Jobs()
        self._shelf = Shelf(settings)
        self._trimmer = Trimmer()

    # The live generation

    def open(self) -> None:
        """Open the current generation; raises IndexMissingError, IndexDamagedError or IndexIncompatibleError."""
        self._reload()

    def close(self) -> None:
        """Let the live generation go once nobody uses it."""
        self._swap(None)

    @contextmanager
    def lease(self) -> Iterator[Answerer]:
        """Hold the current answerer, and its generation open, for one request; raises when there is no index."""
        with self._lock:
            live = self._current()
            live.leases += 1
            self._leases += 1
        try:
            yield live.answerer
        finally:
            with self._lock:
                live.leases -= 1
                self._leases -= 1
            self._close_if_unused(live)

    def answer(self, question: str, **asked: Any) -> Answer:  # noqa: ANN401 - what Answerer.answer takes
        """Answer a question from the live generation, and tell the log how that went."""
        started = time.monotonic()
        with self.lease() as answerer:
            answer = answerer.answer(question, **asked)
            self.events.answered(answer.outcome, answerer.generation.id, time.monotonic() - started)
            return answer

    @property
    def leases(self) -> int:
        """How many are at work on a generation."""
        with self._lock:
            return self._leases

    @property
    def answerer(self) -> Answerer:
        """The current answerer; take it once, and within a `lease` unless the process is single-threaded."""
        with self._lock:
            return self._current().answerer

    @property
    def generation(self) -> Generation:
        """The live generation; raises when there is none."""
        with self._lock:
            return self._current().generation

    @property
    def live(self) -> Generation | None:
        """The live generation; None when there is none."""
        with self._lock:
            return self._live.generation if self._live else None

    @property
    def is_open(self) -> bool:
        """Whether there is a generation to answer from."""
        return self.live is not None

    def refresh_if_changed(self) -> None:
        """Notice, for the price of one stat a second, that another process committed; open that in the background."""
        self._trimmer.tick()
        with self._lock:
            now = time.monotonic()
            if self._checking or now < self._next_check:
                return
            self._next_check = now + CHECK_SECONDS
            stamp = self._store.stamp()
            if stamp is None or stamp == self._seen:
                return
            self._checking = True
        threading.Thread(target=self._refresh, name="footnote-refresh", daemon=True).start()

    def _refresh(self) -> None:
        try:
            self._reload()
        except FootnoteError:
            logger.error("the index changed on disk but cannot be opened")
        finally:
            with self._lock:
                self._checking = False

    def _reload(self) -> None:
        """Open what CURRENT names and make it the live one; what was live stays if that fails."""
        with self._opening:
            # Stamped before it is read: a commit in between is then seen at the next check.
            stamp = self._store.stamp()
            try:
                generation = self._store.open(expect=self.embedder.info)
                answerer = Answerer(generation, self.embedder, self.settings)
                # Before it is live, so that nobody's first question waits for what is loaded at the first question.
                answerer.answer(CANARY)
                if any(article.language == "ko" for article in generation.articles.values()):
                    morphemes(KOREAN_CANARY)
            except FootnoteError as error:
                with self._lock:
                    self._seen, self._problem = stamp, error
                self.events.not_opened(error)
                raise
            self._swap(_Live(generation, answerer), stamp)
            self.events.opened(generation)

    def _swap(self, live: _Live | None, stamp: Stamp | None = None) -> None:
        with self._lock:
            old, self._live = self._live, live
            self._seen, self._problem = stamp, None
            if old is not None:
                old.retired = True
        if old is not None:
            self._close_if_unused(old)

    def _close_if_unused(self, live: _Live) -> None:
        with self._lock:
            unused = live.retired and live.leases == 0
            # Only the last one out closes it.
            live.retired = live.retired and not unused
        if unused:
            live.generation.close()
            self._trimmer.soon()

    def _current(self) -> _Live:
        if self._live is None:
            raise self._problem or IndexMissingError(
                "There is no index yet.", advice="Build it with `footnote index` or the rebuild button."
            )
        return self._live

    # Rebuilding

    def start_rebuild(self, *, allow_shrink: bool = False) -> Job:
        """Rebuild in the background and go live with the result; returns the running job if there is one."""
        return self._jobs.start(lambda show: self._rebuild(show, allow_shrink=allow_shrink))

    def job(self, job_id: str) -> Job | None:
        """Return a job as it stands now; None when there is none or it is too long ago."""
        return self._jobs.get(job_id)

    def jobs(self) -> list[Job]:
        """Every job that is kept, newest first."""
        return self._jobs.newest_first()

    def state(self) -> LibraryState:
        """What somebody who looks on has to know; cheap enough to be asked every second."""
        jobs = tuple(self.jobs())
        busy = any(not job.is_over for job in jobs)
        try:
            pending = self.pending()
        except FootnoteError:
            pending = Pending()
        live = self.live.id if self.live else None
        return LibraryState(live, jobs, None if busy else self._store.holder(), pending)

    def previous(self) -> GenerationSummary | None:
        """The generation that `rollback` would make the live one; None when there is none to go back to."""
        live = self.live
        if live is None or live.degraded or live.manifest.parent is None:
            return None
        return next((one for one in self._store.generations() if one.id == live.manifest.parent), None)

    def rollback(self) -> str:
        """Go live with the parent of the live generation and return its name; nothing is deleted.

        Raises UsageError when there is none, IndexBusyError during a rebuild, and IndexMissingError.
        """
        name = self._store.rollback()
        self._reload()
        return name

    def build(
        self, *, allow_shrink: bool = False, progress: Callable[[BuildProgress], None] | None = None
    ) -> BuildReport:
        """Bring the index up to date, and tell the log how that went; raises as `indexer.build.build` does."""
        started = time.monotonic()
        try:
            report = build(self.settings, self.embedder, allow_shrink=allow_shrink, progress=progress)
        except Exception as error:
            self.events.not_built(error, time.monotonic() - started)
            raise
        self.events.built(report, time.monotonic() - started)
        return report

    def _rebuild(self, show: Callable[[BuildProgress], None], *, allow_shrink: bool) -> BuildReport:
        def show_gently(progress: BuildProgress) -> None:
            # Not before: the processes that read files are shared, and have so long by the clock.
            if progress.stage != "scan":
                give_way()
            show(progress)

        if self.settings.korean_analyser == "kiwi":
            # Its thread stays, and must not be started by one that gives way.
            morphemes(KOREAN_CANARY)
        report = in_thread(lambda: self.build(allow_shrink=allow_shrink, progress=show_gently))
        # Not in that thread: what is loaded here stays too.
        self._reload()
        settle()
        hand_back()
        return report

    # The corpus

    def add_articles(self, files: Iterable[tuple[str, bytes]]) -> list[AddOutcome]:
        """Write files into the corpus, one outcome each; none is found before a rebuild. Files are taken one by one."""
        return self._shelf.add(files)

    def delete_article(self, article_id: str) -> Removal:
        """Move an article out of the corpus; it is answered from until a rebuild. `restore_article` undoes it."""
        return self._shelf.remove(article_id)

    def restore_article(self, trash_id: str) -> str:
        """Undo a `delete_article` and return the article's id."""
        return self._shelf.restore(trash_id)

    def trash(self) -> list[Trashed]:
        """What was deleted and can come back, the latest first."""
        return self._shelf.trash()

    def pending(self) -> Pending:
        """What a rebuild would change; a file is read again only when its size or time differs."""
        live = self.live
        return self._shelf.pending(live.files if live else {})
