"""What the reader is taught with: every article in one part only, every label where the sentence really is."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.articles import Article
from indexer.chunking import chunk, embedded_text, sentence_spans, sentences_of
from indexer.formats import read_article
from qa.questions import unsaid
from training.examples import Example, near_misses
from training.questions import OWN, part_of, sentence_id

SETS = sorted(OWN.glob("*.jsonl"))
TEXT = "Mills\n\n" + " ".join(f"Mill number {number} stands in Varn{number}." for number in range(60)) + "\n"


def article() -> Article:
    return read_article("mills.txt", TEXT.encode())


@pytest.mark.parametrize("path", SETS, ids=lambda path: path.name)
def test_our_questions_have_one_shape_and_hold_no_publishers_sentence(path: Path) -> None:
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert len(rows) > 100
    asked = set()
    for row in rows:
        assert set(row) == {"article", "question", "sentences", "short", "kind"}
        assert bool(row["sentences"]) != row["kind"].startswith("near:")
        assert all(len(name) == 12 for name in row["sentences"])
        assert len(row["short"]) <= 250
        asked.add((row["article"], row["question"]))
    assert len(asked) == len(rows)


@given(st.text())
def test_an_article_has_one_part_whatever_is_asked_of_it(name: str) -> None:
    assert part_of(name) == part_of(name)
    assert part_of(name) in ("train", "calibrate", "report")
    assert part_of(name, reported=0, calibrated=0) == "train"


def test_the_parts_are_about_six_two_and_two_tenths() -> None:
    parts = [part_of(f"{number}.html") for number in range(2000)]
    assert [round(parts.count(part) / 2000, 1) for part in ("train", "calibrate", "report")] == [0.6, 0.2, 0.2]  # type: ignore[arg-type]


def test_a_sentence_is_named_by_its_words_not_by_its_spaces() -> None:
    assert sentence_id("A  mill.\n") == sentence_id("A mill.") != sentence_id("a mill.")


def test_sentences_stand_in_the_embedded_text_where_they_are_said_to() -> None:
    mills = article()
    for passage in chunk(mills, words=40):
        text = embedded_text(mills, passage)
        for sentence, (start, end) in zip(passage.sentences, sentence_spans(passage, text), strict=True):
            assert text[start:end] == mills.quote(sentence.start, sentence.end)
    assert len(sentences_of(mills)) == 60


def example(question: str, text: str, *, gold: bool = True) -> Example:
    return Example("own", "a", question, text, ((0, len(text)),), (0,) if gold else ())


def test_a_near_miss_asks_of_another_name_or_year_that_the_text_does_not_have() -> None:
    examples = [
        example("When did Varn open in 1901?", "Varn opened a mill in May 1901."),
        example("Who runs Osta?", "Ada Byron runs Osta."),
        example("Where is Varn?", "Varn is far.", gold=False),
    ] * 20
    misses = near_misses(examples, share=1.0)
    assert misses
    for miss in misses:
        assert miss.gold == ()
        assert miss.short is None
        assert miss.question not in {one.question for one in examples}
        assert unsaid(miss.question, miss.text)
    assert near_misses(examples, share=0.0) == []
    assert near_misses(examples, share=1.0) == misses
