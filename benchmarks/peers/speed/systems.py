"""The peers as they are timed: index texts, search them, add some, save. Footnote itself is in `footnote.py`.

They are put together as in `benchmarks/peers/adapters.py`, with both legs where they have both. `add` takes the way
that each has for new texts, and says which; only what cannot take them is built anew.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from benchmarks.peers import adapters
from benchmarks.peers.adapters import LEG_DEPTH, PEERS, Embed
from benchmarks.peers.metrics import DEPTH, Chunk

Ask = Callable[[str], object]


class System(Protocol):
    """One way to search passages; rows are numbered in the order in which they were given."""

    def index(self, passages: Sequence[str]) -> Mapping[str, Any]:
        """Index everything; return what else there is to say of it."""
        ...

    def dense(self, question: str) -> list[int]:
        """Return the nearest rows, best first."""
        ...

    def lexical(self) -> Ask | None:
        """Return the search by words, where there is one."""
        ...

    def searches(self) -> Mapping[str, Ask]:
        """Return the searches that users do, by name; "search" is that of every system."""
        ...

    def add(self, passages: Sequence[str]) -> Mapping[str, Any]:
        """Make further passages findable; say how."""
        ...

    def save(self, folder: Path) -> str:
        """Write the index in the system's own way; say what is not written."""
        ...


def chunks_of(passages: Sequence[str]) -> list[Chunk]:
    """Wrap texts as the adapters take them."""
    return [Chunk("", "", passage) for passage in passages]


class Plain:
    """sentence-transformers and FAISS Flat in a dozen lines, as anybody would write them; no search by words."""

    def __init__(self, embed: Embed) -> None:
        self._embed = embed
        self._passages: list[str] = []

    def index(self, passages: Sequence[str]) -> Mapping[str, Any]:
        import faiss

        vectors = self._embed(passages)
        self._index = faiss.IndexFlatIP(vectors.shape[1])
        self._index.add(vectors)
        self._passages = list(passages)
        return {}

    def dense(self, question: str) -> list[int]:
        return [int(row) for row in self._index.search(self._embed([question]), DEPTH)[1][0] if row >= 0]

    def lexical(self) -> Ask | None:
        return None

    def searches(self) -> Mapping[str, Ask]:
        return {"search": self.dense}

    def add(self, passages: Sequence[str]) -> Mapping[str, Any]:
        self._index.add(self._embed(passages))
        self._passages += passages
        return {"how": "appended"}

    def save(self, folder: Path) -> str:
        import faiss

        faiss.write_index(self._index, str(folder / "index.faiss"))
        (folder / "passages.json").write_text(json.dumps(self._passages), encoding="utf-8")
        return ""


class LangChain:
    """FAISS and BM25Retriever in an EnsembleRetriever."""

    def __init__(self, embed: Embed) -> None:
        self._embed = embed

    def index(self, passages: Sequence[str]) -> Mapping[str, Any]:
        chunks = chunks_of(passages)
        self._store = adapters.langchain_store(chunks, self._embed)
        self._join(adapters.langchain_words(chunks))
        return {}

    def _join(self, words: Any) -> None:  # noqa: ANN401 - the library may be absent when types are checked
        self._words = words
        self._ensemble = adapters.langchain_ensemble(words, self._store)

    def dense(self, question: str) -> list[int]:
        found = self._store.similarity_search(question, k=LEG_DEPTH)
        return [one.metadata["row"] for one in found]

    def lexical(self) -> Ask | None:
        return lambda question: self._words.invoke(question)

    def searches(self) -> Mapping[str, Ask]:
        return {"search": lambda question: self._ensemble.invoke(question)[:DEPTH]}

    def add(self, passages: Sequence[str]) -> Mapping[str, Any]:
        from langchain_core.documents import Document

        rows = adapters.langchain_rows(chunks_of(passages), len(self._words.docs))
        self._store.add_texts(list(passages), metadatas=rows)
        new = [Document(page_content=text, metadata=row) for text, row in zip(passages, rows, strict=True)]
        self._join(type(self._words).from_documents([*self._words.docs, *new], k=LEG_DEPTH))
        return {"how": "vectors appended, BM25 rebuilt: it takes no new texts"}

    def save(self, folder: Path) -> str:
        self._store.save_local(str(folder))
        return "BM25 cannot be saved"


