"""How well a passage, and each sentence of it, matches a question, token by token, each read in its context.

A sentence is not embedded alone: its tokens are taken from one reading of the whole passage ("late chunking",
Günther et al. 2024), so that "this center" carries the name of the center. Tokens of the question are matched to
them one by one (MaxSim, Khattab and Zaharia 2020, ColBERT).
"""

import re
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from indexer.embedding import Embedder, TokenStates
from indexer.language import Analyser, detect_language

Span = tuple[int, int]
_WORD = re.compile(r"\S+")
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


class Matcher:
    """Matches questions with passages; one is shared by retriever and reader, so that no passage is read twice."""

    def __init__(self, embedder: Embedder, analyser: Analyser) -> None:
        self.analyser = analyser
        self._languages = embedder.info.languages
        self._states = StatesCache(embedder)

    def knows_language_of(self, question: str) -> bool:
        """Whether the embedder's similarities mean anything for this question."""
        language = detect_language(question)
        return language == "und" or language in self._languages

    def match(self, question: str, texts: Sequence[str], places: Sequence[Span]) -> list[Match]:
        """Match the question with one place in each text; the question's stop words are not looked for."""
        asked, *read = self._states.read([question, *texts])
        wanted = [word.span() for word in _WORD.finditer(question) if self.analyser.content_tokens(word.group())]
        return [match(asked, wanted, states, place) for states, place in zip(read, places, strict=True)]


class StatesCache:
    """Remembers how recent passages read, since the same ones are read again and again."""

    def __init__(self, embedder: Embedder, *, size: int = 500) -> None:
        self._embedder = embedder
        self._size = size
        self._states: OrderedDict[str, TokenStates] = OrderedDict()
        self._lock = Lock()

    def read(self, texts: Sequence[str]) -> list[TokenStates]:
        """Return the states of each text, reading only those not remembered."""
        with self._lock:
            known = {text: self._states[text] for text in texts if text in self._states}
        # Sorted by length: a batch is padded to its longest text.
        new = sorted({text for text in texts if text not in known}, key=len)
        known.update(zip(new, self._embedder.token_states(new), strict=True))
        with self._lock:
            for text in known:
                self._states[text] = known[text]
                self._states.move_to_end(text)
            while len(self._states) > self._size:
                self._states.popitem(last=False)
        return [known[text] for text in texts]
