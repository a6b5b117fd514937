"""The list of articles: what is looked for, in which order, a page at a time; pure."""

import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError

from indexer.articles import Article, collections_of
from indexer.generation import Generation

PAGE_ROWS = 50
MAX_VIEW_CHARS = 10_000
# In place of a month: the articles without a date.
UNDATED = "none"

Sort = Literal["title", "source", "published", "language", "passages"]
SORTS: tuple[Sort, ...] = ("title", "source", "published", "language", "passages")


@dataclass(frozen=True, slots=True)
class View:
    """What a visitor wants to see: `month` is "2026-01", "2026" or `UNDATED`; an empty field leaves nothing out.

    `do` says how much of the tab is to be shown anew, `generation` what the visitor sees, and `known` the last rebuild
    whose end is no news any more.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    do: Literal["articles", "all", "watch"] = "articles"
    text: str = ""
    source: str = ""
    language: str = ""
    collection: str = ""
    month: str = ""
    sort: Sort = "published"
    descending: bool = True
    page: int = 1
    generation: str = ""
    known: str = ""

    @property
    def is_narrowed(self) -> bool:
        """Whether something is left out."""
        return bool(self.text.strip() or self.source or self.language or self.collection or self.month)


@dataclass(frozen=True, slots=True)
class Row:
    """An article as it is listed; `copies` are the articles that carry its story, `key` is what a search looks at."""

    article: Article
    passages: int
    copies: tuple[str, ...]
    key: str

    @property
    def month(self) -> str:
        """The month of publication, or `UNDATED`."""
        return self.article.published.isoformat()[:7] if self.article.published else UNDATED


@dataclass(frozen=True, slots=True)
class Selection:
    """One page of the rows that a view leaves; `total` counts them all, `page` counts from 1 to `pages`."""

    rows: tuple[Row, ...]
    total: int
    page: int
    pages: int


_VIEW = TypeAdapter(View)


def read_view(text: str) -> View:
    """Read a view as JSON; what is none is the view of a fresh page."""
    try:
        return _VIEW.validate_json(text[:MAX_VIEW_CHARS], strict=True)
    except ValidationError:
        return View()


def folded(text: str) -> str:
    """Return text as it is searched: without case and accents, and Hangul in letters, so that half a syllable finds."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(mark for mark in apart if unicodedata.category(mark) != "Mn")


def rows_of(generation: Generation) -> tuple[Row, ...]:
    """List the articles of a generation, by title."""
    passages = Counter(passage.article_id for passage in generation.passages)
    stories = {one: (head, *others) for head, others in generation.duplicates.items() for one in (head, *others)}
    rows = [
        Row(
            article,
            passages[article.id],
            tuple(other for other in stories.get(article.id, ()) if other != article.id),
            folded("\n".join((article.title, article.id, article.source or "", article.author or "", *article.tags))),
        )
        for article in generation.articles.values()
    ]
    return tuple(sorted(rows, key=lambda row: (row.key, row.article.id)))


def select(rows: Sequence[Row], view: View, gone: Collection[str] = ()) -> Selection:
    """Return the page that a view asks for; `gone` are articles that are deleted already."""
    wanted = folded(view.text).split()
    found = [row for row in rows if row.article.id not in gone and _passes(row, view, wanted)]
    pages = max(1, -(-len(found) // PAGE_ROWS))
    page = min(max(1, view.page), pages)
    ordered = _ordered(found, view)
    return Selection(tuple(ordered[(page - 1) * PAGE_ROWS : page * PAGE_ROWS]), len(found), page, pages)


def _passes(row: Row, view: View, wanted: Sequence[str]) -> bool:
    return (
        (not view.source or row.article.source == view.source)
        and (not view.language or row.article.language == view.language)
        and (not view.collection or row.article.is_in(view.collection))
        and row.month.startswith(view.month)
        and all(word in row.key for word in wanted)
    )


def _ordered(rows: Iterable[Row], view: View) -> list[Row]:
    """Sort; equals stay in the order of their titles, and what has no value comes last in either direction."""
    valued = [(_value(row, view.sort), row) for row in rows]
    known = [(value, row) for value, row in valued if value is not None]
    known.sort(key=lambda pair: pair[0], reverse=view.descending)
    return [row for _, row in known] + [row for value, row in valued if value is None]


def _value(row: Row, sort: Sort) -> tuple[str | int, ...] | None:
    article = row.article
    match sort:
        case "title":
            return (folded(article.title), article.id)
        case "source":
            return (folded(article.source),) if article.source else None
        case "published":
            return (article.published.toordinal(),) if article.published else None
        case "language":
            return (article.language,)
        case "passages":
            return (row.passages,)


# What there is to choose from, and the pictures of it


@dataclass(frozen=True, slots=True)
class Share:
    """How many articles have one value; `kind` is "rest" for all smaller values together, "none" for no value."""

    value: str
    count: int
    kind: Literal["value", "rest", "none"] = "value"


def source_shares(rows: Iterable[Row], most: int | None = None) -> tuple[Share, ...]:
    """Count the articles of each source, the largest first; what is beyond `most` is one share."""
    counts = Counter(row.article.source for row in rows)
    without = counts.pop(None, 0)
    named = sorted(((name, count) for name, count in counts.items() if name), key=lambda one: (-one[1], one[0]))
    # A rest of one would take as much room as the one.
    cut = len(named) if most is None or len(named) <= most + 1 else most
    shares = [Share(name, count) for name, count in named[:cut]]
    rest = sum(count for _, count in named[cut:])
    return tuple(shares + _further(rest, without))


def language_shares(rows: Iterable[Row]) -> tuple[Share, ...]:
    """Count the articles of each language, the largest first."""
    counts = Counter(row.article.language for row in rows)
    return tuple(Share(code, count) for code, count in sorted(counts.items(), key=lambda one: (-one[1], one[0])))


def collection_shares(rows: Iterable[Row]) -> tuple[Share, ...]:
    """Count the articles of each collection, nested ones included, in the order of their names."""
    return tuple(Share(name, count) for name, count in collections_of(row.article for row in rows).items())


def month_shares(rows: Iterable[Row]) -> tuple[Share, ...]:
    """Count the articles of each month that has any, the latest first, the undated last."""
    counts = Counter(row.month for row in rows)
    without = counts.pop(UNDATED, 0)
    return tuple([Share(month, counts[month]) for month in sorted(counts, reverse=True)] + _further(0, without))


def time_shares(rows: Iterable[Row], most: int = 24) -> tuple[Share, ...]:
    """Count the articles over time, empty months included, the latest last; years where the months are too many.

    Years beyond `most` are one share in front.
    """
    dates = [row.article.published for row in rows]
    known = sorted(day for day in dates if day)
    without = len(dates) - len(known)
    if not known:
        return tuple(_further(0, without))
    months, years = _months(known[0], known[-1]), range(known[0].year, known[-1].year + 1)
    if len(months) <= most:
        values, width = months, 7
    else:
        values, width = [f"{year:04}" for year in years[-most:]], 4
    counts = Counter(day.isoformat()[:width] for day in known)
    shares = [Share(value, counts[value]) for value in values]
    earlier = len(known) - sum(share.count for share in shares)
    return tuple(_further(earlier, 0) + shares + _further(0, without))


def _months(first: date, last: date) -> list[str]:
    low, high = first.year * 12 + first.month - 1, last.year * 12 + last.month - 1
    return [f"{number // 12:04}-{number % 12 + 1:02}" for number in range(low, high + 1)]


def _further(rest: int, without: int) -> list[Share]:
    return [Share("", rest, "rest")] * bool(rest) + [Share("", without, "none")] * bool(without)
