"""How well a Korean sentence matches a question, word by word, by what the words mean. Pure but for the loaded model.

Kiwi's language model knows how alike two morphemes are: 창립 is like 설립 (.7), 출생 like 태어나다 (.65).
Each content word of the question is matched to its most alike partner (MaxSim), the rare ones counting more.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from indexer.language import Morpheme, likeness, morphemes
from qa.matching import Match

Floats = NDArray[np.float64]

_EXACT = frozenset({"SN", "SL", "SH"})  # numbers and foreign words are the same or not
_CONTENT = frozenset({"NNG", "NNP", "NR", "XR", "VV", "VA", "MAG", "MM", "NNB", "XSN"}) | _EXACT
_QUESTION_WORDS = "무엇 뭐 어디 누구 누가 언제 얼마 어떤 무슨 어느 몇 어떻 왜"
_SAYS_NOTHING = frozenset(f"{_QUESTION_WORDS} 하 되 있 이 그 것 수 때 알리 주 말 등 나오 가장".split())
_PART_OF = 0.8  # 전쟁 in 한국전쟁: written alike, nearly the same


def match(question: str, candidates: Sequence[Sequence[str]], weigh: Callable[[str], float]) -> list[Match]:
    """Match a question with candidates: each a sentence, followed by what stands around it.

    Of each: `tokens` is the weighted mean likeness to the sentence, `similarity` the same to sentence and
    surroundings, `weakest` the likeness of the worst matched word there. `weigh` says how much a word counts.
    """
    asked = [one for one in dict.fromkeys(_content(question)) if one.form not in _SAYS_NOTHING and one.tag != "NNB"]
    if not asked:
        return [Match()] * len(candidates)
    weights = np.array([max(weigh(one.form), 1e-3) for one in asked])
    weights /= weights.sum()
    found = {text: _best(asked, text) for candidate in candidates for text in candidate}
    matches = []
    for candidate in candidates:
        around = np.max([found[text] for text in candidate], axis=0)
        matches.append(Match(float(around @ weights), float(found[candidate[0]] @ weights), float(around.min())))
    return matches


def names(question: str) -> list[str]:
    """Return the names of a question, Korean (인명, 지명 …) and foreign."""
    return [one.form for one in _content(question) if one.tag in ("NNP", "SL")]


def _best(asked: Sequence[Morpheme], text: str) -> Floats:
    said = frozenset(_content(text))
    return np.array([max((_alike(one, other) for other in said), default=0.0) for one in asked])


# Passages are read again and again, and so are their words.
@lru_cache(maxsize=5_000)
def _content(text: str) -> tuple[Morpheme, ...]:
    return tuple(one for one in morphemes(text) if one.tag in _CONTENT)


@lru_cache(maxsize=200_000)
def _alike(one: Morpheme, other: Morpheme) -> float:
    if one.form == other.form:
        return 1.0
    if one.tag in _EXACT or other.tag in _EXACT:
        return 0.0
    if min(len(one.form), len(other.form)) >= 2 and (one.form in other.form or other.form in one.form):
        return _PART_OF
    return max(0.0, likeness(one, other))
