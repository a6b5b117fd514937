"""HTML: the article without the page around it, and what the page states about it."""

import logging
import time
from datetime import date

import pytest

from indexer.articles import Article, BlockKind
from indexer.errors import UnreadableFileError
from indexer.formats import read_article

PARAGRAPHS = [
    "The harbour opened its new quay on Monday, and the first ship came in at noon with cars from the north.",
    "The port office said that the quay will take ten ships a week, twice what the old one could take so far.",
    "Work on the railway to the quay begins next spring and will take about three years, the office added.",
]
HEAD = (
    '<html lang="en"><head><title>Quay opens | Port Daily</title><meta charset="utf-8">'
    '<meta property="og:title" content="Quay opens"><meta property="og:site_name" content="Port Daily">'
    '<meta name="author" content="Jane Harbour">'
    '<meta property="article:published_time" content="2025-06-23T10:00:00+09:00">'
    '<link rel="canonical" href="https://example.org/quay"></head>'
)


def page(body: str, head: str = HEAD) -> str:
    nav = "<nav><ul><li><a href='/'>Home</a></li><li><a href='/n'>News</a></li></ul></nav>"
    return f"<!DOCTYPE html>{head}<body>{nav}<article><h1>Quay opens</h1>{body}</article></body></html>"


BODY = "".join(f"<p>{text}</p>" for text in PARAGRAPHS)


def read(markup: str | bytes) -> Article:
    return read_article("a.html", markup if isinstance(markup, bytes) else markup.encode())


def quotes(article: Article, kind: BlockKind) -> list[str]:
    return [article.quote(block.start, block.end) for block in article.blocks if block.kind == kind]


def test_body_and_metadata() -> None:
    article = read(page(BODY))
    assert quotes(article, "paragraph") == PARAGRAPHS
    assert (article.title, article.source, article.author) == ("Quay opens", "Port Daily", "Jane Harbour")
    assert (article.published, article.url) == (date(2025, 6, 23), "https://example.org/quay")
    assert article.provenance["published"] == article.provenance["title"] == "metadata"


def test_a_page_without_a_date_has_none() -> None:
    body = BODY + "<p>It was first planned on 3 May 2019, as the records of the port office show.</p>"
    article = read(page(body, "<html><head><title>Quay opens</title></head>"))
    assert article.published is None
    assert "published" not in article.provenance


BARE = "<html><head><title>Quay opens</title></head>"


@pytest.mark.parametrize(
    "body",
    [
        f"<p>The law of 2011-03-11 changed how quays are built in all harbours of the north. {PARAGRAPHS[0]}</p>{BODY}",
        f"<script>var visit = {{dt: '2011-03-11T10:20:30Z'}}</script>{BODY}",
        f"{BODY}<!-- cached 2011-03-11 10:20:30 -->",
    ],
)
def test_a_day_in_prose_a_script_or_a_comment_is_no_publication_date(body: str) -> None:
    assert read(page(body, BARE)).published is None


def test_a_day_in_the_title_is_no_publication_date() -> None:
    body = page(BODY, BARE).replace("Quay opens", "The flood of March 11, 2011")
    assert read(body).published is None
    stated = body.replace("</title>", '</title><meta name="date" content="2025-06-23">')
    assert read(stated).published == date(2025, 6, 23)


def test_the_day_in_the_address_wins() -> None:
    link = '<link rel="canonical" href="https://example.org/quays/2019/nov/18/quay-opens/"></head>'
    head = BARE.replace("</head>", link)
    body = f"<div class='statement__meta'>Said on Sunday, October 13th, 2019</div>{BODY}"
    assert read(page(body, head)).published == date(2019, 11, 18)


def test_a_line_of_entry_and_revision_dates_the_page() -> None:
    body = f"<div class='info'>기사입력 2025-06-03 오전 10:11 최종수정 2025-06-05 오전 11:00</div>{BODY}"
    assert read(page(body, BARE)).published == date(2025, 6, 3)


def test_headings_lists_and_tables_are_blocks_of_their_own() -> None:
    body = f"{BODY}<h2>What it costs</h2><p>{PARAGRAPHS[0]} Again.</p><ul><li>ten cranes</li><li>two<br>tugs</li></ul>"
    body += "<table><tr><th>Year</th><th>Ships</th></tr><tr><td>2025</td><td>500</td></tr></table>"
    article = read(page(body))
    assert "What it costs" in quotes(article, "heading")
    lines = "\n".join(quotes(article, "paragraph")).split("\n")
    assert {"ten cranes", "two", "tugs", "Year | Ships", "2025 | 500"} <= set(lines)


