"""What the command line shows of answers, articles, figures and verdicts."""

from collections.abc import Sequence
from typing import NamedTuple

from indexer.articles import Article
from indexer.language import detect_language
from qa.answer import Answer
from qa.citations import Citation
from qa.conflicts import Conflict
from qa.evaluation import Evaluation
from qa.schemas import VerifyBody
from qa.writing import Written
from ui.terminal import count, inline, say, show
from ui.texts import ENGLISH, KOREAN, Words, written_date
from ui.wording import (
    citation_of,
    headline,
    is_near_miss,
    partly_line,
    period_line,
    problems_line,
    side_origin,
    summary_line,
    understood_line,
    warning_lines,
)

# ---------------------------------------------------------------- answers


class Line(NamedTuple):
    """A line of an answer: its text, how far it is indented, how it is set."""

    text: str
    indent: int = 0
    style: str = ""


def show_answer(answer: Answer) -> None:
    """Show an answer and where each of its sentences stands, or that the articles don't say."""
    words = KOREAN if detect_language(answer.question) == "ko" else ENGLISH
    for number, block in enumerate(answer_blocks(answer, words)):
        if number:
            show("")
        for line in block:
            show(line.text, indent=line.indent, style=line.style)
    for warning in warning_lines(answer, words):
        say(warning, label="note: ", style="yellow")


def answer_blocks(answer: Answer, words: Words) -> list[list[Line]]:
    """Return an answer as blocks of lines: how it was understood, the answer in short, then what it rests on."""
    understood = [understood_line(answer, words), period_line(answer, words)]
    blocks = [[Line(text, style="dim") for text in understood if text]]
    if answer.outcome == "not_in_articles":
        blocks += [[Line(words.not_in_articles, style="bold")], _closest(answer, words)]
        return [block for block in blocks if block]
    partly, short = partly_line(answer, words), headline(answer)
    blocks += [
        [Line(text, style="bold") for text in (partly, short) if text],
        *[_conflict(conflict, answer, words) for conflict in answer.conflicts],
        _written(answer.written, words) if answer.written else [],
        [Line(words.closest)] if is_near_miss(answer) else [],
        *[_quotation(citation, words) for citation in answer.citations],
        [Line(summary_line(answer.citations, words, today=answer.as_of), style="dim")],
    ]
    return [block for block in blocks if block]


def _quotation(citation: Citation, words: Words) -> list[Line]:
    published = written_date(words, citation.published) if citation.published else words.date_unknown
    checked = "" if citation.verified else f" · {words.not_verified}"
    copies = [Line(f"{words.also_in} {', '.join(map(inline, citation.also_in))}", 4, "dim")] if citation.also_in else []
    return [
        Line(f"[{citation.index}] “{citation.cited_text}”"),
        Line(inline(citation.title), 4, "cyan"),
        Line(" · ".join(part for part in (citation.source, published, citation.url) if part), 4),
        Line(f"{inline(citation.article_id)}:{citation.start}-{citation.end}{checked}", 4, "dim"),
        *copies,
    ]


def _conflict(conflict: Conflict, answer: Answer, words: Words) -> list[Line]:
    """Show each side; the sentence of one that is quoted below is not shown twice."""
    lines = [Line(f"{words.disagree}:", style="bold")]
    for side in conflict.sides:
        number = citation_of(side, answer)
        figure = f"{side.value} ({side_origin(side, words)})"
        lines.append(Line(f"{figure} [{number}]" if number else figure, 4, "bold"))
        if number is None:
            article, sentence = side.evidence.article, side.evidence.sentence
            lines.append(Line(f"“{side.evidence.text}”", 8))
            place = f"{inline(article.id)}:{sentence.start}-{sentence.end}"
            lines.append(Line(f"{inline(article.title)} · {place}", 8, "dim"))
    return lines


def _written(written: Written, words: Words) -> list[Line]:
    lines = [Line(f"{words.written_by.format(model=written.model)}:", style="dim")]
    for sentence in written.sentences:
        cites = "".join(f" [{index}]" for index in sentence.cites)
        problem = "" if sentence.supported else f"({problems_line(sentence, words)}) "
        lines.append(Line(f"{problem}{sentence.text}{cites}", 4, "" if sentence.supported else "yellow"))
    return lines


def _closest(answer: Answer, words: Words) -> list[Line]:
    if answer.evidence:
        best = answer.evidence[0]
        article, start, end = best.article, best.sentence.start, best.sentence.end
    elif answer.hits:
        hit = answer.hits[0]
        article, start, end = hit.article, hit.passage.start, hit.passage.end
    else:
        return []
    return [
        Line(words.closest),
        Line(f"“{article.quote(start, end)}”", 4),
        Line(f"{inline(article.title)} · {inline(article.id)}:{start}-{end}", 4, "dim"),
    ]


# ---------------------------------------------------------------- lists


def show_articles(articles: Sequence[Article]) -> None:
    """List articles: date, language, title, source, id."""
    for article in articles:
        published = article.published.isoformat() if article.published else "date unknown"
        show(f"{published:<12}  {article.language:<3}  {inline(article.title)}")
        show(" · ".join(inline(part) for part in (article.source, article.id) if part), indent=19, style="dim")
    show(count(len(articles), "article"))


def show_figures(evaluation: Evaluation) -> None:
    """List the figures with their 95 % intervals."""
    for name, figure in evaluation.figures.items():
        if figure.value is None or figure.low is None or figure.high is None:
            show(f"{name:<20} –")
        else:
            digits = 0 if name.endswith("_ms") else 3
            show(f"{name:<20} {figure.value:8.{digits}f}   [{figure.low:.{digits}f}, {figure.high:.{digits}f}]")
    show(f"{count(len(evaluation.outcomes), 'question')}; in brackets the bootstrap 95 % interval")


def show_verdict(verdict: VerifyBody, article_id: str, quote: str) -> None:
    """One line on what became of a quotation."""
    where = "" if verdict.start_char_index is None else f":{verdict.start_char_index}-{verdict.end_char_index}"
    show(f"{verdict.verdict:<8} {inline(article_id)}{where}  “{quote}”")
