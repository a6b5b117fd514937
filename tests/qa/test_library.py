"""The live index: leases, rebuilds, other processes' commits, and files into and out of the corpus."""

import threading
import time
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.build import build
from indexer.corpus import scan
from indexer.embedding import SentenceTransformerEmbedder
from indexer.errors import IndexMissingError, UnreadableFileError, UsageError
from indexer.generation import Store
from indexer.settings import Settings
from indexer.storage import Lock
from qa.library import Library
from qa.uploads import ArticleNotFoundError, clean_name
from tests.qa.conftest import wait_for_job

HARBOUR = b"---\ntitle: Lighthouse\n---\n\nThe lighthouse of Tolm was painted red in 1904.\n"
LIGHTHOUSE_QUESTION = "When was the lighthouse of Tolm painted red?"


def test_a_rebuild_makes_a_new_article_answerable(library: Library) -> None:
    [outcome] = library.add_articles([("lighthouse.md", HARBOUR)])
    assert (outcome.status, outcome.article_id, outcome.needs_rebuild) == ("added", "lighthouse.md", True)
    assert "lighthouse.md" not in library.generation.articles

    wait_for_job(library, library.start_rebuild().id)

    with library.lease() as answerer:
        answer = answerer.answer(LIGHTHOUSE_QUESTION)
    assert answer.hits[0].article.id == "lighthouse.md"
    assert answer.generation == library.generation.id == "gen-000002"


def test_a_lease_keeps_its_generation_open(library: Library) -> None:
    library.add_articles([("lighthouse.md", HARBOUR)])
    with library.lease() as before:
        wait_for_job(library, library.start_rebuild().id)
        assert library.generation.id != before.generation.id
        assert is_pinned(before.generation.path)
        assert before.answer("Who built the pier?").generation == "gen-000001"
    assert not is_pinned(before.generation.path)
    assert is_pinned(library.generation.path)


def is_pinned(folder: Path) -> bool:
    """Whether somebody has a generation open."""
    lock = Lock.exclusive(folder / ".pin")
    if lock:
        lock.close()
    return lock is None


def test_one_rebuild_at_a_time(library: Library) -> None:
    library.add_articles([("lighthouse.md", HARBOUR)])
    jobs = {library.start_rebuild().id for _ in range(5)}
    assert len(jobs) == 1
    wait_for_job(library, jobs.pop())
    assert library.start_rebuild().id not in jobs
    assert len(library.jobs()) == 2
    wait_for_job(library, library.jobs()[0].id)


def test_a_job_tells_its_stages_and_keeps_its_report(library: Library) -> None:
    library.add_articles([("lighthouse.md", HARBOUR)])
    started = library.start_rebuild()
    assert started.state == "queued"
    wait_for_job(library, started.id)
    job = library.job(started.id)
    assert job
    assert job.fraction == 1.0
    assert job.stage == "commit"
    assert job.report
    assert job.report["committed"] is True
    assert job.started
    assert job.finished
    assert job.started <= job.finished
    assert library.job("nothing") is None


def test_only_the_last_jobs_are_kept(library: Library) -> None:
    ids = []
    for _ in range(22):
        ids.append(library.start_rebuild().id)
        wait_for_job(library, ids[-1])
    assert [job.id for job in library.jobs()] == ids[:1:-1]


def test_a_failed_rebuild_says_why_and_changes_nothing(library: Library) -> None:
    for article_id in ("ferries.md", "roads/bridges.md", "roads/honey.md"):
        library.delete_article(article_id)
    job = library.start_rebuild()
    while not job.is_over:
        job = library.job(job.id) or job
    assert (job.state, job.code) == ("failed", "shrink_refused")
    assert job.message
    assert job.advice
    assert "ferries.md" in library.generation.articles

    wait_for_job(library, library.start_rebuild(allow_shrink=True).id)
    assert "ferries.md" not in library.generation.articles


def test_without_an_index_it_says_so_until_there_is_one(tmp_path: Path, embedder: SentenceTransformerEmbedder) -> None:
    settings = Settings(corpus=tmp_path / "corpus", index=tmp_path / "index")
    library = Library(settings, embedder)
    with pytest.raises(IndexMissingError):
        library.open()
    with pytest.raises(IndexMissingError), library.lease():
        pass
    library.add_articles([("lighthouse.md", HARBOUR)])
    assert library.pending().new == ("lighthouse.md",)
    wait_for_job(library, library.start_rebuild().id)
    assert library.is_open
    assert library.pending().count == 0
    library.close()


def test_another_process_s_commit_is_noticed(
    library: Library, settings: Settings, embedder: SentenceTransformerEmbedder
) -> None:
    library.add_articles([("lighthouse.md", HARBOUR)])
    build(settings, embedder)
    deadline = time.monotonic() + 10
    while library.generation.id == "gen-000001" and time.monotonic() < deadline:
        library.refresh_if_changed()
        time.sleep(0.05)
    assert library.generation.id == "gen-000002"