@pytest.mark.parametrize(
    "tail", ["<script>var secret = 1; // never closed", "<!-- secret never closed", "<style>secret {"]
)
def test_what_is_never_closed_gives_no_text(tail: str) -> None:
    article = read(page(BODY) + tail)
    assert "secret" not in article.text
    assert quotes(article, "paragraph") == PARAGRAPHS


@pytest.mark.parametrize(
    "markup", ["<html><body><nav>Home</nav><script>x()</script></body></html>", "<html></html>", "<div></div>"]
)
def test_a_page_without_article_is_no_text_and_says_nothing_on_stderr(
    markup: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UnreadableFileError) as caught:
        read(markup)
    assert caught.value.reason == "no_text"
    assert capfd.readouterr().err == ""
    assert any(isinstance(handler, logging.NullHandler) for handler in logging.getLogger("trafilatura").handlers)


def test_a_fragment_is_read() -> None:
    assert quotes(read(BODY), "paragraph") == PARAGRAPHS


def test_entities_are_decoded_once() -> None:
    article = read(
        page(BODY + "<p>It cost 5&nbsp;crowns &amp;amp; more &#x1F600; in &lt;May&gt;, the office said&#0; today.</p>")
    )
    (text,) = [quote for quote in quotes(article, "paragraph") if "crowns" in quote]
    assert "&amp; more 😀 in <May>" in text


@pytest.mark.parametrize("declared", ["euc-kr", "cp949", "EUC-KR"])
def test_the_declared_encoding_is_used(declared: str) -> None:
    body = "<p>부산항이 새 부두를 월요일에 열었다. 하루에 배 열 척이 들어올 수 있다고 한다.</p>" * 2
    markup = page(body, f"<html><head><meta charset='{declared}'><title>부산항</title></head>")
    article = read(markup.encode("cp949"))
    assert "새 부두를" in article.text
    assert article.language == "ko"
    assert article.warnings == ()


def test_a_wrong_declaration_loses_against_the_bytes_and_is_said() -> None:
    article = read(
        page(
            BODY + "<p>Ein neuer Café-Kai für große Schiffe öffnet bald am alten Hafen.</p>",
            "<html><meta charset=euc-kr>",
        )
    )
    assert "Café-Kai für große" in article.text
    assert article.warnings == ("declared as euc-kr, but is UTF-8",)


@pytest.mark.parametrize(
    "markup", ["<div>" * 100_000 + BODY, "<a " * 20_000, page("<b>" * 5000 + BODY), "<table>" * 3000 + BODY]
)
def test_hostile_nesting_ends_in_an_article_or_a_reason(markup: str) -> None:
    begin = time.perf_counter()
    try:
        text = read(markup).text
    except UnreadableFileError as error:
        text = error.reason
    # The parser drops what lies deeper than 256 elements; what is left must be text, in time.
    assert text
    assert "<" not in text
    assert time.perf_counter() - begin < 8


def test_a_page_that_hangs_on_a_formula_is_told() -> None:
    """lxml takes the formula for the root of the tree, and will not take a root out."""
    with pytest.raises(UnreadableFileError) as caught:
        read(f"<math>{BODY}</math><body>")
    assert caught.value.reason == "malformed"


@pytest.mark.parametrize("reference", ["&#11;", "&#x1F", "&#0;", "&#xffff;", "&#65534;", "&#x1b;", "\uffff", "\x0b"])
@pytest.mark.parametrize("shape", ["ten{} ships", "<b>ten{}</b> ships", "ten<br>{} ships"])
def test_a_character_that_xml_does_not_have_costs_no_article(reference: str, shape: str) -> None:
    article = read(page(BODY.replace("ten ships", shape.format(reference))))
    assert " ".join(article.text.split()).count("the quay will take ten ships a week") == 1


@pytest.mark.parametrize(
    ("reference", "meant"), [("&#233;", "é"), ("&#x1F600;", "😀"), ("&#10;", " "), ("&#44032;", "가")]
)
def test_other_numbered_characters_stay(reference: str, meant: str) -> None:
    article = read(page(BODY.replace("ten ships", f"ten{reference} ships")))
    assert f"ten{meant}ships" in " ".join(article.text.split()).replace(f"{meant} ships", f"{meant}ships")
