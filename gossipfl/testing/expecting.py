"""What is expected of an array, said in full where it is not so."""

from __future__ import annotations

from typing import Any

import numpy as np

from gossipfl.learn.contracts import Array

_WHY = {
    "crowd": "a crowd's result must be that of each of its peers alone, bit for bit",
    "repeat": "the same input and draws must give the same bytes again",
    "padding": "rows beyond a peer's count must have no effect",
    "no samples": "a peer without samples must keep its vector",
    "k = 0": "a peer that heard nobody must keep its own, bit for bit",
    "state": "a state must not be changed in place",
}


def expect(holds: bool, message: str) -> None:
    """Raise `AssertionError` with `message` unless it `holds`."""
    if not holds:
        raise AssertionError(message)


def expect_like(array: Array, shape: tuple[int, ...], dtype: np.dtype[Any], where: str) -> None:
    """That `array` has this `shape` and `dtype`."""
    expect(array.shape == shape, f"{where}: the shape is {array.shape}, expected {shape}")
    expect(array.dtype == dtype, f"{where}: the dtype is {array.dtype}, expected {dtype}")


def expect_same(wanted: Array, got: Array, where: str, why: str) -> None:
    """That both are alike bit for bit, for the reason `why`."""
    wanted, got = np.asarray(wanted), np.asarray(got)
    expect(wanted.shape == got.shape, f"{where}: {_WHY[why]}; shapes {wanted.shape} and {got.shape} differ")
    if not np.array_equal(wanted, got, equal_nan=True):
        apart = float(np.nanmax(np.abs(wanted.astype(np.float64) - got)))
        raise AssertionError(f"{where}: {_WHY[why]}; in {wanted.dtype} they are up to {apart:.3g} apart")


def expect_near(wanted: Array, got: Array, where: str) -> None:
    """That both are alike but for rounding."""
    expect(wanted.shape == got.shape, f"{where}: the shape is {got.shape}, expected {wanted.shape}")
    allowed = 64 * float(np.finfo(got.dtype).eps) * max(1.0, float(np.abs(wanted).max()))
    apart = float(np.abs(wanted - got).max())
    expect(apart <= allowed, f"{where} must come out as they are, to rounding; they are {apart:.3g} apart")


def expect_unchanged(before: Any, after: Any, where: str) -> None:
    """That the arrays given are as they were."""
    for one, other in zip(before, after, strict=True):
        expect(one.tobytes() == other.tobytes(), f"{where}: an input was changed in place")
