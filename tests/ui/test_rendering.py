"""Rendering: text of others stays text, whatever it is, and offsets decide what is marked."""

import dataclasses
import html
import re
from datetime import date
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from indexer.articles import Block, Sentence
from qa.reader import Evidence
from qa.retrieval import Filters
from tests.ui.records import TODAY, make_answer, make_article, make_variants
from ui.page.answers import answer_steps, note_html, question_html, remark_html
from ui.page.articles import article_page, missing_page, web_address
from ui.page.markup import Exchange, article_address, article_html, escape
from ui.page.sources import PANEL_CHARS, sources_html
from ui.texts import ENGLISH, KOREAN

PAYLOADS = [
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><img src=x onerror=alert(1)>',
    "'><img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<svg/onload=alert`1`>",
    "<math><mi//xlink:href='data:x,<script>alert(1)</script>'>",
    "<iframe src=javascript:alert(1)>",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "<object data=javascript:alert(1)>",
    "<embed src=javascript:alert(1)>",
    "<a href=javascript:alert(1)>x</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
    "<form action=https://example.org><input name=q></form>",
    "<button formaction=javascript:alert(1)>x</button>",
    "<details open ontoggle=alert(1)>",
    "<style>*{display:none}</style>",
    "<link rel=stylesheet href=https://example.org/x.css>",
    "<base href=https://example.org/>",
    "<meta http-equiv=refresh content='0;url=https://example.org'>",
    "<template><script>alert(1)</script></template>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<textarea><script>alert(1)</script>",
    "<title></title><script>alert(1)</script>",
    "<xmp><script>alert(1)</script>",
    "<plaintext>",
    "<!--<img src=x onerror=alert(1)>-->",
    "--><script>alert(1)</script>",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?xml version='1.0'?>",
    "<!doctype html>",
    "</div></section></details></article></body>",
    "</q></p></div><p>out",
    "</mark><script>alert(1)</script><mark>",
    "</style><script>alert(1)</script>",
    "<p onclick=alert(1) style=position:fixed>x",
    "<x onfocus=alert(1) tabindex=0 autofocus>",
    '" onmouseover="alert(1)',
    "' onmouseover='alert(1)",
    '" autofocus onfocus="alert(1)" x="',
    "x onmouseover=alert(1) y=",
    "` onmouseover=alert(1)",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;alert(1)&#60;/script&#62;",
    "&amp;lt;img src=x&amp;gt;",
    "&quot;&gt;&lt;img&gt;",
    "&#x3c;img src=x onerror=alert(1)&#x3e;",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "java\nscript:alert(1)",
    "data:text/html;base64,PHNjcmlwdD4=",
    "vbscript:msgbox(1)",
    "//example.org/x",
    "https://example.org/x",
    "www.example.org",
    "someone@example.org",
    "<https://example.org>",
    "[x](https://example.org)",
    "[x](javascript:alert(1))",
    "![x](https://example.org/x.png)",
    "![x](x 'onerror=alert(1)')",
    "[x]: https://example.org",
    "[x][y]\n\n[y]: javascript:alert(1)",
    "[1](#t1-c1)",
    "[1][2][3]",
    "# heading",
    "\n\n# heading\n\n",
    "- item\n- item",
    "1. one\n2. two",
    "> quote",
    "---",
    "***bold*** __bold__ ~~gone~~",
    "`code` ```js\nalert(1)\n```",
    "\n\n    indented code",
    "\n\n<script>alert(1)</script>\n\n",
    "| a | b |\n|---|---|\n| 1 | 2 |",
    "line one  \nline two\\\nline three",
    "$$\\href{javascript:alert(1)}{x}$$",
    "\\(x\\) \\[y\\] $z$",
    "${alert(1)}",
    "`${alert(1)}`",
    "{{alert(1)}}",
    "{{{constructor.constructor('alert(1)')()}}}",
    "{{#each x}}{{/each}}",
    "{% raw %}{{ 1 }}{% endraw %}",
    "<%= 1 %>",
    "#{1+1}",
    "@{1+1}",
    "\u202ereversed\u202c",
    "\ufeff<script>",
    "\u2028<script>\u2029",
    "＜script＞",
    "\x00<script>\x00",
    "\x1b[31m<script>",
    "a\tb\r\nc",
    "../../etc/passwd",
    "file.md?start=1#<script>",
    "%3Cscript%3E",
    "😀<b>👩‍👩‍👧</b>",
    "가<script>나",
]

KINDS = tuple(make_variants("x"))

hostile = st.one_of(
    st.sampled_from(PAYLOADS),
    st.text(min_size=1, max_size=80),
    st.lists(st.sampled_from([*"<>&\"'`$[](){}!#*_-=/\\ \n:", "x", "script", "http://a", "${", "{{"]), min_size=1).map(
        "".join
    ),
)


