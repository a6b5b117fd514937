"""The manifest of a generation: what it is made of, with the size and SHA-256 of every file.

The JSON has one canonical form and ends with a checksum of itself, so that a single changed bit is noticed even
where nothing else vouches for it.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from indexer.corpus import Problem
from indexer.embedding import EmbedderInfo
from indexer.errors import IndexDamagedError, IndexIncompatibleError
from indexer.storage import FileRecord

# 2: a lexical document is known by a key (keys.npy), which need not be its row.
FORMAT_VERSION = 2
FIRST_FORMAT = 1
MANIFEST_FILE = "manifest.json"
CHECKSUM = "checksum"


class OlderFormatError(IndexIncompatibleError):
    """The index was written two formats ago or earlier; it is left as it is, and built anew."""


class NewerFormatError(IndexIncompatibleError):
    """The index was written by a newer Footnote; it is left as it is."""


@dataclass(frozen=True, slots=True)
class ChunkerInfo:
    """How articles were cut into passages."""

    version: str
    words: int


@dataclass(frozen=True, slots=True)
class Shape:
    """What an index depends on besides the articles; another shape means another index."""

    embedder: EmbedderInfo
    chunker: ChunkerInfo
    analyser: str
    formats: str

    def serves(self, other: "Shape") -> bool:
        """Whether an index of this shape is the one that the other asks for; number formats may differ."""
        return (
            same_embedder(self.embedder, other.embedder)
            and self.chunker == other.chunker
            and self.analyser == other.analyser
            and self.formats == other.formats
        )


def same_embedder(one: EmbedderInfo, other: EmbedderInfo) -> bool:
    """Whether two embedders give the same vectors, but for the rounding of another machine."""
    return (one.id, one.sha256, one.dim) == (other.id, other.sha256, other.dim)


@dataclass(frozen=True, slots=True)
class Counts:
    """How many of each; passages, vectors and lexical documents are the same rows."""

    articles: int
    passages: int
    vectors: int
    lexical: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything known about a generation without opening its other files.

    `created` is UTC in ISO form. `files` maps names relative to the generation's folder. `parent` is the
    generation it was built from; `dense` the FAISS type; `problems` the files that are no articles, and why.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    format_version: int
    generation: str
    parent: str | None
    created: str
    app_version: str
    embedder: EmbedderInfo
    chunker: ChunkerInfo
    analyser: str
    formats: str
    dense: str
    counts: Counts
    files: Mapping[str, FileRecord]
    problems: tuple[Problem, ...]
    corpus_fingerprint: str

    @property
    def shape(self) -> Shape:
        """What the index depends on besides the articles."""
        return Shape(self.embedder, self.chunker, self.analyser, self.formats)

    @property
    def size(self) -> int:
        """The bytes of all files."""
        return sum(record.size for record in self.files.values())


_ADAPTER = TypeAdapter(Manifest)


def encode_manifest(manifest: Manifest) -> bytes:
    """Return the canonical JSON of a manifest, with its checksum."""
    fields = _ADAPTER.dump_python(manifest, mode="json")
    return _canonical({**fields, CHECKSUM: hashlib.sha256(_canonical(fields)).hexdigest()})


def decode_manifest(data: bytes) -> Manifest:
    """Read what `encode_manifest` wrote.

    This format is read, and the one before it. Raises NewerFormatError or OlderFormatError when the format is
    another, and IndexDamagedError, naming the file and the field, when it is anything else.
    """
    try:
        fields = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise IndexDamagedError(f"{MANIFEST_FILE}: not JSON ({error})") from error
    if not isinstance(fields, dict):
        raise IndexDamagedError(f"{MANIFEST_FILE}: not a JSON object")
    _refuse_newer(fields)
    checksum = fields.pop(CHECKSUM, None)
    canonical = _canonical(fields)
    if checksum != hashlib.sha256(canonical).hexdigest():
        raise IndexDamagedError(f"{MANIFEST_FILE}: SHA-256 differs")
    _refuse_older(fields)
    try:
        # From JSON, not from `fields`: only there may a strict tuple be a list.
        manifest = _ADAPTER.validate_json(canonical, strict=True)
    except ValidationError as error:
        raise IndexDamagedError(f"{MANIFEST_FILE}: {first_problem(error)}") from error
    if encode_manifest(manifest) != data:
        raise IndexDamagedError(f"{MANIFEST_FILE}: not in its canonical form")
    _refuse_escaping_names(manifest)
    return manifest


def first_problem(error: ValidationError) -> str:
    """Say which field is wrong and how."""
    problem = error.errors()[0]
    where = ".".join(str(part) for part in problem["loc"]) or "the whole"
    return f"{where}: {problem['msg']}"


def _canonical(fields: Mapping[str, Any]) -> bytes:
    return (json.dumps(fields, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode(errors="surrogatepass")


def _refuse_newer(fields: Mapping[str, Any]) -> None:
    version = fields.get("format_version")
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise NewerFormatError(
            f"The index has format {version}; this Footnote reads up to {FORMAT_VERSION}.",
            advice="Use the newer Footnote that wrote it, or another folder: `--index DIR`.",
        )


def _refuse_older(fields: Mapping[str, Any]) -> None:
    version, oldest = fields.get("format_version"), max(FIRST_FORMAT, FORMAT_VERSION - 1)
    if isinstance(version, int) and version < oldest:
        raise OlderFormatError(
            f"The index has format {version}; this Footnote reads from {oldest} on.",
            advice="Run `footnote index` to build it again.",
        )


def _refuse_escaping_names(manifest: Manifest) -> None:
    for name in manifest.files:
        leads_out = name.startswith("/") or "\\" in name or not all(part.strip(".") for part in name.split("/"))
        if leads_out or not name.isprintable():
            raise IndexDamagedError(f"{MANIFEST_FILE}: {name!r} is not a file inside the generation")
