"""What every shared store must do, held against the embedded one."""

import random
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from indexer.cluster.contract import Found, SharedStore, StoredGeneration
from indexer.dense import DenseIndex
from indexer.errors import IndexBusyError, IndexMissingError, UsageError
from indexer.lexical import LexicalIndex
from qa.retrieval import Filters
from tests.cluster.made_up import ANALYSER, FOLDERS, SOURCES, WORDS, articles, change, committed, passages_of, unit

TOLERANCE = 2e-3


def _ids(found: Sequence[Found]) -> list[str]:
    return [one.passage.passage.id for one in found]


def _same(found: Sequence[Found], best: Sequence[tuple[int, float]], ids: Sequence[str]) -> None:
    """The same scores in the same order; equal scores may change places."""
    assert [one.score for one in found] == pytest.approx([score for _, score in best], abs=TOLERANCE)
    scores = {ids[row]: score for row, score in best}
    last = best[-1][1] if best else 0.0
    for one in found:
        # At the end of the list, one of several equal ones may stand for another.
        assert scores.get(one.passage.passage.id, last) == pytest.approx(one.score, abs=TOLERANCE)


def _filters(draw: random.Random, ids: Sequence[str]) -> Filters:
    return Filters(
        published_from=draw.choice((None, date(2025, 6, 1))),
        published_to=draw.choice((None, date(2026, 3, 1))),
        sources=tuple(source for source in draw.choices(SOURCES, k=draw.randint(0, 2)) if source),
        languages=draw.choice(((), ("ko",), ("en", "ko"))),
        article_ids=tuple(draw.choices(ids, k=draw.choice((0, 0, 40)))),
        collections=tuple(name.rstrip("/") for name in draw.choices(FOLDERS[1:], k=draw.choice((0, 1, 2)))),
    )


def test_both_legs_find_what_the_embedded_ones_find(store: SharedStore, tmp_path: Path) -> None:
    """Across an update, with and without filters, in both languages."""
    draw = random.Random(1)
    files = articles(draw, 120)
    first = committed(store, None, files[:80])
    gone = [file.article.id for file in files[:20]]
    second = committed(store, first.generation, files[80:], removed=gone)
    held = files[20:]
    passages = [(file, one) for file in held for one in passages_of(file)]
    ids = [one.indexed.passage.id for _, one in passages]
    dense = DenseIndex.build(np.stack([one.vector for _, one in passages]))
    (tmp_path / "lexical").mkdir()
    lexical = LexicalIndex.build(tmp_path / "lexical", [one.tokens for _, one in passages])
    generation = store.read(second.generation)
    assert second.counts.passages == len(passages)
    assert second.counts.articles == len(held)
    filtered = 0
    for number in range(40):
        filters = _filters(draw, [file.article.id for file in files])
        kept = np.array([filters.accept(file.article) for file, _ in passages])
        allowed = generation.allow(filters)
        assert allowed.any() == bool(kept.any())
        filtered += 0 < kept.sum() < len(kept)
        tokens = ANALYSER.tokens(" ".join(draw.choices(WORDS, k=3)))
        _same(generation.nearest(unit(number), 10, allowed), dense.search(unit(number), 10, allowed=kept), ids)
        _same(generation.matching(tokens, 10, allowed), lexical.search(tokens, 10, allowed=kept), ids)
        _same(generation.matching(tokens, 10, None), lexical.search(tokens, 10), ids)
        assert generation.document_frequency(tokens[0]) == lexical.document_frequency(tokens[0])
    assert filtered > 10


def test_passages_and_articles_come_back_as_they_were_put(store: SharedStore) -> None:
    files = articles(random.Random(2), 30)
    generation = store.read(committed(store, None, files).generation)
    assert {file.article.id: file for file in files} == generation.files([file.article.id for file in files])
    assert list(generation.stamps()) == sorted(file.article.id for file in files)
    assert [file.article.id for file in generation.all_files()] == sorted(file.article.id for file in files)
    held = dict(generation.all_passages())
    assert sorted(one.passage.id for one in held.values()) == sorted(
        one.indexed.passage.id for file in files for one in passages_of(file)
    )
    some = list(held)[3:9]
    assert generation.passages(some) == {row: held[row] for row in some}
    wanted = files[4].article.id
    assert [one.passage.article_id for _, one in generation.all_passages(wanted)] == [wanted] * len(
        passages_of(files[4])
    )
    assert generation.files(["absent.md"]) == {}


