"""For every test: nothing leaves this machine, and no setting of the developer's gets in.

What is tried by number (kills, flipped bits, requests) is tried a few times by `make test` and in full by
`make torture`; either way the counts are told at the end.
"""

import ipaddress
import os
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import TYPE_CHECKING

import hypothesis
import pytest

from indexer.embedding import SentenceTransformerEmbedder
from tests.chromium import launched_browser

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# A slow machine breaks no law.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")

Trials = Callable[[int, int], int]
Tally = Callable[..., None]
TALLY = "tally"
LOCAL_NAMES = {"", "localhost", "0.0.0.0", "::"}


def _refuse_to_leave(event: str, arguments: Sequence[object]) -> None:
    """Raise when this process connects to, or asks for the address of, another machine."""
    if event == "socket.connect":
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else ""
    elif event == "socket.getaddrinfo":
        host = arguments[0]
    else:
        return
    name = host.decode() if isinstance(host, bytes) else str(host or "")
    if not _is_local(name):
        raise RuntimeError(f"a test reached for {name}")


def _is_local(name: str) -> bool:
    try:
        return name in LOCAL_NAMES or ipaddress.ip_address(name.split("%")[0]).is_loopback
    except ValueError:
        return False


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--torture`: try everything as often as it takes to believe it."""
    parser.addoption("--torture", action="store_true", help="as many trials as it takes, instead of a few")


def pytest_configure() -> None:
    """Watch this process from now on; a hook of the interpreter sees what no patch would."""
    sys.addaudithook(_refuse_to_leave)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest: a file runs in one process, and at the end no process should wait for another."""
    items.sort(key=lambda item: "browser" not in getattr(item, "fixturenames", ()))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Escape what a test put into the log on purpose: half a surrogate pair does not get from process to process."""
    report = yield
    report.sections = [(name, text.encode("utf-8", "backslashreplace").decode()) for name, text in report.sections]
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell what was counted, in whichever process."""
    reports = [one for all_of_a_kind in terminalreporter.stats.values() for one in all_of_a_kind]
    properties = [pair for one in reports if isinstance(one, pytest.TestReport) for pair in one.user_properties]
    if lines := sorted({str(line) for name, line in properties if name == TALLY}):
        terminalreporter.section("counts")
        for line in lines:
            terminalreporter.write_line(line)


@pytest.fixture
def trials(request: pytest.FixtureRequest) -> Trials:
    """How often to try something: `trials(few, full)` is `few`, or `full` under `--torture`."""
    torture: bool = request.config.getoption("--torture")
    return lambda few, full: full if torture else few


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Tally:
    """Tell what a test counted, at the end of the run: `tally("kills while building", tried=100, bad=0)`."""
    properties = request.node.user_properties

    def tell(what: str, **counts: object) -> None:
        told = ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in counts.items())
        properties.append((TALLY, f"{what}: {told}"))

    return tell


@pytest.fixture(autouse=True)
def _no_settings_of_the_developer(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in [name for name in os.environ if name.startswith("FOOTNOTE_")]:
        monkeypatch.delenv(variable)


@pytest.fixture(scope="session")
def embedder() -> SentenceTransformerEmbedder:
    """The bundled model, loaded once for all tests."""
    return SentenceTransformerEmbedder()


@pytest.fixture(scope="session")
def browser() -> "Iterator[Browser]":
    """A real Chromium, opened once for all tests."""
    with launched_browser() as chromium:
        yield chromium
