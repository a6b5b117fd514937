"""Articles to parcels of passages: what each machine does for its share of a build."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from indexer.articles import Article
from indexer.chunking import chunk, embedded_text
from indexer.cluster.contract import Parcel, SharedStore, StoredPassage
from indexer.embedding import Embedder
from indexer.errors import EmbedderError
from indexer.language import Analyser
from indexer.records import IndexedPassage, embedded_hash

# About 80 passages: a second of work or two, so that at the end nobody waits for long.
LOAD_CHARACTERS = 50_000


@dataclass(frozen=True, slots=True)
class Recipe:
    """What decides how articles become passages, besides the embedder."""

    words: int
    analyser: Literal["bigrams", "kiwi"]


def loads(articles: Iterable[Article]) -> Iterator[list[Article]]:
    """Divide articles, in their order, into loads of about equal work, at least one article each."""
    load: list[Article] = []
    characters = 0
    for article in articles:
        load.append(article)
        characters += len(article.text)
        if characters >= LOAD_CHARACTERS:
            yield load
            load, characters = [], 0
    if load:
        yield load


def make_parcel(articles: Sequence[Article], embedder: Embedder, recipe: Recipe, store: SharedStore) -> Parcel:
    """Chunk, analyse and embed articles, and put their passages into the store; none when they hold no sentence."""
    passages = [(article, one) for article in articles for one in chunk(article, words=recipe.words)]
    if not passages:
        return Parcel(0, ())
    texts = [embedded_text(article, one) for article, one in passages]
    # Texts of like length stand together; the longest come first, where memory would fail soonest.
    order = sorted(range(len(texts)), key=lambda row: -len(texts[row]))
    vectors = np.empty((len(texts), embedder.info.dim), dtype=np.float16)
    vectors[order] = embedder.embed_passages([texts[row] for row in order])
    if not np.isfinite(vectors).all():
        raise EmbedderError(
            f"The embedder {embedder.info.id} gave vectors that are not numbers.",
            advice="Set `embedder` to another model; the store stays as it is.",
        )
    analyser = Analyser(recipe.analyser)
    return store.put(
        [
            StoredPassage(
                indexed=IndexedPassage(one, embedded_hash(text)),
                tokens=analyser.tokens(text),
                vector=vector,
                published=article.published,
                source=article.source,
                language=article.language,
            )
            for (article, one), text, vector in zip(passages, texts, vectors, strict=True)
        ]
    )
