"""What does it cost to read every file in a process of its own kind? Against reading in this one.

python benchmarks/sandbox.py [--files 1000] [--save benchmarks/results/sandbox.json]
"""

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from indexer.corpus import scan
from indexer.formats import read_article
from indexer.sandbox import SandboxPool

ROUNDS = 5
LIMIT = 25 << 20
CORPUS = Path(__file__).parent.parent / "corpus"


def write_files(folder: Path, files: int) -> None:
    """Write so many articles: those of the starter corpus, again and again, each a little different."""
    articles = [path.read_text(encoding="utf-8") for path in sorted(CORPUS.glob("*.??.md"))]
    for number in range(files):
        (folder / f"{number:05}.md").write_text(f"{articles[number % len(articles)]}\n\nCopy {number}.\n", "utf-8")


def start_seconds() -> float:
    """From nothing to the first article."""
    begin = time.perf_counter()
    with SandboxPool(workers=1) as pool:
        pool.read("a.txt", b"The quay was opened.")
        return time.perf_counter() - begin


def in_process_seconds(folder: Path) -> float:
    """Read and parse all files here."""
    begin = time.perf_counter()
    for path in sorted(folder.iterdir()):
        read_article(path.name, path.read_bytes())
    return time.perf_counter() - begin


def scan_seconds(folder: Path, workers: int) -> tuple[float, int]:
    """Scan all files with so many children at most, and how many there were."""
    begin = time.perf_counter()
    with SandboxPool(workers=workers) as pool:
        found = scan(folder, max_bytes=LIMIT, parser=pool)
        assert len(found.files) == len(list(folder.iterdir()))
        return time.perf_counter() - begin, pool.started


def unchanged_seconds(folder: Path) -> tuple[float, int]:
    """Scan what is known already."""
    known = {file.article.id: file for file in scan(folder, max_bytes=LIMIT).files}
    begin = time.perf_counter()
    with SandboxPool() as pool:
        scan(folder, max_bytes=LIMIT, known=known, parser=pool)
        return time.perf_counter() - begin, pool.started


def measure(files: int) -> dict[str, Any]:
    """The medians, rounds of each kind taken in turn."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_files(folder, files)
        in_process_seconds(folder)
        starts, inside, one, two = [], [], [], []
        for _ in range(ROUNDS):
            starts.append(start_seconds())
            inside.append(in_process_seconds(folder))
            one.append(scan_seconds(folder, 1))
            two.append(scan_seconds(folder, 2))
        unchanged = unchanged_seconds(folder)
        base, start = statistics.median(inside), statistics.median(starts)
        return {
            "files": files,
            "start_s": round(start, 3),
            "in_process_s": round(base, 3),
            "one_child_s": round(statistics.median(seconds for seconds, _ in one), 3),
            "two_children_s": round(statistics.median(seconds for seconds, _ in two), 3),
            "one_child_times_in_process": round(statistics.median((s - start) / base for s, _ in one), 2),
            "two_children_times_in_process": round(statistics.median((s - start) / base for s, _ in two), 2),
            "children_started": max(started for _, started in two),
            "unchanged_s": round(unchanged[0], 3),
            "unchanged_children": unchanged[1],
        }


def main() -> None:
    """Measure and print, or save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--save", type=Path)
    arguments = parser.parse_args()
    result = {"cores": os.cpu_count(), "python": platform.python_version(), **measure(arguments.files)}
    text = json.dumps(result, indent=1) + "\n"
    print(text, end="")
    if arguments.save:
        arguments.save.write_text(text)


if __name__ == "__main__":
    main()
