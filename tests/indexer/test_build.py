"""A build does what changed and no more, says what it did, and never loses articles unasked."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from indexer import build as build_module
from indexer.build import BuildProgress, BuildReport, build
from indexer.chunking import embedded_text
from indexer.embedding import SentenceTransformerEmbedder
from indexer.errors import EmbedderError, IndexMissingError, NothingToIndexError, ShrinkRefusedError
from indexer.generation import Store
from indexer.language import Analyser
from indexer.manifest import MANIFEST_FILE, decode_manifest, encode_manifest
from indexer.records import DUPLICATES_FILE
from indexer.settings import Settings
from tests.indexer.hash_embedder import HashEmbedder


class Desk:
    """A corpus of ten articles and the index of it."""

    def __init__(self, folder: Path) -> None:
        self.corpus = folder / "corpus"
        self.index = folder / "index"
        self.corpus.mkdir(parents=True)
        for number in range(10):
            self.write(f"article-{number}.md", f"Title {number}", f"Factory {number} makes {number}00 robots a day.")

    def write(self, name: str, title: str, body: str) -> None:
        """Put one article there, or another in its place."""
        (self.corpus / name).write_text(f"---\ntitle: {title}\n---\n\n{body}\n", encoding="utf-8")

    def build(
        self, embedder: HashEmbedder | None = None, *, allow_shrink: bool = False, **settings: object
    ) -> BuildReport:
        """Build with the given settings."""
        configured = Settings.model_validate({"corpus": self.corpus, "index": self.index, **settings})
        return build(configured, embedder or HashEmbedder(), allow_shrink=allow_shrink)

    def bytes_of(self, name: str) -> bytes:
        """Return a file of the current generation."""
        return (self.index / (Store(self.index).current_id() or "") / name).read_bytes()


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Ten articles, no index yet."""
    return Desk(tmp_path)


def test_the_first_build_embeds_everything(desk: Desk) -> None:
    embedder = HashEmbedder()
    report = desk.build(embedder)
    assert (report.generation, report.committed, len(report.new)) == ("gen-000001", True, 10)
    assert (report.passages_embedded, report.passages_reused) == (10, 0)
    generation = Store(desk.index).open(expect=embedder.info)
    texts = [embedded_text(generation.article_of(passage), passage) for passage in generation.passages]
    assert sorted(embedder.embedded) == sorted(texts)
    assert np.allclose(generation.vectors, embedder.embed_queries(texts), atol=1e-3)
    assert [generation.lexical.search(Analyser().tokens(text), 1)[0][0] for text in texts] == list(range(10))


def test_an_unchanged_corpus_commits_nothing(desk: Desk) -> None:
    desk.build()
    embedder = HashEmbedder()
    report = desk.build(embedder)
    assert (report.generation, report.committed) == ("gen-000001", False)
    assert (len(report.unchanged), report.passages_reused, embedder.embedded) == (10, 10, [])
    assert Store(desk.index).names() == ["gen-000001"]


def test_a_touched_file_commits_nothing(desk: Desk) -> None:
    desk.build()
    os.utime(desk.corpus / "article-3.md", (1, 1))
    assert not desk.build().committed


def test_an_added_article_costs_only_itself(desk: Desk) -> None:
    desk.build()
    desk.write("new.md", "News", "The minister resigned on Monday.")
    embedder = HashEmbedder()
    report = desk.build(embedder)
    assert (report.generation, report.committed, report.new) == ("gen-000002", True, ("new.md",))
    assert (report.passages_embedded, report.passages_reused) == (1, 10)
    assert embedder.embedded == ["News\nThe minister resigned on Monday."]


def test_a_deleted_article_goes_away(desk: Desk) -> None:
    desk.build()
    (desk.corpus / "article-4.md").unlink()
    report = desk.build()
    assert (report.gone, report.passages_embedded, report.counts.articles) == (("article-4.md",), 0, 9)
    generation = Store(desk.index).open()
    assert "article-4.md" not in generation.articles
    assert not [passage for passage in generation.passages if passage.article_id == "article-4.md"]
    assert generation.lexical.search(["400"], 10) == []


def test_a_new_title_alone_embeds_the_passage_again(desk: Desk) -> None:
    desk.build()
    desk.write("article-5.md", "Another title", "Factory 5 makes 500 robots a day.")
    embedder = HashEmbedder()
    report = desk.build(embedder)
    assert (report.changed, report.passages_embedded, report.passages_reused) == (("article-5.md",), 1, 9)
    assert embedder.embedded == ["Another title\nFactory 5 makes 500 robots a day."]


