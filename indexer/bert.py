"""A BERT encoder for sentence vectors that reads texts of any lengths side by side, without a token of padding.

The network is that of Devlin et al. 2019 (BERT), as a sentence-transformers folder holds it, with the mean of the token
states as a text's vector. All texts of a batch lie behind each other in one matrix, so linear layers see no padding;
attention takes the texts of one length together. Bias, GELU and residual are folded into oneDNN's matrix product, with
the weights in its own layout. Other models are left to the library.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional

TOKENIZER_FILE = "tokenizer.json"
MODULES = (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"])
POOLING = {"pooling_mode": "mean", "pooling_mode_mean_tokens": True, "include_prompt": True}
# Attention weights of one head held at once: more than this leaves a core's second-level cache.
ATTENDED_AT_ONCE = 1 << 16

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Shape:
    """The numbers that make one BERT another; `max_tokens` is the window, special tokens included."""

    layers: int
    heads: int
    dim: int
    epsilon: float
    max_tokens: int


@dataclass(frozen=True, slots=True)
class Tokens:
    """A text cut into tokens, special ones included; token i covers `text[slice(*spans[i])]`, if that was asked for."""

    text: str
    ids: list[int]
    spans: Sequence[tuple[int, int]] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """Neighbours of one length: `texts` of them, from row `start` of the batch."""

    start: int
    texts: int
    length: int

    @property
    def rows(self) -> slice:
        """Where the run stands in the batch."""
        return slice(self.start, self.start + self.texts * self.length)


class BertEncoder:
    """A tokenizer and a network; calls may run side by side in several threads."""

    threads_may_share = True

    def __init__(self, tokenizer: Tokenizer, weights: Mapping[str, Tensor], shape: Shape, dtype: torch.dtype) -> None:
        self.dim, self.max_tokens, self.dtype = shape.dim, shape.max_tokens, dtype
        self._tokenizer = tokenizer
        self._network = Network(weights, shape, dtype)

    def tokenise(self, texts: Sequence[str], *, spans: bool = False) -> list[Tokens]:
        """Cut texts into tokens, as many as the window takes."""
        if spans:
            read = self._tokenizer.encode_batch(list(texts))
            return [Tokens(text, encoding.ids, encoding.offsets) for text, encoding in zip(texts, read, strict=True)]
        read = self._tokenizer.encode_batch_fast(list(texts))
        return [Tokens(text, encoding.ids) for text, encoding in zip(texts, read, strict=True)]

    def vectors(self, batch: Sequence[Tokens]) -> Floats:
        """Return the mean of each text's token states, shape (n, dim)."""
        texts = [tokens.ids for tokens in batch]
        with torch.inference_mode():
            rows = self._network.states(texts)
            means = [
                rows[run.rows].view(run.texts, run.length, -1).mean(1, dtype=torch.float32) for run in runs_of(texts)
            ]
            vectors: Floats = torch.cat(means).numpy()
        return vectors

    def states(self, batch: Sequence[Tokens]) -> list[Floats]:
        """Return the state of each token of each text, shape (tokens, dim)."""
        with torch.inference_mode():
            rows: Floats = self._network.states([tokens.ids for tokens in batch]).float().numpy()
        return np.split(rows, np.cumsum([len(tokens.ids) for tokens in batch])[:-1])


def bert_loader(weights: Path) -> Callable[[torch.dtype], BertEncoder] | None:
    """Read the model that `weights` belongs to and return what makes an encoder of it; None as in `shape_of`."""
    shape = shape_of(weights.parent)
    if shape is None:
        return None
    tokenizer = Tokenizer.from_file(str(weights.parent / TOKENIZER_FILE))
    tokenizer.no_padding()
    tokenizer.enable_truncation(shape.max_tokens)
    tensors = {name.removeprefix("bert."): tensor for name, tensor in load_file(weights).items()}
    return partial(BertEncoder, tokenizer, tensors, shape)


