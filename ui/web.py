"""The page: a Gradio chat with its sources and the library, mounted on the API's app; the one home of Gradio."""

import atexit
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from indexer.errors import FootnoteError, UsageError
from indexer.settings import Settings
from qa.library import Library
from ui.ask_tab import Desk, plain_messages
from ui.examples import EXAMPLES
from ui.library_tab import (
    add_files,
    add_hint_html,
    articles_html,
    explained,
    filter_choices,
    job_html,
    problems_html,
    running_job,
    status_html,
)
from ui.pages import PAGE, add_pages, shipped
from ui.rendering import answer_steps, filter_parts, note_html, question_html, remark_html
from ui.sources import sources_html
from ui.texts import Words, component_labels, words_for

# Before the first import of Gradio, which calls home when it is built.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"

import gradio as gr

logger = logging.getLogger(__name__)

# A sentence is announced as a whole to those who listen, and none before the last was heard of.
SENTENCE_PAUSE_S = 0.08
POLL_S = 1.0
QUEUE = 64
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
Update = Any


def mount_page(app: FastAPI, library: Library, settings: Settings) -> FastAPI:
    """Add the page at /ui, the articles at /articles, the icon and a redirect from / to an app."""
    uploads = _use_private_uploads()
    add_pages(app, library)
    blocks = _Page(library, settings, uploads).build()
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
        head=f"<style>{shipped('page.css')}</style>",
        js=shipped("page.js"),
    )
    return app


def _use_private_uploads() -> Path:
    """Give uploads a folder that no other user of the machine, and no other Footnote, can read."""
    folder = tempfile.mkdtemp(prefix="footnote-uploads-")
    os.environ["GRADIO_TEMP_DIR"] = folder
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


# The Gradio page


def _words(request: gr.Request) -> Words:
    return words_for(request.headers.get("accept-language"))


def _label(key: str) -> Any:  # noqa: ANN401 - Gradio's I18nData is taken wherever it takes a str
    return gr.I18n()(f"fn_{key}")


