"""A copy of a generation, as a zip or a folder: its manifest, and its files read against it.

Of a copy nothing is believed that its manifest does not vouch for, and no name in it is taken for a path unless the
manifest lists it.
"""

import hashlib
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from indexer.errors import IndexDamagedError, StorageError, UsageError
from indexer.manifest import MANIFEST_FILE, Manifest, decode_manifest
from indexer.opening import DAMAGE, REQUIRED
from indexer.storage import FileRecord, open_regular

PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
# Articles pack to a fifth or so; what unpacks to a hundred times its size is a trap.
MOST_UNPACKED = 100
MOST_MANIFEST_BYTES = 64 * 2**20
BLOCK_BYTES = 1024 * 1024

ANOTHER_COPY = "Take another copy; the index stays as it is."

# What zipfile makes of bytes that are no zip.
UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    ValueError,
    OverflowError,
    NotImplementedError,
    RuntimeError,
)


class Files(Protocol):
    """Where the files of a copy come from."""

    def open(self, name: str) -> IO[bytes]: ...


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy whose manifest was read, and believed for what it says of itself only."""

    path: Path
    files: Files
    manifest: Manifest
    manifest_data: bytes

    def parts(self, name: str, expected: FileRecord) -> Iterator[bytes]:
        """Yield the content of a file; raises IndexDamagedError as soon as it is not what was expected."""
        digest, size = hashlib.sha256(), 0
        with _reading(self.path, name), self.files.open(name) as file:
            while block := file.read(BLOCK_BYTES):
                size += len(block)
                if size > expected.size:
                    break
                digest.update(block)
                yield block
        if size != expected.size:
            raise damaged(self.path, f"{name}: not {expected.size} bytes")
        if digest.hexdigest() != expected.sha256:
            raise damaged(self.path, f"{name}: SHA-256 differs")


class _Folder:
    """The files of a folder, and of the folders in it; links are not followed."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def open(self, name: str) -> IO[bytes]:
        path = self.root / name
        for folder in (path.parents[depth] for depth in range(name.count("/"))):
            if folder.is_symlink():
                raise damaged(self.root, f"{name}: lies behind a link")
        return open_regular(path)


class _Zip:
    """The files of a zip; no name of it is ever taken for a path."""

    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        self.path = path
        self.archive = archive
        self.members: dict[str, zipfile.ZipInfo] = {}
        for member in archive.infolist():
            if not (member.is_dir() and member.file_size == 0):
                self._admit(member)

    def _admit(self, member: zipfile.ZipInfo) -> None:
        kind = stat.S_IFMT(member.external_attr >> 16)
        if member.filename in self.members:
            raise damaged(self.path, f"{member.filename!r} stands there twice")
        if kind not in (0, stat.S_IFREG) or member.flag_bits & 1 or member.compress_type not in PACKINGS:
            raise damaged(self.path, f"{member.filename!r} is a link, encrypted, or packed in another way")
        self.members[member.filename] = member

    def open(self, name: str) -> IO[bytes]:
        if name not in self.members:
            raise damaged(self.path, f"{name}: missing")
        return self.archive.open(self.members[name])

    def refuse_more_than(self, manifest: Manifest) -> None:
        """Refuse what is not in the manifest, and what unpacks to more than the zip can hold in good faith."""
        listed = {MANIFEST_FILE, *manifest.files}
        for name, member in self.members.items():
            if name not in listed:
                raise damaged(self.path, f"{name!r} is not in the manifest")
            if name != MANIFEST_FILE and member.file_size != manifest.files[name].size:
                raise damaged(self.path, f"{name}: not {manifest.files[name].size} bytes")
        if manifest.size > MOST_UNPACKED * self.path.stat().st_size:
            raise damaged(self.path, f"it would unpack to more than {MOST_UNPACKED} times its size")


@contextmanager
def opened(path: Path) -> Iterator[Copy]:
    """Open a copy and read its manifest."""
    if path.is_dir():
        yield folder_copy(path)
        return
    if not path.exists():
        raise UsageError(f"There is no {path}.", advice="Give what `footnote export` wrote.")
    with ExitStack() as opened:
        with _reading(path, path.name):
            file = opened.enter_context(open_regular(path))
            members = _Zip(path, opened.enter_context(zipfile.ZipFile(file)))
            copy = _copy(path, members)
            members.refuse_more_than(copy.manifest)
        yield copy


def folder_copy(path: Path) -> Copy:
    return _copy(path, _Folder(path))


def _copy(path: Path, files: Files) -> Copy:
    with _reading(path, MANIFEST_FILE), files.open(MANIFEST_FILE) as file:
        data = file.read(MOST_MANIFEST_BYTES + 1)
    if len(data) > MOST_MANIFEST_BYTES:
        raise damaged(path, f"{MANIFEST_FILE}: more than {MOST_MANIFEST_BYTES} bytes")
    try:
        manifest = decode_manifest(data)
    except IndexDamagedError as error:
        raise damaged(path, error.message) from error
    for name in REQUIRED:
        if name not in manifest.files:
            raise damaged(path, f"{name}: not in the manifest")
    return Copy(path, files, manifest, data)


@contextmanager
def _reading(path: Path, name: str) -> Iterator[None]:
    """Turn whatever reading can raise into the damage of the copy, or into the disk's refusal."""
    try:
        yield
    except FileNotFoundError as error:
        raise damaged(path, f"{name}: missing") from error
    except UNREADABLE as error:
        raise damaged(path, f"{name}: {error}") from error
    except OSError as error:
        if error.errno in DAMAGE:
            raise damaged(path, f"{name}: {error.strerror}") from error
        raise StorageError(f"Cannot read {path} ({name}): {error.strerror or error}.", advice=ANOTHER_COPY) from error


def damaged(path: Path, what: str) -> IndexDamagedError:
    return IndexDamagedError(f"{path} is no whole copy of an index: {what}.", advice=ANOTHER_COPY)
