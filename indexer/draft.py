"""What a new generation holds, and its folder while it is written: what is kept comes from the one before, as it was.

Files of the parent are copied, never linked: it is the one to fall back to, and must not be damaged with its child.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from indexer import __version__
from indexer.corpus import Problem, ScannedFile
from indexer.dense import DenseIndex
from indexer.duplicates import BANDS, METHOD, Bands, bands, fold_again
from indexer.errors import FootnoteError, IndexDamagedError, StorageError
from indexer.lexical import Keys, LexicalIndex, is_rewritten, is_worth_growing
from indexer.lines import JoinedPassages
from indexer.manifest import FORMAT_VERSION, MANIFEST_FILE, Counts, Manifest, Shape, encode_manifest, same_embedder
from indexer.opening import BANDS_FILE, DENSE_FILE, KEYS_FILE, LEXICAL_FOLDER, VECTORS_FILE, Generation
from indexer.records import (
    ARTICLES_FILE,
    DUPLICATES_FILE,
    PASSAGES_FILE,
    Duplicates,
    encode_articles,
    encode_duplicates,
    fingerprint,
)
from indexer.reuse import Rows
from indexer.storage import FileRecord, copy_file, measure, reported, sync, write_file

NPY_BYTES = 1 << 26
MOST_KEYS = 2**32

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True, eq=False)
class Contents:
    """What goes into a generation; passages, vectors and `tokens_of(row)` are in row order.

    `own` holds for each row the row of the base it was, or −1; `touched` the articles that the base does not hold,
    or not as they are.
    """

    files: Sequence[ScannedFile]
    passages: JoinedPassages
    vectors: NDArray[np.float16]
    tokens_of: Callable[[int], Sequence[str]]
    own: Rows
    touched: Collection[str]
    shape: Shape
    problems: tuple[Problem, ...] = ()

    @property
    def counts(self) -> Counts:
        """How many of each there are."""
        rows = len(self.passages)
        return Counts(articles=len(self.files), passages=rows, vectors=len(self.vectors), lexical=rows)


class Draft:
    """A generation of new contents: a folder of its own, removed unless it is published."""

    is_foreign = False

    def __init__(self, folder: Path, contents: Contents, base: Generation | None) -> None:
        self.folder = folder
        self.contents = contents
        self.base = base
        # What search needs is taken over only where little is gone from it: of what is gone something stays behind.
        self.parent = base if base and _hardly_differs(base, contents) else None
        self.records: dict[str, FileRecord] = {}
        self.dense = ""

    def write(self, *, progress: Progress | None = None) -> None:
        """Write everything but the manifest, and bring it to the disk; `progress` is told the rows indexed."""
        self._write(ARTICLES_FILE, encode_articles(self.contents.files))
        self._write(PASSAGES_FILE, self.contents.passages.encoded())
        self._write_duplicates()
        self._write(VECTORS_FILE, _npy(self.contents.vectors, "<f2"))
        dense = self._dense()
        self.dense = dense.kind
        # FAISS's own writer hides a full disk.
        self._write(DENSE_FILE, [dense.to_bytes()])
        self._write_lexical(progress or (lambda _: None))

    def tokens_of(self, row: int) -> Sequence[str]:
        """Return the tokens of the passage of a row."""
        return self.contents.tokens_of(row)

    def compare(self, generation: Generation) -> None:
        """Raise IndexDamagedError where a new passage is not the one that was read back; the others are copies."""
        for row in np.flatnonzero(self.contents.own < 0).tolist():
            if generation.lines.line(row) != self.contents.passages.line(row):
                raise IndexDamagedError(f"{PASSAGES_FILE}: row {row} differs")

    def seal(self, name: str, parent: str | None) -> None:
        """Write the manifest and bring the list of files to the disk."""
        manifest = Manifest(
            format_version=FORMAT_VERSION,
            generation=name,
            parent=parent,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            app_version=__version__,
            embedder=self.contents.shape.embedder,
            chunker=self.contents.shape.chunker,
            analyser=self.contents.shape.analyser,
            formats=self.contents.shape.formats,
            dense=self.dense,
            counts=self.contents.counts,
            files=self.records,
            problems=self.contents.problems,
            corpus_fingerprint=fingerprint(self.contents.files),
        )
        write_file(self.folder / MANIFEST_FILE, [encode_manifest(manifest)])
        with reported(self.folder):
            sync(self.folder)

    def fault(self, error: FootnoteError) -> FootnoteError:
        """Blame the disk: what was written was right."""
        return StorageError(
            f"The new index is not what was written: {error.message}",
            advice="Check the disk, then run it again; the old index stays in use.",
        )

    def _write(self, name: str, parts: Iterator[bytes] | list[bytes]) -> None:
        self.records[name] = write_file(self.folder / name, parts)

    # ---------------------------------------------------------------- near-duplicates

    def _write_duplicates(self) -> None:
        articles = {file.article.id: file.article for file in self.contents.files}
        base = self.base if self.base and self.base.duplicates_method == METHOD else None
        known: dict[str, Bands] = {}
        before = {}
        if base and base.bands is not None:
            known, before = dict(zip(base.files, base.bands, strict=True)), dict(base.duplicates)
        touched = {*self.contents.touched} if known else {*articles}
        banded = np.array(
            [bands(article) if one in touched else known[one] for one, article in articles.items()], dtype=np.uint64
        )
        past = [own for one, own in known.items() if one in touched or one not in articles]
        groups = fold_again(
            articles, banded, before, touched=touched, past=np.array(past, np.uint64).reshape(-1, BANDS[0])
        )
        self._write(DUPLICATES_FILE, [encode_duplicates(Duplicates(METHOD, groups))])
        self._write(BANDS_FILE, _npy(banded, "<u8"))

    # ---------------------------------------------------------------- what is searched

    def _dense(self) -> DenseIndex:
        vectors, made_by = self.contents.vectors, self.contents.shape.embedder
        if self.parent and same_embedder(self.parent.manifest.embedder, made_by):
            return self.parent.dense.followed(vectors, self.contents.own)
        return DenseIndex.build(vectors)

    def _write_lexical(self, progress: Progress) -> None:
        folder = self.folder / LEXICAL_FOLDER
        with reported(folder):
            folder.mkdir()
            try:
                if self.parent:
                    index = self._grown(self.parent, folder, progress)
                else:
                    index = LexicalIndex.build(folder, self._documents(progress))
            except (ValueError, IndexDamagedError) as error:
                # tantivy reports a full disk this way.
                advice = "Free some space or check the disk, then run it again; what was committed before stays in use."
                raise StorageError(f"Cannot write {folder}: {error}.", advice=advice) from error
            for file in sorted(folder.iterdir()):
                if file.suffix == ".lock":
                    file.unlink()
                    continue
                name = f"{LEXICAL_FOLDER}/{file.name}"
                if name not in self.records:
                    sync(file)
                    self.records[name] = measure(file)
            sync(folder)
        self.records = {name: one for name, one in self.records.items() if (self.folder / name).exists()}
        self._write(KEYS_FILE, _npy(index.keys, "<u4"))

    def _grown(self, parent: Generation, folder: Path, progress: Progress) -> LexicalIndex:
        """Take over the parent's index and change what has changed."""
        own, known = self.contents.own, parent.lexical.keys
        new = np.flatnonzero(own < 0)
        keys = known[own]
        keys[new] = _after(known) + np.arange(len(new))
        self._copy_lexical(parent, folder)
        is_gone = np.ones(len(known), dtype=np.bool_)
        is_gone[own[own >= 0]] = False
        documents = self._new_documents(new, progress)
        return LexicalIndex.grow(folder, keys, gone=known[is_gone].tolist(), documents=documents)

    def _copy_lexical(self, parent: Generation, folder: Path) -> None:
        for name, record in parent.manifest.files.items():
            above, _, file = name.rpartition("/")
            if above == LEXICAL_FOLDER:
                copy_file(parent.path / name, folder / file)
                if not is_rewritten(file):
                    # So that reading it back tells a bad copy.
                    self.records[name] = record

    def _documents(self, progress: Progress) -> Iterator[Sequence[str]]:
        for row in range(len(self.contents.passages)):
            yield self.tokens_of(row)
            progress(row + 1)

    def _new_documents(self, rows: Rows, progress: Progress) -> Iterator[tuple[int, Sequence[str]]]:
        total = len(self.contents.passages)
        for done, row in enumerate(rows.tolist(), start=total - len(rows)):
            progress(done)
            yield row, self.tokens_of(row)
        progress(total)


def _hardly_differs(base: Generation, contents: Contents) -> bool:
    gone = len(base.lines) - int(np.count_nonzero(contents.own >= 0))
    new = int(np.count_nonzero(contents.own < 0))
    return (
        base.manifest.analyser == contents.shape.analyser
        and new <= len(base.lines)
        and _after(base.lexical.keys) + new <= MOST_KEYS
        and is_worth_growing(base.path / LEXICAL_FOLDER, gone)
    )


def _after(keys: Keys) -> int:
    return int(keys.max(initial=0)) + 1


def _npy(array: NDArray[np.generic], kind: str) -> Iterator[bytes]:
    rows = np.ascontiguousarray(array, dtype=kind)
    header = BytesIO()
    np.lib.format.write_array_header_1_0(header, np.lib.format.header_data_from_array_1_0(rows))
    yield header.getvalue()
    yield from (block.tobytes() for block in np.array_split(rows, rows.nbytes // NPY_BYTES + 1))
