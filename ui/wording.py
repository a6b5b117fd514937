"""What an answer says about itself, in the words of the page and the command line alike. Pure; plain text."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import date

from qa.answer import PERIOD_MATCHES_NOTHING, Answer
from qa.citations import Citation
from qa.conflicts import Side
from qa.writing import WrittenSentence
from ui.texts import Words, counted, written_age, written_date, written_period

# Answers are shown from the threshold on; below this, somewhat more than half of them hold.
WEAK_BELOW = 0.6

_FIELDS = frozenset(field.name for field in fields(Words))


def is_near_miss(answer: Answer) -> bool:
    """Whether the articles speak of what is asked but do not say it: what is quoted is the closest, not an answer."""
    return answer.outcome == "partly" and not answer.answered


def headline(answer: Answer) -> str | None:
    """The short answer, if it may stand alone: where figures disagree, a single one would look like the winner."""
    return answer.short_answer if answer.answered and not answer.conflicts else None


def understood_line(answer: Answer, words: Words) -> str:
    """Say how a follow-up was understood; "" where the question was taken as it is."""
    same = answer.standalone_question == answer.question
    return "" if same else f"{words.understood_as} {answer.standalone_question}"


def period_line(answer: Answer, words: Words) -> str:
    """Say which articles were looked at; "" where the question limits none, or where none was from then."""
    period = answer.period
    if period is None or period.kind != "published" or PERIOD_MATCHES_NOTHING in answer.warnings:
        return ""
    if period.start == date.min:
        return words.period_until_only.format(date=written_date(words, period.end))
    return words.period_only.format(period=_period(answer, words))


def partly_line(answer: Answer, words: Words) -> str:
    """Say what is missing from an answer; "" for one that is whole or not there."""
    if answer.outcome != "partly":
        return ""
    template = words.near_miss if is_near_miss(answer) else words.partly
    return template.format(missing=", ".join(answer.missing))


def weak_line(answer: Answer, words: Words) -> str:
    """Say that an answer is only just likely enough to be one; "" for any other."""
    return words.weak_match if answer.answered and answer.answerable < WEAK_BELOW else ""


def warning_lines(answer: Answer, words: Words) -> list[str]:
    """Say each warning in words; one without words stays its code."""
    return [_named(words, "warning", code).format(period=_period(answer, words)) for code in answer.warnings]


def _named(words: Words, kind: str, code: str) -> str:
    """Return the words for a code, a template; for one without words the code, as a template of itself."""
    field = f"{kind}_{code}"
    return str(getattr(words, field)) if field in _FIELDS else code.replace("{", "{{").replace("}", "}}")


def _period(answer: Answer, words: Words) -> str:
    period = answer.period
    if period is None:
        return ""
    if period.start == date.min:
        return words.filter_before.format(date=written_date(words, period.end))
    return written_period(words, period.start, period.end)


def citation_of(side: Side, answer: Answer) -> int | None:
    """Return the number of the quotation that holds the figure; None when it is not quoted."""
    for citation in answer.citations:
        if citation.article_id == side.evidence.article.id and citation.start <= side.start < side.end <= citation.end:
            return citation.index
    return None


def unshown(answer: Answer) -> list[Citation]:
    """Return the quotations that no side of a conflict shows already, sentence and number."""
    sides = [side for conflict in answer.conflicts for side in conflict.sides]
    shown = {(citation_of(side, answer), side.evidence.text) for side in sides}
    return [citation for citation in answer.citations if (citation.index, citation.cited_text) not in shown]


def side_origin(side: Side, words: Words) -> str:
    """Say when a figure was published, which may be unknown, and by which source, if that is known."""
    article = side.evidence.article
    day = written_date(words, article.published) if article.published else words.date_unknown
    return f"{day}, {article.source}" if article.source else day


def problems_line(sentence: WrittenSentence, words: Words) -> str:
    """Say why a sentence of a language model is not supported."""
    problems = ", ".join(_named(words, "problem", code) for code in sentence.problems)
    return words.unsupported.format(problems=problems)


def summary_line(citations: Sequence[Citation], words: Words, *, today: date) -> str:
    """Count quotations and their articles, and say how old the newest of these is."""
    articles = len({citation.article_id for citation in citations})
    line = f"{counted(words, 'quotations', len(citations))} {counted(words, 'in_articles', articles)}"
    dates = [citation.published for citation in citations if citation.published]
    return f"{line} · {words.newest_source.format(age=written_age(words, max(dates), today))}" if dates else line