class Structure(HTMLParser):
    """The tags with their attributes, and the text, as a browser's parser sees them."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.addresses: list[str] = []
        self.text = ""
        self.others: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(name for name, _ in attrs)))
        self.addresses += [value or "" for name, value in attrs if name in ("href", "src", "action")]

    def handle_endtag(self, tag: str) -> None:
        self.tags.append(("/" + tag, ()))

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        self.others.append(data)

    def handle_decl(self, decl: str) -> None:
        self.others.append(decl)

    def handle_pi(self, data: str) -> None:
        self.others.append(data)

    def unknown_decl(self, data: str) -> None:
        self.others.append(data)


def rendered(words: str, kind: str = "answered") -> list[str]:
    """Everything that is made of an answer whose every text is these words."""
    answer = make_variants(words)[kind]
    exchange = Exchange(2, answer, Filters(sources=(words,)))
    return [
        question_html(words, ENGLISH),
        note_html(words),
        remark_html(words),
        *answer_steps(exchange, ENGLISH),
        sources_html([Exchange(1, answer), exchange], ENGLISH, today=TODAY),
        article_page(make_article(words), (0, len(words)), ENGLISH, stale=True),
    ]


def as_shown(words: str) -> str:
    """What a visitor should read: control characters and halves of characters cannot be shown."""
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f]", "\ufffd", words.encode("utf-8", "replace").decode())


def assert_harmless(words: str, kind: str) -> None:
    for page, plain in zip(rendered(words, kind), rendered("x", kind), strict=True):
        structure, expected = Structure(page), Structure(plain)
        assert structure.tags == expected.tags
        assert structure.others == expected.others
        assert as_shown(words) in structure.text
        assert all(address.startswith(("#", "../")) for address in structure.addresses)


@pytest.mark.parametrize("words", PAYLOADS)
def test_hostile_text_yields_no_tag_attribute_or_address_of_its_own(words: str) -> None:
    for kind in KINDS:
        assert_harmless(words, kind)


@given(hostile, st.sampled_from(KINDS))
def test_no_text_yields_a_tag_attribute_or_address_of_its_own(words: str, kind: str) -> None:
    assert_harmless(words, kind)


@given(hostile)
def test_markdown_and_templates_find_nothing_in_text(words: str) -> None:
    escaped = escape(words)
    assert not re.search(r"[!-%'-/:<-@\[-`{-~]", escaped.replace("&#", "").replace(";", ""))
    assert html.unescape(escaped) == as_shown(words)


@given(hostile, st.sampled_from(KINDS))
def test_a_chat_message_is_the_same_after_markdown(words: str, kind: str) -> None:
    exchange = Exchange(1, make_variants(words)[kind])
    for message in [question_html(words, ENGLISH), *answer_steps(exchange, ENGLISH)]:
        assert Structure(MarkdownIt("commonmark", {"html": True}).render(message)).tags == Structure(message).tags


def test_half_a_character_is_shown_as_a_mark() -> None:
    assert escape("\ud800<b>") == "&#63;&#60;b&#62;"


def test_there_are_enough_payloads() -> None:
    assert len(set(PAYLOADS)) >= 80


@given(st.text(min_size=1, max_size=120), st.data())
def test_the_mark_holds_exactly_the_quoted_slice(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    article = make_article("x", text=text)
    page = article_html(article, (start, end), (0, len(text)), mark_id="m")
    marks = re.findall(r'<mark id="m" tabindex="-1">(.*?)</mark>', page, re.DOTALL)
    assert [html.unescape(mark) for mark in marks] == [as_shown(text[start:end])]
    assert Structure(page).text == as_shown(text)


def test_a_quotation_over_several_blocks_is_marked_in_each_and_has_one_id() -> None:
    text = "One two.\n\nThree four."
    article = dataclasses.replace(
        make_article("x", text=text), blocks=(Block("paragraph", 0, 8), Block("paragraph", 10, 21))
    )
    page = article_html(article, (4, 15), None, mark_id="m")
    assert page.count("<mark") == 2
    assert page.count(' id="m"') == 1
    assert "One <mark" in page


def test_a_long_article_is_shown_around_its_quotation() -> None:
    sentences = [f"Sentence {number} of a long article." for number in range(6000)]
    text = "\n".join(sentences)
    starts = [match.start() for match in re.finditer("^", text, re.MULTILINE)]
    blocks = tuple(Block("paragraph", start, start + len(one)) for start, one in zip(starts, sentences, strict=True))
    article = dataclasses.replace(make_article("x", text=text), blocks=blocks)
    start = text.index("Sentence 3000 ")
    sentence = Sentence(start, start + len(sentences[3000]))
    evidence = Evidence(article, sentence, 0.9)
    answer = dataclasses.replace(make_answer("x", outcome="not_in_articles"), evidence=[evidence], hits=[], warnings=())
    page = sources_html([Exchange(1, answer)], ENGLISH, today=TODAY)
    assert len(Structure(page).text) < PANEL_CHARS + 2000
    assert html.escape(ENGLISH.shortened) == ENGLISH.shortened in page
    assert 'id="t1-c0-mark"' in page


def test_early_answers_show_less_of_a_long_article() -> None:
    text = "One sentence. " * 800
    article = make_article("x", text=text)
    evidence = Evidence(article, Sentence(5600, 5613), 0.9)
    answer = dataclasses.replace(make_answer("x", outcome="not_in_articles"), evidence=[evidence], hits=[])
    page = sources_html([Exchange(turn, answer) for turn in range(1, 6)], ENGLISH, today=TODAY)
    assert page.count(ENGLISH.shortened) == 2
    assert page.count(">One sentence&#46;</mark>") == 5
    assert len(Structure(page).text) < 3 * len(text) + 2 * 4_000 + 2_000


def test_an_answer_grows_by_one_sentence_at_a_time_and_ends_with_its_warnings() -> None:
    answer = make_answer("Boats cross the bay")
    first = answer.citations[0]
    three = [dataclasses.replace(first, index=number) for number in (1, 2, 3)]
    steps = answer_steps(Exchange(4, dataclasses.replace(answer, citations=three)), ENGLISH)
    assert [step.count("<q>") for step in steps] == [1, 2, 3]
    assert all("fn-short" in step for step in steps)
    assert [ENGLISH.warning_embedder_blind in Structure(step).text for step in steps] == [False, False, True]
    assert 'href="#t4-c3"' in steps[-1]


def test_ids_belong_to_their_turn() -> None:
    exchanges = [Exchange(turn, make_answer("Boats")) for turn in (1, 2, 3)]
    page = sources_html(exchanges, ENGLISH, today=TODAY)
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids)) == 9
    assert page.index('id="t3"') < page.index('id="t2"') < page.index('id="t1"')


def test_what_is_not_in_the_articles_says_so_with_the_closest_passage_and_the_filters() -> None:
    filters = Filters(published_from=date(2026, 1, 1), languages=("ko",), collections=("news/<b>",))
    exchange = Exchange(1, make_answer("Boats cross", outcome="not_in_articles"), filters)
    for words, shown in (
        (ENGLISH, "from 1 Jan 2026, Korean, collection news/<b>"),
        (KOREAN, "2026년 1월 1일부터, 한국어, 컬렉션 news/<b>"),
    ):
        (step,) = answer_steps(exchange, words)
        assert words.not_in_articles in step
        assert "Boats cross" in step
        assert shown in Structure(step).text
        card = sources_html([exchange], words, today=TODAY)
        assert words.closest_card in card


def test_an_unverified_quotation_is_labelled() -> None:
    answer = make_answer("Boats")
    loose = dataclasses.replace(answer.citations[0], verified=False)
    page = sources_html([Exchange(1, dataclasses.replace(answer, citations=[loose]))], ENGLISH, today=TODAY)
    assert ENGLISH.not_verified in page


def test_dates_tell_how_they_are_known() -> None:
    answer = make_answer("Boats")
    page = sources_html([Exchange(1, answer)], ENGLISH, today=TODAY)
    assert "31 Jan 2026" in page
    assert ENGLISH.date_text in page
    assert "newest source 29 days old" in Structure(page).text
    undated = dataclasses.replace(make_article("Boats"), published=None)
    assert ENGLISH.date_unknown in article_page(undated, None, ENGLISH, stale=False)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://example.org/a?b=1&c=2", True),
        ("http://example.org", True),
        ("javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("//example.org", False),
        ("https:", False),
        ("https://[broken", False),
        ('https://example.org/"onclick="x', True),
        (None, False),
    ],
)
def test_only_addresses_of_the_web_become_links(url: str | None, shown: bool) -> None:
    page = article_page(make_article("x", url=url), None, ENGLISH, stale=False)
    links = [address for address in Structure(page).addresses if not address.startswith("../")]
    assert links == ([url] if shown else [])
    assert (web_address(url) is not None) == shown


def test_an_article_address_holds_its_slice() -> None:
    article = make_article("dir/한글 #1?.md")
    address = html.unescape(article_address(article, 3, 9))
    assert address.startswith("../articles/dir/%ED%95%9C%EA%B8%80%20%231%3F.md?start=3&end=9&sha=")
    assert address.endswith("#mark")
    assert "?" not in html.unescape(article_address(article, 0, 0))


def test_a_missing_article_has_a_page() -> None:
    assert KOREAN.article_not_found in missing_page(KOREAN)
