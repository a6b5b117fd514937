"""Scanning a folder: what is found, what is skipped and why, and what is not read twice."""

import os
import socket
import unicodedata
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import pytest

from indexer.articles import Article
from indexer.corpus import Scan, ScannedFile, printable, scan
from indexer.errors import NothingToIndexError
from indexer.sandbox import SandboxPool, shared_pool

LIMIT = 1_000_000
TEXT = "A title line\n\nThe harbour opened its new quay on Monday. It is long.\n"


def write(folder: Path, name: str, data: bytes | str = TEXT) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def ids(result: Scan) -> list[str]:
    return [file.article.id for file in result.files]


def codes(result: Scan) -> dict[str, str]:
    return {problem.path: problem.code for problem in result.problems}


def by_id(result: Scan) -> dict[str, ScannedFile]:
    return {file.article.id: file for file in result.files}


def test_finds_articles_in_folders_sorted_by_id(tmp_path: Path) -> None:
    for name in ("b.txt", "a/z.md", "a/b/c.html", "A.txt"):
        write(tmp_path, name, "<p>" + TEXT + "</p>" if name.endswith("html") else TEXT)
    result = scan(tmp_path, max_bytes=LIMIT)
    assert ids(result) == sorted(["b.txt", "a/z.md", "a/b/c.html", "A.txt"])
    assert result.new == tuple(ids(result))
    assert not result.problems


def test_skips_hidden_files_readmes_and_the_index(tmp_path: Path) -> None:
    for name in (".hidden.txt", ".git/x.txt", "README.md", "sub/readme.MD", "Thumbs.db", ".DS_Store", "index/x.txt"):
        write(tmp_path, name)
    write(tmp_path, "kept.txt")
    result = scan(tmp_path, max_bytes=LIMIT, exclude=[tmp_path / "index"])
    assert ids(result) == ["kept.txt"]
    assert not result.problems


def test_one_bad_file_never_stops_the_others(tmp_path: Path) -> None:
    write(tmp_path, "a.txt", "")
    write(tmp_path, "b.txt", b"\xef\xbb\xbf \n")
    write(tmp_path, "c.txt", bytes(range(256)) * 8)
    write(tmp_path, "d.txt", b"Some text \xff\xfe\xfd\xfc\xfb here.")
    write(tmp_path, "e.xyz", "anything")
    write(tmp_path, "f.html", "<html><body><script>x()</script></body></html>")
    write(tmp_path, "g.txt", b"%PDF-1.7 and more")
    write(tmp_path, "good.txt")
    result = scan(tmp_path, max_bytes=LIMIT)
    assert ids(result) == ["good.txt"]
    assert codes(result) == {
        "a.txt": "empty",
        "b.txt": "empty",
        "c.txt": "binary",
        "d.txt": "encoding",
        "e.xyz": "unsupported",
        "f.html": "no_text",
        "g.txt": "binary",
    }
    assert all(problem.detail for problem in result.problems)


def test_a_file_over_the_limit_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.txt"
    with path.open("wb") as file:
        file.truncate(100 << 30)  # sparse: reading it would take minutes and all memory
    write(tmp_path, "good.txt")
    result = scan(tmp_path, max_bytes=LIMIT)
    assert codes(result) == {"huge.txt": "too_large"}
    assert ids(result) == ["good.txt"]


def test_pipes_and_sockets_do_not_hang_the_scan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    monkeypatch.chdir(tmp_path)  # a socket's path must be short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket.txt")
        write(tmp_path, "good.txt")
        result = scan(tmp_path, max_bytes=LIMIT)
    assert codes(result) == {"pipe.txt": "not_regular", "socket.txt": "not_regular"}
    assert ids(result) == ["good.txt"]


def test_links_stay_inside_and_circles_end(tmp_path: Path) -> None:
    outside = write(tmp_path, "outside/secret.txt")
    corpus = tmp_path / "corpus"
    write(corpus, "sub/good.txt")
    (corpus / "circle").symlink_to(corpus)
    (corpus / "self.txt").symlink_to(corpus / "self.txt")
    (corpus / "out.txt").symlink_to(outside)
    (corpus / "out").symlink_to(outside.parent)
    (corpus / "dangling.txt").symlink_to(corpus / "nothing.txt")
    (corpus / "alias.txt").symlink_to(corpus / "sub/good.txt")
    result = scan(corpus, max_bytes=LIMIT)
    assert ids(result) == ["alias.txt", "sub/good.txt"]
    assert codes(result).keys() == {"self.txt", "out.txt", "out", "dangling.txt"}
    assert codes(result)["out.txt"] == codes(result)["out"] == "path"
    assert codes(result)["dangling.txt"] == "missing"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_forbidden_file_is_a_problem(tmp_path: Path) -> None:
    write(tmp_path, "closed.txt").chmod(0)
    write(tmp_path, "good.txt")
    result = scan(tmp_path, max_bytes=LIMIT)
    assert codes(result) == {"closed.txt": "permission"}
    assert ids(result) == ["good.txt"]


def test_a_name_that_is_not_unicode_is_a_problem_that_can_be_printed(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"\xff.txt")).write_text(TEXT)
    result = scan(tmp_path, max_bytes=LIMIT)
    (problem,) = result.problems
    assert problem.code == "path"
    problem.path.encode()


@pytest.mark.parametrize(
    "name", ["new\nline.txt", "<img onerror=x>.txt", "-rf.txt", "CON.txt", '"quoted".txt', "trail. .txt"]
)
def test_odd_names_are_only_names(tmp_path: Path, name: str) -> None:
    write(tmp_path, name)
    assert ids(scan(tmp_path, max_bytes=LIMIT)) == [name]


