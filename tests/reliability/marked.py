"""An index whose every article carries `GEN=<n>`, and what a reader gets of it.

The mark lies outside anything the index knows of itself: whoever is served a mixture, or another article than was
written, is found out.
"""

import shutil
import time
from pathlib import Path

import numpy as np

from indexer.build import build
from indexer.chunking import embedded_text
from indexer.embedding import Embedder
from indexer.errors import IndexMissingError
from indexer.generation import NAME, Generation, Store
from indexer.settings import Settings
from tests.indexer.hash_embedder import HashEmbedder

ARTICLES = 4
KEPT = {"CURRENT", "LOCK", "quarantine"}


def write_corpus(folder: Path, marker: int) -> None:
    """Write articles that all carry the marker."""
    folder.mkdir(exist_ok=True)
    for number in range(ARTICLES):
        (folder / f"article-{number}.md").write_text(f"# Title {number}\n\n{sentences(number, marker)}\n")


def sentences(number: int, marker: int) -> str:
    """What an article of a marker says."""
    return f"Article {number} of GEN={marker}. There are {number + marker} robots."


def settings_of(folder: Path) -> Settings:
    """Return the settings of a trial."""
    wanted = {"corpus": folder / "corpus", "index": folder / "index", "keep_generations": 1}
    return Settings.model_validate(wanted)


def build_marker(folder: Path, marker: int) -> None:
    """Build a corpus that carries the marker."""
    write_corpus(folder / "corpus", marker)
    assert build(settings_of(folder), HashEmbedder()).committed


def served_marker(folder: Path) -> int | None:
    """Open as a reader would and return the one marker of everything served; None when there is no index yet."""
    try:
        generation = Store(folder / "index").open()
    except IndexMissingError:
        return None
    try:
        return marker_of(generation)
    finally:
        generation.close()


def marker_of(generation: Generation, *, embedder: Embedder | None = None) -> int:
    """Return the marker of a generation after looking at every part of it; `embedder` is what it was made with."""
    texts = [article.text for article in generation.articles.values()]
    markers = {int(text.split("GEN=")[1].split(".")[0]) for text in texts}
    assert len(markers) == 1
    (marker,) = markers
    said = sorted(text.rpartition("\n")[2] for text in texts)
    assert said == [sentences(number, marker) for number in range(ARTICLES)]
    assert len(generation.passages) == len(generation.vectors) == len(generation.dense) == ARTICLES
    assert len(generation.lexical) == ARTICLES
    meant = [embedded_text(generation.article_of(passage), passage) for passage in generation.passages]
    vectors = (embedder or HashEmbedder()).embed_queries(meant)
    # A real model rounds differently in another batch.
    assert np.allclose(generation.vectors, vectors.astype(np.float16), rtol=0, atol=0.01 if embedder else 0)
    assert [generation.dense.search(vector, 1)[0][0] for vector in vectors] == list(range(ARTICLES))
    assert {row for row, _ in generation.lexical.search([str(marker)], 10)} == set(range(ARTICLES))
    return marker


def clear_away(folder: Path) -> None:
    """Remove what a trial left; a thread of tantivy may take its lock file while the folder is being removed."""
    deadline = time.monotonic() + 10
    while folder.exists() and time.monotonic() < deadline:
        shutil.rmtree(folder, ignore_errors=True)


def assert_no_leftovers(folder: Path) -> None:
    """Nothing but generations, CURRENT and LOCK may lie in the index."""
    names = {path.name for path in (folder / "index").iterdir()}
    assert {name for name in names - KEPT if not NAME.fullmatch(name)} == set()
