"""The cross-encoder: what it reads is what it is given, and the shipped one reads well enough to be worth shipping."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from indexer.errors import ReaderError
from qa.cross_encoder import (
    MAX_SHORT_TOKENS,
    MAX_TOKENS,
    WEIGHTS,
    WEIGHTS_SHA256,
    CrossEncoder,
    best_span,
    encode,
    load_tokenizer,
    shipped,
)
from qa.reading import LEAST_LOG, Pair

SENTENCES = (
    "IMEC is a research institute.",
    "It is based in Leuven, Belgium.",
    "In 2023 its revenue was 940 million euros.",
)
TEXT = "Chips in Europe\n" + " ".join(SENTENCES)
PLACES = tuple((TEXT.index(one), TEXT.index(one) + len(one)) for one in SENTENCES)


@pytest.fixture(scope="module")
def cross_encoder() -> CrossEncoder:
    return shipped()


def best(cross_encoder: CrossEncoder, question: str) -> tuple[int, str]:
    (reading,) = cross_encoder.read([Pair(question, TEXT, PLACES)])
    number = max(range(len(reading)), key=lambda at: reading[at].logit)
    start, end = reading[number].short or (0, 0)
    return number, TEXT[start:end]


def test_the_sentence_that_answers_is_found_and_the_answer_in_it(cross_encoder: CrossEncoder) -> None:
    assert best(cross_encoder, "Where is IMEC located?") == (1, "Leuven, Belgium")
    number, short = best(cross_encoder, "How much did IMEC take in 2023?")
    assert (number, "940 million" in short) == (2, True)


def test_a_relation_that_is_not_there_is_less_likely_than_one_that_is(cross_encoder: CrossEncoder) -> None:
    asked = ("Where is IMEC located?", "When was IMEC founded?", "Who leads IMEC?")
    there, founded, leads = (
        max(one.logit for one in reading) for reading in cross_encoder.read([Pair(q, TEXT, PLACES) for q in asked])
    )
    assert min(there - founded, there - leads) > 1


def test_reading_together_is_reading_alone(cross_encoder: CrossEncoder) -> None:
    pairs = [Pair("Where is IMEC?", TEXT, PLACES), Pair("What is a mill?", "A mill grinds.", ((0, 14),))] * 6
    together = cross_encoder.read(pairs)
    alone = [cross_encoder.read([pair])[0] for pair in pairs]
    for one, other in zip(together, alone, strict=True):
        assert [reading.logit for reading in one] == pytest.approx([reading.logit for reading in other], abs=0.25)


def test_nothing_to_read_and_empty_texts_are_no_error(cross_encoder: CrossEncoder) -> None:
    assert cross_encoder.read([]) == []
    assert cross_encoder.read([Pair("", "", ())]) == [[]]


def test_a_sentence_beyond_the_window_gets_the_logit_of_the_worst_one_read(cross_encoder: CrossEncoder) -> None:
    sentence = "The mill by the river has forty windows and a red door. "
    text = sentence * 60
    places = tuple((at * len(sentence), (at + 1) * len(sentence) - 1) for at in range(60))
    (reading,) = cross_encoder.read([Pair("How many windows has the mill?", text, places)])
    assert len(reading) == 60
    assert reading[-1].short is None
    assert reading[-1].short_log == LEAST_LOG
    assert reading[-1].logit == min(one.logit for one in reading)


def test_a_model_that_is_not_the_shipped_one_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    damaged = tmp_path / "cross_encoder.safetensors"
    content = bytearray(WEIGHTS.read_bytes())
    content[-1] ^= 1
    damaged.write_bytes(content)
    monkeypatch.setattr("qa.cross_encoder.WEIGHTS", damaged)
    with pytest.raises(ReaderError, match="not the reader's model"):
        CrossEncoder(damaged)
    with pytest.raises(ReaderError):
        CrossEncoder(tmp_path / "missing.safetensors")


def test_the_weights_are_small_and_the_ones_named() -> None:
    assert hashlib.sha256(WEIGHTS.read_bytes()).hexdigest() == WEIGHTS_SHA256
    assert WEIGHTS.stat().st_size < 30_000_000


words = st.text(alphabet="ab cd. é가나\n!", max_size=40)


@settings(max_examples=40, deadline=None)
@given(st.lists(words.filter(str.strip), min_size=1, max_size=8), words)
def test_every_token_of_a_sentence_knows_it(sentences: list[str], question: str) -> None:
    text, places = "A title\n", []
    for sentence in sentences:
        places.append((len(text), len(text) + len(sentence)))
        text += sentence + " "
    (encoded,) = encode([Pair(question, text, tuple(places))], load_tokenizer())
    assert len(encoded.ids) <= MAX_TOKENS
    assert len({len(encoded.ids), len(encoded.starts), len(encoded.sentence_of)}) == 1
    for start, number in zip(encoded.starts, encoded.sentence_of, strict=True):
        if number >= 0:
            assert places[number][0] <= start < places[number][1]


@given(
    arrays(np.float32, 40, elements=st.floats(-20, 20, width=32)),
    arrays(np.float32, 40, elements=st.floats(-20, 20, width=32)),
)
def test_the_best_span_is_the_best_of_all_spans(start: np.ndarray, end: np.ndarray) -> None:
    first, last, value = best_span(start, end)
    every = [start[a] + end[b] for a in range(40) for b in range(a, min(40, a + MAX_SHORT_TOKENS))]
    assert 0 <= first <= last < 40
    assert value == max(every) == start[first] + end[last]
