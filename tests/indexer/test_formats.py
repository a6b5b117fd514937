"""read_article: encodings, provenance, dispatch, hostile input; then laws over any bytes."""

import time
import unicodedata
from datetime import date

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from indexer.articles import Article, BlockKind
from indexer.errors import UnreadableFileError
from indexer.formats import SUFFIXES, read_article
from indexer.formats.clutter import byline, is_clutter, source_in
from indexer.formats.dates import is_revision, read_date
from indexer.formats.decoding import decode
from tests.indexer.laws import REASONS, assert_whole, outcome

ENGLISH = "The harbour opened its new quay on Monday. It cost 12 million crowns.\n"
KOREAN = "항구는 월요일에 새 부두를 열었다. 비용은 천이백만 원이었다.\n"


def quotes(article: Article, kind: BlockKind) -> list[str]:
    return [article.quote(block.start, block.end) for block in article.blocks if block.kind == kind]


def reason(article_id: str, data: bytes) -> str:
    with pytest.raises(UnreadableFileError) as caught:
        read_article(article_id, data)
    return caught.value.reason


# ---------------------------------------------------------------- laws


@given(st.one_of(st.binary(max_size=300), st.text(max_size=300).map(str.encode)), st.sampled_from(sorted(SUFFIXES)))
@example(b"\x00", ".txt")
@example(b"---\n- \n---\n", ".md")
@example(b"<html", ".html")
@example("\u0301".encode(), ".txt")
def test_law_any_bytes_give_an_article_or_a_reason(data: bytes, suffix: str) -> None:
    article = outcome(f"x{suffix}", data)
    if isinstance(article, str):
        assert article in REASONS
    else:
        assert_whole(article)


# ---------------------------------------------------------------- encodings


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("text", [ENGLISH, KOREAN])
def test_unicode_with_or_without_mark_reads_the_same(text: str, encoding: str) -> None:
    article = read_article("a.txt", text.encode(encoding))
    assert article.text == text
    assert article.warnings == ()


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("text", [ENGLISH, KOREAN])
def test_utf16_without_mark_is_recognised_and_said(text: str, encoding: str) -> None:
    article = read_article("a.txt", text.encode(encoding))
    assert article.text == text
    assert "byte-order mark" in article.warnings[0]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (KOREAN * 3, "cp949"),
        (KOREAN * 3, "euc-kr"),
        ("항구", "cp949"),
        ("港で新しい岸壁がひらかれました。とてもながいです。\n", "shift_jis"),
        ("It’s a café – the “naïve” one.\n", "cp1252"),
    ],
)
def test_old_encodings_are_recognised_and_said(text: str, encoding: str) -> None:
    article = read_article("a.txt", text.encode(encoding))
    assert article.text == text
    assert "not UTF-8" in article.warnings[0]


def test_a_few_broken_bytes_are_replaced_counted_and_said() -> None:
    article = read_article("a.txt", ENGLISH.encode() * 10 + b"One bad byte \xff stands here.\n")
    assert "One bad byte \ufffd stands here." in article.text
    assert article.warnings == ("replaced 1 bytes",)


def test_broken_utf8_is_not_taken_for_an_old_encoding() -> None:
    article = read_article("a.txt", (KOREAN * 20).encode() + b"\xff" + KOREAN.encode())
    assert article.text.count("항구는") == 21
    assert article.warnings == ("replaced 1 bytes",)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "empty"),
        (b" \n\t\r\n", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b"\xff\xfe \x00", "empty"),
        (b"\x00" * 100, "binary"),
        (bytes(range(256)) * 4, "binary"),
        (b"\x01\x02\x03\x04 some text", "binary"),
        (b"\x89PNG\r\n\x1a\n", "binary"),
        (b"Half of \xff\xfe\xfd\xfc\xfb\xfa it is bad", "encoding"),
        (b"Share\nLike\n", "no_text"),
    ],
)
def test_what_cannot_be_an_article_says_why(data: bytes, expected: str) -> None:
    assert reason("a.txt", data) == expected


