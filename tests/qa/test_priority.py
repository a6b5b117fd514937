"""A rebuild gives way to answers, and leaves nothing behind that would go on giving way."""

import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from qa.library import Library
from qa.priority import NICENESS, give_way, in_thread

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux gives a thread a priority of its own")


def niceness(thread: int | None = None) -> int:
    """That of a thread, by default of the one that asks."""
    return os.getpriority(os.PRIO_PROCESS, thread or threading.get_native_id())


def of_all_threads() -> dict[str, int]:
    """The niceness of every thread of this process, by its number and name."""
    found = {}
    for task in Path("/proc/self/task").iterdir():
        try:
            found[f"{task.name} {(task / 'comm').read_text().strip()}"] = niceness(int(task.name))
        except OSError:
            continue
    return found


def test_work_gives_way_in_a_thread_of_its_own_and_in_those_it_starts() -> None:
    before = niceness()

    def work() -> tuple[int, int]:
        give_way()
        with ThreadPoolExecutor(1) as pool:
            return niceness(), pool.submit(niceness).result()

    assert in_thread(work) == (max(before, NICENESS), max(before, NICENESS))
    assert niceness() == before


def test_what_the_work_raises_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        in_thread(lambda: 1 // 0)


def test_a_rebuild_gives_way_and_no_thread_stays_behind(library: Library) -> None:
    if niceness() >= NICENESS:
        pytest.skip("this process gives way already")
    text = "".join(f"The mill number {number} has forty windows and a red door. " for number in range(600))
    library.add_articles([("mills.md", f"---\ntitle: Mills\n---\n\n{text}\n".encode())])
    job = library.start_rebuild()
    seen: set[int] = set()
    while not job.is_over:
        seen.update(of_all_threads().values())
        time.sleep(0.005)
        job = library.job(job.id) or job
    assert job.state == "done"
    assert max(seen) == NICENESS
    # Those that merged the words end a moment later.
    deadline = time.monotonic() + 30
    while (left := [name for name, nice in of_all_threads().items() if nice != niceness()]) and (
        time.monotonic() < deadline
    ):
        time.sleep(0.05)
    assert not left
