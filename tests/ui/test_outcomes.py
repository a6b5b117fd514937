"""What an answer says about itself, on the page and in the terminal: made by hand, and by the real answerer."""

import dataclasses
import re
from datetime import date

import pytest

from qa.answer import Answer
from qa.conflicts import Conflict
from qa.dates import Period
from qa.retrieval import Filters
from qa.writing import Written, WrittenSentence
from tests.ui.conftest import Place
from tests.ui.records import TODAY, WEEK, make_answer, make_side, make_variants
from tests.ui.test_rendering import Structure
from ui.page.answers import answer_steps
from ui.page.desk import Desk
from ui.page.markup import Exchange
from ui.page.sources import sources_html
from ui.reports import answer_blocks
from ui.texts import ENGLISH, KOREAN, Words
from ui.wording import headline, partly_line, period_line, warning_lines

BOATS = "Forty boats cross the bay."


def chat(answer: Answer, words: Words = ENGLISH) -> str:
    """The whole answer as the chat shows it."""
    return answer_steps(Exchange(1, answer), words)[-1]


def panel(answer: Answer, words: Words = ENGLISH) -> str:
    """Its sources."""
    return sources_html([Exchange(1, answer)], words, today=TODAY)


def terminal_text(answer: Answer, words: Words = ENGLISH) -> str:
    """What the command line shows of it."""
    return "\n".join(line.text for block in answer_blocks(answer, words) for line in block)


def with_conflict() -> Answer:
    """The answer cites one figure; the other stands in an article that is not cited, and a third has no date."""
    answer = make_answer(BOATS)
    cited = make_side(BOATS, (0, 5))
    cited = dataclasses.replace(cited, evidence=dataclasses.replace(cited.evidence, article=answer.evidence[0].article))
    other = make_side("It is <b>thirty</b> boats.", (9, 15), published=date(2025, 8, 25))
    undated = make_side("Some say 12 boats.", (9, 11))
    return dataclasses.replace(answer, conflicts=(Conflict("number", (other, cited, undated)),), short_answer="Forty")


@pytest.mark.parametrize("words", [ENGLISH, KOREAN])
def test_each_side_of_a_conflict_has_its_figure_date_source_and_marked_sentence(words: Words) -> None:
    page = chat(with_conflict(), words)
    sides = re.findall(r"<li>(.*?)</li>", page, re.DOTALL)
    assert len(sides) == 3
    assert words.disagree in page
    shown = [Structure(side).text for side in sides]
    figures = ("thirty", "Forty", "12")
    assert [re.findall(r"<mark>(.*?)</mark>", side) for side in sides] == [[figure] for figure in figures]
    assert all(text.startswith(figure) for text, figure in zip(shown, figures, strict=True))
    assert words.date_unknown in shown[2]
    assert "It is <b>thirty</b> boats." in shown[0]
    assert BOATS in shown[1]


def test_a_side_leads_to_its_sentence() -> None:
    answer = with_conflict()
    page, sources = chat(answer), panel(answer)
    links = re.findall(r'<li>.*?href="#(t1-[a-z0-9-]+)"', page, re.DOTALL)
    assert links == ["t1-s1-1", "t1-c1", "t1-s1-3"]
    for link in links:
        assert f'id="{link}"' in sources
        assert f'id="{link}-mark"' in sources
    assert sources.count(ENGLISH.disagree_card) == 2
    ids = re.findall(r' id="([^"]+)"', sources)
    assert len(ids) == len(set(ids))


def test_where_figures_disagree_none_stands_large_above_the_others() -> None:
    answer = with_conflict()
    assert headline(answer) is None
    assert "fn-short" not in chat(answer)
    assert answer_blocks(answer, ENGLISH)[1][0].text == "The articles disagree:"
    assert "thirty (25 Aug 2025, It is" in terminal_text(answer)
    assert "12 (date unknown" in terminal_text(answer)


def test_a_near_miss_shows_its_quotation_as_the_closest_and_no_short_answer() -> None:
    answer = dataclasses.replace(make_variants(BOATS)["near miss"], missing=("2021", "Busan"))
    page, sources = chat(answer), panel(answer)
    assert "do not say this. Not found: 2021, Busan" in Structure(page).text
    assert ENGLISH.closest in Structure(page).text
    assert "fn-closest" in page
    assert "fn-short" not in page
    assert ENGLISH.closest_card in sources
    assert ENGLISH.support not in sources
    shown = terminal_text(answer)
    assert shown.index("Not found: 2021, Busan") < shown.index(ENGLISH.closest) < shown.index(f"[1] “{BOATS}”")
    assert headline(answer) is None


def test_a_question_answered_in_one_part_names_the_other() -> None:
    answer = dataclasses.replace(make_variants(BOATS)["answered in one part"], missing=("Who leads it?",))
    assert "Not answered: Who leads it?" in Structure(chat(answer)).text
    assert ENGLISH.closest not in Structure(chat(answer)).text
    assert "fn-closest" not in chat(answer)
    assert partly_line(answer, KOREAN).endswith("Who leads it?")
    assert partly_line(make_answer(BOATS), ENGLISH) == ""
    assert "Not answered: Who leads it?" in terminal_text(answer)


