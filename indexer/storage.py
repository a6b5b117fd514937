"""Bytes to disk and back so that a crash leaves the old or the new, and damage is noticed.

Nothing here knows what an index is: durable writes, checked reads, and locks that die with their holder.
"""

import errno
import fcntl
import hashlib
import os
import secrets
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from types import TracebackType
from typing import Self

from indexer.errors import StorageError

NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
BLOCK_BYTES = 1024 * 1024
# What a file system says that cannot copy by itself.
UNABLE = frozenset({errno.ENOSYS, errno.EXDEV, errno.EINVAL, errno.EOPNOTSUPP, errno.EBADF, errno.EPERM})


@dataclass(frozen=True, slots=True)
class FileRecord:
    """What a file must be: its length in bytes and its SHA-256."""

    size: int
    sha256: str


@contextmanager
def reported(path: Path) -> Iterator[None]:
    """Turn the system's errors into a StorageError that names the path and the cause."""
    try:
        yield
    except OSError as error:
        where = error.filename if isinstance(error.filename, str) else path
        raise StorageError(
            f"Cannot write {where}: {error.strerror or error}.",
            advice=advice_for(error),
        ) from error


def advice_for(error: OSError) -> str:
    """Say what to do about an error of the system, with the command that does it."""
    if error.errno in (errno.EACCES, errno.EPERM):
        folder = Path(error.filename).parent if isinstance(error.filename, str) else "the folder"
        return f"Run `chmod -R u+rwX {folder}` as its owner, or run Footnote as the owner."
    return "Free some space or check the disk, then run it again; what was committed before stays in use."


def write_file(path: Path, parts: Iterable[bytes]) -> FileRecord:
    """Write a new file and bring it to the disk; the record is of what was meant to be written."""
    digest, size = hashlib.sha256(), 0
    with reported(path):
        descriptor = os.open(path, NEW_FILE, 0o666)
        try:
            for block in _blocks(parts):
                _write_all(descriptor, block)
                digest.update(block)
                size += len(block)
            # Asked once: a second fsync may succeed though the first lost what was to be written.
            os.fsync(descriptor)
        except BaseException:
            with suppress(OSError):
                os.close(descriptor)
            raise
        # A full disk may be told only now.
        os.close(descriptor)
    return FileRecord(size, digest.hexdigest())


def copy_file(source: Path, target: Path) -> None:
    """Copy a regular file and bring the copy to the disk; the file system shares the blocks where it can.

    The two are files of their own: what is written to one later never shows in the other.
    """
    with reported(target), open_regular(source) as original:
        descriptor = os.open(target, NEW_FILE, 0o666)
        try:
            if not _copied_by_the_kernel(original.fileno(), descriptor):
                os.ftruncate(descriptor, 0)
                os.lseek(descriptor, 0, os.SEEK_SET)
                original.seek(0)
                while block := original.read(BLOCK_BYTES):
                    _write_all(descriptor, block)
            os.fsync(descriptor)
        except BaseException:
            with suppress(OSError):
                os.close(descriptor)
            raise
        os.close(descriptor)


def _copied_by_the_kernel(source: int, target: int) -> bool:
    """Copy without the bytes passing through here; False where the system or the file system cannot."""
    copy = getattr(os, "copy_file_range", None)
    if copy is None:
        return False
    left = os.fstat(source).st_size
    while left:
        try:
            copied = copy(source, target, left)
        except OSError as error:
            if error.errno in UNABLE:
                return False
            raise
        if not copied:
            return False
        left -= copied
    return True


def _blocks(parts: Iterable[bytes]) -> Iterator[bytes]:
    """Gather small parts, so that the system is called once for many lines."""
    held, size = [], 0
    for part in parts:
        held.append(part)
        size += len(part)
        if size >= BLOCK_BYTES:
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)


def replace_file(path: Path, data: bytes) -> None:
    """Give a file new content in one step: after a crash it holds the old content or the new."""
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        write_file(temporary, [data])
        with reported(path):
            os.replace(temporary, path)
            sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def append_line(path: Path, line: bytes, *, max_bytes: int) -> bool:
    """Add a line to a file that only its owner may read, and bring it to the disk; False when it would be too long.

    What a crash cut off stays a line of its own; what the disk refuses leaves the file as it was.
    """
    with reported(path):
        is_new = not path.exists()
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(path, flags, 0o600)
        try:
            _require_regular(descriptor, path)
            # Held for one line only, so waiting is short; closing lets it go.
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            size = os.fstat(descriptor).st_size
            is_cut = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
            data = b"\n" * is_cut + line + b"\n"
            if size + len(data) > max_bytes:
                return False
            try:
                _write_all(descriptor, data)
                os.fsync(descriptor)
            except BaseException:
                os.ftruncate(descriptor, size)
                raise
        finally:
            os.close(descriptor)
        if is_new:
            sync(path.parent)
    return True


def _write_all(descriptor: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]


def sync(path: Path) -> None:
    """Bring a file's content, or a folder's list of names, to the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_private_folder(path: Path) -> None:
    """Make a folder that only its owner may enter, and those above it, and bring their names to the disk."""
    if path.is_dir():
        return
    if not path.parent.is_dir():
        make_private_folder(path.parent)
    path.mkdir(mode=0o700, exist_ok=True)
    sync(path.parent)


def read_file(path: Path) -> bytes:
    """Read a regular file whole; links, folders and pipes are OSErrors."""
    with open_regular(path) as file:
        return file.read()


def measure(path: Path) -> FileRecord:
    """Return the size and SHA-256 of a regular file."""
    with open_regular(path) as file:
        digest = hashlib.file_digest(file, "sha256")
        return FileRecord(file.tell(), digest.hexdigest())


def open_regular(path: Path) -> BufferedReader:
    """Open a regular file to read; links, folders and pipes are OSErrors."""
    # A link could lead outside the index; opening a pipe would wait for ever.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        _require_regular(descriptor, path)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def _require_regular(descriptor: int, path: Path) -> None:
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        raise OSError(errno.EINVAL, "not a regular file", str(path))


class Lock:
    """An advisory lock on a file; the kernel lets it go when the holder closes it or dies, however it dies."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def shared(cls, path: Path) -> Self | None:
        """Take a lock that many may hold, on an existing file; None while somebody holds it exclusively."""
        return cls._take(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), fcntl.LOCK_SH)

    @classmethod
    def exclusive(cls, path: Path) -> Self | None:
        """Take the lock alone, making the file if need be; None while anybody holds it."""
        # What a link leads to would be written over.
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        return cls._take(os.open(path, flags, 0o644), fcntl.LOCK_EX)

    @classmethod
    def _take(cls, descriptor: int, kind: int) -> Self | None:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        except OSError:
            os.close(descriptor)
            raise
        return cls(descriptor)

    def write(self, text: str) -> None:
        """Say in the locked file who holds it."""
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, text.encode(), 0)

    def close(self) -> None:
        """Let the lock go; a second call does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()
