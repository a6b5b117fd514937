"""A small cross-encoder: reads a question and a passage together, once, and judges each sentence of the passage.

It is the bundled MiniLM, trained further (training/): the mean state of a sentence's tokens gives the sentence a
logit, the state of [CLS] gives "none of these" one, and each token gets logits for the start and the end of the
short answer (Devlin et al. 2019, BERT, sections 4.2 and 4.3).
"""

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional

from indexer.bert import TOKENIZER_FILE, Network, shape_of
from indexer.cores import cores, side_by_side
from indexer.embedding import BUNDLED_SHA256, WEIGHTS_FILE, bundled_folder, file_sha256, multiplies_bfloat16
from indexer.errors import ReaderError
from qa.reading import LEAST_LOG, Pair, SentenceReading, Span

Floats = NDArray[np.float32]

MAX_TOKENS = 300
MAX_QUESTION_TOKENS = 48
MAX_SHORT_TOKENS = 24
WEIGHTS = Path(__file__).with_name("cross_encoder.safetensors")
WEIGHTS_SHA256 = "0fc9dbc7bfe330f325e8d3812b2dc33f376465fa45ecfdf29ebffb8c381898f1"


@dataclass(frozen=True, slots=True)
class Encoded:
    """One pair in tokens; token i covers `text[starts[i]:ends[i]]` of sentence `sentence_of[i]`, −1: none.

    From token `second` on it is the passage, before it the question.
    """

    ids: list[int]
    second: int
    starts: list[int]
    ends: list[int]
    sentence_of: list[int]


def load_tokenizer() -> Tokenizer:
    """Return the tokenizer of the bundled model; it neither pads nor cuts."""
    tokenizer = Tokenizer.from_file(str(bundled_folder() / TOKENIZER_FILE))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def encode(pairs: Sequence[Pair], tokenizer: Tokenizer) -> list[Encoded]:
    """Cut pairs into tokens: [CLS] question [SEP] text [SEP]; what does not fit the window is left out."""
    first, last = tokenizer.encode("").ids
    questions = list(dict.fromkeys(pair.question for pair in pairs))
    asked = dict(zip(questions, tokenizer.encode_batch_fast(questions, add_special_tokens=False), strict=True))
    texts = tokenizer.encode_batch([pair.text for pair in pairs], add_special_tokens=False)
    encoded = []
    for pair, read in zip(pairs, texts, strict=True):
        question = asked[pair.question].ids[:MAX_QUESTION_TOKENS]
        room = MAX_TOKENS - len(question) - 3
        spans = read.offsets[:room]
        ahead = len(question) + 2
        encoded.append(
            Encoded(
                ids=[first, *question, last, *read.ids[:room], last],
                second=ahead,
                starts=[0] * ahead + [start for start, _ in spans] + [0],
                ends=[0] * ahead + [end for _, end in spans] + [0],
                sentence_of=[-1] * ahead + _sentences_of(spans, pair.sentences) + [-1],
            )
        )
    return encoded


def _sentences_of(tokens: Iterable[Span], sentences: Sequence[Span]) -> list[int]:
    numbers, number = [], 0
    for start, _ in tokens:
        while number < len(sentences) and start >= sentences[number][1]:
            number += 1
        inside = number < len(sentences) and start >= sentences[number][0]
        numbers.append(number if inside else -1)
    return numbers


@cache
def shipped() -> "CrossEncoder":
    """Return the cross-encoder that comes with the project, loaded once."""
    return CrossEncoder()


