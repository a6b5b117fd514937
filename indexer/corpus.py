"""A folder of files → articles: what is new, changed, gone, and unreadable and why."""

import hashlib
import os
import stat
import unicodedata
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path, PurePath

from indexer.articles import Article
from indexer.errors import NothingToIndexError, UnreadableFileError
from indexer.formats import SUFFIXES
from indexer.sandbox import Parser, shared_pool

Progress = Callable[[int, int], None]

_NOT_ARTICLES = frozenset({"readme.md", "thumbs.db", "desktop.ini", "ehthumbs.db", "icon\r", "lost+found"})
# Absent on some systems; there a FIFO is still refused by its type before it is opened.
_OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_LONGEST_DETAIL = 200
# So many files are in memory for each that is being parsed.
_AHEAD = 2


@dataclass(frozen=True, slots=True)
class FileStamp:
    """What a file was when it was read; an equal size and time mean that it need not be read again."""

    size: int
    mtime_ns: int
    sha256: str


@dataclass(frozen=True, slots=True)
class ScannedFile:
    """One readable file of the corpus."""

    article: Article
    stamp: FileStamp


@dataclass(frozen=True, slots=True)
class Problem:
    """One file (or folder) that gave no article; `code` is a reason of `UnreadableFileError`."""

    path: str
    code: str
    detail: str
    stamp: FileStamp | None = None


@dataclass(frozen=True, slots=True)
class Scan:
    """The state of a corpus: every article, every problem, and what differs from what was known.

    `gone` lists known articles that the folder no longer gives, be it deleted or unreadable now.
    """

    files: tuple[ScannedFile, ...]
    problems: tuple[Problem, ...]
    new: tuple[str, ...]
    changed: tuple[str, ...]
    unchanged: tuple[str, ...]
    gone: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Candidate:
    article_id: str
    path: str


def is_passed_over(name: str) -> bool:
    """Whether a scan leaves out a file or folder of this name without a word: hidden, or known to be no article."""
    return name.startswith(".") or name.lower() in _NOT_ARTICLES


def scan(
    folder: Path,
    *,
    max_bytes: int,
    known: Mapping[str, ScannedFile] | None = None,
    known_problems: Mapping[str, Problem] | None = None,
    exclude: Collection[Path] = (),
    progress: Progress | None = None,
    parser: Parser | None = None,
) -> Scan:
    """Read a corpus; a file that is as it was (size and time, or bytes) is not parsed again.

    One bad file never stops the others: it becomes a Problem. `parser` makes articles of files, by default in
    processes of their own. Raises NothingToIndexError when the folder is missing, and SandboxError.
    """
    if not folder.is_dir():
        raise NothingToIndexError(
            f"There is no folder {printable(str(folder))!r} to index.",
            advice="Create it and put articles in it, or name another one with --corpus.",
        )
    candidates, problems = _list(folder.resolve(), {path.resolve() for path in exclude})
    files: list[ScannedFile] = []
    reader = _Reader(max_bytes, known or {}, known_problems or {}, parser or shared_pool())
    for done, outcome in enumerate(_outcomes(reader, candidates), start=1):
        if isinstance(outcome, Problem):
            problems.append(outcome)
        else:
            files.append(outcome)
        if progress:
            progress(done, len(candidates))
    return _compare(files, problems, known or {})


def printable(name: str) -> str:
    """Show a file name whatever its bytes: what cannot be encoded or would break a line is escaped."""
    safe = name.encode("utf-8", "backslashreplace").decode("utf-8")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in safe)


def _compare(files: list[ScannedFile], problems: list[Problem], known: Mapping[str, ScannedFile]) -> Scan:
    new, changed, unchanged = [], [], []
    for file in files:
        before = known.get(file.article.id)
        if before is None:
            new.append(file.article.id)
        elif before.stamp.sha256 == file.stamp.sha256:
            unchanged.append(file.article.id)
        else:
            changed.append(file.article.id)
    present = {file.article.id for file in files}
    return Scan(
        files=tuple(files),
        problems=tuple(sorted(problems, key=lambda problem: problem.path)),
        new=tuple(new),
        changed=tuple(changed),
        unchanged=tuple(unchanged),
        gone=tuple(sorted(article_id for article_id in known if article_id not in present)),
    )


