"""What several of these tests begin with."""

from pathlib import Path

import pytest

from tests.reliability.marked import build_marker


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an index of two generations, never changed by a test."""
    folder = tmp_path_factory.mktemp("made")
    for marker in (1, 2):
        build_marker(folder, marker)
    return folder
