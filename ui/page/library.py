"""The tab with the articles: what there is, what may be added, how a rebuild goes.

The API changes things and this shows them: library.js sends what the visitor wants to do to the API and what the
visitor wants to see (a `View`) to `show`, also when it notices that something has changed elsewhere.
"""

from collections.abc import Callable
from typing import Any

from indexer.errors import FootnoteError
from indexer.settings import Settings
from qa.library import Library
from ui.page.adding import adding_html, reading_html, script_words_html
from ui.page.charts import charts_html
from ui.page.elements import QUIET, Update, gr, hidden_box, html, words_of
from ui.page.holdings import articles_html, facets_html, problems_html, search_html, trash_html
from ui.page.listing import Row, View, read_view, rows_of, select
from ui.page.rebuilding import index_html, job_html, status_html
from ui.texts import Words

State = Callable[[Words, View], list[Update]]


class LibraryTab:
    """The tab's elements, and what happens when they are used."""

    def __init__(self, library: Library, settings: Settings) -> None:
        self._library = library
        self._settings = settings
        self._listed: tuple[str, tuple[Row, ...]] = ("", ())

    def build(self) -> None:
        """Lay the tab out."""
        with gr.Row(elem_id="fn-library"):
            with gr.Column(scale=1, min_width=280, elem_id="fn-actions"):
                self.adding = html(elem_id="fn-adding-box")
                self.index = html(elem_id="fn-index")
                self.job = html(elem_id="fn-job")
                self.problems = html(elem_id="fn-problems")
                self.trash = html(elem_id="fn-trash")
                self.charts = html(elem_id="fn-charts")
            with gr.Column(scale=3, min_width=320, elem_id="fn-shelf"):
                self.search = html(elem_id="fn-search-box")
                self.facets = html(elem_id="fn-facets-box")
                self.articles = html(elem_id="fn-articles")

    def wire(self, status: gr.HTML, changed: list[Any], state: State) -> None:
        """Say what happens: `state` fills the elements `changed`, which are all that depend on the index."""
        self._status, self._changed, self._state = status, changed, state
        # Outside the tab, which is not in the page before it is opened.
        self.view = hidden_box("fn-view")
        self.script_words = html(elem_classes="fn-wire")
        # Of many views in a row only the last is wanted. Not `input`, which Gradio tells of keys alone.
        self.view.change(self.show, self.view, changed, queue=False, trigger_mode="always_last", **QUIET)

    # What depends on the visitor's language, and on the index

    @property
    def fixed(self) -> list[Any]:
        """The elements that `fixed_values` fills when the page is opened."""
        return [self.adding, self.search, self.script_words]

    def fixed_values(self, words: Words, *, changes: bool = True) -> list[Update]:
        """Return the words of the tab; without `changes`, what the visitor's key does not allow is not offered."""
        settings = self._settings
        adding = adding_html(settings, words) if changes else reading_html(words)
        return [adding, search_html(words), script_words_html(settings, words)]

    @property
    def of_index(self) -> list[Any]:
        """The elements that `index_values` fills whenever the index changes."""
        return [self.index, self.job, self.problems, self.trash, self.charts, self.facets, self.articles]

    def index_values(self, words: Words, view: View) -> list[Update]:
        """Return what there is and how a rebuild goes."""
        library, rows = self._library, self._rows()
        gone = frozenset(library.state().pending.gone)
        held = [row for row in rows if row.article.id not in gone]
        titles = {row.article.id: row.article.title for row in rows}
        return [
            index_html(library, words),
            job_html(library.state(), words, known=view.known),
            problems_html(library, words),
            trash_html(library.trash(), titles, words),
            charts_html(held, words),
            facets_html(held, view, words),
            articles_html(select(held, view), view, words, held=len(held)),
        ]

    def _rows(self) -> tuple[Row, ...]:
        """List the live generation once, not with every letter that is typed."""
        try:
            generation = self._library.generation
        except FootnoteError:
            return ()
        listed, rows = self._listed
        if listed != generation.id:
            rows = rows_of(generation)
            self._listed = generation.id, rows
        return rows

    # Events: the names of the arguments are those of the elements

    def show(self, view: str, request: gr.Request) -> Update:
        """Show what was asked for: the list, how a rebuild goes, or everything that depends on the index."""
        words, wanted = words_of(request), read_view(view)
        if wanted.do == "articles":
            return {self.articles: self._articles(wanted, words)}
        state = self._library.state()
        if wanted.do == "watch" and state.is_busy and state.generation == (wanted.generation or None):
            status = status_html(self._library, words)
            index, job = index_html(self._library, words), job_html(self._library.state(), words)
            return {self._status: status, self.index: index, self.job: job}
        return dict(zip(self._changed, self._state(words, wanted), strict=True))

    def _articles(self, view: View, words: Words) -> str:
        rows, gone = self._rows(), frozenset(self._library.state().pending.gone)
        held = [row for row in rows if row.article.id not in gone]
        return articles_html(select(held, view), view, words, held=len(held))