def test_a_stray_nul_is_removed_and_said() -> None:
    article = read_article("a.txt", b"The quay\x00 opened.")
    assert article.text == "The quay opened."
    assert article.warnings == ("removed 1 NUL characters",)


@pytest.mark.parametrize("end", ["\r\n", "\r", "\u2028", "\u2029", "\x0c", "\x85"])
def test_every_line_end_is_a_line_end(end: str) -> None:
    text = "A title of four words\n\nThe first sentence stands here.\nThe second sentence stands here.\n"
    assert read_article("a.txt", text.replace("\n", end).encode()).text == text


def test_hidden_and_reordering_characters_go_and_emoji_stay() -> None:
    raw = "The qu\u200bay \u202eopened\u202c to\u00adday\x07 👩‍👩‍👧.\U000e0041"
    assert read_article("a.txt", raw.encode()).text == "The quay opened today 👩‍👩‍👧."


def test_decomposed_text_is_composed() -> None:
    assert read_article("a.txt", unicodedata.normalize("NFD", KOREAN).encode()).text == KOREAN


def test_a_flood_of_combining_marks_takes_linear_time() -> None:
    begin = time.perf_counter()
    decode(("a" + "\u0301\u0316" * 100_000).encode())
    assert time.perf_counter() - begin < 2


# ---------------------------------------------------------------- dispatch, language, title


def test_an_unknown_suffix_is_unsupported() -> None:
    assert reason("a.docx", ENGLISH.encode()) == "unsupported"


def test_a_page_named_txt_is_read_as_a_page_and_text_named_html_as_text() -> None:
    page = f"<!DOCTYPE html><html><body><article><p>{ENGLISH}</p></article></body></html>"
    assert read_article("a.txt", page.encode()).text == ENGLISH.strip()
    assert read_article("a.html", ENGLISH.encode()).text == ENGLISH
    assert "<b>" in read_article("b.txt", b"The tag <b> makes <html> text bold.").text


@pytest.mark.parametrize(
    ("stated", "language"),
    [("ko-KR", "ko"), ("EN_us", "en"), ("Korean", "ko"), ("NO", "no"), ("???", "en"), ("", "en")],
)
def test_a_stated_language_is_brought_to_its_code(stated: str, language: str) -> None:
    article = read_article("a.md", f"---\nlanguage: {stated!r}\n---\n{ENGLISH}".encode())
    assert article.language == language


def test_without_any_title_the_file_name_serves() -> None:
    article = read_article("news/2025-harbour_quay.md", ENGLISH.encode())
    assert article.title == "2025 harbour quay"
    assert article.provenance["title"] == "path"


# ---------------------------------------------------------------- dates


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-06-30 09:47", date(2026, 6, 30)),
        ("Jun 23, 2025", date(2025, 6, 23)),
        ("23 June 2025", date(2025, 6, 23)),
        ("Monday, June 23, 2025 at 5:30 p.m. KST", date(2025, 6, 23)),
        ("2025년 6월 23일", date(2025, 6, 23)),
        ("2025년 6월 23일 오전 10:30", date(2025, 6, 23)),
        ("2025.06.23", date(2025, 6, 23)),
        ("입력 2025.06.03 (화) 10:11", date(2025, 6, 3)),
        ("Published: 2025-01-02T10:20:30+09:00", date(2025, 1, 2)),
        ("2025-13-45", None),
        ("0000-00-00", None),
        ("June 31, 2025", None),
        ("May 2025", None),
        ("2025", None),
        ("today", None),
        ("3 days ago", None),
        ("03/04/2025", None),
        ("On Jun 23, 2025 the quay opened", None),
    ],
)
def test_only_a_full_date_that_stands_alone_is_a_date(text: str, day: date | None) -> None:
    assert read_date(text) == day


