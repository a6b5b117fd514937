"""The whole server from start to stop: what its log gives away, and what its end loses."""

import json
import os
import signal
import socket
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from indexer.build import build
from indexer.embedding import Embedder
from indexer.settings import Settings
from tests.chromium import CHROMIUM
from tests.conftest import Tally, Trials
from tests.reliability.serving import (
    ARTICLE_WORDS,
    ARTICLES,
    KEY,
    PAGE_WORD,
    QUESTION,
    WORD,
    Served,
    served,
    write_corpus,
)
from ui.stopping import CLOSE_SECONDS, FINISH_SECONDS

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@contextmanager
def open_tab(server: Served, browser: "Browser | None") -> Iterator[None]:
    """Ask on the page, and leave the tab open, with a stream that never ends; without a browser, only that."""
    with urllib.request.urlopen(f"{server.address}/ui/gradio_api/heartbeat/a-tab", timeout=60) as stream:
        assert stream.readline()
        with _asked(server, browser) if browser else nullcontext():
            yield


@contextmanager
def _asked(server: Served, browser: "Browser") -> Iterator[None]:
    from playwright.sync_api import expect

    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{server.address}/ui/")
    box = page.locator("#fn-question textarea")
    box.fill(f"How many tonnes of honey in {PAGE_WORD}?")
    box.press("Enter")
    expect(page.locator("#fn-chat .fn-acts")).to_have_count(1, timeout=60_000)
    yield
    with suppress(Exception):
        context.close()


@pytest.fixture
def any_browser(request: pytest.FixtureRequest) -> "Browser | None":
    """The browser where there is one; CI has one."""
    has_browser = CHROMIUM.exists() or os.environ.get("CI") == "true"
    return request.getfixturevalue("browser") if has_browser else None


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with a corpus, to serve from."""
    write_corpus(tmp_path / "corpus")
    return tmp_path


def test_a_run_from_start_to_stop(root: Path, embedder: Embedder, any_browser: "Browser | None", tally: Tally) -> None:
    """Questions by every way in, then SIGTERM with a tab open, an answer half sent and a build begun."""
    secrets = {"FOOTNOTE_WRITER_API_KEY": KEY, "FOOTNOTE_WRITER_MODEL": "m"}
    with served(root, FOOTNOTE_WRITER_BASE_URL="http://127.0.0.1:9/v1", **secrets) as server:
        _ask_by_every_way(server)
        with open_tab(server, any_browser):
            half = server.begin(QUESTION, "half-sent")
            for number in range(20):
                (root / "corpus" / f"{number}.md").write_text(f"# Article {number}\n\nIt has {number} lamps.\n")
            server.call("/v1/index/rebuild", {})
            server.process.send_signal(signal.SIGTERM)
            began = time.monotonic()
            stopping = server.wait_until_stopping()
            assert stopping["code"] == "stopping"
            assert server.call("/healthz")[0] == 200
            refused, text = server.call("/v1/answer", {"question": QUESTION})
            assert (refused, json.loads(text)["error"]["code"]) == (503, "stopping")
            # Longer than what is no work is waited for.
            time.sleep(CLOSE_SECONDS + 1)
            assert b"310 tonnes" in half()
            assert server.process.wait(60) == 0
            tally("SIGTERM with a tab open and a build begun", seconds=round(time.monotonic() - began, 1))
        _check_log(server, pages=1 if any_browser else 0)
    _check_index_survived(root, embedder)


def _ask_by_every_way(server: Served) -> None:
    assert server.call("/v1/answer", {"question": QUESTION}, **{"X-Request-ID": "plain"})[0] == 200
    assert server.call("/v1/answer", {"question": QUESTION, "stream": True}, **{"X-Request-ID": "streamed"})[0] == 200
    assert server.call("/v1/answer", {"question": QUESTION, "mode": "generate"})[0] == 200
    assert server.call("/v1/search", {"question": QUESTION})[0] == 200
    assert server.call("/v1/answer", {"question": QUESTION, "nonsense": WORD})[0] == 422
    assert server.call(f"/v1/articles/{WORD}?q={WORD}")[0] == 404
    assert server.call(f"/articles/{WORD}")[0] == 404
    assert server.call("/v1/index", Authorization=f"Bearer {KEY}")[0] == 200
    status, text = server.call("/metrics")
    assert status == 200
    assert WORD not in text
    assert KEY not in text


def _check_log(server: Served, *, pages: int) -> None:
    """Every line is an event; one for each request; and none holds a question, an article or the key."""
    text = server.log.read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    for secret in (WORD, PAGE_WORD, KEY, *ARTICLE_WORDS):
        assert secret not in text
    requests = [line for line in lines if line["event"] == "request"]
    told = Counter(line["request_id"] for line in requests)
    assert {name: told[name] for name in (*server.asked, "half-sent")} == dict.fromkeys((*server.asked, "half-sent"), 1)
    assert all({"request_id", "method", "route", "status", "ms"} <= line.keys() for line in requests)
    answers = [line for line in lines if line["event"] == "answer"]
    assert {line.get("request_id") for line in answers} >= {"plain", "streamed", "half-sent"}
    assert {line["generation"] for line in answers} <= {"gen-000001", "gen-000002"}
    assert len([line for line in answers if "request_id" not in line]) >= pages
    assert [line["event"] for line in lines][-1] == "stopped"
    assert [line["traceback"] for line in lines if "traceback" in line] == []


def _check_index_survived(root: Path, embedder: Embedder) -> None:
    """Whether the build was abandoned or done, the index is whole, and what was left behind goes with the next."""
    settings = Settings(corpus=root / "corpus", index=root / "index")
    assert build(settings, embedder).counts.articles == len(ARTICLES) + 20
    assert not list(settings.index.glob("tmp-*"))


def test_the_second_interrupt_stops_at_once(root: Path) -> None:
    """The answer that is under way would have held the server up until its body came."""
    with served(root) as server:
        half = server.begin(QUESTION, "never-finished")
        server.process.send_signal(signal.SIGINT)
        server.wait_until_stopping()
        assert server.process.poll() is None
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(60) == 130
        with suppress(OSError):
            assert half() == b""


def test_a_language_model_that_hangs_does_not_keep_the_server(root: Path, trials: Trials, tally: Tally) -> None:
    if not trials(0, 1):
        pytest.skip("takes fifteen seconds; run with --torture")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(60)
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        with served(root, FOOTNOTE_WRITER_BASE_URL=address, FOOTNOTE_WRITER_MODEL="m") as server:
            body = json.dumps(
                {"question": "How many tonnes of honey did beekeepers harvest?", "mode": "generate"}
            ).encode()
            with socket.create_connection(server.host) as connection:
                head = f"POST /v1/answer HTTP/1.1\r\nHost: {server.address.removeprefix('http://')}\r\n"
                head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
                connection.sendall(head.encode() + body)
                asked, _ = silent.accept()
                server.process.send_signal(signal.SIGTERM)
                began = time.monotonic()
                assert server.process.wait(60) == 0
                assert time.monotonic() - began >= FINISH_SECONDS
                asked.close()
                tally("SIGTERM while a language model hangs", seconds=round(time.monotonic() - began, 1))
