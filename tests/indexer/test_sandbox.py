"""Reading in a child: the same articles, and nothing that a file does to its reader reaches this process."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.articles import Article
from indexer.corpus import scan
from indexer.errors import SandboxError, UnreadableFileError
from indexer.formats import SUFFIXES, read_article
from indexer.sandbox import START_COST_S, SandboxPool, shared_pool
from indexer.sandbox_child import Limits

ROOT = Path(__file__).parent.parent.parent
HOSTILE = "tests.indexer.hostile_reader"
TEXT = b"A title line\n\nThe harbour opened its new quay on Monday. It is long.\n"
FEW = Limits(cpu_s=1, wall_s=60.0, memory_bytes=64 << 20, reply_bytes=1 << 20)


@pytest.fixture(scope="module")
def hostile() -> Iterator[SandboxPool]:
    """A pool of one child, whose reader obeys its files."""
    with SandboxPool(workers=1, entry=HOSTILE, limits=FEW) as pool:
        yield pool


def refusal(pool: SandboxPool, data: bytes) -> UnreadableFileError:
    with pytest.raises(UnreadableFileError) as caught:
        pool.read("a.txt", data)
    return caught.value


def powers(pool: SandboxPool) -> dict[str, object]:
    report: dict[str, object] = json.loads(pool.read("a.txt", b"POWERS").text)
    return report


def is_running(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def waits_for(what: str, *, seconds: float = 60.0) -> Iterator[None]:
    """Yield again and again, until it has been too long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield
        time.sleep(0.02)
    pytest.fail(f"{what} takes too long")


def outcome(read: object, article_id: str, data: bytes) -> Article | str:
    assert callable(read)
    try:
        article = read(article_id, data)
        assert isinstance(article, Article)
        return article
    except UnreadableFileError as error:
        return error.reason


# ---------------------------------------------------------------- the same articles


@settings(max_examples=60, deadline=None)
@given(st.one_of(st.binary(max_size=300), st.text(max_size=300).map(str.encode)), st.sampled_from(sorted(SUFFIXES)))
def test_law_a_child_reads_as_this_process_does(data: bytes, suffix: str) -> None:
    assert outcome(shared_pool().read, f"x{suffix}", data) == outcome(read_article, f"x{suffix}", data)


@pytest.mark.parametrize("path", sorted((ROOT / "corpus").glob("*.md")), ids=lambda path: path.name)
def test_the_starter_articles_are_read_as_in_this_process(path: Path) -> None:
    data = path.read_bytes()
    assert outcome(shared_pool().read, path.name, data) == outcome(read_article, path.name, data)


# ---------------------------------------------------------------- what goes wrong


@pytest.mark.parametrize(
    ("does", "reason", "detail"),
    [
        (b"SPIN", "timeout", "more than 1 seconds of processor time"),
        (b"EAT", "memory", "more than 64 MiB"),
        (b"SEGFAULT", "crash", "SIGSEGV"),
        (b"EXIT", "crash", "exit code 3"),
        (b"BREAK", "malformed", "KeyError"),
        (b"CHATTER", "crash", "no article"),
        (b"FLOOD", "too_large", "larger than 1 MiB"),
        (b"ANOTHER", "crash", "no article"),
        (b"OUTSIDE", "crash", "no article"),
    ],
)
def test_what_a_file_does_to_its_reader_is_a_reason(
    hostile: SandboxPool, does: bytes, reason: str, detail: str
) -> None:
    error = refusal(hostile, does)
    assert (error.reason, error.passing) == (reason, False)
    assert detail in error.detail
    assert hostile.read("b.txt", TEXT) == read_article("b.txt", TEXT)


def test_a_reader_that_never_ends_is_killed_and_the_file_gets_another_chance() -> None:
    with SandboxPool(workers=1, entry=HOSTILE, limits=Limits(wall_s=0.5)) as pool:
        error = refusal(pool, b"SLEEP")
        assert (error.reason, error.passing) == ("timeout", True)
        assert pool.read("b.txt", TEXT).id == "b.txt"


