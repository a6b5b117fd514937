"""Passages: laws over generated articles, and the exact shape of a few."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from indexer.articles import Article, Block, BlockKind
from indexer.chunking import chunk, embedded_text, sentences_of

WORDS = 30

sentence = st.integers(1, 25).map(lambda n: " ".join(["Word"] * n) + ".")
paragraph = st.lists(sentence, min_size=1, max_size=8).map(" ".join)


def kind(name: BlockKind) -> st.SearchStrategy[BlockKind]:
    return st.just(name)


Part = tuple[BlockKind, str]
part: st.SearchStrategy[Part] = st.one_of(
    st.tuples(kind("paragraph"), paragraph),
    st.tuples(kind("paragraph"), st.text(min_size=1, max_size=300)),
    st.tuples(kind("heading"), st.sampled_from(["One", "Two", "Three"])),
    st.tuples(kind("clutter"), st.sampled_from(["Share", "© The Gazette"])),
)


def article(*parts: Part, title: str = "Title", language: str = "en") -> Article:
    text, blocks = "", []
    for kind, raw in parts:
        if raw.strip():
            start = len(text)
            text += raw.strip()
            blocks.append(Block(kind, start, len(text)))
            text += "\n\n"
    return Article("a.md", text, title, language, tuple(blocks))


articles = st.lists(part, max_size=8).map(lambda parts: article(*parts))


def section_of(a: Article, offset: int) -> int:
    return sum(block.kind == "heading" and block.start < offset for block in a.blocks)


def words(a: Article, start: int, end: int) -> int:
    text = a.quote(start, end)
    return max(len(text.split()), len(text) // 12)


@given(articles)
def test_law_every_sentence_is_in_a_passage_and_nothing_else_is(a: Article) -> None:
    body = sentences_of(a)
    chunked = [s for passage in chunk(a, words=WORDS) for s in passage.sentences]
    assert set(chunked) == set(body)
    assert sorted(set(chunked), key=lambda s: s.start) == body


@given(articles)
def test_law_sentences_lie_in_paragraphs(a: Article) -> None:
    paragraphs = [block for block in a.blocks if block.kind == "paragraph"]
    for s in sentences_of(a):
        assert any(block.start <= s.start < s.end <= block.end for block in paragraphs)
        assert a.quote(s.start, s.end) == a.quote(s.start, s.end).strip() != ""


@given(articles)
def test_law_passages_are_sorted_and_their_offsets_are_those_of_their_sentences(a: Article) -> None:
    passages = chunk(a, words=WORDS)
    for passage in passages:
        assert (passage.start, passage.end) == (passage.sentences[0].start, passage.sentences[-1].end)
        assert passage.article_id == a.id
    for first, second in pairwise(passages):
        assert first.start < second.start
        assert first.end < second.end


@given(articles)
def test_law_passages_overlap_by_at_most_one_sentence_and_never_across_a_heading(a: Article) -> None:
    passages = chunk(a, words=WORDS)
    for passage in passages:
        assert len({section_of(a, s.start) for s in passage.sentences}) == 1
    for first, second in pairwise(passages):
        shared = [s for s in first.sentences if s in second.sentences]
        assert shared in ([], [first.sentences[-1]])
        assert len(second.sentences) > len(shared)


@given(articles)
def test_law_sizes_are_bounded(a: Article) -> None:
    for passage in chunk(a, words=WORDS):
        total = sum(words(a, s.start, s.end) for s in passage.sentences)
        assert total <= 1.5 * WORDS or len(passage.sentences) == 1


@given(articles)
def test_law_the_same_article_gives_the_same_passages(a: Article) -> None:
    assert chunk(a, words=WORDS) == chunk(a, words=WORDS)


def test_consecutive_passages_share_one_sentence() -> None:
    a = article(("paragraph", " ".join(f"Sentence number {n} has exactly ten words in all, yes." for n in range(12))))
    passages = chunk(a, words=WORDS)
    assert [len(passage.sentences) for passage in passages] == [3, 3, 3, 3, 3, 2]
    for first, second in pairwise(passages):
        assert first.sentences[-1] == second.sentences[0]


def test_a_passage_reads_on_over_clutter_without_it() -> None:
    a = article(("paragraph", "One sentence here."), ("clutter", "Kim Minsu"), ("paragraph", "Another one here."))
    (passage,) = chunk(a)
    assert embedded_text(a, passage) == "Title\nOne sentence here. Another one here."


def test_headings_are_context_not_sentences() -> None:
    a = article(
        ("heading", "Title"),
        ("paragraph", "Before any other heading."),
        ("heading", "Costs"),
        ("heading", "Next year"),
        ("paragraph", "It will cost more."),
    )
    first, second = chunk(a)
    assert embedded_text(a, first) == "Title\nBefore any other heading."
    assert second.heading == "Next year"
    assert embedded_text(a, second) == "Title\nNext year\nIt will cost more."


def test_korean_counts_the_words_between_spaces() -> None:
    a = article(("paragraph", "정부는 내년 예산을 크게 늘린다. " * 20), language="ko")
    assert {len(passage.sentences) for passage in chunk(a, words=WORDS)[:-1]} == {6}


def test_writing_without_spaces_is_bounded_too() -> None:
    a = article(("paragraph", "これは日本語の文章です。" * 200), language="und")
    assert all(passage.end - passage.start <= 1.5 * WORDS * 12 + 24 for passage in chunk(a, words=WORDS))


def test_an_article_without_body_has_no_passages() -> None:
    assert chunk(article(("heading", "Only"), ("clutter", "Share"))) == []


def test_ids_differ_between_articles_and_places() -> None:
    a = article(("heading", "One"), ("paragraph", "Same words."), ("heading", "Two"), ("paragraph", "Same words."))
    first, second = chunk(a)
    assert first.id != second.id