class LlamaIndex:
    """VectorStoreIndex and its BM25Retriever in a QueryFusionRetriever."""

    def __init__(self, embed: Embed) -> None:
        self._embed = embed

    def index(self, passages: Sequence[str]) -> Mapping[str, Any]:
        self._nodes = adapters.llama_index_nodes(chunks_of(passages), self._embed)
        self._index = adapters.llama_index_store(self._nodes)
        self._join()
        return {}

    def _join(self) -> None:
        self._words = adapters.llama_index_words(self._nodes)
        near = self._index.as_retriever(similarity_top_k=LEG_DEPTH)
        self._near = adapters.llama_index_search(near, self._embed)
        self._fused = adapters.llama_index_search(adapters.llama_index_fusion(self._words, self._index), self._embed)

    def dense(self, question: str) -> list[int]:
        return self._near(question)

    def lexical(self) -> Ask | None:
        return lambda question: self._words.retrieve(question)

    def searches(self) -> Mapping[str, Ask]:
        return {"search": self._fused}

    def add(self, passages: Sequence[str]) -> Mapping[str, Any]:
        new = adapters.llama_index_nodes(chunks_of(passages), self._embed, len(self._nodes))
        self._index.insert_nodes(new)
        self._nodes += new
        self._join()
        return {"how": "vectors appended, BM25 rebuilt: it takes no new texts"}

    def save(self, folder: Path) -> str:
        self._index.storage_context.persist(str(folder / "index"))
        self._words.persist(str(folder / "bm25"))
        return ""


class Haystack:
    """InMemoryDocumentStore and both its retrievers, joined by reciprocal rank."""

    def __init__(self, embed: Embed) -> None:
        self._embed = embed

    def index(self, passages: Sequence[str]) -> Mapping[str, Any]:
        self._store = adapters.haystack_store(chunks_of(passages), self._embed)
        self._joined = adapters.haystack_joined(self._store, self._embed)
        return {}

    def dense(self, question: str) -> list[int]:
        found = self._store.embedding_retrieval(self._embed([question])[0].tolist(), top_k=LEG_DEPTH)
        return [int(one.id) for one in found]

    def lexical(self) -> Ask | None:
        return lambda question: self._store.bm25_retrieval(question, top_k=LEG_DEPTH)

    def searches(self) -> Mapping[str, Ask]:
        return {"search": self._joined}

    def add(self, passages: Sequence[str]) -> Mapping[str, Any]:
        start = self._store.count_documents()
        self._store.write_documents(adapters.haystack_documents(chunks_of(passages), self._embed, start))
        return {"how": "appended to both legs"}

    def save(self, folder: Path) -> str:
        self._store.save_to_disk(str(folder / "store.json"))
        return ""


class Txtai:
    """Embeddings with hybrid=True."""

    def __init__(self, embed: Embed) -> None:
        self._embed = embed

    def index(self, passages: Sequence[str]) -> Mapping[str, Any]:
        self._embeddings = adapters.txtai_embeddings(chunks_of(passages), self._embed, hybrid=True)
        self._search = adapters.txtai_search(self._embeddings)
        return {"ann": self._embeddings.config.get("faiss", {}) or "its default"}

    def dense(self, question: str) -> list[int]:
        return [int(row) for row, _ in self._embeddings.ann.search(self._embed([question]), LEG_DEPTH)[0]]

    def lexical(self) -> Ask | None:
        return lambda question: self._embeddings.scoring.search(question, LEG_DEPTH)

    def searches(self) -> Mapping[str, Ask]:
        return {"search": self._search}

    def add(self, passages: Sequence[str]) -> Mapping[str, Any]:
        start = self._embeddings.count()
        self._embeddings.upsert((row, passage, None) for row, passage in enumerate(passages, start=start))
        return {"how": "appended to both legs"}

    def save(self, folder: Path) -> str:
        self._embeddings.save(str(folder / "txtai"))
        return "without the texts"


PLAIN, FOOTNOTE = "FAISS Flat", "Footnote"
MAKERS: dict[str, Callable[[Embed], System]] = {
    PLAIN: Plain,
    "LangChain": LangChain,
    "LlamaIndex": LlamaIndex,
    "Haystack": Haystack,
    "txtai": Txtai,
}


def missing() -> dict[str, str]:
    """Return the peers that cannot be imported, each with the module that is not there."""
    return {peer.name: module for peer in PEERS if (module := peer.missing())}


class PlainModel:
    """The model as anybody loads it: single precision, `encode` with its defaults (32 texts at once), nothing kept."""

    def __init__(self) -> None:
        from sentence_transformers import SentenceTransformer

        from indexer.embedding import bundled_folder

        self._model = SentenceTransformer(str(bundled_folder()), device="cpu", local_files_only=True)

    def __call__(self, texts: Sequence[str]) -> adapters.Vectors:
        vectors = self._model.encode(list(texts), normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(vectors, dtype=np.float32)