def test_who_is_killed_by_somebody_else_gets_another_chance(hostile: SandboxPool) -> None:
    error = refusal(hostile, b"KILLED")
    assert (error.reason, error.passing) == ("crash", True)


def test_what_breaks_a_used_child_is_tried_in_a_fresh_one() -> None:
    with SandboxPool(workers=1, entry=HOSTILE) as pool:
        assert refusal(pool, b"EXIT").reason == "crash"
        assert pool.started == 1
        pool.read("a.txt", TEXT)
        assert pool.started == 2
        assert refusal(pool, b"EXIT").reason == "crash"
        assert pool.started == 3


def test_without_a_reader_nothing_is_read(capfd: pytest.CaptureFixture[str]) -> None:
    with SandboxPool(entry="indexer.nothing_of_the_kind") as pool, pytest.raises(SandboxError):
        pool.read("a.txt", TEXT)
    assert "nothing_of_the_kind" in capfd.readouterr().err


# ---------------------------------------------------------------- what a child can do


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc")
def test_a_child_has_next_to_no_powers(hostile: SandboxPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTNOTE_WRITER_API_KEY", "secret")
    hostile.read("a.txt", TEXT)
    refusal(hostile, b"EXIT")
    report = powers(hostile)
    assert report["folder"] == "/"
    assert set(report["variables"]) <= {"LC_CTYPE", "LD_LIBRARY_PATH", "TZ"}  # type: ignore[call-overload]
    assert report["write"] == report["many files"] == "OSError"
    status = Path(f"/proc/{report['pid']}/status").read_text()
    assert "NoNewPrivs:\t1" in status
    limits = Path(f"/proc/{report['pid']}/limits").read_text()
    for name in ("Max core file size", "Max file size", "Max processes"):
        assert limits.partition(name)[2].split()[:2] == ["0", "0"]
    assert limits.partition("Max address space")[2].split()[0].isdigit()
    heavy = {"torch", "numpy", "faiss", "tantivy", "gradio", "fastapi", "transformers", "datasketch", "pickle"}
    assert set(report["modules"]) & heavy <= {"pickle"}  # type: ignore[call-overload]


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc")
@pytest.mark.parametrize("does", ["SLEEP", "SPIN", ""])
def test_a_child_dies_with_its_parent(does: str) -> None:
    lines = [
        "import json, sys, time",
        "from indexer.sandbox import SandboxPool",
        f"pool = SandboxPool(workers=1, entry={HOSTILE!r})",
        "print(json.loads(pool.read('a.txt', b'POWERS').text)['pid'], flush=True)",
        f"pool.submit('a.txt', {does.encode()!r})",
        "time.sleep(3600)",
    ]
    with subprocess.Popen([sys.executable, "-c", "\n".join(lines)], cwd=ROOT, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert is_running(child)
        parent.kill()
        for _ in waits_for("dying"):
            if not is_running(child):
                break


def test_nothing_else_parses_what_is_untrusted() -> None:
    """Outside the readers nobody calls one: scans, uploads, pasted texts and pages all go through a pool."""
    sources = [path for package in ("indexer", "qa", "ui") for path in (ROOT / package).rglob("*.py")]
    calls = re.compile(r"\bread_(?:article|html|markdown|front_matter)\(|import (?:yaml|trafilatura|lxml|markdown_it)")
    users = {path for path in sources if calls.search(path.read_text(encoding="utf-8"))}
    assert {path for path in users if not path.is_relative_to(ROOT / "indexer" / "formats")} == set()


# ---------------------------------------------------------------- the pool


def test_children_come_when_needed_and_go_when_not() -> None:
    with SandboxPool(workers=2, entry=HOSTILE, idle_s=0.05) as pool:
        assert pool.started == 0
        first = powers(pool)["pid"]
        assert isinstance(first, int)
        for _ in waits_for("going"):
            if not is_running(first):
                break
        assert powers(pool)["pid"] != first
        assert pool.started == 2


def test_much_work_is_shared_and_stays_in_order(tmp_path: Path) -> None:
    for number in range(20):
        (tmp_path / f"{number:02}.md").write_text(f"# Title {number}\n\n" + "The quay was opened. " * 8_000)
    with SandboxPool(workers=2) as pool:
        seconds = time.monotonic()
        found = scan(tmp_path, max_bytes=1 << 20, parser=pool)
        seconds = time.monotonic() - seconds
        assert [file.article.id for file in found.files] == [f"{number:02}.md" for number in range(20)]
        assert pool.started <= 2
        assert pool.started == 2 or seconds < 4 * START_COST_S


def test_a_scan_of_what_is_known_starts_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(TEXT)
    (tmp_path / "b.txt").write_bytes(b"")
    with SandboxPool() as pool:
        first = scan(tmp_path, max_bytes=1 << 20, parser=pool)
        assert pool.started == 1
    with SandboxPool() as pool:
        again = scan(
            tmp_path,
            max_bytes=1 << 20,
            parser=pool,
            known={file.article.id: file for file in first.files},
            known_problems={problem.path: problem for problem in first.problems},
        )
        assert pool.started == 0
    assert again.files == first.files
    assert again.problems == first.problems


def test_what_may_pass_is_tried_by_the_next_scan(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"SLEEP")
    (tmp_path / "b.txt").write_bytes(b"EXIT")
    with SandboxPool(workers=1, entry=HOSTILE, limits=Limits(wall_s=0.5)) as pool:
        slow, crashed = scan(tmp_path, max_bytes=1 << 20, parser=pool).problems
    assert (slow.code, slow.stamp) == ("timeout", None)
    assert crashed.code == "crash"
    assert crashed.stamp is not None


def test_closing_waits_for_nobody() -> None:
    pool = SandboxPool(workers=1, entry=HOSTILE)
    pool.read("a.txt", TEXT)
    running, waiting = pool.submit("a.txt", b"SLEEP"), pool.submit("b.txt", TEXT)
    for _ in waits_for("starting"):
        if running.running():
            break
    pool.close()
    assert isinstance(running.exception(0), UnreadableFileError | SandboxError)
    assert waiting.cancelled()
    with pytest.raises(SandboxError):
        pool.read("a.txt", TEXT)


# ---------------------------------------------------------------- without a sandbox


@pytest.mark.parametrize("does", ["SPIN", "EAT", "SEGFAULT"])
@pytest.mark.parametrize("is_safe", [True, False])
def test_without_the_sandbox_one_file_stops_all(tmp_path: Path, does: str, is_safe: bool) -> None:
    """The same scan in a process of its own, with and without: only with it the good file is found."""
    (tmp_path / "a.txt").write_text(does)
    (tmp_path / "b.txt").write_bytes(TEXT)
    parser = f"SandboxPool(entry={HOSTILE!r}, limits=Limits(cpu_s=1))" if is_safe else "InProcess()"
    lines = [
        "import resource, sys",
        "from pathlib import Path",
        "from indexer.corpus import scan",
        "from indexer.sandbox import SandboxPool",
        "from indexer.sandbox_child import Limits",
        "from tests.indexer.hostile_reader import InProcess",
        "resource.setrlimit(resource.RLIMIT_CPU, (5, resource.RLIM_INFINITY))",
        "resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))",
        f"found = scan(Path({str(tmp_path)!r}), max_bytes=1 << 20, parser={parser})",
        "print(*[file.article.id for file in found.files], *[problem.path for problem in found.problems])",
    ]
    done = subprocess.run([sys.executable, "-c", "\n".join(lines)], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode == 0) == is_safe, done.stderr
    assert (done.stdout.split() == ["b.txt", "a.txt"]) == is_safe
