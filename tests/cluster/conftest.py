"""The tests of the shared store: skipped where the optional extra is not installed."""

from collections.abc import Callable
from pathlib import Path

import pytest

from indexer.cluster.contract import SharedStore
from indexer.cluster.store import shared_store

MISSING = "needs the extra footnote[cluster]"

# Whatever keeps the contract is added here, and tried by the same tests.
STORES: dict[str, Callable[[Path], SharedStore]] = {"lance": lambda folder: shared_store(str(folder / "store"))}


@pytest.fixture(params=sorted(STORES))
def store(request: pytest.FixtureRequest, tmp_path: Path) -> SharedStore:
    """An empty store."""
    pytest.importorskip("lance", reason=MISSING)
    return STORES[request.param](tmp_path)
