import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.chunking import sentences_of
from indexer.formats import read_article
from indexer.language import Analyser
from qa.writing.grounding import check, foreign_names, foreign_quotations, negates

ANALYSER = Analyser()
PIER = "Mayor Ines Falk said that the second pier cost 4.2 million crowns."
BUILT = "Norrvik Marine built it in eleven months."
BRIDGE = "The stone bridge at Ostra closes on Monday for eight months."
SURVEY = "On 31 January 2026 the ministry said that 24 percent of 1,000 Korean firms use AI."
DENIED = "The ministry denied that the factory had been closed, but it did not publish the report."
LIBRARY = "한빛시는 새 도서관을 3월 2일에 연다고 밝혔다."
BOOKS = "도서관에는 책 12만 권이 있으며, 아직 전자책은 없다."
BUDGET = "과학기술정보통신부는 AI 예산으로 3조 5,000억 원을 배정했으나 지방 사업은 승인하지 않았다."
MINISTER = "장관은 “국민이 먼저다”라고 말했다."

SUPPORTED = [
    (PIER, "The second pier cost 4.2 million crowns."),
    (PIER, "According to Mayor Ines Falk, the second pier cost 4,200,000 crowns."),
    (BUILT, "Norrvik Marine built the pier in 11 months."),
    (BUILT, "It was built in eleven months by Norrvik Marine."),
    (BRIDGE, "The stone bridge at Ostra will be closed for 8 months."),
    (BRIDGE, "Ostra's stone bridge closes Monday."),
    (SURVEY, "24% of a thousand Korean firms use AI, the ministry said."),
    (SURVEY, "The ministry said in January 2026 that 24 per cent of firms in Korea use AI."),
    (SURVEY, "On January 31 the ministry said that AI is used by 24% of 1000 firms."),
    (DENIED, "The ministry denied that the factory had been closed."),
    (DENIED, "The report was not published by the ministry."),
    (LIBRARY, "새 도서관은 3월 2일에 연다고 한빛시가 밝혔다."),
    (BOOKS, "도서관에 책 120,000권이 있다."),
    (BOOKS, "아직 전자책은 없다."),
    (BUDGET, "과학기술정보통신부는 AI 예산에 3조 5000억 원을 배정했다."),
    (BUDGET, "과학기술정보통신부는 지방 사업을 승인하지 않았다."),
    (MINISTER, "장관은 “국민이 먼저다”라고 말했다."),
]
WRONG = [
    (PIER, "The second pier cost 5.2 million crowns.", "figure"),
    (PIER, "The second pier cost 4.2 billion crowns.", "figure"),
    (PIER, "Mayor Ines Berg said that the second pier cost 4.2 million crowns.", "name"),
    (PIER, "Falk said the second pier cost 4.2 million crowns and won the Lindgren prize.", "name"),
    (BUILT, "Sorland built it in eleven months.", "name"),
    (BUILT, "Norrvik Marine built it in twelve months.", "figure"),
    (BUILT, "Norrvik Marine never built it in eleven months.", "negation"),
    (BRIDGE, "The stone bridge at Ostra does not close on Monday.", "negation"),
    (BRIDGE, "The stone bridge at Ostra closes on Tuesday for eight months.", "name"),
    (BRIDGE, "Ferries across the bay carry commuters daily.", "words"),
    (BRIDGE, "The stone bridge at Ostra closes because its owner went bankrupt after years of gambling.", "words"),
    (SURVEY, "On 30 January 2026 the ministry said that 24 percent of firms use AI.", "figure"),
    (SURVEY, "24 of 1,000 Korean firms use AI.", "figure"),
    (SURVEY, "Use of AI by Korean firms rose 24 percentage points.", "figure"),
    (SURVEY, "The ministry said that $1,000 went to 24 percent of Korean firms.", "figure"),
    (SURVEY, "The ministry said that 24 percent of Japanese firms use AI.", "name"),
    (SURVEY, 'The ministry said: "Korean firms must use AI".', "quotation"),
    (DENIED, "The ministry said that the factory had been closed.", "negation"),
    (DENIED, "The ministry did not deny that the factory had been closed.", "negation"),
    (DENIED, "The ministry did publish the report.", "negation"),
    (LIBRARY, "한빛시는 새 도서관을 3월 3일에 연다고 밝혔다.", "figure"),
    (LIBRARY, "한빛시는 새 도서관을 3월 2일에 열지 않는다고 밝혔다.", "negation"),
    (BOOKS, "도서관에는 책 21만 권이 있다.", "figure"),
    (BOOKS, "도서관에는 전자책이 있다.", "negation"),
    (BUDGET, "과학기술정보통신부는 AI 예산으로 3억 5,000만 원을 배정했다.", "figure"),
    (BUDGET, "과학기술정보통신부는 OpenAI 예산으로 3조 5,000억 원을 배정했다.", "name"),
    (BUDGET, "과학기술정보통신부는 지방 사업을 승인했다.", "negation"),
    (MINISTER, "장관은 “국민은 나중이다”라고 말했다.", "quotation"),
    (MINISTER, "총리는 다음 달에 서울에서 야당 대표를 만난다.", "words"),
]


@pytest.mark.parametrize(("cited", "sentence"), SUPPORTED)
def test_a_faithful_sentence_is_supported(cited: str, sentence: str) -> None:
    assert check(sentence, [cited], "", analyser=ANALYSER) == ()


