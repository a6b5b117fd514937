"""For every test: nothing leaves this machine, and no setting of the developer's gets in."""

import ipaddress
import os
import sys
from collections.abc import Sequence

import pytest

from indexer.embedding import SentenceTransformerEmbedder

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


def pytest_configure() -> None:
    """Watch this process from now on; a hook of the interpreter sees what no patch would."""
    sys.addaudithook(_refuse_to_leave)


@pytest.fixture(autouse=True)
def _no_settings_of_the_developer(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in [name for name in os.environ if name.startswith("FOOTNOTE_")]:
        monkeypatch.delenv(variable)


@pytest.fixture(scope="session")
def embedder() -> SentenceTransformerEmbedder:
    """The bundled model, loaded once for all tests."""
    return SentenceTransformerEmbedder()
