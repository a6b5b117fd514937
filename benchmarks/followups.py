"""Do follow-up questions find more once they stand alone? Measured on MT-RAG with its human rewrites.

python benchmarks/followups.py DATA [--half dev|test] [--save benchmarks/results/followups.json] [--show]

DATA holds corpus.jsonl.gz (id, title, text) and queries.jsonl.gz (conversation_id, turn, question, rewrite, messages,
evidence_ids). Conversations are halved by hash: the rules were written on `dev`, `test` is for the report. Search is
BM25 alone. Intervals are 95 % bootstrap over conversations, since the turns of one conversation resemble each other.
"""

import argparse
import gzip
import hashlib
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from indexer.embedding import SentenceTransformerEmbedder
from indexer.language import Analyser
from indexer.lexical import LexicalIndex
from qa.followups import Similarity, Turn, standalone

DEPTH = 10
RESAMPLES = 2000
Row = dict[str, Any]


def load(path: Path) -> Iterator[Row]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def half_of(conversation: str) -> str:
    return ("dev", "test")[int(hashlib.sha256(conversation.encode()).hexdigest(), 16) % 2]


def turns_of(query: Row) -> list[Turn]:
    """The exchanges before the last question; some rows give the questions only."""
    if not query["messages"]:
        return [Turn(text) for text in query["user_turns"][:-1]]
    turns: list[Turn] = []
    for message in query["messages"][:-1]:
        if message["role"] == "user":
            turns.append(Turn(message["content"]))
        elif turns:
            turns[-1] = Turn(turns[-1].question, message["content"])
    return turns


def similarity_of(embedder: SentenceTransformerEmbedder) -> Similarity:
    vector = cache(lambda text: embedder.embed_queries([text])[0])
    return lambda one, other: float(vector(one) @ vector(other))


def searcher(passages: Sequence[Row], folder: Path) -> Callable[[str], list[str]]:
    analyser = Analyser()
    index = LexicalIndex.build(folder, (analyser.tokens(f"{row['title']} {row['text']}") for row in passages))
    ids = [row["id"] for row in passages]
    return lambda text: [ids[row] for row, _ in index.search(analyser.content_tokens(text), DEPTH)]


def scores(found: Sequence[str], evidence: Sequence[str]) -> dict[str, float]:
    """Recall@5, recall@10, and nDCG@10 with gains of 0 and 1 (Järvelin and Kekäläinen 2002)."""
    wanted = set(evidence)
    gains = [float(passage in wanted) for passage in found[:DEPTH]]
    ideal = sum(1 / np.log2(rank + 2) for rank in range(min(len(wanted), DEPTH)))
    gained = sum(gain / np.log2(rank + 2) for rank, gain in enumerate(gains))
    return {
        "recall@5": sum(gains[:5]) / len(wanted),
        "recall@10": sum(gains) / len(wanted),
        "ndcg@10": float(gained / ideal),
    }


def interval(values: Sequence[float], groups: Sequence[str]) -> dict[str, float | int]:
    """The mean with the percentile bootstrap over groups (Efron 1979)."""
    names = sorted(set(groups))
    sums = np.array([sum(v for v, g in zip(values, groups, strict=True) if g == name) for name in names])
    counts = np.array([groups.count(name) for name in names])
    drawn = np.random.default_rng(0).integers(0, len(names), (RESAMPLES, len(names)))
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    low, high = np.percentile(means, (2.5, 97.5))
    value = float(np.mean(values))
    return {"value": round(value, 3), "low": round(float(low), 3), "high": round(float(high), 3), "n": len(values)}


def lends(query: Row, analyser: Analyser) -> bool:
    """Whether the human rewrite takes content words from the conversation that the question lacks."""
    added = set(analyser.content_tokens(query["rewrite"])) - set(analyser.content_tokens(query["question"]))
    earlier = " ".join(f"{turn.question} {turn.answer}" for turn in turns_of(query))
    return bool(added & set(analyser.content_tokens(earlier)))


