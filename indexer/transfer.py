"""A generation to a zip or a folder that can be kept elsewhere, and back into an index.

A copy holds the files of the generation beside its manifest. It comes back by the way that a new generation takes.
"""

import hashlib
import os
import secrets
import shutil
import stat
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from indexer.commit import writing
from indexer.copies import Copy, damaged, folder_copy, opened
from indexer.embedding import EmbedderInfo
from indexer.errors import (
    FootnoteError,
    IndexDamagedError,
    IndexIncompatibleError,
    UsageError,
)
from indexer.generation import NAME, Generation, Store
from indexer.manifest import MANIFEST_FILE, Manifest, encode_manifest
from indexer.storage import reported, sync, write_file

ZIP_SUFFIX = ".zip"
# The same generation gives the same zip, to the bit: no times, no owners, nothing packed.
ZIP_TIME = (1980, 1, 1, 0, 0, 0)
ZIP_MODE = stat.S_IFREG | 0o600

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class TransferReport:
    """What was exported, checked or imported.

    `copy_of` is the generation that the copy holds; `generation` what it is called in the index, None when it was
    only checked. Without `committed` nothing was changed in the index. `bytes` are those of its files.
    """

    copy_of: str
    generation: str | None
    committed: bool
    created: str
    articles: int
    files: int
    bytes: int
    manifest_sha256: str
    warnings: tuple[str, ...] = ()


def export_generation(store: Store, target: Path, *, progress: Progress | None = None) -> TransferReport:
    """Write the generation that readers get to `target`: a zip if it is called so, else a folder.

    A rebuild may run meanwhile. The copy is read back before it gets its name; what is there is never overwritten.
    """
    _refuse_existing(target)
    generation = store.open()
    beside = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        source = folder_copy(generation.path)
        if target.suffix.lower() == ZIP_SUFFIX:
            write_file(beside, _zipped(source, progress))
        else:
            with reported(beside):
                beside.mkdir(mode=0o700)
            _write_files(source, beside, progress)
            _write_manifest(beside, source.manifest_data)
        verify_copy(beside)
        _refuse_existing(target)
        _put_in_place(beside, target)
        warnings = (f"{generation.degraded}.",) if generation.degraded else ()
        return _report(source, generation.id, committed=False, warnings=warnings)
    finally:
        _remove(beside)
        generation.close()


def verify_copy(path: Path, *, expect: EmbedderInfo | None = None, progress: Progress | None = None) -> TransferReport:
    """Check every byte of a copy against its manifest, and change nothing; errors as in `import_copy`."""
    with opened(path) as copy:
        _refuse_other_model(copy, expect)
        for _ in _all_parts(copy, progress):
            pass
        return _report(copy, None, committed=False)


def import_copy(
    store: Store, path: Path, *, keep: int, expect: EmbedderInfo | None = None, progress: Progress | None = None
) -> TransferReport:
    """Make a copy the current generation of an index; the one before stays its parent.

    In an index that never had a generation it keeps its name. Raises IndexDamagedError naming the file that is not
    what the manifest says, IndexIncompatibleError for another model or a newer format, and what a build raises.
    """
    with opened(path) as copy:
        _refuse_other_model(copy, expect)
        with writing(store, keep=keep) as writer:
            if writer.base and _is_copy_of(copy.manifest, writer.base):
                return _report(copy, writer.base.id, committed=False, warnings=writer.notes)
            writer.need_space(copy.manifest.size)
            with writer.room() as folder:
                _write_files(copy, folder, progress)
                name = writer.publish(_Received(folder, copy), first=_name_of(copy.manifest))
            writer.clean_up()
    return _report(copy, name, committed=True, warnings=writer.notes)


def _refuse_other_model(copy: Copy, expect: EmbedderInfo | None) -> None:
    made_by = copy.manifest.embedder
    if expect and (expect.sha256, expect.dim) != (made_by.sha256, made_by.dim):
        raise IndexIncompatibleError(
            f"{copy.path} was made by the embedder {made_by.id} ({made_by.dim} dimensions); "
            f"in use is {expect.id} ({expect.dim} dimensions, SHA-256 {expect.sha256[:12]}…).",
            advice="Set `embedder` to the model it was made by, or build the index from the articles.",
        )


def _is_copy_of(manifest: Manifest, generation: Generation) -> bool:
    there = generation.manifest
    return generation.degraded is None and (there.files, there.shape) == (manifest.files, manifest.shape)


