"""Pages and pasted texts as files for the corpus, which keep what is known of them: title, source, date and address."""

import codecs
import html
import json
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import date
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from indexer.articles import Article
from indexer.corpus import is_passed_over
from indexer.errors import UnreadableFileError
from indexer.formats.html import declared_encoding
from indexer.sandbox import shared_pool
from indexer.settings import Settings
from qa.fetching import Page, fetch
from qa.uploads import AddOutcome, shown

# Some characters take four bytes, and a file name has 255.
MAX_STEM_CHARS = 56

File = tuple[str, bytes]

_WORD = re.compile(r"\w+")
# Where a link may stand, the last place first: what a page declares near its top should stay there.
_PLACES = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (rb"()</head\s*>", rb"<head(?:\s[^<>]*)?>()", rb"<html(?:\s[^<>]*)?>()", rb"<!doctype[^<>]*>()")
]
_OF_THE_WEB = re.compile(r"euc_\w+|cp\d+|shift_jis\w*|gb\w+|big5\w*|iso8859-\d+|koi8-[ru]|utf-16(?:-[bl]e)?")
_FENCE = re.compile(r"\s*---[ \t]*\n")
_HTML = frozenset({"text/html", "application/xhtml+xml"})


def add_page(url: str, settings: Settings, add: Callable[[str, bytes], AddOutcome]) -> AddOutcome:
    """Fetch a page and add its file; what cannot be fetched is refused like a file that cannot be read.

    Raises FetchingDisabledError.
    """
    try:
        name, data = page_file(fetch(url, settings))
    except UnreadableFileError as error:
        return AddOutcome(name=shown(url), status="refused", reason=error.reason, detail=error.detail)
    return replace(add(name, data), name=shown(url))


def text_file(
    title: str, text: str, *, source: str | None = None, published: date | None = None, url: str | None = None
) -> File:
    """Return a pasted text as a Markdown file; a front matter of its own stays what it is, as text."""
    fields = {"title": title, "source": source, "published": published, "url": url}
    return f"{stem_of(title) or 'article'}.md", _with_front_matter(fields, text).encode()


def page_file(page: Page) -> File:
    """Return a page as a file of its format, named by its title, from which its address can be read again."""
    name = "page.html" if page.kind in _HTML else "page.md"
    data = _decoded(page)
    original = _read(name, data)
    if original is None:
        return f"{_stem_of_address(page.url)}{PurePosixPath(name).suffix}", data
    article, form = original, data
    if _host(original.url) != _host(page.url):
        forms = _html_forms if page.kind in _HTML else _markdown_forms
        tried = ((_read(name, form), form) for form in forms(data, page.url))
        good = ((found, form) for found, form in tried if found and _is_from(page.url, found, original))
        article, form = next(good, (original, data))
    stem = stem_of(article.title) if article.provenance["title"] != "path" else ""
    return f"{stem or _stem_of_address(page.url)}{PurePosixPath(name).suffix}", form


def _is_from(url: str, article: Article, original: Article) -> bool:
    """Whether an article says where it comes from, in the words of the original."""
    return _host(article.url) == _host(url) and article.text == original.text


def stem_of(title: str) -> str:
    """Return a file name without its ending: the words of a title, joined by hyphens; "" when it has none."""
    words = _WORD.findall(unicodedata.normalize("NFC", title.lower()))
    stem = "-".join(words)[:MAX_STEM_CHARS]
    if len("-".join(words)) > MAX_STEM_CHARS:
        stem = stem.rpartition("-")[0] or stem
    return f"{stem}-article" if stem and is_passed_over(f"{stem}.md") else stem


def _stem_of_address(url: str) -> str:
    parts = urlsplit(url)
    last = PurePosixPath(unquote(parts.path)).stem
    return stem_of(last) or stem_of(parts.hostname or "") or "page"


def _host(url: str | None) -> str:
    """Return where an address leads: what a page says of itself counts when it names its own site."""
    try:
        return (urlsplit(url or "").hostname or "").removeprefix("www.")
    except ValueError:
        return ""


def _read(name: str, data: bytes) -> Article | None:
    """Read a file as an index will; None when it cannot be read, which adding it will say better."""
    try:
        return shared_pool().read(name, data)
    except UnreadableFileError:
        return None


def _decoded(page: Page) -> bytes:
    """Return the body in UTF-8 when only the server names its encoding: the file alone would not say it."""
    if _is_utf8(page.body) or (page.kind in _HTML and declared_encoding(page.body)):
        return page.body
    try:
        codec = codecs.lookup(page.charset or "").name
        return page.body.decode(codec).encode() if _OF_THE_WEB.fullmatch(codec) else page.body
    except (LookupError, ValueError):
        return page.body


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


# ---------------------------------------------------------------- the address, where readers look for it


def _html_forms(data: bytes, url: str) -> Iterator[bytes]:
    """Yield the page with a canonical link at one place after another: readers take the first link."""
    link = f'<link rel="canonical" href="{html.escape(url)}">'.encode()
    for place in filter(None, (pattern.search(data) for pattern in _PLACES)):
        yield data[: place.start(1)] + link + data[place.start(1) :]
    yield b"<head>" + link + b"</head>" + data


def _markdown_forms(data: bytes, url: str) -> Iterator[bytes]:
    """Yield the text with the address in its front matter: readers take the first field of a name.

    Two rules with words between them may be no front matter; then the address has to stand above them.
    """
    text = data.decode("utf-8-sig", "replace").replace("\r\n", "\n")
    opening = _FENCE.match(text)
    if opening:
        yield f"{text[: opening.end()]}url: {json.dumps(url)}\n{text[opening.end() :]}".encode()
    yield _with_front_matter({"url": url}, text).encode()


def _with_front_matter(fields: Mapping[str, str | date | None], text: str) -> str:
    """Put a front matter before a text; JSON's strings are YAML's, once what YAML cannot hold is gone."""
    lines = [
        f"{name}: {json.dumps(_plain(str(value)), ensure_ascii=False)}\n" for name, value in fields.items() if value
    ]
    return f"---\n{''.join(lines)}---\n\n{text}"


def _plain(value: str) -> str:
    """Return a value on one line, without invisible characters."""
    return "".join(mark for mark in " ".join(value.split()) if unicodedata.category(mark)[0] != "C")
