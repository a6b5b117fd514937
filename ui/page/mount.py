"""The page on the app: its frame, its tabs, and the routes beside it."""

import atexit
import os
import shutil
import tempfile
from typing import Any

from fastapi import FastAPI
from fastapi.middleware.gzip import GZipMiddleware

from indexer.settings import Settings
from qa.library import Library
from qa.streaming import Gate
from ui.page.articles import PAGE, add_pages, shipped
from ui.page.ask import AskTab
from ui.page.elements import QUIET, Update, gr, html, label, may_change, words_of
from ui.page.history import HistoryTab
from ui.page.library import LibraryTab
from ui.page.listing import View
from ui.page.prefix import Icon, Prefix
from ui.page.rebuilding import ended_job, status_html
from ui.texts import Words, component_labels

# Gradio's own line, before the gate's; seldom seen, since whoever stands in the gate's has left it.
QUEUE = 64
SPARE = 8
FONTS = (
    "system-ui",
    "-apple-system",
    "Segoe UI",
    "Roboto",
    "Noto Sans",
    "Apple SD Gothic Neo",
    "Noto Sans KR",
    "Noto Sans CJK KR",
    "Malgun Gothic",
    "sans-serif",
)
STYLES = ("page.css", "ask.css", "library.css", "history.css")
SCRIPTS = ("page.js", "keeping.js", "ask.js", "library.js", "history.js", "saving.js")


def mount_page(app: FastAPI, library: Library, settings: Settings) -> FastAPI:
    """Add the page at /ui, the articles at /articles, the icon and a redirect from / to an app."""
    _use_private_uploads()
    add_pages(app, library)
    app.add_middleware(Icon, page=f"{PAGE}/")
    # The page carries its own styles and scripts; streams of events pass as they are.
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=6)
    app.add_middleware(Prefix)
    blocks = _Page(library, settings, app.state.gate).build()
    gr.mount_gradio_app(
        app,
        blocks,
        path=PAGE,
        footer_links=[],
        run_history=False,
        show_error=False,
        max_file_size=f"{settings.max_file_mb}mb",
        ssr_mode=False,
        enable_monitoring=False,
        pwa=False,
        i18n=gr.I18n(**component_labels()),
        theme=_theme(),
        # Not as `css`, which Gradio rewrites and applies late.
        head=f"<style>{''.join(map(shipped, STYLES))}</style>",
        js=_script(),
    )
    return app


def _script() -> str:
    """Each file is a function of its own; all run once when the page is up."""
    return f"() => {{ {' '.join(f'({shipped(name).strip()})();' for name in SCRIPTS)} }}"


def _use_private_uploads() -> None:
    """Give uploads a folder that no other user of the machine, and no other Footnote, can read."""
    folder = tempfile.mkdtemp(prefix="footnote-uploads-")
    os.environ["GRADIO_TEMP_DIR"] = folder
    atexit.register(shutil.rmtree, folder, ignore_errors=True)


def remove_uploads() -> None:
    """Remove what was uploaded to the page; a process that ends by itself does so on its way out."""
    if folder := os.environ.get("GRADIO_TEMP_DIR"):
        shutil.rmtree(folder, ignore_errors=True)


class _Page:
    """The frame around the tabs."""

    def __init__(self, library: Library, settings: Settings, gate: Gate) -> None:
        self._library = library
        self._gate = gate
        self._ask = AskTab(library, settings, gate)
        self._shelves = LibraryTab(library, settings)
        self._history = HistoryTab()

    def build(self) -> Any:  # noqa: ANN401 - a gr.Blocks, which Gradio does not type
        """Lay the page out and wire it."""
        with gr.Blocks(
            title="Footnote", analytics_enabled=False, fill_width=True, fill_height=False, delete_cache=(3600, 3600)
        ) as blocks:
            with gr.Row(elem_id="fn-header"):
                html('<h1 class="fn-name">Footnote<sup aria-hidden="true">1</sup></h1>', elem_id="fn-name")
                self.status = html(elem_id="fn-status")
            with gr.Tabs(elem_id="fn-tabs"):
                with gr.Tab(label("tab_ask"), id="ask"):
                    self._ask.build()
                with gr.Tab(label("tab_library"), id="library"):
                    self._shelves.build()
                with gr.Tab(label("tab_history"), id="history"):
                    self._history.build()
            self._wire(blocks)
        # Who waits at the gate holds one of these, beside what else goes on.
        blocks.max_threads = max(blocks.max_threads, self._gate.room + SPARE)
        blocks.queue(default_concurrency_limit=os.cpu_count() or 1, max_size=QUEUE)
        return blocks

    def _wire(self, blocks: gr.Blocks) -> None:
        changed = [self.status, *self._ask.of_index, *self._shelves.of_index]
        self._ask.wire()
        self._shelves.wire(self.status, changed, self._state)
        loaded = blocks.load(
            self.on_load,
            None,
            [*self._ask.fixed, *self._shelves.fixed, *self._history.fixed, *changed],
            queue=False,
            **QUIET,
        )
        # Apart, because they are tried out: the page does not wait for that.
        loaded.then(self._ask.show_examples, None, self._ask.examples, queue=False, **QUIET)

    def on_load(self, request: gr.Request) -> list[Update]:
        """Fill a fresh page in the visitor's language."""
        words = words_of(request)
        self._library.refresh_if_changed()
        fixed = [
            *self._ask.fixed_values(words),
            *self._shelves.fixed_values(words, changes=may_change(request)),
            *self._history.fixed_values(words),
        ]
        return [*fixed, *self._state(words, View(known=ended_job(self._library)))]

    def _state(self, words: Words, view: View) -> list[Update]:
        """Everything that depends on the index."""
        return [
            status_html(self._library, words),
            *self._ask.index_values(words),
            *self._shelves.index_values(words, view),
        ]


def _theme() -> gr.themes.Base:
    """Return Gradio's plain theme with system fonts; its colours are the variables of page.css."""
    return gr.themes.Base(font=FONTS, font_mono=("ui-monospace", "Consolas", "monospace"))
