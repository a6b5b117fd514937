"""The peers behind one shape: chunks go in, `search(question)` gives the numbers of the best ten.

All of them, dense and hybrid, with the settings their own documentation shows; what we had to choose is said at the
place. They share one embedder: vectors are computed once and handed to each through the door it has for that. Hybrid
peers take `LEG_DEPTH` hits from each leg, as deep as Footnote's own legs, and return ten.
"""

import importlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.metrics import DEPTH, Chunk

if TYPE_CHECKING:  # a peer is imported only when it is used
    from haystack import Document
    from haystack.document_stores.in_memory import InMemoryDocumentStore
    from langchain_community.retrievers import BM25Retriever
    from langchain_community.vectorstores import FAISS
    from langchain_core.retrievers import BaseRetriever as LangChainRetriever
    from llama_index.core import VectorStoreIndex
    from llama_index.core.retrievers import BaseRetriever
    from llama_index.core.schema import TextNode
    from txtai import Embeddings

# Some peers report their use to their makers, or look for models on a hub.
os.environ.update(
    HAYSTACK_TELEMETRY_ENABLED="False", LANGSMITH_TRACING="false", ANONYMIZED_TELEMETRY="False", HF_HUB_OFFLINE="1"
)

LEG_DEPTH = 100

Search = Callable[[str], list[int]]
Vectors = NDArray[np.float32]
Embed = Callable[[Sequence[str]], Vectors]


class SharedEmbedder:
    """One sentence-transformers model in single precision; a text is embedded once, whoever asks."""

    def __init__(self, folder: Path) -> None:
        from sentence_transformers import SentenceTransformer

        self._model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
        self._known: dict[str, NDArray[np.float32]] = {}

    def __call__(self, texts: Sequence[str]) -> Vectors:
        """Return unit vectors, shape (n, dim)."""
        new = sorted(set(texts) - self._known.keys(), key=len)
        if new:
            vectors = self._model.encode(new, normalize_embeddings=True, show_progress_bar=False)
            self._known.update(zip(new, vectors, strict=True))
        return np.stack([self._known[text] for text in texts])


@dataclass(frozen=True)
class Peer:
    """A library: what must be importable, how it splits a text by default, how it searches chunks."""

    name: str
    modules: tuple[str, ...]
    splitter: str
    split: Callable[[str], list[str]]
    dense: Callable[[Sequence[Chunk], Embed], Search]
    hybrid: Callable[[Sequence[Chunk], Embed], Search]

    def missing(self) -> str | None:
        """Name what is not installed, if anything."""
        for module in self.modules:
            try:
                importlib.import_module(module)
            except ImportError as error:
                return error.name or module
        return None


# ---------------------------------------------------------------- LangChain


def langchain_split(text: str) -> list[str]:
    """As in its tutorials (1000, 200); the constructor's own 4000 characters would be cut by the model's window."""
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    return list(RecursiveCharacterTextSplitter(chunk_size=1000, chunk_overlap=200).split_text(text))


def langchain_store(chunks: Sequence[Chunk], embed: Embed) -> "FAISS":
    """FAISS's exact index behind LangChain's store, rows as metadata."""
    from langchain_community.vectorstores import FAISS
    from langchain_core.embeddings import Embeddings

    class Shared(Embeddings):  # type: ignore[misc]  # the library may be absent when types are checked
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            return embed(texts).tolist()  # type: ignore[no-any-return]  # numpy says Any

        def embed_query(self, text: str) -> list[float]:
            return embed([text])[0].tolist()  # type: ignore[no-any-return]  # numpy says Any

    return FAISS.from_texts([chunk.seen for chunk in chunks], Shared(), metadatas=langchain_rows(chunks))


def langchain_rows(chunks: Sequence[Chunk], start: int = 0) -> list[dict[str, int]]:
    """Return the metadata of each chunk: its row."""
    return [{"row": row} for row in range(start, start + len(chunks))]


def langchain_words(chunks: Sequence[Chunk]) -> "BM25Retriever":
    """rank_bm25 behind LangChain's retriever."""
    from langchain_community.retrievers import BM25Retriever

    return BM25Retriever.from_texts([chunk.seen for chunk in chunks], metadatas=langchain_rows(chunks), k=LEG_DEPTH)


def langchain_ensemble(words: "BM25Retriever", store: "FAISS") -> "LangChainRetriever":
    """Both legs, half and half."""
    from langchain_classic.retrievers import EnsembleRetriever

    meaning = store.as_retriever(search_kwargs={"k": LEG_DEPTH})
    return EnsembleRetriever(retrievers=[words, meaning], weights=[0.5, 0.5], id_key="row")


