"""A small cross-encoder: reads a question and a passage together, once, and judges each sentence of the passage.

It is the bundled MiniLM, trained further (training/): the mean state of a sentence's tokens gives the sentence a
logit, the state of [CLS] gives "none of these" one, and each token gets logits for the start and the end of the
short answer (Devlin et al. 2019, BERT, sections 4.2 and 4.3).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import AutoTokenizer, BertConfig, BertModel, PreTrainedTokenizerBase

from indexer.embedding import BUNDLED_SHA256, WEIGHTS_FILE, bundled_folder, file_sha256, multiplies_bfloat16
from indexer.errors import ReaderError
from qa.reading import LEAST_LOG, Pair, SentenceReading, Span

Floats = NDArray[np.float32]

HIDDEN = 128
MAX_TOKENS = 300
MAX_QUESTION_TOKENS = 48
MAX_SHORT_TOKENS = 24
# Pairs read at once: more only adds padding on two cores.
BATCH = 8
WEIGHTS = Path(__file__).with_name("cross_encoder.safetensors")
WEIGHTS_SHA256 = "0fc9dbc7bfe330f325e8d3812b2dc33f376465fa45ecfdf29ebffb8c381898f1"


@dataclass(frozen=True, slots=True)
class Encoded:
    """One pair in tokens; token i covers `text[starts[i]:ends[i]]` of sentence `sentence_of[i]`, −1: none."""

    ids: list[int]
    types: list[int]
    starts: list[int]
    ends: list[int]
    sentence_of: list[int]


@dataclass(frozen=True, slots=True)
class Batch:
    """Encoded pairs, padded: B pairs, T tokens, S sentences; `sentence_of` (B, T) is −1 outside sentences."""

    input_ids: Tensor
    token_type_ids: Tensor
    attention_mask: Tensor
    sentence_of: Tensor
    sentences: int


@dataclass(frozen=True, slots=True)
class Logits:
    """`sentences` (B, S), −inf where there is none; `none` (B,); `start` and `end` (B, T), −inf outside sentences."""

    sentences: Tensor
    none: Tensor
    start: Tensor
    end: Tensor


class CrossEncoderNet(nn.Module):
    """The network; see the module's text for its form."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.bert = BertModel(config, add_pooling_layer=False)
        width = config.hidden_size
        self.sentence_head = nn.Sequential(nn.Linear(width, HIDDEN), nn.GELU(), nn.Linear(HIDDEN, 1))
        self.none_head = nn.Sequential(nn.Linear(width, HIDDEN), nn.GELU(), nn.Linear(HIDDEN, 1))
        self.span_head = nn.Linear(width, 2)

    def forward(self, batch: Batch) -> Logits:
        """Read the pairs."""
        states = self.bert(
            input_ids=batch.input_ids, token_type_ids=batch.token_type_ids, attention_mask=batch.attention_mask
        ).last_hidden_state
        numbers = torch.arange(batch.sentences, device=states.device)
        member = (batch.sentence_of[:, None, :] == numbers[None, :, None]).to(states.dtype)
        counts = member.sum(-1)
        means = (member @ states) / counts.clamp(min=1)[..., None]
        sentences = self.sentence_head(means)[..., 0].float().masked_fill(counts == 0, -torch.inf)
        spans = self.span_head(states).float().masked_fill((batch.sentence_of < 0)[..., None], -torch.inf)
        return Logits(sentences, self.none_head(states[:, 0])[:, 0].float(), spans[..., 0], spans[..., 1])