# ---------------------------------------------------------------- which files


def _list(root: Path, excluded: Collection[Path]) -> tuple[list[_Candidate], list[Problem]]:
    """List the files that may be articles, sorted by id, and what cannot even be tried."""
    candidates: dict[str, _Candidate] = {}
    problems: list[Problem] = []
    for found in _walk(root, excluded):
        if isinstance(found, Problem):
            problems.append(found)
        elif found.article_id in candidates:
            other = os.path.basename(candidates[found.article_id].path)
            detail = f"Another file has the same name in another Unicode form: {printable(ascii(other))}."
            problems.append(Problem(found.article_id, "path", detail))
        else:
            candidates[found.article_id] = found
    return [candidates[article_id] for article_id in sorted(candidates)], problems


def _walk(root: Path, excluded: Collection[Path]) -> Iterator[_Candidate | Problem]:
    """Walk the folders below `root`; a link to a folder inside it is not followed: it is walked by its own name."""
    folders, left_out = [root], {str(path) for path in excluded}
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(folder) as entries:
                # Sorted by bytes, so that of two names with one NFC form the same one always wins.
                found = sorted(entries, key=lambda entry: os.fsencode(entry.name))
        except OSError as error:
            yield _os_problem(_relative(folder, root), error)
            continue
        for entry in found:
            if is_passed_over(entry.name) or entry.path in left_out:
                continue
            try:
                outcome = _look(entry, root)
            except OSError as error:
                outcome = _os_problem(_relative(entry.path, root), error)
            if isinstance(outcome, Path):
                folders.append(outcome)
            elif outcome is not None:
                yield outcome


def _look(entry: os.DirEntry[str], root: Path) -> _Candidate | Problem | Path | None:
    """Say what one entry is: a folder to walk (its path), a file to read, a problem, or nothing."""
    name = _relative(entry.path, root)
    if entry.is_symlink():
        target = _target(Path(entry.path))
        if target is None or not target.is_relative_to(root):
            return Problem(name, "path", "The link leads outside the corpus, or in a circle.")
        if target.is_dir():
            return None
    if entry.is_dir():
        return Path(entry.path)
    if not _is_text(entry.path):
        return Problem(name, "path", "The file name is not valid Unicode.")
    suffix = PurePath(entry.name).suffix
    if suffix.lower() not in SUFFIXES:
        return Problem(name, "unsupported", f"Files ending in {printable(suffix) or 'nothing'!r} are not read.")
    return _Candidate(name, entry.path)


def _target(link: Path) -> Path | None:
    try:
        return link.resolve(strict=False)
    except (OSError, RuntimeError):
        # A circle of links: RuntimeError before Python 3.13, OSError since.
        return None


def _relative(path: str | Path, root: Path) -> str:
    # By pathlib it would take longer than all else that is done for a file that is known.
    name = str(path)[len(os.path.join(root, "")) :].replace(os.sep, "/") or "."
    return unicodedata.normalize("NFC", name) if _is_text(name) else printable(name)


