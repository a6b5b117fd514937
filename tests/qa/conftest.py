"""A small made-up corpus, its index, and the app on it; the embedder is the real one."""

import shutil
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from indexer.build import build
from indexer.embedding import SentenceTransformerEmbedder
from indexer.settings import Settings
from qa.api import create_app
from qa.library import Library
from tests.qa.serving import serving_made

FERRIES = """---
title: Harbour town doubles its ferry service
source: The Example Post
published: 2026-01-31
author: A. Writer
language: en
---

The harbour town of Tolm will run twelve ferries a day from March. Until now six boats crossed the bay daily.

Mayor Ines Falk said that the second pier cost 4.2 million crowns. Norrvik Marine built it in eleven months.
"""
BRIDGES = """---
title: Old bridge closes for repairs
source: Valley Gazette
published: 2025-11-02
language: en
---

The stone bridge at Ostra closes on Monday for eight months. Engineers found cracks in two of its five arches.

Drivers must take the northern road, which adds nineteen kilometres to the trip.
"""
HONEY = """---
title: Beekeepers report a record harvest
source: Valley Gazette
language: en
---

Beekeepers in the Ulmen valley harvested 310 tonnes of honey this summer. It is the largest harvest since 1987.
"""
LIBRARY_KO = """---
title: 새 도서관이 문을 열다
source: 한글신문
published: 2026-02-10
language: ko
---

한빛시는 새 도서관을 3월 2일에 연다고 밝혔다. 도서관에는 책 12만 권이 있다.
"""
CORPUS = {"ferries.md": FERRIES, "roads/bridges.md": BRIDGES, "roads/honey.md": HONEY, "한국/도서관.md": LIBRARY_KO}
PORT = 8123


def write_corpus(folder: Path, articles: dict[str, str]) -> None:
    """Write articles by their ids."""
    for name, text in articles.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory, embedder: SentenceTransformerEmbedder) -> Path:
    """A folder with the corpus and its index, to be copied."""
    root = tmp_path_factory.mktemp("built")
    write_corpus(root / "corpus", CORPUS)
    build(Settings(corpus=root / "corpus", index=root / "index"), embedder)
    return root


@pytest.fixture
def settings(built: Path, tmp_path: Path) -> Settings:
    """Settings for a copy of the corpus and its index."""
    root = tmp_path / "copy"
    shutil.copytree(built, root)
    return Settings(corpus=root / "corpus", index=root / "index", port=PORT)


@pytest.fixture
def unopened(settings: Settings, embedder: SentenceTransformerEmbedder) -> Library:
    """A library whose index is not opened: enough to change the corpus."""
    return Library(settings, embedder)


@pytest.fixture
def library(unopened: Library) -> Iterator[Library]:
    """An open library."""
    unopened.open()
    yield unopened
    unopened.close()


@pytest.fixture
def app(library: Library, settings: Settings) -> FastAPI:
    """The app on that library."""
    return create_app(library, settings)


@pytest.fixture
def own_client(app: FastAPI) -> Iterator[TestClient]:
    """A client for a test that changes something; it talks to the app under the name it answers to."""
    with TestClient(app, base_url=f"http://127.0.0.1:{PORT}") as client:
        yield client


@pytest.fixture(scope="session")
def client(built: Path, embedder: SentenceTransformerEmbedder) -> Iterator[TestClient]:
    """A client for all the tests that change nothing."""
    settings = Settings(corpus=built / "corpus", index=built / "index", port=PORT)
    library = Library(settings, embedder)
    library.open()
    with TestClient(create_app(library, settings), base_url=f"http://127.0.0.1:{PORT}") as client:
        yield client
    library.close()


def serving(library: Library, settings: Settings) -> AbstractContextManager[str]:
    """Serve an app on a free port of this machine and yield its address."""
    return serving_made(lambda port: create_app(library, settings.model_copy(update={"port": port})))


def wait_for_job(library: Library, job_id: str) -> None:
    """Wait until a rebuild is over, and expect it to have gone well."""
    deadline = time.monotonic() + 60
    while (job := library.job(job_id)) and not job.is_over:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert job
    assert job.state == "done", job
