"""Answers made by hand, whose every text is given."""

import dataclasses
from datetime import date

from indexer.articles import Article, Block, Sentence, make_passage
from qa.answer import Answer
from qa.citations import Citation
from qa.conflicts import Conflict, Side
from qa.dates import Period
from qa.reader import Evidence
from qa.retrieval import Hit
from qa.writing import Written, WrittenSentence

TODAY = date(2026, 3, 1)
WEEK = Period(date(2026, 2, 16), date(2026, 2, 22), "last week", "published")


def make_article(words: str, *, text: str | None = None, url: str | None = None) -> Article:
    body = words if text is None else text
    return Article(
        id=words,
        text=body,
        title=words,
        language="en",
        blocks=(Block("paragraph", 0, len(body)),),
        source=words,
        published=date(2026, 1, 31),
        url=url,
        provenance={"published": "text"},
    )


def make_answer(words: str, *, outcome: str = "answered") -> Answer:
    article = make_article(words)
    sentence = Sentence(0, len(words))
    passage = make_passage(article, [sentence], heading="")
    other = Hit(passage, dataclasses.replace(article, id=words + "2"), 2, 0.5, 0.5, 0.5)
    citation = Citation(
        index=1, answer_start=0, answer_end=len(words), article_id=words, title=words, author=words, source=words,
        published=article.published, url=None, cited_text=words, start=0, end=len(words), prefix="", suffix="",
        article_sha256=article.sha256, verified=True,
    )  # fmt: skip
    answered = outcome != "not_in_articles"
    return Answer(
        id="a",
        question=words,
        standalone_question=words + " then",
        outcome=outcome,  # type: ignore[arg-type]
        answered=answered,
        answerable=0.9,
        text=f"{words} [1]" if answered else "",
        short_answer=words if answered else None,
        citations=[citation] if answered else [],
        evidence=[Evidence(article, sentence, 0.7)],
        hits=[Hit(passage, article, 1, 1.0, 0.9, 3.0), other],
        generation="gen-000001",
        as_of=TODAY,
        warnings=("embedder_blind", words),
    )


def make_side(words: str, value: tuple[int, int], *, published: date | None = None) -> Side:
    """A side of a conflict: its article is these words alone, its figure the slice `value` of them."""
    article = dataclasses.replace(make_article(words), id=f"{words}-{published}", published=published)
    evidence = Evidence(article, Sentence(0, len(words)), 0.5)
    return Side(evidence, article.quote(*value), *value, 500.0, "")


def make_conflict(words: str) -> Conflict:
    """A conflict of the article of `make_answer`, which is cited, with one that is not."""
    cited = Side(Evidence(make_article(words), Sentence(0, len(words)), 0.7), words, 0, len(words), 1000.0, "")
    return Conflict("number", (cited, make_side(words, (0, 1))))


def make_written(words: str) -> Written:
    """A sentence that is supported, and one that is not."""
    return Written(
        (WrittenSentence(words, (1,), True, ()), WrittenSentence(words, (1, 9), False, ("figure", "unknown_citation"))),
        model=words,
    )


def make_variants(words: str) -> dict[str, Answer]:
    """Every kind of answer there is, all of whose texts are these words."""
    answer = make_answer(words)
    partly = dataclasses.replace(answer, outcome="partly", missing=(words, words), short_answer=None)
    return {
        "answered": answer,
        "not in the articles": make_answer(words, outcome="not_in_articles"),
        "answered in one part": partly,
        "near miss": dataclasses.replace(partly, answered=False, short_answer=words),
        "conflict": dataclasses.replace(answer, conflicts=(make_conflict(words),), period=WEEK),
        "written": dataclasses.replace(answer, written=make_written(words)),
    }
