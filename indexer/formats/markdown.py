"""Markdown → Document: front matter, then the body as plain text that reads and quotes well."""

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date

from markdown_it import MarkdownIt
from markdown_it.token import Token

from indexer.formats.dates import read_date
from indexer.formats.decoding import Decoded
from indexer.formats.document import Document, Fields, Found, PieceKind, join_pieces
from indexer.formats.front_matter import FrontMatter, Value, read_front_matter
from indexer.formats.marking import mark

_PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
_TAG = re.compile(r"<[^<>]{0,2000}>")
_HIDDEN_HTML = re.compile(r"<(script|style|template)\b.*?(?:</\1\s*>|\Z)|<!--.*?(?:-->|\Z)", re.IGNORECASE | re.DOTALL)
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)

Part = tuple[PieceKind, str]


def read_markdown(decoded: Decoded) -> Document:
    """Read a Markdown article; its front matter wins over what the body shows."""
    front = read_front_matter(decoded.text)
    parts = list(_parts(decoded.text[front.body_start :]))
    text, pieces = join_pieces(parts)
    fields, warnings = _front_fields(front)
    title = fields.title or _first_heading(parts)
    marked = mark(text, pieces, title=title.value if title else "")
    fields = replace(
        fields,
        title=title,
        source=fields.source or marked.source,
        published=fields.published or (None if warnings else marked.published),
        author=fields.author or marked.author,
    )
    return Document(text, marked.blocks, fields, (*decoded.warnings, *front.warnings, *warnings))


def _first_heading(parts: Sequence[Part]) -> Found[str] | None:
    """Return the heading that opens the article, if one does before any paragraph."""
    if parts and parts[0][0] == "heading":
        return Found(parts[0][1], "text")
    return None


# ---------------------------------------------------------------- front matter


def _front_fields(front: FrontMatter) -> tuple[Fields, list[str]]:
    """Pick the known fields; a date that is none leaves the date unknown, with a warning."""
    values = front.values
    published: Found[date] | None = None
    warnings: list[str] = []
    written = _text(values.get("published") or values.get("date"))
    if written:
        day = read_date(written.value)
        published = Found(day, "front matter") if day else None
        if not day:
            warnings.append(f"front matter date {written.value[:40]!r} is not a date")
    return (
        Fields(
            title=_text(values.get("title")),
            source=_text(values.get("source")),
            published=published,
            author=_text(values.get("author")),
            url=_text(values.get("url")),
            language=_text(values.get("language") or values.get("lang")),
            tags=_tags(values.get("tags")),
        ),
        warnings,
    )


def _text(value: Value | None) -> Found[str] | None:
    joined = ", ".join(value) if isinstance(value, tuple) else value or ""
    plain = " ".join(joined.split())
    return Found(plain, "front matter") if plain else None


def _tags(value: Value | None) -> Found[tuple[str, ...]] | None:
    items = value.strip("[]").split(",") if isinstance(value, str) else value or ()
    tags = tuple(tag for tag in (item.strip(" \"'") for item in items) if tag)
    return Found(tags, "front matter") if tags else None


# ---------------------------------------------------------------- body


def _parts(body: str) -> Iterator[Part]:
    """Yield the body block by block: headings, paragraphs, list items, table rows, code."""
    row: list[str] = []
    in_cell = False
    kind: PieceKind = "paragraph"
    for token in _PARSER.parse(body):
        match token.type:
            case "heading_open" | "heading_close":
                kind = "heading" if token.nesting > 0 else "paragraph"
            case "tr_open":
                row = []
            case "tr_close":
                yield "paragraph", " | ".join(row)
            case "th_open" | "td_open" | "th_close" | "td_close":
                in_cell = token.nesting > 0
            case "inline" if in_cell:
                row.append(_one_line(_inline(token)))
            case "inline":
                yield kind, _one_line(_inline(token)) if kind == "heading" else _inline(token)
            case "fence" | "code_block":
                yield "paragraph", token.content
            case "html_block":
                yield from (("paragraph", part) for part in _plain_html(token.content).split("\n\n"))


def _inline(token: Token) -> str:
    """Return the words of one inline token: links keep their text, images and mark-up go."""
    pieces = []
    for child in token.children or ():
        match child.type:
            case "text" | "code_inline":
                pieces.append(child.content)
            case "softbreak":
                pieces.append(" ")
            case "hardbreak":
                pieces.append("\n")
            case "html_inline" if _BREAK.fullmatch(child.content):
                pieces.append("\n")
    return "\n".join(_one_line(line) for line in "".join(pieces).split("\n"))


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _plain_html(markup: str) -> str:
    """Return the text of a raw HTML block, without scripts, styles and comments."""
    visible = _BREAK.sub("\n", _HIDDEN_HTML.sub("", markup))
    return html.unescape(_TAG.sub("", visible))
