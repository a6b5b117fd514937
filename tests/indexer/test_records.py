"""Articles and passages come back from their lines as they went in; a wrong line is named."""

from datetime import date
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.articles import Article, Block, BlockKind, Origin, Passage, Sentence, make_passage
from indexer.corpus import FileStamp, ScannedFile
from indexer.errors import IndexDamagedError
from indexer.records import (
    Duplicates,
    IndexedPassage,
    decode_articles,
    decode_duplicates,
    decode_passages,
    embedded_hash,
    encode_articles,
    encode_duplicates,
    encode_passages,
    fingerprint,
)

POSITIONS = st.integers(0, 10**9)
BLOCKS = st.builds(Block, kind=st.sampled_from(get_args(BlockKind)), start=POSITIONS, end=POSITIONS)
ARTICLES = st.builds(
    Article,
    id=st.text(min_size=1),
    text=st.text(min_size=1, max_size=50),
    title=st.text(),
    language=st.sampled_from(["en", "ko", "und"]),
    blocks=st.lists(BLOCKS, max_size=3).map(tuple),
    source=st.none() | st.text(),
    published=st.none() | st.dates(),
    author=st.none() | st.text(),
    url=st.none() | st.text(),
    tags=st.lists(st.text(), max_size=3).map(tuple),
    provenance=st.dictionaries(st.text(), st.sampled_from(get_args(Origin)), max_size=3),
    warnings=st.lists(st.text(), max_size=2).map(tuple),
)
STAMPS = st.builds(FileStamp, size=POSITIONS, mtime_ns=st.integers(0, 2**63 - 1), sha256=st.text())
FILES = st.lists(st.builds(ScannedFile, article=ARTICLES, stamp=STAMPS), max_size=4, unique_by=lambda f: f.article.id)

BODY = (Block("paragraph", 0, 18),)
ARTICLE = Article("a.md", "One. Two. 셋.\u2028Four.", "Title", "en", BODY, published=date(2026, 1, 2))
FILE = ScannedFile(ARTICLE, FileStamp(20, 1, "ab"))
PASSAGE = make_passage(ARTICLE, [Sentence(0, 4), Sentence(5, 9)], heading="Heading")


@given(FILES)
@settings(max_examples=100, deadline=None)
def test_articles_come_back_as_they_went_in(files: list[ScannedFile]) -> None:
    data = b"".join(encode_articles(files))
    decoded = decode_articles(data)
    assert list(decoded.values()) == files
    assert [one.article.sha256 for one in decoded.values()] == [file.article.sha256 for file in files]
    assert b"".join(encode_articles(decoded.values())) == data


@st.composite
def passages_of(draw: st.DrawFn, article: Article) -> Passage:
    """Draw a passage that lies inside the article."""
    edges = draw(st.lists(st.integers(0, len(article.text)), min_size=2, max_size=6, unique=True).map(sorted))
    sentences = [Sentence(start, end) for start, end in zip(edges[::2], edges[1::2], strict=False)]
    return make_passage(article, sentences, heading=draw(st.text()))


@given(st.lists(passages_of(ARTICLE), max_size=5, unique_by=lambda passage: passage.id))
@settings(max_examples=100, deadline=None)
def test_passages_come_back_as_they_went_in(passages: list[Passage]) -> None:
    indexed = [IndexedPassage(passage, embedded_hash(passage.heading)) for passage in passages]
    assert decode_passages(b"".join(encode_passages(indexed)), {"a.md": FILE}) == indexed


def test_a_wrong_line_is_named() -> None:
    line = b"".join(encode_articles([FILE]))
    with pytest.raises(IndexDamagedError, match=r"articles\.jsonl: line 2: article\.text"):
        decode_articles(line + line.replace(b'"text":"One', b'"txt":"One'))
    with pytest.raises(IndexDamagedError, match=r"articles\.jsonl: line 1"):
        decode_articles(b"\n" + line)
    with pytest.raises(IndexDamagedError, match="cut off"):
        decode_articles(line[:-1])
    with pytest.raises(IndexDamagedError, match="twice"):
        decode_articles(line + line)


@pytest.mark.parametrize(
    "passage",
    [
        Passage("x", "other.md", 0, 4, "", (Sentence(0, 4),)),
        Passage("x", "a.md", 0, 99, "", (Sentence(0, 4),)),
        Passage("x", "a.md", 0, 4, "", (Sentence(0, 5),)),
        Passage("x", "a.md", 4, 4, "", ()),
        Passage("x", "a.md", -4, 4, "", (Sentence(0, 4),)),
    ],
)
def test_a_passage_must_be_a_slice_of_an_article(passage: Passage) -> None:
    data = b"".join(encode_passages([IndexedPassage(PASSAGE, "ab"), IndexedPassage(passage, "ab")]))
    with pytest.raises(IndexDamagedError, match=r"passages\.jsonl: line 2: not a slice"):
        decode_passages(data, {"a.md": FILE})


def test_a_passage_stands_once() -> None:
    data = b"".join(encode_passages([IndexedPassage(PASSAGE, "ab")] * 2))
    with pytest.raises(IndexDamagedError, match="twice"):
        decode_passages(data, {"a.md": FILE})


@given(FILES)
@settings(max_examples=50, deadline=None)
def test_the_fingerprint_knows_no_order_and_no_clock(files: list[ScannedFile]) -> None:
    touched = [ScannedFile(file.article, FileStamp(1, 2, "other")) for file in reversed(files)]
    assert fingerprint(touched) == fingerprint(files)


def test_the_fingerprint_tells_articles_apart() -> None:
    retitled = Article("a.md", ARTICLE.text, "Other", "en", ARTICLE.blocks, published=ARTICLE.published)
    prints = {fingerprint(files) for files in ([], [FILE], [ScannedFile(retitled, FILE.stamp)])}
    assert len(prints) == 3


THREE = {name: ScannedFile(ARTICLE, FileStamp(20, 1, "ab")) for name in "abc"}


def test_duplicates_come_back_as_they_went_in() -> None:
    duplicates = Duplicates("minhash/1", {"b": ("a", "c")})
    assert decode_duplicates(encode_duplicates(duplicates), THREE) == duplicates


@pytest.mark.parametrize("groups", [{"a": ("x",)}, {"a": ()}, {"a": ("b",), "c": ("b",)}, {"a": ("a",)}])
def test_groups_that_cannot_be_are_damage(groups: dict[str, tuple[str, ...]]) -> None:
    with pytest.raises(IndexDamagedError, match="not groups"):
        decode_duplicates(encode_duplicates(Duplicates("minhash/1", groups)), THREE)


@pytest.mark.parametrize("data", [b"", b"[]", b'{"method": 1, "groups": {}}', b'{"method": "m", "groups": {"a": "b"}}'])
def test_duplicates_of_another_form_are_damage(data: bytes) -> None:
    with pytest.raises(IndexDamagedError, match=r"duplicates\.json"):
        decode_duplicates(data, THREE)
