"""Spans of a sentence, as offsets (start, end): which meet, and where one should begin and end; pure."""

from collections.abc import Sequence

from qa.questions.kinds import Span

CLOSING = {"“": "”", "‘": "’", "(": ")", "[": "]", "「": "」", "『": "』", "《": "》", "〈": "〉", '"': '"'}
OPENING = {closing: opening for opening, closing in CLOSING.items()}


def meets(span: Span, others: Sequence[Span]) -> bool:
    """Whether a span has a character in common with one of the others."""
    return any(start < span[1] and end > span[0] for start, end in others)


def with_whole_figures(span: Span, figures: Sequence[Span]) -> Span:
    """Widen a span by what it cuts in two: "up to 10 trillion" of "10 trillion won"."""
    met = [figure for figure in figures if meets(span, [figure])]
    return min([span[0], *(start for start, _ in met)]), max([span[1], *(end for _, end in met)])


def without_lone_marks(text: str, span: Span) -> Span:
    """Leave out a quotation mark or a bracket at either end whose partner is not in the span."""
    start, end = span
    while start < end and (partner := CLOSING.get(text[start])) and partner not in text[start + 1 : end]:
        start += 1
    while start < end and (partner := OPENING.get(text[end - 1])) and partner not in text[start : end - 1]:
        end -= 1
    return start, end
