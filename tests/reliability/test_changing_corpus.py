"""What changes while a build reads it is left out, or is in the index whole; the build comes to its end."""

import os
import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from indexer.build import build
from indexer.generation import Store
from tests.conftest import Tally, Trials
from tests.indexer.hash_embedder import HashEmbedder
from tests.reliability.builders import waiting
from tests.reliability.marked import settings_of

FILES = 60


def content(number: int, version: int) -> str:
    """What a file says in one of its versions, more than once so that a mixture would show."""
    return f"# Title {number}\n\n" + f"File {number} says version {version} of itself. " * 20


def change(corpus: Path, chance: random.Random, versions: Iterator[int]) -> None:
    """Delete, replace or rewrite one file, or put a folder in its place."""
    what = chance.choice(("replace", "replace", "rewrite", "delete", "folder"))
    # So few go that nobody takes it for a folder that went missing.
    number = chance.randrange(FILES // 10 if what in ("delete", "folder") else FILES)
    path = corpus / f"{number}.md"
    with suppress(OSError):
        if path.is_dir():
            path.rmdir()
        elif what == "delete" or what == "folder":
            path.unlink()
        if what == "folder":
            path.mkdir()
        elif what == "rewrite":
            path.write_text(content(number, next(versions)))
        elif what == "replace":
            new = corpus / f".{number}.new"
            new.write_text(content(number, next(versions)))
            os.replace(new, path)


def version_of(text: str) -> int:
    """The version that a text says it is."""
    return int(text.split("version ")[1].split()[0])


def versions_in(folder: Path) -> dict[str, int]:
    """The version of each file that the index holds; every article must be whole."""
    generation = Store(folder / "index").open()
    texts = {article.id: article.text for article in generation.articles.values()}
    generation.close()
    for name, text in texts.items():
        expected = content(int(name.removesuffix(".md")), version_of(text)).split("\n\n")[1]
        assert text.rpartition("\n")[2].strip() == expected.strip(), name
    return {name: version_of(text) for name, text in texts.items()}


def test_what_changes_while_it_is_read_is_left_out_or_whole(tmp_path: Path, trials: Trials, tally: Tally) -> None:
    chance = random.Random(20267)
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    numbers = iter(range(1, 10_000_000))
    changes, codes = 0, Counter[str]()
    settings = settings_of(tmp_path)
    for _ in range(trials(4, 50)):
        for number in range(FILES):
            with suppress(OSError):
                (corpus / f"{number}.md").rmdir()
            (corpus / f"{number}.md").write_text(content(number, next(numbers)))
        builder = waiting(tmp_path)
        builder.go.set()
        made = 0
        while builder.process.is_alive():
            change(corpus, chance, numbers)
            made += 1
            # Leaves the builder a turn on one core.
            time.sleep(0.0005)
        assert builder.end() == 0
        changes += made
        versions_in(tmp_path)
        generation = Store(tmp_path / "index").open()
        codes.update(problem.code for problem in generation.manifest.problems)
        generation.close()
        build(settings, HashEmbedder(), allow_shrink=True)
        now = {path.name: version_of(path.read_text()) for path in corpus.glob("*.md") if path.is_file()}
        assert versions_in(tmp_path) == now
    tally("builds while the corpus changes", builds=trials(4, 50), changes=changes, mixed=0, left_out=dict(codes))
    assert set(codes) <= {"missing", "changed", "empty", "not_regular", "path"}
    assert changes
