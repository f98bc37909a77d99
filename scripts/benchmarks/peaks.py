"""What the machine can do, measured beside each workload: products of matrices, and copies of memory."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.task import Clock, seconds_of

_SIDE = 1_024
_CUDA_SIDE = 8_192
_COPIED_BYTES = 1 << 26
"""More than caches hold."""


def sgemm_flop_per_s(clock: Clock, times: int = 3) -> list[float]:
    """Of products of square float32 matrices, by the BLAS of NumPy; a first one does not count."""
    left, right = (np.full((_SIDE, _SIDE), value, np.float32) for value in (1.5, 0.5))
    product = left @ right
    return [
        2 * _SIDE**3 / seconds_of(lambda: np.matmul(left, right, out=product), clock) for _ in range(times)
    ]


def cuda_flop_per_s(clock: Clock, times: int = 3) -> list[float]:
    """Of products of square float32 matrices on a CUDA device, without its shorter formats."""
    import torch

    torch.backends.cuda.matmul.allow_tf32 = False
    left, right = (torch.full((_CUDA_SIDE, _CUDA_SIDE), value, device="cuda") for value in (1.5, 0.5))

    def multiply() -> None:
        torch.matmul(left, right)
        torch.cuda.synchronize()

    multiply()
    return [2 * _CUDA_SIDE**3 / seconds_of(multiply, clock) for _ in range(times)]


PEAKS: dict[str, Callable[[Clock], list[float]]] = {
    "one thread": sgemm_flop_per_s,
    "the CUDA device": cuda_flop_per_s,
}
"""What operations are a share of, by what they run on."""


def copy_bytes_per_s(clock: Clock, times: int = 3) -> float:
    """The best of copies from memory to memory: bytes read and bytes written."""
    source = np.ones(_COPIED_BYTES, np.uint8)
    target = source.copy()
    seconds = [seconds_of(lambda: np.copyto(target, source), clock) for _ in range(times)]
    return 2 * _COPIED_BYTES / min(seconds)
