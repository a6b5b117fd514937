"""Train the cross-encoder (qa/cross_encoder.py) on public and own questions and write its weights.

    python -m training.cross_encoder DATA [--out qa/cross_encoder.safetensors] [--alone FILE]

About two hours on two cores with bfloat16. The first stage learns from single passages, the second from all passages
a question stands beside at once, so that sentences of different passages can be compared, and also from our hard
questions. The lowest layers and the embeddings stay those of the bundled model and are not written. What the first
stage made is kept beside the result; `--alone` begins with the second stage from there. Pages and articles of the
part "report" are never trained on; those of our own web pages in "calibrate" are left for training/combine.py. The
figures printed are of held-out articles: `sentence@1` and `short_f1` (overlap of the likeliest span with the short
answer, in characters) over answerable pairs, `auroc` of "some sentence here answers".
"""

import argparse
import hashlib
import itertools
import json
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from sklearn.metrics import roc_auc_score
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional
from transformers import BertConfig

from indexer.embedding import WEIGHTS_FILE, Embedder, SentenceTransformerEmbedder, bundled_folder
from qa.cross_encoder import WEIGHTS, Encoded, encode, load_tokenizer
from qa.reading import Pair, SentenceReading
from training.examples import Example, examples_of, near_misses
from training.network import BATCH, CrossEncoderNet, Logits, base_weights, collate, readings_of
from training.questions import Part, QuestionSet, hard_sections, paragraphs, part_of, sections, web_pages

SEED = 20261122
FROZEN_LAYERS = 2
TOKENS = 4096  # padded tokens a batch: about 25 pairs
POOL = 512
# How many of the retrieved passages that do not answer are kept, by set; and how often our own questions are seen.
KEPT_NEGATIVES = {"squad": 0.4, "selqa": 0.35, "web": 1.0}
OWN_REPEATED = 2
NEAR_MISS_SHARE = 0.2
HELD_OUT_PAIRS = 300
MEASURED_EVERY = 400
# The second stage: questions taken of each public set, and how many passages that do not answer stand beside one.
TOGETHER_QUESTIONS = {"squad": 1300, "selqa": 500}
TOGETHER, BESIDE_NEAR = 4, 2


@dataclass(frozen=True)
class Stage:
    """How long and how fast one stage learns."""

    steps: int
    rate: float
    head_rate: float
    warm_up: int


ALONE = Stage(steps=2400, rate=1.5e-4, head_rate=5e-4, warm_up=50)
ALL_TOGETHER = Stage(steps=2200, rate=8e-5, head_rate=1e-4, warm_up=50)


@dataclass(frozen=True)
class Lesson:
    """An example in tokens; `short` is the first and last token of the short answer."""

    example: Example
    encoded: Encoded
    short: tuple[int, int] | None


def lessons_of(examples: Sequence[Example], tokenizer: Tokenizer) -> list[Lesson]:
    """Encode examples; one whose answering sentence lies beyond the window is left out."""
    pairs = [Pair(example.question, example.text, example.sentences) for example in examples]
    lessons = []
    for example, encoded in zip(examples, encode(pairs, tokenizer), strict=True):
        if not example.gold or set(example.gold) & set(encoded.sentence_of):
            lessons.append(Lesson(example, encoded, _tokens_of(example.short, encoded)))
    return lessons


def _tokens_of(span: tuple[int, int] | None, encoded: Encoded) -> tuple[int, int] | None:
    if span is None:
        return None
    inside = [
        number
        for number, sentence in enumerate(encoded.sentence_of)
        if sentence >= 0 and encoded.starts[number] < span[1] and encoded.ends[number] > span[0]
    ]
    return (inside[0], inside[-1]) if inside else None


def loss_alone(logits: Logits, lessons: Sequence[Lesson]) -> Tensor:
    """The log share of the softmax over a passage's sentences and "none" that falls on what is right; and pointing."""
    rows = torch.cat([logits.none[:, None], logits.sentences], 1)
    right = torch.zeros_like(rows, dtype=torch.bool)
    for number, lesson in enumerate(lessons):
        gold = [sentence + 1 for sentence in lesson.example.gold if sentence + 1 < rows.shape[1]]
        right[number, gold or [0]] = True
    return _missed(rows, right).mean() + _pointing(logits, lessons)


def loss_together(logits: Logits, lessons: Sequence[Lesson]) -> Tensor:
    """The same over all sentences of all passages a question stands beside, against one "none of these"."""
    odds = logits.sentences - logits.none[:, None]
    losses = []
    for numbers in groups_of(lessons):
        rows = torch.cat([odds.new_zeros(1), *(odds[number] for number in numbers)])
        right = torch.zeros_like(rows, dtype=torch.bool)
        for place, number in enumerate(numbers):
            gold = [sentence for sentence in lessons[number].example.gold if sentence < odds.shape[1]]
            right[[1 + place * odds.shape[1] + sentence for sentence in gold]] = True
        right[0] = not right.any()
        losses.append(_missed(rows, right))
    return torch.stack(losses).mean() + _pointing(logits, lessons)


