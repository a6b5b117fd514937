"""A shared store as three Lance datasets in one folder or bucket.

passages    one row each: tokens with a full-text index, half-precision vector, what filters ask for
articles    one row each: the record, and the stamp of its file
generations one row for each generation that is kept: which versions of the two belong together

Lance writes new files beside the old ones and makes a version of them in one step; a reader stays at the versions it
opened. The row in `generations` is what commits: without it nobody looks at newer versions of the others.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import lance
import pyarrow as pa

from indexer import __version__
from indexer.cluster.contract import Change, Parcel, StoredPassage
from indexer.cluster.lance_reading import LanceGeneration
from indexer.cluster.lance_writing import Steps, fragments, opened, overtaken, reported, written
from indexer.cluster.tables import (
    ARTICLES,
    HEADS,
    article_table,
    duplicates_of,
    passage_schema,
    passage_table,
)
from indexer.errors import IndexMissingError, UsageError
from indexer.generation import name_of, number_of
from indexer.manifest import FORMAT_VERSION, Counts, Manifest, decode_manifest, encode_manifest
from indexer.records import encode_duplicates
from indexer.storage import make_private_folder
from indexer.storage import reported as storage_reported

logger = logging.getLogger(__name__)

# Older versions stay for whoever still reads them.
READERS_MAY_LAG = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class _Head:
    """A generation that is kept: which versions of the datasets it is made of."""

    manifest: Manifest
    duplicates: bytes
    passages: int
    articles: int
    current: bool

    @property
    def name(self) -> str:
        return self.manifest.generation


class LanceStore:
    """A shared store in a folder or in object storage; every method may be called from any process."""

    def __init__(self, uri: str) -> None:
        self.uri = uri.rstrip("/")
        self._passages, self._articles, self._heads = (
            f"{self.uri}/{name}.lance" for name in ("passages", "articles", "generations")
        )

    def version(self) -> int:
        """Return the version of the list of generations; 0 when there is none."""
        heads = opened(self._heads)
        return int(heads.version) if heads else 0

    def current(self) -> str | None:
        """Return the name of the current generation; None when nothing was committed yet."""
        return next((head.name for head in self._read_heads()[1] if head.current), None)

    def kept(self) -> list[Manifest]:
        """Return the manifests of the generations that are kept, oldest first."""
        return [head.manifest for head in self._read_heads()[1]]

    def read(self, name: str) -> LanceGeneration:
        """Open a generation; raises IndexMissingError when it is not kept."""
        head = next((head for head in self._read_heads()[1] if head.name == name), None)
        if head is None:
            raise IndexMissingError(f"{name} is not kept in {self.uri}.")
        with reported(self.uri):
            passages = lance.dataset(self._passages, version=head.passages)
            articles = lance.dataset(self._articles, version=head.articles)
        return LanceGeneration(head.manifest, duplicates_of(head.duplicates), passages, articles)

    def put(self, passages: Sequence[StoredPassage]) -> Parcel:
        """Write passages, at least one, where nobody sees them before a commit; from any machine."""
        self._make_folder()
        return Parcel(len(passages), tuple(written(self._passages, passage_table(passages))))

    def commit(self, base: str | None, change: Change, *, keep: int, progress: Callable[[], None]) -> Manifest:
        """Make the next generation of `base` and `change`, all or nothing, and keep at most `keep` older ones.

        Raises IndexBusyError when another was committed since `base`; the store is then as the other left it.
        """
        self._make_folder()
        read_version, heads = self._read_heads()
        before = next((head for head in heads if head.current), None)
        if (before.name if before else None) != base:
            raise overtaken(self.uri)
        kept = None if change.anew else before
        with reported(self.uri):
            passages = Steps(self._passages, kept.passages if kept else None)
            contents = [text for parcel in change.parcels for text in parcel.contents]
            passages.change(passage_schema(change.shape.embedder.dim), contents, change.removed)
            progress()
            passages.index_passages()
            progress()
            articles = Steps(self._articles, kept.articles if kept else None)
            added = written(self._articles, article_table(change.added)) if change.added else []
            articles.change(ARTICLES, added, change.removed)
            articles.index_articles()
            progress()
        head = self._head(before, heads, change, passages, articles)
        others = [replace(one, current=False) for one in heads if one in heads[-keep:] or one is before]
        self._publish([*others, head], read_version)
        self._clean_up([*others, head])
        return head.manifest

    def go_back(self) -> str:
        """Make the parent of the current generation the current one, and return its name."""
        read_version, heads = self._read_heads()
        current = next((head for head in heads if head.current), None)
        if current is None:
            raise IndexMissingError(f"There is no index in {self.uri}.", advice="Run `footnote index` to build it.")
        parent = current.manifest.parent
        if parent is None:
            raise UsageError(f"{current.name} has no older generation to go back to.")
        if parent not in [head.name for head in heads]:
            raise UsageError(f"{parent}, the parent of {current.name}, is no longer kept.")
        self._publish([replace(head, current=head.name == parent) for head in heads], read_version)
        return parent

    def _head(
        self, before: _Head | None, heads: list[_Head], change: Change, passages: Steps, articles: Steps
    ) -> _Head:
        rows, files = passages.dataset.count_rows(), articles.dataset.count_rows()
        manifest = Manifest(
            format_version=FORMAT_VERSION,
            generation=name_of(max((number_of(head.name) for head in heads), default=0) + 1),
            parent=before.name if before else None,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            app_version=__version__,
            embedder=change.shape.embedder,
            chunker=change.shape.chunker,
            analyser=change.shape.analyser,
            formats=change.shape.formats,
            dense=passages.dense,
            counts=Counts(articles=files, passages=rows, vectors=rows, lexical=rows),
            files={},
            problems=change.problems,
            corpus_fingerprint=change.fingerprint,
        )
        duplicates = encode_duplicates(change.duplicates)
        return _Head(manifest, duplicates, passages.dataset.version, articles.dataset.version, current=True)

    def _read_heads(self) -> tuple[int | None, list[_Head]]:
        """Return the version of the list, None where there is none, and the list, oldest first."""
        dataset = opened(self._heads)
        if dataset is None:
            return None, []
        with reported(self._heads):
            rows = dataset.to_table().to_pylist()
        heads = [
            _Head(decode_manifest(row["manifest"]), row["duplicates"], row["passages"], row["articles"], row["current"])
            for row in rows
        ]
        return dataset.version, sorted(heads, key=lambda head: number_of(head.name))

    def _publish(self, heads: Sequence[_Head], read_version: int | None) -> None:
        """Write the list of generations; raises IndexBusyError when it is no longer the one that was read."""
        rows = [
            {
                "name": head.name,
                "current": head.current,
                "passages": head.passages,
                "articles": head.articles,
                "manifest": encode_manifest(head.manifest),
                "duplicates": head.duplicates,
            }
            for head in heads
        ]
        with reported(self._heads):
            operation = lance.LanceOperation.Overwrite(
                HEADS, fragments(written(self._heads, pa.Table.from_pylist(rows, schema=HEADS)))
            )
            lance.LanceDataset.commit(self._heads, operation, read_version=read_version or 0, max_retries=0)

    def _make_folder(self) -> None:
        if "://" not in self.uri:
            with storage_reported(Path(self.uri)):
                make_private_folder(Path(self.uri).absolute())

    def _clean_up(self, heads: Sequence[_Head]) -> None:
        """Remove versions that no kept generation needs and nobody has read for a day; what was committed stays."""
        try:
            for uri, versions in (
                (self._passages, {head.name: head.passages for head in heads}),
                (self._articles, {head.name: head.articles for head in heads}),
                (self._heads, {}),
            ):
                _clean_up(lance.dataset(uri), versions)
        except (OSError, ValueError, RuntimeError) as error:
            logger.warning("older versions of the store were not removed: %s", error)


def _clean_up(dataset: lance.LanceDataset, versions: dict[str, int]) -> None:
    """Remove what is older than a day, but for the given versions, which are tagged with their names."""
    tags = dataset.tags.list()
    for name in tags.keys() - versions.keys():
        dataset.tags.delete(name)
    for name, version in versions.items():
        if name not in tags:
            dataset.tags.create(name, version)
        elif tags[name]["version"] != version:
            dataset.tags.update(name, version)
    dataset.cleanup_old_versions(older_than=READERS_MAY_LAG, error_if_tagged_old_versions=False)
