"""Fit the small calibrated model that combines the cross-encoder with retrieval and plain facts.

    python -m training.combine DATA [--ablate]

Writes qa/reader_weights.json. The real pipeline indexes the articles of each set and retrieves; what is fitted are the
features of the sentences of the retrieved passages: first the order of sentences (conditional logit: the softmax over
a question's candidates), then whether the best one answers (logistic). English is fitted on our own web pages of the
part "calibrate", in one corpus and in small ones; Korean, which the cross-encoder cannot read, on "train" and
"calibrate" of two sets. Some answerable questions are asked once more with their article left out. The figures are of
our questions on pages of the part "report", which neither this model nor the cross-encoder has seen. None of the
questions in tests/quality is used.
"""

import argparse
import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from indexer.embedding import SentenceTransformerEmbedder
from indexer.formats import read_article
from indexer.generation import Generation
from indexer.language import Analyser
from indexer.settings import Settings
from qa.features import NAMES, Candidate, candidates_of
from qa.matching import Matcher
from qa.reader import ANSWERABLE_NAMES, FeatureReader
from qa.retrieval import Filters, Retriever
from training.indexing import indexed
from training.questions import Asked, QuestionSet, own_korean, paragraphs, part_of, web_pages

WEIGHTS = Path(__file__).parent.parent / "qa" / "reader_weights.json"
SEED = 20261121
LEAVE_OUT_EVERY = 4
RANK_L2, ANSWERABLE_C = 1e-3, 1.0
# How many questions of KorQuAD are taken, and how much one counts beside one of our own when answerability is fitted.
PUBLIC_LIMIT = 400
PUBLIC_SHARE = 0.3
# How many articles a small corpus has.
FEW = 6
# What is left out to see what it brings.
GROUPS = {
    "cross-encoder": ("read", "read_behind", "short"),
    "token matching": ("similarity", "similarity_behind", "tokens", "tokens_behind", "weakest", "weakest_behind"),
    "words shared": ("overlap", "overlap_in_context", "overlap_of_passage", "pairs", "rare"),
    "retrieval": ("passage", "passage_behind", "article_behind", "dense_behind", "passage_first", "dense"),
    "kind of answer": ("kind_found", "kind_missing", "reason"),
    "what is missing": ("unseen", "names_missing", "names_missing_in_article", "numbers_missing", "years_missing"),
}

# What a question lacks can only make an answer less likely. Left alone, the fit says otherwise of some: the words of an
# article that is left out are still known to the index.
ONLY_LOWER = ("kind_missing", "unseen", "names_missing", "names_missing_in_article", "numbers_missing", "years_missing")

Vector = NDArray[np.float64]


@dataclass(eq=False)
class Example:
    """A question with the features of its candidates; `gold` marks those that answer."""

    article: str
    kind: str
    rows: Vector
    gold: NDArray[np.bool_]
    judge: Callable[[Vector], Vector]


@dataclass(frozen=True)
class Model:
    """Weights of the order, and the judge of answerability."""

    rank: Vector
    answerable: LogisticRegression


def collect(
    questions: QuestionSet, embedder: SentenceTransformerEmbedder, *, parts: Sequence[str], limit: int | None = None
) -> list[Example]:
    """Index one set with the real pipeline and ask the questions of some parts; with a limit, so many at random."""
    asked = [item for item in questions.asked if part_of(item.article) in parts and item.kind != "near:squad"]
    if limit is not None:
        asked = random.Random(SEED).sample(asked, min(limit, len(asked)))
    with indexed(questions, embedder) as (generation, settings):
        examples = list(_examples(asked, generation, embedder, settings))
    within = np.mean([example.gold.any() for example in examples])
    print(f"{questions.name}: {len(examples)} questions, {within:.3f} with an answering sentence in reach", flush=True)
    return examples


