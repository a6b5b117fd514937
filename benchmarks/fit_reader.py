"""Fit the reader's weights on public articles and write qa/reader_weights.json.

    python benchmarks/fit_reader.py DATA

DATA holds html-articles/*.html.gz and squad/, selqa/ and korquad/ as .jsonl.gz. Every article becomes a file, the
real pipeline indexes them, and the features of the sentences of the retrieved passages are what is fitted: first the
order of sentences (conditional logit: the softmax over a question's candidates), then whether the best one answers
(logistic). The questions are the public ones and our own in reader_questions.*.jsonl, on real web pages and Korean
encyclopaedia articles: paraphrases and near-misses such as users ask. Unanswerable ones are our own, and answerable
ones asked with their article left out. The figures are of our own questions, each judged by a model that saw no
question on the same article. None of this is used by tests/quality.
"""

import argparse
import gzip
import json
import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
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
from indexer.language import Analyser
from indexer.settings import Settings
from qa.features import NAMES, Candidate, candidates_of
from qa.matching import Matcher
from qa.reader import ANSWERABLE_NAMES, FeatureReader
from qa.retrieval import Filters, Retriever

HERE = Path(__file__).parent
WEIGHTS = HERE.parent / "qa" / "reader_weights.json"
SEED = 20261121
FOLDS = 4
LEAVE_OUT_EVERY = 3
RANK_L2, ANSWERABLE_C = 1e-3, 3.0
# How much a public question counts beside one of our own when answerability is fitted.
PUBLIC_SHARE = 0.3


@dataclass(frozen=True)
class Asked:
    """A question: the file that answers it and the texts that mark the answering sentence; None: unanswerable."""

    question: str
    article: str
    answers: tuple[str, ...] | None


@dataclass(eq=False)
class Example:
    """A question with the features of its candidates; `gold` marks those that answer."""

    article: str
    question: str
    candidates: Sequence[Candidate]
    rows: NDArray[np.float64]
    gold: NDArray[np.bool_]
    reader: FeatureReader


QuestionSource = Callable[[Path, Path], list[Asked]]


