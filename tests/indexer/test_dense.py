"""Each kind of dense index finds what reading every vector finds, with filters and without, and believes no file."""

import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from benchmarks.dense import embedded, grown
from indexer.build import build
from indexer.dense import DenseIndex, Kind, choice, scan
from indexer.dense.choice import kind_for, lists_covering, lists_for, recall_curve, sufficient
from indexer.dense.reading import BLOCK_HEAD, BLOCKS, CENTRES, COUNTS, HEAD
from indexer.dense.scan import ScanIndex
from indexer.errors import IndexDamagedError
from indexer.generation import Store
from indexer.settings import Settings
from tests.indexer.hash_embedder import HashEmbedder

ROWS, TOP, DEPTH = 4000, 10, 100
SHARES = (0.001, 0.01, 0.1, 0.5, 0.9)
Vector = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Made:
    """Vectors of real sentences and mixtures of them, real questions, and the three kinds of index."""

    vectors: NDArray[np.float16]
    questions: Vector
    exact: DenseIndex
    scan: DenseIndex
    lists: DenseIndex

    @property
    def approximate(self) -> tuple[DenseIndex, DenseIndex]:
        return self.scan, self.lists


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """The sentences of corpus/, the questions of tests/quality, and mixtures of neighbours with noise, mapped."""
    folder = tmp_path_factory.mktemp("dense")
    base, questions = embedded((), folder)
    grown(base, ROWS, folder / "vectors.npy")
    vectors = np.asarray(np.load(folder / "vectors.npy", mmap_mode="r"))
    with pytest.MonkeyPatch.context() as patch:
        # So that filters reach the codes in a small index as they do in a large one.
        patch.setattr(scan, "FEW", 100)
        yield Made(
            vectors,
            np.load(questions),
            *(DenseIndex.build(vectors, kind=kind) for kind in (Kind.EXACT, *approximate())),
        )


def approximate() -> tuple[Kind, Kind]:
    return Kind.SCAN, Kind.LISTS


def recall(index: DenseIndex, truth: DenseIndex, questions: Vector, allowed: Mask | None = None) -> float:
    """The share of the ten best that are found; equal cosines stand for each other."""
    shares = []
    for question in questions:
        best = [cosine for _, cosine in truth.search(question, TOP, allowed=allowed)]
        found = [cosine for _, cosine in index.search(question, DEPTH, allowed=allowed)][:TOP]
        if best:
            shares.append(sum(cosine >= best[-1] - 1e-6 for cosine in found) / len(best))
    return float(np.mean(shares))


def test_the_number_of_vectors_decides() -> None:
    assert [kind_for(rows) for rows in (0, choice.MOST_EXACT, choice.MOST_EXACT + 1)] == [Kind.EXACT] * 2 + [Kind.SCAN]
    assert [kind_for(choice.MOST_SCANNED + more) for more in (0, 1)] == [Kind.SCAN, Kind.LISTS]


@given(rows=st.integers(1, 10**9))
def test_each_list_has_vectors_to_learn_from(rows: int) -> None:
    lists = lists_for(rows)
    assert lists.bit_count() == 1
    assert lists == 1 or lists * choice.LEARNT_FROM <= rows
    assert lists <= choice.LISTS_PER_ROOT * rows**0.5


@given(st.lists(st.lists(st.sampled_from([0.1, 0.5, 0.9]), min_size=4, max_size=4), min_size=1, max_size=5))
def test_recall_grows_with_the_candidates_and_ends_whole(rows: list[list[float]]) -> None:
    found = np.array(rows, dtype=np.float32)
    best = -np.sort(-found, axis=1)[:, :2]
    curve = recall_curve(found, best, tolerance=0)
    assert (np.diff(curve) >= 0).all()
    assert curve[-1] == 1
    assert curve[0] == np.mean([row[0] >= sorted(row)[-2] for row in rows]) / 2


