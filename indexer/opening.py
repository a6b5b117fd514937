"""One generation from its folder: every file checked against the manifest, then read, then counted.

Every byte is checked whoever opens it. Whoever answers from it has all records decoded and compared as well; a rebuild,
which wrote them or had them checked when they came, decodes what it asks for (`whole=False`).
"""

import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexer.articles import Article, Passage, Selection
from indexer.corpus import ScannedFile
from indexer.dense import DenseIndex
from indexer.duplicates import BANDS, Bands
from indexer.errors import FootnoteError, IndexDamagedError, IndexIncompatibleError, StorageError
from indexer.lexical import Keys, LexicalIndex
from indexer.lines import BarePassages, LateArticles, LateFiles, PassageLines, count_lines
from indexer.manifest import (
    MANIFEST_FILE,
    Counts,
    Manifest,
    NewerFormatError,
    OlderFormatError,
    decode_manifest,
)
from indexer.records import (
    ARTICLES_FILE,
    DUPLICATES_FILE,
    PASSAGES_FILE,
    Duplicates,
    decode_articles,
    decode_duplicates,
    decode_passages,
)
from indexer.storage import FileRecord, Lock, advice_for, measure, read_file

PIN_FILE = ".pin"
VECTORS_FILE = "vectors.npy"
DENSE_FILE = "dense.faiss"
LEXICAL_FOLDER = "lexical"
# Both are absent in a generation of the first format: there a row is its own key.
KEYS_FILE = "keys.npy"
BANDS_FILE = "bands.npy"
REQUIRED = (ARTICLES_FILE, PASSAGES_FILE, VECTORS_FILE, DENSE_FILE, f"{LEXICAL_FOLDER}/meta.json")

# Smaller files are read before a second thread has begun.
PARALLEL_BYTES = 32 * 2**20
THREADS = 4

# These say that the file is not there or not whole; others, such as too many open files, say nothing about it.
DAMAGE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.EIO, errno.ENXIO, errno.EINVAL})


class PointerDamagedError(IndexDamagedError):
    """CURRENT itself is at fault, so the generation may be whole."""


class UnreadError(IndexDamagedError):
    """The disk could not read a file: nobody knows whether it is whole, so nobody sets it aside."""


@dataclass(frozen=True, slots=True, eq=False)
class Generation:
    """One complete, immutable index, opened and checked: everything needed to answer.

    `files` holds the articles with the stamps of their files; `passages`, `lines` (the same with the SHA-256 of the
    embedded text, as they lie on disk) and `vectors` are in row order. `bands`, in the order of `files`, are None in a
    generation of the first format. `duplicates` maps the earliest article of a story to its near-duplicates, by
    date; `duplicates_method` is None in a generation written before they were looked for. `degraded` says why this is
    not the generation that CURRENT names.
    """

    id: str
    path: Path
    manifest: Manifest
    files: Mapping[str, ScannedFile]
    articles: Mapping[str, Article]
    passages: Sequence[Passage]
    lines: PassageLines
    vectors: NDArray[np.float16]
    dense: DenseIndex
    lexical: LexicalIndex
    pin: Lock | None
    degraded: str | None = None
    duplicates: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    duplicates_method: str | None = None
    bands: Bands | None = None

    def article_of(self, passage: Passage) -> Article:
        """Return the article that a passage is a slice of."""
        return self.articles[passage.article_id]

    def allow(self, selection: Selection) -> NDArray[np.bool_]:
        """Return which rows are of articles that a selection accepts, shape (n,): what both legs take as `allowed`."""
        accepted = {article.id: selection.accept(article) for article in self.articles.values()}
        return np.array([accepted[passage.article_id] for passage in self.passages], dtype=np.bool_)

    def rows_of(self, article_id: str) -> list[int]:
        """Return the rows of the passages of an article."""
        return [row for row, passage in enumerate(self.passages) if passage.article_id == article_id]

    def gather(self, rows: Iterable[int]) -> None:
        """Bring the passages of some rows, and their articles, to hand at once; here they are."""

    def close(self) -> None:
        """Let a clean-up take the folder; forgetting the generation does the same."""
        if self.pin:
            self.pin.close()


