"""How Korean is found and read: syllable pairs against morphemes, and what the likeness of words brings the reader.

    python -m benchmarks.korean DATA [--save benchmarks/results/korean.json] [--skip-reader]

DATA as in training/questions.py. Retrieval is BM25 alone: our natural questions on the 140 articles of KorQuAD, 1,000
of KorQuAD's own, and the Korean questions of tests/quality/corpus.jsonl on corpus/. A passage counts when it holds an
answering sentence. `both` adds the z-scores of the two. The reader: KorQuAD's questions on held-out articles given
their paragraph, with the shipped weights; and our questions through the whole pipeline, eight passages read, each
judged by weights that saw no question on the same article. Intervals are 95 % bootstrap over questions.
"""

import argparse
import json
import random
import re
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexer.articles import Article, Passage, make_passage
from indexer.chunking import chunk, embedded_text, sentences_of
from indexer.embedding import SentenceTransformerEmbedder
from indexer.formats import read_article
from indexer.language import Analyser, detect_language
from indexer.lexical import LexicalIndex
from qa.evaluation import load_questions
from qa.fusion import fuse
from qa.matching import Matcher
from qa.reader import FeatureReader
from qa.retrieval import Hit
from training.combine import GROUPS, PUBLIC_LIMIT, collect, held_out
from training.indexing import indexed
from training.questions import Asked, own_korean, paragraphs, part_of

ROOT = Path(__file__).parent.parent
SEED = 20261122
DEPTH, SAMPLE, RESAMPLES = 100, 1000, 1000
CUTS = (1, 3, 10)
NOT_FOUND = 1_000_000
Values = NDArray[np.float64]
_BETWEEN_HANGUL = re.compile(r"(?<=[가-힣]) (?=[가-힣])")
_PARTICLE = re.compile(r"(?<=[가-힣]{2})(?:에서는|에서|에게|으로|은|는|이|가|을|를|의|에|로|와|과)(?= )")


@dataclass(frozen=True)
class Sought:
    """A question and the passages that answer it, by row."""

    question: str
    rows: frozenset[int]


@dataclass(frozen=True)
class Shelf:
    """Passages as texts, and the questions on them."""

    texts: tuple[str, ...]
    sought: tuple[Sought, ...]


def shelves(data: Path) -> dict[str, Shelf]:
    """The three question sets."""
    public, own = paragraphs("korquad")(data), own_korean(data)
    articles = {name: read_article(name, content) for name, content in public.files.items()}
    passages = [passage for article in articles.values() for passage in chunk(article)]
    texts = tuple(embedded_text(articles[passage.article_id], passage) for passage in passages)
    by_sentence: dict[tuple[str, int], set[int]] = {}
    for row, passage in enumerate(passages):
        for one in passage.sentences:
            by_sentence.setdefault((passage.article_id, one.start), set()).add(row)
    sets = {}
    for name, asked in (("natural", own.asked), ("korquad", random.Random(SEED).sample(public.asked, SAMPLE))):
        gold = [(item, [by_sentence[item.article, one.start] for one in item.gold]) for item in asked if item.gold]
        sets[name] = Shelf(texts, tuple(Sought(item.question, frozenset().union(*rows)) for item, rows in gold))
    return {**sets, "starter": starter()}


def starter() -> Shelf:
    """The Korean questions on the starter articles."""
    found = [read_article(path.name, path.read_bytes()) for path in sorted((ROOT / "corpus").glob("*.??.md"))]
    pairs: list[tuple[Article, Passage]] = [(article, passage) for article in found for passage in chunk(article)]
    questions = [one for one in load_questions(ROOT / "tests/quality/corpus.jsonl") if one.answerable]
    sought = [
        Sought(
            one.question,
            frozenset(
                row
                for row, (article, part) in enumerate(pairs)
                if one.answered_by(article, article.quote(part.start, part.end))
            ),
        )
        for one in questions
        if detect_language(one.question) == "ko"
    ]
    return Shelf(tuple(embedded_text(*pair) for pair in pairs), tuple(sought))


def retrieval(sets: Mapping[str, Shelf]) -> dict[str, Any]:
    """Recall and cost of each way to cut, and of both together."""
    begin = time.perf_counter()
    analysers = {"bigrams": Analyser("bigrams"), "kiwi": Analyser("kiwi")}
    analysers["kiwi"].tokens("안녕하세요")
    report: dict[str, Any] = {"kiwi_load_s": round(time.perf_counter() - begin, 2), "cost": {}, "sets": {}}
    for name, shelf in sets.items():
        with tempfile.TemporaryDirectory() as folder:
            indexes, cost = {}, {}
            for cut, analyser in analysers.items():
                begin = time.perf_counter()
                tokens = [analyser.tokens(text) for text in shelf.texts]
                cost[cut] = {"ms_per_passage": round(1000 * (time.perf_counter() - begin) / len(tokens), 3)}
                place = Path(folder) / cut
                place.mkdir()
                indexes[cut] = LexicalIndex.build(place, tokens)
            variants = {"as asked": str, "spaces left out": unspaced, "particles left out": bare}
            report["sets"][name] = {
                variant: _recalls(shelf, analysers, indexes, change, cost if variant == "as asked" else {})
                for variant, change in variants.items()
                if name == "natural" or variant == "as asked"
            }
            report["cost"][name] = cost
    return report


