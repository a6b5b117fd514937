"""Near-duplicates: which articles tell one story in nearly the same words. The one home of datasketch.

Two bodies are compared by their shingles, runs of words or characters (Broder 1997): the share of those they have in
common is the Jaccard similarity. Candidates come from MinHash signatures in bands (locality-sensitive hashing); each is
then compared for itself, so that chance joins nothing. The result depends on the articles alone, and of them only on
those that share a band, directly or by way of others: where nothing changed among these, the groups stay as they are.
"""

import hashlib
import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from indexer.articles import Article

if TYPE_CHECKING:
    from datasketch import MinHash

# Part of an index: another way to find copies means finding them again.
METHOD = "minhash/1"

SAME_STORY = 0.7
# A copy so close to one that is already listed brings no further candidates.
NO_NEWS = 0.9
WORDS, CHARACTERS = 5, 8
PERMUTATIONS = 128
# At a Jaccard similarity of .7, 32 bands of 4 miss one pair in five thousand.
BANDS = (32, 4)

Shingles = NDArray[np.uint64]
# The bands of one article, shape (32,), or of many, shape (n, 32); all 0 where an article has no shingle.
Bands = NDArray[np.uint64]
Groups = Mapping[str, tuple[str, ...]]

_WORD = re.compile(r"\w+")
# Hangul, kana and Chinese characters: what is written without spaces, or with particles that stick to the words.
_DENSE_SCRIPT = re.compile(r"[\u1100-\u11ff\u3040-\u30ff\u3130-\u318f\u3400-\u9fff\uac00-\ud7a3]")
_DENSE_SHARE = 0.2
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_AT_ONCE = 4096


def fold(articles: Iterable[Article]) -> dict[str, tuple[str, ...]]:
    """Group the articles that carry one story: the id of the earliest to the ids of the others, by date.

    An article without a date counts as later than all others; equal dates are in the order of the ids. An article
    that has no copy is in no group.
    """
    from datasketch import MinHashLSH

    ordered = {article.id: article for article in sorted(articles, key=_by_date)}
    group_of: dict[str, list[str]] = {}
    listed = MinHashLSH(num_perm=PERMUTATIONS, params=BANDS)
    place = {article_id: number for number, article_id in enumerate(ordered)}

    @lru_cache(maxsize=1000)
    def remembered(article_id: str) -> Shingles:
        return shingles(ordered[article_id])

    for article_id in ordered:
        own = remembered(article_id)
        if not len(own):
            continue
        signature = _signature(own)
        is_news = True
        for candidate in sorted(listed.query(signature), key=place.__getitem__):
            group = group_of.setdefault(candidate, [candidate])
            if group is group_of.get(article_id):
                continue
            likeness = jaccard(own, remembered(candidate))
            if likeness >= SAME_STORY:
                _join(group_of, group, group_of.setdefault(article_id, [article_id]))
                is_news = is_news and likeness < NO_NEWS
        if is_news:
            listed.insert(article_id, signature)
    return _heads(group_of, place)


def bands(article: Article) -> Bands:
    """Return the hash of each band of the article's signature: what no other article shares has no copy."""
    own = shingles(article)
    if not len(own):
        return np.zeros(BANDS[0], dtype=np.uint64)
    rows = _signature(own).hashvalues.astype(np.uint64).reshape(BANDS)
    mixed = np.zeros(BANDS[0], dtype=np.uint64)
    for column in rows.T:
        mixed = mixed * _MULTIPLIER + column
    return np.maximum(mixed, 1)


def fold_again(
    articles: Mapping[str, Article],
    banded: Bands,
    before: Groups,
    *,
    touched: Collection[str],
    past: Bands,
) -> dict[str, tuple[str, ...]]:
    """Group the articles as `fold` does, from their bands and the groups there were before some of them changed.

    `banded` has shape (n, 32), in the order of `articles`; `touched` are those that are new or changed, and `past`
    the bands of those that changed or are gone, as they were.
    """
    ids = list(articles)
    nodes = np.concatenate([banded, past])
    connected = _connected(nodes)
    stale = {connected[number] for number in range(len(ids), len(nodes)) if number in connected}
    place = {article_id: number for number, article_id in enumerate(ids)}
    stale |= {connected[place[one]] for one in touched if place[one] in connected}
    anew = [ids[number] for number, group in connected.items() if number < len(ids) and group in stale]
    unlike = {*anew, *touched}
    kept = {
        head: others
        for head, others in before.items()
        if not unlike.intersection((head, *others)) and place.keys() >= {head, *others}
    }
    groups = {**kept, **fold(articles[article_id] for article_id in anew)}
    return {head: groups[head] for head in sorted(groups, key=lambda head: _by_date(articles[head]))}