def rows_of(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the objects of a JSON lines file, packed or not."""
    data = path.read_bytes()
    for line in (gzip.decompress(data) if path.suffix == ".gz" else data).splitlines():
        yield json.loads(line)


def encyclopaedia(data: Path, corpus: Path) -> dict[str, tuple[str, str]]:
    """Write one file per article of SQuAD or KorQuAD; return (file name, text) by paragraph id."""
    paragraphs: dict[str, tuple[str, str]] = {}
    articles: dict[str, list[str]] = {}
    for row in rows_of(data / "corpus.jsonl.gz"):
        name = f"{int(row['article']):04d}.txt"
        paragraphs[row["id"]] = (name, row["text"])
        articles.setdefault(name, [row["title"].replace("_", " ")]).append(row["text"])
    for name, parts in articles.items():
        (corpus / name).write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    return paragraphs


def paragraph_questions(data: Path, corpus: Path) -> list[Asked]:
    """SQuAD or KorQuAD: the answering sentence is told by the text around the answer.

    SQuAD's own unanswerable questions are left out: they were written to look answerable to a model, and teach
    this one to refuse what users ask in words of their own (docs/decisions/0006).
    """
    paragraphs, asked = encyclopaedia(data, corpus), []
    for row in rows_of(data / "queries.jsonl.gz"):
        if row["answerable"]:
            name, text = paragraphs[row["evidence_ids"][0]]
            span = row["spans"][0]
            around = text[span["start"] : span["start"] + len(span["text"]) + 12]
            asked.append(Asked(row["question"], name, (around,)))
    return asked


def section_questions(data: Path, corpus: Path) -> list[Asked]:
    """SelQA: one file per Wikipedia section; its sentences say which of them answer."""
    asked, names = [], dict[tuple[str, str], str]()
    for row in rows_of(data / "questions.jsonl.gz"):
        key = (row["title"], row["section"])
        names.setdefault(key, f"{len(names):04d}.txt")
        text = "\n\n".join([": ".join(key), " ".join(row["sentences"])])
        (corpus / names[key]).write_text(text + "\n", encoding="utf-8")
        marks = tuple(row["sentences"][number][:60] for number in row["answers"])
        asked.append(Asked(row["question"], names[key], marks or None))
    return asked


def own_english(data: Path, corpus: Path) -> list[Asked]:
    """Our questions on real web pages; a page is named by the beginning of its hash."""
    rows = list(rows_of(HERE / "reader_questions.en.jsonl"))
    wanted = {row["article"] for row in rows if row["article"]}
    for path in data.glob("*.html.gz"):
        if path.name[:12] in wanted:
            (corpus / f"{path.name[:12]}.html").write_bytes(gzip.decompress(path.read_bytes()))
    return [own(row, ".html") for row in rows]


def own_korean(data: Path, corpus: Path) -> list[Asked]:
    """Our questions on the articles of KorQuAD."""
    encyclopaedia(data, corpus)
    return [own(row, ".txt") for row in rows_of(HERE / "reader_questions.ko.jsonl")]


def own(row: dict[str, Any], suffix: str) -> Asked:
    """Read one line of reader_questions.*.jsonl."""
    return Asked(row["question"], row["article"] + suffix, tuple(row["answers"]) if row["answerable"] else None)


def examples_of(
    asked: Sequence[Asked], generation: Generation, embedder: SentenceTransformerEmbedder, settings: Settings
) -> Iterator[Example]:
    """Ask each question; some answerable ones once more, with their article left out."""
    matcher = Matcher(embedder, Analyser(settings.korean_analyser))
    retriever = Retriever(generation, embedder, matcher, settings)
    reader = FeatureReader(generation, matcher)
    names = tuple(generation.articles)
    for number, item in enumerate(asked):
        rounds = [Filters()]
        if item.answers and number % LEAVE_OUT_EVERY == 0:
            rounds.append(Filters(article_ids=tuple(name for name in names if name != item.article)))
        for filters in rounds:
            hits = retriever.retrieve(item.question, filters, top_k=settings.read_passages).hits
            if candidates := candidates_of(hits):
                gold = np.array([answers(item, candidate) for candidate in candidates], dtype=bool)
                rows = reader.features(item.question, candidates)
                yield Example(item.article, item.question, candidates, rows, gold, reader)


def answers(item: Asked, candidate: Candidate) -> bool:
    """Whether the candidate is a sentence that the set says answers."""
    text = candidate.article.quote(candidate.sentence.start, candidate.sentence.end + 12).casefold()
    marked = any(mark.casefold() in text for mark in item.answers or ())
    return candidate.article.id == item.article and marked


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
        total.backward()
        return total

    optimiser.step(closure)
    return weights.detach().numpy()


def judge(examples: Sequence[Example], rank: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The features of answerability, and whether some candidate answers."""
    judged = [
        example.reader.answerable_features(example.question, example.candidates, example.rows, example.rows @ rank)
        for example in examples
    ]
    return np.array(judged), np.array([example.gold.any() for example in examples])


def fit_both(ours: Sequence[Example], public: Sequence[Example]) -> tuple[NDArray[np.float64], LogisticRegression]:
    """Fit the order of sentences, then answerability on what that order puts first."""
    rank = fit_rank([*ours, *public])
    features, truth = judge([*ours, *public], rank)
    weight = np.r_[np.ones(len(ours)), np.full(len(public), PUBLIC_SHARE)]
    model = LogisticRegression(C=ANSWERABLE_C, max_iter=10_000).fit(features, truth, sample_weight=weight)
    return rank, model


def held_out(ours: Sequence[Example], public: Sequence[Example]) -> dict[str, float]:
    """Figures on our questions, each article judged by a model that has not seen it."""
    articles = sorted({example.article for example in ours})
    random.Random(SEED).shuffle(articles)
    truth, chance, order = [], [], []
    for fold in range(FOLDS):
        test = [example for example in ours if example.article in articles[fold::FOLDS]]
        rank, model = fit_both([example for example in ours if example not in test], public)
        features, answerable = judge(test, rank)
        truth.extend(answerable)
        chance.extend(model.predict_proba(features)[:, 1])
        for example in test:
            if example.gold.any():
                order.append(int(np.flatnonzero(example.gold[np.argsort(-(example.rows @ rank), kind="stable")])[0]))
    yes, sure = np.array(truth), np.array(chance) >= 0.5
    return {
        "questions": len(truth),
        "sentence@1": round(float(np.mean(np.array(order) < 1)), 3),
        "sentence@3": round(float(np.mean(np.array(order) < 3)), 3),
        "auroc": round(float(roc_auc_score(yes, chance)), 3),
        "answerable_answered": round(float(sure[yes].mean()), 3),
        "unanswerable_refused": round(float((~sure[~yes]).mean()), 3),
    }


def weights_of(ours: Sequence[Example], public: Sequence[Example]) -> dict[str, Any]:
    """Fit on everything; report what held-out articles say."""
    rank, model = fit_both(ours, public)
    return {
        "held_out": held_out(ours, public),
        "rank": dict(zip(NAMES, rank.round(4).tolist(), strict=True)),
        "answerable": dict(zip(ANSWERABLE_NAMES, model.coef_[0].round(4).tolist(), strict=True)),
        "bias": round(float(model.intercept_[0]), 4),
    }


def collect(
    source: QuestionSource, data: Path, embedder: SentenceTransformerEmbedder, *, limit: int | None = None
) -> list[Example]:
    """Index one set with the real pipeline and ask its questions; with a limit, so many of them, drawn at random."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(corpus=Path(folder) / "corpus", index=Path(folder) / "index")
        settings.corpus.mkdir()
        asked = source(data, settings.corpus)
        if limit is not None:
            random.Random(SEED).shuffle(asked)
            asked = asked[:limit]
        build(settings, embedder)
        generation = Store(settings.index).open()
        examples = list(examples_of(asked, generation, embedder, settings))
        within = np.mean([example.gold.any() for example in examples])
        print(f"{data.name}: {len(examples)} questions, {within:.3f} with an answering sentence in reach", flush=True)
        return examples


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--limit", type=int, default=800, help="questions per public set")
    arguments = parser.parse_args()
    data, limit = arguments.data, arguments.limit
    torch.manual_seed(SEED)
    embedder = SentenceTransformerEmbedder()
    english = weights_of(
        collect(own_english, data / "html-articles", embedder),
        [
            *collect(paragraph_questions, data / "squad", embedder, limit=limit),
            *collect(section_questions, data / "selqa", embedder, limit=limit),
        ],
    )
    korean = weights_of(
        collect(own_korean, data / "korquad", embedder),
        collect(paragraph_questions, data / "korquad", embedder, limit=limit),
    )
    print("semantic", english["held_out"], "\nlexical", korean["held_out"])
    about = "Fitted by benchmarks/fit_reader.py; held_out: our own questions, on articles not fitted on."
    weights = {"about": about, "seed": SEED, "semantic": english, "lexical": korean}
    WEIGHTS.write_text(json.dumps(weights, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
