"""Fit the reader's weights on public question sets and write qa/reader_weights.json.

    python benchmarks/fit_reader.py DATA        DATA holds squad/, selqa/ and korquad/ as .jsonl.gz

Every article of a set becomes a file, the real pipeline indexes them, and the features of the sentences of the
retrieved passages are what is fitted: first the order of sentences (conditional logit: the softmax over a
question's candidates), then whether the best one answers (logistic). Unanswerable questions are SQuAD 2.0's own,
and answerable ones asked with their article left out. One article in four is held out; the figures are of those.
"""

import argparse
import gzip
import json
import random
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from indexer.build import build
from indexer.embedding import SentenceTransformerEmbedder
from indexer.generation import Generation, Store
from indexer.settings import Settings
from qa.features import NAMES, Candidate, candidates_of
from qa.reader import ANSWERABLE_NAMES, FeatureReader
from qa.retrieval import Filters, Retriever

SEED = 20261121
HELD_OUT_EVERY = 4
WEIGHTS = Path(__file__).parent.parent / "qa" / "reader_weights.json"
RANK_L2, ANSWERABLE_C = 1e-3, 0.3


@dataclass(frozen=True)
class Asked:
    """A question of a public set: the file that answers it and the text around the answer; None: unanswerable."""

    question: str
    article: str
    answer: str | None
    around: str = ""


@dataclass
class Example:
    """A question with the features of its candidates; `gold` marks those that answer."""

    article: str
    rows: NDArray[np.float64]
    gold: NDArray[np.bool_]
    candidates: Sequence[Candidate]
    question: str
    reader: FeatureReader
    judged: NDArray[np.float64] | None = None