def read_generation(folder: Path, name: str, *, manifest_sha256: str | None = None, whole: bool = True) -> Generation:
    """Open the generation `name` that lies in `folder`, checking every byte; unless `whole`, records are decoded late.

    Raises IndexDamagedError naming the file, PointerDamagedError when only `manifest_sha256` is wrong, and
    IndexIncompatibleError when the files are whole but of no use to this Footnote.
    """
    pin = _pin(folder)
    try:
        manifest = read_manifest(folder, name, manifest_sha256=manifest_sha256)
        _check_files(folder, manifest)
        generation = _load(folder, manifest, pin, whole=whole)
        _check_counts(generation)
    except BaseException:
        if pin:
            pin.close()
        raise
    return generation


def read_manifest(folder: Path, name: str, *, manifest_sha256: str | None = None) -> Manifest:
    """Read the manifest of the generation `name`; errors as in `read_generation`."""
    with _damage(MANIFEST_FILE):
        data = read_file(folder / MANIFEST_FILE)
    differs = manifest_sha256 not in (None, hashlib.sha256(data).hexdigest())
    try:
        manifest = decode_manifest(data)
    except (NewerFormatError, OlderFormatError) as error:
        if differs:
            raise IndexDamagedError(f"{MANIFEST_FILE}: SHA-256 differs") from error
        raise
    if manifest.generation != name:
        raise IndexDamagedError(f"{MANIFEST_FILE}: belongs to {manifest.generation}")
    if differs:
        raise PointerDamagedError(f"CURRENT is damaged: SHA-256 differs from that of {name}/{MANIFEST_FILE}")
    return manifest


def _pin(folder: Path) -> Lock | None:
    path = folder / PIN_FILE
    # A copy may have come without it; where nothing can be written, nothing is cleaned up either.
    with suppress(OSError):
        if not path.exists():
            path.touch()
        return Lock.shared(path)
    return None


