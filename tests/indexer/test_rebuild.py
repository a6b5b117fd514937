"""A rebuild keeps what did not change, and ends where a first build would: an oracle for everything that is reused."""

import random
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from indexer import lexical
from indexer.build import BuildReport, build
from indexer.dense import DenseIndex, Kind
from indexer.errors import IndexDamagedError, StorageError
from indexer.generation import Generation, Store
from indexer.language import Analyser
from indexer.lexical import LexicalIndex, is_worth_growing
from indexer.manifest import MANIFEST_FILE, decode_manifest, encode_manifest
from indexer.opening import BANDS_FILE, KEYS_FILE, read_generation
from indexer.settings import Settings
from tests.indexer.hash_embedder import HashEmbedder
from tests.reliability.builders import InThisProcess

WORDS = [f"{one}{other}" for one in ("ka", "lo", "mi", "ru") for other in ("nak", "sol", "tiv", "vek", "dor")]
# The files that must be those of a first build, to the byte.
SAME = ("articles.jsonl", "passages.jsonl", "vectors.npy", "dense.faiss", "duplicates.json", BANDS_FILE)

# What an article says, or None for none.
Text = tuple[int, ...] | None
TEXTS = st.lists(st.integers(0, len(WORDS) - 1), min_size=1, max_size=12).map(tuple)
STEPS = st.lists(st.dictionaries(st.integers(0, 11), TEXTS | st.none(), min_size=1, max_size=4), min_size=1, max_size=4)