@pytest.mark.parametrize(("cited", "sentence", "problem"), WRONG)
def test_an_altered_sentence_is_not(cited: str, sentence: str, problem: str) -> None:
    assert problem in check(sentence, [cited], "", analyser=ANALYSER)


def test_all_that_is_cited_counts() -> None:
    """Figures of one, words of the other; the question and the title lend names only."""
    both = "Norrvik Marine built the second pier for 4.2 million crowns in eleven months."
    assert check(both, [PIER, BUILT], "", analyser=ANALYSER) == ()
    assert "figure" in check(both, [BUILT], PIER, analyser=ANALYSER)
    assert (
        check(
            "The Ostra bridge closes for eight months.",
            ["It closes for eight months; the bridge is old."],
            "Ostra",
            analyser=ANALYSER,
        )
        == ()
    )


def test_nothing_cited_nothing_supported() -> None:
    assert check(PIER, [], PIER, analyser=ANALYSER) == ("no_citation",)


@pytest.mark.parametrize(
    ("clause", "expected"),
    [
        ("He did not come", True),
        ("He didn’t come", True),
        ("He denied it", True),
        ("He did not deny it", False),
        ("It is not only red", False),
        ("It is No. 5", False),
        ("It left without him", True),
        ("There is no doubt it is red", False),
        ("가지 않았다", True),
        ("없다", True),
        ("잘못을 바로잡았다", False),
        ("틀림없이 온다", False),
        ("이뿐만 아니라 저것도 온다", False),
        ("그것이 아니라 이것이다", True),
        ("의혹을 부인했다", True),
        ("거부하지 않았다", False),
    ],
)
def test_what_negates(clause: str, expected: bool) -> None:
    assert negates(clause) == expected


@pytest.mark.parametrize(
    ("sentence", "source", "foreign"),
    [
        ("Ines Falk spoke.", "Falk, Ines", []),
        ("Falk's plan", "plan of Falk", []),
        ("The U.S. and the EU agreed.", "US, EU", []),
        ("The Korean firms", "firms in Korea", []),
        ("The Austrian firms", "firms in Australia", ["Austrian"]),
        ("The Niger firms", "firms in Nigeria", ["Niger"]),
        ("However, residents left.", "residents left", []),
        ("Motorists waited.", "drivers waited", []),
        ("NASA waited.", "drivers waited", ["NASA"]),
        ("LG전자는 GPT-5를 쓴다.", "LG전자는 GPT를 쓴다.", []),
        ("LG전자는 GPT-5를 쓴다.", "삼성전자는 GPT를 쓴다.", ["LG"]),
    ],
)
def test_which_names_are_foreign(sentence: str, source: str, foreign: list[str]) -> None:
    assert foreign_names(sentence, [source], ANALYSER) == foreign


def test_a_quotation_may_differ_in_style_only() -> None:
    assert foreign_quotations('He said "no, never," and left.', ["“No, never”, he said"]) == []
    assert foreign_quotations("He said “perhaps”.", ["“No, never”, he said"]) == ["perhaps"]


@pytest.mark.parametrize("marks", ["“{}”", "「{}」", "『{}』", "《{}》"])
def test_a_quotation_within_a_quotation_is_one_as_well(marks: str) -> None:
    inner = marks.format("다리는 열렸다")
    assert foreign_quotations(f"He said {marks.format(f'it is so, {inner} or so')}.", ["It is so."]) == [
        "다리는 열렸다"
    ]


def test_single_marks_are_quotations_in_korean_only() -> None:
    assert foreign_quotations("시장은 ‘다리가 열린다’고 했다. It’s the mayor’s ‘big day’.", ["없다"]) == [
        "다리가 열린다"
    ]


def test_marks_that_open_and_never_close_are_read_in_a_moment() -> None:
    """With a pattern that starts over at each of them this took a quarter of a minute."""
    assert foreign_quotations("‘가" * 2_000, ["없다"]) == []


ARTICLES = sorted((Path(__file__).parent.parent.parent / "corpus").glob("*.*.md"))


@pytest.mark.parametrize("path", ARTICLES, ids=lambda path: path.name)
def test_a_quotation_supports_itself_and_no_altered_figure(path: Path) -> None:
    """Every sentence of the starter articles, whole; and again with one digit changed."""
    article = read_article(path.name, path.read_bytes())
    for piece in sentences_of(article):
        sentence = article.quote(piece.start, piece.end)
        assert check(sentence, [sentence], "", analyser=ANALYSER) == ()
        changed = re.sub(r"\d(?!.*\d)", lambda digit: str((int(digit.group()) + 3) % 10), sentence, count=1)
        assert changed == sentence or check(changed, [sentence], "", analyser=ANALYSER)


PIECES = [
    "The",
    "pier",
    "Falk",
    "not",
    "never",
    "24%",
    "1,000",
    "3조",
    "오천",
    "않았다",
    "책",
    "“no”",
    "May",
    "2026",
    ",",
    ".",
    "\n",
    "U.S.",
    "’s",
]


@given(st.lists(st.sampled_from(PIECES), max_size=25).map(" ".join), st.text(max_size=60))
@settings(max_examples=60, deadline=None)
def test_any_text_can_be_checked(sentence: str, noise: str) -> None:
    """Nothing raises; a text supports itself, and has the figures and names of any longer one."""
    check(sentence, [noise], sentence, analyser=ANALYSER)
    for text in (sentence, noise):
        assert check(text, [text], "", analyser=ANALYSER) in ((), ("words",))
        problems = check(text, [f"{text} More of it."], "", analyser=ANALYSER)
        assert not {"figure", "name"} & set(problems)
