"""Evidence to citations that can be checked: now, later, and by others.

A citation carries the quote, its offsets (W3C TextPositionSelector), its surroundings (W3C TextQuoteSelector)
and the SHA-256 of the article it was taken from.
"""

import unicodedata
from dataclasses import dataclass, replace
from datetime import date
from difflib import SequenceMatcher
from itertools import takewhile
from typing import Literal

from indexer.articles import Article
from indexer.chunking import sentences_of
from qa.reader import Evidence

Verdict = Literal["exact", "moved", "changed", "missing"]


@dataclass(frozen=True, slots=True)
class Citation:
    """Number → the place in an article that says so; `answer_start`/`answer_end` is its quote in the answer.

    `also_in` are other articles that carry the passage in nearly the same words.
    """

    index: int
    answer_start: int
    answer_end: int
    article_id: str
    title: str
    author: str | None
    source: str | None
    published: date | None
    url: str | None
    cited_text: str
    start: int
    end: int
    prefix: str
    suffix: str
    article_sha256: str
    verified: bool
    also_in: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verification:
    """What became of a quote: `exact` and `moved` carry its offsets, `changed` those of what stands there now."""

    verdict: Verdict
    start: int | None = None
    end: int | None = None


# Characters kept on each side of a quote; likeness above which a sentence is the quote, changed.
SURROUNDINGS = 32
LIKENESS = 0.6


def cite(evidence: Evidence, *, index: int, answer_start: int, answer_end: int) -> Citation:
    """Make the receipt of one piece of evidence: the quote is sliced from the article, never copied from elsewhere."""
    article, sentence = evidence.article, evidence.sentence
    quote = article.quote(sentence.start, sentence.end)
    return Citation(
        index=index,
        answer_start=answer_start,
        answer_end=answer_end,
        article_id=article.id,
        title=article.title,
        author=article.author,
        source=article.source,
        published=article.published,
        url=article.url,
        cited_text=quote,
        start=sentence.start,
        end=sentence.end,
        prefix=article.text[max(0, sentence.start - SURROUNDINGS) : sentence.start],
        suffix=article.text[sentence.end : sentence.end + SURROUNDINGS],
        article_sha256=article.sha256,
        verified=False,
        also_in=evidence.also_in,
    )


def check(citation: Citation, article: Article | None, answer: str) -> Citation:
    """Re-slice a citation from its article and its answer; `verified` says whether both are equal to the quote."""
    verified = (
        article is not None
        and article.sha256 == citation.article_sha256
        and article.quote(citation.start, citation.end) == citation.cited_text
        and answer[citation.answer_start : citation.answer_end] == citation.cited_text
    )
    return replace(citation, verified=verified)


def verify(
    article: Article | None, *, cited_text: str, start: int, end: int, prefix: str = "", suffix: str = ""
) -> Verification:
    """Find a quote again: `exact` where it was, `moved` elsewhere in the article, `changed` when only its
    surroundings or its likeness are left, else `missing`.

    Offsets count code points. Among several places the one with the most alike surroundings wins, then the nearest.
    """
    quote = unicodedata.normalize("NFC", cited_text)
    if article is None or not quote.strip():
        return Verification("missing")
    if 0 <= start < end and article.quote(start, end) == quote:
        return Verification("exact", start, end)
    places = _places(article.text, quote)
    if places:
        best = min(places, key=lambda at: (-_alike(article.text, at, len(quote), prefix, suffix), abs(at - start)))
        return Verification("moved", best, best + len(quote))
    return _changed(article, quote, prefix, suffix)


def _places(text: str, quote: str) -> list[int]:
    places, at = [], text.find(quote)
    while at >= 0:
        places.append(at)
        at = text.find(quote, at + 1)
    return places


def _alike(text: str, start: int, length: int, prefix: str, suffix: str) -> int:
    """How many characters around the place agree with the surroundings of the quote."""
    before = text[max(0, start - len(prefix)) : start]
    after = text[start + length : start + length + len(suffix)]
    return _agreeing(before[::-1], prefix[::-1]) + _agreeing(after, suffix)


def _agreeing(text: str, wanted: str) -> int:
    pairs = zip(text, wanted, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _changed(article: Article, quote: str, prefix: str, suffix: str) -> Verification:
    """The sentence most like the quote, or what stands between its surroundings now."""
    after = article.text.find(prefix) + len(prefix) if prefix.strip() and prefix in article.text else None
    before = article.text.find(suffix, after or 0) if suffix.strip() else -1
    if after is not None and before > after and before - after <= 4 * len(quote):
        return Verification("changed", after, before)
    matcher = SequenceMatcher(b=quote, autojunk=False)
    best, likeness = None, LIKENESS
    for sentence in sentences_of(article):
        matcher.set_seq1(article.quote(sentence.start, sentence.end))
        if matcher.real_quick_ratio() > likeness and matcher.quick_ratio() > likeness and matcher.ratio() > likeness:
            best, likeness = sentence, matcher.ratio()
    return Verification("changed", best.start, best.end) if best else Verification("missing")
