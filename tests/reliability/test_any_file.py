"""Whatever a file holds, it becomes an article whose passages come back as they were, or one line that says why not.

Files are put together from what breaks readers of Markdown, HTML and text, then damaged. What an index says of itself
is treated likewise, with checksums that vouch for it.
"""

import hashlib
import json
import shutil
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from indexer.articles import Article
from indexer.chunking import chunk, embedded_text
from indexer.corpus import FileStamp, ScannedFile
from indexer.errors import FootnoteError
from indexer.generation import CURRENT_FILE, Store
from indexer.manifest import CHECKSUM, MANIFEST_FILE, _canonical
from indexer.records import IndexedPassage, decode_articles, decode_passages, encode_articles, encode_passages
from tests.conftest import Tally, Trials
from tests.indexer.laws import REASONS, assert_whole, outcome
from tests.reliability.effort import effort_of

SECONDS_A_FILE = 10.0
SENTENCES = [
    "The harbour opened its new quay on Monday.",
    "It cost 1,200 crowns, Dr. Holm said (see p. 4)…",
    "“Twelve ferries a day,” she said.",
    "항구는 월요일에 새 부두를 열었다.",
    "비용은 1,200만 원이다.",
    "港で新しい岸壁がひらかれました。",
    "ميناء جديد.",
    "e\u0301te\u0301",
    "👩‍👩‍👧 \U000e0041",
]
ODD = [
    "\xa0",
    "\u3000",
    " D",
    "A",
    ". ",
    "\x00",
    "\x1b[2J",
    "\u202e",
    "\u200b",
    "\u2028",
    "\ufeff",
    "\r",
    "\x0c",
    "\x85",
    "\xad",
    "\ufffd",
    "￿",
    "\t",
    "  ",
]
MARKDOWN = [
    *[
        "# ",
        "## ",
        "===\n",
        "---\n",
        "- ",
        "1. ",
        "> ",
        "    ",
        "```\n",
        "~~~",
        "| a | b |\n|---|---|\n",
        "![x](",
        "[x][y]",
    ],
    *[
        "[y]: http://a.example\n",
        "<!-- ",
        " -->",
        "<b>",
        "</div>",
        "$$",
        "**",
        "_",
        "`",
        "\\",
        "&amp;",
        "&#0;",
        "<http://a>",
    ],
    *[
        "---\ntitle: ",
        "date: 2026-13-45\n",
        "published: 0000-00-00\n",
        "tags: [a, [b, {c: d",
        "author: &a *a\n",
        "source: !!x y\n",
    ],
    *[
        "url: javascript:x\n",
        "title: Foo: bar\n",
        "\tlang: NO\n",
        "? - ",
        "%YAML 9\n",
        "...\n",
        "[" * 40,
        "{" * 40,
        "*a" * 9,
    ],
]
HTML = [
    *[f"<p>{sentence}</p>" for sentence in SENTENCES],
    *[
        "<p>",
        "</p>",
        "<div>",
        "</div>",
        "<a href='x'>",
        "<a ",
        "<table><tr><td>",
        "</table>",
        "<br>",
        "<!--",
        "-->",
        "<![CDATA[",
    ],
    *[
        "<script>",
        "</script>",
        "<style>",
        "<template>",
        "<svg><title>",
        "<math>",
        "<noscript>",
        "<select><option>",
        "<plaintext>",
    ],
    *[
        "<!doctype html>",
        "<html lang=ko>",
        "<head>",
        "<body>",
        "<title>",
        "</title>",
        "<h1>",
        "<h2>",
        "<article>",
        "<main>",
        "<nav>",
    ],
    *[
        "<meta charset=utf-16>",
        "<meta name=author content='",
        "<meta property='article:published_time' content='2026-99-01'>",
    ],
    *[
        '<script type="application/ld+json">{"@type": "NewsArticle", "datePublished": [',
        "&nbsp;",
        "&#x110000;",
        "&amp;amp;",
        "&lt",
        "<?x",
    ],
    *["<p " + "a=b " * 20, "</" * 20, "<b>" * 60, "</b>" * 60, '"', "'", ">", "<"],
]
PIECES = {
    ".md": MARKDOWN,
    ".html": HTML,
    ".txt": ["\n\n", "Title\n=====\n", "By A. Holm\n", "2026-01-02\n", "* * *\n", "    "],
}
ENCODINGS = [*["utf-8"] * 12, "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "cp949", "cp1252", "shift_jis"]
# What may be done to bytes, given a place, a length and a number.
DAMAGE: list[Callable[[bytes, int, int, int], bytes]] = [
    lambda data, at, size, _: data[:at] + data[at + size :],
    lambda data, at, size, number: data[:at] + data[at : at + size] * number + data[at + size :],
    lambda data, at, _, number: data[:at] + bytes([number]) + data[at + 1 :],
    lambda data, at, _, number: data[:at] + bytes([number]) + data[at:],
    lambda data, at, size, _: data[:at] + data[at : at + size][::-1] + data[at + size :],
    lambda data, at, _1, _2: data[:at],
]


def files(suffix: str) -> st.SearchStrategy[bytes]:
    """Files of a kind: pieces, in an encoding, damaged in a few places."""
    pieces = st.sampled_from(PIECES[suffix]) | st.sampled_from(SENTENCES) | st.sampled_from(ODD) | st.text(max_size=12)
    joined = st.lists(st.tuples(pieces, st.sampled_from(["", " ", "\n", "\n\n"])), min_size=5, max_size=60)
    whole = st.builds(
        lambda parts, encoding: "".join(map("".join, parts)).encode(encoding, "ignore"),
        joined,
        st.sampled_from(ENCODINGS),
    )
    places = st.tuples(st.sampled_from(DAMAGE), st.floats(0, 1), st.integers(1, 200), st.integers(0, 255))
    return st.builds(_damaged, whole, st.lists(places, max_size=3))


def _damaged(data: bytes, places: list[tuple[Callable[[bytes, int, int, int], bytes], float, int, int]]) -> bytes:
    for damage, share, size, number in places:
        data = damage(data, int(share * len(data)), size, number)
    return data


def assert_comes_back(article: Article) -> None:
    """Its passages are slices of it, and all of it is read again from what the index would write."""
    file = ScannedFile(article, FileStamp(1, 1, "0"))
    assert decode_articles(b"".join(encode_articles([file]))) == {article.id: file}
    passages = chunk(article)
    assert passages
    for passage in passages:
        assert article.quote(passage.start, passage.end).strip()
        assert passage.sentences[0].start == passage.start
        assert passage.sentences[-1].end == passage.end
        embedded_text(article, passage).encode()
    indexed = [IndexedPassage(passage, "0") for passage in passages]
    assert decode_passages(b"".join(encode_passages(indexed)), {article.id: file}) == indexed


@pytest.mark.parametrize("suffix", sorted(PIECES))
def test_any_file_is_an_article_or_a_reason(suffix: str, trials: Trials, tally: Tally) -> None:
    outcomes: Counter[str] = Counter()
    slowest = 0.0

    @effort_of(trials(150, 20_000))
    @given(files(suffix))
    def read(data: bytes) -> None:
        nonlocal slowest
        started = time.monotonic()
        article = outcome(f"x{suffix}", data)
        if isinstance(article, str):
            outcomes[article] += 1
        else:
            assert_whole(article)
            assert_comes_back(article)
            outcomes["article"] += 1
        slowest = max(slowest, time.monotonic() - started)

    read()
    assert set(outcomes) <= {*REASONS, "article"}
    tally(f"made-up files *{suffix}", tried=outcomes.total(), slowest_ms=round(slowest * 1000), bad=0, **outcomes)
    assert slowest < SECONDS_A_FILE
    assert outcomes["article"] > outcomes.total() / 20


def test_a_reader_that_breaks_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The trial above can fail: one that does not clean what it decodes is found out."""
    monkeypatch.setattr("indexer.formats.decoding.normalise", lambda text: text)

    @effort_of(2000)
    @given(files(".txt"))
    def read(data: bytes) -> None:
        article = outcome("x.txt", data)
        if isinstance(article, Article):
            assert_whole(article)

    with pytest.raises(AssertionError):
        read()


# ---------------------------------------------------------------- what an index says of itself

SCALARS = st.none() | st.booleans() | st.integers(-1, 2**64) | st.floats() | st.text(max_size=9) | st.just("gen-000001")
LISTS = st.lists(SCALARS, max_size=3)
ANY_JSON = SCALARS | LISTS | st.dictionaries(st.text(max_size=9), SCALARS | LISTS, max_size=3)


def others(value: object) -> st.SearchStrategy[Any]:
    """Anything, and what is most like a value."""
    if isinstance(value, str):
        return ANY_JSON | st.text(max_size=9) | st.sampled_from([f"{value}x", value[:-1], value.swapcase()])
    if isinstance(value, int):
        return ANY_JSON | st.integers(-2, 9).map(lambda step: value + step)
    return ANY_JSON


def at(value: Any, path: tuple[str | int, ...]) -> object:  # noqa: ANN401 - JSON
    """What stands in a place."""
    for key in path:
        value = value[key]
    return value


def places_of(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:  # noqa: ANN401 - JSON
    """Every place in JSON, as the keys that lead there."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, one in inner for place in places_of(one, (*path, key)))]


def put(value: Any, path: tuple[str | int, ...], other: Any) -> Any:  # noqa: ANN401 - JSON
    """Return JSON with something else in one place."""
    if not path:
        return other
    copied = dict(value) if isinstance(value, dict) else list(value)
    copied[path[0]] = put(value[path[0]], path[1:], other)  # type: ignore[index]  # by its kind
    return copied


def test_any_manifest_is_an_index_or_an_error(made: Path, tmp_path: Path, trials: Trials, tally: Tally) -> None:
    """Even one whose checksum is right, and that CURRENT vouches for."""
    shutil.copytree(made / "index", tmp_path / "index")
    store = Store(tmp_path / "index")
    names = store.names()
    for name in names[:-1]:
        shutil.rmtree(store.root / name)
    folder = store.root / names[-1]
    whole = json.loads((folder / MANIFEST_FILE).read_bytes())
    del whole[CHECKSUM]
    outcomes: Counter[str] = Counter()

    @effort_of(trials(100, 10_000))
    @given(st.sampled_from(places_of(whole)).flatmap(lambda place: st.tuples(st.just(place), others(at(whole, place)))))
    def read(change: tuple[tuple[str | int, ...], object]) -> None:
        fields = put(whole, *change)
        data = _canonical(fields)
        if isinstance(fields, dict):
            data = _canonical({**fields, CHECKSUM: hashlib.sha256(data).hexdigest()})
        (folder / MANIFEST_FILE).write_bytes(data)
        pointer = f"{names[-1]} {hashlib.sha256(data).hexdigest()}\n"
        (store.root / CURRENT_FILE).write_text(pointer)
        outcomes[_opened(store)] += 1
        if not folder.exists():
            (store.root / "quarantine" / folder.name).rename(folder)
            shutil.rmtree(store.root / "quarantine")

    read()
    tally("made-up manifests", tried=outcomes.total(), bad=0, **outcomes)
    assert len(outcomes) > 1


def _opened(store: Store) -> str:
    try:
        store.open().close()
    except FootnoteError as error:
        return error.code
    return "opened"


def test_any_current_is_an_index_or_an_error(made: Path, tmp_path: Path, trials: Trials, tally: Tally) -> None:
    shutil.copytree(made / "index", tmp_path / "index")
    store = Store(tmp_path / "index")
    current = (store.root / CURRENT_FILE).read_bytes()
    outcomes: Counter[str] = Counter()
    places = st.tuples(st.sampled_from(DAMAGE), st.floats(0, 1), st.integers(1, 80), st.integers(0, 255))
    texts = st.binary(max_size=120) | st.builds(_damaged, st.just(current), st.lists(places, min_size=1, max_size=2))

    @effort_of(trials(100, 10_000))
    @given(texts)
    def read(data: bytes) -> None:
        (store.root / CURRENT_FILE).write_bytes(data)
        generation = store.open()
        outcomes["opened" if generation.degraded is None else "fell back"] += 1
        assert generation.degraded or data == current
        generation.close()

    read()
    tally("made-up CURRENT", tried=outcomes.total(), bad=0, **outcomes)
    assert not (store.root / "quarantine").exists()
