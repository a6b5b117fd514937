"""Made-up articles with their passages, tokens and vectors, as a store takes them; drawn from a seed."""

import random
from collections.abc import Iterable, Sequence
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from indexer.articles import Article, Block, Passage
from indexer.chunking import chunk, embedded_text
from indexer.cluster.contract import Change, Parcel, SharedStore, StoredPassage
from indexer.corpus import FileStamp, ScannedFile
from indexer.embedding import EmbedderInfo
from indexer.language import Analyser
from indexer.manifest import ChunkerInfo, Manifest, Shape
from indexer.records import Duplicates, IndexedPassage, embedded_hash

DIM = 16
EMBEDDER = EmbedderInfo("made up", "0" * 64, DIM, 256, "float32", ("en",))
SHAPE = Shape(EMBEDDER, ChunkerInfo("made up", 110), "a", "f")
WORDS = (
    *("ferry", "harbour", "bridge", "honey", "mayor", "pier", "valley", "record", "month", "boat", "trip"),
    *("여객선", "다리", "항구", "시장", "꿀"),
)
SOURCES = (None, "The Example Post", "O'Hara's \"Gazette\"", "100% _news_", "한글신문")
FOLDERS = ("", "roads/", "roads/old/", "ro%ds/", "it's/")
ANALYSER = Analyser("bigrams")


def articles(draw: random.Random, count: int) -> list[ScannedFile]:
    """Return articles of two short paragraphs, some without date or source, some with odd names."""
    return [_article(draw, number) for number in range(count)]


def _article(draw: random.Random, number: int) -> ScannedFile:
    text = "\n\n".join(" ".join(draw.choices(WORDS, k=draw.randint(3, 12))) + f" {number}." for _ in range(2))
    half = text.index("\n\n")
    article = Article(
        id=f"{draw.choice(FOLDERS)}{number:04}.md",
        text=text,
        title=f"Number {number}",
        language=draw.choice(("en", "ko")),
        blocks=(Block("paragraph", 0, half), Block("paragraph", half + 2, len(text))),
        source=draw.choice(SOURCES),
        published=draw.choice((None, date(2025, 1, 1) + timedelta(days=draw.randint(0, 700)))),
    )
    return ScannedFile(article, FileStamp(len(text), number, embedded_hash(text)))


def passages_of(file: ScannedFile) -> list[StoredPassage]:
    """Return the passages of an article; equal texts have equal vectors."""
    return [_passage(file.article, embedded_text(file.article, one), one) for one in chunk(file.article, words=20)]


def _passage(article: Article, text: str, passage: Passage) -> StoredPassage:
    sha256 = embedded_hash(text)
    return StoredPassage(
        indexed=IndexedPassage(passage, sha256),
        tokens=ANALYSER.tokens(text),
        vector=unit(int(sha256[:8], 16)).astype(np.float16),
        published=article.published,
        source=article.source,
        language=article.language,
    )


def unit(seed: int) -> NDArray[np.float32]:
    """Return a unit vector drawn from a seed."""
    vector = np.random.default_rng(seed).standard_normal(DIM)
    return np.asarray(vector / np.linalg.norm(vector), dtype=np.float32)


def change(
    files: Sequence[ScannedFile], parcels: Iterable[Parcel], *, removed: Sequence[str] = (), anew: bool = False
) -> Change:
    """Return a change that adds files and parcels."""
    return Change(removed, files, list(parcels), SHAPE, (), "print", Duplicates("none", {}), anew)


def committed(
    store: SharedStore,
    base: str | None,
    files: Sequence[ScannedFile],
    *,
    removed: Sequence[str] = (),
    anew: bool = False,
) -> Manifest:
    """Put the passages of files into a store, in parcels of several articles, and commit them."""
    parcels = [
        store.put([one for file in files[start : start + 7] for one in passages_of(file)])
        for start in range(0, len(files), 7)
    ]
    return store.commit(base, change(files, parcels, removed=removed, anew=anew), keep=2, progress=lambda: None)
