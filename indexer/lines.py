"""Records as the lines they lie in: decoded when they are asked for, copied to the byte when they are kept.

What opens a generation to answer from it decodes everything (`records`). A rebuild keeps nearly all of it as it is, and
asks for little.
"""

import json
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import accumulate, pairwise
from typing import overload

import numpy as np
from numpy.typing import NDArray

from indexer.articles import Article, Passage
from indexer.corpus import ScannedFile
from indexer.errors import IndexDamagedError
from indexer.records import PASSAGES_FILE, IndexedPassage, decode_passage, encode_passages

Data = NDArray[np.uint8]
# SHA-256 of embedded texts, shape (n, 32).
Digests = NDArray[np.uint8]

# As `records` writes them; a line of another form is decoded.
_HEAD = re.compile(rb'\{"passage":\{"id":"[0-9a-f]+","article_id":("(?:[^"\\]|\\.)*"),"start":')
_TAIL = np.frombuffer(b'"embedded_sha256":"', dtype=np.uint8)
_DIGITS = 64
_END = b'"}\n'
_BLOCK = 1 << 24
_ROWS = 1 << 16
# So many new passages are put into lines at once: as objects they take twice the room.
_PACKED = 4096
_NO_DIGESTS = np.empty((0, _DIGITS // 2), dtype=np.uint8)


class PassageLines(Sequence[IndexedPassage]):
    """The passages of a file in row order, or a run of them; `bounds` are where its lines begin, and where it ends."""

    def __init__(self, data: Data, bounds: NDArray[np.int64], rows: range) -> None:
        self.data = data
        self.bounds = bounds
        self.rows = rows

    @classmethod
    def of(cls, data: Data) -> "PassageLines":
        """Find the lines; raises IndexDamagedError when the last one is cut off."""
        bounds = np.concatenate([np.zeros(1, dtype=np.int64), *_ends_of_lines(data)])
        if bounds[-1] != len(data):
            raise IndexDamagedError(f"{PASSAGES_FILE}: the last line is cut off")
        return cls(data, bounds, range(len(bounds) - 1))

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, row: int) -> IndexedPassage: ...
    @overload
    def __getitem__(self, row: slice) -> "PassageLines": ...
    def __getitem__(self, row: int | slice) -> "IndexedPassage | PassageLines":
        if isinstance(row, slice):
            return PassageLines(self.data, self.bounds, self.rows[row])
        return decode_passage(self.line(row), self.rows[row] + 1)

    def line(self, row: int) -> bytes:
        """Return a line as it is."""
        number = self.rows[row]
        return self.data[self.bounds[number] : self.bounds[number + 1]].tobytes()

    def followed_by(self, other: Sequence[IndexedPassage]) -> "PassageLines | None":
        """Return both as one run, where the other comes next in the same file."""
        if isinstance(other, PassageLines) and other.data is self.data and other.rows.start == self.rows.stop:
            return PassageLines(self.data, self.bounds, range(self.rows.start, other.rows.stop))
        return None

    def to_bytes(self) -> Iterator[bytes]:
        """Yield the lines as they are, in parts."""
        start, end = int(self.bounds[self.rows.start]), int(self.bounds[self.rows.stop])
        for part in range(start, end, _BLOCK):
            yield self.data[part : min(part + _BLOCK, end)].tobytes()

    def digests(self) -> Digests:
        """Return the SHA-256 of each embedded text; shape (n, 32)."""
        parts = [self[start : start + _ROWS]._digests() for start in range(0, len(self), _ROWS)]
        return np.concatenate([_NO_DIGESTS, *parts])

    def _digests(self) -> Digests:
        bounds = self.bounds[self.rows.start : self.rows.stop + 1]
        tails = bounds[1:, np.newaxis] + np.arange(-len(_TAIL) - _DIGITS - len(_END), -len(_END))
        if np.diff(bounds).min() < tails.shape[1] + len(_END):
            return _from_hex(self)
        found = self.data[tails]
        if not (found[:, : len(_TAIL)] == _TAIL).all():
            return _from_hex(self)
        return _parsed(found[:, len(_TAIL) :].tobytes())

    def by_article(self) -> dict[str, "PassageLines"]:
        """Return the passages of each article that has some; an article whose lines lie apart is left out."""
        view, starts, names = self.data.data, list[int](), list[str]()
        before = b""
        for row, start in zip(self.rows, self.bounds[self.rows.start : self.rows.stop].tolist(), strict=True):
            head = _HEAD.match(view, start)
            name = head.group(1) if head else json.dumps(self[row - self.rows.start].passage.article_id).encode()
            if name != before:
                before = name
                starts.append(row - self.rows.start)
                names.append(json.loads(name))
        runs, apart = dict[str, PassageLines](), set[str]()
        for one, (start, stop) in zip(names, pairwise([*starts, len(self)]), strict=True):
            if one in runs:
                apart.add(one)
            runs[one] = self[start:stop]
        return {name: run for name, run in runs.items() if name not in apart}


class JoinedPassages(Sequence[IndexedPassage]):
    """Runs of passages, one after the other: those of new articles, and lines that are kept.

    The parts are taken one by one; of new ones no more than some thousand are held as objects.
    """

    def __init__(self, parts: Iterable[Sequence[IndexedPassage]]) -> None:
        self._parts = list[Sequence[IndexedPassage]]()
        fresh = list[IndexedPassage]()
        for part in parts:
            if not isinstance(part, PassageLines):
                fresh += part
                if len(fresh) >= _PACKED:
                    self._parts.append(_packed(fresh))
                    fresh = []
                continue
            if fresh:
                self._parts.append(fresh)
                fresh = []
            last = self._parts[-1] if self._parts else None
            joined = last.followed_by(part) if isinstance(last, PassageLines) else None
            if joined is None:
                self._parts.append(part)
            else:
                self._parts[-1] = joined
        if fresh:
            self._parts.append(fresh)
        self._starts = list(accumulate(map(len, self._parts), initial=0))

    def __len__(self) -> int:
        return self._starts[-1]

    @overload
    def __getitem__(self, row: int) -> IndexedPassage: ...
    @overload
    def __getitem__(self, row: slice) -> Sequence[IndexedPassage]: ...
    def __getitem__(self, row: int | slice) -> IndexedPassage | Sequence[IndexedPassage]:
        if isinstance(row, slice):
            return [self[number] for number in range(len(self))[row]]
        part, number = self._place(row)
        return part[number]

    def line(self, row: int) -> bytes:
        """Return the line of a passage."""
        part, number = self._place(row)
        return part.line(number) if isinstance(part, PassageLines) else b"".join(encode_passages([part[number]]))

    def _place(self, row: int) -> tuple[Sequence[IndexedPassage], int]:
        number = range(len(self))[row]
        at = bisect_right(self._starts, number) - 1
        return self._parts[at], number - self._starts[at]

    def encoded(self) -> Iterator[bytes]:
        """Yield the lines, those that are kept as they were."""
        for part in self._parts:
            if isinstance(part, PassageLines):
                yield from part.to_bytes()
            else:
                yield from encode_passages(part)

    def digests(self) -> Digests:
        """Return the SHA-256 of each embedded text; shape (n, 32)."""
        parts = [part.digests() if isinstance(part, PassageLines) else _from_hex(part) for part in self._parts]
        return np.concatenate([_NO_DIGESTS, *parts])


class BarePassages(Sequence[Passage]):
    """Passages without the SHA-256 of their texts."""

    def __init__(self, indexed: Sequence[IndexedPassage]) -> None:
        self._indexed = indexed

    def __len__(self) -> int:
        return len(self._indexed)

    @overload
    def __getitem__(self, row: int) -> Passage: ...
    @overload
    def __getitem__(self, row: slice) -> Sequence[Passage]: ...
    def __getitem__(self, row: int | slice) -> Passage | Sequence[Passage]:
        if isinstance(row, slice):
            return [one.passage for one in self._indexed[row]]
        return self._indexed[row].passage


class LateFiles(Mapping[str, ScannedFile]):
    """The articles with the stamps of their files, decoded all at once by the first who asks for one."""

    def __init__(self, count: int, read: Callable[[], dict[str, ScannedFile]]) -> None:
        self._count = count
        self._read = read

    @cached_property
    def _files(self) -> dict[str, ScannedFile]:
        return self._read()

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, article_id: str) -> ScannedFile:
        return self._files[article_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)


