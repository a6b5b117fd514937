"""The tests of the shared store: skipped where the optional extra is not installed, which `make test` does."""

import os
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from indexer.cluster.contract import SharedStore
from indexer.cluster.store import shared_store

MISSING = "needs the extra footnote[cluster]"


def need(module: str) -> None:
    """Skip the test where the module is not installed; in CI it fails."""
    if find_spec(module) is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(MISSING)


# Whatever keeps the contract is added here, and tried by the same tests.
STORES: dict[str, Callable[[Path], SharedStore]] = {"lance": lambda folder: shared_store(str(folder / "store"))}


@pytest.fixture(params=sorted(STORES))
def store(request: pytest.FixtureRequest, tmp_path: Path) -> SharedStore:
    """An empty store."""
    need("lance")
    return STORES[request.param](tmp_path)
