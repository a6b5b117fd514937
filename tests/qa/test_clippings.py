"""Pages and pasted texts as files: what is read from them is what was known of them."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.corpus import scan
from indexer.formats import read_article
from indexer.settings import Settings
from qa.clippings import add_page, page_file, stem_of, text_file
from qa.fetching import Page
from qa.uploads import AddOutcome, add_file, clean_name
from tests.qa.page_server import KOREAN_TEXT, PAGE, TEXT, Site, page_server


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """A site for all tests."""
    with page_server() as served:
        yield served


def added(site: Site, path: str, corpus: Path) -> AddOutcome:
    """Fetch a path of the site into a corpus."""
    settings = Settings(corpus=corpus, fetch_urls=True, fetch_private_addresses=True)
    url = f"http://127.0.0.1:{site.port}/{path}"
    outcome = add_page(url, settings, lambda name, data: add_file(corpus, name, data, max_bytes=2**20))
    assert outcome.name == url
    return outcome


@pytest.mark.parametrize(
    ("path", "name", "title"),
    [
        ("page", "beekeepers-report-a-record-harvest.html", "Beekeepers report a record harvest"),
        ("canonical?a=1", "beekeepers-report-a-record-harvest.html", "Beekeepers report a record harvest"),
        ("xhtml", "beekeepers-report-a-record-harvest.html", "Beekeepers report a record harvest"),
        ("odd-charset", "beekeepers-report-a-record-harvest.html", "Beekeepers report a record harvest"),
        ("headless", "honey.html", "Honey"),
        ("fragment", "fragment.html", "fragment"),
        ("korean", "꿀-수확.html", "꿀 수확"),
        ("markdown", "a-record-harvest.md", "A record harvest"),
        ("front", "honey.md", "Honey"),
    ],
)
def test_a_page_keeps_its_words_and_its_address(site: Site, path: str, name: str, title: str, tmp_path: Path) -> None:
    outcome = added(site, path, tmp_path)
    assert (outcome.status, outcome.article_id) == ("added", name), outcome
    [file] = scan(tmp_path, max_bytes=2**20).files
    article = file.article
    assert article.title == title
    assert (KOREAN_TEXT if path == "korean" else TEXT) in article.text
    assert article.url
    assert article.url.partition("?")[0] == f"http://127.0.0.1:{site.port}/{path.partition('?')[0]}"
    assert article.warnings in ((), ("front matter repeats 'url': the first one counts",))
    assert added(site, path, tmp_path).status == "already_there"


def test_what_the_server_says_of_the_encoding_counts_only_when_it_fits(site: Site, tmp_path: Path) -> None:
    added(site, "wrong-charset", tmp_path)
    [file] = scan(tmp_path, max_bytes=2**20).files
    assert "hönig" in file.article.text


@pytest.mark.parametrize(
    ("path", "reason"), [("nothing", "bad_status"), ("pdf", "unsupported"), ("empty", "empty"), ("flood", "too_large")]
)
def test_what_cannot_be_added_is_refused_with_its_reason(site: Site, path: str, reason: str, tmp_path: Path) -> None:
    outcome = added(site, path, tmp_path)
    assert (outcome.status, outcome.reason) == ("refused", reason)
    assert outcome.detail
    assert list(tmp_path.iterdir()) == []


HOSTILE = st.text(max_size=40) | st.sampled_from(
    [
        "../../etc/passwd",
        "README",
        "Thumbs",
        "a\u202egpj.exe",
        "CON",
        ".hidden",
        "<img onerror=x>",
        "---",
        "a: b\n- c",
        "가" * 300,
    ]
)


@settings(max_examples=60, deadline=None)
@given(HOSTILE)
def test_any_title_makes_a_name_that_can_be_kept(title: str) -> None:
    stem = stem_of(title)
    assert len(stem) <= 90
    if stem:
        assert clean_name(f"{stem}.md") == f"{stem}.md"


@settings(max_examples=60, deadline=None)
@given(HOSTILE, HOSTILE, st.none() | st.dates(min_value=date(1990, 1, 1), max_value=date(2030, 1, 1)))
def test_a_pasted_text_says_what_was_said_of_it(title: str, source: str, published: date | None) -> None:
    url = "https://example.org/honey?a=%22b%22"
    _, data = text_file(f"Honey {title}", TEXT, source=f"Gazette {source}", published=published, url=url)
    article = read_article("a.md", data)
    assert article.title.startswith("Honey")
    assert (article.published, article.url, article.text) == (published, url, TEXT)
    assert article.source
    assert article.source.startswith("Gazette")
    assert not article.warnings


def test_a_pasted_text_with_rules_in_it_stays_a_text() -> None:
    name, data = text_file("A title", f"---\ntitle: Another\n---\n\n{TEXT}")
    assert name == "a-title.md"
    assert read_article(name, data).title == "A title"


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=200), st.sampled_from(["text/html", "text/plain"]), st.none() | st.text(max_size=12))
def test_no_body_breaks_it(body: bytes, kind: str, charset: str | None) -> None:
    name, data = page_file(Page("http://example.org/a/b.html", kind, charset, body))
    assert clean_name(name) == name
    assert isinstance(data, bytes)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("http://example.org/2025/honey-harvest.html?x=1", "honey-harvest.html"),
        ("http://example.org/%EA%BF%80", "꿀.html"),
        ("http://example.org/%2e%2e%2f%2e%2e%2fetc%2fpasswd", "passwd.html"),
        ("http://example.org/", "example-org.html"),
        ("http://example.org/README", "readme-article.html"),
    ],
)
def test_without_a_title_the_address_names_the_file(url: str, name: str) -> None:
    assert page_file(Page(url, "text/html", None, f"<p>{TEXT}</p>".encode()))[0] == name


def test_scripts_do_not_swallow_the_link() -> None:
    trap = PAGE.replace("<head>", "<head><script>let a = '</head>';</script>")
    name, data = page_file(Page("http://example.org/x", "text/html", None, trap.encode()))
    assert read_article(name, data).url == "http://example.org/x"


@pytest.mark.parametrize(
    ("opening", "kept"),
    [
        ("---\nFirst, this is said here.\n\n---\n", "First, this is said here."),
        ("---\nlayout: post\n---\n", ""),
        ("---\ntitle: Honey\n", ""),
    ],
)
def test_what_stands_between_two_rules_is_kept(opening: str, kept: str) -> None:
    body = f"{opening}\n{TEXT}\n".encode()
    name, data = page_file(Page("http://example.org/x", "text/markdown", None, body))
    article = read_article(name, data)
    assert article.url == "http://example.org/x"
    assert article.text == read_article(name, body).text
    assert kept in article.text
    assert "layout" not in article.text