class Desk:
    """A corpus, and indexes of it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.corpus = root / "corpus"
        self.corpus.mkdir()

    def write(self, number: int, text: Text) -> None:
        """Put an article there, or take it away; those of equal text carry one story."""
        path = self.corpus / f"{number:03}.md"
        if text is None:
            path.unlink(missing_ok=True)
            return
        sentences = [f"The {WORDS[word]} is near {WORDS[-word]} number {word}." for word in text]
        content = f"---\ntitle: Of {WORDS[text[0]]}\n---\n\n{' '.join(sentences)}\n"
        # Only another time of writing is no change, and is not committed.
        if not path.exists() or path.read_text(encoding="utf-8") != content:
            path.write_text(content, encoding="utf-8")

    def build(self, index: str = "index", embedder: HashEmbedder | None = None) -> BuildReport:
        """Build an index of it, reading articles in this process."""
        wanted = {"corpus": self.corpus, "index": self.root / index, "passage_words": 20}
        with mock.patch("indexer.corpus.shared_pool", return_value=InThisProcess()):
            return build(Settings.model_validate(wanted), embedder or HashEmbedder(), allow_shrink=True)

    def open(self, index: str = "index") -> Generation:
        """Open an index as a reader does."""
        return Store(self.root / index).open()


@contextmanager
def desk_of(articles: int) -> Iterator[Desk]:
    """A desk with so many articles, of two to five sentences."""
    with tempfile.TemporaryDirectory() as name:
        desk = Desk(Path(name))
        for number in range(articles):
            desk.write(number, tuple((number * 7 + step * step) % len(WORDS) for step in range(2 + number % 4)))
        yield desk


def found(generation: Generation, *, allowed: bool = False) -> dict[str, dict[int, float]]:
    """Return the rows that each word is found in, with their scores; of every third row only, if some are allowed."""
    rows = len(generation.passages)
    mask = np.arange(rows) % 3 == 0 if allowed else None
    tokens = sorted({token for word in WORDS for token in Analyser().tokens(word)})
    return {token: dict(generation.lexical.search([token], rows, allowed=mask)) for token in tokens}


def assert_same(desk: Desk, *, scores: bool) -> None:
    """Compare the index with one that is built from nothing."""
    desk.build("fresh")
    grown, fresh = desk.open(), desk.open("fresh")
    for name in SAME:
        assert (grown.path / name).read_bytes() == (fresh.path / name).read_bytes(), name
    for allowed in (False, True):
        ours, theirs = found(grown, allowed=allowed), found(fresh, allowed=allowed)
        assert {token: rows.keys() for token, rows in ours.items()} == {
            one: rows.keys() for one, rows in theirs.items()
        }
        assert not scores or ours == theirs
    grown.close()
    fresh.close()
    shutil.rmtree(desk.root / "fresh")


@given(STEPS)
@example([{3: (1, 2, 3, 4), 4: (1, 2, 3, 4)}, {3: None}, {4: None, 5: (1, 2, 3, 4), 6: (1, 2, 3, 4)}])
@settings(max_examples=8, deadline=None)
def test_any_changes_end_where_a_first_build_would(steps: list[dict[int, Text]]) -> None:
    with desk_of(10) as desk, mock.patch.object(lexical, "MOST_DELETED", 0.6):
        desk.build()
        for step in steps:
            for number, text in step.items():
                desk.write(number, text)
            desk.write(100, (1,))
            desk.build()
        assert_same(desk, scores=False)


@given(st.lists(st.dictionaries(st.integers(12, 40), TEXTS, min_size=1, max_size=3), min_size=1, max_size=3))
@settings(max_examples=5, deadline=None)
def test_articles_that_are_only_added_score_as_in_a_first_build(steps: list[dict[int, Text]]) -> None:
    with desk_of(12) as desk:
        desk.build()
        added = set[int]()
        for step in steps:
            for number in step.keys() - added:
                desk.write(number, step[number])
            added |= step.keys()
            desk.build()
        assert_same(desk, scores=True)


@pytest.fixture
def desk() -> Iterator[Desk]:
    """Forty articles, indexed."""
    with desk_of(40) as one:
        one.build()
        yield one


def inodes(generation: Generation) -> dict[str, int]:
    """Return the files of the lexical index."""
    return {path.name: path.stat().st_ino for path in (generation.path / "lexical").iterdir() if path.suffix != ".lock"}


def test_the_lexical_index_is_a_copy_that_grew(desk: Desk) -> None:
    before = desk.open()
    desk.write(50, (1, 2, 3))
    seen: list[str] = []
    original = Analyser.tokens

    def tokens(analyser: Analyser, text: str) -> list[str]:
        seen.append(text)
        return original(analyser, text)

    with mock.patch.object(Analyser, "tokens", tokens):
        desk.build()
    after = desk.open()
    added = {*after.lexical.keys.tolist()} - {*before.lexical.keys.tolist()}
    # Those, and three that are asked for when it is read back.
    assert len(seen) == len(added) + 3
    shared = inodes(before).keys() & inodes(after).keys() - {"meta.json", ".managed.json"}
    assert len(shared) >= 6
    assert all(inodes(before)[name] != inodes(after)[name] for name in shared)
    assert all(before.manifest.files[f"lexical/{name}"] == after.manifest.files[f"lexical/{name}"] for name in shared)


def test_a_scan_that_followed_another_finds_what_one_of_its_own_finds() -> None:
    draw = np.random.default_rng(0)
    vectors = draw.standard_normal((6000, 32)).astype(np.float32)
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16)
    for kind in (Kind.SCAN, Kind.LISTS):
        built = DenseIndex.build(vectors[:5000], kind=kind)
        before = built.to_bytes()
        # 400 are gone, 300 come in between.
        own = np.concatenate([np.arange(1000), np.full(300, -1), np.arange(1400, 5000)])
        after = np.concatenate([vectors[:1000], vectors[5000:5300], vectors[1400:5000]])
        with mock.patch("indexer.dense.serves", return_value=True):
            followed = built.followed(after, own)
        assert (followed.kind, len(followed), built.to_bytes()) == (str(kind), 4900, before)
        opened, exact = DenseIndex.from_bytes(followed.to_bytes(), after), DenseIndex.build(after, kind=Kind.EXACT)
        queries = [after[row].astype(np.float32) for row in (0, 999, 1000, 1299, 1300, 4899)]
        assert [opened.search(query, 1)[0][0] for query in queries] == [0, 999, 1000, 1299, 1300, 4899]
        allowed = draw.random(4900) < 0.9
        hits = [{row for row, _ in opened.search(query, 10, allowed=allowed)} for query in queries]
        meant = [{row for row, _ in exact.search(query, 10, allowed=allowed)} for query in queries]
        assert sum(len(one & other) for one, other in zip(hits, meant, strict=True)) >= 59


def test_an_article_in_the_middle_moves_rows_but_no_keys(desk: Desk) -> None:
    before = desk.open()
    keys = dict(zip((one.id for one in before.passages), before.lexical.keys.tolist(), strict=True))
    (desk.corpus / "005a.md").write_text("Something quite new stands between.\n", encoding="utf-8")
    desk.build()
    after = desk.open()
    now = dict(zip((one.id for one in after.passages), after.lexical.keys.tolist(), strict=True))
    assert {one: now[one] for one in keys} == keys
    (fresh,) = now.keys() - keys.keys()
    assert now[fresh] == max(keys.values()) + 1
    assert [after.passages[row].id for row, _ in after.lexical.search(["between"], 9)] == [fresh]


def test_a_renamed_article_keeps_its_words_and_vectors(desk: Desk) -> None:
    (desk.corpus / "005.md").rename(desk.corpus / "zz.md")
    embedder = HashEmbedder()
    report = desk.build(embedder=embedder)
    assert (report.new, report.gone, embedder.embedded) == (("zz.md",), ("005.md",), [])
    assert_same(desk, scores=True)


def test_a_word_of_deleted_articles_alone_occurs_nowhere(desk: Desk) -> None:
    (desk.corpus / "zz.md").write_text("Nobody but me says quixotic.\n", encoding="utf-8")
    desk.build()
    assert desk.open().lexical.document_frequency("quixot") == 1
    (desk.corpus / "zz.md").unlink()
    desk.build()
    after = desk.open()
    # It was taken out of an index that went on.
    assert after.lexical.document_frequency("number") == len(after.passages)
    assert (after.lexical.document_frequency("quixot"), after.lexical.search(["quixot"], 9)) == (0, [])


def test_as_much_as_may_be_gone_hardly_changes_the_order() -> None:
    draw = random.Random(5)
    documents = [[f"w{int(draw.paretovariate(0.6)) % 3000}" for _ in range(draw.randint(20, 100))] for _ in range(2000)]
    gone = set(draw.sample(range(2000), int(lexical.MOST_DELETED * 2000)))
    kept = [row for row in range(2000) if row not in gone]
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        LexicalIndex.build(Path(one), documents)
        assert is_worth_growing(Path(one), len(gone))
        assert not is_worth_growing(Path(one), len(gone) + 1)
        grown = LexicalIndex.grow(Path(one), np.array(kept, dtype=np.uint32), gone=gone, documents=[])
        fresh = LexicalIndex.build(Path(other), [documents[row] for row in kept])
        common, worst = 0, 0.0
        for _ in range(100):
            words = draw.sample(documents[draw.choice(kept)], 5)
            ours, theirs = grown.search(words, 10), fresh.search(words, 10)
            common += len({row for row, _ in ours} & {row for row, _ in theirs})
            scores = dict(ours)
            worst = max(worst, *(abs(scores[row] / score - 1) for row, score in theirs if row in scores))
    assert common >= 0.97 * 1000
    assert worst < 0.15


def test_too_much_that_is_gone_makes_a_new_lexical_index(desk: Desk) -> None:
    for number in range(3):
        desk.write(number, None)
    desk.build()
    assert desk.open().lexical.keys.tolist() == list(range(len(desk.open().passages)))
    assert_same(desk, scores=True)


def test_small_segments_are_merged_and_nothing_is_left_behind(desk: Desk) -> None:
    for number in range(50, 62):
        desk.write(number, (number % 20, 3))
        desk.build()
    files = [path for path in (desk.open().path / "lexical").iterdir() if path.suffix != ".lock"]
    segments = {path.stem for path in files if path.suffix == ".idx"}
    assert len(segments) < 8
    assert len(files) == 6 * len(segments) + 2
    assert_same(desk, scores=True)


def test_a_copy_that_went_wrong_is_noticed_before_it_is_committed(desk: Desk) -> None:
    def badly(source: Path, target: Path) -> None:
        data = bytearray(source.read_bytes())
        data[len(data) // 2] ^= 1
        target.write_bytes(bytes(data) if source.suffix == ".fieldnorm" else source.read_bytes())

    desk.write(50, (1, 2, 3))
    with mock.patch("indexer.draft.copy_file", badly), pytest.raises(StorageError, match=r"fieldnorm: SHA-256 differs"):
        desk.build()
    assert desk.open().id == "gen-000001"


def test_a_generation_of_the_first_format_is_opened_and_grows(desk: Desk) -> None:
    folder = desk.root / "index" / "gen-000001"
    manifest = decode_manifest((folder / MANIFEST_FILE).read_bytes())
    files = {name: one for name, one in manifest.files.items() if name not in (KEYS_FILE, BANDS_FILE)}
    (folder / MANIFEST_FILE).write_bytes(encode_manifest(replace(manifest, files=files, format_version=1)))
    for name in (KEYS_FILE, BANDS_FILE):
        (folder / name).unlink()
    Store(desk.root / "index").point_at("gen-000001")
    old = desk.open()
    assert (old.degraded, old.bands) == (None, None)
    assert old.lexical.keys.tolist() == list(range(len(old.passages)))
    assert not desk.build().committed
    desk.write(50, (1, 2, 3))
    assert desk.build().passages_embedded == 1
    assert desk.open().manifest.format_version == 2
    assert_same(desk, scores=True)


@pytest.mark.parametrize(
    "keys",
    [np.arange(3, dtype=np.uint32), np.zeros(40, dtype=np.uint32), np.zeros((4, 4), dtype=np.uint32), np.ones(9)],
)
def test_keys_that_name_no_documents_are_refused(desk: Desk, keys: np.ndarray) -> None:
    with pytest.raises(IndexDamagedError):
        LexicalIndex.open(desk.open().path / "lexical", keys)


def test_a_rebuild_decodes_no_passage_that_it_keeps(desk: Desk) -> None:
    desk.write(50, (1, 2, 3))
    with mock.patch("indexer.lines.decode_passage", side_effect=AssertionError) as asked:
        light = read_generation(desk.root / "index" / "gen-000001", "gen-000001", whole=False)
        assert len(light.passages) == len(light.lines.digests()) == sum(map(len, light.lines.by_article().values()))
    assert not asked.called
    whole = desk.open()
    assert list(light.passages) == list(whole.passages)
    assert dict(light.articles) == whole.articles
    assert [light.lines[row].embedded_sha256 for row in range(3)] == [
        one.tobytes().hex() for one in light.lines.digests()[:3]
    ]