def test_a_filter_that_matches_nothing_gives_nothing(store: SharedStore) -> None:
    generation = store.read(committed(store, None, articles(random.Random(3), 10)).generation)
    nothing = generation.allow(Filters(sources=("nobody' OR 'a' = 'a",)))
    assert not nothing.any()
    assert generation.nearest(unit(0), 10, nothing) == []
    assert generation.matching(["ferri"], 10, nothing) == []


def _view(generation: StoredGeneration) -> tuple[list[str], list[str], int]:
    return (
        _ids(generation.nearest(unit(5), 20, None)),
        sorted(generation.stamps()),
        generation.document_frequency("boat"),
    )


def test_a_reader_goes_on_with_what_it_opened_and_nobody_sees_half(store: SharedStore) -> None:
    files = articles(random.Random(4), 40)
    first = committed(store, None, files[:20])
    reader = store.read(first.generation)
    before = _view(reader)
    parcel = store.put([one for file in files[20:] for one in passages_of(file)])
    assert store.current() == first.generation
    assert _view(store.read(first.generation)) == before
    stamp = store.version()
    second = store.commit(first.generation, change(files[20:], [parcel]), keep=2, progress=lambda: None)
    assert store.version() != stamp
    assert _view(reader) == before
    assert store.read(second.generation).stamps().keys() == {file.article.id for file in files}
    assert [one.generation for one in store.kept()] == [first.generation, second.generation]


def test_of_two_builds_at_once_one_is_refused_and_changes_nothing(store: SharedStore) -> None:
    files = articles(random.Random(5), 30)
    first = committed(store, None, files[:10])
    second = committed(store, first.generation, files[10:20])
    before = _view(store.read(second.generation))
    with pytest.raises(IndexBusyError):
        committed(store, first.generation, files[20:])
    assert store.current() == second.generation
    assert _view(store.read(second.generation)) == before


def test_going_back_and_building_from_there(store: SharedStore) -> None:
    files = articles(random.Random(6), 30)
    with pytest.raises(IndexMissingError):
        store.go_back()
    first = committed(store, None, files[:10])
    with pytest.raises(UsageError):
        store.go_back()
    committed(store, first.generation, files[10:20])
    assert store.go_back() == first.generation == store.current()
    third = committed(store, first.generation, files[20:])
    assert third.generation == "gen-000003"
    assert store.read(third.generation).stamps().keys() == {file.article.id for file in [*files[:10], *files[20:]]}


def test_only_so_many_older_generations_are_kept(store: SharedStore) -> None:
    files, names = articles(random.Random(8), 8), list[str]()
    for number in range(4):
        added = files[2 * number : 2 * number + 2]
        parcel = store.put([one for file in added for one in passages_of(file)])
        base = names[-1] if names else None
        done = store.commit(base, change(added, [parcel], anew=base is None), keep=1, progress=lambda: None)
        names.append(done.generation)
    assert [one.generation for one in store.kept()] == names[-2:]
    assert store.current() == names[-1]
    with pytest.raises(IndexMissingError):
        store.read(names[0])


def test_what_is_built_anew_keeps_nothing(store: SharedStore) -> None:
    files = articles(random.Random(7), 20)
    first = committed(store, None, files[:10])
    reader = store.read(first.generation)
    second = committed(store, first.generation, files[10:], anew=True)
    assert store.read(second.generation).stamps().keys() == {file.article.id for file in files[10:]}
    assert reader.stamps().keys() == {file.article.id for file in files[:10]}
    assert len(list(reader.all_passages())) == first.counts.passages