def test_a_rollback_is_noticed(library: Library, settings: Settings) -> None:
    library.add_articles([("lighthouse.md", HARBOUR)])
    wait_for_job(library, library.start_rebuild().id)
    Store(settings.index).rollback()
    deadline = time.monotonic() + 10
    while library.generation.id == "gen-000002" and time.monotonic() < deadline:
        library.refresh_if_changed()
        time.sleep(0.05)
    assert library.generation.id == "gen-000001"
    assert library.pending().new == ("lighthouse.md",)


def test_going_back_is_live_at_once(library: Library) -> None:
    assert library.previous() is None
    library.add_articles([("lighthouse.md", HARBOUR)])
    wait_for_job(library, library.start_rebuild().id)
    previous = library.previous()
    assert previous is not None
    assert (previous.id, previous.counts and previous.counts.articles) == ("gen-000001", 4)
    assert library.rollback() == library.generation.id == "gen-000001"
    assert library.pending().new == ("lighthouse.md",)
    with pytest.raises(UsageError):
        library.rollback()


def test_whoever_looks_on_sees_every_change(library: Library, settings: Settings) -> None:
    seen = [library.state().version]
    assert library.state().version == seen[0]
    library.add_articles([("lighthouse.md", HARBOUR)])
    seen.append(library.state().version)
    with Store(settings.index).lock():
        state = library.state()
        assert state.elsewhere is not None
        assert state.is_busy
        seen.append(state.version)
    assert library.state().version == seen[1]
    wait_for_job(library, library.start_rebuild().id)
    assert not library.state().is_busy
    seen.append(library.state().version)
    assert len(set(seen)) == 4


def test_the_trash_lists_what_can_come_back(unopened: Library) -> None:
    assert unopened.trash() == []
    removals = [unopened.delete_article(name) for name in ("ferries.md", "한국/도서관.md")]
    assert {(one.trash_id, one.article_id) for one in unopened.trash()} == {
        (removal.trash_id, removal.article_id) for removal in removals
    }
    unopened.restore_article(removals[0].trash_id)
    assert [one.article_id for one in unopened.trash()] == ["한국/도서관.md"]


def test_a_damaged_commit_leaves_what_is_live(library: Library, settings: Settings) -> None:
    (settings.index / "CURRENT").write_text("gen-000009 " + "0" * 64 + "\n")
    for _ in range(20):
        library.refresh_if_changed()
        time.sleep(0.02)
    with library.lease() as answerer:
        assert answerer.generation.id == "gen-000001"


def test_requests_go_on_while_generations_come_and_go(library: Library) -> None:
    """Four threads lease without a pause while the index is swapped six times; nothing closes under them."""
    stop, wrong = threading.Event(), list[str]()

    def ask() -> None:
        while not stop.is_set():
            with library.lease() as answerer:
                if answerer.search("ferries", top_k=1).hits[0].article.id != "ferries.md":
                    wrong.append(answerer.generation.id)
                if not is_pinned(answerer.generation.path):
                    wrong.append("closed")

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(6):
        library.open()
    stop.set()
    for thread in threads:
        thread.join()
    assert not wrong


# The corpus


def test_pending_counts_what_differs(library: Library, settings: Settings) -> None:
    (settings.corpus / "roads" / "honey.md").unlink()
    (settings.corpus / "ferries.md").write_text("Sixty ferries cross the bay.", encoding="utf-8")
    (settings.corpus / "fresh.txt").write_text("A whale was seen near Tolm.", encoding="utf-8")
    pending = library.pending()
    assert (pending.new, pending.changed, pending.gone) == (("fresh.txt",), ("ferries.md",), ("roads/honey.md",))
    assert pending.count == 3
    # A change that went through the library is seen at once.
    library.add_articles([("lighthouse.md", HARBOUR)])
    assert library.pending().new == ("fresh.txt", "lighthouse.md")


def test_the_same_file_twice_is_there_already(unopened: Library, settings: Settings) -> None:
    files = [("a.md", HARBOUR), ("a.md", HARBOUR), ("a.md", HARBOUR + b"\nMore.\n"), ("a.md", HARBOUR + b"\nMore.\n")]
    outcomes = unopened.add_articles(files)
    assert [(outcome.status, outcome.article_id) for outcome in outcomes] == [
        ("added", "a.md"),
        ("already_there", "a.md"),
        ("added", "a-2.md"),
        ("already_there", "a-2.md"),
    ]
    assert (settings.corpus / "a.md").read_bytes() == HARBOUR
    assert not list(settings.corpus.glob(".*"))


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.exe", HARBOUR, "unsupported"),
        ("a", HARBOUR, "unsupported"),
        (".md", HARBOUR, "unsupported"),
        ("../.md", HARBOUR, "unsupported"),
        ("\u202e\u200b.md", HARBOUR, "unsupported"),
        ("README.md", HARBOUR, "path"),
        ("a.md", b"", "empty"),
        ("a.md", b"  \n", "empty"),
        ("a.md", b"\x7fELF\0\0\0\1\0\0" * 50, "binary"),
    ],
)
def test_what_is_refused_says_why(unopened: Library, settings: Settings, name: str, data: bytes, reason: str) -> None:
    before = sorted(settings.corpus.rglob("*"))
    [outcome] = unopened.add_articles([(name, data)])
    assert (outcome.status, outcome.reason, outcome.article_id) == ("refused", reason, None)
    assert outcome.detail
    assert sorted(settings.corpus.rglob("*")) == before


