"""Is Footnote's retrieval better than that of the peers? One run, one embedder, the same articles and questions.

    pip install -e '.[peers]'        # into an environment of its own
    OMP_NUM_THREADS=1 python -m benchmarks.peers DATA SEEDS [--limit 600] [--only web] [--save FILE] [--losses FILE]

DATA holds html-articles/, squad/ and korquad/ (see training/questions.py), SEEDS five news articles as text. A peer
that is not installed is left out, with a line that says so. docs/benchmarks.md explains the figures.
"""

import argparse
import json
import os
import platform
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers.adapters import LEG_DEPTH, PEERS, Peer, Search, SharedEmbedder
from benchmarks.peers.metrics import DEPTH, SEED, Asked, Chunk, Interval, answers, best, difference, figures, interval
from benchmarks.peers.question_sets import Collection, collections, dated
from indexer.articles import Article
from indexer.build import build
from indexer.chunking import embedded_text
from indexer.embedding import SentenceTransformerEmbedder, bundled_folder
from indexer.generation import Generation, Store
from indexer.settings import Settings
from qa.answer import Answerer

FIGURES = ("article@1", "article@5", "answer@1", "mrr@10")
PACKAGES = (
    "bm25s",
    "haystack-ai",
    "langchain-classic",
    "langchain-community",
    "langchain-core",
    "langchain-text-splitters",
    "llama-index-core",
    "llama-index-retrievers-bm25",
    "rank-bm25",
    "sentence-transformers",
    "torch",
    "txtai",
)
Articles = Mapping[str, Article]

SAME, OWN = "Footnote's passages", "own splitter"
# As `search` gives the passages, ordered by what the reader finds in them; and as they were before it read them.
WHOLE, UNREAD = "Footnote", "Footnote, unread"
OURS = (WHOLE, UNREAD)