class LateArticles(Mapping[str, Article]):
    """The articles of files."""

    def __init__(self, files: Mapping[str, ScannedFile]) -> None:
        self._files = files

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, article_id: str) -> Article:
        return self._files[article_id].article

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)


def count_lines(data: Data) -> int:
    """Count the lines that end."""
    return sum(data[start : start + _BLOCK].tobytes().count(b"\n") for start in range(0, len(data), _BLOCK))


def _packed(passages: Sequence[IndexedPassage]) -> PassageLines:
    return PassageLines.of(np.frombuffer(b"".join(encode_passages(passages)), dtype=np.uint8))


def _ends_of_lines(data: Data) -> Iterator[NDArray[np.int64]]:
    for start in range(0, len(data), _BLOCK):
        yield np.flatnonzero(data[start : start + _BLOCK] == ord("\n")) + start + 1


def _from_hex(passages: Sequence[IndexedPassage]) -> Digests:
    return _parsed("".join(one.embedded_sha256 for one in passages).encode())


def _parsed(digits: bytes) -> Digests:
    try:
        return np.frombuffer(bytes.fromhex(digits.decode("ascii")), dtype=np.uint8).reshape(-1, _DIGITS // 2)
    except ValueError as error:
        raise IndexDamagedError(f"{PASSAGES_FILE}: not a SHA-256 ({error})") from error