def encode(pairs: Sequence[Pair], tokenizer: PreTrainedTokenizerBase) -> list[Encoded]:
    """Cut pairs into tokens: [CLS] question [SEP] text [SEP]; what does not fit the window is left out."""
    asked = {pair.question: tokenizer.encode(pair.question, add_special_tokens=False) for pair in pairs}
    first, last = tokenizer.cls_token_id, tokenizer.sep_token_id
    encoded = []
    for pair in pairs:
        question = asked[pair.question][:MAX_QUESTION_TOKENS]
        read = tokenizer(
            pair.text,
            truncation=True,
            max_length=MAX_TOKENS - len(question) - 3,
            add_special_tokens=False,
            return_offsets_mapping=True,
        )
        spans = read["offset_mapping"]
        ahead = len(question) + 2
        encoded.append(
            Encoded(
                ids=[first, *question, last, *read["input_ids"], last],
                types=[0] * ahead + [1] * (len(spans) + 1),
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


def collate(items: Sequence[Encoded]) -> Batch:
    """Pad pairs to the longest of them."""
    width = max(len(item.ids) for item in items)

    def pad(rows: Iterable[list[int]], value: int) -> Tensor:
        return torch.tensor([row + [value] * (width - len(row)) for row in rows])

    return Batch(
        input_ids=pad((item.ids for item in items), 0),
        token_type_ids=pad((item.types for item in items), 0),
        attention_mask=pad(([1] * len(item.ids) for item in items), 0),
        sentence_of=pad((item.sentence_of for item in items), -1),
        sentences=max(max(item.sentence_of) for item in items) + 1,
    )


@cache
def shipped() -> "CrossEncoder":
    """Return the cross-encoder that comes with the project, loaded once."""
    return CrossEncoder()


def base_weights(path: Path) -> dict[str, Tensor]:
    """Return the weights of the bundled model under the names of the network; its pooler is left out."""
    unused = ("pooler.", "embeddings.position_ids")
    return {f"bert.{name}": tensor for name, tensor in load_file(path).items() if not name.startswith(unused)}


class CrossEncoder:
    """The trained network with its tokenizer; immutable, so it may be used by many threads at once."""

    def __init__(self, weights: Path = WEIGHTS) -> None:
        folder = bundled_folder()
        base = folder / WEIGHTS_FILE
        for path, expected in ((base, BUNDLED_SHA256), (weights, WEIGHTS_SHA256 if weights == WEIGHTS else None)):
            if not path.is_file() or (expected and file_sha256(path) != expected):
                raise ReaderError(f"{path} is not the reader's model.", advice="Install Footnote again.")
        self._tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)  # nosec B615  # a folder, no hub
        config = BertConfig.from_pretrained(folder, local_files_only=True)  # nosec B615  # the same
        self._net = CrossEncoderNet(config)
        self._net.load_state_dict(base_weights(base) | load_file(weights))
        self._net.to(torch.bfloat16 if multiplies_bfloat16() else torch.float32).eval()

    def read(self, pairs: Sequence[Pair]) -> list[list[SentenceReading]]:
        """Return what was made of each sentence of each pair."""
        encoded = encode(pairs, self._tokenizer)
        order = sorted(range(len(pairs)), key=lambda number: len(encoded[number].ids))
        readings: list[list[SentenceReading]] = [[] for _ in pairs]
        for start in range(0, len(order), BATCH):
            numbers = order[start : start + BATCH]
            batch = [encoded[number] for number in numbers]
            with torch.inference_mode():
                logits = self._net(collate(batch))
            sizes = [len(pairs[number].sentences) for number in numbers]
            for number, reading in zip(numbers, readings_of(logits, batch, sizes), strict=True):
                readings[number] = reading
        return readings


def readings_of(logits: Logits, encoded: Sequence[Encoded], sizes: Sequence[int]) -> list[list[SentenceReading]]:
    """Return what the logits say of each sentence; `sizes` says how many sentences each pair has."""
    odds = (logits.sentences - logits.none[:, None]).numpy()
    start, end = (logits.log_softmax(-1).numpy() for logits in (logits.start, logits.end))
    return [_reading(odds[row], start[row], end[row], encoded[row], size) for row, size in enumerate(sizes)]


def _reading(odds: Floats, start: Floats, end: Floats, encoded: Encoded, sentences: int) -> list[SentenceReading]:
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