def test_equal_texts_are_embedded_once(desk: Desk) -> None:
    for number in range(5):
        desk.write(f"copy-{number}.md", "Same", "The same words stand in many articles.")
    embedder = HashEmbedder()
    assert desk.build(embedder).passages_embedded == 15
    assert len(embedder.embedded) == 11


def test_step_by_step_ends_where_one_build_does(desk: Desk, tmp_path: Path) -> None:
    desk.build()
    desk.write("new.md", "News", "The minister resigned on Monday.")
    desk.build()
    (desk.corpus / "article-4.md").unlink()
    desk.write("article-5.md", "Another title", "Factory 5 makes 500 robots a day.")
    desk.build()
    names = ("articles.jsonl", "passages.jsonl", "vectors.npy", "dense.faiss")
    step_by_step = {name: desk.bytes_of(name) for name in names}
    desk.build(index=tmp_path / "other")
    desk.index = tmp_path / "other"
    assert {name: desk.bytes_of(name) for name in step_by_step} == step_by_step


@pytest.mark.parametrize(
    ("embedder", "settings"),
    [
        (HashEmbedder(name="other"), {}),
        (HashEmbedder(dim=16), {}),
        (HashEmbedder(), {"passage_words": 50}),
        (HashEmbedder(), {"korean_analyser": "kiwi"}),
    ],
)
def test_another_shape_builds_the_index_again(desk: Desk, embedder: HashEmbedder, settings: dict[str, Any]) -> None:
    desk.build()
    report = desk.build(embedder, **settings)
    assert (report.generation, report.committed, len(report.unchanged)) == ("gen-000002", True, 10)
    assert report.passages_embedded == (0 if settings else 10)
    Store(desk.index).open(expect=embedder.info).close()
    assert not desk.build(embedder, **settings).committed


def test_other_readers_read_everything_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.build()
    monkeypatch.setattr(build_module, "FORMATS", "readers/other")
    report = desk.build()
    assert report.committed
    assert (len(report.unchanged), report.new, report.passages_reused) == (10, (), 10)


def test_another_number_format_does_not(desk: Desk) -> None:
    desk.build(HashEmbedder(dtype="float32"))
    assert not desk.build(HashEmbedder(dtype="bfloat16")).committed


def test_problems_are_kept_in_the_manifest_and_one_more_is_a_change(desk: Desk) -> None:
    desk.build()
    (desk.corpus / "empty.txt").write_bytes(b"")
    report = desk.build()
    assert report.committed
    assert [(one.path, one.code) for one in report.problems] == [("empty.txt", "empty")]
    assert Store(desk.index).open().manifest.problems == report.problems
    again = desk.build()
    assert (again.committed, again.problems) == (False, report.problems)


# ---------------------------------------------------------------- refusals


def test_more_than_the_limit_gone_is_refused(desk: Desk) -> None:
    desk.build()
    for number in range(2):
        (desk.corpus / f"article-{number}.md").unlink()
    assert desk.build().counts.articles == 8
    for number in range(2, 4):
        (desk.corpus / f"article-{number}.md").unlink()
    with pytest.raises(ShrinkRefusedError, match=r"2 of 8 articles are gone.*--allow-shrink"):
        desk.build()
    assert Store(desk.index).open().manifest.counts.articles == 8
    assert desk.build(allow_shrink=True).counts.articles == 6


def test_unreadable_articles_count_as_gone(desk: Desk) -> None:
    desk.build()
    for number in range(5):
        (desk.corpus / f"article-{number}.md").write_bytes(b"")
    with pytest.raises(ShrinkRefusedError, match="5 of them unreadable"):
        desk.build()


def test_renamed_articles_are_not_gone(desk: Desk) -> None:
    desk.build()
    (desk.corpus / "2026").mkdir()
    for number in range(10):
        shutil.move(desk.corpus / f"article-{number}.md", desk.corpus / "2026" / f"article-{number}.md")
    report = desk.build()
    assert (len(report.gone), len(report.new), report.passages_reused) == (10, 10, 10)


@pytest.mark.parametrize("allow_shrink", [False, True])
def test_an_empty_or_missing_folder_changes_nothing(desk: Desk, allow_shrink: bool) -> None:
    desk.build()
    for path in desk.corpus.iterdir():
        path.unlink()
    with pytest.raises(NothingToIndexError, match="no readable article"):
        desk.build(allow_shrink=allow_shrink)
    desk.corpus.rmdir()
    with pytest.raises(NothingToIndexError):
        desk.build(allow_shrink=allow_shrink)
    assert Store(desk.index).open().manifest.counts.articles == 10


