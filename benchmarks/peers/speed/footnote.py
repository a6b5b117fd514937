"""Footnote as it is timed: as a whole, from files; and its two engines alone, where the files would be too many."""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.adapters import LEG_DEPTH, Embed, Vectors
from benchmarks.peers.metrics import DEPTH
from benchmarks.peers.speed.systems import Ask
from benchmarks.peers.speed.texts import PARTS, Writer, write_corpus
from indexer.build import build
from indexer.chunking import chunk
from indexer.dense import DenseIndex
from indexer.embedding import Embedder, EmbedderInfo, TokenStates
from indexer.formats import read_article
from indexer.generation import Generation, Store
from indexer.language import Analyser
from indexer.lexical import LexicalIndex
from indexer.lines import PassageLines
from indexer.manifest import Manifest
from indexer.settings import Settings
from qa.answer import Answerer
from qa.matching import Matcher
from qa.retrieval import Retriever


class Given:
    """An embedder whose vectors are given. It reads no tokens, so nothing can be looked at closely with it."""

    def __init__(self, embed: Embed, dim: int) -> None:
        self._embed = embed
        self.info = EmbedderInfo("given", "0" * 64, dim, 256, "float16", ("en",))

    def embed_passages(self, texts: Sequence[str], *, progress: Callable[[int], None] | None = None) -> Vectors:
        """Return the vectors, shape (n, dim)."""
        if progress:
            progress(len(texts))
        return self._embed(texts)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors, shape (n, dim)."""
        return self._embed(texts)

    def token_states(self, texts: Sequence[str]) -> list[TokenStates]:
        """Return each text as one token of no meaning."""
        nothing = np.zeros((1, self.info.dim), dtype=np.float16)
        return [TokenStates(nothing, np.array([0]), np.array([len(text)])) for text in texts]


class Footnote:
    """Files to a generation by `build`, opened and searched as in serving.

    "search" is what the peers do: both legs and their fusion. With the model there are two more: "with closer look" is
    retrieval as it ships, where the passages found first are read again, and "answer" the whole way to a cited answer.
    """

    def __init__(self, embedder: Embedder, folder: Path, *, writer: Writer, passages: int, model: bool) -> None:
        self._embedder = embedder
        self._writer = writer
        self._articles = passages // PARTS
        self._settings = Settings(corpus=folder / "corpus", index=folder / "index")
        self._with_model = model
        write_corpus(self._settings.corpus, writer.articles(passages))

    def index(self, passages: Sequence[str]) -> Mapping[str, Any]:
        """Index the files, which hold the same passages."""
        report = build(self._settings, self._embedder)
        if report.counts.passages != len(passages):
            raise ValueError(f"{report.counts.passages} passages instead of {len(passages)}")
        self._open()
        return {"stages_s": report.seconds, "dense": self._generation.dense.kind}

    def _open(self) -> None:
        self._generation = Store(self._settings.index).open()
        self._matcher = Matcher(self._embedder, Analyser(self._settings.korean_analyser))
        self._retriever = self._retriever_looking_at(0)

    def _retriever_looking_at(self, passages: int) -> Retriever:
        settings = self._settings.model_copy(update={"rescored_passages": passages})
        return Retriever(self._generation, self._embedder, self._matcher, settings)

    def dense(self, question: str) -> list[int]:
        query = self._embedder.embed_queries([question])[0]
        return [row for row, _ in self._generation.dense.search(query, LEG_DEPTH)]

    def lexical(self) -> Ask | None:
        analyser = self._matcher.analyser
        return lambda question: self._generation.lexical.search(analyser.content_tokens(question), LEG_DEPTH)

    def searches(self) -> Mapping[str, Ask]:
        found: dict[str, Ask] = {"search": lambda question: self._retriever.retrieve(question, top_k=DEPTH)}
        if self._with_model:
            closer = self._retriever_looking_at(self._settings.rescored_passages)
            answerer = Answerer(self._generation, self._embedder, self._settings)
            found["with closer look"] = lambda question: closer.retrieve(question, top_k=DEPTH)
            found["answer"] = answerer.answer
        return found

    def add(self, passages: Sequence[str]) -> Mapping[str, Any]:
        """Put one more article among the files, bring the index up to date, and open it."""
        write_corpus(self._settings.corpus, iter([self._writer.article(self._articles)]))
        self._articles += 1
        started = time.perf_counter()
        report = build(self._settings, self._embedder)
        built = round(time.perf_counter() - started, 4)
        if report.passages_embedded != len(passages):
            raise ValueError(f"{report.passages_embedded} passages embedded instead of {len(passages)}")
        self._generation.close()
        self._open()
        how = "rebuilt from the files, committed on the disk, checked and opened"
        return {"how": how, "build_s": built, "stages_s": report.seconds}

    def save(self, folder: Path) -> str:
        """Link the generation that lies on the disk already."""
        (folder / "generation").symlink_to(self._generation.path)
        return "on the disk since it was indexed"


class Engines:
    """Footnote's dense and lexical index on vectors and words alone: no files, no records, nothing committed."""

    def __init__(self, embedder: Embedder, folder: Path, *, vectors: NDArray[np.float16], writer: Writer) -> None:
        self._embedder = embedder
        self._folder = folder / "lexical"
        self._folder.mkdir(parents=True)
        self._vectors = vectors
        self._writer = writer
        self._analyser = Analyser()

    def index(self, passages: Sequence[str]) -> Mapping[str, Any]:
        """Build both; words are cut at spaces and stemmed once each."""
        rows = len(passages)
        dense = DenseIndex.build(np.asarray(self._vectors[:rows]))
        # As when a generation is opened: the vectors of a scan are mapped, not held.
        self._dense = DenseIndex.from_bytes(dense.to_bytes(), self._vectors[:rows])
        self._lexical = LexicalIndex.build(self._folder, map(_tokens, passages))
        self._retriever = self.retriever(looked_at=0)
        return {"dense": dense.kind, "without": "files, records, duplicates and the commit"}

    def retriever(self, *, looked_at: int) -> Retriever:
        """Return a retriever over both; a few records stand for those of all rows."""
        articles = [
            read_article(f"{number}.md", self._writer.article(number).markdown().encode()) for number in range(20)
        ]
        some = [passage for article in articles for passage in chunk(article)]
        records = (some * (len(self._dense) // len(some) + 1))[: len(self._dense)]
        generation = Generation(
            id="engines",
            path=self._folder,
            manifest=cast(Manifest, None),
            files={},
            articles={article.id: article for article in articles},
            passages=records,
            lines=cast(PassageLines, None),
            vectors=self._vectors,
            dense=self._dense,
            lexical=self._lexical,
            pin=None,
        )
        matcher = Matcher(self._embedder, self._analyser)
        return Retriever(generation, self._embedder, matcher, Settings(rescored_passages=looked_at))

    def dense(self, question: str) -> list[int]:
        return [row for row, _ in self.nearest(question)]

    def nearest(self, question: str) -> list[tuple[int, float]]:
        """Return the rows of the dense leg with their cosines."""
        return self._dense.search(self._embedder.embed_queries([question])[0], LEG_DEPTH)

    def matching(self, question: str) -> list[tuple[int, float]]:
        """Return the rows of the lexical leg with their BM25."""
        return self._lexical.search(self._analyser.content_tokens(question), LEG_DEPTH)

    def lexical(self) -> Ask | None:
        return self.matching

    def searches(self) -> Mapping[str, Ask]:
        return {"search": lambda question: self._retriever.retrieve(question, top_k=DEPTH)}

    def add(self, passages: Sequence[str]) -> Mapping[str, Any]:
        return {}

    def save(self, folder: Path) -> str:
        (folder / "dense.faiss").write_bytes(self._dense.to_bytes())
        np.save(folder / "vectors.npy", self._vectors[: len(self._dense)])
        (folder / "lexical").symlink_to(self._folder)
        return "without the records"


@cache
def _analyser() -> Analyser:
    return Analyser()


@cache
def _stems(word: str) -> tuple[str, ...]:
    return tuple(_analyser().tokens(word))


def _tokens(passage: str) -> list[str]:
    return [token for word in passage.split() for token in _stems(word)]
