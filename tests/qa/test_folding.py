"""Copies are folded, corrections are not; the order stays and no article is lost."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.articles import Article, Block, Passage, Sentence, make_passage
from indexer.duplicates import fold
from qa.folding import Fold, folded


@dataclass(frozen=True)
class Found:
    """As much of a hit as folding looks at."""

    passage: Passage
    article: Article


STORY = [
    "The harbour town of Tolm will run twelve ferries a day from March.",
    "The mayor said on Tuesday that the second pier cost 4.2 million crowns.",
    "Norrvik Marine built the pier in eleven months, two fewer than planned.",
    "Until now six boats crossed the bay daily, often late and always full.",
]


def found(name: str, sentences: Sequence[str], published: date | None = None, *, only: slice = slice(None)) -> Found:
    """A passage of an article of these sentences; `only` says which of them it holds."""
    text, spans = "", list[Sentence]()
    for sentence in sentences:
        text += " " if text else ""
        spans.append(Sentence(len(text), len(text) + len(sentence)))
        text += sentence
    article = Article(name, text, name, "en", (Block("paragraph", 0, len(text)),), published=published)
    return Found(make_passage(article, spans[only], heading=""), article)


def shown(folds: Sequence[Fold[Found]]) -> list[tuple[str, tuple[str, ...]]]:
    return [(fold.hit.article.id, fold.also_in) for fold in folds]


COPIES = {"a": ("b", "c")}


def test_copies_are_folded_into_the_earliest() -> None:
    hits = [
        found("c", STORY),
        found("x", STORY),
        found("a", STORY, date(2026, 1, 1)),
        found("b", STORY, date(2026, 2, 1)),
    ]
    folds = folded(hits, COPIES)
    assert shown(folds) == [("a", ("b", "c")), ("x", ())]
    assert folds[0].best is hits[0]


def test_an_updated_figure_is_kept() -> None:
    for old, new in [
        ("4.2 million", "5.1 million"),
        ("twelve", "ten"),
        ("Tuesday", "Monday"),
        ("will run", "will not run"),
    ]:
        changed = [sentence.replace(old, new) for sentence in STORY]
        assert shown(folded([found("a", STORY), found("b", changed)], COPIES)) == [("a", ()), ("b", ())], new


def test_a_word_in_a_passage_makes_no_difference() -> None:
    changed = [STORY[0], STORY[1].replace("said", "told"), *STORY[2:]]
    assert shown(folded([found("b", changed), found("a", STORY)], COPIES)) == [("a", ("b",))]


def test_a_passage_cut_at_another_place_is_folded_when_all_of_it_is_there() -> None:
    hits = [
        found("b", STORY, only=slice(0, 2)),
        found("b", STORY, only=slice(2, 4)),
        found("a", STORY, only=slice(1, 3)),
    ]
    assert shown(folded(hits, COPIES)) == [("b", ("a",)), ("b", ())]
    assert shown(folded([hits[0], hits[2]], COPIES)) == [("b", ()), ("a", ())]


def test_passages_of_one_article_are_never_folded() -> None:
    hits = [found("a", STORY, only=slice(0, 2)), found("a", STORY, only=slice(0, 3))]
    assert shown(folded(hits, COPIES)) == [("a", ()), ("a", ())]


def test_what_no_group_holds_is_left_alone() -> None:
    assert shown(folded([found("a", STORY), found("b", STORY)], {})) == [("a", ()), ("b", ())]


SENTENCES = st.lists(st.sampled_from([*STORY, STORY[0].replace("twelve", "ten"), "It rained."]), min_size=1, max_size=4)
HITS = st.lists(st.builds(found, st.sampled_from("abcdx"), SENTENCES, st.none() | st.dates()), max_size=7)


@settings(max_examples=80, deadline=None)
@given(HITS)
def test_laws(hits: list[Found]) -> None:
    groups = {"a": ("b",), "c": ("d",)}
    folds = folded(hits, groups)
    # No article is lost, none is named beside itself.
    named = {name for fold in folds for name in (fold.hit.article.id, *fold.also_in)}
    assert named == {hit.article.id for hit in hits}
    assert all(fold.hit.article.id not in fold.also_in for fold in folds)
    # The order is that of the best hits.
    places = [next(place for place, hit in enumerate(hits) if hit is fold.best) for fold in folds]
    assert places == sorted(places)
    # Folding again changes nothing.
    assert [fold.hit for fold in folded([fold.hit for fold in folds], groups)] == [fold.hit for fold in folds]


def test_it_folds_what_the_index_finds() -> None:
    hits = [found(name, [*STORY, f"{name} reports."], date(2026, 1, day)) for day, name in enumerate("cab", start=1)]
    groups = fold(hit.article for hit in hits)
    assert groups == {"c": ("a", "b")}
    assert shown(folded([found("b", STORY), found("c", STORY)], groups)) == [("b", ("c",))]
