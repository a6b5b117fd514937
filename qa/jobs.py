"""Rebuilds as jobs: how each stands, kept in the order they were begun."""

import secrets
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

JobState = Literal["queued", "running", "done", "failed"]

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

    def begin(self) -> tuple[Job, bool]:
        """Return the job that is under way, or else a new one, and whether it is new."""
        with self._lock:
            for job in self._jobs.values():
                if not job.is_over:
                    return job, False
            job = Job(id=secrets.token_hex(8))
            self._jobs[job.id] = job
            while len(self._jobs) > JOBS_KEPT:
                self._jobs.popitem(last=False)
            return job, True

    def get(self, job_id: str) -> Job | None:
        """Return a job as it stands now; None when there is none or it is too long ago."""
        with self._lock:
            return self._jobs.get(job_id)

    def newest_first(self) -> list[Job]:
        """Every job that is kept."""
        with self._lock:
            return list(reversed(self._jobs.values()))

    def update(self, job_id: str, **changes: Any) -> None:  # noqa: ANN401 - the fields of Job
        """Change some fields of a job."""
        with self._lock:
            self._jobs[job_id] = replace(self._jobs[job_id], **changes)
