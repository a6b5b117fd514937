"""Question sets to what the cross-encoder learns from: a question, a passage, which sentences of it answer."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from indexer.articles import Article, Passage
from indexer.chunking import embedded_text, sentence_spans
from indexer.embedding import Embedder
from indexer.generation import Generation
from indexer.language import Analyser
from qa.fusion import fuse
from qa.questions import names_in, numbers_in
from training.indexing import indexed
from training.questions import Asked, QuestionSet

Span = tuple[int, int]

DEPTH = 30
POSITIVES, NEGATIVES = 2, 2
SEED = 20261122


@dataclass(frozen=True)
class Example:
    """A question and a text to read; `sentences` are spans of the text, `gold` numbers of those that answer.

    `short` is the span of the short answer in the text; None when it is not known.
    """

    source: str
    article: str
    question: str
    text: str
    sentences: tuple[Span, ...]
    gold: tuple[int, ...] = ()
    short: Span | None = None


def examples_of(
    questions: QuestionSet, embedder: Embedder, *, together: int = NEGATIVES, beside_near: int = 0
) -> list[Example]:
    """Index the set's articles with the real pipeline and pair each question with passages, question by question.

    An answerable question is paired with the passages that hold an answering sentence and with the `together`
    best-ranked ones that do not; an unanswerable one with the passages it is near to and `beside_near` others, or,
    when it is near to none in particular, with the best-ranked.
    """
    with indexed(questions, embedder) as (generation, settings):
        analyser = Analyser(settings.korean_analyser)
        return list(_pairs(questions, generation, embedder, analyser, (together, beside_near)))


def _pairs(
    questions: QuestionSet,
    generation: Generation,
    embedder: Embedder,
    analyser: Analyser,
    others_taken: tuple[int, int],
) -> Iterator[Example]:
    queries = embedder.embed_queries([asked.question for asked in questions.asked])
    for asked, query in zip(questions.asked, queries, strict=True):
        lexical = dict(generation.lexical.search(analyser.content_tokens(asked.question), DEPTH))
        ranked = [row for row, _ in fuse(dict(generation.dense.search(query, DEPTH)), lexical)]
        passages = [passage for passage in generation.passages if passage.article_id == asked.article]
        near = asked.near if not asked.gold else None
        first = [passage for passage in passages if (_overlaps(passage, near) if near else _holds(passage, asked))]
        others = [generation.passages[row] for row in ranked if generation.passages[row] not in first]
        chosen = [*first[:POSITIVES], *others[: others_taken[1 if near else 0]]]
        for passage in chosen:
            yield _example(questions.name, asked, generation.articles[passage.article_id], passage)


def _holds(passage: Passage, asked: Asked) -> bool:
    return any(sentence in passage.sentences for sentence in asked.gold)


def _overlaps(passage: Passage, place: Span) -> bool:
    inside = min(passage.end, place[1]) - max(passage.start, place[0])
    return inside > 0.5 * (passage.end - passage.start)


def _example(source: str, asked: Asked, article: Article, passage: Passage) -> Example:
    text = embedded_text(article, passage)
    spans = tuple(sentence_spans(passage, text))
    gold = tuple(n for n, one in enumerate(passage.sentences) if asked.article == article.id and one in asked.gold)
    short = None
    for number in gold:
        sentence = passage.sentences[number]
        if asked.short and sentence.start <= asked.short[0] < asked.short[1] <= sentence.end:
            offset = spans[number][0] - sentence.start
            short = (asked.short[0] + offset, asked.short[1] + offset)
    return Example(source, asked.article, asked.question, text, spans, gold, short)


def near_misses(examples: Sequence[Example], *, share: float) -> list[Example]:
    """Ask some answerable questions about another name or year: right topic, wrong entity.

    The other name is taken from questions on the same article, and must not stand in the text.
    """
    draw = random.Random(SEED)
    names: dict[str, list[str]] = {}
    for example in examples:
        names.setdefault(example.article, []).extend(names_in(example.question))
    misses = []
    for example in examples:
        if example.gold and draw.random() < share:
            changed = _another(example.question, example.text, names[example.article], draw)
            if changed:
                misses.append(replace(example, question=changed, gold=(), short=None))
    return misses


def _another(question: str, text: str, names: Sequence[str], draw: random.Random) -> str | None:
    years = [number for number in numbers_in(question) if len(number) == 4 and number[:2] in ("18", "19", "20")]
    if years and draw.random() < 0.7:
        year = str(int(years[0]) + draw.choice((-3, -2, -1, 1, 2, 3)))
        return question.replace(years[0], year) if year not in text else None
    there = [name for name in names_in(question) if name in text]
    others = sorted({name for name in names if name not in text and name not in question})
    if not there or not others:
        return None
    return question.replace(draw.choice(there), draw.choice(others))
