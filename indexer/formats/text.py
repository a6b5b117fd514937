"""Plain text → Document: the lines as they are; what they are is read from their shape."""

import re

from indexer.articles import Block
from indexer.formats.clutter import ends_sentence, is_caption, is_clutter
from indexer.formats.dates import is_date_line
from indexer.formats.decoding import Decoded
from indexer.formats.document import Document, Fields, Found, Piece
from indexer.formats.marking import mark
from indexer.language import detect_language, split_sentences

_TOP = 10
_LONGEST_TITLE = 200
_SHORT_TITLE = 90
_WRAP_WIDTH = 100
_NARROWEST = 35
_SLACK = 4
_FEWEST_WRAPPED = 3
_WRAPPED_SHARE = 0.8
_CUT_SHARE = 0.6
_MOST_SCANNED = 3000
_TITLE_MAY_END = ("...", "U.S.", "Inc.", "Co.", "Corp.", "Ltd.")
_LINE = re.compile(r"[^\n]+")


def read_text(decoded: Decoded) -> Document:
    """Read a plain-text article; without a title line the title is the start of its first sentence."""
    text = _unwrap(decoded.text)
    pieces = _pieces(text)
    title_line = _title_line(text, pieces)
    marked = mark(text, pieces, title=title_line or "")
    title = title_line or _first_sentence(text, [b for b in marked.blocks if b.kind == "paragraph"])
    fields = Fields(
        title=Found(title, "text") if title else None,
        source=marked.source,
        published=marked.published,
        author=marked.author,
    )
    return Document(text, marked.blocks, fields, decoded.warnings)


def _unwrap(text: str) -> str:
    """Join the lines of a hard-wrapped text; one space replaces one line end, so offsets stay.

    A text counts as wrapped when nearly every line that is followed by another is as full as it can be,
    and most of them stop in the middle of a sentence.
    """
    lines = text.split("\n")
    width = max(len(line.rstrip()) for line in lines)
    if not _NARROWEST <= width <= _WRAP_WIDTH:
        return text
    inner = [i for i in range(len(lines) - 1) if lines[i].strip() and lines[i + 1].strip()]
    full = {i for i in inner if _is_full(lines[i], lines[i + 1], width)}
    cut = sum(not ends_sentence(lines[i]) for i in full)
    if len(full) < max(_FEWEST_WRAPPED, _WRAPPED_SHARE * len(inner)) or cut < _CUT_SHARE * len(full):
        return text
    joined = [line + (" " if i in full else "\n") for i, line in enumerate(lines)]
    return "".join(joined)[:-1]


def _is_full(line: str, following: str, width: int) -> bool:
    """Say whether the first word of the next line would not have fitted on this one."""
    return len(line.rstrip()) + 1 + len(following.split(maxsplit=1)[0]) > width - _SLACK


def _pieces(text: str) -> list[Piece]:
    pieces = []
    for match in _LINE.finditer(text):
        line = match.group()
        if line.strip():
            start = match.start() + len(line) - len(line.lstrip())
            pieces.append(Piece("line", start, start + len(line.strip())))
    return pieces


def _title_line(text: str, pieces: list[Piece]) -> str | None:
    """Return the first line that is no clutter when it can be a title and something stands below it.

    An article may open with a picture's caption or straight with its first paragraph: then there is none.
    """
    lines = [text[piece.start : piece.end] for piece in pieces[: _TOP + 1]]
    for index, line in enumerate(lines[:_TOP]):
        if is_caption(line) or _is_statement(line):
            return None
        if not is_clutter(line) and not is_date_line(line):
            is_title = len(line) <= _LONGEST_TITLE and index + 1 < len(lines)
            return line if is_title else None
    return None


def _is_statement(line: str) -> bool:
    """Say whether a line ends with a full stop, as titles do not."""
    core = line.rstrip("\"'”’」』) ")
    return core.endswith((".", "。")) and not core.endswith(_TITLE_MAY_END)


def _first_sentence(text: str, blocks: list[Block]) -> str:
    """Return the first sentence of the body, shortened at a word when it is long."""
    if not blocks:
        return ""
    body = text[blocks[0].start : blocks[0].end]
    start, end = split_sentences(body[:_MOST_SCANNED], detect_language(body))[0]
    sentence = body[start:end]
    if len(sentence) <= _SHORT_TITLE:
        return sentence.rstrip(".")
    head = sentence[:_SHORT_TITLE]
    return (head.rpartition(" ")[0] or head).rstrip(" ,;:") + "…"