@dataclass
class System:
    """One way to search one collection, and what it brought, question by question."""

    name: str
    chunking: str
    chunks: Sequence[Chunk]
    search: Search
    rankings: list[list[Chunk]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    @property
    def key(self) -> str:
        return self.name if self.name in OURS else f"{self.name}, {self.chunking}"


def article_text(article: Article) -> str:
    """What a peer's own splitter gets: the title and the text without the clutter, paragraphs apart."""
    blocks = [article.quote(block.start, block.end) for block in article.blocks if block.kind != "clutter"]
    body = "\n\n".join(blocks)
    return body if body.startswith(article.title) else f"{article.title}\n\n{body}"


def same_passages(generation: Generation) -> list[Chunk]:
    """Footnote's passages, with all that Footnote itself embeds: title, heading, sentences."""
    return [
        Chunk(passage.article_id, article.quote(passage.start, passage.end), embedded_text(article, passage))
        for passage in generation.passages
        for article in [generation.articles[passage.article_id]]
    ]


def own_passages(peer: Peer, generation: Generation) -> list[Chunk]:
    """The articles as the peer cuts them."""
    return [
        Chunk(article.id, text, text)
        for article in generation.articles.values()
        for text in peer.split(article_text(article))
    ]


def systems_of(peers: Sequence[Peer], generation: Generation, embed: SharedEmbedder) -> list[System]:
    """Every peer, dense and hybrid, on Footnote's passages and on its own."""
    systems = []
    same = same_passages(generation)
    for peer in peers:
        for chunking, chunks in ((SAME, same), (OWN, own_passages(peer, generation))):
            for kind, make in (("dense", peer.dense), ("hybrid", peer.hybrid)):
                systems.append(System(f"{peer.name} {kind}", chunking, chunks, make(chunks, embed)))
    return systems


def ours_of(generation: Generation, answerer: Answerer) -> list[System]:
    """Footnote twice, on one index."""
    chunks = same_passages(generation)
    rows = {passage.id: row for row, passage in enumerate(generation.passages)}

    def search(question: str) -> list[int]:
        return [rows[hit.passage.id] for hit in answerer.search(question, top_k=DEPTH).hits]

    def retrieve(question: str) -> list[int]:
        return [rows[hit.passage.id] for hit in answerer.retriever.retrieve(question, top_k=DEPTH).hits]

    return [System(WHOLE, SAME, chunks, search), System(UNREAD, SAME, chunks, retrieve)]


def ask(asked: Sequence[Asked], systems: Sequence[System], embed: SharedEmbedder) -> None:
    """Ask everybody one question after the other, in changing order, so that all see the same load of the machine.

    The peers' embedding of a question is computed once, and its time is added to each.
    """
    draw = random.Random(SEED)
    for item in asked:
        start = time.perf_counter()
        embed([item.question])
        embedding = time.perf_counter() - start
        for system in draw.sample(systems, len(systems)):
            start = time.perf_counter()
            rows = system.search(item.question)
            system.seconds.append(time.perf_counter() - start + (0.0 if system.name in OURS else embedding))
            system.rankings.append([system.chunks[row] for row in rows[:DEPTH]])


def judge(asked: Sequence[Asked], systems: Sequence[System], which: Sequence[int]) -> dict[str, Any]:
    """Return the figures of every system over some of the questions, and Footnote's leads over the best peers."""
    values = {
        system.key: _columns([figures(asked[number], system.rankings[number]) for number in which])
        for system in systems
    }
    ours = next(system for system in systems if system.name == WHOLE)
    rows = {
        system.key: {
            **{name: _rounded(interval(values[system.key][name])) for name in FIGURES},
            "passages": len(system.chunks),
            "words_in_first_passage": round(float(np.mean([_words(system.rankings[number]) for number in which])), 1),
            "times_footnote_latency": round(float(np.median(system.seconds) / np.median(ours.seconds)), 2),
        }
        for system in systems
    }
    peers = {
        chunking: [system.key for system in systems if system.chunking == chunking and system.name not in OURS]
        for chunking in (SAME, OWN)
    }
    leads = {
        mine: {chunking: _leads(values[mine], {key: values[key] for key in keys}) for chunking, keys in peers.items()}
        for mine in OURS
        if all(peers.values())
    }
    return {"questions": len(which), "systems": rows, "lead_over_best_peer": leads}


def _columns(rows: Sequence[Mapping[str, float]]) -> dict[str, list[float]]:
    return {name: [row[name] for row in rows] for name in FIGURES}


def _leads(mine: Mapping[str, Sequence[float]], peers: Mapping[str, Mapping[str, Sequence[float]]]) -> dict[str, Any]:
    leads = {}
    for name in FIGURES:
        rival = best({peer: columns[name] for peer, columns in peers.items()})
        leads[name] = {"best_peer": rival, **_rounded(difference(mine[name], peers[rival][name]))}
    return leads


def _words(ranking: Sequence[Chunk]) -> int:
    return len(ranking[0].text.split()) if ranking else 0


def _rounded(figure: Interval) -> dict[str, float]:
    return {name: round(value, 3) for name, value in asdict(figure).items()}


def compare(collection: Collection, peers: Sequence[Peer], losses: list[dict[str, Any]]) -> Iterator[tuple[str, Any]]:
    """Index one collection with everybody, ask, judge; a part with dates in its questions is judged again alone."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(corpus=Path(folder) / "corpus", index=Path(folder) / "index")
        settings.corpus.mkdir()
        for name, content in collection.files.items():
            (settings.corpus / name).write_bytes(content)
        embedder = SentenceTransformerEmbedder()
        build(settings, embedder)
        generation = Store(settings.index).open()
        embed = SharedEmbedder(bundled_folder())
        systems = [
            *ours_of(generation, Answerer(generation, embedder, settings)),
            *systems_of(peers, generation, embed),
        ]
        ask(collection.asked, systems, embed)
        articles = dict(generation.articles)
        generation.close()
    losses.extend(lost(collection, systems, articles))
    median = float(np.median(systems[0].seconds)) * 1000
    result = judge(collection.asked, systems, range(len(collection.asked)))
    yield collection.name, {"articles": len(articles), "footnote_latency_ms": round(median, 1), **result}
    if collection.name == "web" and (which := dated(collection.asked, articles)):
        yield "web, questions with dates", {"articles": len(articles), **judge(collection.asked, systems, which)}


def lost(collection: Collection, systems: Sequence[System], articles: Articles) -> Iterator[dict[str, Any]]:
    """Yield the questions whose first passage is right with some system and wrong with Footnote as a whole."""
    for number, asked in enumerate(collection.asked):
        ours = systems[0].rankings[number]
        mine = figures(asked, ours)
        for name in ("article@1", "answer@1"):
            right = [one.key for one in systems if figures(asked, one.rankings[number])[name]]
            if right and not mine[name]:
                yield {
                    "collection": collection.name,
                    "figure": name,
                    "question": asked.question,
                    "right": right,
                    "titles": [articles[one].title for one in sorted(asked.articles) if one in articles],
                    "wanted": [*asked.answers, *asked.sentences],
                    "footnote": [(articles[one.article].title, one.text[:300]) for one in ours[:3]],
                    "rank": next((rank for rank, one in enumerate(ours, 1) if answers(asked, one)), 0),
                }


def table(results: Mapping[str, Any]) -> str:
    """Return the leads as Markdown: a row for each collection, kind of passages and figure."""
    lines = [
        "| articles (questions) | peers on | figure | best peer | Footnote | unread |",
        "|---|---|---|---|---|---|",
    ]
    for name, result in results.items():
        for chunking in (SAME, OWN) if result["lead_over_best_peer"] else ():
            for figure in FIGURES:
                leads = [result["lead_over_best_peer"][mine][chunking][figure] for mine in OURS]
                rival = leads[0]["best_peer"]
                cells = [
                    f"{name} ({result['questions']})",
                    chunking,
                    f"`{figure}`",
                    f"{result['systems'][rival][figure]['value']:.3f} {rival.split(',')[0]}",
                    *(
                        f"{result['systems'][mine][figure]['value']:.3f}: "
                        f"{lead['value']:+.3f} [{lead['low']:+.3f}, {lead['high']:+.3f}]"
                        for mine, lead in zip(OURS, leads, strict=True)
                    ),
                ]
                lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def setup_of(embedder: str, peers: Sequence[Peer]) -> dict[str, Any]:
    """What the figures depend on."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return {
        "python": platform.python_version(),
        "cpus": os.cpu_count(),
        "threads": os.environ.get("OMP_NUM_THREADS", "all"),
        "peers_embedder": "all-MiniLM-L6-v2, float32",
        "footnote_embedder": f"all-MiniLM-L6-v2, {embedder}",
        "depth": DEPTH,
        "leg_depth": LEG_DEPTH,
        "seed": SEED,
        "splitters": {peer.name: peer.splitter for peer in peers},
        "versions": versions,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("seeds", type=Path)
    parser.add_argument("--limit", type=int, default=600, help="at most so many questions a collection")
    parser.add_argument("--only", nargs="*", help="only these collections")
    parser.add_argument("--save", type=Path, help="write the figures here")
    parser.add_argument("--losses", type=Path, help="write the questions that a peer gets right and Footnote does not")
    arguments = parser.parse_args()
    peers = list(installed())
    setup = setup_of(SentenceTransformerEmbedder().info.dtype, peers)
    results: dict[str, Any] = {}
    losses: list[dict[str, Any]] = []
    for collection in collections(arguments.data, arguments.seeds, limit=arguments.limit):
        if arguments.only and collection.name not in arguments.only:
            continue
        start = time.perf_counter()
        results.update(compare(collection, peers, losses))
        print(f"{collection.name}: {time.perf_counter() - start:.0f} s", file=sys.stderr, flush=True)
        if arguments.save:
            write(arguments.save, [{"setup": setup, "collections": results}], indent=1)
        if arguments.losses:
            write(arguments.losses, losses)
    print(table(results))


def installed() -> Iterator[Peer]:
    """Yield the peers that can be imported; say which cannot."""
    for peer in PEERS:
        if missing := peer.missing():
            print(f"{peer.name} is left out: no module {missing}; pip install -e '.[peers]'", file=sys.stderr)
        else:
            yield peer


def write(path: Path, documents: Sequence[Mapping[str, Any]], *, indent: int | None = None) -> None:
    """Write JSON documents, one after the other."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(one, ensure_ascii=False, indent=indent) + "\n" for one in documents]
    path.write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
