"""`footnote why`: the way of one article through one question, told from top to bottom."""

import unicodedata
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from indexer.errors import UsageError
from indexer.settings import load_settings
from ui import terminal
from ui.options import DAY, IndexOption, JsonOption, filters_of, open_answerer

if TYPE_CHECKING:
    from qa.explanation import Explanation
    from qa.tracing import Comparison, Effect, Leg, PassageTrace, SentenceTrace, Understanding

WIDTH = 100
MARGIN = 16
# What each feature of the reader measures, in the words of its list.
FEATURES = {
    "read": "the cross-encoder's reading",
    "short": "a likely short answer",
    "similarity": "meaning near the question's",
    "tokens": "its words near the question's",
    "weakest": "the question's worst-matched word",
    "overlap": "words of the question",
    "overlap_in_context": "words of the question, with title and context",
    "overlap_of_passage": "words of the question, in the passage",
    "pairs": "neighbouring words of the question",
    "rare": "the question's rarest word",
    "passage": "the score of its passage",
    "article": "the score of its article's best passage",
    "dense": "the cosine of its passage",
    "passage_first": "the rank of its passage",
    "kind_found": "it has what kind of answer is asked for",
    "kind_missing": "it lacks the kind of answer asked for",
    "reason": "it gives a reason",
    "length": "its length",
    "asks": "it is a question itself",
    "lead": "it opens its article",
}

Line = tuple[str, str]  # a text and its style


def why(
    question: Annotated[str, typer.Argument(help="The question, in quotation marks.")],
    article: Annotated[str, typer.Argument(metavar="ARTICLE", help="The id of an article, or how it ends.")],
    index_folder: IndexOption = None,
    published_from: Annotated[datetime | None, typer.Option("--from", help="Published then or later.", **DAY)] = None,
    published_to: Annotated[datetime | None, typer.Option("--to", help="Published then or before.", **DAY)] = None,
    source: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Only from this source; repeatable.")] = None,
    as_of: Annotated[datetime | None, typer.Option("--as-of", help="As if asked on that day.", **DAY)] = None,
    as_json: JsonOption = False,
) -> None:
    """Tell why an article was, or was not, used for an answer: every step, and the one that dropped it."""
    settings = load_settings({"index": index_folder})
    if not question.strip() or len(question) > settings.max_question_chars:
        raise UsageError(f"A question has 1 to {settings.max_question_chars:,} characters.")
    day = as_of.date() if as_of else None
    filters = filters_of(published_from, published_to, day, source or ())
    from qa.explanation import explain

    explanation = explain(open_answerer(settings), question, article, filters=filters, as_of=day)
    if as_json:
        terminal.write_json(explanation.to_dict())
    else:
        for text, style in story(explanation):
            terminal.show(text, style=style)


# ---------------------------------------------------------------- the story


def story(explanation: "Explanation") -> Iterator[Line]:
    """Tell it in lines of at most WIDTH columns: the question, the passages, the sentences, the answer, the reason."""
    yield from _field("article", f"{explanation.article_id} · {explanation.title}", style="cyan")
    yield from _question(explanation.understood)
    if explanation.passages:
        yield from _passages(explanation)
    if explanation.comparison:
        yield from _sentences(explanation.comparison)
    yield from _outcome(explanation)


def _question(understood: "Understanding") -> Iterator[Line]:
    yield from _heading("1. The question")
    yield from _field("read as", understood.part)
    knows = "knows" if understood.embedder_knows else "does not know"
    yield from _field("language", f"{understood.language}; the embedder {knows} it")
    yield from _field("asks for", understood.kind)
    terms = ", ".join(f"{term.token} in {term.frequency:,}" for term in understood.terms) or "none"
    yield from _field("search terms", f"{terms} (of {understood.indexed_passages:,} passages)")
    if period := understood.period:
        found = "; no article is from then, so all were searched" if understood.period_matches_nothing else ""
        yield from _field("time", f"“{period.text}”: {period.start} to {period.end} ({period.kind}){found}")
    for check in understood.filters:
        verdict = "passes" if check.passes else "DOES NOT PASS"
        yield from _field(check.name, f"{verdict}: wanted {check.wanted}, the article has {check.found or 'none'}")
    if not understood.filters:
        yield from _field("filters", "none")


def _passages(explanation: "Explanation") -> Iterator[Line]:
    limits = explanation.limits
    yield from _heading("2. Its best passages")
    depth = f"Each leg brings its best {limits.retrieval_depth:,}; together {explanation.ranked:,}."
    closer = f"The first {limits.rescored_passages} are looked at closely, the first {limits.read_passages} are read."
    yield from _field("", f"{depth} {closer}")
    yield f"{'characters':<15} {'meaning':<21} {'words (BM25)':<21} {'fused':<13} {'closer look':<13} read", "dim"
    for passage in explanation.passages:
        yield _passage(passage), ""
        yield from _field("  has words", ", ".join(passage.matched) or "none of the question's")