def rows_of(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def paragraphs_set(data: Path, corpus: Path, *, limit: int, draw: random.Random) -> list[Asked]:
    """SQuAD or KorQuAD: one file per Wikipedia article, its paragraphs in order."""
    texts: dict[str, str] = {}
    articles: dict[str, list[str]] = {}
    titles: dict[str, str] = {}
    for row in rows_of(data / "corpus.jsonl.gz"):
        name = f"{int(row['article']):04d}.txt"
        texts[row["id"]] = row["text"]
        titles[name] = row["title"].replace("_", " ")
        articles.setdefault(name, []).append(row["text"])
    for name, paragraphs in articles.items():
        (corpus / name).write_text("\n\n".join([titles[name], *paragraphs]) + "\n", encoding="utf-8")
    asked = []
    for row in rows_of(data / "queries.jsonl.gz"):
        evidence = row["evidence_ids"][0]
        name = f"{int(evidence.split('_')[1]):04d}.txt"
        answer = row["spans"][0]["text"] if row["answerable"] else None
        start = row["spans"][0]["start"] if row["answerable"] else 0
        asked.append(Asked(row["question"], name, answer, texts[evidence][max(0, start - 20) : start + 40]))
    draw.shuffle(asked)
    return asked[:limit]


def sections_set(data: Path, corpus: Path, *, limit: int, draw: random.Random) -> list[Asked]:
    """SelQA: one file per Wikipedia section; its sentences say which of them answer."""
    asked, names = [], {}
    rows = list(rows_of(data / "questions.jsonl.gz"))
    draw.shuffle(rows)
    for row in rows[:limit]:
        key = (row["title"], row["section"])
        if key not in names:
            names[key] = f"{len(names):04d}.txt"
            text = "\n\n".join([f"{row['title']}: {row['section']}", " ".join(row["sentences"])])
            (corpus / names[key]).write_text(text + "\n", encoding="utf-8")
        for number in row["answers"][:1]:
            sentence = row["sentences"][number]
            asked.append(Asked(row["question"], names[key], sentence[:60], sentence[:60]))
    return asked


def examples_of(
    asked: Sequence[Asked], generation: Generation, embedder: SentenceTransformerEmbedder, settings: Settings
) -> Iterator[Example]:
    """Ask each question; answerable ones also with their article left out, every third time."""
    retriever = Retriever(generation, embedder, settings)
    reader = FeatureReader(generation, embedder, settings)
    names = tuple(generation.articles)
    for number, item in enumerate(asked):
        rounds = [Filters()]
        if item.answer is not None and number % 3 == 0:
            rounds.append(Filters(article_ids=tuple(name for name in names if name != item.article)))
        for filters in rounds:
            hits = retriever.retrieve(item.question, filters, top_k=settings.read_passages).hits
            candidates = candidates_of(hits)
            if candidates:
                gold = np.array([answers(item, candidate) for candidate in candidates], dtype=bool)
                rows = reader.features(item.question, candidates)
                yield Example(item.article, rows, gold, candidates, item.question, reader)


def answers(item: Asked, candidate: Candidate) -> bool:
    """Whether the candidate is the sentence that the set says answers."""
    if item.answer is None or candidate.article.id != item.article:
        return False
    text = candidate.article.text
    at = text.find(item.around)
    if at < 0:
        return False
    start = text.find(item.answer, at)
    return candidate.sentence.start <= start < candidate.sentence.end


def fit_rank(examples: Sequence[Example]) -> NDArray[np.float64]:
    """Maximise the log share of the softmax that falls on answering sentences, with an L2 penalty."""
    useful = [example for example in examples if example.gold.any()]
    sizes = torch.tensor([len(example.rows) for example in useful])
    width = int(sizes.max())
    rows = torch.zeros(len(useful), width, len(NAMES), dtype=torch.float64)
    gold = torch.zeros(len(useful), width, dtype=torch.bool)
    for number, example in enumerate(useful):
        rows[number, : len(example.rows)] = torch.from_numpy(example.rows)
        gold[number, : len(example.rows)] = torch.from_numpy(example.gold)
    there = torch.arange(width)[None, :] < sizes[:, None]
    weights = torch.zeros(len(NAMES), dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([weights], max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        utilities = (rows @ weights).masked_fill(~there, -1e9)
        loss = torch.logsumexp(utilities, 1) - torch.logsumexp(utilities.masked_fill(~gold, -1e9), 1)
        total = loss.mean() + RANK_L2 * weights.square().sum()
        total.backward()  # type: ignore[no-untyped-call]
        return total

    optimiser.step(closure)
    result: NDArray[np.float64] = weights.detach().numpy()
    return result


def judge(examples: Sequence[Example], rank: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The features of answerability, and whether some candidate answers."""
    judged = [
        example.reader.answerable_features(example.question, example.candidates, example.rows, example.rows @ rank)
        for example in examples
    ]
    return np.array(judged), np.array([example.gold.any() for example in examples])


def fit(examples: Sequence[Example], *, label: str) -> dict[str, Any]:
    """Fit both models on three articles of four; return the weights and the figures of the fourth."""
    articles = sorted({example.article for example in examples})
    held = set(articles[::HELD_OUT_EVERY])
    train = [example for example in examples if example.article not in held]
    test = [example for example in examples if example.article in held]
    rank = fit_rank(train)
    features, truth = judge(train, rank)
    # Half answerable, half not: the share of answerable questions here says nothing about the user's.
    model = LogisticRegression(C=ANSWERABLE_C, class_weight="balanced", max_iter=5000).fit(features, truth)
    held_features, held_truth = judge(test, rank)
    figures = {
        "questions": len(test),
        "sentence@1": first(test, rank, 1),
        "sentence@3": first(test, rank, 3),
        "auroc": float(roc_auc_score(held_truth, model.predict_proba(held_features)[:, 1])),
    }
    print(label, json.dumps(figures))
    return {
        "rank": dict(zip(NAMES, rank.round(4).tolist(), strict=True)),
        "answerable": dict(zip(ANSWERABLE_NAMES, model.coef_[0].round(4).tolist(), strict=True)),
        "bias": round(float(model.intercept_[0]), 4),
        "held_out": {name: round(value, 3) for name, value in figures.items()},
    }


def first(examples: Sequence[Example], rank: NDArray[np.float64], depth: int) -> float:
    """Share of questions with an answering sentence among the candidates that has one within the first `depth`."""
    useful = [example for example in examples if example.gold.any()]
    return float(np.mean([ex.gold[np.argsort(-(ex.rows @ rank), kind="stable")[:depth]].any() for ex in useful]))


def collect(name: str, data: Path, embedder: SentenceTransformerEmbedder, limit: int) -> list[Example]:
    """Index one public set with the real pipeline and ask its questions."""
    draw = random.Random(SEED)
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(corpus=Path(folder) / "corpus", index=Path(folder) / "index")
        settings.corpus.mkdir()
        read = sections_set if name == "selqa" else paragraphs_set
        asked = read(data / name, settings.corpus, limit=limit, draw=draw)
        build(settings, embedder)
        generation = Store(settings.index).open()
        examples = list(examples_of(asked, generation, embedder, settings))
        for example in examples:
            example.article = f"{name}/{example.article}"
        print(
            name,
            len(examples),
            "questions;",
            f"{np.mean([e.gold.any() for e in examples]):.3f} with an answer in reach",
        )
        return examples


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--limit", type=int, default=2500, help="questions per set")
    arguments = parser.parse_args()
    torch.manual_seed(SEED)
    embedder = SentenceTransformerEmbedder()
    english = [e for name in ("squad", "selqa") for e in collect(name, arguments.data, embedder, arguments.limit)]
    korean = collect("korquad", arguments.data, embedder, arguments.limit)
    weights = {
        "about": "Fitted by benchmarks/fit_reader.py; held_out: figures on articles not fitted on.",
        "seed": SEED,
        "semantic": {"data": "SQuAD 2.0 (half of dev), SelQA", **fit(english, label="semantic")},
        "lexical": {"data": "KorQuAD 1.0 dev", **fit(korean, label="lexical")},
    }
    WEIGHTS.write_text(json.dumps(weights, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
