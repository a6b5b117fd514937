"""Asking as the page does it: filters checked, questions answered, answers held for their sources, examples found."""

import secrets
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from indexer.errors import FootnoteError, UsageError
from indexer.settings import Settings
from qa.answer import Answer
from qa.followups import Turn
from qa.library import Library
from qa.retrieval import Filters
from ui.page.examples import example_questions, next_questions
from ui.page.markup import Exchange
from ui.page.receipts import exchange_of
from ui.texts import Words, counted

ANSWERS_KEPT = 400
# A conversation that the browser kept; longer ones are opened from their end.
MOST_TURNS = 100
MOST_COMMAND_CHARS = 2_000_000
# The filters that are chosen from what the index holds, by their names in Filters.
CHOSEN = ("sources", "languages", "collections")
# What was filled in: `date_from`, `date_to`, and a list for each of those.
Filled = Mapping[str, Any]


def read_filters(filled: Filled, words: Words) -> Filters:
    """Turn what was filled in into filters; raises UsageError in the visitor's language."""
    first, last = (_read_date(str(filled.get(name) or ""), words) for name in ("date_from", "date_to"))
    if first and last and first > last:
        raise UsageError(words.dates_reversed)
    chosen = {name: tuple(map(str, filled.get(name) or ())) for name in CHOSEN}
    return Filters(published_from=first, published_to=last, **chosen)


def _read_date(text: str, words: Words) -> date | None:
    if not text.strip():
        return None
    try:
        return date.fromisoformat(text.strip())
    except ValueError as error:
        raise UsageError(words.bad_date.format(value=text.strip()[:40])) from error


def plain_messages(chat: Sequence[dict[str, Any]] | None) -> list[dict[str, Any]]:
    """Return the messages of a chat as they were sent: Gradio hands them back cut into blocks."""
    return [{"role": str(item["role"]), "content": _text_of(item["content"])} for item in chat or []]


def _text_of(content: Any) -> str:  # noqa: ANN401 - a string, or blocks of which only text is ours
    if isinstance(content, str):
        return content
    return "".join(block.get("text") or "" for block in content if isinstance(block, dict))


@dataclass(frozen=True, slots=True)
class Command:
    """What one of the page's own buttons asks for.

    `again` and `edit` ask turn `turn` once more, `undo` takes the last question back into the box, `open` brings back
    a conversation by the receipts that the browser kept.
    """

    do: Literal["again", "edit", "undo", "open"]
    turn: int = 1
    question: str = ""
    turns: tuple[Mapping[str, Any], ...] = ()


_COMMAND = TypeAdapter(Command)


def read_command(text: str) -> Command | None:
    """Read a command as page.js writes it; None for anything else. Its texts are still the visitor's."""
    try:
        command = _COMMAND.validate_json(text[:MOST_COMMAND_CHARS])
    except ValidationError:
        return None
    return command if command.turn >= 1 and len(command.turns) <= MOST_TURNS else None


@dataclass(frozen=True, slots=True)
class _Kept:
    answer: Answer
    filters: Filters


class Answers:
    """The answers given lately, by tokens that cannot be guessed.

    A browser tab holds only the tokens of its conversation, so the sources of earlier answers are rendered from what
    was answered then, whatever the tab sends and whatever has been rebuilt since.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    def keep(self, answer: Answer, filters: Filters) -> str:
        """Hold on to an answer and return its token."""
        token = secrets.token_urlsafe(16)
        with self._lock:
            self._kept[token] = _Kept(answer, filters)
            while len(self._kept) > ANSWERS_KEPT:
                self._kept.popitem(last=False)
        return token

    def conversation(self, tokens: Sequence[str]) -> list[Exchange]:
        """Return the answers of a conversation that are still held; turns count all of it."""
        with self._lock:
            found = [(turn, self._kept.get(token)) for turn, token in enumerate(tokens, start=1)]
        return [Exchange(turn, kept.answer, kept.filters) for turn, kept in found if kept]


class Desk:
    """Where the page's questions are answered; shared by all visitors."""

    def __init__(self, library: Library, settings: Settings) -> None:
        self._library = library
        self._settings = settings
        self._answers = Answers()
        self._examples: tuple[str, dict[str, list[str]]] = ("", {})

    def check(self, question: str, filled: Filled, words: Words) -> Filters:
        """Return the filters; raises UsageError, in the visitor's language, when one or the question cannot be used."""
        if len(question) > self._settings.max_question_chars:
            raise UsageError(words.question_too_long.format(n=self._settings.max_question_chars))
        return read_filters(filled, words)

    def waiting_line(self, words: Words) -> str:
        """Say what is being read."""
        try:
            return counted(words, "searching", len(self._library.generation.articles))
        except FootnoteError:
            return "…"

    @property
    def has_writer(self) -> bool:
        """Whether a language model is set that can word answers."""
        return self._settings.writer_base_url is not None

    def answer(
        self, question: str, tokens: Sequence[str] | None, filters: Filters, *, generate: bool = False
    ) -> list[str]:
        """Answer the next question of a conversation and return its tokens with the new one.

        Earlier questions are given as they were asked: each is made to stand alone from those before it. With
        `generate`, the language model also words the answer, if one is set.
        """
        known = [str(token) for token in tokens or []]
        turns = [Turn(item.answer.question, item.answer.text) for item in self.conversation(known)]
        self._library.refresh_if_changed()
        wanted = generate and self.has_writer
        answer = self._library.answer(question, turns=turns, filters=filters, generate=wanted)
        return [*known, self._answers.keep(answer, filters)]

    def conversation(self, tokens: Sequence[str]) -> list[Exchange]:
        """Return the answers of a conversation that are still held."""
        return self._answers.conversation(tokens)

    def reopen(self, receipts: Sequence[Mapping[str, Any]]) -> list[str]:
        """Take up a conversation again from its receipts; each quotation is looked up in the articles of today."""
        with self._library.lease() as answerer:
            found = [exchange_of(receipt, answerer.generation) for receipt in receipts]
        return [self._answers.keep(item.answer, item.filters) for item in found if item]

    def next_questions(self, tokens: Sequence[str]) -> list[str]:
        """Return questions to go on with after the last answer of a conversation."""
        exchanges = self.conversation(tokens)
        if not exchanges or exchanges[-1].turn < len(tokens):
            return []
        try:
            with self._library.lease() as answerer:
                return next_questions(answerer, [exchange.answer for exchange in exchanges])
        except FootnoteError:
            return []

    def examples(self, words: Words) -> list[str]:
        """Return questions that the articles answer; found once for each index and language."""
        try:
            with self._library.lease() as answerer:
                generation, known = self._examples
                if generation != answerer.generation.id:
                    generation, known = answerer.generation.id, {}
                if words.code not in known:
                    known = known | {words.code: example_questions(answerer, words.code)}
                self._examples = generation, known
                return known[words.code]
        except FootnoteError:
            return []