class _Page:
    """The page's elements, and what happens when they are used."""

    def __init__(self, library: Library, settings: Settings, uploads: Path) -> None:
        self._library = library
        self._uploads = uploads
        self._settings = settings
        self._desk = Desk(library, settings)

    def build(self) -> Any:  # noqa: ANN401 - a gr.Blocks, which Gradio does not type
        """Lay the page out and wire it."""
        with gr.Blocks(
            title="Footnote", analytics_enabled=False, fill_width=True, fill_height=False, delete_cache=(3600, 3600)
        ) as blocks:
            with gr.Row(elem_id="fn-header"):
                _html('<h1 class="fn-name">Footnote<sup aria-hidden="true">1</sup></h1>', elem_id="fn-name")
                self.status = _html(elem_id="fn-status")
            with gr.Tabs(elem_id="fn-tabs"):
                with gr.Tab(_label("tab_ask"), id="ask"), gr.Row(elem_id="fn-ask"):
                    self._build_chat()
                    self._build_sources()
                with gr.Tab(_label("tab_library"), id="library"):
                    self._build_library()
            self._wire(blocks)
        blocks.queue(default_concurrency_limit=os.cpu_count() or 1, max_size=QUEUE)
        return blocks

    def _build_chat(self) -> None:
        with gr.Column(scale=3, min_width=320, elem_id="fn-left"):
            self.intro = _html(elem_id="fn-intro")
            with gr.Column(elem_id="fn-examples"):
                self.examples = [gr.Button(visible=False, size="sm") for _ in range(EXAMPLES)]
            self.chat = gr.Chatbot(
                elem_id="fn-chat",
                label=_label("chat_label"),
                show_label=False,
                height=None,
                layout="panel",
                buttons=[],
                autoscroll=False,
                feedback_options=None,
                allow_tags=False,
                latex_delimiters=[],
                group_consecutive_messages=False,
            )
            with gr.Row(elem_id="fn-form"):
                self.question = gr.Textbox(
                    elem_id="fn-question",
                    label=_label("question_label"),
                    placeholder=_label("question_placeholder"),
                    show_label=False,
                    container=False,
                    lines=1,
                    max_lines=6,
                    max_length=self._settings.max_question_chars,
                    scale=1,
                    autofocus=True,
                )
                self.ask_button = gr.Button(_label("ask"), variant="primary", elem_id="fn-ask-button", scale=0)
                self.stop_button = gr.Button(_label("stop"), elem_id="fn-stop-button", visible=False, scale=0)
            self.generate = gr.Checkbox(
                False,
                label=_label("generate"),
                visible=self._desk.has_writer,
                container=False,
                elem_id="fn-generate",
            )
            self._build_filters()
        self.tokens = gr.JSON([], visible=False)

    def _build_filters(self) -> None:
        self.filter_line = _html(elem_id="fn-filter-line")
        with gr.Row(elem_id="fn-under"):
            with gr.Accordion(_label("filters"), open=False, elem_id="fn-filters"):
                with gr.Row():
                    self.date_from = gr.Textbox(
                        label=_label("filter_from"), elem_id="fn-from", max_lines=1, min_width=140
                    )
                    self.date_to = gr.Textbox(label=_label("filter_to"), elem_id="fn-to", max_lines=1, min_width=140)
                self.date_info = _html(elem_classes="fn-note")
                self.sources_filter = gr.CheckboxGroup([], label=_label("filter_sources"), visible=False)
                self.languages_filter = gr.CheckboxGroup([], label=_label("filter_languages"), visible=False)
            self.new_button = gr.Button(_label("new_chat"), size="sm", elem_id="fn-new", scale=0)

    def _build_sources(self) -> None:
        with gr.Column(scale=2, min_width=320, elem_id="fn-sources"):
            self.sources_title = _html(elem_id="fn-sources-title")
            self.panel = _html(elem_id="fn-panel")

    def _build_library(self) -> None:
        with gr.Row(elem_id="fn-library"):
            with gr.Column(scale=1, min_width=280, elem_id="fn-actions"):
                self.upload = gr.UploadButton(
                    _label("add_articles"), file_count="multiple", elem_id="fn-upload", variant="secondary"
                )
                self.add_hint = _html()
                self.rebuild_button = gr.Button(_label("rebuild"), variant="primary", elem_id="fn-rebuild")
                self.job = _html(elem_id="fn-job")
                self.outcomes = _html(elem_id="fn-outcomes")
                self.problems = _html(elem_id="fn-problems")
            with gr.Column(scale=3, min_width=320):
                self.articles = _html(elem_id="fn-articles")
        self.timer = gr.Timer(POLL_S, active=False)

    def _wire(self, blocks: gr.Blocks) -> None:
        quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        filters: list[Any] = [self.date_from, self.date_to, self.sources_filter, self.languages_filter]
        inputs = [self.question, self.chat, self.tokens, self.generate, *filters]
        outputs = [self.question, self.chat, self.tokens, self.panel, self.ask_button, self.stop_button]
        outputs.append(self.filter_line)
        shared = [
            *[self.status, self.articles, self.problems, self.sources_filter, self.languages_filter],
            *[self.outcomes, self.job, self.timer, self.rebuild_button],
        ]
        fixed = [self.intro, self.sources_title, self.panel, self.date_info, self.add_hint]
        loaded = blocks.load(self.on_load, None, [*fixed, *shared], queue=False, **quiet)
        # Apart, because they are tried out: the page does not wait for that.
        loaded.then(self.show_examples, None, self.examples, queue=False, **quiet)

        asking = [
            gr.on(
                [self.question.submit, self.ask_button.click], self.ask, inputs, outputs, trigger_mode="once", **quiet
            )
        ]
        for example in self.examples:
            filled = example.click(lambda text: text, example, self.question, queue=False, **quiet)
            asking.append(filled.then(self.ask, inputs, outputs, **quiet))
        stopped = [self.chat, self.ask_button, self.stop_button]
        self.stop_button.click(self.stop, self.chat, stopped, cancels=asking, queue=False, **quiet)
        renewed = [*outputs[:-1]]
        self.new_button.click(self.start_anew, None, renewed, cancels=asking, queue=False, **quiet)
        changes = [one.change for one in filters]
        gr.on(changes, self.describe_filters, filters, self.filter_line, queue=False, **quiet)

        added = [self.outcomes, self.status]
        self.upload.upload(self.add, self.upload, added, concurrency_id="library", concurrency_limit=1, **quiet)
        self.rebuild_button.click(self.rebuild, None, shared, queue=False, **quiet)
        self.timer.tick(self.poll, None, shared, queue=False, **quiet)

    # Events: the names of the arguments are those of the elements

    def on_load(self, request: gr.Request) -> list[Update]:
        """Fill a fresh page in the visitor's language."""
        words = _words(request)
        self._library.refresh_if_changed()
        intro = (
            f'<h2 class="fn-intro-title">{words.intro_title}</h2><p>{words.intro_body}</p>'
            f'<p class="fn-intro-examples">{words.examples_label}</p>'
        )
        today = datetime.now(UTC).date()
        fixed = [
            intro,
            f'<h2 class="fn-sources-title">{words.sources}</h2>',
            sources_html([], words, today=today),
            f"<p>{words.filter_date_info}</p>",
            add_hint_html(self._settings, words),
        ]
        return [*fixed, *self._library_state(words, ended=False)]

    def show_examples(self, request: gr.Request) -> list[Update]:
        """Offer questions that these articles answer."""
        asked = self._desk.examples(_words(request))
        shown = [*asked, *[""] * (EXAMPLES - len(asked))]
        return [gr.Button(value=question, visible=bool(question)) for question in shown]

    def ask(
        self,
        question: str,
        chat: list[dict[str, Any]],
        tokens: list[str] | None,
        generate: bool,
        date_from: str,
        date_to: str,
        sources: list[str],
        languages: list[str],
        request: gr.Request,
    ) -> Iterator[list[Update]]:
        """Show the question, then its answer sentence by sentence, with the sources as soon as they are known."""
        words, question = _words(request), (question or "").strip()
        try:
            filters = self._desk.check(question, date_from, date_to, sources, languages, words)
        except UsageError as error:
            yield [*[gr.skip()] * 6, remark_html(error.message)]
            return
        if not question:
            yield [gr.skip()] * 7
            return
        shown = [*plain_messages(chat), {"role": "user", "content": question_html(question, words)}]
        asking, rest = [gr.Button(visible=False), gr.Button(visible=True)], gr.skip()
        waiting = note_html(self._desk.waiting_line(words), waiting=True)
        yield ["", [*shown, _message(waiting)], rest, rest, *asking, rest]
        done = [gr.Button(visible=True), gr.Button(visible=False)]
        try:
            tokens = self._desk.answer(question, tokens, filters, generate=generate)
        except FootnoteError as error:
            yield [rest, [*shown, _message(note_html(explained(error, words)))], rest, rest, *done, rest]
            return
        except Exception:
            logger.exception("A question could not be answered")
            yield [rest, [*shown, _message(note_html(words.failed))], rest, rest, *done, rest]
            return
        yield from self._tell(shown, tokens, words, done)

    def _tell(
        self, shown: list[dict[str, Any]], tokens: list[str], words: Words, done: list[Update]
    ) -> Iterator[list[Update]]:
        exchanges = self._desk.conversation(tokens)
        panel = sources_html(exchanges, words, today=datetime.now(UTC).date(), lost=len(exchanges) < len(tokens))
        steps, rest = answer_steps(exchanges[-1], words), gr.skip()
        for number, step in enumerate(steps, start=1):
            last = number == len(steps)
            buttons = done if last else [rest, rest]
            yield [rest, [*shown, _message(step)], tokens, panel if number == 1 else rest, *buttons, rest]
            if not last:
                time.sleep(SENTENCE_PAUSE_S)

    def stop(self, chat: list[dict[str, Any]], request: gr.Request) -> list[Update]:
        """Settle the page after an answer was stopped."""
        shown = plain_messages(chat)
        if shown and "fn-waiting" in shown[-1]["content"]:
            shown[-1] = _message(note_html(_words(request).stopped))
        return [shown, gr.Button(visible=True), gr.Button(visible=False)]

    def start_anew(self, request: gr.Request) -> list[Update]:
        """Empty the conversation."""
        panel = sources_html([], _words(request), today=datetime.now(UTC).date())
        return ["", [], [], panel, gr.Button(visible=True), gr.Button(visible=False)]

    def describe_filters(
        self, date_from: str, date_to: str, sources: list[str], languages: list[str], request: gr.Request
    ) -> str:
        """Say which filters are on, also while they are folded away."""
        words = _words(request)
        try:
            filters = self._desk.check("", date_from, date_to, sources, languages, words)
        except UsageError as error:
            return remark_html(error.message)
        parts = filter_parts(filters, words)
        return remark_html(words.filters_on.format(filters=" · ".join(parts))) if parts else ""

    def add(self, upload: list[str] | None, request: gr.Request) -> list[Update]:
        """Take uploaded files into the corpus."""
        words = _words(request)
        outcomes = add_files(self._library, upload or [], words, folder=self._uploads)
        return [outcomes, status_html(self._library, words)]

    def rebuild(self, request: gr.Request) -> list[Update]:
        """Start a rebuild, or join the one that is under way; it is the server's and outlives the page."""
        self._library.start_rebuild()
        return self._library_state(_words(request))

    def poll(self, request: gr.Request) -> list[Update]:
        """Show how the rebuild goes; when it is over, everything that depends on the index."""
        words = _words(request)
        job = running_job(self._library)
        if job:
            return [status_html(self._library, words), *[gr.skip()] * 5, job_html(job, words), gr.skip(), gr.skip()]
        return self._library_state(words)

    def _library_state(self, words: Words, *, ended: bool = True) -> list[Update]:
        """Everything that depends on the index; with `ended` also how the last rebuild ended."""
        library = self._library
        running, jobs = running_job(library), library.jobs()
        sources, languages = filter_choices(library, words)
        return [
            status_html(library, words),
            articles_html(library, words),
            problems_html(library, words),
            gr.CheckboxGroup(choices=sources, visible=len(sources) > 1),
            gr.CheckboxGroup(choices=languages, visible=len(languages) > 1),
            gr.skip() if running else "",
            job_html(running or (jobs[0] if jobs and ended else None), words),
            gr.Timer(active=running is not None),
            gr.Button(interactive=running is None),
        ]


def _message(content: str) -> dict[str, Any]:
    return {"role": "assistant", "content": content}


def _html(value: str | None = None, **options: Any) -> gr.HTML:  # noqa: ANN401 - the options of gr.HTML
    """Return an element for HTML of our own, without Gradio's styles for prose."""
    return gr.HTML(value, apply_default_css=False, **options)


def _theme() -> gr.themes.Base:
    """Return Gradio's plain theme with system fonts; its colours are the variables of page.css."""
    return gr.themes.Base(font=FONTS, font_mono=("ui-monospace", "Consolas", "monospace"))
