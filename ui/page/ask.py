"""The tab to ask: the conversation on the left, its sources on the right."""

import logging
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from indexer.errors import FootnoteError, UsageError
from indexer.settings import Settings
from qa.library import Library
from ui.page.answers import answer_steps, filter_parts, note_html, question_html, remark_html
from ui.page.desk import Command, Desk, plain_messages, read_command
from ui.page.elements import QUIET, Update, gr, hidden_box, html, label, words_of
from ui.page.examples import EXAMPLES
from ui.page.holdings import explained, filter_choices
from ui.page.markup import escape
from ui.page.sources import sources_html
from ui.texts import Words

logger = logging.getLogger(__name__)

# A sentence is announced as a whole to those who listen, and none before the last was heard of.
SENTENCE_PAUSE_S = 0.08
# Why an answer may be bad, as /v1/feedback takes it.
REASONS = ("wrong", "incomplete", "not_in_articles_but_is", "in_articles_but_wrong_quote", "other")


class AskTab:
    """The tab's elements, and what happens when they are used."""

    def __init__(self, library: Library, settings: Settings) -> None:
        self._library = library
        self._settings = settings
        self.desk = Desk(library, settings)

    def build(self) -> None:
        """Lay the tab out."""
        with gr.Row(elem_id="fn-ask"):
            with gr.Column(scale=3, min_width=320, elem_id="fn-left"):
                self._build_chat()
                self._build_form()
                self._build_filters()
            with gr.Column(scale=2, min_width=320, elem_id="fn-sources"):
                self.sources_title = html(elem_id="fn-sources-title")
                self.panel = html(elem_id="fn-panel")
        self.tokens = gr.JSON([], visible=False)
        self.command = hidden_box("fn-command")

    def _build_chat(self) -> None:
        self.intro = html(elem_id="fn-intro")
        with gr.Column(elem_id="fn-examples"):
            self.examples = [gr.Button(visible=False, size="sm") for _ in range(EXAMPLES)]
        self.chat = gr.Chatbot(
            elem_id="fn-chat",
            label=label("chat_label"),
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

        self.next = html(elem_id="fn-next")

    def _build_form(self) -> None:
        self.wording = html(elem_id="fn-ask-words")
        with gr.Row(elem_id="fn-form"):
            self.question = gr.Textbox(
                elem_id="fn-question",
                label=label("question_label"),
                placeholder=label("question_placeholder"),
                show_label=False,
                container=False,
                lines=1,
                max_lines=6,
                max_length=self._settings.max_question_chars,
                scale=1,
                autofocus=True,
            )
            self.ask_button = gr.Button(label("ask"), variant="primary", elem_id="fn-ask-button", scale=0)
            self.stop_button = gr.Button(label("stop"), elem_id="fn-stop-button", visible=False, scale=0)
        self.generate = gr.Checkbox(
            False, label=label("generate"), visible=self.desk.has_writer, container=False, elem_id="fn-generate"
        )

    def _build_filters(self) -> None:
        self.filter_line = html(elem_id="fn-filter-line")
        with gr.Row(elem_id="fn-under"):
            with gr.Accordion(label("filters"), open=False, elem_id="fn-filters"):
                with gr.Row():
                    self.date_from = gr.Textbox(
                        label=label("filter_from"), elem_id="fn-from", max_lines=1, min_width=140
                    )
                    self.date_to = gr.Textbox(label=label("filter_to"), elem_id="fn-to", max_lines=1, min_width=140)
                self.date_info = html(elem_classes="fn-note")
                self.sources_filter = gr.CheckboxGroup([], label=label("filter_sources"), visible=False)
                self.languages_filter = gr.CheckboxGroup([], label=label("filter_languages"), visible=False)
            self.new_button = gr.Button(label("new_chat"), size="sm", elem_id="fn-new", scale=0)

    def wire(self) -> None:
        """Say what happens when the elements are used."""
        filters: list[Any] = [self.date_from, self.date_to, self.sources_filter, self.languages_filter]
        inputs = [self.question, self.chat, self.tokens, self.generate, *filters]
        outputs = [self.question, self.chat, self.tokens, self.panel, self.ask_button, self.stop_button]
        outputs.append(self.filter_line)
        asking = [
            gr.on(
                [self.question.submit, self.ask_button.click], self.ask, inputs, outputs, trigger_mode="once", **QUIET
            ),
            self.command.change(self.follow, [self.command, *inputs], outputs, trigger_mode="once", **QUIET),
        ]
        for example in self.examples:
            filled = example.click(lambda text: text, example, self.question, queue=False, **QUIET)
            asking.append(filled.then(self.ask, inputs, outputs, **QUIET))
        for event in asking:
            # Apart, because they are tried out: the answer does not wait for that.
            event.then(self.suggest, self.tokens, self.next, **QUIET)
        stopped = [self.chat, self.ask_button, self.stop_button]
        self.stop_button.click(self.stop, self.chat, stopped, cancels=asking, queue=False, **QUIET)
        self.new_button.click(self.start_anew, None, outputs[:-1], cancels=asking, queue=False, **QUIET)
        changes = [one.change for one in filters]
        gr.on(changes, self.describe_filters, filters, self.filter_line, queue=False, **QUIET)

    # What depends on the visitor's language, and on the index

    @property
    def fixed(self) -> list[Any]:
        """The elements that `fixed_values` fills when the page is opened."""
        return [self.intro, self.sources_title, self.panel, self.date_info, self.wording]

    def fixed_values(self, words: Words) -> list[Update]:
        """Return the words of the tab."""
        intro = (
            f'<h2 class="fn-intro-title">{words.intro_title}</h2><p>{words.intro_body}</p>'
            f'<p class="fn-intro-examples">{words.examples_label}</p>'
        )
        today = datetime.now(UTC).date()
        title = f'<h2 class="fn-sources-title">{words.sources}</h2>'
        dates = f"<p>{words.filter_date_info}</p>"
        return [intro, title, sources_html([], words, today=today), dates, _wording_html(words)]

    @property
    def of_index(self) -> list[Any]:
        """The elements that `index_values` fills whenever the index changes."""
        return [self.sources_filter, self.languages_filter]

    def index_values(self, words: Words) -> list[Update]:
        """Return what may be filtered by."""
        sources, languages = filter_choices(self._library, words)
        return [
            gr.CheckboxGroup(choices=sources, visible=len(sources) > 1),
            gr.CheckboxGroup(choices=languages, visible=len(languages) > 1),
        ]

    # Events: the names of the arguments are those of the elements

    def show_examples(self, request: gr.Request) -> list[Update]:
        """Offer questions that these articles answer."""
        asked = self.desk.examples(words_of(request))
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
        words, question = words_of(request), (question or "").strip()
        try:
            filters = self.desk.check(question, date_from, date_to, sources, languages, words)
        except UsageError as error:
            yield [*[gr.skip()] * 6, remark_html(error.message)]
            return
        if not question:
            yield [gr.skip()] * 7
            return
        shown = [*plain_messages(chat), {"role": "user", "content": question_html(question, words)}]
        asking, rest = [gr.Button(visible=False), gr.Button(visible=True)], gr.skip()
        waiting = note_html(self.desk.waiting_line(words), waiting=True)
        yield ["", [*shown, _message(waiting)], rest, rest, *asking, rest]
        done = [gr.Button(visible=True), gr.Button(visible=False)]
        try:
            tokens = self.desk.answer(question, tokens, filters, generate=generate)
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
        panel = self._panel(tokens, words)
        steps, rest = answer_steps(self.desk.conversation(tokens)[-1], words), gr.skip()
        for number, step in enumerate(steps, start=1):
            last = number == len(steps)
            buttons = done if last else [rest, rest]
            yield [rest, [*shown, _message(step)], tokens, panel if number == 1 else rest, *buttons, rest]
            if not last:
                time.sleep(SENTENCE_PAUSE_S)

    def follow(
        self,
        command: str,
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
        """Do what one of the page's own buttons asked for; what cannot be read is passed over."""
        todo = read_command(command)
        if todo is None:
            yield [gr.skip()] * 7
        elif todo.do in ("again", "edit"):
            chat, tokens = plain_messages(chat)[: 2 * (todo.turn - 1)], list(tokens or [])[: todo.turn - 1]
            filters = (generate, date_from, date_to, sources, languages)
            for update in self.ask(todo.question, chat, tokens, *filters, request):
                # What stands in the box was not what is asked, unless it was edited there.
                yield update if todo.do == "edit" else [gr.skip(), *update[1:]]
        else:
            yield self._restored(todo, chat, tokens, words_of(request))

    def _restored(
        self, todo: Command, chat: list[dict[str, Any]], tokens: list[str] | None, words: Words
    ) -> list[Update]:
        """The page after the last question was taken back, or an earlier conversation opened."""
        rest, question = gr.skip(), gr.skip()
        if todo.do == "undo":
            question, kept = todo.question, list(tokens or [])[:-1]
            shown = plain_messages(chat)[: 2 * len(kept)]
        else:
            kept = self.desk.reopen(todo.turns)
            if not kept:
                return [rest] * 7
            shown = []
            for exchange in self.desk.conversation(kept):
                shown.append({"role": "user", "content": question_html(exchange.answer.question, words)})
                shown.append(_message(answer_steps(exchange, words)[-1]))
        return [question, shown, kept, self._panel(kept, words), rest, rest, ""]

    def _panel(self, tokens: list[str], words: Words) -> str:
        exchanges = self.desk.conversation(tokens)
        return sources_html(exchanges, words, today=datetime.now(UTC).date(), lost=len(exchanges) < len(tokens))

    def suggest(self, tokens: list[str] | None, request: gr.Request) -> str:
        """Offer questions that lead on from the last answer."""
        words, kept = words_of(request), list(tokens or [])
        questions = self.desk.next_questions(kept)
        buttons = "".join(
            f'<button type="button" class="fn-go" data-turn="{len(kept) + 1}">{escape(text)}</button>'
            for text in questions
        )
        return f'<p class="fn-label">{words.ask_next}</p>{buttons}' if buttons else ""

    def stop(self, chat: list[dict[str, Any]], request: gr.Request) -> list[Update]:
        """Settle the page after an answer was stopped."""
        shown = plain_messages(chat)
        if shown and "fn-waiting" in shown[-1]["content"]:
            shown[-1] = _message(note_html(words_of(request).stopped))
        return [shown, gr.Button(visible=True), gr.Button(visible=False)]

    def start_anew(self, request: gr.Request) -> list[Update]:
        """Empty the conversation."""
        return ["", [], [], self._panel([], words_of(request)), gr.Button(visible=True), gr.Button(visible=False)]

    def describe_filters(
        self, date_from: str, date_to: str, sources: list[str], languages: list[str], request: gr.Request
    ) -> str:
        """Say which filters are on, also while they are folded away."""
        words = words_of(request)
        try:
            filters = self.desk.check("", date_from, date_to, sources, languages, words)
        except UsageError as error:
            return remark_html(error.message)
        parts = filter_parts(filters, words)
        return remark_html(words.filters_on.format(filters=" · ".join(parts))) if parts else ""


# What ask.js says, in the visitor's language.
_WORDS = (
    "copied",
    "editing",
    "cancel",
    "feedback_why",
    *(f"feedback_{reason}" for reason in REASONS),
    "feedback_comment",
    "feedback_send",
    "feedback_thanks",
    "feedback_failed",
    "server_gone",
)


def _wording_html(words: Words) -> str:
    attributes = "".join(f' data-{name.replace("_", "-")}="{escape(getattr(words, name))}"' for name in _WORDS)
    return f'<div id="fn-ask-says"{attributes} data-reasons="{" ".join(REASONS)}"></div>'


def _message(content: str) -> dict[str, Any]:
    return {"role": "assistant", "content": content}
