"""The articles of a library as files: taken in, taken out, brought back, and compared with the live generation."""

import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from indexer.corpus import Scan, ScannedFile, scan
from indexer.errors import NothingToIndexError
from indexer.settings import Settings
from qa.uploads import AddOutcome, Removal, Trashed, add_file, list_trash, remove_file, restore_file

# A scan of a large folder rests this many times as long as it took.
SCAN_PAUSE = 10.0
NOTHING = Scan(files=(), problems=(), new=(), changed=(), unchanged=(), gone=())


@dataclass(frozen=True, slots=True)
class Pending:
    """What a rebuild would change: article ids that are new, changed or gone since the live generation."""

    new: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """How many articles wait for a rebuild."""
        return len(self.new) + len(self.changed) + len(self.gone)


class Shelf:
    """The files of one corpus; every method may be called from any thread."""

    def __init__(self, settings: Settings) -> None:
        self._corpus = settings.corpus
        self._index = settings.index
        self._max_bytes = settings.max_file_mb * 2**20
        self._adding = threading.Lock()  # one change at a time
        self._scanning = threading.Lock()  # over the two below
        self._scanned = NOTHING
        self._next_scan = 0.0

    def add(self, files: Iterable[tuple[str, bytes]]) -> list[AddOutcome]:
        """Write files, one outcome each; they are taken one by one."""
        with self._changing():
            return [add_file(self._corpus, name, data, max_bytes=self._max_bytes) for name, data in files]

    def remove(self, article_id: str) -> Removal:
        """Move an article into the trash; raises ArticleNotFoundError."""
        with self._changing():
            return remove_file(self._corpus, article_id)

    def restore(self, trash_id: str) -> str:
        """Bring an article back from the trash and return its id."""
        with self._changing():
            return restore_file(self._corpus, trash_id)

    def trash(self) -> list[Trashed]:
        """What was removed and can come back, the latest first."""
        return list_trash(self._corpus)

    def pending(self, before: Mapping[str, ScannedFile]) -> Pending:
        """What differs from the files `before`; a file is read again only when its size or time differs."""
        after = {file.article.id: file.stamp.sha256 for file in self._scan(before).files}
        return Pending(
            new=tuple(sorted(after.keys() - before.keys())),
            changed=tuple(
                article_id
                for article_id, sha256 in after.items()
                if article_id in before and before[article_id].stamp.sha256 != sha256
            ),
            gone=tuple(sorted(before.keys() - after.keys())),
        )

    @contextmanager
    def _changing(self) -> Iterator[None]:
        with self._adding:
            yield
        with self._scanning:
            self._next_scan = 0.0

    def _scan(self, before: Mapping[str, ScannedFile]) -> Scan:
        with self._scanning:
            now = time.monotonic()
            if now < self._next_scan:
                return self._scanned
            # What waits for a rebuild is not in the index, so the scan before this one remembers it.
            known = {**before, **{file.article.id: file for file in self._scanned.files}}
            problems = {problem.path: problem for problem in self._scanned.problems}
            try:
                self._scanned = scan(
                    self._corpus,
                    max_bytes=self._max_bytes,
                    known=known,
                    known_problems=problems,
                    exclude=[self._index],
                )
            except NothingToIndexError:
                self._scanned = NOTHING
            self._next_scan = time.monotonic() + (time.monotonic() - now) * SCAN_PAUSE
            return self._scanned
