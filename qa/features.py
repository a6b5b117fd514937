"""What the reader looks at: a question and a candidate sentence to a row of numbers. Pure.

Each feature is a plain fact in about [−1, 1], so that the weights can be read (qa/reader_weights.json).
"""

import itertools
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from indexer.articles import Article, Sentence
from qa.matching import Match
from qa.questions import KINDS_WITH_SPANS, YEAR, answer_kind, spans_of
from qa.reading import SentenceReading
from qa.retrieval import Hit

Matrix = NDArray[np.float64]
Tokenise = Callable[[str], list[str]]
Idf = Callable[[str], float]

NAMES = (
    "read",  # log-odds that the sentence answers, by the cross-encoder, a fifth of it
    "read_behind",  # how far that is behind the best candidate
    "short",  # log-probability of its likeliest short answer, a fifth of it
    "similarity",  # cosine of question and sentence, the sentence read in its passage
    "similarity_behind",  # how far that is behind the most similar candidate
    "tokens",  # the question's tokens to their best partners in the sentence: mean cosine
    "tokens_behind",  # how far that is behind the best candidate
    "weakest",  # the cosine of the question's token that finds the worst partner
    "weakest_behind",  # how far that is behind the best candidate
    "overlap",  # idf-weighted share of the question's tokens in the sentence
    "overlap_in_context",  # the same with title, heading and previous sentence
    "overlap_of_passage",  # the same with the whole passage
    "pairs",  # share of the question's neighbouring tokens that neighbour in the sentence
    "rare",  # whether the question's rarest token is in the sentence
    "passage",  # fused score of the passage, relative to the best, as a tanh
    "passage_behind",  # the same in standard deviations, a fifth of it
    "article_behind",  # how far the best passage of its article is behind the best of all, as a tanh
    "dense_behind",  # how far the passage's cosine is behind the best
    "passage_first",  # 1 / rank of the passage
    "kind_found",  # the sentence has a span of the kind asked for
    "kind_missing",  # it has none, though a kind is asked for
    "reason",  # a reason is asked for and the sentence gives one
    "length",  # how far the sentence is from a short one
    "asks",  # the sentence is itself a question
    "lead",  # the first sentence of its article
)

