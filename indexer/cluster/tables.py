"""The rows of a shared store as Arrow tables, and back: the one home of pyarrow."""

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
from pydantic import TypeAdapter

from indexer.cluster.contract import StoredPassage
from indexer.corpus import FileStamp, ScannedFile
from indexer.records import Duplicates, IndexedPassage

ARTICLE, RECORD, TOKENS, VECTOR = "article_id", "record", "tokens", "vector"
PUBLISHED, SOURCE, LANGUAGE = "published", "source", "language"
SIZE, MTIME, SHA256 = "size", "mtime_ns", "sha256"

_FILE = TypeAdapter(ScannedFile)
_PASSAGE = TypeAdapter(IndexedPassage)
_DUPLICATES = TypeAdapter(Duplicates)

ARTICLES = pa.schema(
    [
        pa.field(ARTICLE, pa.string(), nullable=False),
        pa.field(SIZE, pa.int64(), nullable=False),
        pa.field(MTIME, pa.int64(), nullable=False),
        pa.field(SHA256, pa.string(), nullable=False),
        pa.field(RECORD, pa.binary(), nullable=False),
    ]
)
HEADS = pa.schema(
    [
        pa.field("name", pa.string(), nullable=False),
        pa.field("current", pa.bool_(), nullable=False),
        pa.field("passages", pa.int64(), nullable=False),
        pa.field("articles", pa.int64(), nullable=False),
        pa.field("manifest", pa.binary(), nullable=False),
        pa.field("duplicates", pa.binary(), nullable=False),
    ]
)


def passage_schema(dim: int) -> pa.Schema:
    """Return the schema of passages whose vectors have `dim` half-precision numbers."""
    return pa.schema(
        [
            pa.field(ARTICLE, pa.string(), nullable=False),
            pa.field(PUBLISHED, pa.date32()),
            pa.field(SOURCE, pa.string()),
            pa.field(LANGUAGE, pa.string(), nullable=False),
            pa.field(TOKENS, pa.string(), nullable=False),
            pa.field(RECORD, pa.binary(), nullable=False),
            pa.field(VECTOR, pa.list_(pa.float16(), dim), nullable=False),
        ]
    )


def passage_table(passages: Sequence[StoredPassage]) -> pa.Table:
    """Return passages, at least one, as a table; tokens are joined by spaces, which none of them holds."""
    vectors = np.stack([one.vector for one in passages]).astype(np.float16)
    dim = vectors.shape[1]
    columns = [
        [one.indexed.passage.article_id for one in passages],
        [one.published for one in passages],
        [one.source for one in passages],
        [one.language for one in passages],
        [" ".join(one.tokens) for one in passages],
        [_PASSAGE.dump_json(one.indexed) for one in passages],
        pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), dim),
    ]
    return pa.Table.from_arrays(
        [
            column if isinstance(column, pa.Array) else pa.array(column, field.type)
            for column, field in zip(columns, passage_schema(dim), strict=True)
        ],
        schema=passage_schema(dim),
    )


def article_table(files: Sequence[ScannedFile]) -> pa.Table:
    """Return articles as a table, with the stamps of their files in columns of their own."""
    rows = [
        {
            ARTICLE: file.article.id,
            SIZE: file.stamp.size,
            MTIME: file.stamp.mtime_ns,
            SHA256: file.stamp.sha256,
            RECORD: _FILE.dump_json(file),
        }
        for file in files
    ]
    return pa.Table.from_pylist(rows, schema=ARTICLES)


def file_of(record: bytes) -> ScannedFile:
    """Read an article as `article_table` wrote it."""
    return _FILE.validate_json(record, strict=True)


def passage_of(record: bytes) -> IndexedPassage:
    """Read a passage as `passage_table` wrote it."""
    return _PASSAGE.validate_json(record, strict=True)


def stamps_of(table: pa.Table) -> Iterator[tuple[str, FileStamp]]:
    """Yield article id and stamp of each row."""
    for row in table.to_pylist():
        yield row[ARTICLE], FileStamp(row[SIZE], row[MTIME], row[SHA256])


def duplicates_of(record: bytes) -> Duplicates:
    """Read what `encode_duplicates` wrote."""
    return _DUPLICATES.validate_json(record, strict=True)
