"""What happens while serving: questions answered, builds, openings of the index. Each is counted, and told to the log.

Neither holds a word of a question or of an article.
"""

import logging
import threading
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from indexer.build import BuildReport
from indexer.errors import FootnoteError, IndexDamagedError
from indexer.generation import Generation

logger = logging.getLogger(__name__)

BuildStatus = Literal["done", "unchanged", "failed"]
DONE: BuildStatus = "done"
UNCHANGED: BuildStatus = "unchanged"
FAILED: BuildStatus = "failed"
# The code of a failure that no error of ours describes.
UNFORESEEN = "internal"


@dataclass(frozen=True, slots=True)
class LastBuild:
    """How the last build ended; `skipped` files are no articles, `code` belongs to a failure."""

    status: BuildStatus
    code: str | None
    skipped: int
    seconds: float
    at: datetime


@dataclass(frozen=True, slots=True)
class Tallies:
    """What was counted since the process began: answers by outcome, builds by status or code, damage found."""

    answers: Counter[str] = field(default_factory=Counter)
    builds: Counter[str] = field(default_factory=Counter)
    damage: int = 0
    last_build: LastBuild | None = None


class Events:
    """The events of one library; every method may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: Counter[str] = Counter()
        self._builds: Counter[str] = Counter()
        self._damage = 0
        self._last_build: LastBuild | None = None

    def tallies(self) -> Tallies:
        """Return what was counted so far."""
        with self._lock:
            return Tallies(self._answers.copy(), self._builds.copy(), self._damage, self._last_build)

    def answered(self, outcome: str, generation: str, seconds: float) -> None:
        """A question was answered, or found to have no answer."""
        with self._lock:
            self._answers[outcome] += 1
        told = {"outcome": outcome, "generation": generation, "ms": round(seconds * 1000)}
        logger.info("answer", extra=told)

    def built(self, report: BuildReport, seconds: float) -> None:
        """A build ended well, or found nothing to do."""
        status = DONE if report.committed else UNCHANGED
        self._ended(LastBuild(status, None, len(report.problems), seconds, datetime.now(UTC)))
        told = {
            "status": status,
            "generation": report.generation,
            "articles": report.counts.articles,
            "passages": report.counts.passages,
            "embedded": report.passages_embedded,
            "skipped": dict(Counter(problem.code for problem in report.problems)),
            "ms": round(seconds * 1000),
        }
        logger.info("build", extra=told)

    def not_built(self, error: Exception, seconds: float) -> None:
        """A build failed; the index before it stays in use."""
        code = error.code if isinstance(error, FootnoteError) else UNFORESEEN
        self._ended(LastBuild(FAILED, code, 0, seconds, datetime.now(UTC)))
        told = {"status": FAILED, "code": code, "ms": round(seconds * 1000)}
        if isinstance(error, FootnoteError):
            logger.error("build", extra={**told, "error": str(error)})
        else:
            logger.error("build", extra=told, exc_info=error)

    def opened(self, generation: Generation) -> None:
        """A generation went live; one that had to stand in for a damaged one is an error."""
        told = {"generation": generation.id, "articles": len(generation.articles)}
        if generation.degraded is None:
            logger.info("index opened", extra=told)
            return
        with self._lock:
            self._damage += 1
        logger.error("index degraded", extra={**told, "error": generation.degraded})

    def not_opened(self, error: FootnoteError) -> None:
        """What CURRENT names cannot be opened; what was live stays."""
        with self._lock:
            self._damage += isinstance(error, IndexDamagedError)
        logger.error("index not opened", extra={"code": error.code, "error": str(error)})

    def _ended(self, build: LastBuild) -> None:
        with self._lock:
            self._builds[build.code or build.status] += 1
            self._last_build = build