def test_ids_are_nfc_and_two_forms_of_one_name_are_told_apart(tmp_path: Path) -> None:
    composed = "한국.txt"
    write(tmp_path, unicodedata.normalize("NFD", composed))
    assert ids(scan(tmp_path, max_bytes=LIMIT)) == [composed]
    write(tmp_path, composed)
    if len(list(tmp_path.iterdir())) == 1:
        pytest.skip("this file system knows only one form of a name")
    result = scan(tmp_path, max_bytes=LIMIT)
    assert ids(result) == [composed]
    assert codes(result) == {composed: "path"}


def test_a_second_scan_tells_new_changed_unchanged_and_gone(tmp_path: Path) -> None:
    for name in ("same.txt", "changed.txt", "gone.txt", "broken.txt"):
        write(tmp_path, name)
    first = scan(tmp_path, max_bytes=LIMIT)
    write(tmp_path, "changed.txt", TEXT + "One more sentence stands here.\n")
    write(tmp_path, "broken.txt", "")
    write(tmp_path, "new.txt")
    (tmp_path / "gone.txt").unlink()
    second = scan(tmp_path, max_bytes=LIMIT, known=by_id(first))
    assert second.new == ("new.txt",)
    assert second.changed == ("changed.txt",)
    assert second.unchanged == ("same.txt",)
    assert second.gone == ("broken.txt", "gone.txt")


def test_a_file_with_the_same_size_and_time_is_not_read(tmp_path: Path) -> None:
    path = write(tmp_path, "a.txt")
    first = scan(tmp_path, max_bytes=LIMIT)
    before = path.stat()
    path.write_text(TEXT.replace("Monday", "Sunday"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    second = scan(tmp_path, max_bytes=LIMIT, known=by_id(first))
    assert second.files[0] is first.files[0]


def test_the_same_bytes_at_another_time_are_not_parsed_again(tmp_path: Path) -> None:
    path = write(tmp_path, "a.txt")
    first = scan(tmp_path, max_bytes=LIMIT)
    os.utime(path, ns=(1, 1))
    second = scan(tmp_path, max_bytes=LIMIT, known=by_id(first))
    assert second.unchanged == ("a.txt",)
    assert second.files[0].article is first.files[0].article
    assert second.files[0].stamp.mtime_ns == 1


def test_a_known_problem_is_not_parsed_again_until_its_file_changes(tmp_path: Path) -> None:
    path = write(tmp_path, "a.txt", "Share\n")
    (problem,) = scan(tmp_path, max_bytes=LIMIT).problems
    assert problem.stamp is not None
    remembered = replace(problem, detail="remembered")
    again = scan(tmp_path, max_bytes=LIMIT, known_problems={"a.txt": remembered})
    assert again.problems == (remembered,)
    path.write_text(TEXT)
    assert not scan(tmp_path, max_bytes=LIMIT, known_problems={"a.txt": remembered}).problems


@pytest.mark.parametrize(("does", "code"), [("BREAK", "malformed"), ("EXIT", "crash")])
def test_a_reader_that_breaks_costs_only_its_file(tmp_path: Path, does: str, code: str) -> None:
    write(tmp_path, "bad.txt", does)
    write(tmp_path, "good.txt")
    with SandboxPool(entry="tests.indexer.hostile_reader") as pool:
        result = scan(tmp_path, max_bytes=LIMIT, parser=pool)
    assert codes(result) == {"bad.txt": code}
    assert "\n" not in result.problems[0].detail
    assert ids(result) == ["good.txt"]


class Meddler:
    """Parses as always, and does something to the corpus each time."""

    at_once = 1

    def __init__(self, act: Callable[[str], None]) -> None:
        self.act = act

    def submit(self, article_id: str, data: bytes) -> Future[Article]:
        """Do it, then have the file read."""
        self.act(article_id)
        return shared_pool().submit(article_id, data)


def test_a_file_that_vanishes_meanwhile_is_a_problem(tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt", "c.txt"):
        write(tmp_path, name)
    meddler = Meddler(lambda article_id: (tmp_path / "b.txt").unlink(missing_ok=True))
    result = scan(tmp_path, max_bytes=LIMIT, parser=meddler)
    assert ids(result) == ["a.txt", "c.txt"]
    assert codes(result) == {"b.txt": "missing"}


def test_a_file_that_is_written_while_it_is_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, "a.txt")
    real = os.fstat
    calls = []

    def growing(descriptor: int) -> os.stat_result:
        calls.append(descriptor)
        if len(calls) == 2:
            with path.open("a") as file:
                file.write("more")
        return real(descriptor)

    monkeypatch.setattr("indexer.corpus.os.fstat", growing)
    assert codes(scan(tmp_path, max_bytes=LIMIT)) == {"a.txt": "changed"}


def test_progress_counts_every_file(tmp_path: Path) -> None:
    for number in range(5):
        write(tmp_path, f"{number}.txt", TEXT if number else "")
    seen: list[tuple[int, int]] = []
    scan(tmp_path, max_bytes=LIMIT, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(n, 5) for n in range(1, 6)]


@pytest.mark.parametrize("name", ["nowhere", "file.txt"])
def test_a_missing_folder_is_an_error_with_advice(tmp_path: Path, name: str) -> None:
    write(tmp_path, "file.txt")
    with pytest.raises(NothingToIndexError) as caught:
        scan(tmp_path / name, max_bytes=LIMIT)
    assert caught.value.advice


def test_an_empty_folder_is_an_empty_scan(tmp_path: Path) -> None:
    assert scan(tmp_path, max_bytes=LIMIT) == Scan((), (), (), (), (), ())


def test_printable_escapes_what_breaks_a_line() -> None:
    assert printable("a\nb\udcff한") == "a\\nb\\udcff한"