def test_the_smallest_effort_that_suffices_is_taken() -> None:
    assert sufficient([(200, 0.9), (400, 0.995), (800, 1.0)], target=0.995) == 400
    assert sufficient([(200, 0.9)], target=0.995) is None
    assert lists_covering(np.array([[0, 0, 1, 5]]), target=0.75) == 2
    assert lists_covering(np.array([[0, 0, 1, 5]]), target=0.76) == 8


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), rows=st.integers(0, 40), depth=st.integers(1, 50), filtered=st.booleans())
def test_exact_search_is_the_sorted_list_of_all_cosines(seed: int, rows: int, depth: int, filtered: bool) -> None:
    draw = np.random.default_rng(seed)
    # Few values, so that there are equal vectors.
    vectors = draw.integers(-1, 2, size=(rows, 4)).astype(np.float16)
    query = draw.normal(size=4).astype(np.float32)
    allowed = draw.random(rows) < 0.5 if filtered else None
    hits = DenseIndex.build(vectors).search(query, depth, allowed=allowed)
    possible = np.flatnonzero(allowed) if allowed is not None else np.arange(rows)
    cosines = sorted((float(vectors[row].astype(np.float32) @ query) for row in possible), reverse=True)
    assert [cosine for _, cosine in hits] == pytest.approx(cosines[:depth], abs=1e-5)
    assert {row for row, _ in hits} <= set(possible.tolist())
    assert hits == sorted(hits, key=lambda hit: (-hit[1], hit[0]))


def test_candidates_and_lists_are_enough_for_real_questions(made: Made) -> None:
    assert [str(index.kind) for index in made.approximate] == list(approximate())
    assert recall(made.scan, made.exact, made.questions) >= 0.99
    assert recall(made.lists, made.exact, made.questions) >= 0.98


@pytest.mark.parametrize("share", SHARES)
def test_a_filter_costs_no_recall(made: Made, share: float) -> None:
    allowed = np.random.default_rng(1).random(ROWS) < share
    for index in made.approximate:
        assert recall(index, made.exact, made.questions[:40], allowed) >= 0.99


def test_a_filter_by_another_subject_costs_no_recall(made: Made) -> None:
    """The lists near the question then hold little that is allowed."""
    halves = np.array_split(made.questions[:40], 2)
    for question, other in zip(*halves, strict=True):
        likeness = made.vectors.astype(np.float32) @ other
        allowed = likeness > np.quantile(likeness, 0.9)
        for index in made.approximate:
            assert recall(index, made.exact, question[np.newaxis], allowed) >= 0.9


def test_too_few_candidates_and_too_few_lists_would_be_seen(made: Made) -> None:
    few = ScanIndex.from_bytes(made.scan.to_bytes(), made.vectors)
    few.candidates = 12
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scan, "OVERSAMPLE", 0)
        assert recall(DenseIndex(few), made.exact, made.questions[:40]) < 0.95
    narrow = ScanIndex.from_bytes(made.lists.to_bytes(), made.vectors)
    narrow.index.nprobe = 1
    assert recall(DenseIndex(narrow), made.exact, made.questions[:40]) < 0.95


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_what_is_found_is_allowed_scored_exactly_and_as_much_as_asked_for(made: Made, data: st.DataObject) -> None:
    draw = np.random.default_rng(data.draw(st.integers(0, 10**6)))
    depth = data.draw(st.sampled_from((1, 7, 100, 900)))
    share = data.draw(st.sampled_from((None, 0.0, 0.01, 0.3, 1.0)))
    allowed = draw.random(ROWS) < share if share is not None else None
    question = made.questions[draw.integers(len(made.questions))]
    for index in made.approximate:
        hits = index.search(question, depth, allowed=allowed)
        rows = [row for row, _ in hits]
        most = int(allowed.sum()) if allowed is not None else ROWS
        assert len(set(rows)) == len(rows) <= depth
        assert len(rows) == min(depth, most) or (index is made.lists and allowed is None)
        assert allowed is None or allowed[rows].all()
        assert hits == sorted(hits, key=lambda hit: (-hit[1], hit[0]))
        expected = made.vectors[rows].astype(np.float32) @ question
        assert [cosine for _, cosine in hits] == pytest.approx(expected, abs=1e-5)
        if most <= 100:
            assert rows == [row for row, _ in made.exact.search(question, depth, allowed=allowed)]


def test_equal_vectors_give_equal_bytes_and_bytes_give_equal_answers(made: Made) -> None:
    for index, kind in zip(made.approximate, approximate(), strict=True):
        assert DenseIndex.build(made.vectors.copy(), kind=kind).to_bytes() == index.to_bytes()
        opened = DenseIndex.from_bytes(index.to_bytes(), made.vectors)
        assert (opened.kind, len(opened), opened.dim) == (kind, ROWS, made.vectors.shape[1])
        assert opened.to_bytes() == index.to_bytes()
        for question in made.questions[:5]:
            assert opened.search(question, DEPTH) == index.search(question, DEPTH)


