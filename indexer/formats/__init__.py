"""Bytes → `Article`: one reader per format, chosen by suffix and corrected by what the bytes are."""

import re
from pathlib import PurePosixPath

from indexer.articles import Article, Origin
from indexer.errors import UnreadableFileError
from indexer.formats.decoding import decode, normalise
from indexer.formats.document import Document, Fields
from indexer.formats.html import declared_encoding, read_html
from indexer.formats.markdown import read_markdown
from indexer.formats.text import read_text
from indexer.language import detect_language

# To be raised when a change to a reader makes other articles of the same files.
FORMATS = "readers/4"

_TEXT = frozenset({".txt", ".text"})
_MARKDOWN = frozenset({".md", ".markdown"})
_HTML = frozenset({".html", ".htm", ".xhtml"})
SUFFIXES = _TEXT | _MARKDOWN | _HTML

_IS_PAGE = re.compile(r"\s*(?:<\?xml[^>]{0,500}\?>\s*)?<(?:!doctype html|html[\s>])", re.IGNORECASE)
_ANY_TAG = re.compile(r"</?[a-zA-Z!]")
_PAGE_START = re.compile(rb"\s*<(?:!doctype\s|html|\?xml)", re.IGNORECASE)
_LANGUAGE_CODE = re.compile(r"[a-z]{2,3}")
_LANGUAGE_NAMES = {"english": "en", "korean": "ko", "eng": "en", "kor": "ko", "영어": "en", "한국어": "ko"}


def read_article(article_id: str, data: bytes) -> Article:
    """Read one file into an article; a function of its arguments alone.

    Raises UnreadableFileError with the reason: empty, binary, encoding, unsupported, no_text or malformed.
    """
    path = PurePosixPath(article_id)
    document = _read(path.suffix.lower(), data)
    if not any(block.kind == "paragraph" for block in document.blocks):
        raise UnreadableFileError("no_text", "The file holds no sentence to quote.")
    fields = document.fields
    title = fields.title.value if fields.title else ""
    return Article(
        id=article_id,
        text=document.text,
        title=title or _readable(path.stem),
        language=_language(fields, document),
        blocks=document.blocks,
        source=fields.source.value if fields.source else None,
        published=fields.published.value if fields.published else None,
        author=fields.author.value if fields.author else None,
        url=fields.url.value if fields.url else None,
        tags=fields.tags.value if fields.tags else (),
        provenance=_provenance(fields, has_title=bool(title)),
        warnings=document.warnings,
    )


def _read(suffix: str, data: bytes) -> Document:
    if suffix not in SUFFIXES:
        raise UnreadableFileError("unsupported", f"Files ending in {suffix or 'nothing'!r} are not read.")
    is_html = suffix in _HTML
    looks_like_page = is_html or _PAGE_START.match(data[:1024]) is not None
    decoded = decode(data, declared=declared_encoding(data) if looks_like_page else None)
    if (is_html and _ANY_TAG.search(decoded.text)) or (not is_html and _IS_PAGE.match(decoded.text)):
        return read_html(decoded)
    return read_markdown(decoded) if suffix in _MARKDOWN else read_text(decoded)


def _language(fields: Fields, document: Document) -> str:
    """Return the stated language when it is a language code, else the one the body is written in."""
    if fields.language:
        stated = fields.language.value.strip().lower()
        code = _LANGUAGE_NAMES.get(stated, stated.replace("_", "-").partition("-")[0])
        if _LANGUAGE_CODE.fullmatch(code):
            return code
    return _detected(document)


def _detected(document: Document) -> str:
    body = " ".join(document.text[b.start : b.end] for b in document.blocks if b.kind == "paragraph")
    return detect_language(body)


def _provenance(fields: Fields, *, has_title: bool) -> dict[str, Origin]:
    origins: dict[str, Origin] = {"title": "path", "language": "text"}
    for name in Fields.__dataclass_fields__:
        found = getattr(fields, name)
        if found and (name != "title" or has_title):
            origins[name] = found.origin
    return origins


def _readable(stem: str) -> str:
    """Turn a file name into a title: "2025-korea_ai-push" → "2025 korea ai push"."""
    plain = " ".join(re.sub(r"[-_.]+", " ", normalise(stem)).split())
    return plain or stem
