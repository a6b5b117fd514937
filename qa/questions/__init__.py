"""Questions: what kind of answer one asks for, in English or Korean (`answers`), the spans of a sentence that are of
that kind, and the names, numbers and parts of a question (`wording`).
"""

from qa.questions.answers import answer_kind, answer_span, asks_yes_or_no, beside_year, spans_of, written_alike
from qa.questions.kinds import FIGURES, KINDS_WITH_SPANS, YEAR, AnswerKind, Span
from qa.questions.wording import missing_share, names_in, numbers_in, parts_of, unsaid

__all__ = [
    "FIGURES",
    "KINDS_WITH_SPANS",
    "YEAR",
    "AnswerKind",
    "Span",
    "answer_kind",
    "answer_span",
    "asks_yes_or_no",
    "beside_year",
    "missing_share",
    "names_in",
    "numbers_in",
    "parts_of",
    "spans_of",
    "unsaid",
    "written_alike",
]
