"""What the library holds, as HTML: the list of articles, what to choose from, problems, the trash."""

from collections.abc import Sequence
from datetime import date

from indexer.articles import Article, collections_of
from indexer.errors import FootnoteError
from qa.library import Library
from qa.uploads import Trashed
from ui.page.listing import (
    PAGE_ROWS,
    SORTS,
    UNDATED,
    Row,
    Selection,
    Share,
    Sort,
    View,
    collection_shares,
    language_shares,
    month_shares,
    source_shares,
)
from ui.page.markup import article_address, copies_html, date_html, escape, lang
from ui.texts import Words, counted, written_date, written_language, written_period


def explained(error: FootnoteError, words: Words) -> str:
    """Say what is wrong: that there is no index in the visitor's language, the rest as the error says it."""
    return words.no_index if error.code == "index_missing" else str(error)


# The list


def articles_html(selection: Selection, view: View, words: Words, *, held: int) -> str:
    """Render one page of the list; `held` is how many articles there are in all."""
    if not held:
        return f'<p class="fn-note">{words.no_articles}</p>'
    clear = f'<button type="button" class="fn-link fn-clear" data-key="clear">{words.clear_search}</button>'
    count = counted(words, "count_all", held)
    if view.is_narrowed:
        count = words.count_found.format(found=f"{selection.total:,}", total=f"{held:,}")
    head = f'<p class="fn-count"><span class="fn-counted">{count}</span>{clear if view.is_narrowed else ""}</p>'
    if not selection.total:
        return f'{head}<p class="fn-nothing">{words.nothing_found}</p>'
    columns = "".join(_column(sort, view, words) for sort in SORTS)
    rows = "".join(_row(row, words) for row in selection.rows)
    return (
        f'{head}<table class="fn-table" role="table"><caption class="fn-hidden">{words.library_heading}</caption>'
        f'<thead role="rowgroup"><tr role="row">{columns}<th role="columnheader" scope="col" class="fn-acts">'
        f'<span class="fn-hidden">{words.column_actions}</span></th></tr></thead>'
        f'<tbody role="rowgroup">{rows}</tbody></table>{_pages(selection, words)}'
    )


def _column(sort: Sort, view: View, words: Words) -> str:
    name: str = getattr(words, {"published": "column_date"}.get(sort, f"column_{sort}"))
    order = ("descending" if view.descending else "ascending") if view.sort == sort else ""
    state = f' aria-sort="{order}"' if order else ""
    return (
        f'<th role="columnheader" scope="col" class="fn-col-{sort}"{state}><button type="button" class="fn-sort" '
        f'data-sort="{sort}" data-key="sort-{sort}">{name}<i aria-hidden="true"></i></button></th>'
    )


def _row(row: Row, words: Words) -> str:
    article = row.article
    title, name = escape(article.title), escape(article.id)
    link = f'<a href="{article_address(article, 0, 0)}" target="_blank" rel="noopener"{lang(article)}>{title}</a>'
    delete = (
        f'<button type="button" class="fn-link fn-delete" data-key="delete-{name}" data-article="{name}" '
        f'data-title="{title}">{words.delete}<span class="fn-hidden"> {title}</span></button>'
    )
    cells = (
        ("title", words.column_title, link + _collection(article, words) + copies_html(row.copies, words)),
        ("source", words.column_source, escape(article.source) if article.source else "–"),
        ("published", words.column_date, date_html(article, words)),
        ("language", words.column_language, escape(written_language(words, article.language))),
        ("passages", words.column_passages, f"{row.passages:,}"),
        ("acts", words.column_actions, delete),
    )
    inner = "".join(
        f'<td role="cell" class="fn-col-{kind}" data-label="{label}">{cell}</td>' for kind, label, cell in cells
    )
    return f'<tr role="row">{inner}</tr>'


def _collection(article: Article, words: Words) -> str:
    """Render where an article lies, unless it lies at the top."""
    if article.collection is None:
        return ""
    name = f'<span class="fn-hidden">{words.collection} </span>{escape(article.collection)}'
    return f'<p class="fn-note fn-collection">{name}</p>'


def _pages(selection: Selection, words: Words) -> str:
    if selection.pages == 1:
        return ""
    first = (selection.page - 1) * PAGE_ROWS + 1
    shown = words.page_range.format(
        first=f"{first:,}", last=f"{first + len(selection.rows) - 1:,}", total=f"{selection.total:,}"
    )
    before = _to_page(words.page_before, "before", selection.page - 1, selection.pages)
    after = _to_page(words.page_after, "after", selection.page + 1, selection.pages)
    return f'<nav class="fn-pages" aria-label="{words.pages}">{before}<span>{shown}</span>{after}</nav>'


def _to_page(name: str, key: str, page: int, pages: int) -> str:
    # Not `disabled`, which would take the focus away from whoever has just come to the last page.
    off = "" if 1 <= page <= pages else ' aria-disabled="true"'
    return (
        f'<button type="button" class="fn-button fn-to-page" data-page="{page}" data-key="page-{key}"{off}>'
        f"{name}</button>"
    )


# What to choose from


def search_html(words: Words) -> str:
    """Render the box to search in; it is rendered once, so that nobody loses what is being typed."""
    return (
        f'<h2 class="fn-hidden">{words.library_heading}</h2>'
        f'<input type="search" id="fn-search" autocomplete="off" spellcheck="false" maxlength="200" '
        f'placeholder="{words.search_articles}" aria-label="{words.search_articles}">'
    )


