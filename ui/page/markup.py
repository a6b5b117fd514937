"""Articles to safe HTML; pure, and the one place where text of others is escaped.

Every function returns HTML in which only our own tags and attributes occur. Text is written with each ASCII
mark of punctuation as a numeric entity, so that neither HTML nor Markdown nor a template finds anything in it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from urllib.parse import quote, urlencode

from indexer.articles import Article, Block
from qa.answer import Answer
from qa.conflicts import Side
from qa.retrieval import Filters
from ui.texts import Words, written_date

ARTICLE_ROUTE = "/articles/"
_UNSAFE = re.compile(r"[\x00-\x1f!-/:-@\[-`{-~\x7f]")


@dataclass(frozen=True, slots=True)
class Exchange:
    """One answer of a conversation as the page shows it: `turn` counts from 1 and scopes every id."""

    turn: int
    answer: Answer
    filters: Filters = field(default_factory=Filters)


def escape(text: str) -> str:
    """Return text that reads the same and means nothing to HTML, Markdown, templates or attributes."""
    whole = text.encode("utf-8", "replace").decode()
    return _UNSAFE.sub(_entity, whole)


def _entity(match: re.Match[str]) -> str:
    code = ord(match.group())
    # A control character has no place in HTML; line ends and tabs have.
    return "&#65533;" if (code < 32 and code not in (9, 10)) or code == 127 else f"&#{code};"


# What belongs together: numbers in the chat and the cards of their sources


def card_id(turn: int, name: str) -> str:
    """Return the id of a card: `c1` is citation 1, `c0` the closest passage, and `side_name` the side of a conflict."""
    return f"t{turn}-{name}"


def articles_of(answer: Answer) -> dict[str, Article]:
    """Return the articles that an answer was made from, by id."""
    found = {hit.article.id: hit.article for hit in answer.hits}
    found |= {side.evidence.article.id: side.evidence.article for side in sides_of(answer).values()}
    return found | {item.article.id: item.article for item in answer.evidence}


def side_name(conflict: int, side: int) -> str:
    """Name a side of a conflict; both count from 1."""
    return f"s{conflict}-{side}"


def sides_of(answer: Answer) -> dict[str, Side]:
    """Return the sides of all conflicts by their names."""
    return {
        side_name(place, number): side
        for place, conflict in enumerate(answer.conflicts, start=1)
        for number, side in enumerate(conflict.sides, start=1)
    }


# Articles


def meta_html(article: Article | None, words: Words) -> str:
    """Render where an article comes from: source, date, and how the date is known."""
    if article is None:
        return ""
    parts = [f"<span>{escape(article.source)}</span>"] if article.source else []
    return "".join([*parts, f"<span>{date_html(article, words)}</span>"])


def date_html(article: Article, words: Words) -> str:
    """Render a date with its origin, or that none is known."""
    if article.published is None:
        return words.date_unknown
    origin = article.provenance.get("published")
    how = getattr(words, f"date_{origin.replace(' ', '_')}") if origin else ""
    day = f'<time datetime="{article.published.isoformat()}">{written_date(words, article.published)}</time>'
    return f'{day} <span class="fn-origin">({how})</span>' if how else day


def lang(article: Article | None) -> str:
    """Return the attribute that says which language an article is in, if it is known."""
    return f' lang="{article.language}"' if article and article.language in ("en", "ko") else ""


def _page(article_id: str) -> str:
    """Relative to the page at /ui/, so that it holds behind a proxy that adds a prefix."""
    return f"..{ARTICLE_ROUTE}{quote(article_id, safe='/')}"


def copies_html(article_ids: Sequence[str], words: Words) -> str:
    """Name the other articles that carry a passage, each with a link to its page; nothing when there is none."""
    links = ", ".join(
        f'<a href="{escape(_page(name))}" target="_blank" rel="noopener">{escape(name)}</a>' for name in article_ids
    )
    return f'<p class="fn-note">{words.also_in} {links}</p>' if links else ""


def article_address(article: Article, start: int, end: int) -> str:
    """Return the address of an article's page from /ui/, at a slice if it is not empty, escaped for an attribute."""
    address = _page(article.id)
    if start < end:
        address += f"?{urlencode({'start': start, 'end': end, 'sha': article.sha256[:16]})}#mark"
    return escape(address)


def article_html(
    article: Article,
    cited: tuple[int, int] | None,
    passage: tuple[int, int] | None,
    *,
    mark_id: str,
    window: tuple[int, int] | None = None,
    heading: str = "h3",
) -> str:
    """Render an article block by block with the cited slice in `<mark>` and its passage set off lightly."""
    low, high = window or (0, len(article.text))
    shown = [(block.kind, max(low, block.start), min(high, block.end)) for block in article.blocks]
    blocks, marked = [], False
    for block in [Block(kind, start, end) for kind, start, end in shown if start < end]:
        has_mark = cited is not None and block.start < cited[1] and cited[0] < block.end
        inner = _slices(article, block, cited, passage, mark_id="" if marked or not has_mark else mark_id)
        marked = marked or has_mark
        tag = heading if block.kind == "heading" else "p"
        blocks.append(f'<{tag} class="fn-{block.kind}">{inner}</{tag}>')
    return "".join(blocks)


def _slices(
    article: Article,
    block: Block,
    cited: tuple[int, int] | None,
    passage: tuple[int, int] | None,
    *,
    mark_id: str,
) -> str:
    edges = {block.start, block.end}
    for span in (cited, passage):
        edges.update(edge for edge in span or () if block.start < edge < block.end)
    cuts = sorted(edges)
    parts = []
    for start, end in pairwise(cuts):
        text = escape(article.quote(start, end))
        if cited and cited[0] <= start < cited[1]:
            identity = f' id="{mark_id}" tabindex="-1"' if mark_id else ""
            parts.append(f"<mark{identity}>{text}</mark>")
            mark_id = ""
        elif passage and passage[0] <= start < passage[1]:
            parts.append(f'<span class="fn-passage">{text}</span>')
        else:
            parts.append(text)
    return "".join(parts)