_LOGIT_SCALE = 0.2
_FAR = 5  # standard deviations; beyond this, farther makes no difference
_LONG = 60  # words; beyond this, longer makes no difference
_REASONS = (
    "because",
    "due to",
    "in order to",
    "so that",
    "aim",
    "to ensure",
    "as a result",
    "since",
    "때문",
    "위해",
    "위한",
    "따라",
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence that may answer, with what stands before it and the hit it was found in."""

    hit: Hit
    sentence: Sentence
    previous: Sentence | None

    @property
    def article(self) -> Article:
        """The article it stands in."""
        return self.hit.article

    @property
    def text(self) -> str:
        """The sentence exactly as the article has it."""
        return self.article.quote(self.sentence.start, self.sentence.end)

    @property
    def surroundings(self) -> tuple[str, str, str]:
        """Title, heading and previous sentence: what is needed to know who "it" is."""
        before = self.article.quote(self.previous.start, self.previous.end) if self.previous else ""
        return self.article.title, self.hit.passage.heading, before


def candidates_of(hits: Sequence[Hit]) -> list[Candidate]:
    """Return each sentence of the hits once, in its best passage, with the sentence before it if any hit has that."""
    chosen: dict[tuple[str, int], Candidate] = {}
    for hit in hits:
        before: Sentence | None = None
        for sentence in hit.passage.sentences:
            key = (hit.article.id, sentence.start)
            known = chosen.get(key)
            if known is None:
                chosen[key] = Candidate(hit, sentence, before)
            elif known.previous is None and before is not None:
                chosen[key] = Candidate(known.hit, sentence, before)
            before = sentence
    return list(chosen.values())


def features(
    question: str,
    candidates: Sequence[Candidate],
    *,
    matches: Sequence[Match],
    readings: Sequence[SentenceReading],
    tokenise: Tokenise,
    idf: Idf,
) -> Matrix:
    """Return one row per candidate, one column per name in NAMES.

    `matches` and `readings` belong to the candidates, one each; all 0 when the language is not known to them.
    """
    tokens = cache(tokenise)
    asked = tokens(question)
    weight = {token: idf(token) for token in asked}
    kind = answer_kind(question)
    wanted = kind in KINDS_WITH_SPANS
    retrieved = _retrieved([candidate.hit for candidate in candidates])
    closest = [max(values, default=0.0) for values in zip(*map(astuple, matches), strict=True)]
    best_read = max((reading.logit for reading in readings), default=0.0)
    rows = []
    for candidate, match, reading in zip(candidates, matches, readings, strict=True):
        said = tokens(candidate.text)
        context = set(said).union(*(tokens(part) for part in candidate.surroundings))
        passage = context.union(tokens(candidate.hit.text))
        found = bool(spans_of(kind, candidate.text, question))
        rows.append(
            (
                reading.logit * _LOGIT_SCALE,
                (reading.logit - best_read) * _LOGIT_SCALE,
                reading.short_log * _LOGIT_SCALE,
                *(part for value, best in zip(astuple(match), closest, strict=True) for part in (value, value - best)),
                _overlap(weight, set(said)),
                _overlap(weight, context),
                _overlap(weight, passage),
                _pairs(asked, said),
                _rarest(weight, set(said)),
                *retrieved[candidate.hit.passage.id],
                float(wanted and found),
                float(wanted and not found),
                float(kind == "reason" and any(word in candidate.text.lower() for word in _REASONS)),
                min(len(candidate.text.split()), _LONG) / _LONG,
                float(candidate.text.rstrip("\"'”’) ").endswith("?")),
                float(candidate.sentence.start == _first_sentence(candidate)),
            )
        )
    return np.array(rows, dtype=np.float64).reshape(len(candidates), len(NAMES))


def _retrieved(hits: Sequence[Hit]) -> dict[str, tuple[float, float, float, float, float]]:
    """By passage: what retrieval says of it, in the order of NAMES."""
    best = max((hit.score for hit in hits), default=0.0)
    closest = max((hit.dense_score for hit in hits), default=0.0)
    best_of: dict[str, float] = {}
    for hit in hits:
        best_of[hit.article.id] = max(best_of.get(hit.article.id, hit.score), hit.score)
    return {
        hit.passage.id: (
            math.tanh((hit.score - best) / 2),
            max(hit.score - best, -_FAR) / _FAR,
            math.tanh((best_of[hit.article.id] - best) / 2),
            hit.dense_score - closest,
            1 / hit.rank,
        )
        for hit in hits
    }


def _overlap(weight: dict[str, float], tokens: set[str]) -> float:
    total = math.fsum(weight.values())
    return math.fsum(value for token, value in weight.items() if token in tokens) / total if total else 0.0


def _pairs(asked: Sequence[str], said: Sequence[str]) -> float:
    pairs = set(itertools.pairwise(asked))
    return len(pairs & set(itertools.pairwise(said))) / len(pairs) if pairs else 0.0


def _rarest(weight: dict[str, float], tokens: set[str]) -> float:
    return float(max(weight, key=lambda token: (weight[token], token)) in tokens) if weight else 0.0


def _first_sentence(candidate: Candidate) -> int:
    starts = (block.start for block in candidate.article.blocks if block.kind == "paragraph")
    return next(starts, -1)


_YEAR_BEFORE = re.compile(
    r"\b(?:last|previous|past|prior) year\b|\byear (?:earlier|ago|before)\b|지난해|작년|전년", re.I
)
_YEAR_AFTER = re.compile(r"\bnext year\b|\bcoming year\b|내년", re.I)
_THIS_YEAR = re.compile(r"\bthis year\b|올해|금년", re.I)


def years_missing(question: str, article: Article) -> float:
    """The share of the years a question names that an article neither names nor was published in; 0 without years.

    An article without a date that says "last year" may mean any year next to those it names; if it names none, none
    is missing from it.
    """
    asked = set(YEAR.findall(question))
    if not asked:
        return 0.0
    text = f"{article.title}\n{article.text}"
    known = set(YEAR.findall(text))
    relative = ((_YEAR_BEFORE, -1), (_THIS_YEAR, 0), (_YEAR_AFTER, 1))
    said = [shift for pattern, shift in relative if pattern.search(text)]
    if article.published is None:
        if said and not known:
            return 0.0
        known |= {str(int(year) + shift) for year in known for shift in (-1, 1) if said}
        return len(asked - known) / len(asked)
    known |= {str(article.published.year + shift) for shift in (0, *said)}
    return len(asked - known) / len(asked)