def langchain_dense(chunks: Sequence[Chunk], embed: Embed) -> Search:
    """FAISS as a retriever."""
    retriever = langchain_store(chunks, embed).as_retriever(search_kwargs={"k": DEPTH})
    return lambda question: [found.metadata["row"] for found in retriever.invoke(question)]


def langchain_hybrid(chunks: Sequence[Chunk], embed: Embed) -> Search:
    """EnsembleRetriever over BM25Retriever and FAISS, half and half."""
    retriever = langchain_ensemble(langchain_words(chunks), langchain_store(chunks, embed))
    return lambda question: [found.metadata["row"] for found in retriever.invoke(question)[:DEPTH]]


# ---------------------------------------------------------------- LlamaIndex


def llama_index_split(text: str) -> list[str]:
    """The default node parser: 1024 tokens (of a language model), 200 of overlap."""
    from llama_index.core.node_parser import SentenceSplitter

    return list(SentenceSplitter().split_text(text))


def llama_index_nodes(chunks: Sequence[Chunk], embed: Embed, start: int = 0) -> "list[TextNode]":
    """Nodes that bring their vectors, the row as id."""
    from llama_index.core.schema import TextNode

    vectors = embed([chunk.seen for chunk in chunks])
    return [
        TextNode(id_=str(row), text=chunk.seen, embedding=vector.tolist())
        for row, (chunk, vector) in enumerate(zip(chunks, vectors, strict=True), start)
    ]


def llama_index_store(nodes: "list[TextNode]") -> "VectorStoreIndex":
    """Its default store, in memory."""
    from llama_index.core import MockEmbedding, VectorStoreIndex

    # The mock is never asked: nodes and queries bring their vectors.
    return VectorStoreIndex(nodes, embed_model=MockEmbedding(embed_dim=len(nodes[0].embedding)))


def llama_index_words(nodes: "list[TextNode]") -> "BaseRetriever":
    """bm25s behind LlamaIndex's retriever."""
    from llama_index.retrievers.bm25 import BM25Retriever

    return BM25Retriever.from_defaults(nodes=nodes, similarity_top_k=min(LEG_DEPTH, len(nodes)))


def llama_index_fusion(words: "BaseRetriever", index: "VectorStoreIndex") -> "BaseRetriever":
    """Both legs by reciprocal rank, without invented queries."""
    from llama_index.core.llms import MockLLM
    from llama_index.core.retrievers import QueryFusionRetriever

    return QueryFusionRetriever(
        [index.as_retriever(similarity_top_k=LEG_DEPTH), words],
        llm=MockLLM(),  # asked for further queries only, and there are none
        mode="reciprocal_rerank",
        similarity_top_k=DEPTH,
        num_queries=1,
        use_async=False,
    )


def llama_index_search(retriever: "BaseRetriever", embed: Embed) -> Search:
    """Ask with the vector of the question at hand."""
    from llama_index.core import QueryBundle

    def search(question: str) -> list[int]:
        query = QueryBundle(question, embedding=embed([question])[0].tolist())
        return [int(found.node.node_id) for found in retriever.retrieve(query)]

    return search


def llama_index_dense(chunks: Sequence[Chunk], embed: Embed) -> Search:
    """VectorStoreIndex as a retriever."""
    index = llama_index_store(llama_index_nodes(chunks, embed))
    return llama_index_search(index.as_retriever(similarity_top_k=DEPTH), embed)


def llama_index_hybrid(chunks: Sequence[Chunk], embed: Embed) -> Search:
    """QueryFusionRetriever over the index and BM25Retriever by reciprocal rank, without invented queries."""
    nodes = llama_index_nodes(chunks, embed)
    return llama_index_search(llama_index_fusion(llama_index_words(nodes), llama_index_store(nodes)), embed)


# ---------------------------------------------------------------- Haystack


def haystack_split(text: str) -> list[str]:
    """DocumentSplitter's defaults: 200 words, no overlap."""
    from haystack import Document
    from haystack.components.preprocessors import DocumentSplitter

    return [part.content for part in DocumentSplitter().run(documents=[Document(content=text)])["documents"]]