@contextmanager
def _damage(name: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise IndexDamagedError(f"{name}: missing") from error
    except OSError as error:
        if error.errno == errno.EIO:
            raise UnreadError(f"{name}: {error.strerror}") from error
        if error.errno in DAMAGE:
            raise IndexDamagedError(f"{name}: {error.strerror}") from error
        said = f"Cannot read {error.filename or name}: {error.strerror or error}."
        raise StorageError(said, advice=advice_for(error)) from error


def _check_files(folder: Path, manifest: Manifest) -> None:
    for name in REQUIRED:
        if name not in manifest.files:
            raise IndexDamagedError(f"{name}: not in the manifest")
    names = sorted(manifest.files)
    for name, found in zip(names, _measured(folder, names, manifest.size), strict=True):
        expected = manifest.files[name]
        if found.size != expected.size:
            raise IndexDamagedError(f"{name}: {found.size} bytes instead of {expected.size}")
        if found != expected:
            raise IndexDamagedError(f"{name}: SHA-256 differs")


def _measured(folder: Path, names: Iterable[str], size: int) -> Iterator[FileRecord]:
    """Yield the size and SHA-256 of each file, large ones side by side: hashing leaves Python's lock to others."""
    threads = min(THREADS, os.cpu_count() or 1)
    if size < PARALLEL_BYTES or threads == 1:
        yield from map(partial(_measure, folder), names)
        return
    with ThreadPoolExecutor(threads) as pool:
        yield from pool.map(partial(_measure, folder), names)


def _measure(folder: Path, name: str) -> FileRecord:
    with _damage(name):
        return measure(folder / name)


def _load(folder: Path, manifest: Manifest, pin: Lock | None, *, whole: bool) -> Generation:
    lines = PassageLines.of(_bytes_of(folder, PASSAGES_FILE))
    files: Mapping[str, ScannedFile]
    articles: Mapping[str, Article]
    passages: Sequence[Passage]
    if whole:
        files = decode_articles(_read(folder, ARTICLES_FILE))
        articles = {article_id: file.article for article_id, file in files.items()}
        indexed = decode_passages(_read(folder, PASSAGES_FILE), files)
        passages = tuple(one.passage for one in indexed)
    else:
        files = LateFiles(
            count_lines(_bytes_of(folder, ARTICLES_FILE)), lambda: decode_articles(_read(folder, ARTICLES_FILE))
        )
        articles, passages = LateArticles(files), BarePassages(lines)
    duplicates = _read_duplicates(folder, manifest, files if whole else None)
    serialised = _read(folder, DENSE_FILE)
    with _damage(VECTORS_FILE), _libraries(manifest):
        vectors = np.load(folder / VECTORS_FILE, mmap_mode="r", allow_pickle=False)
    keys = _load_array(folder, manifest, KEYS_FILE)
    with _damage(LEXICAL_FOLDER), _libraries(manifest):
        dense = DenseIndex.from_bytes(serialised, np.asarray(vectors))
        lexical = _open_lexical(folder / LEXICAL_FOLDER, keys)
    return Generation(
        id=manifest.generation,
        path=folder,
        manifest=manifest,
        files=files,
        articles=articles,
        passages=passages,
        lines=lines,
        vectors=np.asarray(vectors),
        dense=dense,
        lexical=lexical,
        pin=pin,
        duplicates=duplicates.groups if duplicates else {},
        duplicates_method=duplicates.method if duplicates else None,
        bands=_load_array(folder, manifest, BANDS_FILE),
    )


@contextmanager
def _libraries(manifest: Manifest) -> Iterator[None]:
    """Blame the libraries for what they cannot read: the checksums are right, so they have changed, not the files."""
    try:
        yield
    except (FootnoteError, ValueError, EOFError) as error:
        raise IndexIncompatibleError(
            f"{manifest.generation} is whole, but the installed libraries cannot read it: {error}",
            advice="Run `footnote index` to build it again.",
        ) from error


def _read_duplicates(folder: Path, manifest: Manifest, files: Mapping[str, ScannedFile] | None) -> Duplicates | None:
    # Generations written before near-duplicates were looked for are whole without them.
    if DUPLICATES_FILE not in manifest.files:
        return None
    return decode_duplicates(_read(folder, DUPLICATES_FILE), files)


def _load_array(folder: Path, manifest: Manifest, name: str) -> NDArray[Any] | None:
    """Read an array that a generation of the first format does not have."""
    if name not in manifest.files:
        return None
    with _damage(name), _libraries(manifest):
        # Mapped first: a header that promises more than there is must not be believed.
        return np.array(np.load(folder / name, mmap_mode="r", allow_pickle=False))


def _bytes_of(folder: Path, name: str) -> NDArray[np.uint8]:
    """Map a file into memory."""
    with _damage(name):
        if not (folder / name).stat().st_size:
            return np.empty(0, dtype=np.uint8)
        return np.asarray(np.memmap(folder / name, dtype=np.uint8, mode="r"))


def _read(folder: Path, name: str) -> bytes:
    """Read a file that was just checked: the disk may refuse the second time, or the folder be gone."""
    with _damage(name):
        return read_file(folder / name)


def _open_lexical(folder: Path, keys: Keys | None) -> LexicalIndex:
    if os.access(folder, os.W_OK, effective_ids=True):
        return LexicalIndex.open(folder, keys)
    # tantivy makes a lock file beside what it reads; a folder of links takes it where the index is read-only.
    with tempfile.TemporaryDirectory(prefix="footnote-", ignore_cleanup_errors=True) as links:
        for file in folder.iterdir():
            if file.suffix != ".lock":
                (Path(links) / file.name).symlink_to(file.resolve())
        index = LexicalIndex.open(Path(links), keys)
    # Its threads may take the lock once more while the folder is emptied.
    shutil.rmtree(links, ignore_errors=True)
    return index


def _check_counts(generation: Generation) -> None:
    rows = len(generation.passages)
    found = Counts(
        articles=len(generation.articles),
        passages=rows,
        vectors=len(generation.vectors),
        lexical=len(generation.lexical),
    )
    if found != generation.manifest.counts or {found.vectors, found.lexical, len(generation.dense)} != {rows}:
        raise IndexDamagedError(
            f"the counts disagree: {found}, {len(generation.dense)} dense; in the manifest {generation.manifest.counts}"
        )
    bands = generation.bands
    if bands is not None and (bands.dtype, bands.shape) != (np.dtype(np.uint64), (found.articles, BANDS[0])):
        raise IndexDamagedError(f"{BANDS_FILE}: not {found.articles} times {BANDS[0]} bands")
    dim = generation.manifest.embedder.dim
    if generation.vectors.dtype != np.float16 or generation.vectors.shape != (rows, dim) or generation.dense.dim != dim:
        raise IndexDamagedError(f"{VECTORS_FILE}: not {rows} half-precision vectors of length {dim}")