def shape_of(folder: Path) -> Shape | None:
    """Return the shape of a model that `BertEncoder` reads as the library does; None: leave it to the library."""
    modules = [(row["type"].rpartition(".")[2], row["path"]) for row in _json(folder / "modules.json", [])]
    if [kind for kind, _ in modules] not in MODULES or modules[0][1]:
        return None
    pooling = _json(folder / modules[1][1] / "config.json", {})
    modes = {name for name, value in pooling.items() if value and name.startswith(("pooling_mode", "include_prompt"))}
    library = _json(folder / "config_sentence_transformers.json", {})
    config = _json(folder / "config.json", {})
    window = _json(folder / "sentence_bert_config.json", {})
    if (
        not modes
        or any(pooling[name] != POOLING.get(name) for name in modes)
        or pooling.get("include_prompt") is False
        or library.get("default_prompt_name")
        or window.get("do_lower_case")
        or not isinstance(window.get("max_seq_length"), int)
        or not (folder / TOKENIZER_FILE).is_file()
    ):
        return None
    return _bert_shape(config, window["max_seq_length"])


def _bert_shape(config: Mapping[str, Any], max_tokens: int) -> Shape | None:
    if (
        config.get("model_type") != "bert"
        or config.get("hidden_act") != "gelu"
        or config.get("position_embedding_type", "absolute") != "absolute"
        or config.get("is_decoder")
        or max_tokens > config["max_position_embeddings"]
    ):
        return None
    return Shape(
        layers=config["num_hidden_layers"],
        heads=config["num_attention_heads"],
        dim=config["hidden_size"],
        epsilon=config["layer_norm_eps"],
        max_tokens=max_tokens,
    )


def _json(path: Path, default: Any) -> Any:  # noqa: ANN401 - whatever stands in the file
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else default


