"""A reader that does what a hostile file might make a real one do; the first word of a file says what.

`InProcess` reads in this process, as if there were no sandbox.
"""

import ctypes
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

from indexer import formats
from indexer.articles import Article, Block
from indexer.errors import UnreadableFileError


def _article(article_id: str, text: str, *, blocks: tuple[Block, ...] = ()) -> Article:
    return Article(id=article_id, text=text, title="", language="en", blocks=blocks)


def _spin() -> None:
    while True:
        pass


def _eat() -> None:
    hoard = []
    while True:
        hoard.append(bytearray(1 << 24))


def _sleep() -> None:
    time.sleep(3600)


def _segfault() -> None:
    ctypes.string_at(0)


def _exit() -> None:
    os._exit(3)


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _break() -> None:
    raise KeyError("broken\nin \ud800 two")


def _chatter() -> None:
    """Write to every open file: one of them is the pipe for the reply."""
    for descriptor in range(3, 20):
        try:
            os.write(descriptor, b"nonsense" * 10)
        except OSError:
            continue


ACTS: dict[bytes, Callable[[], None]] = {
    b"SPIN": _spin,
    b"EAT": _eat,
    b"SLEEP": _sleep,
    b"SEGFAULT": _segfault,
    b"EXIT": _exit,
    b"KILLED": _kill,
    b"BREAK": _break,
    b"CHATTER": _chatter,
}


def _tried(act: Callable[[], object]) -> str:
    try:
        act()
    except OSError as error:
        return type(error).__name__
    return "done"


def _powers() -> str:
    """Say as JSON what this process can do."""
    return json.dumps(
        {
            "pid": os.getpid(),
            "folder": os.getcwd(),
            "variables": sorted(os.environ),
            "modules": sorted(name for name in sys.modules if "." not in name),
            "write": _tried(lambda: Path(f"/tmp/footnote-sandbox-{os.getpid()}").write_text("words")),
            "many files": _tried(lambda: [os.open(os.devnull, os.O_RDONLY) for _ in range(64)]),
        }
    )


def read_article(article_id: str, data: bytes) -> Article:
    """Do what the file says; any other file is read as always."""
    word = data.split(maxsplit=1)[0] if data.strip() else b""
    if word in ACTS:
        ACTS[word]()
    match word:
        case b"POWERS":
            return _article(article_id, _powers())
        case b"FLOOD":
            return _article(article_id, "x" * (4 << 20))
        case b"ANOTHER":
            return _article("../another.txt", "words")
        case b"OUTSIDE":
            return _article(article_id, "words", blocks=(Block("paragraph", 0, 99),))
    return formats.read_article(article_id, data)


class InProcess:
    """The sandbox switched off."""

    at_once = 1

    def submit(self, article_id: str, data: bytes) -> Future[Article]:
        """Read a file here and now."""
        future: Future[Article] = Future()
        try:
            future.set_result(read_article(article_id, data))
        except UnreadableFileError as error:
            future.set_exception(error)
        return future
