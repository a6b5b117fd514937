"""Files into the corpus and out of it: names made safe, nothing overwritten, nothing lost.

A file that is taken out is moved to a hidden folder of the corpus, which no scan reads, and can come back.
"""

import os
import re
import secrets
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Literal

from indexer.corpus import is_passed_over
from indexer.errors import StorageError, UnreadableFileError, UsageError
from indexer.formats import SUFFIXES
from indexer.sandbox import shared_pool
from indexer.storage import reported, sync, write_file

TRASH = ".trash"
TRASH_ID = re.compile(r"[0-9]{8}T[0-9]{6}-[0-9a-f]{8}")
MAX_NAME_CHARS = 200
# File systems count bytes: 255, less the room for "-99" and the name of the temporary file.
MAX_NAME_BYTES = 240
MAX_COPIES = 99

Status = Literal["added", "already_there", "refused"]


class ArticleNotFoundError(UsageError):
    """There is no such article."""

    code = "article_not_found"


@dataclass(frozen=True, slots=True)
class AddOutcome:
    """What became of one offered file; an added article is found only after a rebuild.

    `reason` is the short word of UnreadableFileError when the file was refused, and `detail` says it in a sentence.
    """

    name: str
    status: Status
    article_id: str | None = None
    reason: str = ""
    detail: str = ""

    @property
    def needs_rebuild(self) -> bool:
        """Whether the article waits for a rebuild before it can be found."""
        return self.status == "added"


@dataclass(frozen=True, slots=True)
class Removal:
    """An article taken out of the corpus; `trash_id` brings it back."""

    article_id: str
    trash_id: str


@dataclass(frozen=True, slots=True)
class Trashed:
    """An article in the trash, and when (UTC) it was put there."""

    trash_id: str
    article_id: str
    deleted: datetime


def clean_name(name: str) -> str:
    """Return a file name that is safe to write and to show; raises UnreadableFileError when none is left of it."""
    base = unicodedata.normalize("NFC", name.replace("\\", "/")).rsplit("/", 1)[-1]
    # Controls, bidirectional marks and other invisible characters, private and lone ones: all of category C.
    visible = "".join(" " if unicodedata.category(mark)[0] == "Z" else mark for mark in base if _is_shown(mark))
    stem, suffix = os.path.splitext(visible.strip().lstrip("."))
    suffix = suffix.lower()
    if suffix not in SUFFIXES:
        raise UnreadableFileError("unsupported", f"Only {', '.join(sorted(SUFFIXES))} files can be added.")
    stem = _shorten(" ".join(stem.split()).strip(". "), len(suffix))
    if not stem:
        raise UnreadableFileError("path", "The file has no usable name.")
    if is_passed_over(stem + suffix):
        raise UnreadableFileError("path", f"A file called {stem}{suffix} is never indexed; give it another name.")
    return stem + suffix


def _is_shown(mark: str) -> bool:
    return unicodedata.category(mark)[0] != "C"


def _shorten(stem: str, reserved: int) -> str:
    stem = stem[: MAX_NAME_CHARS - reserved]
    room = MAX_NAME_BYTES - reserved
    return stem.encode()[:room].decode(errors="ignore").rstrip(". ")


def add_file(corpus: Path, name: str, data: bytes, *, max_bytes: int) -> AddOutcome:
    """Put one file into the corpus, under its cleaned name or the next free one, if it reads as an article."""
    try:
        cleaned = clean_name(name)
        _check(cleaned, data, max_bytes)
    except UnreadableFileError as error:
        return AddOutcome(name=shown(name), status="refused", reason=error.reason, detail=error.detail)
    with reported(corpus):
        status, written = _write_new(corpus, cleaned, data)
    return AddOutcome(name=shown(name), status=status, article_id=written)


def _check(name: str, data: bytes, max_bytes: int) -> None:
    """Refuse what a rebuild would refuse."""
    if len(data) > max_bytes:
        raise UnreadableFileError("too_large", f"The file is larger than {max_bytes // 2**20} MiB.")
    shared_pool().read(name, data)


def shown(name: str) -> str:
    """Return a name as given, as far as it can be shown: without invisible characters, not too long."""
    return "".join(mark if _is_shown(mark) else "�" for mark in name[:MAX_NAME_CHARS])