def _name_of(manifest: Manifest) -> str | None:
    name = manifest.generation
    return name if NAME.fullmatch(name) else None


def _report(copy: Copy, generation: str | None, *, committed: bool, warnings: Sequence[str] = ()) -> TransferReport:
    return TransferReport(
        copy_of=copy.manifest.generation,
        generation=generation,
        committed=committed,
        created=copy.manifest.created,
        articles=copy.manifest.counts.articles,
        files=len(copy.manifest.files),
        bytes=copy.manifest.size,
        manifest_sha256=hashlib.sha256(copy.manifest_data).hexdigest(),
        warnings=tuple(warnings),
    )


# ---------------------------------------------------------------- writing


class _Received:
    """A generation that came from elsewhere, as `Writer.publish` wants it."""

    is_foreign = True

    def __init__(self, folder: Path, copy: Copy) -> None:
        self.folder = folder
        self.copy = copy

    def tokens_of(self, row: int) -> Sequence[str]:
        """Whoever wrote the copy has asked it these questions."""
        return ()

    def compare(self, generation: Generation) -> None:
        """Nobody here knows what it should be."""

    def seal(self, name: str, parent: str | None) -> None:
        """Write the manifest: as it came, or under another name."""
        manifest = self.copy.manifest
        if manifest.generation == name:
            _write_manifest(self.folder, self.copy.manifest_data)
        else:
            _write_manifest(self.folder, encode_manifest(replace(manifest, generation=name, parent=parent)))

    def fault(self, error: FootnoteError) -> FootnoteError:
        """Blame the copy: each byte was what its manifest says."""
        if isinstance(error, IndexDamagedError):
            return damaged(self.copy.path, error.message)
        return error


def _all_parts(copy: Copy, progress: Progress | None) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Yield each file of a copy with its content, and read what the caller did not; progress is told in bytes."""
    done, total = 0, copy.manifest.size

    def counted(parts: Iterator[bytes]) -> Iterator[bytes]:
        nonlocal done
        for part in parts:
            yield part
            done += len(part)
            if progress:
                progress(done, total)

    for name, expected in sorted(copy.manifest.files.items()):
        parts = counted(copy.parts(name, expected))
        yield name, parts
        for _ in parts:
            pass


def _write_files(copy: Copy, folder: Path, progress: Progress | None) -> None:
    """Write every file but the manifest, and bring all to the disk."""
    made = set[Path]()
    for name, parts in _all_parts(copy, progress):
        path = folder / name
        with reported(path):
            for missing in [above for above in reversed(path.parents) if folder in above.parents]:
                if missing not in made:
                    missing.mkdir(mode=0o700)
                    made.add(missing)
        write_file(path, parts)
    with reported(folder):
        for below in made:
            sync(below)


def _write_manifest(folder: Path, data: bytes) -> None:
    write_file(folder / MANIFEST_FILE, [data])
    with reported(folder):
        sync(folder)


class _Pipe:
    """What zipfile writes to, and where its output is fetched from."""

    def __init__(self) -> None:
        self._held: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._held.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing waits here."""

    def close(self) -> None:
        """Nothing is open here."""

    def take(self) -> list[bytes]:
        held, self._held = self._held, []
        return held


def _zipped(copy: Copy, progress: Progress | None) -> Iterator[bytes]:
    """Yield the bytes of a zip of a copy."""
    pipe = _Pipe()
    manifest = (MANIFEST_FILE, iter([copy.manifest_data]))
    sizes = {MANIFEST_FILE: len(copy.manifest_data)} | {name: one.size for name, one in copy.manifest.files.items()}
    with zipfile.ZipFile(pipe, "w") as archive:
        for name, parts in chain([manifest], _all_parts(copy, progress)):
            member = zipfile.ZipInfo(name, ZIP_TIME)
            member.create_system, member.external_attr, member.file_size = 3, ZIP_MODE << 16, sizes[name]
            with archive.open(member, "w") as file:
                for part in parts:
                    file.write(part)
                    yield from pipe.take()
    yield from pipe.take()


def _refuse_existing(target: Path) -> None:
    if os.path.lexists(target):
        raise UsageError(f"{target} is there already, and is not overwritten.", advice="Give another name.")


def _put_in_place(beside: Path, target: Path) -> None:
    with reported(target):
        os.rename(beside, target)
        try:
            sync(target.parent)
        except OSError:
            # A copy that a power cut may take away again is none.
            _remove(target)
            raise


def _remove(path: Path) -> None:
    """Remove what was half-written, if it is still there."""
    with suppress(OSError):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