def runs_of(texts: Sequence[Sequence[int]]) -> Iterator[Run]:
    """Cut a batch into runs of one length, short enough that a head's attention weights stay in the cache."""
    start = 0
    for length, group in groupby(map(len, texts)):
        left = sum(1 for _ in group)
        most = max(1, ATTENDED_AT_ONCE // length**2)
        while left:
            run = Run(start, min(left, most), length)
            yield run
            start, left = run.rows.stop, left - run.texts


class Network:
    """The network alone: token ids to states."""

    def __init__(self, weights: Mapping[str, Tensor], shape: Shape, dtype: torch.dtype) -> None:
        table = "embeddings.{}_embeddings.weight"
        self._words = weights[table.format("word")].to(dtype)
        # Nearly every token is of the first type, so its vector goes into the positions.
        kinds = weights[table.format("token_type")]
        positions = weights[table.format("position")] + kinds[0]
        self._positions = positions[: shape.max_tokens].to(dtype)
        # The last is the second; a model of one type has no other.
        self._second = (kinds[-1] - kinds[0]).to(dtype)
        self._norm = _Norm(weights, "embeddings.LayerNorm", shape.epsilon, dtype)
        self._layers = [_Layer(weights, f"encoder.layer.{at}", shape, dtype) for at in range(shape.layers)]

    def states(self, texts: Sequence[Sequence[int]], second: Sequence[int] = ()) -> Tensor:
        """Return the state of each token, text behind text, shape (tokens, dim).

        Quicker if like lengths are neighbours. With `second`, text i is of BERT's second type from `second[i]` on.
        """
        runs = list(runs_of(texts))
        ids = torch.tensor([token for text in texts for token in text])
        positions = torch.cat([self._positions[: run.length].repeat(run.texts, 1) for run in runs])
        embedded = functional.embedding(ids, self._words) + positions
        if second:
            is_second = [at >= start for text, start in zip(texts, second, strict=True) for at in range(len(text))]
            embedded += torch.tensor(is_second)[:, None] * self._second
        rows = self._norm(embedded)
        for layer in self._layers:
            rows = layer(rows, runs)
        return rows


class _Layer:
    def __init__(self, weights: Mapping[str, Tensor], name: str, shape: Shape, dtype: torch.dtype) -> None:
        def linear(part: str) -> Linear:
            return Linear(weights[f"{name}.{part}.weight"], weights[f"{name}.{part}.bias"], dtype)

        three = [f"{name}.attention.self.{part}" for part in ("query", "key", "value")]
        weight, bias = (torch.cat([weights[f"{part}.{kind}"] for part in three]) for kind in ("weight", "bias"))
        # The scale of the scores goes into the queries, before anything is rounded.
        scale = torch.ones(len(bias))
        scale[: shape.dim] = (shape.dim // shape.heads) ** -0.5
        self._heads = shape.heads
        self._query_key_value = Linear(weight * scale[:, None], bias * scale, dtype)
        self._output = linear("attention.output.dense")
        self._attention_norm = _Norm(weights, f"{name}.attention.output.LayerNorm", shape.epsilon, dtype)
        self._wide, self._narrow = linear("intermediate.dense"), linear("output.dense")
        self._norm = _Norm(weights, f"{name}.output.LayerNorm", shape.epsilon, dtype)

    def __call__(self, rows: Tensor, runs: Sequence[Run]) -> Tensor:
        mixed = self._query_key_value(rows)
        attended = torch.cat([self._attend(mixed[run.rows], run) for run in runs])
        rows = self._attention_norm(self._output.plus(attended, rows))
        return self._norm(self._narrow.plus(self._wide.gelu(rows), rows))

    def _attend(self, mixed: Tensor, run: Run) -> Tensor:
        parts = mixed.view(run.texts, run.length, 3, self._heads, -1).permute(2, 0, 3, 1, 4)
        query, key, value = parts.reshape(3, run.texts * self._heads, run.length, -1)
        read = torch.bmm(_softmax(torch.bmm(query, key.transpose(1, 2))), value)
        return read.view(run.texts, self._heads, run.length, -1).transpose(1, 2).reshape(run.texts * run.length, -1)


class Linear:
    """x Wᵀ + b for rows x, and what follows it in the same pass over memory.

    The folded products are torch's own, made for its compiler, but need none. Where they are missing, plain ones do.
    """

    def __init__(self, weight: Tensor, bias: Tensor, dtype: torch.dtype) -> None:
        self._weight, self._bias = weight.to(dtype).contiguous(), bias.to(dtype)
        self._packed = hasattr(torch.ops.mkldnn, "_linear_pointwise")
        if self._packed:
            self._weight = torch.ops.mkldnn._reorder_linear_weight(self._weight)

    def __call__(self, rows: Tensor) -> Tensor:
        """Return x Wᵀ + b, shape (rows, out)."""
        return self._followed_by("none", rows) if self._packed else self._plain(rows)

    def gelu(self, rows: Tensor) -> Tensor:
        """Return GELU(x Wᵀ + b)."""
        return self._followed_by("gelu", rows) if self._packed else functional.gelu(self._plain(rows))

    def plus(self, rows: Tensor, residual: Tensor) -> Tensor:
        """Return x Wᵀ + b + residual."""
        if not self._packed:
            return self._plain(rows) + residual
        product: Tensor = torch.ops.mkldnn._linear_pointwise.binary(rows, residual, self._weight, self._bias, "add")
        return product

    def _followed_by(self, what: str, rows: Tensor) -> Tensor:
        product: Tensor = torch.ops.mkldnn._linear_pointwise.default(
            rows, self._weight, self._bias, what, [], "none" if what == "gelu" else ""
        )
        return product

    def _plain(self, rows: Tensor) -> Tensor:
        return functional.linear(rows, self._weight, self._bias)


class _Norm:
    def __init__(self, weights: Mapping[str, Tensor], name: str, epsilon: float, dtype: torch.dtype) -> None:
        self._weight, self._bias = weights[f"{name}.weight"].to(dtype), weights[f"{name}.bias"].to(dtype)
        self._epsilon = epsilon

    def __call__(self, rows: Tensor) -> Tensor:
        return functional.layer_norm(rows, self._weight.shape, self._weight, self._bias, self._epsilon)


def _softmax(scores: Tensor) -> Tensor:
    # In bfloat16 oneDNN takes half the time of torch; in single precision it is no faster.
    return scores.to_mkldnn().softmax(-1).to_dense() if scores.dtype == torch.bfloat16 else scores.softmax(-1)
