"""The tab to ask: the conversation on the left, its sources on the right."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from indexer.errors import FootnoteError, UsageError
from indexer.settings import Settings
from qa.library import Library
from qa.problems import OverloadedError
from qa.retrieval import Filters
from qa.streaming import Done, Gate
from ui.page.answers import answer_steps, filter_parts, note_html, place_html, question_html, remark_html
from ui.page.desk import CHOSEN, Command, Desk, plain_messages, read_command
from ui.page.elements import QUIET, Update, gr, hidden_box, html, label, words_of
from ui.page.examples import EXAMPLES
from ui.page.holdings import explained, filter_choices
from ui.page.markup import escape
from ui.page.sources import sources_html
from ui.texts import Words

logger = logging.getLogger(__name__)

# A sentence is announced as a whole to those who listen, and none before the last was heard of.
SENTENCE_PAUSE_S = 0.08
# Longer than a program waits: whoever sees a place in line knows what for.
PATIENCE_S = 120.0
# Why an answer may be bad, as /v1/feedback takes it.
REASONS = ("wrong", "incomplete", "not_in_articles_but_is", "in_articles_but_wrong_quote", "other")


@dataclass(frozen=True, slots=True)
class _Told:
    """An answer as the page tells it: step by step, with its sources."""

    tokens: list[str]
    steps: list[str]
    panel: str


class AskTab:
    """The tab's elements, and what happens when they are used."""

    def __init__(self, library: Library, settings: Settings, gate: Gate) -> None:
        self._gate = gate
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
                    start = gr.Textbox(label=label("filter_from"), elem_id="fn-from", max_lines=1, min_width=140)
                    end = gr.Textbox(label=label("filter_to"), elem_id="fn-to", max_lines=1, min_width=140)
                self.date_info = html(elem_classes="fn-note")
                self.chosen = {
                    name: gr.CheckboxGroup([], label=label(f"filter_{name}"), visible=False) for name in CHOSEN
                }
            self.filters: dict[str, Any] = {"date_from": start, "date_to": end, **self.chosen}
            self.new_button = gr.Button(label("new_chat"), size="sm", elem_id="fn-new", scale=0)

    def wire(self) -> None:
        """Say what happens when the elements are used."""
        inputs: list[Any] = [self.question, self.chat, self.tokens, self.generate]
        filtered: dict[str, Any] = {"inputs_kwargs": self.filters, **QUIET}
        outputs = [self.question, self.chat, self.tokens, self.panel, self.ask_button, self.stop_button]
        outputs.append(self.filter_line)
        # The gate says how many at once, for the page and the API together; it tells those who wait their place.
        asked: dict[str, Any] = {"concurrency_limit": None, **filtered}
        asking = [
            gr.on(
                [self.question.submit, self.ask_button.click], self.ask, inputs, outputs, trigger_mode="once", **asked
            ),
            self.command.change(self.follow, [self.command, *inputs], outputs, trigger_mode="once", **asked),
        ]
        for example in self.examples:
            filled = example.click(lambda text: text, example, self.question, queue=False, **QUIET)
            asking.append(filled.then(self.ask, inputs, outputs, **asked))
        asking[1].then(None, js="() => globalThis.footnote.followed()", **QUIET)
        for event in asking:
            # Apart, because they are tried out: the answer does not wait for that.
            event.then(self.suggest, self.tokens, self.next, **QUIET)
        stopped = [self.chat, self.ask_button, self.stop_button]
        self.stop_button.click(self.stop, self.chat, stopped, cancels=asking, queue=False, **QUIET)
        self.new_button.click(self.start_anew, None, outputs[:-1], cancels=asking, queue=False, **QUIET)
        changes = [one.change for one in self.filters.values()]
        gr.on(changes, self.describe_filters, None, self.filter_line, queue=False, **filtered)

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
        return list(self.chosen.values())

    def index_values(self, words: Words) -> list[Update]:
        """Return what may be filtered by."""
        choices = filter_choices(self._library, words)
        return [gr.CheckboxGroup(choices=choices[name], visible=len(choices[name]) > 1) for name in self.chosen]

    # Events: the names of the arguments are those of the elements, and `filled` are the filters by their names

    def show_examples(self, request: gr.Request) -> list[Update]:
        """Offer questions that these articles answer."""
        asked = self.desk.examples(words_of(request))
        shown = [*asked, *[""] * (EXAMPLES - len(asked))]
        return [gr.Button(value=question, visible=bool(question)) for question in shown]

    async def ask(
        self,
        question: str,
        chat: list[dict[str, Any]],
        tokens: list[str] | None,
        generate: bool,
        request: gr.Request,
        **filled: Any,  # noqa: ANN401 - as Gradio gives it
    ) -> AsyncGenerator[list[Update], None]:
        """Show the question, then its answer sentence by sentence, with the sources as soon as they are known."""
        words, before = words_of(request), plain_messages(chat)
        async with aclosing(self._asked(question, list(tokens or []), before, generate, filled, words)) as updates:
            async for update in updates:
                yield update

    async def _asked(
        self,
        question: str,
        tokens: list[str],
        before: list[dict[str, Any]],
        generate: bool,
        filled: dict[str, Any],
        words: Words,
    ) -> AsyncGenerator[list[Update], None]:
        """Ask after the answers `tokens`; where there is no room in the line, all is as `before` again."""
        question = (question or "").strip()
        try:
            filters = self.desk.check(question, filled, words)
        except UsageError as error:
            yield [*[gr.skip()] * 6, remark_html(error.message)]
            return
        if not question:
            yield [gr.skip()] * 7
            return
        shown = [*before[: 2 * len(tokens)], {"role": "user", "content": question_html(question, words)}]
        work = partial(self._answered, question, tokens, filters, words, generate=generate)
        rest = gr.skip()
        try:
            async with aclosing(self._served(shown, work, filters, words)) as updates:
                async for update in updates:
                    yield update
        except OverloadedError:
            yield [question, before, rest, rest, *_buttons(), remark_html(words.line_full)]
        except FootnoteError as error:
            yield [rest, [*shown, _message(note_html(explained(error, words)))], rest, rest, *_buttons(), rest]
        except Exception:
            logger.exception("A question could not be answered")
            yield [rest, [*shown, _message(note_html(words.failed))], rest, rest, *_buttons(), rest]

    async def _served(
        self, shown: list[dict[str, Any]], work: Callable[[], _Told], filters: Filters, words: Words
    ) -> AsyncGenerator[list[Update], None]:
        """Show the place in the line until it is this question's turn, then the answer."""
        rest, known = gr.skip(), -1
        async with aclosing(self._gate.run_in_line(work, patience_s=PATIENCE_S)) as steps:
            async for step in steps:
                if isinstance(step, Done):
                    async for update in _tell(shown, step.value):
                        yield update
                elif step == known:
                    # A word now and then, by which Gradio notices that a tab was closed.
                    yield [rest] * 7
                else:
                    waiting = (
                        place_html(step, words) if step else note_html(self.desk.waiting_line(words), waiting=True)
                    )
                    first = known < 0
                    line, buttons = (
                        (_filter_line(filters, words), _buttons(asking=True)) if first else (rest, [rest] * 2)
                    )
                    yield ["" if first else rest, [*shown, _message(waiting)], rest, rest, *buttons, line]
                    known = step

    def _answered(self, question: str, tokens: list[str], filters: Filters, words: Words, *, generate: bool) -> _Told:
        """Answer, and render the answer: in a thread of the gate, since both take time."""
        kept = self.desk.answer(question, tokens, filters, generate=generate)
        return _Told(kept, answer_steps(self.desk.conversation(kept)[-1], words), self._panel(kept, words))

    async def follow(
        self,
        command: str,
        question: str,
        chat: list[dict[str, Any]],
        tokens: list[str] | None,
        generate: bool,
        request: gr.Request,
        **filled: Any,  # noqa: ANN401 - as Gradio gives it
    ) -> AsyncGenerator[list[Update], None]:
        """Do what one of the page's own buttons asked for; what cannot be read is passed over."""
        todo, words, before = read_command(command), words_of(request), plain_messages(chat)
        if todo is None:
            yield [gr.skip()] * 7
        elif todo.do in ("again", "edit"):
            kept = list(tokens or [])[: todo.turn - 1]
            async with aclosing(self._asked(todo.question, kept, before, generate, filled, words)) as updates:
                async for update in updates:
                    # What stands in the box was not what is asked, unless it was edited there.
                    yield update if todo.do == "edit" else [gr.skip(), *update[1:]]
        else:
            yield await asyncio.to_thread(self._restored, todo, before, tokens, words)

    def _restored(
        self, todo: Command, chat: list[dict[str, Any]], tokens: list[str] | None, words: Words
    ) -> list[Update]:
        """The page after the last question was taken back, or an earlier conversation opened."""
        rest, question = gr.skip(), gr.skip()
        if todo.do == "undo":
            question, kept = todo.question, list(tokens or [])[:-1]
            shown = chat[: 2 * len(kept)]
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

    async def suggest(self, tokens: list[str] | None, request: gr.Request) -> str:
        """Offer questions that lead on from the last answer, unless somebody waits for a first one."""
        words, kept = words_of(request), list(tokens or [])
        if self._gate.has_line:
            return ""
        try:
            questions = await self._gate.run(partial(self.desk.next_questions, kept))
        except OverloadedError:
            return ""
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
        return [shown, *_buttons()]

    def start_anew(self, request: gr.Request) -> list[Update]:
        """Empty the conversation."""
        return ["", [], [], self._panel([], words_of(request)), *_buttons()]

    def describe_filters(self, request: gr.Request, **filled: Any) -> str:  # noqa: ANN401 - as Gradio gives it
        """Say which filters are on, also while they are folded away."""
        words = words_of(request)
        try:
            filters = self.desk.check("", filled, words)
        except UsageError as error:
            return remark_html(error.message)
        return _filter_line(filters, words)


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


async def _tell(shown: Sequence[dict[str, Any]], told: _Told) -> AsyncGenerator[list[Update], None]:
    """Show an answer sentence by sentence, its sources with the first."""
    rest = gr.skip()
    for number, step in enumerate(told.steps, start=1):
        last = number == len(told.steps)
        buttons = _buttons() if last else [rest, rest]
        panel = told.panel if number == 1 else rest
        yield [rest, [*shown, _message(step)], told.tokens, panel, *buttons, rest]
        if not last:
            await asyncio.sleep(SENTENCE_PAUSE_S)


def _buttons(*, asking: bool = False) -> list[Update]:
    """The button to ask, or while an answer is awaited the one to stop."""
    return [gr.Button(visible=not asking), gr.Button(visible=asking)]


def _filter_line(filters: Filters, words: Words) -> str:
    parts = filter_parts(filters, words)
    return remark_html(words.filters_on.format(filters=" · ".join(parts))) if parts else ""


def _message(content: str) -> dict[str, Any]:
    return {"role": "assistant", "content": content}
