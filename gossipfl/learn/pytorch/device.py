"""Where torch computes, and the arrays that it keeps there.

Rules:
- A device is a graphics card where there is one, else the processor; nobody has to say so.
- The processor's part is done by one thread for each caller: who wants more threads calls from more of them,
  so that results never depend on how many there are.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
import torch

from gossipfl.errors import SettingsError
from gossipfl.learn.contracts import Array

DEVICES = ("auto", "cpu", "cuda")

_CPU_BLOCK_BYTES = 8 << 20
_CUDA_BLOCK_PART = 8


def device_named(name: str) -> Any:
    """The `torch.device` called `name`. Raises `SettingsError`."""
    if name not in DEVICES:
        raise SettingsError(f'device is {name!r}: set it to "auto", "cpu" or "cuda".')
    if name == "cuda" and not torch.cuda.is_available():
        raise SettingsError('There is no CUDA device here: set device to "auto" or "cpu".')
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


def block_bytes_max(device: Any) -> int:
    """What a block of peers may take: what fits a processor's cache, or a part of a card's whole memory."""
    if device.type == "cpu":
        return _CPU_BLOCK_BYTES
    return int(torch.cuda.get_device_properties(device).total_memory) // _CUDA_BLOCK_PART


@contextmanager
def repeatable(device: Any) -> Iterator[None]:
    """Within, the same inputs give the same bits: one thread, and of a card's kernels those that repeat."""
    flags = torch.backends.cudnn.flags
    cuda = flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with cuda if device.type == "cuda" else nullcontext():
            yield
    finally:
        torch.set_num_threads(before)


class Residents:
    """Arrays as tensors on a device, moved there once and kept for as long as the array lives."""

    def __init__(self, device: Any) -> None:
        self._device = device
        self._held: dict[int, tuple[weakref.ref[Array], Any]] = {}

    def of(self, array: Array) -> Any:
        """`array` as a tensor; without a copy where it lies in the processor's memory and may be written."""
        if self._device.type == "cpu" and array.flags.writeable and min(array.strides, default=0) >= 0:
            return torch.from_numpy(array)
        key = id(array)
        held = self._held.get(key)
        if held is None or held[0]() is not array:
            moved = torch.from_numpy(np.array(array, order="C")).to(self._device)
            held = self._held[key] = weakref.ref(array, lambda _: self._held.pop(key, None)), moved
        return held[1]
