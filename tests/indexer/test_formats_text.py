"""Plain text in the shapes that news sites leave behind: title, date, buttons, captions, tags."""

from datetime import date

from indexer.articles import Article, BlockKind
from indexer.formats import read_article

FIRST = "The harbour opened its new quay on Monday, and the first ship came in at noon with cars from the north."
SECOND = "The port office said that the quay will take ten ships a week, twice what the old one could take so far."


def read(*lines: str) -> Article:
    return read_article("folder/port-news.txt", "\n".join(lines).encode())


def kinds(article: Article) -> dict[str, BlockKind]:
    return {article.quote(block.start, block.end): block.kind for block in article.blocks}


def test_title_date_button_and_an_agency_opening() -> None:
    opening = f"en.Portnews.com Reported - {FIRST}"
    article = read("Harbour Opens Its New Quay", "2026-06-30 09:47", "Favorite", "", opening, "", SECOND)
    assert article.title == "Harbour Opens Its New Quay"
    assert article.published == date(2026, 6, 30)
    assert article.source == "en.Portnews.com"
    assert article.provenance == {"title": "text", "language": "text", "published": "text", "source": "text"}
    assert kinds(article) == {
        "Harbour Opens Its New Quay": "heading",
        "2026-06-30 09:47": "clutter",
        "Favorite": "clutter",
        opening: "paragraph",
        SECOND: "paragraph",
    }


def test_a_bare_name_between_paragraphs_is_a_caption() -> None:
    article = read("Harbour Opens Its New Quay", "", FIRST, "", "Kim Min-su", "", SECOND)
    assert kinds(article)["Kim Min-su"] == "clutter"


def test_copyright_and_image_lines_at_the_end() -> None:
    image = "![[Port] The Quay: it's 'Open'](https://example.org/a_1.jpg)"
    rights = "© The Port Daily(www.example.org). All rights reserved."
    article = read("Harbour Opens Its New Quay", FIRST, SECOND, rights, image, "")
    assert kinds(article)[rights] == kinds(article)[image] == "clutter"
    assert article.source == "The Port Daily"
    assert article.published is None


def test_an_article_that_opens_with_a_caption_is_titled_by_its_first_sentence() -> None:
    caption = "The minister speaks at the quay in the harbour on Sep. 18. /Courtesy of Port News"
    article = read(caption, "", FIRST, "", SECOND)
    assert article.title == "The harbour opened its new quay on Monday, and the first ship came in at noon with cars…"
    assert article.provenance["title"] == "text"
    assert article.source is None
    assert kinds(article) == {caption: "clutter", FIRST: "paragraph", SECOND: "paragraph"}


def test_an_article_without_title_is_titled_by_its_first_sentence() -> None:
    assert read("The quay is open. It is long.").title == "The quay is open"


def test_headings_a_deck_and_a_caption_inside() -> None:
    deck = "Responding to Years of Delay with Money from the City and the State"
    quoted = 'Port Chief Kim: "The Quay Is the Only Way"'
    caption = "The port chief gives a talk in the old hall. Photo by Port News"
    article = read("Harbour Opens Its New Quay", deck, FIRST, caption, SECOND, quoted, FIRST, SECOND)
    assert kinds(article)[deck] == kinds(article)[quoted] == "heading"
    assert kinds(article)[caption] == "clutter"


def test_blog_shape_with_categories_repeated_title_and_tags() -> None:
    title = "Harbour Opens: Up to 10 Ships a Week"
    tags = ["Harbour", "port office", "new quay", "R&D", "Ministry of Ports"]
    article = read(
        title, "", "Jun 23, 2025", "Ports, Industry, News", title, "", "Why Is the Quay So Long?", "", FIRST, "",
        "관련 이미지", "", SECOND, "", *tags, "", "Discover More", "", "To List",
    )  # fmt: skip
    found = [(article.quote(b.start, b.end), b.kind) for b in article.blocks]
    assert found[:5] == [
        (title, "heading"),
        ("Jun 23, 2025", "clutter"),
        ("Ports, Industry, News", "clutter"),
        (title, "clutter"),
        ("Why Is the Quay So Long?", "heading"),
    ]
    assert [text for text, kind in found if kind == "paragraph"] == [FIRST, SECOND]
    assert {text for text, kind in found if kind == "clutter"} >= {*tags, "관련 이미지", "Discover More", "To List"}
    assert article.published == date(2025, 6, 23)


def test_a_date_in_prose_is_no_publication_date() -> None:
    article = read("Harbour Opens Its New Quay", "On June 10, 2025, the quay opened to the first ship of the year.")
    assert article.published is None


def test_a_date_line_far_below_is_no_publication_date() -> None:
    assert read("Harbour Opens Its New Quay", *[FIRST] * 12, "June 10, 2025", SECOND).published is None


def test_a_revision_date_does_not_win() -> None:
    article = read("Harbour Opens Its New Quay", "Updated: 2025-06-25", "Published: 2025-06-23", FIRST)
    assert article.published == date(2025, 6, 23)


def test_korean_news() -> None:
    body = "(부산=항구뉴스) 홍길동 기자 = 부산항이 새 부두를 월요일에 열었다. 하루에 배 열 척이 들어올 수 있다."
    article = read(
        "부산항 새 부두 열린다", "입력 2025.06.23 10:11", "홍길동 기자 hong@example.kr", "공유하기", "", body, "",
        "장관이 부두를 둘러보고 있다. [사진=항구일보]", "", "내년에는 철도 연결도 시작한다고 항만공사는 밝혔다.", "",
        "<저작권자 ⓒ 항구뉴스, 무단 전재-재배포 금지>",
    )  # fmt: skip
    assert article.title == "부산항 새 부두 열린다"
    assert (article.language, article.source, article.author) == ("ko", "항구뉴스", "홍길동")
    assert article.published == date(2025, 6, 23)
    paragraphs = [text for text, kind in kinds(article).items() if kind == "paragraph"]
    assert paragraphs == [body, "내년에는 철도 연결도 시작한다고 항만공사는 밝혔다."]


def test_a_list_is_no_tag_list_and_short_facts_stay() -> None:
    facts = ["Price: 5 crowns", "Length: 300 m", "- ten cranes", "- two tugs", "- one pilot boat"]
    article = read("Harbour Opens Its New Quay", FIRST, *facts)
    assert all(kinds(article)[fact] == "paragraph" for fact in facts)


def test_a_single_line_is_body() -> None:
    assert kinds(read("Hello harbour")) == {"Hello harbour": "paragraph"}


def test_hard_wrapped_paragraphs_are_joined_and_lists_are_not() -> None:
    wrapped = [
        "The harbour opened its new quay on Monday, and the first ship came",
        "in at noon with cars from the north. The port office said that the",
        "quay will take ten ships a week, which is twice what the old one",
        "could take so far.",
    ]
    article = read("Harbour Opens Its New Quay", "", *wrapped, "", *wrapped)
    assert list(kinds(article))[1] == " ".join(wrapped)
    verse = ["The quay is long", "The ships are slow", "The cranes are strong", "The tides are low"]
    assert kinds(read(*verse)).keys() == set(verse)
