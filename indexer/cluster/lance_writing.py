"""Steps that change a Lance dataset, each checked to follow the last one."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import lance
import pyarrow as pa
from lance.fragment import FragmentMetadata, write_fragments

from indexer.cluster.conditions import listed
from indexer.cluster.tables import ARTICLE, TOKENS, VECTOR
from indexer.errors import IndexBusyError, StorageError

# Up to here every vector is read for a question, which is exact.
MOST_EXACT = 50_000
# One bit per dimension (RaBitQ) in lists; each is trained for so many rows and serves some times as many.
DENSE_INDEX, LIST_ROWS, MOST_LIST_ROWS = "IVF_RQ", 4096, 16_384
# More small files than this are joined.
MOST_FRAGMENTS = 64
DELETED_AT_ONCE = 1000
# The tokens are our own: Lance only splits them at spaces.
ANALYSED = {
    "base_tokenizer": "whitespace",
    "with_position": False,
    "lower_case": False,
    "stem": False,
    "remove_stop_words": False,
    "ascii_folding": False,
    "max_token_length": None,
}


class Steps:
    """A dataset on its way to the next generation, from the version of the one before; None for a new one.

    Each step must follow the last one. Where it does not, another build is at work on the same store, and
    IndexBusyError is raised: no step of another is ever part of a generation.
    """

    def __init__(self, uri: str, base: int | None) -> None:
        self.uri = uri
        self.is_new = base is None
        self._dataset = opened(uri)
        self._last = self._dataset.version if self._dataset else 0
        if self._dataset and base is not None and self._dataset.version != base:
            # What came after it was never committed, or was gone back from.
            self._dataset.checkout_version(base).restore()
            self._follow(lance.dataset(uri))

    @property
    def dataset(self) -> lance.LanceDataset:
        """The dataset after the last step."""
        if self._dataset is None:
            raise StorageError(f"The store {self.uri} has lost what it held.", advice="Build it anew elsewhere.")
        return self._dataset

    @property
    def dense(self) -> str:
        """How vectors are searched, as the manifest says it."""
        return f"Lance {DENSE_INDEX}" if self._index_on(VECTOR) else "Lance exact"

    def change(self, schema: pa.Schema, contents: Sequence[str], removed: Sequence[str]) -> None:
        """Take the rows of articles away and add what was written; a new dataset holds nothing else."""
        added = fragments(contents)
        if self.is_new:
            self._commit(lance.LanceOperation.Overwrite(schema, added))
            return
        for start in range(0, len(removed), DELETED_AT_ONCE):
            some = list(removed[start : start + DELETED_AT_ONCE])
            self.dataset.delete(f"{ARTICLE} IN {listed(some)}", conflict_retries=0)
            self._follow(self.dataset)
        if added:
            self._commit(lance.LanceOperation.Append(added))

    def index_articles(self) -> None:
        """Bring the index of articles up to date."""
        self._compact()
        if not self._index_on(ARTICLE):
            self._build(ARTICLE, "BTREE")
        else:
            self._optimise()

    def index_passages(self) -> None:
        """Bring the indexes of passages up to date: by article, by tokens, and by vector where there are many."""
        self._compact()
        if not self._index_on(TOKENS):
            self._build(ARTICLE, "BTREE")
            self._build(TOKENS, "INVERTED", **ANALYSED)
        else:
            self._optimise()
        if self._needs_dense_index():
            self.dataset.create_index(VECTOR, DENSE_INDEX, metric="dot", num_bits=1, replace=True)
            self._follow(lance.dataset(self.uri))

    def _needs_dense_index(self) -> bool:
        rows = self.dataset.count_rows()
        if rows <= MOST_EXACT:
            return False
        name = self._index_on(VECTOR)
        if name is None:
            return True
        parts = self.dataset.stats.index_stats(name)["indices"]
        return bool(rows > MOST_LIST_ROWS * max(int(part["num_partitions"]) for part in parts))

    def _index_on(self, column: str) -> str | None:
        names = (index.name for index in self.dataset.describe_indices() if index.field_names == [column])
        return next(names, None)

    def _build(self, column: str, kind: str, **how: object) -> None:
        self.dataset.create_scalar_index(column, kind, replace=True, **how)
        self._follow(lance.dataset(self.uri))

    def _optimise(self) -> None:
        before = self.dataset.version
        self.dataset.optimize.optimize_indices()
        latest = lance.dataset(self.uri)
        # Nothing to do makes no version.
        if latest.version != before:
            self._follow(latest)

    def _compact(self) -> None:
        if len(self.dataset.get_fragments()) > MOST_FRAGMENTS:
            self.dataset.optimize.compact_files()
            self._follow(lance.dataset(self.uri), most=2)

    def _commit(self, operation: lance.LanceOperation.BaseOperation) -> None:
        dataset = lance.LanceDataset.commit(
            self.uri, operation, read_version=self._last, max_retries=0, enable_stable_row_ids=True
        )
        self._follow(dataset)

    def _follow(self, dataset: lance.LanceDataset, *, most: int = 1) -> None:
        if not self._last < dataset.version <= self._last + most:
            raise overtaken(self.uri)
        self._dataset, self._last = dataset, dataset.version


def opened(uri: str) -> lance.LanceDataset | None:
    """Open the latest version of a dataset; None where there is none."""
    with reported(uri):
        try:
            return lance.dataset(uri)
        except (ValueError, FileNotFoundError) as error:
            if "not found" in str(error):
                return None
            raise


def written(uri: str, table: pa.Table) -> list[str]:
    """Write rows beside a dataset, where no reader sees them, and return what they are found again by."""
    with reported(uri):
        # As for a new dataset, whatever there is: the rows may have other columns than those they replace.
        parts = write_fragments(table, uri, mode="overwrite", enable_stable_row_ids=True)
    return [json.dumps(part.to_json()) for part in parts]


def fragments(contents: Sequence[str]) -> list[FragmentMetadata]:
    """Return what `written` wrote as Lance knows it."""
    return [FragmentMetadata.from_json(text) for text in contents]


def overtaken(uri: str) -> IndexBusyError:
    """Return the error to raise when another build changed the store meanwhile."""
    return IndexBusyError(
        f"Another build is changing the store {uri}.",
        advice="Wait for it to finish, then run it again; meanwhile the store can be searched.",
    )


@contextmanager
def reported(uri: str) -> Iterator[None]:
    """Say which store refused, and what Lance says of it."""
    try:
        yield
    except (OSError, ValueError, RuntimeError) as error:
        if "conflict" in str(error).lower():
            raise overtaken(uri) from error
        said = (str(error) or type(error).__name__).splitlines()[0].split(", /", 1)[0]
        raise StorageError(f"The store {uri} cannot be used: {said}", advice="Check that it can be reached.") from error
