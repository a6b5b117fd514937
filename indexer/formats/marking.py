"""Pieces of a text → its blocks, and the metadata that the text itself shows; shared by all formats."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from indexer.articles import Block, BlockKind
from indexer.formats.clutter import byline, ends_sentence, is_clutter, source_in
from indexer.formats.dates import is_revision, read_date
from indexer.formats.document import Found, Piece

_TOP = 10
_LONGEST_HEADING = 150
_MOST_HEADING_WORDS = 25
_FEWEST_HEADING_WORDS = 4
_LONGEST_TAG = 50
_MOST_TAG_WORDS = 6
_FEWEST_TAGS = 3
_LONG_PARAGRAPH = 80
_BULLETS = tuple("-*•·–—○■□▲△▶◆◇※|①②③")


@dataclass(frozen=True, slots=True)
class Marked:
    """The blocks of a text and what its lines say about the article."""

    blocks: tuple[Block, ...]
    published: Found[date] | None
    source: Found[str] | None
    author: Found[str] | None


def mark(text: str, pieces: Sequence[Piece], *, title: str = "") -> Marked:
    """Decide what every piece is: heading, paragraph or clutter.

    `title` is the title when it is known; a second line that repeats it is clutter.
    """
    lines = [text[piece.start : piece.end] for piece in pieces]
    published, dated = _publication_date(lines)
    clutter = [
        index in dated or (piece.kind != "heading" and is_clutter(line))
        for index, (piece, line) in enumerate(zip(pieces, lines, strict=True))
    ]
    _mark_repeated_title(lines, clutter, title)
    if all(piece.kind == "line" for piece in pieces):
        _mark_tags(lines, clutter)
        _mark_categories(lines, clutter)
    kinds = _kinds(pieces, lines, clutter, title)
    blocks = tuple(Block(kind, p.start, p.end) for kind, p in zip(kinds, pieces, strict=True))
    return Marked(blocks, published, _source(lines), _author(lines))


def _publication_date(lines: Sequence[str]) -> tuple[Found[date] | None, set[int]]:
    """Read the date lines among the first lines; one that tells of a revision does not count as publication."""
    found: Found[date] | None = None
    dated = set()
    for index, line in enumerate(lines[:_TOP]):
        day = read_date(line)
        if day is not None:
            dated.add(index)
            if found is None and not is_revision(line):
                found = Found(day, "text")
    return found, dated


def _mark_repeated_title(lines: Sequence[str], clutter: list[bool], title: str) -> None:
    same = [index for index, line in enumerate(lines[:_TOP]) if title and line.strip() == title]
    for index in same[1:]:
        clutter[index] = True


def _mark_tags(lines: Sequence[str], clutter: list[bool]) -> None:
    """Mark the run of short unpunctuated lines that ends an article."""
    last = len(lines)
    while last and clutter[last - 1]:
        last -= 1
    first = last
    while first and (clutter[first - 1] or _is_tag(lines[first - 1])):
        first -= 1
    tags = [index for index in range(first, last) if not clutter[index]]
    if len(tags) >= _FEWEST_TAGS and any(
        len(line) >= _LONG_PARAGRAPH and ends_sentence(line) for line in lines[:first]
    ):
        for index in tags:
            clutter[index] = True


def _is_tag(line: str) -> bool:
    text = line.strip()
    return (
        len(text) <= _LONGEST_TAG
        and len(text.split()) <= _MOST_TAG_WORDS
        and not ends_sentence(text)
        and not text.startswith(_BULLETS)
        and not any(c.isdigit() or c in ":;=" for c in text)
    )


def _mark_categories(lines: Sequence[str], clutter: list[bool]) -> None:
    """Mark a comma-separated list of short names above the first paragraph: "Technology, Industry, News"."""
    for index, line in enumerate(lines[:_TOP]):
        parts = [part.strip() for part in line.split(",")]
        if index and (len(line) > _LONGEST_HEADING or ends_sentence(line)):
            return
        if index and len(parts) > 1 and all(_is_category(part) for part in parts):
            clutter[index] = True


def _is_category(part: str) -> bool:
    return 0 < len(part.split()) <= 3 and _is_tag(part) and not part[:1].islower()


def _kinds(pieces: Sequence[Piece], lines: Sequence[str], clutter: Sequence[bool], title: str) -> list[BlockKind]:
    kinds: list[BlockKind] = []
    prose = _next_prose(lines, clutter)
    long_before = False
    title_seen = False
    for index, (piece, line) in enumerate(zip(pieces, lines, strict=True)):
        if clutter[index]:
            kinds.append("clutter")
        elif piece.kind == "heading" or (title and not title_seen and line.strip() == title):
            kinds.append("heading")
            title_seen = True
        elif piece.kind == "paragraph":
            kinds.append("paragraph")
        else:
            kinds.append(_kind_of_line(line, followed=prose[index], after_long=long_before))
        if kinds[-1] == "paragraph":
            long_before = len(line) >= _LONG_PARAGRAPH
    return kinds


def _next_prose(lines: Sequence[str], clutter: Sequence[bool]) -> list[bool]:
    """Say for each line whether the next line that is no clutter is a paragraph (or a heading above one)."""
    followed = [False] * len(lines)
    is_prose = False
    for index in range(len(lines) - 1, -1, -1):
        followed[index] = is_prose
        if not clutter[index]:
            line = lines[index]
            has_words = len(line.split()) >= _FEWEST_HEADING_WORDS
            is_prose = len(line) > _LONGEST_HEADING or (has_words and ends_sentence(line))
    return followed


def _kind_of_line(line: str, *, followed: bool, after_long: bool) -> BlockKind:
    """Tell a heading, a bare caption and a paragraph apart in a file that marks none of them.

    A heading is short, does not end as a sentence (a question may), and stands above a paragraph. With
    fewer than four words it is more often a picture's caption ("Lee Jae-myung"): clutter between paragraphs.
    """
    text = line.strip()
    words = len(text.split())
    asks = text.endswith(("?", "？", ":", "："))
    if len(text) > _LONGEST_HEADING or words > _MOST_HEADING_WORDS or text.startswith(_BULLETS):
        return "paragraph"
    if not followed or (ends_sentence(text) and not text.endswith(("?", "？"))):
        return "paragraph"
    if asks or words >= _FEWEST_HEADING_WORDS or _is_numbered(text) or _is_korean_heading(text):
        return "heading"
    return "clutter" if after_long else "paragraph"


def _is_numbered(text: str) -> bool:
    number, _, rest = text.partition(" ")
    return bool(rest) and number.rstrip(".)").replace(".", "").isdigit() and number[-1] in ".)"


def _is_korean_heading(text: str) -> bool:
    return sum("가" <= c <= "힣" for c in text) >= 7 and len(text.split()) >= 2


def _source(lines: Sequence[str]) -> Found[str] | None:
    for line in (*lines[:_TOP], *lines[-_TOP:]):
        source = source_in(line)
        if source:
            return Found(source, "text")
    return None


def _author(lines: Sequence[str]) -> Found[str] | None:
    for line in (*lines[:_TOP], *lines[-_TOP:]):
        author = byline(line)
        if author:
            return Found(author, "text")
    return None