def gate(queries: Sequence[Row], changed: dict[str, bool]) -> dict[str, Any]:
    """How often a question is touched, by what the human did with it."""
    analyser = Analyser()
    parts: dict[str, Callable[[Row], bool]] = {
        "untouched_where_the_rewrite_is_the_question": lambda q: q["rewrite"].strip() == q["question"].strip(),
        "changed_where_the_rewrite_differs": lambda q: q["rewrite"].strip() != q["question"].strip(),
        "untouched_where_the_rewrite_takes_no_word_from_the_conversation": lambda q: not lends(q, analyser),
        "changed_where_the_rewrite_takes_words_from_the_conversation": lambda q: lends(q, analyser),
    }
    return {
        name: interval(
            [float(changed[q["id"]] == name.startswith("changed")) for q in chosen],
            [q["conversation_id"] for q in chosen],
        )
        for name, wanted in parts.items()
        if (chosen := [q for q in queries if wanted(q)])
    }


def retrieval(queries: Sequence[Row], texts: dict[str, dict[str, str]], passages: Sequence[Row]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        search = searcher(passages, Path(folder))
        groups = [q["conversation_id"] for q in queries]
        found = {
            way: [scores(search(by_id[q["id"]]), q["evidence_ids"]) for q in queries] for way, by_id in texts.items()
        }
    result = {way: {name: interval([s[name] for s in rows], groups) for name in rows[0]} for way, rows in found.items()}
    result["standalone_minus_last_turn"] = {
        name: interval(
            [a[name] - b[name] for a, b in zip(found["standalone"], found["last_turn"], strict=True)], groups
        )
        for name in found["last_turn"][0]
    }
    return result


def measure(data: Path, half: str, *, show: bool) -> dict[str, Any]:
    queries = [q for q in load(data / "queries.jsonl.gz") if q["turn"] > 1 and half_of(q["conversation_id"]) == half]
    similarity = similarity_of(SentenceTransformerEmbedder())
    ours = {q["id"]: standalone(q["question"], turns_of(q), similarity=similarity) for q in queries}
    if show:
        for q in queries:
            print(
                f"{'*' if ours[q['id']].changed else '='} {q['question']}\n    {ours[q['id']].text}\n    {q['rewrite']}"
            )
    # Processor time: what else the machine does must not count.
    start = time.process_time()
    for q in queries:
        standalone(q["question"], turns_of(q), similarity=None)
    milliseconds = (time.process_time() - start) * 1000 / len(queries)
    texts = {
        "last_turn": {q["id"]: q["question"] for q in queries},
        "all_questions": {q["id"]: " ".join([t.question for t in turns_of(q)] + [q["question"]]) for q in queries},
        "standalone": {identifier: result.text for identifier, result in ours.items()},
        "human_rewrite": {q["id"]: q["rewrite"] for q in queries},
    }
    passages = list(load(data / "corpus.jsonl.gz"))
    touched = [q for q in queries if ours[q["id"]].changed]
    return {
        "setup": {"data": "MT-RAG, domains cloud and fiqa", "half": half, "passages": len(passages), "search": "BM25"},
        "ms_per_question_without_embedder": round(milliseconds, 2),
        "gate": gate(queries, {identifier: result.changed for identifier, result in ours.items()}),
        "retrieval": retrieval([q for q in queries if q["evidence_ids"]], texts, passages),
        "retrieval_of_changed_questions": retrieval([q for q in touched if q["evidence_ids"]], texts, passages),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--half", choices=("dev", "test"), default="test")
    parser.add_argument("--save", type=Path)
    parser.add_argument("--show", action="store_true", help="print every question, as asked, as understood, by a human")
    arguments = parser.parse_args()
    text = json.dumps(measure(arguments.data, arguments.half, show=arguments.show), indent=2)
    print(text)
    if arguments.save:
        arguments.save.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