def collect_few(
    questions: QuestionSet, embedder: SentenceTransformerEmbedder, *, parts: Sequence[str]
) -> list[Example]:
    """The same with the articles of those parts in small corpora, each with its own index.

    What retrieval says, and how rare a word is, depends on how many articles there are; users have few or many.
    """
    names = {read_article(name, content).id: name for name, content in questions.files.items()}
    chosen = sorted(article for article in names if part_of(article) in parts)
    random.Random(SEED).shuffle(chosen)
    examples: list[Example] = []
    for start in range(0, len(chosen), FEW):
        few = chosen[start : start + FEW]
        files = {names[article]: questions.files[names[article]] for article in few}
        asked = tuple(item for item in questions.asked if item.article in few)
        with indexed(QuestionSet(questions.name, files, asked), embedder) as (generation, settings):
            examples.extend(_examples(asked, generation, embedder, settings))
    print(f"{questions.name} in small corpora: {len(examples)} questions", flush=True)
    return examples


def _examples(
    asked: Sequence[Asked], generation: Generation, embedder: SentenceTransformerEmbedder, settings: Settings
) -> Iterator[Example]:
    matcher = Matcher(embedder, Analyser(settings.korean_analyser))
    retriever = Retriever(generation, embedder, matcher, settings)
    reader = FeatureReader(generation, matcher)
    names = tuple(generation.articles)
    for number, item in enumerate(asked):
        rounds = [Filters()]
        if item.gold and number % LEAVE_OUT_EVERY == 0:
            rounds.append(Filters(article_ids=tuple(name for name in names if name != item.article)))
        for filters in rounds:
            hits = retriever.retrieve(item.question, filters, top_k=settings.read_passages).hits
            if candidates := candidates_of(hits):
                yield _example(item, candidates, reader)


def _example(item: Asked, candidates: Sequence[Candidate], reader: FeatureReader) -> Example:
    readings = reader.readings(item.question, candidates)
    rows = reader.features(item.question, candidates, readings)
    gold = [candidate.article.id == item.article and candidate.sentence in item.gold for candidate in candidates]

    def judge(utilities: Vector) -> Vector:
        return reader.answerable_features(item.question, candidates, rows, utilities)

    return Example(item.article, item.kind, rows, np.array(gold, dtype=bool), judge)