def test_a_file_too_large_is_refused(settings: Settings, embedder: SentenceTransformerEmbedder) -> None:
    library = Library(settings.model_copy(update={"max_file_mb": 1}), embedder)
    [outcome] = library.add_articles([("a.txt", b"word " * 300_000)])
    assert (outcome.status, outcome.reason) == ("refused", "too_large")


@pytest.mark.parametrize(
    ("name", "cleaned"),
    [
        ("../../etc/passwd.txt", "passwd.txt"),
        ("C:\\Users\\me\\notes.TXT", "notes.txt"),
        ("a\u202egpj.md", "agpj.md"),
        ("line\nbreak\0.md", "linebreak.md"),
        ("  two   words .md", "two words.md"),
        ("...hidden.md", "hidden.md"),
        (unicodedata.normalize("NFD", "도서관.md"), "도서관.md"),
        ("-rf.md", "-rf.md"),
    ],
)
def test_names_are_cleaned(name: str, cleaned: str) -> None:
    assert clean_name(name) == cleaned


@given(st.text(), st.sampled_from([".md", ".txt", ".html", ""]))
def test_a_cleaned_name_is_harmless(name: str, suffix: str) -> None:
    """Whatever comes in: no folder, nothing hidden or invisible, short enough, and cleaning again changes nothing."""
    try:
        cleaned = clean_name(name + suffix)
    except UnreadableFileError:
        return
    assert Path(cleaned).name == cleaned
    assert cleaned[0] != "."
    assert len(cleaned) <= 200
    assert len(cleaned.encode()) <= 250
    assert all(unicodedata.category(mark)[0] != "C" for mark in cleaned)
    assert unicodedata.is_normalized("NFC", cleaned)
    assert clean_name(cleaned) == cleaned


def test_a_scan_finds_what_was_added_and_passes_over_the_rest(unopened: Library, settings: Settings) -> None:
    """The name that is refused is the one a scan passes over, and what was deleted is not scanned."""
    [added] = unopened.add_articles([("x" * 300 + ".md", HARBOUR)])
    unopened.delete_article("roads/honey.md")
    (settings.corpus / "README.md").write_bytes(HARBOUR)
    found = {file.article.id for file in scan(settings.corpus, max_bytes=10**6).files}
    assert found == {added.article_id, "ferries.md", "roads/bridges.md", "한국/도서관.md"}


def test_a_deletion_can_be_undone(unopened: Library, settings: Settings) -> None:
    content = (settings.corpus / "한국" / "도서관.md").read_bytes()
    removal = unopened.delete_article("한국/도서관.md")
    assert not (settings.corpus / "한국" / "도서관.md").exists()
    assert unopened.restore_article(removal.trash_id) == "한국/도서관.md"
    assert (settings.corpus / "한국" / "도서관.md").read_bytes() == content
    with pytest.raises(ArticleNotFoundError):
        unopened.restore_article(removal.trash_id)


def test_undoing_never_overwrites(unopened: Library) -> None:
    removal = unopened.delete_article("ferries.md")
    unopened.add_articles([("ferries.md", HARBOUR)])
    with pytest.raises(UsageError):
        unopened.restore_article(removal.trash_id)


def test_a_name_in_another_unicode_form_is_found(unopened: Library, settings: Settings) -> None:
    (settings.corpus / unicodedata.normalize("NFD", "각.md")).write_bytes(HARBOUR)
    assert unopened.delete_article("각.md").article_id == "각.md"
    assert unopened.add_articles([("각.md", HARBOUR)])[0].status == "added"


@pytest.mark.parametrize(
    "article_id",
    ["", "nothing.md", "../index/CURRENT", "roads", "roads/", "/etc/passwd", ".trash", "a\0.md", "..", "x" * 5000],
)
def test_only_articles_can_be_deleted(unopened: Library, article_id: str) -> None:
    with pytest.raises(ArticleNotFoundError):
        unopened.delete_article(article_id)


def test_a_link_out_of_the_corpus_is_not_followed(unopened: Library, settings: Settings, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a.md").write_bytes(HARBOUR)
    (settings.corpus / "linked").symlink_to(outside)
    (settings.corpus / "link.md").symlink_to(outside / "a.md")
    for article_id in ("linked/a.md", "link.md"):
        with pytest.raises(ArticleNotFoundError):
            unopened.delete_article(article_id)
    assert (outside / "a.md").exists()


@pytest.mark.parametrize("trash_id", ["", "..", "../..", ".", "nothing", "a/b", "\0", "x" * 5000])
def test_only_the_trash_can_be_restored(unopened: Library, trash_id: str) -> None:
    with pytest.raises(ArticleNotFoundError):
        unopened.restore_article(trash_id)
