"""What kind of answer a question asks for, and which spans of a sentence are of that kind, in either language.

Pure but for Kiwi, which finds the Korean names.
"""

import re
from collections.abc import Sequence
from itertools import pairwise

from qa.questions import english, korean, korean_answers
from qa.questions.kinds import YEAR, AnswerKind, Span

_HANGUL = re.compile(r"[가-힣]")
# A comma within a number ends nothing.
_CLAUSE_END = re.compile(r"[,;:](?=\s)|[()\[\]–—]")


def answer_kind(question: str) -> AnswerKind:
    """What kind of answer the question asks for; "open" when nothing says so."""
    kind = korean.asked(question).kind if _HANGUL.search(question) else "open"
    return kind if kind != "open" else english.answer_kind(question)


def written_alike(question: str, sentence: str) -> bool:
    """Whether both hold Hangul, or neither does."""
    return bool(_HANGUL.search(question)) == bool(_HANGUL.search(sentence))


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


def beside_year(sentence: str, question: str, spans: Sequence[Span]) -> list[Span]:
    """Return those spans that stand in one clause with a year the question names; none where it names none of it.

    "500 by 2030 (26 in 2024)": asked of 2024, only 26.
    """
    years = set(YEAR.findall(question))
    edges = [0, *(at for found in _CLAUSE_END.finditer(sentence) for at in found.span()), len(sentence)]
    clauses = [(start, end) for start, end in pairwise(edges) if years & set(YEAR.findall(sentence[start:end]))]
    return [
        (start, end)
        for start, end in spans
        if sentence[start:end] not in years and any(a <= start and end <= b for a, b in clauses)
    ]


def asks_yes_or_no(question: str) -> bool:
    """Whether a question wants a yes or a no, whose short answer is no span of a text."""
    return english.asks_yes_or_no(question) or korean.asks_yes_or_no(question)
