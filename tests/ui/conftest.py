"""The page's fixtures: one embedder, one library over a small corpus, one server, one browser."""

import json
import os
import select
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from indexer.build import build
from indexer.embedding import Embedder
from indexer.settings import Settings
from qa.library import Library

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

START_SECONDS = 90
ROOT = Path(__file__).parents[2]
FERRY = """---
title: "Harbour town doubles its ferry service <img src=x onerror=alert(1)>"
source: "The Example Post"
published: 2026-01-31
author: "A. Writer"
url: https://example.org/ferries
---

The harbour town of Saltmere doubled its ferry service on Monday. Forty boats now cross the bay each day.

## What it costs

A single ticket costs 3 crowns, and children under six travel free. The council paid 1.2 million crowns for the boats.

Mayor Ida Holm said the "second wave" <script>document.title='hacked'</script> of boats arrives in ${1+1} May {{later}}.
"""
FERRY_KO = """---
title: "솔트미어, 여객선 운항 두 배로"
source: "예시 신문"
published: 2026-02-01
---

솔트미어 시는 월요일 여객선 운항을 두 배로 늘렸다. 이제 하루 마흔 척이 만을 건넌다. 편도 요금은 3크라운이다.
"""
LAMPS = """---
title: "Ulmen replaces its street lamps"
source: "Ulmen Herald"
published: 2025-06-03
---

The town of Ulmen will replace its 900 street lamps by May. Each new lamp burns for nine years.
"""
KILN = """---
title: "A brick kiln is fired again"
source: "Ulmen Herald"
published: 2025-07-14
---

The brick kiln at Ostra fires 12,000 bricks in a week. It had been cold since 1987.
"""


@dataclass(slots=True)
class Place:
    """A served Footnote: its library, its folders and its address."""

    library: Library
    settings: Settings
    temporary: Path
    address: str = ""


@dataclass(slots=True)
class Visit:
    """A browser page and what it did: requests made, errors shown."""

    page: "Page"
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


@pytest.fixture(scope="session")
def place(embedder: Embedder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("footnote")
    corpus = folder / "corpus"
    corpus.mkdir()
    for path in (ROOT / "corpus").glob("ai-factories-koo.*.md"):
        shutil.copy(path, corpus)
    (corpus / "ferry.md").write_text(FERRY, encoding="utf-8")
    (corpus / "ferry.ko.md").write_text(FERRY_KO, encoding="utf-8")
    (corpus / "policy/2025").mkdir(parents=True)
    (corpus / "policy/lamps.md").write_text(LAMPS, encoding="utf-8")
    (corpus / "policy/2025/kiln.md").write_text(KILN, encoding="utf-8")
    (corpus / "broken.txt").write_bytes(b"")
    settings = Settings(corpus=corpus, index=folder / "index", port=0)
    build(settings, embedder)
    library = Library(settings, embedder)
    library.open()
    yield Place(library, settings, folder / "tmp")
    library.close()


@pytest.fixture(scope="session")
def served(place: Place) -> Iterator[Place]:
    """`footnote serve` on that library."""
    with serving_page(place.settings, place.temporary) as place.address:
        yield place


@contextmanager
def serving_page(settings: Settings, temporary: Path, *, first: str = "", **variables: str) -> Iterator[str]:
    """Run `footnote serve` in a process of its own, on a free port of this machine, and yield its address.

    `temporary` is made for its temporary files, `first` is Python to be run before, `variables` its environment.
    """
    temporary.mkdir()
    command = [sys.executable, "-c", f"{first}\nfrom ui.cli import main; main()", "serve", "--json", "--port", "0"]
    command += ["--corpus", str(settings.corpus), "--index", str(settings.index)]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("FOOTNOTE_")}
    environment = {**inherited, **variables, "TMPDIR": str(temporary)}
    log = temporary.with_suffix(".log")
    with log.open("wb") as errors:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=errors, stdin=subprocess.DEVNULL
        )
    try:
        assert process.stdout is not None
        ready, _, _ = select.select([process.stdout], [], [], START_SECONDS)
        line = process.stdout.readline() if ready else b""
        assert line, f"the server did not start: {log.read_text(errors='replace')[-2000:]}"
        yield json.loads(line)["address"]
    finally:
        process.terminate()
        process.wait(20)
        if process.stdout:
            process.stdout.close()


Visitor = Callable[..., Visit]


@pytest.fixture
def visit(browser: "Browser", served: Place) -> Iterator[Visitor]:
    """Open the page as a new visitor; afterwards, no page may have shown an error or gone elsewhere."""
    visits: list[Visit] = []

    def open_page(query: str = "", *, width: int = 1280, height: int = 800, locale: str = "en-GB") -> Visit:
        context = browser.new_context(viewport={"width": width, "height": height}, locale=locale)
        made = Visit(context.new_page())
        made.page.on("request", lambda request: made.requests.append(request.url))
        made.page.on("pageerror", lambda error: made.errors.append(str(error)))
        made.page.on("console", lambda line: made.errors.append(line.text) if line.type == "error" else None)
        made.page.goto(f"{served.address}/ui/{query}")
        made.page.wait_for_selector(".fn-status")
        visits.append(made)
        return made

    yield open_page
    for made in visits:
        made.page.context.close()
        assert made.errors == []
        elsewhere = [url for url in made.requests if not url.startswith((served.address, "data:", "blob:"))]
        assert elsewhere == []
