"""Articles and passages as lines of JSON, one record a line, in the order of the rows; near-duplicates as one object.

`articles.jsonl` holds each article with the stamp of its file; `passages.jsonl` each passage with the SHA-256 of
its embedded text; `duplicates.json` the groups of articles that carry one story. All depend on the records alone.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from indexer.articles import Article, Passage
from indexer.corpus import ScannedFile
from indexer.errors import IndexDamagedError
from indexer.manifest import first_problem

Record = TypeVar("Record")

ARTICLES_FILE = "articles.jsonl"
PASSAGES_FILE = "passages.jsonl"
DUPLICATES_FILE = "duplicates.json"


@dataclass(frozen=True, slots=True)
class IndexedPassage:
    """A passage and the SHA-256 of the text that was embedded for it; equal hashes have equal vectors."""

    passage: Passage
    embedded_sha256: str


@dataclass(frozen=True, slots=True)
class Duplicates:
    """Near-duplicates and the method that found them: the id of the earliest article to those of the others."""

    method: str
    groups: Mapping[str, tuple[str, ...]]


_ARTICLE = TypeAdapter(Article)
_FILE = TypeAdapter(ScannedFile)
_PASSAGE = TypeAdapter(IndexedPassage)
_DUPLICATES = TypeAdapter(Duplicates)


def encode_articles(files: Iterable[ScannedFile]) -> Iterator[bytes]:
    """Yield one line for each article."""
    for file in files:
        yield _FILE.dump_json(file) + b"\n"


def decode_articles(data: bytes) -> dict[str, ScannedFile]:
    """Read what `encode_articles` wrote, by article id; raises IndexDamagedError naming the line."""
    files = {file.article.id: file for file in _decode(data, _FILE, ARTICLES_FILE)}
    if len(files) != data.count(b"\n"):
        raise IndexDamagedError(f"{ARTICLES_FILE}: an article stands there twice")
    return files


def encode_passages(passages: Iterable[IndexedPassage]) -> Iterator[bytes]:
    """Yield one line for each passage."""
    for passage in passages:
        yield _PASSAGE.dump_json(passage) + b"\n"


def decode_passage(line: bytes, number: int) -> IndexedPassage:
    """Read one line, whose number is for the error, without regard to its article; raises IndexDamagedError."""
    try:
        return _PASSAGE.validate_json(line, strict=True)
    except ValidationError as error:
        raise IndexDamagedError(f"{PASSAGES_FILE}: line {number}: {first_problem(error)}") from error


def decode_passages(data: bytes, articles: Mapping[str, ScannedFile]) -> list[IndexedPassage]:
    """Read what `encode_passages` wrote; raises IndexDamagedError naming the line.

    Every passage must be a slice of one of the articles, and its sentences slices of the passage.
    """
    passages = list(_decode(data, _PASSAGE, PASSAGES_FILE))
    for number, indexed in enumerate(passages, start=1):
        passage = indexed.passage
        file = articles.get(passage.article_id)
        if file is None or not _slices_of(passage, len(file.article.text)):
            raise IndexDamagedError(f"{PASSAGES_FILE}: line {number}: not a slice of {passage.article_id!r}")
    if len({indexed.passage.id for indexed in passages}) != len(passages):
        raise IndexDamagedError(f"{PASSAGES_FILE}: a passage stands there twice")
    return passages


def encode_duplicates(duplicates: Duplicates) -> bytes:
    """Return the JSON of the near-duplicates."""
    return _DUPLICATES.dump_json(duplicates, indent=1) + b"\n"


def decode_duplicates(data: bytes, articles: Mapping[str, ScannedFile] | None) -> Duplicates:
    """Read what `encode_duplicates` wrote; raises IndexDamagedError.

    Every group holds two of the articles (of any, where they are not given) or more, and none stands in two places.
    """
    try:
        duplicates = _DUPLICATES.validate_json(data, strict=True)
    except ValidationError as error:
        raise IndexDamagedError(f"{DUPLICATES_FILE}: {first_problem(error)}") from error
    members = [member for head, others in duplicates.groups.items() for member in (head, *others)]
    strange = articles is not None and not set(members) <= articles.keys()
    if strange or len(set(members)) != len(members) or not all(duplicates.groups.values()):
        raise IndexDamagedError(f"{DUPLICATES_FILE}: not groups of the articles")
    return duplicates


def fingerprint(files: Iterable[ScannedFile]) -> str:
    """Hash everything the articles say and are known by, but not when their files were written."""
    digest = hashlib.sha256()
    for article in sorted((file.article for file in files), key=lambda article: article.id):
        digest.update(_ARTICLE.dump_json(article) + b"\n")
    return digest.hexdigest()


def embedded_hash(text: str) -> str:
    """Return the SHA-256 of a text to embed."""
    return hashlib.sha256(text.encode()).hexdigest()


def _decode(data: bytes, adapter: TypeAdapter[Record], name: str) -> Iterator[Record]:
    if data and not data.endswith(b"\n"):
        raise IndexDamagedError(f"{name}: the last line is cut off")
    for number, line in enumerate(_lines(data), start=1):
        try:
            yield adapter.validate_json(line, strict=True)
        except ValidationError as error:
            raise IndexDamagedError(f"{name}: line {number}: {first_problem(error)}") from error


def _lines(data: bytes) -> Iterator[bytes]:
    """Yield the lines one at a time: in memory all at once they would be as large as the data again."""
    start = 0
    while (end := data.find(b"\n", start)) >= 0:
        yield data[start:end]
        start = end + 1


def _slices_of(passage: Passage, length: int) -> bool:
    inside = 0 <= passage.start < passage.end <= length
    return inside and all(passage.start <= one.start < one.end <= passage.end for one in passage.sentences)
