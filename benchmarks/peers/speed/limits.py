"""What the machine can do at best, to stand beside the figures: multiplying matrices, reading memory; one thread."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

SIDE, ROUNDS = 2048, 5
BYTES = 2**29


def limits() -> dict[str, Any]:
    """Return billions of operations and of bytes a second."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return {
            "gemm_fp32_gflops": _gemm(torch.float32),
            "gemm_bf16_gflops": _gemm(torch.bfloat16),
            "memory_read_gb_per_s": _read(),
            "memory_copy_gb_per_s": _copy(),
            "threads": 1,
        }
    finally:
        torch.set_num_threads(threads)


def _best(work: Callable[[], object]) -> float:
    work()
    seconds = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def _gemm(dtype: Any) -> float:  # noqa: ANN401 - torch is imported late
    import torch

    one, other = torch.rand(SIDE, SIDE, dtype=dtype), torch.rand(SIDE, SIDE, dtype=dtype)
    return round(2 * SIDE**3 / _best(lambda: one @ other) / 1e9, 1)


def _read() -> float:
    """A sum over more than any cache holds; the fastest reading of several kinds."""
    array = np.ones(BYTES // 4, dtype=np.float32)
    return round(BYTES / min(_best(array.sum), _best(array.max), _best(lambda: array.dot(array))) / 1e9, 1)


def _copy() -> float:
    """A copy reads once and writes once."""
    source, target = np.ones(BYTES // 4, dtype=np.float32), np.zeros(BYTES // 4, dtype=np.float32)
    return round(2 * BYTES / _best(lambda: np.copyto(target, source)) / 1e9, 1)