def test_a_revision_is_not_a_publication() -> None:
    assert is_revision("Updated: June 24, 2025")
    assert not is_revision("Published: June 24, 2025")


# ---------------------------------------------------------------- clutter


@pytest.mark.parametrize(
    "line",
    [
        "Favorite",
        "To List",
        "공유하기",
        "관련 이미지",
        "* * *",
        "![A quay](https://example.org/quay.jpg)",
        "The minister at the quay in May. /Courtesy of Harbour News",
        "The minister speaks at the quay. Photo by Harbour News",
        "장관이 부두를 둘러보고 있다. [사진=항구일보]",
        "[사진제공=항구일보]",
        "© The Harbour Daily(www.example.org). All rights reserved.",
        "<저작권자 ⓒ 항구일보, 무단 전재-재배포 금지>",
        "※ This story was translated by a machine. Tell us what to mend.",
        "홍길동 기자 hong@example.kr",
        "By Jane Harbour",
    ],
)
def test_clutter(line: str) -> None:
    assert is_clutter(line)


@pytest.mark.parametrize(
    "line",
    [
        "The photo by Kim won the first prize.",
        "Copyright law was changed in 2024, and the ministry explained at length what that means for small firms.",
        "Share prices rose on Monday.",
        "사진을 찍는 사람이 늘었다.",
        "By 2030 the number will double.",
        "Write to press@example.org before the end of the month.",
        "By Monday, it was over.",
    ],
)
def test_prose_is_no_clutter(line: str) -> None:
    assert not is_clutter(line)


@pytest.mark.parametrize(
    ("line", "source"),
    [
        ("en.Example.com Reported - The quay opened.", "en.Example.com"),
        ("© The Harbour Daily(www.example.org). All rights reserved.", "The Harbour Daily"),
        ("Copyright © 2024 Harbour Media. All rights reserved.", "Harbour Media"),
        ("<저작권자 ⓒ 항구일보, 무단 전재-재배포 금지>", "항구일보"),
        ("(부산=항구뉴스) 홍길동 기자 = 부두가 열렸다.", "항구뉴스"),
        ("SEOUL, June 10 (Harbour News) -- The quay opened.", "Harbour News"),
        ("© All rights reserved.", None),
        ("The minister. /Courtesy of Harbour News", None),
        ("The quay opened.", None),
    ],
)
def test_the_source_is_taken_only_from_a_plain_statement(line: str, source: str | None) -> None:
    assert source_in(line) == source


def test_a_byline_gives_the_name() -> None:
    assert byline("홍길동 기자 hong@example.kr") == "홍길동"
    assert byline("By Jane Harbour") == "Jane Harbour"
    assert byline("Jane Harbour jane@example.org") == "Jane Harbour"


ADVERSARIAL = ["![" * 50_000, "photo by " * 11_000, "사진=" * 33_000, "© " * 50_000, "a@" * 50_000, "a.b" * 33_000]
ADVERSARIAL += ["By Ab " * 16_000, "2025-01-01 " * 9_000, "(가=" * 33_000, "A, " * 33_000, "[(" * 50_000, "<" * 100_000]
ADVERSARIAL += [
    "`a" * 50_000,
    "*a " * 33_000,
    "> " * 50_000,
    "<!--" * 25_000,
    "<a " * 33_000,
    "&#" * 50_000,
    "|" * 100_000,
]


@pytest.mark.parametrize("text", ADVERSARIAL, ids=lambda text: ascii(text[:8]))
@pytest.mark.parametrize("suffix", [".txt", ".md", ".html"])
def test_hostile_text_ends_in_time(text: str, suffix: str) -> None:
    begin = time.perf_counter()
    result = outcome(f"a{suffix}", f"A title of five words\n\n{text}\n\n{ENGLISH}".encode())
    assert isinstance(result, Article) or suffix != ".txt"
    assert time.perf_counter() - begin < 8