def _recalls(
    shelf: Shelf,
    analysers: Mapping[str, Analyser],
    indexes: Mapping[str, LexicalIndex],
    change: Callable[[str], str],
    cost: dict[str, dict[str, float]],
) -> dict[str, Any]:
    ranked: dict[str, list[dict[int, float]]] = {}
    for cut, index in indexes.items():
        begin = time.perf_counter()
        ranked[cut] = [
            dict(index.search(analysers[cut].content_tokens(change(one.question)), DEPTH)) for one in shelf.sought
        ]
        if cost:
            cost[cut]["ms_per_question"] = round(1000 * (time.perf_counter() - begin) / len(shelf.sought), 3)
    orders = {cut: [list(found) for found in some] for cut, some in ranked.items()}
    pairs = zip(ranked["bigrams"], ranked["kiwi"], strict=True)
    orders["both"] = [[row for row, _ in fuse(one, other)] for one, other in pairs]
    places = {
        cut: np.array([_place(order, one.rows) for order, one in zip(some, shelf.sought, strict=True)])
        for cut, some in orders.items()
    }
    figures: dict[str, Any] = {"questions": len(shelf.sought)}
    for cut, ranks in places.items():
        figures[cut] = {f"recall@{k}": interval((ranks < k).astype(float)) for k in CUTS}
        if cut != "bigrams":
            less = (places["bigrams"] < 1).astype(float)
            figures[cut]["recall@1 minus bigrams"] = interval((ranks < 1) - less)
    return figures


def unspaced(question: str) -> str:
    """Leave the spaces between Korean words out."""
    return _BETWEEN_HANGUL.sub("", question)


def bare(question: str) -> str:
    """Leave the particles of Korean words out, as one does in speech."""
    return _PARTICLE.sub("", question)


def _place(order: Sequence[int], rows: frozenset[int]) -> int:
    return next((place for place, row in enumerate(order) if row in rows), NOT_FOUND)


def given_paragraph(data: Path, embedder: SentenceTransformerEmbedder) -> dict[str, Any]:
    """How often the first sentence answers when the reader is given the paragraph, and what a question costs."""
    questions = paragraphs("korquad")(data)
    with indexed(questions, embedder) as (generation, settings):
        reader = FeatureReader(generation, Matcher(embedder, Analyser(settings.korean_analyser)))
        right, spent = [], []
        for asked in questions.asked:
            if asked.near and part_of(asked.article) == "report":
                hit = _paragraph(asked, generation.articles[asked.article])
                begin = time.perf_counter()
                first = reader.read(asked.question, [hit]).evidence[0]
                spent.append(1000 * (time.perf_counter() - begin))
                right.append(first.sentence in asked.gold)
    return {"questions": len(right), "sentence@1": interval(np.array(right, dtype=float)), "ms": _spread(spent)}


def _paragraph(asked: Asked, article: Article) -> Hit:
    start, end = asked.near or (0, 0)
    inside = [one for one in sentences_of(article) if start <= one.start < end]
    return Hit(make_passage(article, inside, heading=""), article, 1, 0.0, 0.0, 0.0)


def _spread(values: Sequence[float]) -> dict[str, float]:
    return {"median": round(float(np.median(values)), 1), "p95": round(float(np.percentile(values, 95)), 1)}


def pipeline(data: Path, embedder: SentenceTransformerEmbedder) -> dict[str, Any]:
    """Our questions through the whole pipeline, with and without the likeness of words and the names of a question."""
    everywhere = ("train", "calibrate", "report")
    ours = collect(own_korean(data), embedder, parts=everywhere)
    public = collect(paragraphs("korquad")(data), embedder, parts=everywhere[:2], limit=2 * PUBLIC_LIMIT)
    return {
        "with": held_out(ours, public),
        "without": held_out(ours, public, (*GROUPS["token matching"], "names_missing")),
    }


def interval(values: Values) -> dict[str, float]:
    """Mean with its bootstrap 95 % interval."""
    draw = np.random.default_rng(0)
    samples = [values[draw.integers(0, len(values), len(values))].mean() for _ in range(RESAMPLES)]
    low, high = np.percentile(samples, (2.5, 97.5))
    return {"value": round(float(values.mean()), 3), "low": round(float(low), 3), "high": round(float(high), 3)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--save", type=Path)
    parser.add_argument("--skip-reader", action="store_true")
    arguments = parser.parse_args()
    report = {"retrieval": retrieval(shelves(arguments.data))}
    if not arguments.skip_reader:
        embedder = SentenceTransformerEmbedder()
        report["given the paragraph"] = given_paragraph(arguments.data, embedder)
        report["pipeline"] = pipeline(arguments.data, embedder)
    text = json.dumps(report, indent=2, ensure_ascii=False)
    print(text)
    if arguments.save:
        arguments.save.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
