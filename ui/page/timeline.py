"""The cited articles on a line of time, so that one sees at a glance which is the newest. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from qa.citations import Citation
from ui.page.markup import card_id
from ui.texts import Words, written_date

# Marks that are nearer than this share of the line stand together.
TOGETHER = 0.08


@dataclass(frozen=True, slots=True)
class Mark:
    """Numbers of citations whose articles were published on about one day; `place` is in [0, 1]."""

    place: float
    numbers: tuple[int, ...]
    first: date
    last: date


def marks_of(citations: Sequence[Citation]) -> list[Mark]:
    """Return where on a line from the first to the last day each citation stands; none for fewer than two days."""
    dated = sorted((citation.published, citation.index) for citation in citations if citation.published)
    if len({day for day, _ in dated}) < 2:
        return []
    begin, end = dated[0][0], dated[-1][0]
    marks: list[Mark] = []
    for day, number in dated:
        place = (day - begin).days / (end - begin).days
        if marks and place - marks[-1].place < TOGETHER:
            before = marks[-1]
            marks[-1] = Mark(before.place, (*before.numbers, number), before.first, day)
        else:
            marks.append(Mark(place, (number,), day, day))
    return marks


def timeline_html(citations: Sequence[Citation], turn: int, words: Words) -> str:
    """Render the line as a list that also reads well aloud; nothing for fewer than two days."""
    marks = marks_of(citations)
    if not marks:
        return ""
    items = "".join(
        f'<li style="left: {100 * mark.place:.1f}%"><span class="fn-day">{_days(mark, words)}</span>'
        f"{''.join(_number(number, turn, words) for number in mark.numbers)}</li>"
        for mark in marks
    )
    return f'<div class="fn-timeline"><p class="fn-hidden">{words.timeline}</p><ol>{items}</ol></div>'


def _days(mark: Mark, words: Words) -> str:
    first, last = written_date(words, mark.first), written_date(words, mark.last)
    return first if first == last else f"{first} – {last}"


def _number(number: int, turn: int, words: Words) -> str:
    name = card_id(turn, f"c{number}")
    return f'<a class="fn-cite" href="#{name}"><span class="fn-hidden">{words.source_number} </span>{number}</a>'
