"""Questions and the periods they speak of, asked on Thursday 18 June 2026."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.dates import Period, age_days, nearness, period_in

AS_OF = date(2026, 6, 18)

# start, end and the words; the kind is the name of the list.
PUBLISHED = [
    ("What did the ministry announce last week?", "2026-06-08", "2026-06-14", "last week"),
    ("What was said about ports this week?", "2026-06-15", "2026-06-18", "this week"),
    ("Which ships came in yesterday?", "2026-06-17", "2026-06-17", "yesterday"),
    ("What happened today?", "2026-06-18", "2026-06-18", "today"),
    ("What did the mayor open the day before yesterday?", "2026-06-16", "2026-06-16", "the day before yesterday"),
    ("What was decided last month?", "2026-05-01", "2026-05-31", "last month"),
    ("What did the port office say this month?", "2026-06-01", "2026-06-18", "this month"),
    ("What was opened last weekend?", "2026-06-13", "2026-06-14", "last weekend"),
    ("What changed in the past 3 days?", "2026-06-16", "2026-06-18", "the past 3 days"),
    ("Who resigned in the past week?", "2026-06-12", "2026-06-18", "in the past week"),
    ("What happened in the last 24 hours?", "2026-06-17", "2026-06-18", "the last 24 hours"),
    ("How did prices move over the last two months?", "2026-04-19", "2026-06-18", "the last two months"),
    ("What was announced two weeks ago?", "2026-06-01", "2026-06-07", "two weeks ago"),
    ("What did the mayor say 3 days ago?", "2026-06-15", "2026-06-15", "3 days ago"),
    ("What has happened since March 2026?", "2026-03-01", "2026-06-18", "March 2026"),
    ("How many ships came in since 14 May?", "2026-05-14", "2026-06-18", "14 May"),
    ("What has the ministry done since last week?", "2026-06-08", "2026-06-18", "last week"),
    ("Which articles from 2025 speak of batteries?", "2025-01-01", "2025-12-31", "2025"),
    ("What do articles published in June 2025 say about AI?", "2025-06-01", "2025-06-30", "June 2025"),
    ("What was reported about the quay in March 2024?", "2024-03-01", "2024-03-31", "March 2024"),
    ("According to articles before 2024, who owns the port?", "0001-01-01", "2023-12-31", "2024"),
    ("What do news stories after March 2026 say?", "2026-04-01", "2026-06-18", "March 2026"),
    ("Show me articles about the chip strategy from 2025", "2025-01-01", "2025-12-31", "2025"),
    ("What do this year's articles say of exports?", "2026-01-01", "2026-06-18", "this year"),
    ("What was in the news last year about ports?", "2025-01-01", "2025-12-31", "last year"),
    ("What do the 2025 articles say?", "2025-01-01", "2025-12-31", "2025"),
    ("Articles between March and May 2026 on ports?", "2026-03-01", "2026-05-31", "March and May 2026"),
    ("What are today's top stories?", "2026-06-18", "2026-06-18", "today"),
    ("지난주에 정부가 발표한 대책은?", "2026-06-08", "2026-06-14", "지난주"),
    ("지난 주 발표된 전략은 무엇인가?", "2026-06-08", "2026-06-14", "지난 주"),
    ("이번 주 반도체 소식은?", "2026-06-15", "2026-06-18", "이번 주"),
    ("어제와 오늘 발표된 것은?", "2026-06-17", "2026-06-18", "어제와 오늘"),
    ("어제 무슨 일이 있었나요?", "2026-06-17", "2026-06-17", "어제"),
    ("오늘 발표된 내용은?", "2026-06-18", "2026-06-18", "오늘"),
    ("그제 장관은 무엇을 말했나?", "2026-06-16", "2026-06-16", "그제"),
    ("지난달 수출은 얼마였나?", "2026-05-01", "2026-05-31", "지난달"),
    ("이번 달에 나온 정책은?", "2026-06-01", "2026-06-18", "이번 달"),
    ("지난 주말에 열린 행사는?", "2026-06-13", "2026-06-14", "지난 주말"),
    ("최근 3일 동안 무슨 일이 있었나?", "2026-06-16", "2026-06-18", "최근 3일"),
    ("최근 두 달간 발표된 정책은?", "2026-04-19", "2026-06-18", "최근 두 달"),
    ("최근 일주일 사이 바뀐 것은?", "2026-06-12", "2026-06-18", "최근 일주일"),
    ("지난 2주 동안 나온 소식은?", "2026-06-05", "2026-06-18", "지난 2주"),
    ("3일 전 발표된 대책은?", "2026-06-15", "2026-06-15", "3일 전"),
    ("장관이 사흘 전에 말한 것은?", "2026-06-15", "2026-06-15", "사흘 전"),
    ("2025년 6월 기사에서 AI 예산은?", "2025-06-01", "2025-06-30", "2025년 6월"),
    ("올해 나온 기사 중 반도체를 다룬 것은?", "2026-01-01", "2026-06-18", "올해"),
    ("작년 뉴스에서 항만은?", "2025-01-01", "2025-12-31", "작년"),
    ("지난해 보도된 사고는?", "2025-01-01", "2025-12-31", "지난해"),
    ("2024년 이전 기사에 따르면 소유자는?", "0001-01-01", "2023-12-31", "2024년"),
    ("2026년 3월 이후 무엇이 바뀌었나?", "2026-03-01", "2026-06-18", "2026년 3월"),
    ("지난주부터 무엇이 바뀌었나?", "2026-06-08", "2026-06-18", "지난주"),
]
MENTIONED = [
    ("What is this year's budget?", "2026-01-01", "2026-12-31", "this year"),
    ("How much did exports grow last year?", "2025-01-01", "2025-12-31", "last year"),
    ("How is AI used in hospitals today?", "2026-06-18", "2026-06-18", "today"),
    ("How many ships came in 2025?", "2025-01-01", "2025-12-31", "2025"),
    ("What is the 2025 budget?", "2025-01-01", "2025-12-31", "2025"),
    ("What happened on 14 June 2023?", "2023-06-14", "2023-06-14", "14 June 2023"),
    ("Who spoke on June 14th, 2023?", "2023-06-14", "2023-06-14", "June 14th, 2023"),
    ("Who spoke on 2023-06-14?", "2023-06-14", "2023-06-14", "2023-06-14"),
    ("What fell in March 2024?", "2024-03-01", "2024-03-31", "March 2024"),
    ("Who won in Sept. 2025?", "2025-09-01", "2025-09-30", "Sept. 2025"),
    ("What was the profit in Q1 2025?", "2025-01-01", "2025-03-31", "Q1 2025"),
    ("What was the profit in the third quarter of 2025?", "2025-07-01", "2025-09-30", "third quarter of 2025"),
    ("Exports in the first half of 2025?", "2025-01-01", "2025-06-30", "first half of 2025"),
    ("Exports in the second half of last year?", "2025-07-01", "2025-12-31", "second half of last year"),
    ("What was signed in March?", "2026-03-01", "2026-03-31", "March"),
    ("What was signed in December?", "2025-12-01", "2025-12-31", "December"),
    ("What was signed on June 30?", "2025-06-30", "2025-06-30", "June 30"),
    ("What was signed last March?", "2026-03-01", "2026-03-31", "last March"),
    ("How did it change between 2020 and 2023?", "2020-01-01", "2023-12-31", "2020 and 2023"),
    ("How did exports change from March to May 2025?", "2025-03-01", "2025-05-31", "March to May 2025"),
    ("How have wages grown over the last 10 years?", "2016-06-19", "2026-06-18", "the last 10 years"),
    ("What was built in the 1990s?", "1990-01-01", "1999-12-31", "the 1990s"),
    ("Who spoke last Monday?", "2026-06-15", "2026-06-15", "last Monday"),
    ("In 2025, what was planned to be built by 2030?", "2025-01-01", "2025-12-31", "2025"),
    ("How does 2023 compare with exports in 2025?", "2025-01-01", "2025-12-31", "2025"),
    ("How much was spent in 2024 and 2025?", "2024-01-01", "2025-12-31", "2024 and 2025"),
    ("Which quay will open this week?", "2026-06-15", "2026-06-21", "this week"),
    ("What did the company earn in FY2025?", "2025-01-01", "2025-12-31", "FY2025"),
    ("올해 예산은 얼마인가?", "2026-01-01", "2026-12-31", "올해"),
    ("작년 수출액은?", "2025-01-01", "2025-12-31", "작년"),
    ("재작년 인구는?", "2024-01-01", "2024-12-31", "재작년"),
    ("2025년에 지어진 공장은?", "2025-01-01", "2025-12-31", "2025년"),
    ("2025년 1분기 영업이익은?", "2025-01-01", "2025-03-31", "2025년 1분기"),
    ("2025년 상반기 수출은?", "2025-01-01", "2025-06-30", "2025년 상반기"),
    ("지난해 하반기 수출은?", "2025-07-01", "2025-12-31", "지난해 하반기"),
    ("2023년 6월 14일에 무슨 일이 있었나?", "2023-06-14", "2023-06-14", "2023년 6월 14일"),
    ("6월 30일에 발표한 것은?", "2025-06-30", "2025-06-30", "6월 30일"),
    ("3월에 체결한 협약은?", "2026-03-01", "2026-03-31", "3월"),
    ("올해 3월 수출은?", "2026-03-01", "2026-03-31", "올해 3월"),
    ("지난 12월에 열린 회의는?", "2025-12-01", "2025-12-31", "지난 12월"),
    ("지난 29일 열린 회의는?", "2026-05-29", "2026-05-29", "지난 29일"),
    ("2023년부터 2025년까지 몇 명이 늘었나?", "2023-01-01", "2025-12-31", "2023년부터 2025년까지"),
    ("2025년 3월부터 5월까지 수출은?", "2025-03-01", "2025-05-31", "2025년 3월부터 5월까지"),
    ("지난 5년간 임금은 얼마나 올랐나?", "2021-06-19", "2026-06-18", "지난 5년"),
    ("올해 택시 기사 수는?", "2026-01-01", "2026-12-31", "올해"),
    ("10년 전과 비교하면 어떤가?", "2016-01-01", "2016-12-31", "10년 전"),
    ("이번 달 말 열리는 행사는?", "2026-06-01", "2026-06-30", "이번 달"),
    ("2025.06.14 회의의 결과는?", "2025-06-14", "2025-06-14", "2025.06.14"),
]
NONE = [
    "How many iPhone 2025 units were sold?",
    "What does section 2024 say?",
    "How many robots will there be by 2030?",
    "What should be reached by the end of 2030?",
    "Is the plan good until 2028?",
    "How much is invested through 2040?",
    "What will the plan cost in 2030?",
    "Who are the 1,200 people?",
    "What happened on the 29th?",
    "May I see the plan?",
    "May 14 companies join the alliance?",
    "Did the soldiers march in Seoul?",
    "What is the second goal?",
    "Who came second?",
    "How many firms joined recently?",
    "What happens next week?",
    "What is planned for next March?",
    "What is done every June?",
    "Was it sold for $2025?",
    "How many of the 2000 companies joined?",
    "What does USA Today say?",
    'Who sang "Yesterday"?',
    "What was in the last week of the campaign?",
    "What is Vision 2024?",
    "Is 31 June 2025 a day?",
    "Who is April Jones?",
    "What is new in Python 3.11?",
    "What is 10.1.2025.3?",
    "Who leads the AI strategy?",
    "Were there 2,025 ships?",
    "How long did it take in 2024 hours?",
    "Did it exist before 2020?",
    "",
    "한 달 예산은 얼마인가?",
    "2030년까지 로봇은 몇 대인가?",
    "2025년 말까지 몇 개를 짓나?",
    "2030년 목표는?",
    "내년 예산은?",
    "내년 3월에 열리는 행사는?",
    "매년 6월에 하는 것은?",
    "다음 주 일정은?",
    "이번 주주총회 안건은?",
    "지난 주가 급등의 까닭은?",
    "이번 달러 강세의 까닭은?",
    "오늘날 인공지능은?",
    "그제야 알게 된 것은?",
    "최근 소식은?",
    "최근 며칠 동안 무슨 일이 있었나?",
    "선거 3일 전 여론조사 결과는?",
    "2000년 동안 이어진 것은?",
    "3개월 과정의 비용은?",
    "1200명은 누구인가?",
    "2025년형 전기차의 값은?",
    "버전 2024는 무엇인가?",
    "오늘의집 매출은?",
    "두 번째 목표는?",
    "10월드컵은?",
    "금주 정책은?",
]


def _cases() -> list[tuple[str, Period | None]]:
    cases: list[tuple[str, Period | None]] = [(question, None) for question in NONE]
    for question, start, end, text in PUBLISHED:
        cases.append((question, Period(date.fromisoformat(start), date.fromisoformat(end), text, "published")))
    for question, start, end, text in MENTIONED:
        cases.append((question, Period(date.fromisoformat(start), date.fromisoformat(end), text, "mentioned")))
    return cases


@pytest.mark.parametrize(("question", "period"), _cases())
def test_the_period_of_a_question(question: str, period: Period | None) -> None:
    assert period_in(question, AS_OF) == period


WORDS = st.sampled_from(
    [question for question, *_ in (*PUBLISHED, *MENTIONED)]
    + [
        "since",
        "by",
        "before",
        "articles",
        "between",
        "29",
        "31",
        "99",
        "0",
        "February",
        "2월",
        "999년 전",
        "부터",
        "까지",
    ]
    + ["last", "week", "2024", "1900", "the 1900s", "年", "기사", "articles until", "지난 31일", "past 999 years", "."]
)


@given(
    st.text() | st.lists(WORDS | st.text(max_size=5), max_size=6).map(" ".join),
    st.dates(date(1990, 1, 1), date(2100, 12, 31)) | st.dates(),
)
def test_no_text_raises_and_every_period_is_a_period(question: str, as_of: date) -> None:
    period = period_in(question, as_of)
    if period is not None:
        assert period.start <= period.end
        assert period.start <= as_of
        assert period.text
        assert period.text in question
        assert period.kind == "mentioned" or period.end <= as_of


@pytest.mark.parametrize("as_of", [date(2025, 12, 29), date(2026, 1, 4), date(2024, 2, 29), date(2026, 3, 31)])
def test_units_at_the_turn_of_years_and_months(as_of: date) -> None:
    week, month, past = (
        period_in(f"What happened {when}?", as_of) for when in ("last week", "last month", "in the past month")
    )
    assert week is not None
    assert (week.start.weekday(), (week.end - week.start).days) == (0, 6)
    assert 1 <= (as_of - week.end).days <= 7
    assert month is not None
    assert month.start.day == 1
    assert (month.end + timedelta(days=1)).replace(day=1) == as_of.replace(day=1)
    assert past is not None
    assert 28 <= (past.end - past.start).days + 1 <= 31


def test_a_day_without_a_year_is_the_last_such_day() -> None:
    leap = period_in("Who spoke on February 29?", AS_OF)
    assert leap is not None
    assert leap.start == date(2024, 2, 29)


def _mentioned(start: date, days: int) -> Period:
    return Period(start, start + timedelta(days=days - 1), "", "mentioned")


def test_nearness_falls_with_the_distance_and_the_longer_period_falls_slower() -> None:
    day, week, year = (_mentioned(date(2025, 1, 1), days) for days in (1, 7, 365))
    assert nearness(day, date(2025, 1, 1)) == nearness(year, date(2025, 7, 1)) == 1.0
    assert nearness(day, date(2024, 12, 31)) == nearness(day, date(2025, 1, 2)) == pytest.approx(0.75)
    assert nearness(day, date(2025, 1, 5)) == 0.0
    assert 0.0 < nearness(week, week.end + timedelta(days=6)) < nearness(year, year.end + timedelta(days=6)) < 1.0
    assert nearness(year, date(2026, 1, 25)) > 0.0
    assert nearness(year, date(2026, 2, 20)) == 0.0
    assert nearness(day, None) == 0.0


@given(st.dates(), st.dates(), st.dates())
def test_nearness_is_a_share(one: date, other: date, published: date) -> None:
    value = nearness(Period(min(one, other), max(one, other), "", "published"), published)
    assert 0.0 <= value <= 1.0
    assert (value == 1.0) == (min(one, other) <= published <= max(one, other))


def test_an_article_from_the_future_has_no_age() -> None:
    assert age_days(date(2025, 6, 18), AS_OF) == 365
    assert age_days(date(2027, 1, 1), AS_OF) == 0
