"""Korean words matched by their meaning: examples that people would give, and laws."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.language import likeness, morphemes
from qa.korean import match, names

SENTENCES = ["연구소는 1987년 대전에 설립되었다.", "소장은 김민수 박사다.", ""]


def even(word: str) -> float:
    return 1.0


@pytest.mark.parametrize(("one", "other"), [("창립", "설립"), ("이름", "명칭"), ("출생", "태어나다")])
def test_words_of_one_meaning_are_alike_and_others_less(one: str, other: str) -> None:
    first, second, third = (morphemes(word)[0] for word in (one, other, "강아지"))
    assert likeness(first, second) > 0.6 > likeness(first, third)


def test_a_word_that_is_not_known_is_like_no_other() -> None:
    unknown = next(one for one in morphemes("뷁뷁뷁이 왔다") if one.form == "뷁뷁뷁")
    assert likeness(unknown, morphemes("사람")[0]) == 0.0


def test_the_sentence_that_says_it_in_other_words_matches_best() -> None:
    first, second, nothing = match("연구소를 창립한 해는?", [(text,) for text in SENTENCES], even)
    assert first.tokens > second.tokens > nothing.tokens == 0.0


def test_surroundings_count_for_similarity_but_not_for_the_sentence() -> None:
    alone, around = match("연구소 소장은 누구?", [(SENTENCES[1],), (SENTENCES[1], "한빛연구소")], even)
    assert around.similarity > alone.similarity
    assert around.tokens == alone.tokens


def test_names_are_korean_or_foreign() -> None:
    assert names("BMW가 서울에 공장을 세운 해는?") == ["bmw", "서울"]
    assert names("왜?") == []


@settings(max_examples=25, deadline=None)
@given(
    st.text(alphabet="가나다라 학교에서 12ab?", max_size=20), st.text(alphabet="가나다라 학교에서 12ab.", max_size=30)
)
def test_cosines_are_shares_and_a_text_matches_itself(question: str, text: str) -> None:
    (found,) = match(question, [(text, question)], even)
    assert all(0.0 <= value <= 1.0 + 1e-9 for value in (found.similarity, found.tokens, found.weakest))
    assert found.similarity == 0.0 or found.similarity == pytest.approx(1.0)
