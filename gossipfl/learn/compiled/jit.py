"""How the kernels are compiled: without the interpreter's lock, and kept on disk for the next process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """`function` compiled when it is first called; products and sums may become one operation.

    Sums keep their order, so that the same input gives the same bits.
    """
    return _compiled(function, {"contract"})


def compiled_exactly(function: Function) -> Function:
    """`function` compiled when it is first called, with every operation rounded as NumPy rounds it."""
    return _compiled(function, set())


def _compiled(function: Function, allowed: set[str]) -> Function:
    from numba import njit

    try:
        kernel: Function = njit(nogil=True, cache=True, fastmath=allowed)(function)
    except RuntimeError:  # no folder in which it could be kept
        kernel = njit(nogil=True, fastmath=allowed)(function)
    return kernel
