"""What kind of answer a question asks for, and which spans of a sentence are of that kind, in either language.

Pure but for Kiwi, which finds the Korean names.
"""

import re

from qa.questions import english, korean, korean_answers
from qa.questions.kinds import AnswerKind, Span

_HANGUL = re.compile(r"[가-힣]")


def answer_kind(question: str) -> AnswerKind:
    """What kind of answer the question asks for; "open" when nothing says so."""
    kind = korean.asked(question).kind if _HANGUL.search(question) else "open"
    return kind if kind != "open" else english.answer_kind(question)


def spans_of(kind: AnswerKind, sentence: str, question: str) -> list[Span]:
    """Return the spans of the sentence that are of this kind and not already said in the question."""
    spans = korean_answers.spans_of if _HANGUL.search(sentence) else english.spans_of
    return spans(kind, sentence, question)


def answer_span(kind: AnswerKind, sentence: str, question: str) -> Span | None:
    """Return the one span of this kind that answers; None where none is, or where one may be mistaken."""
    if _HANGUL.search(sentence):
        return korean_answers.answer_span(kind, sentence, question)
    spans = english.spans_of(kind, sentence, question)
    return spans[0] if len(spans) == 1 else None


def asks_yes_or_no(question: str) -> bool:
    """Whether a question wants a yes or a no, whose short answer is no span of a text."""
    return english.asks_yes_or_no(question) or korean.asks_yes_or_no(question)