def haystack_documents(chunks: Sequence[Chunk], embed: Embed, start: int = 0) -> "list[Document]":
    """Documents that bring their vectors, the row as id."""
    from haystack import Document

    vectors = embed([chunk.seen for chunk in chunks])
    return [
        Document(id=str(row), content=chunk.seen, embedding=vector.tolist())
        for row, (chunk, vector) in enumerate(zip(chunks, vectors, strict=True), start)
    ]


def haystack_store(chunks: Sequence[Chunk], embed: Embed) -> "InMemoryDocumentStore":
    """Its store in memory, which serves both legs."""
    from haystack.document_stores.in_memory import InMemoryDocumentStore

    store = InMemoryDocumentStore()
    store.write_documents(haystack_documents(chunks, embed))
    return store


def haystack_dense(chunks: Sequence[Chunk], embed: Embed) -> Search:
    """InMemoryEmbeddingRetriever."""
    from haystack.components.retrievers import InMemoryEmbeddingRetriever

    retriever = InMemoryEmbeddingRetriever(haystack_store(chunks, embed), top_k=DEPTH)

    def search(question: str) -> list[int]:
        found = retriever.run(query_embedding=embed([question])[0].tolist())["documents"]
        return [int(one.id) for one in found]

    return search


def haystack_hybrid(chunks: Sequence[Chunk], embed: Embed) -> Search:
    """Both in-memory retrievers, joined by reciprocal rank."""
    return haystack_joined(haystack_store(chunks, embed), embed)


def haystack_joined(store: "InMemoryDocumentStore", embed: Embed) -> Search:
    """Both legs over one store."""
    from haystack.components.joiners import DocumentJoiner
    from haystack.components.retrievers import InMemoryBM25Retriever, InMemoryEmbeddingRetriever

    meaning = InMemoryEmbeddingRetriever(store, top_k=LEG_DEPTH)
    words = InMemoryBM25Retriever(store, top_k=LEG_DEPTH)
    joiner = DocumentJoiner(join_mode="reciprocal_rank_fusion", top_k=DEPTH)

    def search(question: str) -> list[int]:
        by_meaning = meaning.run(query_embedding=embed([question])[0].tolist())["documents"]
        by_words = words.run(query=question)["documents"]
        return [int(one.id) for one in joiner.run(documents=[by_words, by_meaning])["documents"]]

    return search


# ---------------------------------------------------------------- txtai


def txtai_split(text: str) -> list[str]:
    """It indexes what it is given; its examples cut articles into paragraphs, and so does its own pipeline here."""
    from txtai.pipeline import Segmentation

    return list(Segmentation(paragraphs=True)(text))


def txtai_embeddings(chunks: Sequence[Chunk], embed: Embed, *, hybrid: bool) -> "Embeddings":
    """Its index, rows as ids."""
    from txtai import Embeddings

    def transform(texts: Sequence[str]) -> Vectors:
        return embed(list(texts))

    embeddings = Embeddings(method="external", transform=transform, hybrid=hybrid)
    embeddings.index((row, chunk.seen, None) for row, chunk in enumerate(chunks))
    return embeddings


def txtai_search(embeddings: "Embeddings") -> Search:
    """Ask it as its examples do."""
    return lambda question: [int(row) for row, _ in embeddings.search(question, DEPTH)]


def txtai_dense(chunks: Sequence[Chunk], embed: Embed) -> Search:
    """Embeddings."""
    return txtai_search(txtai_embeddings(chunks, embed, hybrid=False))


def txtai_hybrid(chunks: Sequence[Chunk], embed: Embed) -> Search:
    """Embeddings with hybrid=True: BM25 normalised, half and half; it takes legs of ten times the depth itself."""
    return txtai_search(txtai_embeddings(chunks, embed, hybrid=True))


PEERS = (
    Peer(
        "LangChain",
        ("langchain_community.vectorstores", "langchain_classic.retrievers", "langchain_text_splitters", "rank_bm25"),
        "RecursiveCharacterTextSplitter(1000, 200)",
        langchain_split,
        langchain_dense,
        langchain_hybrid,
    ),
    Peer(
        "LlamaIndex",
        ("llama_index.core", "llama_index.retrievers.bm25"),
        "SentenceSplitter() (1024, 200)",
        llama_index_split,
        llama_index_dense,
        llama_index_hybrid,
    ),
    Peer("Haystack", ("haystack",), "DocumentSplitter() (200, 0)", haystack_split, haystack_dense, haystack_hybrid),
    Peer("txtai", ("txtai.pipeline",), "Segmentation(paragraphs=True)", txtai_split, txtai_dense, txtai_hybrid),
)