def shingles(article: Article) -> Shingles:
    """Return the sorted hashes of the runs of the body: 5 words, or 8 characters where words are not set apart.

    Headings and clutter do not count, so another headline, byline or share button makes no other story. A body
    shorter than one run is one shingle; an empty one has none.
    """
    paragraphs = (article.quote(block.start, block.end) for block in article.blocks if block.kind == "paragraph")
    words = _WORD.findall(unicodedata.normalize("NFKC", "\n".join(paragraphs)).casefold())
    letters = "".join(words)
    if len(_DENSE_SCRIPT.findall(letters)) > _DENSE_SHARE * len(letters):
        units, size = np.frombuffer(letters.encode("utf-32-le", "replace"), dtype="<u4").astype(np.uint64), CHARACTERS
    else:
        units, size = np.array([_hash(word) for word in words], dtype=np.uint64), WORDS
    size = min(size, len(units))
    mixed = np.zeros(len(units) - size + 1 if size else 0, dtype=np.uint64)
    for offset in range(size):
        # Modulo 2^64; the order of the units counts.
        mixed = mixed * _MULTIPLIER + units[offset : offset + len(mixed)]
    return np.unique(mixed)


def jaccard(one: Shingles, other: Shingles) -> float:
    """Return the share of all shingles that both have; 0 when there is none."""
    common = len(np.intersect1d(one, other, assume_unique=True))
    total = len(one) + len(other) - common
    return common / total if total else 0.0


def _connected(banded: Bands) -> dict[int, int]:
    """Return the rows that share a band with another, each with the number of those that hang together."""
    above: dict[int, int] = {}

    def top(row: int) -> int:
        while (higher := above.setdefault(row, row)) != row:
            above[row] = row = above[higher]
        return row

    for column in banded.T:
        order = np.argsort(column, kind="stable")
        ordered = column[order]
        equal = np.flatnonzero((ordered[1:] == ordered[:-1]) & (ordered[1:] > 0))
        for one, other in zip(order[equal].tolist(), order[equal + 1].tolist(), strict=True):
            above[top(one)] = top(other)
    return {row: top(row) for row in list(above)}


def _by_date(article: Article) -> tuple[date, str]:
    return article.published or date.max, article.id


@lru_cache(maxsize=200_000)
def _hash(word: str) -> int:
    return int.from_bytes(hashlib.blake2b(word.encode("utf-8", "replace"), digest_size=8).digest(), "little")


def _signature(own: Shingles) -> "MinHash":
    # It brings scipy, a third of a second: a server that has nothing new to group starts without.
    from datasketch import MinHash

    signature = MinHash(num_perm=PERMUTATIONS, hashfunc=int, scheme="affine64", permutations=_permutations())
    # In slices: a signature takes 128 numbers for each shingle while it is made.
    for part in _slices(own):
        signature.update_batch(part)
    return signature


@lru_cache(maxsize=1)
def _permutations() -> NDArray[np.uint64]:
    from datasketch import MinHash

    return np.array(MinHash(num_perm=PERMUTATIONS, seed=1, scheme="affine64").permutations, dtype=np.uint64)


def _slices(own: Shingles) -> Iterator[Shingles]:
    for start in range(0, len(own), _AT_ONCE):
        yield own[start : start + _AT_ONCE]


def _join(group_of: dict[str, list[str]], one: list[str], other: list[str]) -> None:
    one.extend(other)
    for article_id in other:
        group_of[article_id] = one


def _heads(group_of: dict[str, list[str]], place: dict[str, int]) -> dict[str, tuple[str, ...]]:
    groups = {id(group): sorted(group, key=place.__getitem__) for group in group_of.values() if len(group) > 1}
    return {head: tuple(others) for head, *others in sorted(groups.values(), key=lambda group: place[group[0]])}
