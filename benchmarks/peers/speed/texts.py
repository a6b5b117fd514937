"""Articles in any number, and questions on them, generated from `corpus/`: the same for the same numbers, always.

An article has five parts, each one passage to Footnote and one text to a peer. Its sentences are those of `corpus/`.
Where many articles are wanted their words would repeat too often, so there every word that carries meaning is drawn
anew from a vocabulary by Zipf's law: short lists of passages for most words, long ones for a few, as in real text.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice, product
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from indexer.chunking import sentences_of
from indexer.formats import read_article
from indexer.language import Analyser

ROOT = Path(__file__).parents[3]
SEED = 20261122
PARTS, WORDS = 5, 110
VOCABULARY = 200_000
# p(rank) ~ 1 / rank^1.07; the first hundred ranks of English are function words, which stay as they are.
FUNCTION_WORDS, EXPONENT = 100, 1.07
ONSETS = ("b", "ch", "d", "f", "g", "k", "l", "m", "n", "p", "r", "s", "sh", "st", "t", "tr", "v", "z")
VOWELS = ("a", "e", "i", "o", "u", "ai", "ou")

_WORD = re.compile(r"[A-Za-z]{2,}")
_ROW = re.compile(r"Report (\d+):.*\nPart (\d+)\n")

Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of `corpus/` as a format string with a place for each word that carries meaning, and those words."""

    form: str
    words: tuple[str, ...]
    length: int

    @classmethod
    def of(cls, text: str) -> Self:
        """Find the words that carry meaning: those the analyser keeps of a question."""
        analyser, words = Analyser(), list[str]()

        def place(match: re.Match[str]) -> str:
            if not analyser.content_tokens(match.group()):
                return match.group()
            words.append(match.group())
            return "%s"

        form = _WORD.sub(place, text.replace("%", "%%"))
        return cls(form, tuple(words), len(text.split()))


@dataclass(frozen=True, slots=True)
class Article:
    """A generated article: a title and the text of each part."""

    number: int
    title: str
    parts: tuple[str, ...]

    def markdown(self) -> str:
        """The file that Footnote reads."""
        sections = [f"## Part {part}\n\n{text}\n" for part, text in enumerate(self.parts, start=1)]
        return f"# {self.title}\n\n" + "\n".join(sections)

    def passages(self) -> list[str]:
        """What is embedded and indexed of each part, by Footnote (`chunking.embedded_text`) and by everybody here."""
        return [f"{self.title}\nPart {part}\n{text}" for part, text in enumerate(self.parts, start=1)]


class Writer:
    """Writes the article of a number; with `vocabulary`, in words drawn anew."""

    def __init__(self, *, vocabulary: bool) -> None:
        self._sentences = _sentences()
        known = [word for word, _ in Counter(word for one in self._sentences for word in one.words).most_common()]
        self._words = np.array([*known, *made_up(VOCABULARY - len(known))] if vocabulary else known, dtype=object)
        self._below = np.cumsum(zipf(len(self._words)))
        self._draws_words = vocabulary

    def article(self, number: int) -> Article:
        """Write one article."""
        draw = np.random.default_rng([SEED, number])
        title = f"Report {number}: {' '.join(self._drawn(draw, 3))}"
        return Article(number, title, tuple(self._part(draw) for _ in range(PARTS)))

    def articles(self, passages: int) -> Iterator[Article]:
        """Yield so many articles that they have that many passages, a multiple of five."""
        return map(self.article, range(passages // PARTS))

    def questions(self, many: int, *, passages: int) -> list[str]:
        """Return that many unlike questions: the forms of those of tests/quality, the words of the first passages."""
        asked = dict.fromkeys(self._question(number, passages) for number in range(2 * many))
        return list(asked)[:many]

    def _question(self, number: int, passages: int) -> str:
        draw = np.random.default_rng([SEED, number, 1])
        form = _questions()[number % len(_questions())]
        about = self.article(int(draw.integers(passages // PARTS))).parts[int(draw.integers(PARTS))]
        words = list(Sentence.of(about).words)
        return form.form % tuple(draw.choice(words, size=len(form.words)))

    def _part(self, draw: np.random.Generator) -> str:
        said: list[str] = []
        room = WORDS
        for pick in draw.permutation(len(self._sentences)):
            sentence = self._sentences[pick]
            if sentence.length > room:
                break
            words = self._drawn(draw, len(sentence.words)) if self._draws_words else sentence.words
            text = sentence.form % tuple(words)
            said.append(text[0].upper() + text[1:])
            room -= sentence.length
        return " ".join(said)

    def _drawn(self, draw: np.random.Generator, many: int) -> list[str]:
        return list(self._words[np.searchsorted(self._below, draw.random(many) * self._below[-1])])


def row_of(passage: str) -> int | None:
    """Return the number of a generated passage, counted over all articles; None for any other text."""
    found = _ROW.match(passage)
    return (int(found.group(1)) * PARTS + int(found.group(2)) - 1) if found else None


def zipf(many: int) -> NDArray[np.float64]:
    """Return how often each word stands beside the others, the most frequent first."""
    return np.asarray(1.0 / (np.arange(1, many + 1) + FUNCTION_WORDS) ** EXPONENT)


def made_up(many: int) -> list[str]:
    """Return that many words that nobody uses and everybody could pronounce, the shortest first."""
    syllables = ["".join(pair) for pair in product(ONSETS, VOWELS)]
    words = (f"{''.join(word)}n" for length in (2, 3) for word in product(syllables, repeat=length))
    return list(islice(words, many))


class Precomputed:
    """Stands for an embedder: the vectors of passages by their number, those of questions by their text."""

    def __init__(self, passages: NDArray[np.float16], questions: dict[str, Vectors]) -> None:
        self._passages = passages
        self._questions = questions

    def __call__(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of the texts, shape (n, dim); KeyError for a text that is neither."""
        rows = [row_of(text) for text in texts]
        if None in rows:
            return np.stack([self._questions[text] for text in texts])
        return np.asarray(self._passages[np.array(rows, dtype=np.int64)], dtype=np.float32)


@cache
def _sentences() -> tuple[Sentence, ...]:
    found = []
    for path in sorted((ROOT / "corpus").glob("*.en.md")):
        article = read_article(path.name, path.read_bytes())
        texts = [" ".join(article.quote(one.start, one.end).split()) for one in sentences_of(article)]
        # What ends otherwise may be read as a heading or as clutter.
        found += [Sentence.of(text) for text in texts if text.endswith(".") and text[0].isalpha()]
    return tuple(one for one in found if one.length <= WORDS // 2)


@cache
def _questions() -> tuple[Sentence, ...]:
    lines = (ROOT / "tests" / "quality" / "corpus.jsonl").read_text(encoding="utf-8").splitlines()
    asked = [row["question"] for row in map(json.loads, lines) if row["question"].isascii()]
    return tuple(one for one in map(Sentence.of, asked) if one.words)


def write_passages(file: Path, articles: Iterator[Article]) -> None:
    """Write what the peers get, as lines of JSON."""
    with file.open("w", encoding="utf-8") as lines:
        lines.writelines(json.dumps(passage) + "\n" for article in articles for passage in article.passages())


def read_passages(file: Path, many: int) -> list[str]:
    """Read the first passages."""
    with file.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in islice(lines, many)]


def write_corpus(folder: Path, articles: Iterator[Article]) -> None:
    """Write the articles as files, a thousand to a folder."""
    for article in articles:
        place = folder / f"{article.number // 1000:05d}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{article.number:08d}.md").write_text(article.markdown(), encoding="utf-8")