def _write_new(corpus: Path, name: str, data: bytes) -> tuple[Status, str]:
    corpus.mkdir(parents=True, exist_ok=True)
    stem, suffix = os.path.splitext(name)
    temporary = corpus / f".{secrets.token_hex(8)}.tmp"
    try:
        for number in range(1, MAX_COPIES + 1):
            candidate = name if number == 1 else f"{stem}-{number}{suffix}"
            existing = _find(corpus, candidate)
            if existing is None:
                if not temporary.exists():
                    write_file(temporary, [data])
                if _claim(temporary, corpus / candidate):
                    return "added", candidate
            elif _holds(existing, data):
                return "already_there", candidate
    finally:
        temporary.unlink(missing_ok=True)
    raise StorageError(f"There are already {MAX_COPIES} files called {name}.", advice="Choose another name.")


def _claim(temporary: Path, target: Path) -> bool:
    """Give the file its name unless somebody else took it first: a rename would overwrite, a link does not."""
    try:
        os.link(temporary, target)
    except FileExistsError:
        return False
    sync(target.parent)
    return True


def _holds(path: Path, data: bytes) -> bool:
    return path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data


def id_within(corpus: Path, path: Path) -> str | None:
    """Return the article id of a file that lies in the corpus; None of any other, hidden ones included."""
    try:
        place, root = path.resolve(), corpus.resolve()
    except (OSError, RuntimeError):
        # A circle of links: RuntimeError before Python 3.13, OSError since.
        return None
    if not place.is_relative_to(root) or not place.is_file():
        return None
    article_id = unicodedata.normalize("NFC", place.relative_to(root).as_posix())
    return None if _find(root, article_id) is None else article_id


def remove_file(corpus: Path, article_id: str) -> Removal:
    """Move an article's file to the trash; raises ArticleNotFoundError when there is no such file."""
    path = _find(corpus, article_id)
    if path is None or path.is_symlink() or not path.is_file() or path.suffix.lower() not in SUFFIXES:
        raise ArticleNotFoundError(f"There is no article {shown(article_id)!r} in the corpus.")
    trash_id = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"
    # The whole path is kept, so that undoing is a move back.
    target = corpus / TRASH / trash_id / path.relative_to(corpus)
    with reported(path):
        target.parent.mkdir(parents=True)
        os.rename(path, target)
        sync(target.parent)
        sync(path.parent)
    return Removal(article_id=article_id, trash_id=trash_id)


def restore_file(corpus: Path, trash_id: str) -> str:
    """Move a file back from the trash and return its article id; it never overwrites what took its place."""
    folder = corpus / TRASH / trash_id
    if not TRASH_ID.fullmatch(trash_id) or not folder.is_dir():
        raise ArticleNotFoundError(f"There is nothing called {shown(trash_id)!r} in the trash.")
    path = next((found for found in sorted(folder.rglob("*")) if found.is_file()), None)
    if path is None:
        raise ArticleNotFoundError(f"{shown(trash_id)!r} was restored before.")
    target = corpus / path.relative_to(folder)
    article_id = unicodedata.normalize("NFC", target.relative_to(corpus).as_posix())
    with reported(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        if not _claim(path, target):
            raise UsageError(f"Another file is called {article_id} by now.", advice="Delete or rename it first.")
        path.unlink()
    return article_id


def list_trash(corpus: Path, most: int = 50) -> list[Trashed]:
    """Return what can be restored, the latest first."""
    trash = corpus / TRASH
    with reported(trash):
        names = sorted(filter(TRASH_ID.fullmatch, os.listdir(trash)), reverse=True) if trash.is_dir() else []
        return list(islice(filter(None, (_trashed(trash / name) for name in names)), most))


def _trashed(folder: Path) -> Trashed | None:
    """Read one folder of the trash; it is empty where something was restored."""
    path = next((found for found in sorted(folder.rglob("*")) if found.is_file()), None)
    if path is None:
        return None
    deleted = datetime.strptime(folder.name.partition("-")[0], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    return Trashed(folder.name, unicodedata.normalize("NFC", path.relative_to(folder).as_posix()), deleted)


def _find(corpus: Path, article_id: str) -> Path | None:
    """Find the file of an id, which is NFC, on a disk whose names may not be; hidden parts are never looked into."""
    path = corpus
    for part in article_id.split("/"):
        hidden = not part or part.startswith(".") or "\0" in part or "\\" in part
        found = None if hidden or (path != corpus and path.is_symlink()) else _child(path, part)
        if found is None:
            return None
        path = found
    return path


def _child(folder: Path, name: str) -> Path | None:
    if len(name.encode(errors="replace")) <= 255 and os.path.lexists(folder / name):
        return folder / name
    if not folder.is_dir():
        return None
    return next((child for child in folder.iterdir() if unicodedata.normalize("NFC", child.name) == name), None)
