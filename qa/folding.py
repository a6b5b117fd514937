"""Hits from copies of one story, folded into one: the earliest article is shown, the others are named. Pure.

Only what says the same is folded. Of two articles that carry one story, a passage whose figures, dates or negations
differ stays, and so does one with a sentence that the other lacks: a correction is worth more than a short list.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from typing import Generic, Protocol, TypeVar

from indexer.articles import Article, Passage
from qa.numbers.figures import figures_in

NEAR_IDENTICAL = 0.9


class Found(Protocol):
    """A passage of an article, as a hit is."""

    @property
    def article(self) -> Article:
        """The article it stands in."""

    @property
    def passage(self) -> Passage:
        """The slice of it."""


Hit = TypeVar("Hit", bound=Found)


@dataclass(frozen=True, slots=True)
class Fold(Generic[Hit]):
    """A hit to show, and the ids of the other articles that have it too, by date.

    `hit` is the one of the earliest article, `best` the one that came first: its rank and scores are those of the fold.
    """

    hit: Hit
    best: Hit
    also_in: tuple[str, ...] = ()


def folded(hits: Sequence[Hit], duplicates: Mapping[str, Sequence[str]]) -> list[Fold[Hit]]:
    """Fold hits (best first) of near-duplicates; the order stays, and no article is lost.

    `duplicates` are the groups of articles that carry one story, as in `Generation.duplicates`.
    """
    story_of = {member: head for head, others in duplicates.items() for member in (head, *others)}
    articles = {hit.article.id: hit.article for hit in hits}
    folds, before = [Fold(hit, hit) for hit in hits], -1
    # Another hit to show may cover what the one before it did not.
    while len(folds) != before:
        before = len(folds)
        folds = _once(folds, story_of, articles)
    return folds


def _once(folds: Sequence[Fold[Hit]], story_of: Mapping[str, str], articles: Mapping[str, Article]) -> list[Fold[Hit]]:
    kept: list[Fold[Hit]] = []
    for fold in folds:
        story = story_of.get(fold.hit.article.id)
        # An article is no copy of itself; its passages overlap by a sentence.
        rivals = [
            place
            for place, other in enumerate(kept)
            if story is not None
            and story_of.get(other.hit.article.id) == story
            and other.hit.article.id != fold.hit.article.id
        ]
        same = next((place for place in rivals if _near_identical(_text(kept[place].hit), _text(fold.hit))), None)
        if same is not None:
            kept[same] = _joined(kept[same], fold, articles)
        elif rivals and (covering := _covering([kept[place] for place in rivals], fold)) is not None:
            place = rivals[covering]
            others = {*kept[place].also_in, fold.hit.article.id, *fold.also_in} - {kept[place].hit.article.id}
            kept[place] = replace(kept[place], also_in=_by_date(others, articles))
        else:
            kept.append(fold)
    return kept


def _joined(one: Fold[Hit], other: Fold[Hit], articles: Mapping[str, Article]) -> Fold[Hit]:
    """Join two folds that say the same; the earlier article is shown."""
    hit = min(one.hit, other.hit, key=lambda shown: _date_of(shown.article))
    members = {one.hit.article.id, other.hit.article.id, *one.also_in, *other.also_in}
    return Fold(hit, one.best, _by_date(members - {hit.article.id}, articles))


def _covering(kept: Sequence[Fold[Hit]], fold: Fold[Hit]) -> int | None:
    """Return the place of the fold that has most sentences of the hit, if together they have every one."""
    wanted = _sentences(fold.hit)
    there = [_sentences(other.hit) for other in kept]
    has = [[any(_near_identical(one, other) for other in sentences) for one in wanted] for sentences in there]
    if not all(any(column) for column in zip(*has, strict=True)):
        return None
    return max(range(len(kept)), key=lambda place: (sum(has[place]), -place))


def _text(hit: Found) -> str:
    return hit.article.quote(hit.passage.start, hit.passage.end)


def _sentences(hit: Found) -> list[str]:
    return [hit.article.quote(sentence.start, sentence.end) for sentence in hit.passage.sentences]


def _date_of(article: Article) -> tuple[date, str]:
    return article.published or date.max, article.id


def _by_date(article_ids: set[str], articles: Mapping[str, Article]) -> tuple[str, ...]:
    return tuple(sorted(article_ids, key=lambda article_id: _date_of(articles[article_id])))


# ---------------------------------------------------------------- do two texts say the same?

_WORD = re.compile(r"\w+")
# What turns a sentence into another one although hardly a word has changed.
_TELLING = re.compile(
    r"\d[\d,.]*\d|\d|\b(?:not|no|never|without|cannot|nor|neither)\b|n['’]t\b|않|못하|못 |없|아니|안 "
    r"|\b(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day|january|february|march|april|may|june|july|august|september"
    r"|october|november|december)\b|[월화수목금토일]요일"
)


def _near_identical(one: str, other: str) -> bool:
    """Whether two texts share nine tenths of their words, and all their figures, dates and negations, in order."""
    words, others = _words(one), _words(other)
    common = len(words & others)
    if common < NEAR_IDENTICAL * (len(words) + len(others) - common):
        return False
    return _telling(one) == _telling(other)


@lru_cache(maxsize=4096)
def _words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(_normal(text)))


@lru_cache(maxsize=4096)
def _telling(text: str) -> tuple[tuple[str, ...], tuple[tuple[float, str], ...]]:
    said = tuple(match.group().replace(",", "") for match in _TELLING.finditer(_normal(text)))
    return said, tuple((figure.amount, figure.unit) for figure in figures_in(text))


def _normal(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()
