"""Memory of a process that runs for weeks: free blocks handed back to the system, and garbage looked for less often.

Many threads that allocate and free blocks of many sizes leave holes, which glibc keeps; a server would grow by them
though it loses no object. With another C library nothing is handed back. And Python's collector looks at all objects
again and again while a million records are read, and stops everybody for it.
"""

import ctypes
import gc
import threading
import time
from functools import cache

# malloc.h of glibc, a parameter of mallopt(3). Its others are left alone: a fixed M_MMAP_THRESHOLD of 128 KiB saves
# some MiB more, but halves the answers a second, since each of torch's buffers is then mapped and zeroed anew.
M_ARENA_MAX = -8
# Threads share two heaps instead of having up to eight a core, whose holes nobody else can fill.
ARENAS = 2
TRIM_SECONDS = 60.0
# Objects made before the collector looks at them, and how often older ones come too, while much is read that stays:
# an index of 100,000 passages is opened in less than half the time. Then Python's own, since an answer leaves circles
# with arrays in them, and hundreds of MiB of those would wait.
WHILE_READING, ELSE = (50_000, 20, 50), (700, 10, 10)


@cache
def _glibc() -> ctypes.CDLL | None:
    try:
        library = ctypes.CDLL(None)
        for name in ("gnu_get_libc_version", "mallopt", "malloc_trim"):
            getattr(library, name)
    except (OSError, AttributeError, TypeError):
        return None
    return library


def keep_small() -> bool:
    """Let the allocator keep less from the system; call it before threads begin. Returns whether it could be told."""
    library = _glibc()
    if library is None:
        return False
    return bool(library.mallopt(M_ARENA_MAX, ARENAS))


def collect_seldom() -> None:
    """Let Python's collector look for circles of garbage less often, until things `settle`; the rest goes as ever."""
    gc.set_threshold(*WHILE_READING)


def settle() -> None:
    """What there is now will stay: the collector passes over it from now on, and so over a million records.

    What stayed until now and no longer does, such as the index before a rebuild, is collected first.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*ELSE)


def hand_back() -> None:
    """Collect garbage and give free memory back to the system: milliseconds, so nothing for the path of an answer."""
    gc.collect()
    library = _glibc()
    if library is not None:
        library.malloc_trim(0)


class Trimmer:
    """Hands memory back in the background, at most once in so many seconds; may be called from any thread."""

    def __init__(self, *, every_s: float = TRIM_SECONDS) -> None:
        self._every_s = every_s
        self._lock = threading.Lock()
        self._next = time.monotonic() + every_s

    def soon(self) -> None:
        """Much has just been freed: the next tick is the time."""
        with self._lock:
            self._next = 0.0

    def tick(self) -> None:
        """Hand memory back if it is time again; returns at once."""
        with self._lock:
            now = time.monotonic()
            if now < self._next:
                return
            self._next = now + self._every_s
        threading.Thread(target=hand_back, name="footnote-trim", daemon=True).start()