class CrossEncoder:
    """The trained network with its tokenizer; it may be used by many threads at once."""

    def __init__(self, weights: Path = WEIGHTS) -> None:
        folder = bundled_folder()
        base = folder / WEIGHTS_FILE
        for path, expected in ((base, BUNDLED_SHA256), (weights, WEIGHTS_SHA256 if weights == WEIGHTS else None)):
            if not path.is_file() or (expected and file_sha256(path) != expected):
                raise ReaderError(f"{path} is not the reader's model.", advice="Install Footnote again.")
        shape = shape_of(folder)
        if shape is None:
            raise ReaderError(f"{folder} is not the reader's model.", advice="Install Footnote again.")
        trained = {name.removeprefix("bert."): tensor for name, tensor in load_file(weights).items()}
        dtype = torch.bfloat16 if multiplies_bfloat16() else torch.float32
        self._network = Network(load_file(base) | trained, replace(shape, max_tokens=MAX_TOKENS), dtype)
        self._heads = Heads(trained)
        self._tokenizer = load_tokenizer()
        self._lock = threading.Lock()
        self._readers = 0

    def read(self, pairs: Sequence[Pair]) -> list[list[SentenceReading]]:
        """Return what was made of each sentence of each pair."""
        if not pairs:
            return []
        encoded = encode(pairs, self._tokenizer)
        # Neighbours of one length are read as one; every core gets short and long ones.
        order = sorted(range(len(pairs)), key=lambda number: len(encoded[number].ids))
        with self._free_cores() as free:
            shares = [order[first::free] for first in range(min(free, len(order)))]
            states = side_by_side(lambda share: self._states([encoded[number] for number in share]), shares)
            state_of = dict(zip(chain.from_iterable(shares), chain.from_iterable(states), strict=True))
        readings = []
        for number, (pair, tokens) in enumerate(zip(pairs, encoded, strict=True)):
            odds, start, end = self._heads.judge(state_of[number], tokens)
            readings.append(sentence_readings(odds, start, end, tokens, len(pair.sentences)))
        return readings

    @contextmanager
    def _free_cores(self) -> Iterator[int]:
        """Yield on how many cores to read: all for the only reader, fewer beside others, who need theirs."""
        with self._lock:
            self._readers += 1
            free = max(1, cores() - self._readers + 1)
        try:
            yield free
        finally:
            with self._lock:
                self._readers -= 1

    def _states(self, encoded: Sequence[Encoded]) -> Sequence[Tensor]:
        """Return the states of each pair's tokens, shape (tokens, dim)."""
        with torch.inference_mode():
            rows = self._network.states([one.ids for one in encoded], [one.second for one in encoded])
            return torch.split(rows.float(), [len(one.ids) for one in encoded])


class Heads:
    """What is made of the states of a pair's tokens: logits of sentences, of none of them, of starts and of ends."""

    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        self._weights = {name: tensor.float() for name, tensor in weights.items() if "_head." in name}

    def judge(self, states: Tensor, encoded: Encoded) -> tuple[Floats, Floats, Floats]:
        """Return log-odds of each sentence, −inf where it has no token; log-chances of each token as start and end."""
        member = torch.tensor(encoded.sentence_of)
        numbers = torch.arange(int(member.max()) + 1)
        inside = (member[None, :] == numbers[:, None]).float()
        counts = inside.sum(1)
        means = (inside @ states) / counts.clamp(min=1)[:, None]
        odds = self._two_layers("sentence_head", means) - self._two_layers("none_head", states[:1])
        spans = self._linear("span_head", states).masked_fill((member < 0)[:, None], -torch.inf).log_softmax(0)
        return odds.masked_fill(counts == 0, -torch.inf).numpy(), spans[:, 0].numpy(), spans[:, 1].numpy()

    def _two_layers(self, name: str, rows: Tensor) -> Tensor:
        return self._linear(f"{name}.2", functional.gelu(self._linear(f"{name}.0", rows)))[:, 0]

    def _linear(self, name: str, rows: Tensor) -> Tensor:
        return functional.linear(rows, self._weights[f"{name}.weight"], self._weights[f"{name}.bias"])


def sentence_readings(
    odds: Floats, start: Floats, end: Floats, encoded: Encoded, sentences: int
) -> list[SentenceReading]:
    """Return what a pair's logits say of each of its sentences; shapes (sentences,), (tokens,), (tokens,)."""
    worst = float(min((value for value in odds if np.isfinite(value)), default=0.0))
    tokens = np.array(encoded.sentence_of)
    readings = []
    for number in range(sentences):
        inside = np.flatnonzero(tokens == number)
        if not len(inside):
            readings.append(SentenceReading(worst, None, LEAST_LOG))
            continue
        first, last, value = best_span(start[inside], end[inside])
        short = (encoded.starts[inside[first]], encoded.ends[inside[last]])
        readings.append(SentenceReading(float(odds[number]), short, max(value, LEAST_LOG)))
    return readings


def best_span(start: Floats, end: Floats) -> tuple[int, int, float]:
    """Return (first, last, start[first] + end[last]) of the likeliest span of at most MAX_SHORT_TOKENS tokens."""
    scores = start[:, None] + end[None, :]
    allowed = np.tril(np.triu(np.ones_like(scores, dtype=bool)), MAX_SHORT_TOKENS - 1)
    scores = np.where(allowed, scores, -np.inf)
    first, last = divmod(int(scores.argmax()), len(end))
    return first, last, float(scores[first, last])