def _missed(rows: Tensor, right: Tensor) -> Tensor:
    return torch.logsumexp(rows, -1) - torch.logsumexp(rows.masked_fill(~right, -torch.inf), -1)


def _pointing(logits: Logits, lessons: Sequence[Lesson]) -> Tensor:
    """The same for the start and the end of the short answers that are known."""
    shorts = [(number, lesson.short) for number, lesson in enumerate(lessons) if lesson.short]
    if not shorts:
        return logits.none.new_zeros(())
    numbers = [number for number, _ in shorts]
    start, end = torch.tensor([short for _, short in shorts]).unbind(1)
    starts = functional.cross_entropy(logits.start[numbers], start)
    ends = functional.cross_entropy(logits.end[numbers], end)
    return (starts + ends) / 2 * len(shorts) / len(lessons)


def groups_of(lessons: Sequence[Lesson]) -> list[list[int]]:
    """The places of the lessons of each question."""
    places: dict[tuple[str, str, str], list[int]] = {}
    for place, lesson in enumerate(lessons):
        example = lesson.example
        places.setdefault((example.source, example.article, example.question), []).append(place)
    return list(places.values())


def batches(groups: Sequence[Sequence[Lesson]], draw: random.Random) -> list[list[Lesson]]:
    """Cut shuffled groups, none divided, into batches of at most TOKENS padded tokens, each of pairs of like length."""
    order = draw.sample(groups, len(groups))
    made: list[list[Lesson]] = []
    for start in range(0, len(order), POOL):
        batch: list[Lesson] = []
        for group in sorted(order[start : start + POOL], key=_width):
            if batch and (len(batch) + len(group)) * max(_width(batch), _width(group)) > TOKENS:
                made.append(batch)
                batch = []
            batch = [*batch, *group]
        made.append(batch)
    draw.shuffle(made)
    return made


def _width(lessons: Sequence[Lesson]) -> int:
    return max(len(lesson.encoded.ids) for lesson in lessons)


def new_net() -> CrossEncoderNet:
    """The bundled model with new heads; embeddings and the lowest layers are frozen."""
    folder = bundled_folder()
    net = CrossEncoderNet(BertConfig.from_pretrained(folder))
    net.load_state_dict(base_weights(folder / WEIGHTS_FILE), strict=False)
    for module in (net.bert.embeddings, *net.bert.encoder.layer[:FROZEN_LAYERS]):
        module.requires_grad_(False)
    return net


def train(
    net: CrossEncoderNet,
    groups: Sequence[Sequence[Lesson]],
    stage: Stage,
    loss_of: Callable[[Logits, Sequence[Lesson]], Tensor],
    report: Callable[[int], None],
) -> None:
    """AdamW with warm-up and linear decay; bfloat16 arithmetic over single-precision weights."""
    draw = random.Random(SEED)
    trained = [(name, weight) for name, weight in net.named_parameters() if weight.requires_grad]
    parameters = [
        {"params": [weight for name, weight in trained if name.startswith("bert.")], "lr": stage.rate},
        {"params": [weight for name, weight in trained if not name.startswith("bert.")], "lr": stage.head_rate},
    ]
    optimiser = torch.optim.AdamW(parameters, weight_decay=0.01)
    rate = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda at: min((at + 1) / stage.warm_up, max(0.02, 1 - at / stage.steps))
    )
    epochs = (batches(groups, draw) for _ in itertools.count())
    for step, batch in enumerate(itertools.islice(itertools.chain.from_iterable(epochs), stage.steps), start=1):
        net.train()
        with torch.autocast("cpu", torch.bfloat16):
            logits = net(collate([lesson.encoded for lesson in batch]))
        loss = loss_of(logits, batch)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        rate.step()
        if step % MEASURED_EVERY == 0 or step == stage.steps:
            report(step)


def measure(net: CrossEncoderNet, lessons: Sequence[Lesson]) -> dict[str, float]:
    """Figures of held-out pairs; see the module's text."""
    right, overlap, truth, odds = [], [], [], []
    for lesson, reading in zip(lessons, readings(net, lessons), strict=True):
        best = max(range(len(reading)), key=lambda number: reading[number].logit)
        truth.append(bool(lesson.example.gold))
        odds.append(torch.logsumexp(torch.tensor([one.logit for one in reading]), 0).item())
        if lesson.example.gold:
            right.append(best in lesson.example.gold)
            if lesson.example.short:
                overlap.append(_f1(reading[best].short, lesson.example.short))
    return {
        "pairs": len(lessons),
        "sentence@1": round(sum(right) / len(right), 3),
        "short_f1": round(sum(overlap) / max(len(overlap), 1), 3),
        "auroc": round(float(roc_auc_score(truth, odds)), 3),
    }