def test_a_failing_embedder_changes_nothing(desk: Desk) -> None:
    class Broken(HashEmbedder):
        def embed_queries(self, texts: object) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
            return np.full((len(list(texts)), 8), np.nan, dtype=np.float32)  # type: ignore[call-overload]

    with pytest.raises(EmbedderError, match="not numbers"):
        desk.build(Broken())
    with pytest.raises(IndexMissingError):
        Store(desk.index).open()
    assert {path.name for path in desk.index.iterdir()} == {"LOCK"}


# ---------------------------------------------------------------- the rest


def test_an_index_inside_the_corpus_is_not_read(desk: Desk) -> None:
    desk.index = desk.corpus / "index"
    desk.build()
    (desk.index / "notes.txt").write_text("These are no articles at all.")
    report = desk.build()
    assert (report.committed, report.counts.articles, report.problems) == (False, 10, ())


def test_progress_goes_through_the_stages_in_order(desk: Desk) -> None:
    told: list[BuildProgress] = []
    build(Settings.model_validate({"corpus": desk.corpus, "index": desk.index}), HashEmbedder(), progress=told.append)
    assert list(dict.fromkeys(one.stage for one in told)) == ["scan", "chunk", "embed", "index", "commit"]
    for stage in ("scan", "chunk", "embed", "index", "commit"):
        steps = [one for one in told if one.stage == stage]
        assert [one.done for one in steps] == sorted(one.done for one in steps)
        assert (steps[-1].done, steps[-1].eta_s) == (steps[-1].total, 0)


def test_a_report_is_json(desk: Desk) -> None:
    (desk.corpus / "empty.txt").write_bytes(b"")
    report = desk.build()
    decoded = json.loads(json.dumps(report.to_dict()))
    assert decoded["problems"][0]["path"] == "empty.txt"
    assert decoded["counts"] == {"articles": 10, "passages": 10, "vectors": 10, "lexical": 10}
    assert set(decoded["seconds"]) == {"scan", "chunk", "embed", "index", "commit"}


def test_the_real_embedder_finds_what_was_asked(desk: Desk, embedder: SentenceTransformerEmbedder) -> None:
    desk.write("minister.md", "A resignation", "The minister of transport stepped down on Monday.")
    desk.write("ko.md", "로봇", "공장은 하루에 로봇 백 대를 만든다.")
    configured = Settings.model_validate({"corpus": desk.corpus, "index": desk.index})
    report = build(configured, embedder)
    assert report.passages_embedded == 12
    generation = Store(desk.index).open(expect=embedder.info)
    query = embedder.embed_queries(["Who left the government?"])[0]
    best = generation.passages[generation.dense.search(query, 1)[0][0]]
    assert generation.article_of(best).id == "minister.md"
    found = generation.lexical.search(Analyser().tokens("로봇을 만드는 공장"), 1)
    assert generation.passages[found[0][0]].article_id == "ko.md"
    assert not build(configured, embedder).committed


STORY = " ".join(
    f"In hall {number} the robots of line {number} weld door {number} by night." for number in range(1, 20)
)


def test_copies_of_a_story_are_known(desk: Desk) -> None:
    desk.write("copy.md", "One headline", STORY)
    desk.write("original.md", "Another headline\npublished: 2026-01-01", STORY + " One more line.")
    desk.build()
    assert Store(desk.index).open().duplicates == {"original.md": ("copy.md",)}
    before = desk.bytes_of("duplicates.json")
    shutil.rmtree(desk.index)
    desk.build()
    assert desk.bytes_of("duplicates.json") == before


def test_an_index_without_duplicates_is_opened_and_built_again(desk: Desk) -> None:
    desk.write("copy.md", "One headline", STORY)
    desk.write("original.md", "Another headline", STORY)
    desk.build()
    folder = desk.index / "gen-000001"
    manifest = decode_manifest((folder / MANIFEST_FILE).read_bytes())
    files = {name: record for name, record in manifest.files.items() if name != DUPLICATES_FILE}
    (folder / MANIFEST_FILE).write_bytes(encode_manifest(replace(manifest, files=files)))
    (folder / DUPLICATES_FILE).unlink()
    Store(desk.index).point_at("gen-000001")
    old = Store(desk.index).open()
    assert (old.duplicates, old.duplicates_method, old.degraded) == ({}, None, None)
    old.close()
    report = desk.build()
    assert (report.committed, report.passages_embedded) == (True, 0)
    assert Store(desk.index).open().duplicates == {"copy.md": ("original.md",)}