def fit_rank(examples: Sequence[Example], kept: NDArray[np.bool_]) -> Vector:
    """Maximise the log share of the softmax that falls on answering sentences, with an L2 penalty."""
    useful = [example for example in examples if example.gold.any()]
    sizes = torch.tensor([len(example.rows) for example in useful])
    width = int(sizes.max())
    rows = torch.zeros(len(useful), width, len(NAMES), dtype=torch.float64)
    gold = torch.zeros(len(useful), width, dtype=torch.bool)
    for number, example in enumerate(useful):
        rows[number, : len(example.rows)] = torch.from_numpy(example.rows * kept)
        gold[number, : len(example.rows)] = torch.from_numpy(example.gold)
    there = torch.arange(width)[None, :] < sizes[:, None]
    weights = torch.zeros(len(NAMES), dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([weights], max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        utilities = (rows @ weights).masked_fill(~there, -1e9)
        loss = torch.logsumexp(utilities, 1) - torch.logsumexp(utilities.masked_fill(~gold, -1e9), 1)
        total: torch.Tensor = loss.mean() + RANK_L2 * weights.square().sum()
        total.backward()  # type: ignore[no-untyped-call]
        return total

    optimiser.step(closure)  # type: ignore[no-untyped-call]
    return weights.detach().numpy()


def judged(examples: Sequence[Example], rank: Vector, kept: NDArray[np.bool_]) -> tuple[Vector, NDArray[np.bool_]]:
    """The features of answerability, and whether some candidate answers."""
    features = [example.judge(example.rows @ rank) * kept for example in examples]
    return np.array(features), np.array([example.gold.any() for example in examples])


def fit(ours: Sequence[Example], public: Sequence[Example] = (), without: Sequence[str] = ()) -> Model:
    """Fit the order of sentences, then answerability on what that order puts first."""
    rank = fit_rank([*ours, *public], _kept(NAMES, without))
    features, truth = judged([*ours, *public], rank, _kept(ANSWERABLE_NAMES, without))
    weight = np.r_[np.ones(len(ours)), np.full(len(public), PUBLIC_SHARE)]
    kept = np.ones(len(ANSWERABLE_NAMES), dtype=np.bool_)
    while True:
        model = LogisticRegression(C=ANSWERABLE_C, max_iter=10_000).fit(features * kept, truth, sample_weight=weight)
        raising = [
            number for number, name in enumerate(ANSWERABLE_NAMES) if name in ONLY_LOWER and model.coef_[0][number] > 0
        ]
        if not raising:
            return Model(rank, model)
        kept[max(raising, key=lambda number: float(model.coef_[0][number]))] = False


def _kept(names: Sequence[str], without: Sequence[str]) -> NDArray[np.bool_]:
    return np.array([name not in without for name in names])


def figures_of(model: Model, examples: Sequence[Example], without: Sequence[str] = ()) -> dict[str, float]:
    """Figures on questions that the model was not fitted on."""
    features, yes = judged(examples, model.rank, _kept(ANSWERABLE_NAMES, without))
    probability = model.answerable.predict_proba(features)[:, 1]
    near = np.array([example.kind.startswith("near") for example in examples], dtype=np.bool_)
    order = np.array(
        [
            np.flatnonzero(example.gold[np.argsort(-(example.rows @ model.rank), kind="stable")])[0]
            for example in examples
            if example.gold.any()
        ]
    )
    sure = probability >= 0.5
    return {
        "questions": len(examples),
        "sentence@1": round(float(np.mean(order < 1)), 3),
        "sentence@3": round(float(np.mean(order < 3)), 3),
        "auroc": round(float(roc_auc_score(yes, probability)), 3),
        "auroc_near_misses": round(float(roc_auc_score(yes[yes | near], probability[yes | near])), 3),
        "answerable_answered": round(float(sure[yes].mean()), 3),
        "unanswerable_refused": round(float((~sure[~yes]).mean()), 3),
    }


Reported = Mapping[str, Sequence[Example]]


def weights_of(ours: Sequence[Example], public: Sequence[Example], reported: Reported) -> dict[str, Any]:
    """Fit, and say what the questions held out say of it."""
    model = fit(ours, public)
    return {
        "held_out": {name: figures_of(model, examples) for name, examples in reported.items()},
        "rank": dict(zip(NAMES, model.rank.round(4).tolist(), strict=True)),
        "answerable": dict(zip(ANSWERABLE_NAMES, model.answerable.coef_[0].round(4).tolist(), strict=True)),
        "bias": round(float(model.answerable.intercept_[0]), 4),
    }


def ablate(ours: Sequence[Example], reported: Reported) -> Iterator[tuple[str, dict[str, dict[str, float]]]]:
    """The figures with everything, without each group of features, and with the cross-encoder alone."""
    everything = {name for group in GROUPS.values() for name in group} | set(NAMES)
    tries = {"everything": (), **{f"without {name}": group for name, group in GROUPS.items()}}
    tries["cross-encoder alone"] = tuple(everything - set(GROUPS["cross-encoder"]))
    for name, without in tries.items():
        model = fit(ours, (), without)
        yield name, {place: figures_of(model, examples, without) for place, examples in reported.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--ablate", action="store_true", help="also show what each group of features brings")
    arguments = parser.parse_args()
    data = arguments.data
    torch.manual_seed(SEED)
    embedder = SentenceTransformerEmbedder()
    ours = [
        example
        for hard in (False, True)
        for collected in (collect, collect_few)
        for example in collected(web_pages(data, hard=hard), embedder, parts=("calibrate",))
    ]
    reported = {
        "many articles": collect(web_pages(data), embedder, parts=("report",)),
        "few articles": collect_few(web_pages(data), embedder, parts=("report",)),
    }
    if arguments.ablate:
        for name, figures in ablate(ours, reported):
            print(f"{name:28} {json.dumps(figures)}", flush=True)
    known = ("train", "calibrate")
    korean = (
        collect(own_korean(data), embedder, parts=known),
        collect(paragraphs("korquad")(data), embedder, parts=known, limit=PUBLIC_LIMIT),
        {"many articles": collect(own_korean(data), embedder, parts=("report",))},
    )
    about = "Fitted by training/combine.py; held_out: our own questions on articles that nothing was fitted on."
    semantic, lexical = weights_of(ours, (), reported), weights_of(*korean)
    print("semantic", semantic["held_out"], "\nlexical", lexical["held_out"])
    weights = {"about": about, "seed": SEED, "semantic": semantic, "lexical": lexical}
    WEIGHTS.write_text(json.dumps(weights, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
