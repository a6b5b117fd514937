"""The manifest comes back as it went in, and no changed bit of it goes unnoticed."""

import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.corpus import FileStamp, Problem
from indexer.embedding import EmbedderInfo
from indexer.errors import IndexDamagedError, IndexIncompatibleError
from indexer.manifest import (
    FORMAT_VERSION,
    ChunkerInfo,
    Counts,
    Manifest,
    NewerFormatError,
    OlderFormatError,
    Shape,
    decode_manifest,
    encode_manifest,
    same_embedder,
)
from indexer.storage import FileRecord

NAMES = st.from_regex(r"[a-z0-9]{1,8}(/[a-z0-9._]{0,3}[a-z0-9]{1,8})?", fullmatch=True)
SIZES = st.integers(0, 2**60)
STAMPS = st.builds(FileStamp, size=SIZES, mtime_ns=SIZES, sha256=st.text())
PROBLEMS = st.builds(Problem, path=st.text(), code=st.text(), detail=st.text(), stamp=st.none() | STAMPS)
EMBEDDERS = st.builds(EmbedderInfo, st.text(), st.text(), SIZES, SIZES, st.text(), st.lists(st.text()).map(tuple))
MANIFESTS = st.builds(
    Manifest,
    format_version=st.just(FORMAT_VERSION),
    generation=st.text(),
    parent=st.none() | st.text(),
    created=st.text(),
    app_version=st.text(),
    embedder=EMBEDDERS,
    chunker=st.builds(ChunkerInfo, version=st.text(), words=SIZES),
    analyser=st.text(),
    formats=st.text(),
    dense=st.text(),
    counts=st.builds(Counts, SIZES, SIZES, SIZES, SIZES),
    files=st.dictionaries(NAMES, st.builds(FileRecord, size=SIZES, sha256=st.text())),
    problems=st.lists(PROBLEMS, max_size=3).map(tuple),
    corpus_fingerprint=st.text(),
)

EXAMPLE = Manifest(
    format_version=FORMAT_VERSION,
    generation="gen-000002",
    parent="gen-000001",
    created="2026-01-02T03:04:05+00:00",
    app_version="0.1.0",
    embedder=EmbedderInfo("hash", "ab" * 32, 8, 256, "float32", ("en",)),
    chunker=ChunkerInfo("sentences/1", 110),
    analyser="snowball-english+bigrams/1",
    formats="readers/1",
    dense="SQfp16",
    counts=Counts(2, 3, 3, 3),
    files={"vectors.npy": FileRecord(128, "cd" * 32)},
    problems=(Problem("한국어.txt", "empty", "The file is empty.", FileStamp(0, 1, "ef" * 32)),),
    corpus_fingerprint="01" * 32,
)


def changed(**fields: object) -> bytes:
    """Return the example with other fields and a checksum that fits them."""
    wanted = {**json.loads(encode_manifest(EXAMPLE)), **fields}
    del wanted["checksum"]
    return with_checksum(wanted)


def with_checksum(fields: dict[str, Any]) -> bytes:
    """Return canonical JSON, as another program might write it."""

    def canonical(value: dict[str, Any]) -> bytes:
        return (json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()

    return canonical({**fields, "checksum": hashlib.sha256(canonical(fields)).hexdigest()})


@given(MANIFESTS)
@settings(max_examples=100, deadline=None)
def test_a_manifest_comes_back_as_it_went_in(manifest: Manifest) -> None:
    data = encode_manifest(manifest)
    assert decode_manifest(data) == manifest
    assert encode_manifest(decode_manifest(data)) == data


def test_every_single_bit_matters() -> None:
    data = encode_manifest(EXAMPLE)
    for position in range(len(data)):
        for bit in range(8):
            damaged = bytearray(data)
            damaged[position] ^= 1 << bit
            with pytest.raises((IndexDamagedError, NewerFormatError)) as caught:
                decode_manifest(bytes(damaged))
            assert "manifest.json" in str(caught.value) or "format" in str(caught.value)


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b"{}", b"\xff\xfe", b"[" * 100_000, b"1" * 10_000])
def test_what_is_no_manifest_is_called_damaged(data: bytes) -> None:
    with pytest.raises(IndexDamagedError, match=r"manifest\.json"):
        decode_manifest(data)


def test_every_truncation_is_noticed() -> None:
    data = encode_manifest(EXAMPLE)
    for length in range(len(data)):
        with pytest.raises(IndexDamagedError, match=r"manifest\.json"):
            decode_manifest(data[:length])


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"generation": 7}, "generation"),
        ({"counts": {"articles": "2", "passages": 3, "vectors": 3, "lexical": 3}}, "counts.articles"),
        ({"surprise": 1}, "surprise"),
        ({"files": {"a": {"size": 1}}}, "files.a.sha256"),
        ({"problems": [{"path": "a"}]}, "problems.0.code"),
        ({"format_version": True}, "format_version"),
    ],
)
def test_a_wrong_field_is_named(fields: dict[str, Any], named: str) -> None:
    with pytest.raises(IndexDamagedError, match=named):
        decode_manifest(changed(**fields))


@pytest.mark.parametrize("name", ["/etc/passwd", "../gen-000001/vectors.npy", "lexical/../../x", "a\\b", "", "a//b"])
def test_a_name_cannot_lead_out_of_the_generation(name: str) -> None:
    with pytest.raises(IndexDamagedError, match="not a file inside"):
        decode_manifest(changed(files={name: {"size": 1, "sha256": "ab"}}))


def test_a_newer_format_is_incompatible_not_damaged() -> None:
    with pytest.raises(IndexIncompatibleError, match=f"format {FORMAT_VERSION + 1}"):
        decode_manifest(changed(format_version=FORMAT_VERSION + 1, something_new={"a": 1}))


def test_this_format_and_the_one_before_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encode_manifest(EXAMPLE)
    for latest in (FORMAT_VERSION, FORMAT_VERSION + 1):
        monkeypatch.setattr("indexer.manifest.FORMAT_VERSION", latest)
        assert decode_manifest(data) == EXAMPLE
    monkeypatch.setattr("indexer.manifest.FORMAT_VERSION", FORMAT_VERSION + 2)
    with pytest.raises(OlderFormatError, match="footnote index"):
        decode_manifest(data)
    with pytest.raises(IndexDamagedError, match="SHA-256 differs"):
        decode_manifest(data.replace(b"hash", b"hush"))


def test_another_number_format_is_the_same_embedder_but_other_weights_are_not() -> None:
    embedder = EXAMPLE.embedder
    assert same_embedder(embedder, replace(embedder, dtype="bfloat16", languages=("en", "ko")))
    assert not same_embedder(embedder, replace(embedder, sha256="other"))
    assert not same_embedder(embedder, replace(embedder, dim=9))


@pytest.mark.parametrize(
    "other",
    [
        replace(EXAMPLE.shape, analyser="other"),
        replace(EXAMPLE.shape, formats="other"),
        replace(EXAMPLE.shape, chunker=ChunkerInfo("sentences/1", 111)),
        replace(EXAMPLE.shape, embedder=replace(EXAMPLE.embedder, id="other")),
    ],
)
def test_whatever_shapes_an_index_makes_another_index(other: Shape) -> None:
    assert EXAMPLE.shape.serves(EXAMPLE.shape)
    assert not EXAMPLE.shape.serves(other)
