"""Questions with the sentences that answer them, on articles that the real readers have read.

Public sets come from DATA (squad/, selqa/, korquad/ as .jsonl.gz, html-articles/*.html.gz); our own questions stand in
training/sets/. A sentence is named by the beginning of the SHA-256 of its text, so that no publisher's text is
kept here. Everything is split by article: a page is in one part only.
"""

import gzip
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from indexer.articles import Article, Sentence
from indexer.chunking import sentences_of
from indexer.formats import read_article

Part = Literal["train", "calibrate", "report"]

OWN = Path(__file__).parent / "sets"
MARK_CHARS = 12


@dataclass(frozen=True)
class Asked:
    """A question on one article: which of its sentences answer it, and the short answer in the first of them.

    `near` is where an unanswerable question pretends to be answered, if that is known.
    """

    question: str
    article: str
    gold: tuple[Sentence, ...] = ()
    short: tuple[int, int] | None = None
    near: tuple[int, int] | None = None
    kind: str = ""


@dataclass(frozen=True)
class QuestionSet:
    """Articles as files (name → bytes) and the questions on them."""

    name: str
    files: Mapping[str, bytes]
    asked: tuple[Asked, ...]


def part_of(article: str, *, reported: int = 2, calibrated: int = 2) -> Part:
    """Which part an article belongs to, by its name alone: by default six, two and two tenths."""
    tenth = int(hashlib.sha256(article.encode()).hexdigest()[:8], 16) % 10
    if tenth >= 10 - reported:
        return "report"
    return "calibrate" if tenth >= 10 - reported - calibrated else "train"


def sentence_id(text: str) -> str:
    """Name a sentence without saying it."""
    return hashlib.sha256(" ".join(text.split()).encode()).hexdigest()[:12]


def rows_of(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the objects of a JSON lines file, packed or not."""
    data = path.read_bytes()
    for line in (gzip.decompress(data) if path.suffix == ".gz" else data).splitlines():
        yield json.loads(line)


def paragraphs(name: str) -> Callable[[Path], QuestionSet]:
    """SQuAD or KorQuAD: one file per article; unanswerable questions are near their paragraph."""

    def read(data: Path) -> QuestionSet:
        rows = {row["id"]: row for row in rows_of(data / name / "corpus.jsonl.gz")}
        texts: dict[str, list[str]] = {}
        for row in rows.values():
            texts.setdefault(_file_of(row), [row["title"].replace("_", " ")]).append(" ".join(row["text"].split()))
        files = {file: ("\n\n".join(parts) + "\n").encode() for file, parts in texts.items()}
        articles = {file: read_article(file, content) for file, content in files.items()}
        asked = [
            _in_paragraph(row, rows[row["evidence_ids"][0]], articles)
            for row in rows_of(data / name / "queries.jsonl.gz")
        ]
        return QuestionSet(name, files, tuple(item for item in asked if item))

    return read


def _file_of(row: Mapping[str, Any]) -> str:
    return f"{int(row['article']):04d}.txt"


def _in_paragraph(
    row: Mapping[str, Any], paragraph: Mapping[str, Any], articles: Mapping[str, Article]
) -> Asked | None:
    article = articles[_file_of(paragraph)]
    text = " ".join(paragraph["text"].split())
    start = article.text.find(text)
    if start < 0:
        return None
    place = (start, start + len(text))
    if not row["answerable"]:
        return Asked(row["question"], article.id, near=place, kind="near:squad")
    before = " ".join(paragraph["text"][: row["spans"][0]["start"]].split())
    answer = " ".join(row["spans"][0]["text"].split())
    at = article.text.find(answer, start + len(before))
    if at < 0:
        return None
    gold = [one for one in sentences_of(article) if one.start <= at < one.end]
    short = (at, at + len(answer)) if gold and at + len(answer) <= gold[0].end else None
    return Asked(row["question"], article.id, tuple(gold), short, place, "squad") if gold else None


def sections(data: Path) -> QuestionSet:
    """SelQA: one file per Wikipedia section; its sentences say which of them answer."""
    rows = list(rows_of(data / "selqa" / "questions.jsonl.gz"))
    names: dict[tuple[str, str], str] = {}
    files: dict[str, bytes] = {}
    for row in rows:
        key = (row["title"], row["section"])
        if key not in names:
            names[key] = f"{len(names):04d}.txt"
            files[names[key]] = ("\n\n".join([": ".join(key), " ".join(row["sentences"])]) + "\n").encode()
    articles = {name: read_article(name, content) for name, content in files.items()}
    return QuestionSet(
        "selqa", files, tuple(_in_section(row, articles[names[row["title"], row["section"]]]) for row in rows)
    )


def _in_section(row: Mapping[str, Any], article: Article) -> Asked:
    marks = [" ".join(row["sentences"][number].split())[:60] for number in row["answers"]]
    starts = [at for mark in marks if (at := article.text.find(mark)) >= 0]
    gold = [one for one in sentences_of(article) if any(one.start <= at < one.end for at in starts)]
    return Asked(row["question"], article.id, tuple(gold), kind="selqa")


def web_pages(data: Path, *, hard: bool = False) -> QuestionSet:
    """Our questions on real web pages; a page is named by the beginning of its hash.

    The hard ones are those that a reader trained on the others still got wrong: without a verb, lists, definitions,
    one figure of several, answers in a clause, and near-misses that differ in one word or ask another relation.
    """
    rows = list(rows_of(OWN / ("web.hard.en.jsonl" if hard else "web.en.jsonl")))
    pages = {path.name[:12]: path for path in (data / "html-articles").glob("*.html.gz")}
    files = {
        f"{row['article']}.html": gzip.decompress(pages[row["article"]].read_bytes()) for row in rows if row["article"]
    }
    return _own("web", rows, files, ".html")


def hard_sections(data: Path) -> QuestionSet:
    """Our hard questions on the sections of SelQA; see `web_pages`."""
    rows = list(rows_of(OWN / "sections.hard.en.jsonl"))
    asked_of = {f"{row['article']}.txt" for row in rows}
    files = {name: content for name, content in sections(data).files.items() if name in asked_of}
    return _own("own-selqa", rows, files, ".txt")


def own_korean(data: Path) -> QuestionSet:
    """Our questions on the articles of KorQuAD."""
    rows = list(rows_of(OWN / "encyclopaedia.ko.jsonl"))
    return _own("own-ko", rows, dict(paragraphs("korquad")(data).files), ".txt")


def _own(name: str, rows: list[dict[str, Any]], files: Mapping[str, bytes], suffix: str) -> QuestionSet:
    articles = {file: read_article(file, content) for file, content in files.items()}
    return QuestionSet(name, files, tuple(_own_row(row, articles.get(row["article"] + suffix)) for row in rows))


def _own_row(row: Mapping[str, Any], article: Article | None) -> Asked:
    if article is None:  # a question on no article at all
        return Asked(row["question"], "", kind=row["kind"])
    by_id = {sentence_id(article.quote(one.start, one.end)): one for one in sentences_of(article)}
    gold = tuple(by_id[name] for name in row["sentences"])
    at = article.text.find(row["short"], gold[0].start, gold[0].end) if row["short"] else -1
    return Asked(
        row["question"], article.id, gold, (at, at + len(row["short"])) if at >= 0 else None, None, row["kind"]
    )
