"""What the page costs: loading it, asking on it, asking on it at once. Against asking the endpoint in the same run.

    python -m benchmarks.page [--save benchmarks/results/page.json]

Starts `footnote serve` on the starter corpus and a real Chromium (CHROMIUM names another than /usr/bin/chromium).
"""

import argparse
import json
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).parent.parent
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
QUESTIONS = (
    "How many AI factories will there be by 2030?",
    "Where is IMEC?",
    "How many experts came to the summit?",
    "What did Koo Yun-cheol promise?",
)
ASKED, AT_ONCE, CHATS = 12, 16, 200
QUEUED = 20


@contextmanager
def served(corpus: Path = ROOT / "corpus") -> Iterator[tuple[str, int]]:
    """Serve a corpus, by default the starter corpus; yields the address and the number of the process."""
    with tempfile.TemporaryDirectory() as folder:
        start = [sys.executable, "-c", "from ui.cli import main; main()"]
        command = [*start, "serve", "--json", "--port", "0", "--corpus", str(corpus), "--index", folder]
        with subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as process:
            try:
                assert process.stdout is not None
                yield json.loads(process.stdout.readline())["address"], process.pid
            finally:
                process.terminate()
                process.wait(30)


def updates(address: str, question: str, *, timeout_s: float = 120) -> Iterator[tuple[float, str]]:
    """Ask as the page's own script does, without a browser: yields what comes back, each with the seconds since.

    An update is Gradio's message as it is sent; the last is `process_completed`.
    """
    with httpx2.Client(base_url=f"{address}/ui", timeout=timeout_s) as client:
        config = client.get("config").json()
        parts = {one["id"]: one["props"] for one in config["components"]}
        [box] = [number for number, props in parts.items() if props.get("elem_id") == "fn-question"]
        [asking] = [one for one in config["dependencies"] if [box, "submit"] in one["targets"]]
        data = [question if number == box else parts[number].get("value") for number in asking["inputs"]]
        session = secrets.token_hex(8)
        event = {"data": data, "fn_index": asking["id"], "session_hash": session, "event_data": None, "trigger_id": box}
        begin = time.perf_counter()
        client.post("gradio_api/queue/join", json=event).raise_for_status()
        with client.stream("GET", "gradio_api/queue/data", params={"session_hash": session}) as stream:
            for line in stream.iter_lines():
                if line.startswith("data:"):
                    yield time.perf_counter() - begin, line[5:]
                    if json.loads(line[5:])["msg"] == "process_completed":
                        return


def queueing(address: str) -> dict[str, Any]:
    """What Gradio's queue and the gate add when nobody waits: from asking to the first update of the page's handler."""
    seconds = []
    for number in range(QUEUED):
        for passed, update in updates(address, QUESTIONS[number % len(QUESTIONS)]):
            if json.loads(update)["msg"] == "process_generating":
                seconds.append(passed)
                break
        # Until what was begun is done.
        time.sleep(1.5)
    ordered = sorted(1000 * one for one in seconds)
    return {"median_ms": round(statistics.median(ordered), 1), "slowest_ms": round(ordered[-1], 1)}


def loading(browser: Browser, address: str) -> dict[str, Any]:
    """A first visit with an empty cache: when the page can be used, and what came over the wire."""
    seconds, sizes, counts = [], [], []
    for _ in range(5):
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        page = context.new_page()
        session = context.new_cdp_session(page)
        session.send("Network.enable")
        received: list[float] = []
        session.on("Network.loadingFinished", lambda event, into=received: into.append(event["encodedDataLength"]))
        begin = time.perf_counter()
        page.goto(f"{address}/ui/")
        page.wait_for_selector("#fn-question textarea:enabled")
        page.wait_for_selector(".fn-status span")
        seconds.append(time.perf_counter() - begin)
        page.wait_for_timeout(500)
        sizes.append(sum(received) / 1000)
        counts.append(len(received))
        context.close()
    return {
        "usable_s": round(statistics.median(seconds), 2),
        "kilobytes": round(statistics.median(sizes)),
        "requests": round(statistics.median(counts)),
    }