def _is_text(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


# ---------------------------------------------------------------- one file


@dataclass(frozen=True, slots=True)
class _Parsing:
    """A file that is being parsed."""

    article_id: str
    stamp: FileStamp
    article: Future[Article]

    def finish(self) -> ScannedFile | Problem:
        try:
            return ScannedFile(self.article.result(), self.stamp)
        except UnreadableFileError as error:
            # What may pass is tried again by the next scan: without a stamp it is not known.
            return _problem(self.article_id, error, None if error.passing else self.stamp)


def _outcomes(reader: "_Reader", candidates: Iterable[_Candidate]) -> Iterator[ScannedFile | Problem]:
    """Yield what became of each candidate, in their order; while some are parsed, the next ones are read."""
    waiting: deque[_Parsing | ScannedFile | Problem] = deque()
    for candidate in candidates:
        waiting.append(reader.open(candidate))
        while waiting and (len(waiting) > _AHEAD * reader.parser.at_once or not isinstance(waiting[0], _Parsing)):
            yield _finished(waiting.popleft())
    yield from map(_finished, waiting)


def _finished(outcome: _Parsing | ScannedFile | Problem) -> ScannedFile | Problem:
    return outcome.finish() if isinstance(outcome, _Parsing) else outcome


@dataclass(frozen=True, slots=True)
class _Reader:
    max_bytes: int
    known: Mapping[str, ScannedFile]
    known_problems: Mapping[str, Problem]
    parser: Parser

    def open(self, candidate: _Candidate) -> _Parsing | ScannedFile | Problem:
        """Read a file's bytes unless it is known, and have them parsed; whatever goes wrong becomes a Problem."""
        article_id = candidate.article_id
        try:
            status = os.stat(candidate.path)
            _check(status, self.max_bytes)
            known = self._known(article_id, size=status.st_size, mtime_ns=status.st_mtime_ns)
            if known is not None:
                return known
            data, status = _read_bytes(candidate.path, self.max_bytes)
        except UnreadableFileError as error:
            return _problem(article_id, error, None)
        except OSError as error:
            return _os_problem(article_id, error)
        stamp = FileStamp(len(data), status.st_mtime_ns, hashlib.sha256(data).hexdigest())
        known = self._known(article_id, sha256=stamp.sha256)
        if isinstance(known, ScannedFile):
            return ScannedFile(known.article, stamp)
        if known is not None:
            return Problem(article_id, known.code, known.detail, stamp)
        return _Parsing(article_id, stamp, self.parser.submit(article_id, data))

    def _known(self, article_id: str, **stamp: object) -> ScannedFile | Problem | None:
        """Return what is known of a file when all the given parts of its stamp are the same."""
        for before in (self.known.get(article_id), self.known_problems.get(article_id)):
            if before is not None and before.stamp is not None:
                same = all(getattr(before.stamp, name) == value for name, value in stamp.items())
                if same:
                    return before
        return None


def _check(status: os.stat_result, max_bytes: int) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise UnreadableFileError("not_regular", "This is no regular file.")
    if status.st_size > max_bytes:
        detail = f"The file has {status.st_size:,} bytes; the limit is {max_bytes:,}."
        raise UnreadableFileError("too_large", detail)


def _read_bytes(path: str | Path, max_bytes: int) -> tuple[bytes, os.stat_result]:
    """Read a regular file whole; a file that changes meanwhile is refused rather than read in halves."""
    descriptor = os.open(path, _OPEN_FLAGS)
    with open(descriptor, "rb") as file:
        before = os.fstat(descriptor)
        _check(before, max_bytes)
        data = file.read(before.st_size + 1)
        after = os.fstat(descriptor)
    if len(data) != before.st_size or (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
        raise UnreadableFileError("changed", "The file changed while it was read; the next run reads it.")
    return data, after


def read_regular(path: Path, *, max_bytes: int) -> bytes:
    """Read a file from anywhere as the files of a corpus are read; raises UnreadableFileError."""
    try:
        return _read_bytes(path, max_bytes)[0]
    except OSError as error:
        problem = _os_problem(str(path), error)
        raise UnreadableFileError(problem.code, problem.detail) from error


def _problem(path: str, error: UnreadableFileError, stamp: FileStamp | None) -> Problem:
    return Problem(path, error.reason, printable(error.detail)[:_LONGEST_DETAIL], stamp)


def _os_problem(path: str, error: OSError) -> Problem:
    if isinstance(error, PermissionError):
        code = "permission"
    elif isinstance(error, FileNotFoundError):
        code = "missing"
    else:
        code = "path"
    return Problem(path, code, f"The system says: {printable(error.strerror or str(error))}.")
