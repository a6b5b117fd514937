"""Evidence to the text of an answer: which sentences, quoted whole, in which order. Pure."""

import re
from collections.abc import Sequence
from dataclasses import replace

from indexer.articles import Article, Sentence
from indexer.language import split_sentences
from qa.citations import Citation, cite
from qa.questions import FIGURES, answer_kind, spans_of
from qa.reader import Evidence

MAX_SENTENCES = 3
# How good a further sentence must be, as a share of the best one's score. On 48 web pages, few of which share a
# subject, 4 of 66 questions for a figure get another one at .1, 3 at .2.
NEARLY_AS_GOOD = 0.6
ANOTHER_FIGURE = 0.1
# A quotation that runs over several sentences is quoted as far as this, so that it keeps its "she said".
LONGEST_STATEMENT = 700
_QUOTATION = re.compile(r"“[^“”]{1,2000}”|「[^「」]{1,2000}」|\"[^\"]{1,2000}\"")


def choose(question: str, evidence: Sequence[Evidence]) -> list[Evidence]:
    """The best sentence, and up to two more that are nearly as good; none twice in other words.

    When a figure is asked for, each must hold one, and one from another article may be further behind: two figures for
    one question should both be seen.
    """
    kind = answer_kind(question)
    chosen = [evidence[0]]
    for item in evidence[1:]:
        holds_one = kind in FIGURES and bool(spans_of(kind, item.text, question))
        is_elsewhere = all(item.article.id != other.article.id for other in chosen)
        share = ANOTHER_FIGURE if holds_one and is_elsewhere else NEARLY_AS_GOOD
        good = item.score >= share * evidence[0].score and (holds_one or kind not in FIGURES)
        if good and len(chosen) < MAX_SENTENCES and all(item.text != other.text for other in chosen):
            chosen.append(item)
    return chosen


def whole_statements(chosen: Sequence[Evidence]) -> list[Evidence]:
    """Widen each piece of evidence to a whole statement; one that then lies within another is left out."""
    widened = [replace(item, sentence=whole_statement(item.article, item.sentence)) for item in chosen]
    return [item for number, item in enumerate(widened) if not any(_within(item, other) for other in widened[:number])]


def whole_statement(article: Article, sentence: Sentence) -> Sentence:
    """Widen a sentence to all sentences of the quotation it is part of, so that it keeps who said it.

    Only within its paragraph and only up to LONGEST_STATEMENT characters; else the sentence stays as it is.
    """
    block = next(block for block in article.blocks if block.start <= sentence.start < block.end)
    text = article.quote(block.start, block.end)
    start, end = sentence.start - block.start, sentence.end - block.start
    for quotation in _QUOTATION.finditer(text):
        if quotation.start() < end and quotation.end() > start:
            parts = [
                part
                for part in split_sentences(text, article.language)
                if part[0] < quotation.end() and part[1] > quotation.start()
            ]
            start, end = min(start, parts[0][0]), max(end, parts[-1][1])
    return Sentence(block.start + start, block.start + end) if end - start <= LONGEST_STATEMENT else sentence


def _within(item: Evidence, other: Evidence) -> bool:
    same = item.article.id == other.article.id
    return same and other.sentence.start <= item.sentence.start and item.sentence.end <= other.sentence.end


def compose(chosen: Sequence[Evidence]) -> tuple[str, list[Citation]]:
    """Join quotations, each followed by its number, and make a citation for each."""
    text, citations = "", []
    for number, item in enumerate(chosen, start=1):
        text += " " if text else ""
        start = len(text)
        text += item.text
        citations.append(cite(item, index=number, answer_start=start, answer_end=len(text)))
        text += f" [{number}]"
    return text, citations
