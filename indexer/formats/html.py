"""HTML → Document: the article of a page, found by trafilatura, and the metadata the page states."""

import logging
import re
from collections.abc import Iterator
from datetime import date
from typing import Any

import trafilatura

from indexer.errors import UnreadableFileError
from indexer.formats.dates import dates_in, read_date
from indexer.formats.decoding import Decoded, normalise
from indexer.formats.document import Document, Fields, Found, PieceKind, join_pieces
from indexer.formats.marking import mark

_DECLARED = re.compile(
    rb"""<(?:meta\b|\?xml\b)[^>]{0,500}?(?:charset|encoding)\s{0,5}=\s{0,5}["']?\s{0,5}([\w.:-]{2,40})""",
    re.IGNORECASE,
)
_XML_DECLARATION = re.compile(r"(?<!\s)\s*<\?xml[^>]{0,500}\?>")
_IS_WHOLE = re.compile(r"<(?:!doctype|html|head|body)[\s>]", re.IGNORECASE)
_NUMBERED = re.compile(r"&#(?:x([0-9a-f]{1,7})|(\d{1,7}));?", re.IGNORECASE)
_HEAD_BYTES = 4096
# Only what the page states about itself counts; a date guessed from its words would be invented.
_DATES = {"extensive_search": False, "original_date": True}
_DATED_ADDRESS = re.compile(r"/((?:19|20)\d\d)/([a-z]{3})/(\d{1,2})/")
_DATA_SCRIPTS = ("application/ld+json", "application/settings+json")
_LONGEST_TITLE = 300
_LONGEST_DATE_LINE = 80

# A page without an article is reported as a problem of its file; it needs no lines on standard error.
for _name in ("trafilatura", "htmldate"):
    logging.getLogger(_name).addHandler(logging.NullHandler())

_ON_THEIR_OWN_LINES = ("lb", "p", "head", "item", "row")

Part = tuple[PieceKind, str]
# An lxml element and a trafilatura document: both libraries come without types.
Element = Any
Page = Any


def declared_encoding(data: bytes) -> str | None:
    """Return the encoding an HTML page claims for itself near its top."""
    match = _DECLARED.search(data[:_HEAD_BYTES])
    return match[1].decode("ascii") if match else None


def read_html(decoded: Decoded) -> Document:
    """Read the article of an HTML page.

    Raises UnreadableFileError: no_text when the page holds no article, malformed when it is nested too deeply or has no
    place for its body.
    """
    markup = _NUMBERED.sub(_without_controls, _XML_DECLARATION.sub("", decoded.text, count=1))
    page = _extract(markup)
    if page is None or page.body is None:
        raise UnreadableFileError("no_text", "The page holds no article text.")
    text, pieces = join_pieces(_parts(page.body))
    title = _line(page.title)[:_LONGEST_TITLE]
    marked = mark(text, pieces, title=title)
    published = _published(page, title, text, markup)
    fields = Fields(
        title=_found(title),
        source=_found(_line(page.sitename)) or marked.source,
        published=Found(published, "metadata") if published else marked.published,
        author=_found(_line(page.author)) or marked.author,
        url=_found(_line(page.url)),
        language=_found(_line(page.language)),
        tags=_tags(page),
    )
    return Document(text, marked.blocks, fields, decoded.warnings)


def _without_controls(reference: re.Match[str]) -> str:
    """Let "&#11;", a line break of some word processors, be a space: of a control character no XML can be made."""
    number = int(reference[1], 16) if reference[1] else int(reference[2])
    is_control = number < ord(" ") and number not in (9, 10, 13)
    return " " if is_control or number in (0xFFFE, 0xFFFF) else reference[0]


def _extract(markup: str) -> Page | None:
    if not _IS_WHOLE.search(markup):
        markup = f"<html><body><article>{markup}</article></body></html>"
    try:
        return trafilatura.bare_extraction(
            _without_scripts(trafilatura.load_html(markup)),
            with_metadata=True,
            include_comments=False,
            include_tables=True,
            date_extraction_params=dict(_DATES),
        )
    except RecursionError as error:
        raise UnreadableFileError("malformed", "The page is nested too deeply.") from error
    except AssertionError as error:
        # lxml will not take an element out that has no parent: of `<math>…</math><body>` the formula is the root.
        raise UnreadableFileError("malformed", "The page begins before its body does.") from error


def _without_scripts(tree: Element | None) -> Element | None:
    """Take out scripts and comments: the times in them are of the visit or the cache, not of the article."""
    if tree is not None:
        for script in list(tree.iter("script")):
            if script.get("type") not in _DATA_SCRIPTS:
                script.drop_tree()
        for comment in list(tree.xpath("//comment()")):
            if comment.getparent() is not None:
                comment.drop_tree()
    return tree


def _published(page: Page, title: str, text: str, markup: str) -> date | None:
    """Return the day the page states in its address, its metadata or beside the article.

    trafilatura, finding none there, takes a day of which the title or the text speaks: no date is better.
    """
    address = _DATED_ADDRESS.search(_line(page.url))
    stated = read_date(f"{address[3]} {address[2]} {address[1]}") if address else None
    day = stated or read_date(page.date or "")
    if stated or day is None:
        return stated
    written = markup.count(day.isoformat())
    told = sum(line.count(day.isoformat()) for line in text.split("\n") if len(line) > _LONGEST_DATE_LINE)
    is_guess = written <= told if told else not written and day in dates_in(title)
    return None if is_guess else day


def _found(value: str) -> Found[str] | None:
    return Found(value, "metadata") if value else None


def _line(value: object) -> str:
    return " ".join(normalise(str(value)).split()) if value else ""


def _tags(page: Page) -> Found[tuple[str, ...]] | None:
    names = [_line(name) for value in (page.tags or ()) for name in str(value).split(",")]
    tags = tuple(dict.fromkeys(name for name in names if name))
    return Found(tags, "metadata") if tags else None


# ---------------------------------------------------------------- body


def _parts(body: Element) -> Iterator[Part]:
    """Yield trafilatura's body block by block; one list item and one table row make one block each."""
    for element in body:
        match element.tag:
            case "head":
                yield "heading", _line(_text(element))
            case "table":
                for row in element.iter("row"):
                    yield "paragraph", " | ".join(filter(None, (_line(_text(cell)) for cell in row.iter("cell"))))
            case "list":
                yield from (("paragraph", line) for item in element.iter("item") for line in _lines(_own_text(item)))
            case "quote" if len(element) and element[0].tag in ("p", "head", "list"):
                yield from _parts(element)
            case _:
                yield from (("paragraph", line) for line in _lines(_text(element)))
        if element.tail and element.tail.strip():
            yield "paragraph", element.tail


def _text(element: Element) -> str:
    """Return all text below an element, a line end around each break, paragraph and item."""
    return "".join(_texts(element))


def _texts(element: Element) -> Iterator[str]:
    """Yield them one by one. The tree stays as it is: lxml reads more characters than it writes."""
    yield _break(element) + (element.text or "")
    for child in element:
        yield from _texts(child)
        yield _break(child) + (child.tail or "")


def _break(element: Element) -> str:
    return "\n" if element.tag in _ON_THEIR_OWN_LINES else ""


def _own_text(item: Element) -> str:
    """Return the text of a list item without the items of lists inside it, which come on their own."""
    pieces = [item.text or ""]
    for child in item:
        pieces.append("" if child.tag == "list" else _text(child))
        pieces.append(child.tail or "")
    return "".join(pieces)


def _lines(text: str) -> Iterator[str]:
    for line in text.split("\n"):
        if line.strip():
            yield " ".join(line.split())
