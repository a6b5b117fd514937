"""What several of these tests begin with."""

from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest

from tests.reliability.marked import build_marker


@pytest.fixture(scope="module", autouse=True)
def growing() -> Iterator[None]:
    """Let every rebuild take over the lexical index of the one before, as most do; here all articles change each time.

    A first build, which these tests have too, writes a new one.
    """
    with mock.patch("indexer.lexical.MOST_DELETED", 1.0):
        yield


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an index of two generations, never changed by a test."""
    folder = tmp_path_factory.mktemp("made")
    for marker in (1, 2):
        build_marker(folder, marker)
    return folder
