"""Copies of a story are found, other stories are not, whatever the order of the articles."""

import random
from collections.abc import Iterable
from datetime import date

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.articles import Article, Block
from indexer.duplicates import Bands, bands, fold, fold_again, jaccard, shingles

WORDS = [
    f"{a}{b}{c}" for a in ("ka", "lo", "mi", "ru") for b in ("na", "so", "ti", "ve") for c in ("r", "n", "l", "sk")
]


def article(name: str, paragraphs: list[str], published: date | None = None, *, clutter: str = "") -> Article:
    """An article of these paragraphs, with its name as a headline and perhaps a line of clutter."""
    text, blocks = "", list[Block]()
    for kind, line in (
        ("heading", f"Headline of {name}"),
        *(("paragraph", one) for one in paragraphs),
        ("clutter", clutter),
    ):
        if line:
            text += "\n" if text else ""
            blocks.append(Block(kind, len(text), len(text) + len(line)))  # type: ignore[arg-type]  # a kind by its name
            text += line
    return Article(name, text, name, "en", tuple(blocks), published=published)


def story(seed: int, *, paragraphs: int = 10) -> list[str]:
    """Ten paragraphs of three sentences, thirty in all."""
    draw = random.Random(seed)
    return [
        " ".join(" ".join(draw.choices(WORDS, k=14)).capitalize() + "." for _ in range(3)) for _ in range(paragraphs)
    ]


def test_a_reworded_sentence_makes_no_other_story() -> None:
    original = story(1)
    reworded = [*original]
    reworded[4] = "Nobody had expected that the council would vote so late at night. " + reworded[4].split(". ", 1)[1]
    assert fold([article("a", original), article("b", reworded)]) == {"a": ("b",)}


def test_headlines_clutter_order_and_a_missing_paragraph_make_no_other_story() -> None:
    original = story(2)
    turned = [*original[5:], *original[:5]]
    copies = [
        article("first", original, date(2026, 1, 2)),
        article("byline", ["By our staff in Tolm", *original], date(2026, 1, 1), clutter="Share this"),
        article("turned", turned),
        article("shorter", original[:-1], date(2026, 1, 3)),
    ]
    assert fold(copies) == {"byline": ("first", "shorter", "turned")}


def test_two_stories_on_one_subject_are_two() -> None:
    one = [
        "The harbour town of Tolm will run twelve ferries a day from March, the mayor said on Tuesday.",
        "The second pier, which cost 4.2 million crowns, was built by Norrvik Marine in eleven months.",
    ]
    other = [
        "Passengers in Tolm can look forward to more boats: from March, twelve ferries will leave each day.",
        "Norrvik Marine needed eleven months for the new pier; the town paid 4.2 million crowns.",
    ]
    assert fold([article("a", one), article("b", other)]) == {}
    assert fold([article(str(seed), story(seed)) for seed in range(30)]) == {}


def test_korean_is_compared_by_characters() -> None:
    text = (
        "정부는 2030년까지 인공지능 공장 오백 곳을 세우겠다고 밝혔다. "
        "장관은 대전에서 열린 간담회에서 예산과 세제를 함께 지원하겠다고 말했다."
    )
    other = "한빛시는 새 도서관을 3월 2일에 연다고 밝혔다. 책은 12만 권이다."
    spaced = text.replace("인공지능 공장", "인공지능공장")
    assert len(shingles(article("a", [text]))) > 40
    assert fold([article("a", [text]), article("b", [spaced])]) == {"a": ("b",)}
    assert fold([article("a", [text]), article("b", [other])]) == {}


def test_bodies_too_short_for_a_run() -> None:
    assert fold([article("a", []), article("b", [])]) == {}
    assert fold([article("a", ["One line."]), article("b", ["one LINE"]), article("c", ["Another"])]) == {"a": ("b",)}
    assert jaccard(shingles(article("a", [])), shingles(article("b", []))) == 0.0


def test_a_chain_of_copies_is_one_group() -> None:
    original = story(3)
    parts = [article("full", original), article("head", original[:8]), article("tail", original[2:])]
    assert fold(parts) == {"full": ("head", "tail")}


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_laws(data: st.DataObject) -> None:
    stories = [story(seed, paragraphs=3) for seed in range(3)]
    drawn = data.draw(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3), st.none() | st.dates()), max_size=8))
    articles = [
        article(f"{place:02}", stories[which][:keep], published) for place, (which, keep, published) in enumerate(drawn)
    ]
    groups = fold(articles)
    # The order they come in makes no difference.
    assert list(fold(data.draw(st.permutations(articles))).items()) == list(groups.items())
    members = [member for head, others in groups.items() for member in (head, *others)]
    assert len(members) == len(set(members))
    by_id = {one.id: one for one in articles}
    for head, others in groups.items():
        dates = [(by_id[member].published or date.max, member) for member in (head, *others)]
        assert others
        assert dates == sorted(dates)
    # Equal bodies are always together.
    group_of = {member: head for head, others in groups.items() for member in (head, *others)}
    for one in articles:
        for other in articles:
            if one is not other and len(shingles(one)) and jaccard(shingles(one), shingles(other)) >= 0.9:
                assert group_of[one.id] == group_of[other.id]


VERSIONS = st.tuples(st.integers(0, 3), st.integers(0, 4), st.integers(1, 3))
CORPORA = st.dictionaries(st.sampled_from("abcdefghij"), VERSIONS, max_size=8)


def version(name: str, of: tuple[int, int, int]) -> Article:
    """One of four stories, shortened, with a date: all versions share some bands, not all are near-duplicates."""
    seed, dropped, day = of
    return article(name, story(seed)[dropped:], date(2026, 1, day))


def bands_of(articles: Iterable[Article]) -> Bands:
    """The bands of some articles, one row each."""
    return np.array([bands(one) for one in articles], dtype=np.uint64).reshape(-1, 32)


@given(CORPORA, CORPORA)
@settings(max_examples=25, deadline=None)
def test_folding_what_changed_gives_what_folding_all_gives(
    before: dict[str, tuple[int, int, int]], after: dict[str, tuple[int, int, int]]
) -> None:
    old = {name: version(name, of) for name, of in before.items()}
    new = {name: version(name, of) for name, of in after.items()}
    touched = {name for name, one in new.items() if old.get(name) != one}
    past = [one for name, one in old.items() if name not in new or name in touched]
    again = fold_again(new, bands_of(new.values()), fold(old.values()), touched=touched, past=bands_of(past))
    assert again == fold(new.values())
    assert list(again) == list(fold(new.values()))
