"""Work that gives way to answers: in a thread of its own, which the system serves last."""

import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

Result = TypeVar("Result")

# Of 1,024 parts of a core that two threads want, one with this niceness gets about 100.
NICENESS = 10


def in_thread(work: Callable[[], Result]) -> Result:
    """Do the work in a thread that ends with it; returns what it returns and raises what it raises."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="footnote-work") as pool:
        return pool.submit(work).result()


def give_way() -> None:
    """Let this thread, and those it starts from now on, be served after others; only Linux can, for single threads.

    It cannot be taken back, so the thread should end with the work.
    """
    if sys.platform != "linux":
        return
    thread = threading.get_native_id()
    with suppress(OSError):
        if os.getpriority(os.PRIO_PROCESS, thread) < NICENESS:
            os.setpriority(os.PRIO_PROCESS, thread, NICENESS)
