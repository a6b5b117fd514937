"""The network of qa/cross_encoder.py as it is trained: padded batches, gradients, and the same readings in the end."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import BertConfig, BertModel

from qa.cross_encoder import Encoded, sentence_readings
from qa.reading import SentenceReading

HIDDEN = 128
# Pairs read at once: more only adds padding on two cores.
BATCH = 8


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


def collate(items: Sequence[Encoded]) -> Batch:
    """Pad pairs to the longest of them."""
    width = max(len(item.ids) for item in items)

    def pad(rows: Iterable[list[int]], value: int) -> Tensor:
        return torch.tensor([row + [value] * (width - len(row)) for row in rows])

    return Batch(
        input_ids=pad((item.ids for item in items), 0),
        token_type_ids=pad(([0] * item.second + [1] * (len(item.ids) - item.second) for item in items), 0),
        attention_mask=pad(([1] * len(item.ids) for item in items), 0),
        sentence_of=pad((item.sentence_of for item in items), -1),
        sentences=max(max(item.sentence_of) for item in items) + 1,
    )


def base_weights(path: Path) -> dict[str, Tensor]:
    """Return the weights of the bundled model under the names of the network; its pooler is left out."""
    unused = ("pooler.", "embeddings.position_ids")
    return {f"bert.{name}": tensor for name, tensor in load_file(path).items() if not name.startswith(unused)}


def readings_of(logits: Logits, encoded: Sequence[Encoded], sizes: Sequence[int]) -> list[list[SentenceReading]]:
    """Return what the logits say of each sentence; `sizes` says how many sentences each pair has."""
    odds = (logits.sentences - logits.none[:, None]).numpy()
    start, end = (logits.log_softmax(-1).numpy() for logits in (logits.start, logits.end))
    return [sentence_readings(odds[row], start[row], end[row], encoded[row], size) for row, size in enumerate(sizes)]
