"""Lines say without being decoded what decoding says, in whatever form they are, and are kept to the byte."""

import json
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.articles import Passage, Sentence
from indexer.errors import IndexDamagedError
from indexer.lines import JoinedPassages, PassageLines
from indexer.records import IndexedPassage, embedded_hash, encode_passages

NAMES = st.lists(st.text(min_size=1, max_size=4), max_size=4, unique=True)


def passages_of(name: str, count: int) -> list[IndexedPassage]:
    """Some passages of an article, each of one sentence."""
    return [
        IndexedPassage(
            Passage(f"{number:024x}", name, number, number + 1, f'{name}","start":', (Sentence(number, number + 1),)),
            embedded_hash(f"{name} {number}"),
        )
        for number in range(count)
    ]


def lines_of(passages: Sequence[IndexedPassage], *, spaced: bool = False) -> PassageLines:
    """The same as lines, perhaps as another program would write them."""
    lines = list(encode_passages(passages))
    if spaced:
        lines = [json.dumps(json.loads(line)).encode() + b"\n" for line in lines]
    return PassageLines.of(np.frombuffer(b"".join(lines), dtype=np.uint8))


@given(NAMES, st.booleans())
@settings(max_examples=60, deadline=None)
def test_lines_say_what_decoding_says(names: list[str], spaced: bool) -> None:
    articles = {name: passages_of(name, 1 + len(name)) for name in names}
    every = [one for passages in articles.values() for one in passages]
    lines = lines_of(every, spaced=spaced)
    assert list(lines) == every
    assert {name: list(run) for name, run in lines.by_article().items()} == articles
    assert [row.tobytes().hex() for row in lines.digests()] == [one.embedded_sha256 for one in every]
    assert b"".join(lines.to_bytes()) == lines.data.tobytes()


@pytest.mark.parametrize("packed", [1, 2, 4096])
def test_lines_that_are_kept_and_passages_that_are_new_are_one_sequence(
    packed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("indexer.lines._PACKED", packed)
    a, b, c, new = (passages_of(name, 3) for name in ("a", "b", "c", "new"))
    lines = lines_of([*a, *b, *c])
    runs = lines.by_article()
    joined = JoinedPassages(iter([runs["a"], runs["b"], new, runs["c"]]))
    assert list(joined) == [*a, *b, *new, *c]
    assert joined[-1] == c[-1]
    assert list(joined[2:7]) == [a[2], *b, new[0]]
    assert b"".join(joined.encoded()) == b"".join(encode_passages([*a, *b, *new, *c]))
    assert [joined.line(row) for row in range(12)] == list(encode_passages([*a, *b, *new, *c]))
    assert [row.tobytes().hex() for row in joined.digests()] == [one.embedded_sha256 for one in joined]
    assert len(JoinedPassages([])) == len(JoinedPassages([]).digests()) == 0


def test_an_article_whose_passages_lie_apart_is_not_taken_over_in_part() -> None:
    a, b = passages_of("a", 3), passages_of("b", 1)
    assert lines_of([*a[:2], *b, a[2]]).by_article().keys() == {"b"}


@pytest.mark.parametrize("content", [b"{}", b"\n{}"])
def test_a_line_that_is_cut_off_is_damage(content: bytes) -> None:
    with pytest.raises(IndexDamagedError, match="cut off"):
        PassageLines.of(np.frombuffer(content, dtype=np.uint8))


def test_a_line_that_is_no_passage_is_named() -> None:
    lines = PassageLines.of(np.frombuffer(b'{"a": 1}\n' * 2, dtype=np.uint8))
    with pytest.raises(IndexDamagedError, match="line 2"):
        lines[1]
