"""Free memory goes back to the system."""

import subprocess
import sys
from pathlib import Path

import pytest

from qa.memory import hand_back

# Small blocks, of which every hundredth is kept: what lies between is free, and no heap can simply end earlier.
FREE_MANY = """
from pathlib import Path
from qa import memory

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 // 2**20

told = memory.keep_small()
blocks = [bytearray(1000 + number % 3000) for number in range(60_000)]
full = resident()
blocks = blocks[::100]
freed = resident()
memory.hand_back()
print(int(told), full, freed, resident())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the figures are those of Linux")
def test_what_many_small_blocks_held_goes_back_to_the_system() -> None:
    root = Path(__file__).parents[2]
    ran = subprocess.run(
        [sys.executable, "-c", FREE_MANY], cwd=root, capture_output=True, text=True, check=True, timeout=60
    )
    told, full, freed, handed_back = map(int, ran.stdout.split())
    if not told:
        pytest.skip("no glibc")
    assert freed > 0.9 * full
    assert handed_back < 0.5 * full


def test_it_can_be_called_at_any_time() -> None:
    hand_back()
    hand_back()