def _passage(passage: "PassageTrace") -> str:
    place = f"{passage.start}-{passage.end}"
    meaning = _leg(passage.dense, digits=3) if passage.dense else "not asked"
    fused = _ranked(passage.fused_rank, passage.fused_score)
    final = _ranked(passage.final_rank, passage.final_score)
    read = "yes" if passage.read else "no"
    return f"{place:<15} {meaning:<21} {_leg(passage.lexical, digits=2):<21} {fused:<13} {final:<13} {read}"


def _leg(leg: "Leg", *, digits: int) -> str:
    place = f"#{leg.rank}" if leg.rank else "–"
    return f"{place:<5} {leg.score:6.{digits}f}" + ("" if leg.z is None else f" (z {leg.z:+.1f})")


def _ranked(rank: int | None, score: float | None) -> str:
    return "–" if rank is None or score is None else f"#{rank:<4} {score:+.2f}"


def _sentences(comparison: "Comparison") -> Iterator[Line]:
    yield from _heading(f"3. Its best sentence, of {comparison.sentences} read")
    if comparison.best:
        yield from _sentence("its best", comparison.best)
    else:
        yield from _field("its best", "none: no passage of it was read")
    if comparison.other:
        yield from _sentence("the winner" if comparison.other.rank == 1 else "the next", comparison.other)
    if comparison.best and comparison.other:
        difference = comparison.best.utility - comparison.other.utility
        yield from _field("difference", f"{difference:+.2f} of utility; what makes most of it:")
        yield from _effects("helps", comparison.helped)
        yield from _effects("hurts", comparison.hurt)


def _sentence(label: str, sentence: "SentenceTrace") -> Iterator[Line]:
    yield from _field(label, f"“{sentence.text}”", style="bold")
    odds = "not read by the cross-encoder" if sentence.log_odds is None else f"log-odds {sentence.log_odds:+.2f}"
    short = f"short answer “{sentence.short_answer}”" if sentence.short_answer else "no short answer"
    yield from _field("", f"#{sentence.rank}, utility {sentence.utility:.2f}, {odds}, {short}")
    yield from _field("", f"{sentence.article_id}:{sentence.start}-{sentence.end}", style="dim")


def _effects(label: str, effects: "Iterable[Effect]") -> Iterator[Line]:
    for effect in effects:
        name = FEATURES.get(effect.feature, effect.feature)
        yield from _field(label, f"{effect.effect:+6.2f}  {name:<46} {effect.value:6.2f} beside {effect.other:5.2f}")
        label = ""


def _outcome(explanation: "Explanation") -> Iterator[Line]:
    yield from _heading("4. The answer" if explanation.comparison else "Then")
    chance, threshold = explanation.answerable, explanation.limits.answer_threshold
    relation = "at or above" if chance >= threshold else "below"
    yield from _field("answerable", f"{chance:.2f}, {relation} the threshold of {threshold:.2f}")
    yield from _field("outcome", explanation.outcome.replace("_", " "))
    if explanation.cited_articles:
        yield from _field("quotes", ", ".join(explanation.cited_articles))
    yield "", ""
    step = explanation.dropped_at.replace("_", " ") if explanation.dropped_at else "not dropped"
    yield from _field(f"→ {step}", explanation.reason, style="bold green" if explanation.cited else "bold yellow")
    if explanation.advice:
        yield from _field("", explanation.advice)


# ---------------------------------------------------------------- lines


def _heading(text: str) -> Iterator[Line]:
    yield "", ""
    yield text, "bold"


def _field(label: str, text: str, *, style: str = "") -> Iterator[Line]:
    """Write a text behind its label, over as many lines as it takes."""
    for number, line in enumerate(wrapped(text, WIDTH - MARGIN)):
        yield f"{label if number == 0 else '':<{MARGIN}}{line}", style


def wrapped(text: str, width: int) -> list[str]:
    """Break a text at its spaces into lines, at least one, of at most `width` columns; only a longer word is cut."""
    lines, line, used = [], "", 0
    for word in _words(text, width):
        columns = _columns(word)
        if line and used + columns > width:
            lines.append(line.rstrip())
            line, used = "", 0
            word, columns = word.lstrip(), _columns(word.lstrip())
        line, used = line + word, used + columns
    return [*lines, line.rstrip()]


def _words(text: str, width: int) -> Iterator[str]:
    """Cut a text before its spaces, and a word that fits no line into pieces."""
    piece, used = "", 0
    for mark in text.replace("\n", " "):
        columns = _columns(mark)
        if piece and (used + columns > width or (mark == " " and not piece.isspace())):
            yield piece
            piece, used = "", 0
        piece, used = piece + mark, used + columns
    yield piece


def _columns(text: str) -> int:
    """Count the columns a text takes on a terminal; a Hangul syllable takes two."""
    return sum(
        0 if unicodedata.combining(mark) else 2 if unicodedata.east_asian_width(mark) in "WF" else 1 for mark in text
    )
