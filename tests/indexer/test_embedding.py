"""The embedder against the library it stands in for, and what it does when half precision would spoil a model."""

import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from sentence_transformers import SentenceTransformer

from indexer import embedding
from indexer.bert import shape_of
from indexer.embedding import WEIGHTS_FILE, SentenceTransformerEmbedder, bundled_folder, token_batches

ROOT = Path(__file__).parents[2]
LENGTHS = (1, 90, 90, 12, 300, 0, 90, 55)


@pytest.fixture(scope="module")
def texts() -> list[str]:
    """Passages of several lengths, equal ones among them, one longer than the window, one empty."""
    words = (ROOT / "corpus" / "industrial-ai-infrastructure.en.md").read_text(encoding="utf-8").split()
    return [" ".join(words[7 * at : 7 * at + length]) for at, length in enumerate(LENGTHS)]


@pytest.fixture(scope="module")
def library() -> SentenceTransformer:
    """The bundled model as its library loads it, in single precision."""
    return SentenceTransformer(str(bundled_folder()), device="cpu", local_files_only=True)


def cosines(ours: Any, others: Any) -> Any:  # noqa: ANN401 - arrays
    """Return the cosine of each pair of unit vectors."""
    return np.sum(np.asarray(ours) * np.asarray(others), axis=1)


@settings(max_examples=40)
@given(lengths=st.lists(st.integers(1, 300)), budget=st.integers(1, 1000))
def test_batches_keep_within_the_budget_and_leave_nobody_out(lengths: list[int], budget: int) -> None:
    batches = list(token_batches(lengths, budget))
    assert sorted(at for batch in batches for at in batch) == list(range(len(lengths)))
    assert all(len(batch) == 1 or len(batch) * max(lengths[at] for at in batch) <= budget for batch in batches)
    # Sorted, so that nothing is padded to a stranger's length; and no two neighbours would have fitted into one.
    assert [lengths[at] for batch in batches for at in batch] == sorted(lengths, reverse=True)
    assert all(lengths[one[0]] * (len(one) + 1) > budget for one, _ in pairwise(batches))


@pytest.mark.parametrize("half", [True, False])
def test_vectors_are_those_of_the_library_in_the_order_of_the_texts(
    texts: list[str], library: SentenceTransformer, half: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not half:
        monkeypatch.setattr(embedding, "multiplies_bfloat16", lambda: False)
    embedder = SentenceTransformerEmbedder()
    wanted = library.encode(texts, normalize_embeddings=True, show_progress_bar=False)
    least = 0.9998 if embedder.info.dtype == "bfloat16" else 0.999999
    assert cosines(embedder.embed_passages(texts), wanted).min() >= least


def test_vectors_do_not_depend_on_what_else_is_embedded(
    texts: list[str], embedder: SentenceTransformerEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = embedder.embed_passages(texts)
    alone = np.concatenate([embedder.embed_queries([text]) for text in texts])
    monkeypatch.setattr(embedding, "TOKENS_AT_ONCE", 150)
    told: list[int] = []
    in_small_batches = embedder.embed_passages(texts, progress=told.append)
    assert cosines(together, alone).min() >= 0.9999
    assert cosines(together, in_small_batches).min() >= 0.9999
    assert told == sorted(told)
    assert told[-1] == len(texts)
    assert len(told) > 2
    assert embedder.embed_passages([]).shape == (0, embedder.info.dim)


def test_each_token_has_a_state_and_a_place(texts: list[str], embedder: SentenceTransformerEmbedder) -> None:
    read = embedder.token_states(texts)
    for text, states, vector in zip(texts, read, embedder.embed_passages(texts), strict=True):
        assert len(states.states) == len(states.starts) == len(states.ends) <= embedder.info.max_tokens - 2
        assert all(text[start:end].strip() for start, end in zip(states.starts, states.ends, strict=True))
        if len(states.states) > 50:
            mean = states.states.astype(np.float32).mean(axis=0)
            # The vector also holds the two special tokens.
            assert mean @ vector / np.linalg.norm(mean) > 0.99


def spoiled(folder: Path) -> Path:
    """Copy the bundled model with what bfloat16 cannot hold: embeddings that differ in the fourth digit only."""
    shutil.copytree(bundled_folder(), folder)
    weights = load_file(folder / WEIGHTS_FILE)
    weights["embeddings.word_embeddings.weight"] += 100
    save_file(weights, folder / WEIGHTS_FILE, metadata={"format": "pt"})
    return folder


def test_a_model_that_half_precision_would_spoil_is_read_in_single(
    tmp_path: Path, texts: list[str], embedder: SentenceTransformerEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedding, "multiplies_bfloat16", lambda: True)
    folder = spoiled(tmp_path / "spoiled")
    careful = SentenceTransformerEmbedder(folder)
    assert careful.info.dtype == "float32"
    # Layer normalisation takes the constant out again, so the vectors are those of the model as it was.
    assert cosines(careful.embed_passages(texts), embedder.embed_passages(texts)).min() > 0.999
    monkeypatch.setattr(embedding, "LEAST_COSINE", -1)
    careless = SentenceTransformerEmbedder(folder)
    assert careless.info.dtype == "bfloat16"
    assert cosines(careless.embed_passages(texts), embedder.embed_passages(texts)).min() < 0.99


def test_other_models_are_left_to_the_library(tmp_path: Path, texts: list[str]) -> None:
    folder = tmp_path / "first-token"
    shutil.copytree(bundled_folder(), folder)
    assert shape_of(folder) is not None
    pooling = folder / "1_Pooling" / "config.json"
    settings_of = pooling.read_text(encoding="utf-8")
    pooling.write_text(
        settings_of.replace('cls_token": false', 'cls_token": true').replace(
            'mean_tokens": true', 'mean_tokens": false'
        )
    )
    assert shape_of(folder) is None
    embedder = SentenceTransformerEmbedder(folder)
    plain = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    wanted = plain.encode(texts, normalize_embeddings=True, show_progress_bar=False)
    assert cosines(embedder.embed_passages(texts), wanted).min() > 0.999
    assert len(embedder.token_states(texts)[0].states) > 0
    assert embedder.info.id == "first-token"
