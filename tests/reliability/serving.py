"""`footnote serve` as a process of its own, for tests that watch it and stop it."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

ROOT = Path(__file__).parents[2]
# Words and a key that stand nowhere else.
WORD, PAGE_WORD, KEY = "zanzibarquux", "timbuktuquux", "sk-thiskeyisnobodysbusiness0123456789"
QUESTION = f"How many tonnes of honey did the {WORD} beekeepers harvest?"
ARTICLES = {
    "honey.md": "# A record harvest\n\nBeekeepers in the Ulmen valley harvested 310 tonnes of honey this summer.\n",
    "ferries.md": "# Ferries\n\nThe harbour town of Tolm will run twelve ferries a day from March.\n",
}
ARTICLE_WORDS = ("Beekeepers", "Ulmen", "Tolm", "harbour town")
START_SECONDS = 120


def write_corpus(folder: Path) -> None:
    """Write the articles, and a file that is none."""
    folder.mkdir()
    for name, text in ARTICLES.items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "empty.md").touch()


def figures(text: str) -> dict[tuple[str, tuple[str, ...]], float]:
    """Every sample by its name and the values of its labels, in the order of the labels' names."""
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@dataclass(slots=True)
class Served:
    """`footnote serve`, its address and its log."""

    process: "subprocess.Popen[bytes]"
    address: str
    log: Path
    asked: list[str] = field(default_factory=list)

    @property
    def host(self) -> tuple[str, int]:
        """Where it listens."""
        name, _, port = self.address.removeprefix("http://").partition(":")
        return name, int(port)

    def call(self, path: str, body: object = None, **headers: str) -> tuple[int, str]:
        """Send a request and return status and body."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", "X-Request-ID": f"call-{len(self.asked)}", **headers}
        self.asked.append(headers["X-Request-ID"])
        request = urllib.request.Request(self.address + path, data=data, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def begin(self, question: str, request_id: str) -> Callable[[], bytes]:
        """Send the head of a question and half of its body; what comes back sends the rest and reads the answer."""
        body = json.dumps({"question": question}).encode()
        connection = socket.create_connection(self.host, timeout=60)
        head = f"POST /v1/answer HTTP/1.1\r\nHost: {self.address.removeprefix('http://')}\r\nConnection: close\r\n"
        head += f"X-Request-ID: {request_id}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body[:9])
        # This one, and the one that asks.
        while figures(self.call("/metrics")[1])["footnote_requests_under_way", ()] < 2:
            time.sleep(0.05)

        def finish() -> bytes:
            with connection:
                connection.sendall(body[9:])
                return b"".join(iter(lambda: connection.recv(65536), b""))

        return finish

    def wait_until_stopping(self) -> dict[str, Any]:
        """Wait until it says that it lets nobody in, and return what it says."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            status, text = self.call("/readyz")
            if status == 503:
                body: dict[str, Any] = json.loads(text)
                return body
        raise AssertionError("it is still ready")


@contextmanager
def served(root: Path, **variables: str) -> Iterator[Served]:
    """Serve a corpus by the real command; whatever a test leaves running is killed."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("FOOTNOTE_")}
    environment = {**inherited, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **variables}
    command = [sys.executable, "-c", "from ui.cli import main; main()", "serve", "--json", "--port", "0"]
    log = root / "log.jsonl"
    # A shell that runs the tests in the background ignores SIGINT, and a child would inherit that.
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        with log.open("wb") as errors:
            process = subprocess.Popen(command, cwd=root, env=environment, stdout=subprocess.PIPE, stderr=errors)
    finally:
        signal.signal(signal.SIGINT, before)
    try:
        assert process.stdout is not None
        ready, _, _ = select.select([process.stdout], [], [], START_SECONDS)
        line = process.stdout.readline() if ready else b""
        assert line, log.read_text(encoding="utf-8")[-2000:]
        yield Served(process, json.loads(line)["address"], log)
    finally:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()
