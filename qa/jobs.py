"""Rebuilds as jobs: each in a thread of its own, how it stands, kept in the order they were begun."""

import logging
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

from indexer.build import BuildProgress, BuildReport
from indexer.errors import FootnoteError

logger = logging.getLogger(__name__)

JobState = Literal["queued", "running", "done", "failed"]
Rebuild = Callable[[Callable[[BuildProgress], None]], BuildReport]

JOBS_KEPT = 20


@dataclass(frozen=True, slots=True)
class Job:
    """One rebuild as it stands at this moment; `started` and `finished` are UTC.

    `done` of `total` counts within the stage; `code` and `advice` belong to a failure, `report` to a success.
    """

    id: str
    state: JobState = "queued"
    stage: str = ""
    done: int = 0
    total: int = 0
    eta_s: float | None = None
    message: str = ""
    code: str | None = None
    advice: str = ""
    report: Mapping[str, Any] | None = None
    started: datetime | None = None
    finished: datetime | None = None

    @property
    def fraction(self) -> float:
        """How much of the stage is done, 0 to 1."""
        if self.state == "done":
            return 1.0
        return min(1.0, self.done / self.total) if self.total else 0.0

    @property
    def is_over(self) -> bool:
        """Whether nothing will change any more."""
        return self.state in ("done", "failed")


class Jobs:
    """The last jobs of a process, of which at most one is not over; every method may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: OrderedDict[str, Job] = OrderedDict()

    def start(self, rebuild: Rebuild) -> Job:
        """Begin a rebuild, which is handed what shows its progress; returns the job under way if there is one."""
        with self._lock:
            for job in self._jobs.values():
                if not job.is_over:
                    return job
            job = Job(id=secrets.token_hex(8))
            self._jobs[job.id] = job
            while len(self._jobs) > JOBS_KEPT:
                self._jobs.popitem(last=False)
        threading.Thread(target=self._run, args=(job.id, rebuild), name="footnote-rebuild", daemon=True).start()
        return job

    def get(self, job_id: str) -> Job | None:
        """Return a job as it stands now; None when there is none or it is too long ago."""
        with self._lock:
            return self._jobs.get(job_id)

    def newest_first(self) -> list[Job]:
        """Every job that is kept."""
        with self._lock:
            return list(reversed(self._jobs.values()))

    def _run(self, job_id: str, rebuild: Rebuild) -> None:
        self._update(job_id, state="running", started=datetime.now(UTC))
        try:
            report = rebuild(lambda progress: self._show(job_id, progress))
        except FootnoteError as error:
            outcome: dict[str, Any] = {"message": error.message, "code": error.code, "advice": error.advice}
        except Exception:
            logger.exception("The rebuild %s failed", job_id)
            outcome = {"message": "The rebuild failed for a reason we did not foresee.", "code": "internal"}
            outcome["advice"] = "The log has the details. The index before it stays in use."
        else:
            outcome = {"report": report.to_dict(), "message": ""}
        state = "failed" if "code" in outcome else "done"
        self._update(job_id, state=state, eta_s=None, finished=datetime.now(UTC), **outcome)

    def _show(self, job_id: str, progress: BuildProgress) -> None:
        self._update(job_id, stage=progress.stage, done=progress.done, total=progress.total, eta_s=progress.eta_s)

    def _update(self, job_id: str, **changes: Any) -> None:  # noqa: ANN401 - the fields of Job
        with self._lock:
            self._jobs[job_id] = replace(self._jobs[job_id], **changes)
