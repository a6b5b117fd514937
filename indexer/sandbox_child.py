"""The process that reads untrusted files: it gives up what a reader does not need, then reads one file after another.

Started by `indexer.sandbox`. A request is two frames, the article's id and the bytes of its file; the reply is one
frame, a `Reply` as JSON. A frame is its length as eight bytes, the highest first, and then so many bytes.
"""

import ctypes
import importlib
import math
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Annotated

from pydantic import StringConstraints, TypeAdapter

from indexer.articles import Article
from indexer.errors import UnreadableFileError

if sys.platform != "win32":
    import resource

MOST_OPEN_FILES = 32
LONGEST_DETAIL = 200

_LENGTH_BYTES = 8
# From linux/prctl.h.
_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38


@dataclass(frozen=True, slots=True)
class Limits:
    """What one file may cost: processor time and wall time, memory beyond that of an idle reader, and its reply."""

    cpu_s: int = 10
    wall_s: float = 40.0
    memory_bytes: int = 512 * 2**20
    reply_bytes: int = 50 * 2**20


@dataclass(frozen=True, slots=True)
class Reply:
    """An article, or the reason why there is none; neither in the first one, which says that the process is ready."""

    article: Article | None = None
    reason: Annotated[str, StringConstraints(pattern="^[a-z_]{0,20}$")] = ""
    detail: str = ""


Read = Callable[[str, bytes], Article]

_REPLY = TypeAdapter(Reply)


def encode_reply(reply: Reply) -> bytes:
    """Return a reply as JSON."""
    return _REPLY.dump_json(reply)


def decode_reply(data: bytes) -> Reply:
    """Read what `encode_reply` wrote; raises ValueError."""
    return _REPLY.validate_json(data, strict=True)


def write_frame(stream: IO[bytes], data: bytes) -> None:
    """Write one frame."""
    stream.write(len(data).to_bytes(_LENGTH_BYTES))
    stream.write(data)


def read_frame(stream: IO[bytes], *, most: int) -> bytes:
    """Read one frame; raises EOFError when the other side is gone, and ValueError at more than `most` bytes."""
    length = int.from_bytes(_read_exactly(stream, _LENGTH_BYTES))
    if length > most:
        raise ValueError(f"a frame of {length} bytes")
    return _read_exactly(stream, length)


def _read_exactly(stream: IO[bytes], length: int) -> bytes:
    data = stream.read(length)
    if len(data) != length:
        raise EOFError
    return data


def main(entry: str, cpu_s: str, memory_bytes: str, reply_bytes: str, parent: str) -> None:
    """Answer requests on standard input until it ends; `entry` is the module whose `read_article` reads a file."""
    read: Read = importlib.import_module(entry).read_article
    limits = Limits(cpu_s=int(cpu_s), memory_bytes=int(memory_bytes), reply_bytes=int(reply_bytes))
    requests, replies = _claim_streams()
    _die_with(int(parent))
    _confine(limits.memory_bytes)
    write_frame(replies, encode_reply(Reply()))
    replies.flush()
    with suppress(EOFError):
        while True:
            article_id = read_frame(requests, most=sys.maxsize).decode()
            data = read_frame(requests, most=sys.maxsize)
            _allow_cpu(limits.cpu_s)
            write_frame(replies, _answer(read, article_id, data, limits))
            replies.flush()


def _claim_streams() -> tuple[IO[bytes], IO[bytes]]:
    """Take the pipes away from where a library might write to them."""
    sys.stdout.flush()
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    os.close(nothing)
    return requests, replies


def _answer(read: Read, article_id: str, data: bytes, limits: Limits) -> bytes:
    try:
        answer = encode_reply(Reply(article=read(article_id, data)))
    except UnreadableFileError as error:
        return _refuse(error.reason, error.detail)
    except MemoryError:
        return _refuse("memory", f"Reading it takes more than {limits.memory_bytes // 2**20} MiB of memory.")
    except Exception as error:  # a reader may fail in any way on a hostile file
        return _refuse("malformed", f"The file broke its reader: {type(error).__name__}: {error}")
    if len(answer) > limits.reply_bytes:
        return _refuse("too_large", f"What was read of it is larger than {limits.reply_bytes // 2**20} MiB.")
    return answer


def _refuse(reason: str, detail: str) -> bytes:
    readable = detail[:LONGEST_DETAIL].encode("utf-8", "backslashreplace").decode()
    return encode_reply(Reply(reason=reason, detail=readable))


# ---------------------------------------------------------------- what is given up


def _die_with(parent: int) -> None:
    """Ask Linux to end this process with its parent; elsewhere the end of standard input has to do."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        if os.getppid() != parent:  # it had died before it was asked
            sys.exit(1)


def _confine(memory_bytes: int) -> None:
    """Leave no writing, no processes, few files, and so much memory beyond what is taken now."""
    if sys.platform != "win32":
        _limit(resource.RLIMIT_CORE, 0)
        _limit(resource.RLIMIT_FSIZE, 0)
        _limit(resource.RLIMIT_NOFILE, MOST_OPEN_FILES)
        _limit(resource.RLIMIT_NPROC, 0)
        taken = _address_space()
        if taken:
            _limit(resource.RLIMIT_AS, taken + memory_bytes)


def _address_space() -> int:
    """Return the size of this process in bytes; 0 where the system does not say."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def _allow_cpu(seconds: int) -> None:
    """Let this process compute for so many more seconds; then SIGXCPU ends it."""
    if sys.platform != "win32":
        used = resource.getrusage(resource.RUSAGE_SELF)
        _limit(resource.RLIMIT_CPU, math.ceil(used.ru_utime + used.ru_stime + seconds), for_good=False)


def _limit(kind: int, most: int, *, for_good: bool = True) -> None:
    """Lower a limit, as far as this system knows it; it can be raised again only where that is needed."""
    if sys.platform != "win32":
        with suppress(OSError, ValueError):
            hard = resource.getrlimit(kind)[1]
            soft = most if hard == resource.RLIM_INFINITY else min(most, hard)
            resource.setrlimit(kind, (soft, soft if for_good else hard))