def facets_html(rows: Sequence[Row], view: View, words: Words) -> str:
    """Render what the list can be narrowed to, each with its count, and the order for narrow screens."""
    if not rows:
        return ""
    sources = [share for share in source_shares(rows) if share.kind == "value"]
    months = month_shares(rows)
    if view.month and view.month not in {share.value for share in months} | {UNDATED}:
        # A year, chosen in the picture.
        chosen = sum(row.month.startswith(view.month) for row in rows)
        months = (Share(view.month, chosen), *months)
    selects = [
        _select("source", words.column_source, words.any_source, [(s.value, s.value, s.count) for s in sources], view),
        _select(
            "language",
            words.column_language,
            words.any_language,
            [(s.value, written_language(words, s.value), s.count) for s in language_shares(rows)],
            view,
        ),
        _select(
            "collection",
            words.collection,
            words.any_collection,
            [(s.value, s.value, s.count) for s in collection_shares(rows)],
            view,
        ),
        _select(
            "month",
            words.column_date,
            words.any_month,
            [(s.value or UNDATED, written_month(words, s.value), s.count) for s in months],
            view,
        ),
    ]
    return f'<div class="fn-facets">{"".join(selects)}{_order(view, words)}</div>'


def _select(name: str, label: str, every: str, options: Sequence[tuple[str, str, int]], view: View) -> str:
    if len(options) < 2:
        return ""
    chosen: str = getattr(view, name)
    inner = "".join(
        f'<option value="{escape(value)}"{" selected" if value == chosen else ""}>{escape(shown)} ({count:,})</option>'
        for value, shown, count in options
    )
    return (
        f'<select id="fn-by-{name}" data-facet="{name}" data-key="by-{name}" aria-label="{label}">'
        f'<option value="">{every}</option>{inner}</select>'
    )


def _order(view: View, words: Words) -> str:
    orders = (
        ("published:1", words.sort_newest),
        ("published:", words.sort_oldest),
        ("title:", words.sort_title),
        ("source:", words.sort_source),
        ("passages:1", words.sort_longest),
    )
    chosen = f"{view.sort}:{'1' if view.descending else ''}"
    inner = "".join(
        f'<option value="{value}"{" selected" if value == chosen else ""}>{name}</option>' for value, name in orders
    )
    return f'<select id="fn-order" class="fn-narrow" data-key="order" aria-label="{words.sort_by}">{inner}</select>'


def written_month(words: Words, value: str) -> str:
    """Write "2026-01" as a month, "2026" as a year, and anything else as an unknown date."""
    if not value or value == UNDATED:
        return words.date_unknown
    year, _, month = value.partition("-")
    if not month:
        return written_period(words, date(int(year), 1, 1), date(int(year), 12, 31))
    last = date(int(year), int(month), 28)
    while (last.toordinal() < date.max.toordinal()) and date.fromordinal(last.toordinal() + 1).month == int(month):
        last = date.fromordinal(last.toordinal() + 1)
    return written_period(words, last.replace(day=1), last)


# What is not in the list


def problems_html(library: Library, words: Words) -> str:
    """Render which files of the corpus are no articles, why, and what to do about each."""
    try:
        problems = library.generation.manifest.problems
    except FootnoteError:
        return ""
    if not problems:
        return ""
    items = "".join(
        f"<li><b>{escape(problem.path)}</b> {escape(_reason(problem.code, problem.detail, words))}"
        f'<span class="fn-advice">{getattr(words, f"advice_{problem.code}", "")}</span></li>'
        for problem in problems
    )
    return (
        f'<details class="fn-problems" id="fn-problem-list"><summary data-key="problems">'
        f"{counted(words, 'problems', len(problems))}</summary><ul>{items}</ul></details>"
    )


def _reason(code: str, detail: str, words: Words) -> str:
    # The detail is written by the indexer, in English.
    known: str = getattr(words, f"reason_{code}", "")
    adds = detail and words.code == "en" and not detail.lower().startswith(known)
    return f"{known} ({detail})" if known and adds else known or detail


def trash_html(trash: Sequence[Trashed], titles: dict[str, str], words: Words) -> str:
    """Render what was deleted and can come back; `titles` knows the articles of the live index."""
    if not trash:
        return ""
    items = "".join(
        f'<li><span class="fn-deleted-title">{escape(titles.get(one.article_id, one.article_id))}</span>'
        f'<span class="fn-when">{written_date(words, one.deleted)}</span>'
        f'<button type="button" class="fn-link fn-restore" data-key="restore-{one.trash_id}" '
        f'data-trash="{one.trash_id}" data-title="{escape(titles.get(one.article_id, one.article_id))}" '
        f'data-article="{escape(one.article_id)}">{words.put_back}<span class="fn-hidden"> {escape(one.article_id)}'
        "</span></button></li>"
        for one in trash
    )
    return (
        f'<details class="fn-trash" id="fn-trash-list"><summary data-key="trash">'
        f"{counted(words, 'trash', len(trash))}</summary>"
        f'<p class="fn-note">{words.trash_hint}</p><ul>{items}</ul></details>'
    )


def filter_choices(library: Library, words: Words) -> dict[str, list[tuple[str, str]]]:
    """Return what can be filtered by, under the names that `Filters` has, as (shown, value)."""
    try:
        articles = list(library.generation.articles.values())
    except FootnoteError:
        articles = []
    sources = sorted({article.source for article in articles if article.source})
    languages = sorted({article.language for article in articles})
    return {
        "sources": [(_shown(name), name) for name in sources],
        "languages": [(written_language(words, code), code) for code in languages],
        "collections": [(_shown(name), name) for name in collections_of(articles)],
    }


def _shown(name: str) -> str:
    """Return a name for an element of Gradio's, which takes what stands behind this mark for a word to translate."""
    return name.replace("__i18n__", "__i18n_\u2060_")