def asked(page: Page, question: str, number: int) -> tuple[float, float]:
    """Ask; return the seconds until the first sentence and until the answer is whole."""
    box = page.locator("#fn-question textarea")
    box.fill(question)
    begin = time.perf_counter()
    box.press("Enter")
    shown = (
        "document.querySelectorAll('#fn-chat .bot-row .fn-answer :is(.fn-quote, .fn-short)').length"
        f" && document.querySelectorAll('#fn-chat .bot-row').length === {number}"
        " && !document.querySelector('.fn-waiting')"
    )
    page.wait_for_function(shown, polling=5, timeout=60_000)
    first = time.perf_counter() - begin
    page.wait_for_function(
        f"document.querySelectorAll('#fn-chat .fn-acts').length === {number}", polling=5, timeout=60_000
    )
    return first, time.perf_counter() - begin


def asking(browser: Browser, address: str) -> dict[str, Any]:
    """The first sentence on the page beside the same question at the endpoint, both warm, in turns."""
    page = browser.new_page()
    page.goto(f"{address}/ui/")
    page.wait_for_selector("#fn-examples button:visible", timeout=60_000)
    on_page, at_endpoint = [], []
    with httpx2.Client(base_url=address, timeout=60) as client:
        for number in range(1, ASKED + 1):
            question = QUESTIONS[number % len(QUESTIONS)]
            begin = time.perf_counter()
            client.post("/v1/answer", json={"question": question}).raise_for_status()
            at_endpoint.append(time.perf_counter() - begin)
            on_page.append(asked(page, question, number)[0])
            page.wait_for_timeout(1500)
    page.close()
    extra = [1000 * (seen - answered) for seen, answered in zip(on_page, at_endpoint, strict=True)]
    return {
        "endpoint_ms": round(1000 * statistics.median(at_endpoint)),
        "first_sentence_ms": round(1000 * statistics.median(on_page)),
        "page_over_endpoint_ms": round(statistics.median(extra)),
    }


def at_once(address: str) -> dict[str, Any]:
    """So many questions at the same moment at the endpoint: how many are answered, and how long the last waits."""
    outcomes: list[tuple[int, float]] = []

    def one(number: int) -> None:
        begin = time.perf_counter()
        with httpx2.Client(base_url=address, timeout=120) as client:
            status = client.post("/v1/answer", json={"question": QUESTIONS[number % len(QUESTIONS)]}).status_code
        outcomes.append((status, time.perf_counter() - begin))

    threads = [threading.Thread(target=one, args=(number,)) for number in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {
        "asked": AT_ONCE,
        "answered": sum(status == 200 for status, _ in outcomes),
        "slowest_s": round(max(seconds for _, seconds in outcomes), 2),
    }


def memory(browser: Browser, address: str, process: int) -> dict[str, Any]:
    """The server's memory after the first chats and after many, each of one question on a page of its own."""

    def resident() -> float:
        pages = int(Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    sizes = []
    page = browser.new_page()
    page.goto(f"{address}/ui/")
    page.wait_for_selector("#fn-question textarea:enabled")
    for number in range(CHATS):
        asked(page, QUESTIONS[number % len(QUESTIONS)], 1)
        page.get_by_role("button", name="New conversation").click()
        page.wait_for_function("!document.querySelector('#fn-chat .message')")
        if number in (CHATS // 10, CHATS - 1):
            sizes.append(resident())
    page.close()
    return {"chats": CHATS, "megabytes": [round(size) for size in sizes], "growth": round(sizes[1] / sizes[0], 3)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--save", type=Path)
    arguments = parser.parse_args()
    with served() as (address, process), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        result = {
            "cpus": os.cpu_count(),
            "loading": loading(browser, address),
            "asking": asking(browser, address),
            "queue": queueing(address),
            "at_once": at_once(address),
            "memory": memory(browser, address, process),
        }
        browser.close()
    text = json.dumps(result, indent=2)
    print(text)
    if arguments.save:
        arguments.save.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