@pytest.mark.parametrize(
    ("period", "english", "korean"),
    [
        (None, "", ""),
        (WEEK, "Articles from 16–22 Feb 2026 only", "2026년 2월 16일–22일 기사에서만 찾았습니다"),
        (dataclasses.replace(WEEK, kind="mentioned"), "", ""),
        (
            Period(date.min, date(2023, 12, 31), "2024", "published"),
            "Articles up to 31 Dec 2023 only",
            "2023년 12월 31일까지의 기사에서만 찾았습니다",
        ),
    ],
)
def test_only_a_period_that_keeps_articles_out_is_said(period: Period | None, english: str, korean: str) -> None:
    answer = dataclasses.replace(make_answer(BOATS), period=period)
    assert period_line(answer, ENGLISH) == english
    assert period_line(answer, KOREAN) == korean
    assert english in Structure(chat(answer)).text
    assert english in terminal_text(answer)


def test_a_period_without_articles_is_said_and_not_claimed() -> None:
    answer = dataclasses.replace(make_answer(BOATS), period=WEEK, warnings=("period_matches_nothing",))
    assert period_line(answer, ENGLISH) == ""
    assert warning_lines(answer, ENGLISH) == [
        "No article is from the period asked for (16–22 Feb 2026), so all were searched."
    ]
    assert "2026년 2월 16일–22일" in warning_lines(answer, KOREAN)[0]


@pytest.mark.parametrize(
    "code", ["no_writer", "timeout", "unreachable", "bad_status", "oversize", "refused", "nonsense"]
)
def test_every_way_a_language_model_can_fail_has_words(code: str) -> None:
    full = code if code == "no_writer" else f"writer_{code}"
    answer = dataclasses.replace(make_answer(BOATS), warnings=(full,))
    for words in (ENGLISH, KOREAN):
        (line,) = warning_lines(answer, words)
        assert full not in line
        assert line in Structure(chat(answer, words)).text


def test_a_warning_without_words_stays_its_code() -> None:
    answer = dataclasses.replace(make_answer(BOATS), warnings=("{odd", "heading"))
    assert warning_lines(answer, ENGLISH) == ["{odd", "heading"]


def test_written_sentences_stand_above_the_quotations_with_their_links_and_problems() -> None:
    written = Written(
        (
            WrittenSentence("Forty boats go.", (1,), True, ()),
            WrittenSentence("Ninety boats go.", (1, 7), False, ("figure", "unknown_citation")),
            WrittenSentence("They say so.", (), False, ("no_citation",)),
        ),
        model="a <model>",
    )
    answer = dataclasses.replace(make_answer(BOATS), written=written)
    page = chat(answer)
    shown = Structure(page).text
    assert "Worded by a language model (a <model>); each sentence is checked" in shown
    assert shown.index("Forty boats go.") < shown.index(ENGLISH.word_for_word) < shown.index(f"{BOATS} Source")
    assert page.count('href="#t1-c1"') == 3
    assert "t1-c7" not in page
    wrong = "Not supported: a number or date is not in what it cites, it cites a number that is no source."
    assert shown.index(wrong) < shown.index("Ninety boats go.")
    assert page.count("fn-unsupported") == 2
    assert f"({wrong}) Ninety boats go. [1] [7]" in terminal_text(answer)
    assert "뒷받침되지 않음: 출처를 밝히지 않음." in Structure(chat(answer, KOREAN)).text


def test_the_terminal_shows_the_short_answer_first_and_the_age_of_the_newest_source_last() -> None:
    answer = dataclasses.replace(make_answer(BOATS), short_answer="Forty")
    blocks = answer_blocks(answer, ENGLISH)
    assert blocks[0][0].text == f"Understood as: {BOATS} then"
    assert blocks[1] == [("Forty", 0, "bold")]
    assert blocks[2][0].text == f"[1] “{BOATS}”"
    assert blocks[-1][0].text == "1 quotation from 1 article · newest source 29 days old"


# the real answerer


def test_a_period_and_its_articles(place: Place) -> None:
    with place.library.lease() as answerer:
        found = answerer.answer("What do articles from January 2026 say about the ferry service?", as_of=TODAY)
        nothing = answerer.answer("What do articles from May 2019 say about the ferry service?", as_of=TODAY)
    for shown in (Structure(chat(found)).text, terminal_text(found)):
        assert "Articles from Jan 2026 only" in shown
    assert {hit.article.id for hit in found.hits} == {"ferry.md"}
    assert "No article is from the period asked for (May 2019)" in Structure(chat(nothing)).text


def test_a_follow_up_of_a_follow_up_is_understood_from_the_questions_as_they_were_asked(place: Place) -> None:
    desk = Desk(place.library, place.settings)
    tokens: list[str] = []
    for question in ("What does the ferry service of Saltmere cost?", "When was it doubled?", "Who pays for it?"):
        tokens = desk.answer(question, tokens, Filters())
    second, third = (item.answer for item in desk.conversation(tokens)[1:])
    assert second.question == "When was it doubled?"
    for answer in (second, third):
        assert "ferry service of Saltmere" in answer.standalone_question
        assert f"Understood as: {answer.standalone_question}" in Structure(chat(answer)).text


def test_nothing_is_written_where_no_language_model_is_set(place: Place) -> None:
    desk = Desk(place.library, place.settings)
    assert not desk.has_writer
    tokens = desk.answer("How much does a single ferry ticket cost?", [], Filters(), generate=True)
    (exchange,) = desk.conversation(tokens)
    assert exchange.answer.written is None
    assert exchange.answer.warnings == ()