def readings(net: CrossEncoderNet, lessons: Sequence[Lesson]) -> list[list[SentenceReading]]:
    """Read pairs as the product does."""
    net.eval()
    order = sorted(range(len(lessons)), key=lambda number: len(lessons[number].encoded.ids))
    read: list[list[SentenceReading]] = [[] for _ in lessons]
    for start in range(0, len(order), BATCH):
        numbers = order[start : start + BATCH]
        encoded = [lessons[number].encoded for number in numbers]
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
            logits = net(collate(encoded))
        sizes = [len(lessons[number].example.sentences) for number in numbers]
        for number, reading in zip(numbers, readings_of(logits, encoded, sizes), strict=True):
            read[number] = reading
    return read


def _f1(said: tuple[int, int] | None, wanted: tuple[int, int]) -> float:
    if said is None:
        return 0.0
    shared = max(0, min(said[1], wanted[1]) - max(said[0], wanted[0]))
    return 2 * shared / (said[1] - said[0] + wanted[1] - wanted[0])


def save(net: CrossEncoderNet, path: Path) -> str:
    """Write what was trained in half precision; return the SHA-256."""
    trained = {name for name, weight in net.named_parameters() if weight.requires_grad}
    save_file({name: net.state_dict()[name].half().contiguous() for name in sorted(trained)}, path)
    return hashlib.sha256(path.read_bytes()).hexdigest()


@dataclass
class Lessons:
    """What each stage learns from, and what is held out by name."""

    alone: list[Example] = field(default_factory=list)
    together: list[Example] = field(default_factory=list)
    held_out: dict[str, list[Example]] = field(default_factory=dict)


def prepare(data: Path) -> Lessons:
    """Pair the questions of every set with passages, split by article."""
    embedder = SentenceTransformerEmbedder()
    draw = random.Random(SEED)
    lessons = Lessons()
    for source in (paragraphs("squad"), sections, web_pages):
        questions = source(data)
        examples = examples_of(questions, embedder)
        answerable = {example.question for example in examples if example.gold}
        kept = [
            example
            for example in examples
            if part_of(example.article) in _parts(questions)
            and (example.gold or example.question not in answerable or draw.random() < KEPT_NEGATIVES[questions.name])
        ]
        lessons.alone.extend(kept * (OWN_REPEATED if questions.name == "web" else 1))
        reported = [example for example in examples if part_of(example.article) == "report"]
        paired = [example for example in reported if example.gold or example.question not in answerable]
        lessons.held_out[questions.name] = draw.sample(paired, min(HELD_OUT_PAIRS, len(paired)))
        lessons.together.extend(_together(questions, embedder, draw))
    lessons.alone.extend(near_misses(lessons.alone, share=NEAR_MISS_SHARE))
    for questions in (web_pages(data, hard=True), hard_sections(data)):
        lessons.together.extend(_together(questions, embedder, draw))
    return lessons


def _parts(questions: QuestionSet) -> tuple[Part, ...]:
    # The calibrated model is fitted on web pages that the cross-encoder has not seen.
    return ("train",) if questions.name == "web" else ("train", "calibrate")


def _together(questions: QuestionSet, embedder: Embedder, draw: random.Random) -> list[Example]:
    asked = [item for item in questions.asked if part_of(item.article) in _parts(questions)]
    some = draw.sample(asked, min(TOGETHER_QUESTIONS.get(questions.name, len(asked)), len(asked)))
    return examples_of(replace(questions, asked=tuple(some)), embedder, together=TOGETHER, beside_near=BESIDE_NEAR)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    parser.add_argument("--alone", type=Path, help="what the first stage made: begin with the second")
    arguments = parser.parse_args()
    torch.manual_seed(SEED)
    prepared = prepare(arguments.data)
    tokenizer = load_tokenizer()
    alone, together = (lessons_of(examples, tokenizer) for examples in (prepared.alone, prepared.together))
    held_out = {name: lessons_of(examples, tokenizer) for name, examples in prepared.held_out.items()}
    net, begin = new_net(), time.monotonic()

    def report_to(path: Path) -> Callable[[int], None]:
        def report(step: int) -> None:
            figures = {name: measure(net, lessons) for name, lessons in held_out.items()}
            print(f"{step} {time.monotonic() - begin:.0f} s {json.dumps(figures)} {save(net, path)}", flush=True)

        return report

    print(f"{len(alone)} pairs alone, {len(together)} together", flush=True)
    if arguments.alone:
        net.load_state_dict(load_file(arguments.alone), strict=False)
    else:
        kept = arguments.out.with_suffix(".alone.safetensors")
        train(net, [[lesson] for lesson in alone], ALONE, loss_alone, report_to(kept))
    groups = [[together[at] for at in group] for group in groups_of(together)]
    train(net, groups, ALL_TOGETHER, loss_together, report_to(arguments.out))


if __name__ == "__main__":
    main()
