"""How well each sentence of a passage matches a question, token by token, each read in its context. Pure.

A sentence is not embedded alone: its tokens are taken from one reading of the whole passage ("late chunking",
Günther et al. 2024), so that "this center" carries the name of the center. Tokens of the question are matched to
them one by one (MaxSim, Khattab and Zaharia 2020, ColBERT).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexer.embedding import TokenStates

Span = tuple[int, int]
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Match:
    """Cosines: of the mean states; of the question's tokens to their best partners, on average and at worst."""

    similarity: float = 0.0
    tokens: float = 0.0
    weakest: float = 0.0


def match(question: TokenStates, wanted: Sequence[Span], passage: TokenStates, sentence: Span) -> Match:
    """Match a question with `passage` text [start, end) of `sentence`; all 0 when it lies beyond the window.

    `wanted` are the spans of the question that carry meaning; none means all of it.
    """
    inside = _overlapping(passage, [sentence])
    asked = _overlapping(question, wanted) if wanted else np.ones(len(question.starts), dtype=np.bool_)
    if not inside.any() or not asked.any():
        return Match()
    said = passage.states[inside].astype(np.float32)
    whole = question.states.astype(np.float32)
    best = (_units(whole[asked]) @ _units(said).T).max(axis=1)
    similarity = _units(whole.mean(axis=0, keepdims=True)) @ _units(said.mean(axis=0, keepdims=True)).T
    return Match(float(similarity[0, 0]), float(best.mean()), float(best.min()))


def _overlapping(text: TokenStates, spans: Sequence[Span]) -> NDArray[np.bool_]:
    inside = np.zeros(len(text.starts), dtype=np.bool_)
    for start, end in spans:
        inside |= (text.starts < end) & (text.ends > start)
    return inside


def _units(rows: Floats) -> Floats:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12), dtype=np.float32)
