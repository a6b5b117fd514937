"""What a Korean question asks for, and which spans of a Korean sentence answer to that."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qa.questions import KINDS_WITH_SPANS, answer_kind, answer_span, asks_yes_or_no, spans_of
from qa.questions.korean import asked


@pytest.mark.parametrize(
    ("question", "kind", "unit"),
    [
        ("공장은 언제 열렸니", "date", ""),
        ("공장이 문을 연 해는?", "date", "year"),
        ("공장은 몇 년도에 열렸냐?", "date", "year"),
        ("개막식은 며칠이야?", "date", "day"),
        ("회의는 몇 시에 시작하나요?", "date", "time"),
        ("공사는 몇 년 동안 이어졌나요?", "number", "duration"),
        ("며칠이나 걸렸는지 알려줘", "number", "duration"),
        ("공사에 시간이 얼마나 걸려?", "number", "duration"),
        ("직원은 몇 명인가요?", "number", "명"),
        ("공장의 직원 수는?", "number", "명"),
        ("우승은 몇 번 했나요?", "number", "번"),
        ("탑의 높이는 얼마인가?", "number", "length"),
        ("펀드는 몇 억원 규모인가요?", "money", "원"),
        ("펀드 규모는?", "money", ""),
        ("공장을 얼마에 팔았나요?", "money", ""),
        ("작년 매출은?", "money", ""),
        ("실업률은?", "percent", ""),
        ("지분은 몇 %인가요?", "percent", ""),
        ("누가 공장을 샀는지 궁금해요", "person", ""),
        ("공장을 산 사람은?", "person", ""),
        ("감독 이름", "person", ""),
        ("공장을 지은 회사는 어디인가요?", "person", "body"),
        ("어느 기업이 공장을 샀나요?", "person", "body"),
        ("공장은 어디에 있어?", "place", ""),
        ("공장은 어느 지역에 짓나요?", "place", ""),
        ("공장 소재지는?", "place", ""),
        ("왜 공장을 닫았나요?", "reason", ""),
        ("공장을 닫은 까닭은?", "reason", ""),
        ("블루 노트가 뭔가요?", "open", ""),
        ("블루 노트란?", "open", ""),
        ("감독은 뭐라고 말했나요?", "open", ""),
        ("무슨 수로 부자가 됐나요?", "open", ""),
        ("왕비는 무엇을 청하도록 하였는가?", "open", ""),
        ("공장은 2020년에 문을 닫았나요?", "open", ""),
    ],
)
def test_what_a_question_asks_for(question: str, kind: str, unit: str) -> None:
    assert (asked(question).kind, asked(question).unit) == (kind, unit)
    assert answer_kind(question) == kind


@pytest.mark.parametrize(
    "question",
    [
        "공장은 문을 열었나요?",
        "공장이 문을 닫았어?",
        "누구나 들어갈 수 있나요?",
        "이 공장이 처음인가요",
        "문을 열었니?",
    ],
)
def test_a_yes_or_no_is_wanted(question: str) -> None:
    assert asks_yes_or_no(question)


@pytest.mark.parametrize(
    "question", ["이유는요?", "블루 노트가 뭔가요?", "며칠이야?", "공장인가요 아니면 집인가요?", "설립 연도는?"]
)
def test_no_yes_or_no_is_wanted(question: str) -> None:
    assert not asks_yes_or_no(question)


@pytest.mark.parametrize(
    ("question", "sentence", "expected"),
    [
        ("몇 명이 다쳤나요?", "2019년 사고로 12명이 다치고 버스 3대가 부서졌다.", "12명"),
        ("몇 명이 다쳤나요?", "사고로 버스 3대가 부서졌다.", None),
        ("직원은 몇 명인가요?", "그 공장에는 직원 두 명이 있다.", "두 명"),
        ("펀드는 몇 억원 규모인가요?", "정부는 4,000억 원 규모의 펀드를 만든다.", "4,000억 원"),
        ("펀드는 몇 억원 규모인가요?", "정부는 2025년에 펀드를 만든다.", None),
        ("정부의 채무는 얼마를 넘었나요?", "정부의 채무가 400조를 넘었다.", "400조"),
        ("알을 며칠 동안 돌보나요?", "부모는 알을 6~7일간 돌본다.", "6~7일간"),
        ("공장은 몇 년에 열렸나요?", "공장은 1998년 5월 2일에 열렸다.", "1998년"),
        ("공장은 언제 열렸나요?", "공장은 1998년 5월 2일에 열렸다.", "1998년 5월 2일"),
        ("공장은 언제 열렸나요?", "공장은 19세기 중엽에 열렸다.", "19세기 중엽"),
        ("학교에 입학한 해는?", "1948년에 학교에 입학해, 1951년에 군대에 갔다.", "1948년"),
        ("언제 문을 닫았나요?", "5월에 비가 오고 6월에 눈이 왔다.", None),
        ("2019년에 무슨 일이 언제 있었나요?", "2019년에 일이 있었다.", None),
        ("점유율은 몇 퍼센트인가요?", "점유율은 34.7%까지 떨어졌다.", "34.7%"),
        ("장관은 누구인가요?", "현인택 장관은 사과를 요구했다.", "현인택"),
        ("누구에게 밀려 졌나요?", "그는 결국 이대수에게 밀려 상을 놓쳤다.", "이대수"),
        ("국가AI컴퓨팅센터는 어느 지역에 짓나요?", "국가AI컴퓨팅센터를 구축한다.", None),
        ("국가AI컴퓨팅센터는 어느 지역에 짓나요?", "국가AI컴퓨팅센터를 전남 해남에 짓는다.", "전남 해남"),
        ("누가 공장을 샀나요?", "공장은 높은 값에 팔렸다.", None),
        ("왜 닫았나요?", "비가 와서 닫았다.", None),
    ],
)
def test_the_span_that_answers(question: str, sentence: str, expected: str | None) -> None:
    span = answer_span(answer_kind(question), sentence, question)
    assert (sentence[slice(*span)] if span else None) == expected


def test_several_names_are_seen_but_none_is_taken() -> None:
    question, sentence = "누가 공장을 샀나요?", "김영삼과 노태우가 만났다."
    assert [sentence[start:end] for start, end in spans_of("person", sentence, question)] == ["김영삼", "노태우"]
    assert answer_span("person", sentence, question) is None


TEXT = st.text(alphabet="가나다 이명박은 서울에서 12년월일억원명%.,(~)é", max_size=40)


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(sorted(KINDS_WITH_SPANS)), TEXT, st.text(alphabet="몇명원년언제누가어디은?", max_size=12))
def test_the_span_that_answers_is_one_of_its_kind_and_spans_are_apart(kind: str, sentence: str, question: str) -> None:
    spans = spans_of(kind, sentence, question)  # type: ignore[arg-type]  # drawn from the kinds
    assert all(0 <= start < end <= len(sentence) for start, end in spans)
    assert all(first[1] <= second[0] for first, second in pairwise(spans))
    span = answer_span(kind, sentence, question)  # type: ignore[arg-type]  # drawn from the kinds
    assert span is None or span in spans
