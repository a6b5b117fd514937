"""The pages beside Gradio's: an article with its quotation marked, the icon, the way in; and what they may load."""

from importlib.resources import files
from urllib.parse import urlsplit

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from indexer.articles import Article
from indexer.errors import FootnoteError
from qa.library import Library
from ui.page.markup import ARTICLE_ROUTE, article_html, escape, meta_html
from ui.texts import Words, words_for

PAGE = "/ui"
ARTICLE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


def shipped(name: str) -> str:
    """Return a file that comes with this package."""
    return files("ui.page").joinpath(name).read_text(encoding="utf-8")


def add_pages(app: FastAPI, library: Library) -> None:
    """Add the routes."""

    @app.get("/", include_in_schema=False)
    def home() -> RedirectResponse:
        # Relative, so that it holds behind a proxy that adds a prefix.
        return RedirectResponse(f"{PAGE.removeprefix('/')}/")

    @app.get("/favicon.ico", include_in_schema=False)
    def icon() -> Response:
        return Response(
            shipped("favicon.svg"), media_type="image/svg+xml", headers={"Cache-Control": "public, max-age=86400"}
        )

    @app.get(ARTICLE_ROUTE + "{article_id:path}", include_in_schema=False)
    def article(request: Request, article_id: str, start: str = "", end: str = "", sha: str = "") -> HTMLResponse:
        words, home = words_for(request.headers.get("accept-language")), _home(request)
        found = _find_article(library, article_id)
        if found is None:
            return _article_response(missing_page(words, home=home), status=404)
        span = _span(found, start, end)
        stale = bool(sha) and not found.sha256.startswith(sha)
        return _article_response(article_page(found, span, words, stale=stale, home=home))


def _home(request: Request) -> str:
    """The way up from the address as the browser has it, so that it holds behind a proxy that adds a prefix."""
    raw: bytes = request.scope["raw_path"]
    return "../" * (raw.removeprefix(request.scope.get("root_path", "").encode()).count(b"/") - 1)


def _find_article(library: Library, article_id: str) -> Article | None:
    try:
        return library.generation.articles.get(article_id)
    except FootnoteError:
        return None


def _span(article: Article, start: str, end: str) -> tuple[int, int] | None:
    if not (start.isdecimal() and end.isdecimal() and len(start) < 12 and len(end) < 12):
        return None
    span = int(start), int(end)
    return span if span[0] < span[1] <= len(article.text) else None


def _article_response(page: str, *, status: int = 200) -> HTMLResponse:
    headers = {
        "Content-Security-Policy": ARTICLE_POLICY,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-cache",
    }
    return HTMLResponse(page, status_code=status, headers=headers)


def web_address(url: str | None) -> str | None:
    """Return an address that is plainly one of the web, escaped for an attribute; None for any other."""
    if not url:
        return None
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return None
    return escape(url.strip()) if parts.scheme in ("http", "https") and parts.netloc else None


def article_page(
    article: Article, span: tuple[int, int] | None, words: Words, *, stale: bool, home: str = "../"
) -> str:
    """Render a whole page for one article, at the quoted sentence if there is one; `home` leads back."""
    title = escape(article.title)
    lang = f' lang="{article.language}"' if article.language in ("en", "ko") else ""
    address = web_address(article.url)
    original = f'<a href="{address}" rel="noopener noreferrer">{words.open_original}</a>' if address else ""
    mark = f'<a href="#mark">{words.cited_sentence}</a>' if span else ""
    notice = f'<p class="fn-warning">{words.changed_since}</p>' if stale else ""
    body = article_html(article, span, None, mark_id="mark", heading="h2")
    return _document(
        title,
        f'<h1{lang}>{title}</h1><p class="fn-meta">{meta_html(article, words)}</p>'
        f'<p class="fn-actions">{mark}{original}</p>{notice}<article class="fn-article"{lang}>{body}</article>',
        words,
        home,
    )


def missing_page(words: Words, *, home: str = "../") -> str:
    """Render the page for an article that is not there."""
    body = f'<h1>{words.article_not_found}</h1><p class="fn-note">{words.article_not_found_hint}</p>'
    return _document(words.article_not_found, body, words, home)


def _document(title: str, body: str, words: Words, home: str) -> str:
    return (
        f'<!doctype html><html lang="{words.code}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="icon" href="{home}favicon.ico">'
        f"<title>{title} · Footnote</title><style>{shipped('page.css')}</style></head>"
        f'<body class="fn-page"><header><a href="{home}">{words.back_to_footnote}</a></header>'
        f"<main>{body}</main></body></html>"
    )