def test_threads_search_side_by_side_each_with_one_thread(made: Made) -> None:
    """OpenMP would start as many helpers as there are cores for every question, and let them spin."""
    mine, torchs = made.questions[:20], torch.get_num_threads()

    def ask(question: Vector) -> tuple[list[tuple[int, float]], int]:
        return made.scan.search(question, DEPTH), faiss.omp_get_max_threads()

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(ask, mine))
    assert [hits for hits, _ in answers] == [made.scan.search(question, DEPTH) for question in mine]
    assert {count for _, count in answers} == {1}
    assert torch.get_num_threads() == torchs


def test_vectors_that_a_scan_cannot_tell_apart_are_indexed_exactly(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "EFFORTS", (11,))
    assert DenseIndex.build(made.vectors, kind=Kind.SCAN).kind == Kind.EXACT
    assert DenseIndex.build(made.vectors[:10], kind=Kind.SCAN).kind == Kind.EXACT


def test_a_generation_records_its_kind_and_opens_as_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("indexer.dense.kind_for", lambda rows: Kind.SCAN)
    monkeypatch.setattr(scan, "FEWEST", 1)
    corpus = Settings(corpus=tmp_path / "corpus", index=tmp_path / "index")
    corpus.corpus.mkdir()
    for number in range(80):
        (corpus.corpus / f"{number}.txt").write_text(f"Report {number}\n\nThe figure of day {number} is {7 * number}.")
    build(corpus, HashEmbedder())
    generation = Store(corpus.index).open()
    assert generation.manifest.dense == generation.dense.kind == Kind.SCAN
    assert isinstance(generation.vectors.base, np.memmap)
    for row in range(len(generation.passages)):
        assert generation.dense.search(generation.vectors[row].astype(np.float32), 1)[0][0] == row
    generation.close()


@pytest.fixture(scope="module")
def small() -> tuple[bytes, NDArray[np.float16]]:
    """Four lists of short vectors, as FAISS writes them."""
    draw = np.random.default_rng(0)
    vectors = draw.normal(size=(300, 8)).astype(np.float16)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scan, "FEWEST", 1)
        index = ScanIndex.build(vectors, lists=4)
    assert index is not None
    return index.to_bytes(), vectors


def test_a_file_that_is_not_what_was_written_is_not_read(small: tuple[bytes, NDArray[np.float16]]) -> None:
    data, vectors = small
    assert len(DenseIndex.from_bytes(data, vectors)) == 300
    centres = scan.HEAD.size + HEAD.size + COUNTS.size
    lists = data.index(BLOCKS)
    counts = lists + BLOCK_HEAD.size
    bad = {
        "another index": data[:8] + b"IxHN" + data[12:],
        "other centres": data[:centres] + data[centres:].replace(CENTRES, b"IHNf", 1),
        "lists in another file": data[:lists] + b"ilod" + data[lists + 4 :],
        "a row twice": data[: counts + 16] + data[counts + 8 : counts + 16] + data[counts + 24 :],
        "a row beyond": data[: counts + 8] + struct.pack("<q", 300) + data[counts + 16 :],
        "more rows in a list": data[:counts] + struct.pack("<q", 2**62) + data[counts + 8 :],
        "a byte more": data + b"\0",
        "no candidates": scan.HEAD.pack(scan.MAGIC, 0) + data[scan.HEAD.size :],
        "only its name": scan.MAGIC,
    }
    for name, changed in bad.items():
        with pytest.raises(IndexDamagedError):
            assert DenseIndex.from_bytes(changed, vectors), name
    doubled: NDArray[Any] = vectors.astype(np.float32)
    for others in (None, vectors[:-1], vectors[:, :4], doubled):
        with pytest.raises(IndexDamagedError):
            DenseIndex.from_bytes(data, others)


def test_no_length_is_believed_and_no_part_is_missed(small: tuple[bytes, NDArray[np.float16]]) -> None:
    data, vectors = small
    query = vectors[0].astype(np.float32)
    for at in range(4, data.index(BLOCKS) + BLOCK_HEAD.size + 64):
        with suppress(IndexDamagedError):
            # What is still read can be searched: only centres, codes and numbers within bounds may differ.
            opened = DenseIndex.from_bytes(data[:at] + b"\xff" * 7 + data[at + 7 :], vectors)
            assert all(0 <= row < len(vectors) for row, _ in opened.search(query, 10))
    for length in range(0, len(data), 7):
        with pytest.raises(IndexDamagedError):
            DenseIndex.from_bytes(data[:length], vectors)
