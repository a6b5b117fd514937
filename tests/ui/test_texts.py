"""The words: both languages say the same things, with the same blanks to fill."""

import re
from dataclasses import asdict
from datetime import date
from string import Formatter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ui.history_words import HISTORY_ENGLISH, HISTORY_KOREAN
from ui.texts import (
    ENGLISH,
    KOREAN,
    component_labels,
    counted,
    words_for,
    written_age,
    written_date,
    written_duration,
    written_language,
    written_period,
)


def blanks(template: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(template) if name}


ALL_ENGLISH = asdict(ENGLISH) | {f"history {key}": value for key, value in asdict(HISTORY_ENGLISH).items()}
ALL_KOREAN = asdict(KOREAN) | {f"history {key}": value for key, value in asdict(HISTORY_KOREAN).items()}


@pytest.mark.parametrize("key", list(ALL_ENGLISH))
def test_both_languages_have_the_same_blanks_and_no_markup(key: str) -> None:
    english, korean = ALL_ENGLISH[key], ALL_KOREAN[key]
    assert english.strip()
    assert korean.strip()
    # A singular may leave its number out, or not.
    assert blanks(english) - {"n"} == blanks(korean) - {"n"}
    assert not re.search(r"[<>&\"]", english + korean)


def test_korean_is_korean() -> None:
    left = {key for key, value in ALL_KOREAN.items() if not re.search("[가-힣]", value)}
    assert left <= {"code", "add_hint"}


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (None, "en"),
        ("", "en"),
        ("ko", "ko"),
        ("ko-KR,ko;q=0.9,en-US;q=0.8", "ko"),
        ("en-GB,en;q=0.9,ko;q=0.8", "en"),
        ("de-DE,de;q=0.9,ko;q=0.5,en;q=0.4", "ko"),
        ("fr,*;q=0.1", "en"),
        ("en;q=0.2, ko;q=0.7", "ko"),
        ("ko;q=nonsense", "en"),
        ("ko;q=0", "en"),
    ],
)
def test_the_browser_chooses_the_language(header: str | None, code: str) -> None:
    assert words_for(header).code == code


@given(st.text())
def test_no_header_is_too_odd(header: str) -> None:
    assert words_for(header) in (ENGLISH, KOREAN)


def test_numbers_have_their_nouns() -> None:
    assert counted(ENGLISH, "status_articles", 1) == "1 article"
    assert counted(ENGLISH, "status_articles", 1204) == "1,204 articles"
    assert counted(KOREAN, "status_articles", 1) == "기사 1건"


def test_dates_ages_and_durations() -> None:
    day = date(2026, 11, 2)
    assert written_date(ENGLISH, day) == "2 Nov 2026"
    assert written_date(KOREAN, day) == "2026년 11월 2일"
    assert written_age(ENGLISH, day, date(2026, 11, 3)) == "1 day old"
    assert written_age(ENGLISH, day, date(2028, 1, 2)) == "14 months old"
    assert written_age(KOREAN, day, day) == "오늘"
    assert written_age(ENGLISH, day, date(2026, 11, 1)) == "2 Nov 2026"
    assert written_duration(ENGLISH, 0.2) == "1 s"
    assert written_duration(KOREAN, 180) == "3분"
    assert written_language(KOREAN, "en") == "영어"
    assert written_language(ENGLISH, "de") == "de"


@pytest.mark.parametrize(
    ("start", "end", "english", "korean"),
    [
        ((2026, 11, 22), (2026, 11, 22), "22 Nov 2026", "2026년 11월 22일"),
        ((2026, 11, 16), (2026, 11, 22), "16–22 Nov 2026", "2026년 11월 16일–22일"),
        ((2026, 10, 28), (2026, 11, 3), "28 Oct – 3 Nov 2026", "2026년 10월 28일 – 11월 3일"),
        ((2025, 12, 29), (2026, 1, 4), "29 Dec 2025 – 4 Jan 2026", "2025년 12월 29일 – 2026년 1월 4일"),
        ((2024, 2, 1), (2024, 2, 29), "Feb 2024", "2024년 2월"),
        ((2025, 1, 1), (2025, 12, 31), "2025", "2025년"),
        ((2024, 1, 1), (2025, 12, 31), "2024–2025", "2024–2025년"),
    ],
)
def test_periods(start: tuple[int, int, int], end: tuple[int, int, int], english: str, korean: str) -> None:
    assert written_period(ENGLISH, date(*start), date(*end)) == english
    assert written_period(KOREAN, date(*start), date(*end)) == korean


def test_components_get_every_word() -> None:
    labels = component_labels()
    assert set(labels) == {"en", "ko"}
    assert labels["ko"]["fn_ask"] == KOREAN.ask
