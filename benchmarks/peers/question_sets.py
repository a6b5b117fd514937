"""The articles and questions of the comparison; where there is a part "report", questions come from it alone."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from benchmarks.peers.metrics import SEED, Asked
from indexer.articles import Article
from indexer.formats import read_article
from qa.dates.expressions import expressions
from qa.evaluation import load_questions
from training.questions import part_of, rows_of, web_pages

ROOT = Path(__file__).parent.parent.parent
FEWEST_DATED = 20


@dataclass(frozen=True)
class Collection:
    """Articles as files (name → bytes), and answerable questions on them."""

    name: str
    files: Mapping[str, bytes]
    asked: Sequence[Asked]


def collections(data: Path, seeds: Path, *, limit: int) -> Iterator[Collection]:
    """Yield every collection, at most `limit` questions each."""
    yield web(data, limit)
    yield encyclopaedia(data, "squad", limit)
    yield encyclopaedia(data, "korquad", limit)
    yield folder("seeds", seeds, ROOT / "tests/quality/seeds.jsonl", limit)
    yield folder("starter", ROOT / "corpus", ROOT / "tests/quality/corpus.jsonl", limit)


def web(data: Path, limit: int) -> Collection:
    """All our web pages, our answerable questions on those of the part "report"."""
    pages = web_pages(data)
    articles = {name: read_article(name, content) for name, content in pages.files.items()}
    asked = [
        Asked(
            item.question,
            frozenset({item.article}),
            sentences=tuple(articles[item.article].quote(one.start, one.end) for one in item.gold),
        )
        for item in pages.asked
        if item.gold and part_of(item.article) == "report"
    ]
    return Collection("web", pages.files, _draw(asked, limit))


def encyclopaedia(data: Path, name: str, limit: int) -> Collection:
    """SQuAD or KorQuAD with each paragraph as an article of its own; questions of the part "report" first."""
    rows = {row["id"]: row for row in rows_of(data / name / "corpus.jsonl.gz")}
    files = {
        f"{number:04d}.txt": f"{row['title'].replace('_', ' ')}\n\n{' '.join(row['text'].split())}\n".encode()
        for number, row in enumerate(rows.values())
    }
    file_of = dict(zip(rows, files, strict=True))
    by_part: dict[str, list[Asked]] = {"report": [], "calibrate": [], "train": []}
    for query in rows_of(data / name / "queries.jsonl.gz"):
        if query["answerable"]:
            row = rows[query["evidence_ids"][0]]
            spans = tuple(sorted({span["text"] for span in query["spans"]}))
            asked = Asked(query["question"], frozenset(file_of[one] for one in query["evidence_ids"]), answers=spans)
            by_part[part_of(f"{int(row['article']):04d}.txt")].append(asked)
    drawn = [_draw(part, len(part)) for part in by_part.values()]
    return Collection(name, files, [asked for part in drawn for asked in part][:limit])


def folder(name: str, articles: Path, questions: Path, limit: int) -> Collection:
    """A folder of articles and a question file of tests/quality."""
    files = {path.name: path.read_bytes() for path in sorted(articles.iterdir()) if path.name != "README.md"}
    asked = [
        Asked(item.question, frozenset(item.articles), answers=item.answers or ())
        for item in load_questions(questions)
        if item.answerable
    ]
    return Collection(name, files, _draw(asked, limit))


def dated(asked: Sequence[Asked], articles: Mapping[str, Article]) -> list[int]:
    """Return which questions name a time and are answered by articles with a date; none if they are too few."""
    known = [article.published for article in articles.values() if article.published]
    if not known:
        return []
    found = [number for number, item in enumerate(asked) if _is_dated(item, articles, max(known))]
    return found if len(found) >= FEWEST_DATED else []


def _is_dated(item: Asked, articles: Mapping[str, Article], as_of: date) -> bool:
    return bool(expressions(item.question, as_of)) and all(articles[one].published for one in item.articles)


def _draw(asked: Sequence[Asked], limit: int) -> list[Asked]:
    return random.Random(SEED).sample(list(asked), min(limit, len(asked)))
