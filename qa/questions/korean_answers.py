"""The spans of a Korean sentence that may answer a question, and the one that does. Pure but for the loaded model."""

import re
from functools import lru_cache

from indexer.language import Analyser
from qa.questions.kinds import FIGURES, AnswerKind, Span
from qa.questions.korean import Asked, asked
from qa.questions.korean_names import dependable, names
from qa.questions.korean_spans import dates, figures

_CLAUSE_ENDS = re.compile(r"[,;]\s|[고며]\s|으나\s|지만\s|다가\s")
# Of several spans, the one whose clause has this much more of the question's words is meant.
_LEAST_LEAD = 0.1
# What a sentence has beyond this many characters is not looked at.
_LONGEST = 2_000
_ANALYSER = Analyser()


def spans_of(kind: AnswerKind, sentence: str, question: str) -> list[Span]:
    """Return the spans of the sentence that are of this kind and not already said in the question.

    A figure must have the unit asked for. Names are what Kiwi takes for proper nouns.
    """
    if kind in ("person", "place"):
        return [(name.start, name.end) for name in names(kind, sentence[:_LONGEST], question)]
    return (
        _unsaid(_in_unit(_wanted(kind, question), sentence[:_LONGEST]), sentence, question) if kind in FIGURES else []
    )


def answer_span(kind: AnswerKind, sentence: str, question: str) -> Span | None:
    """Return the one span that answers, where it can be told; else None.

    It is the only one, or else stands in the clause that shares most with the question. A name must be marked as
    what is asked for, by its particle or its title.
    """
    best = _nearest(spans_of(kind, sentence, question), sentence, question)
    if kind in FIGURES or best is None:
        return best
    return best if best in dependable(_wanted(kind, question), names(kind, sentence[:_LONGEST], question)) else None


def _wanted(kind: AnswerKind, question: str) -> Asked:
    wanted = asked(question)
    return wanted if wanted.kind == kind else Asked(kind)


def _in_unit(wanted: Asked, sentence: str) -> list[Span]:
    if wanted.kind == "date":
        return dates(sentence, wanted.unit)
    return figures(sentence, wanted.kind, wanted.unit)


def _unsaid(spans: list[Span], sentence: str, question: str) -> list[Span]:
    said = "".join(question.split())
    written = ["".join(sentence[start:end].split()) for start, end in spans]
    return [
        span for span, words in zip(spans, written, strict=True) if not re.search(rf"(?<!\d){re.escape(words)}", said)
    ]


def _nearest(spans: list[Span], sentence: str, question: str) -> Span | None:
    """Return the only span, or the one whose clause has most of the question's words, by a clear lead."""
    if len(spans) < 2:
        return spans[0] if spans else None
    terms = _terms(question)
    shares = [len(terms & set(_ANALYSER.tokens(_clause(sentence, span)))) / max(len(terms), 1) for span in spans]
    best = max(range(len(spans)), key=lambda place: shares[place])
    written = sentence[slice(*spans[best])]
    others = [share for share, span in zip(shares, spans, strict=True) if sentence[slice(*span)] != written]
    return spans[best] if shares[best] - max(others, default=0.0) > _LEAST_LEAD else None


@lru_cache(maxsize=100)
def _terms(question: str) -> frozenset[str]:
    return frozenset(_ANALYSER.content_tokens(question))


def _clause(sentence: str, span: Span) -> str:
    """Return the clause around a span, without the span."""
    start, end = span
    before = max((match.end() for match in _CLAUSE_ENDS.finditer(sentence, 0, start)), default=0)
    after = _CLAUSE_ENDS.search(sentence, end)
    return f"{sentence[before:start]} {sentence[end : after.start() if after else len(sentence)]}"
