"""Markdown: front matter in every state of disrepair, and a body that quotes well."""

import time
from datetime import date

import pytest

from indexer.articles import Article, BlockKind
from indexer.formats import read_article

BODY = "The harbour opened its new quay on Monday."


def read(text: str) -> Article:
    return read_article("a.md", text.encode())


def quotes(article: Article, kind: BlockKind) -> list[str]:
    return [article.quote(block.start, block.end) for block in article.blocks if block.kind == kind]


def test_front_matter_wins_over_what_the_body_shows() -> None:
    article = read(
        "---\ntitle: 'Quay: open'\nsource: Port Daily\npublished: 2025-06-23\nauthor: [Jane, Bob]\n"
        "url: https://example.org/quay\nlanguage: en-GB\ntags: [ports, ships]\n---\n"
        f"# Another Heading\n\n2024-01-01\n\n{BODY}\n\n© Other Daily. All rights reserved.\n"
    )
    assert (article.title, article.source, article.published) == ("Quay: open", "Port Daily", date(2025, 6, 23))
    assert (article.author, article.url, article.language) == ("Jane, Bob", "https://example.org/quay", "en")
    assert article.tags == ("ports", "ships")
    assert set(article.provenance.values()) == {"front matter"}
    assert quotes(article, "paragraph") == [BODY]
    assert "title:" not in article.text


def test_without_front_matter_the_body_speaks() -> None:
    article = read(f"# Quay *open*\n\nJun 23, 2025\n\n{BODY}\n")
    assert (article.title, article.published) == ("Quay open", date(2025, 6, 23))
    assert article.provenance["title"] == article.provenance["published"] == "text"
    assert quotes(article, "heading") == ["Quay open"]


@pytest.mark.parametrize("written", ["2024-13-45", "0000-00-00", "soon", "12:30:45", "03/04/2025"])
def test_a_bad_date_is_unknown_and_said(written: str) -> None:
    article = read(f"---\ndate: {written}\n---\n{BODY}\n")
    assert article.published is None
    assert "published" not in article.provenance
    assert "is not a date" in article.warnings[0]
    assert quotes(article, "paragraph") == [BODY]


@pytest.mark.parametrize(
    ("front", "title"),
    [
        ("title: Foo: bar", "Foo: bar"),
        ("title: Quay\n\tindented: tab", "Quay"),
        ("title: Quay\nx: " + "[" * 8000, "Quay"),
        ("title: Quay\nbomb: &b [1, 2]\nmore: [*b, *b, *b]", "Quay"),
        ("title: Quay\nself: &s [*s]", "Quay"),
        ("title: Quay\ntitle: Other", "Quay"),
    ],
)
def test_a_broken_front_matter_keeps_title_and_body_and_is_said(front: str, title: str) -> None:
    begin = time.perf_counter()
    article = read(f"---\n{front}\n---\n{BODY}\n")
    assert time.perf_counter() - begin < 5
    assert article.title == title
    assert quotes(article, "paragraph") == [BODY]
    assert article.warnings


def test_tags_of_python_objects_are_only_text() -> None:
    article = read(f"---\ntitle: !!python/object/apply:os.getcwd []\nauthor: !!python/name:os.system x\n---\n{BODY}\n")
    assert article.title == "a"
    assert article.author == "x"
    assert quotes(article, "paragraph") == [BODY]


@pytest.mark.parametrize("written", ["NO", "1.10", "12:30:45", "9" * 5000])
def test_scalars_stay_as_written(written: str) -> None:
    assert read(f"---\ntags: [{written}]\n---\n{BODY}\n").tags == (written,)


def test_an_unclosed_front_matter_keeps_the_body() -> None:
    article = read(f"---\ntitle: Quay\ndate: 2025-06-23\n\n{BODY}\n")
    assert (article.title, article.published) == ("Quay", date(2025, 6, 23))
    assert article.warnings == ("front matter is not closed",)
    assert quotes(article, "paragraph") == [BODY]


def test_two_rules_around_prose_are_no_front_matter() -> None:
    article = read(f"---\nFirst, this is said here.\n\n---\n\n{BODY}\n")
    assert quotes(article, "paragraph") == ["First, this is said here.", BODY]


def test_a_front_matter_alone_is_no_text() -> None:
    with pytest.raises(Exception, match="sentence"):
        read("---\ntitle: Quay\n---\n\n# Quay\n")


def test_the_body_reads_without_mark_up() -> None:
    article = read(
        "# Quay\n\nThe **new** [quay](https://x.org) is `open` ![img](y.png) and\nlong &amp; wide.\\\nNext line.\n\n"
        "- one *item*\n- two\n  - nested\n\n| a | b |\n|---|---|\n| 1 | **2** |\n\n> A quoted sentence.\n\n"
        "```py\nx = 1\n```\n\n<div>Raw <b>words</b></div>\n\n"
        "<script>alert(1)</script>\n\n<!-- secret -->\n\nEnd <i>here</i>.\n"
    )
    assert quotes(article, "paragraph") == [
        "The new quay is open and long & wide.\nNext line.",
        "one item",
        "two",
        "nested",
        "a | b",
        "1 | 2",
        "A quoted sentence.",
        "x = 1",
        "Raw words",
        "End here.",
    ]


def test_clutter_is_marked_in_markdown_too() -> None:
    article = read(f"# Quay\n\n{BODY}\n\nShare\n\n© Port Daily. All rights reserved.\n\n- Harbour\n- Ships\n- Cranes\n")
    assert quotes(article, "clutter") == ["Share", "© Port Daily. All rights reserved."]
    assert article.source == "Port Daily"
    assert quotes(article, "paragraph") == [BODY, "Harbour", "Ships", "Cranes"]


def test_a_repeated_key_counts_once() -> None:
    article = read(f"---\ntitle: A\ntitle: B\n---\n{BODY}\n")
    assert article.title == "A"
    assert "repeats 'title'" in article.warnings[0]
