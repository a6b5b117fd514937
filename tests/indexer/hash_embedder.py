"""An embedder for trials of storage: it obeys the protocol, costs next to nothing, and knows no meaning."""

import hashlib
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from indexer.embedding import EmbedderInfo, TokenStates


class HashEmbedder:
    """Unit vectors drawn from the hash of each text; `embedded` remembers which passages it was asked for."""

    def __init__(self, *, name: str = "hash", dim: int = 8, dtype: str = "float32") -> None:
        sha256 = hashlib.sha256(f"{name}/{dim}".encode()).hexdigest()
        self.info = EmbedderInfo(name, sha256, dim, 256, dtype, ("en",))
        self.embedded: list[str] = []

    def embed_passages(
        self, texts: Sequence[str], *, progress: Callable[[int], None] | None = None
    ) -> NDArray[np.float32]:
        """Return one unit vector for each text."""
        self.embedded.extend(texts)
        if progress:
            progress(len(texts))
        return self.embed_queries(texts)

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one unit vector for each text, the same as for a passage."""
        vectors = np.empty((len(texts), self.info.dim), dtype=np.float32)
        for row, text in enumerate(texts):
            seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
            vector = np.random.default_rng(seed).standard_normal(self.info.dim)
            vectors[row] = vector / np.linalg.norm(vector)
        return vectors

    def token_states(self, texts: Sequence[str]) -> list[TokenStates]:
        """Return each text as one token."""
        states = self.embed_queries(texts).astype(np.float16)
        return [
            TokenStates(state[np.newaxis], np.array([0]), np.array([len(text)]))
            for state, text in zip(states, texts, strict=True)
        ]
