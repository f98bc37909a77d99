"""Compiled kernels: what NumPy does in many passes over memory, done peer by peer within the cache.

Rules:
- They need numba (`pip install 'gossipfl[fast]'`), which is imported when the first of them runs, not before.
- NumPy is the reference: mixing gives the same bits, training the same numbers but for rounding.
- Each peer is computed alone, on one thread, without the interpreter's lock.

training.py, scoring.py   `Dense.fit` and `Dense.score`; sums.py, mixing
network.py                one peer's network in memory: places.py; orders.py, its samples' order; held.py
vectors.py                the matrix product; exponential.py; jit.py, how all is compiled and kept
"""

from __future__ import annotations

import os
from dataclasses import replace
from importlib.util import find_spec
from typing import Literal

from gossipfl.errors import SettingsError, instead
from gossipfl.learn.contracts import Model

Kernels = Literal["numpy", "compiled"]

VARIABLE = "GOSSIPFL_KERNELS"


def chosen() -> Kernels:
    """Those that the environment variable GOSSIPFL_KERNELS asks for, else compiled ones if numba is there.

    Raises `SettingsError` where it asks for what is not known or not installed.
    """
    asked = os.environ.get(VARIABLE, "")
    if not asked:
        return "compiled" if _numba_is_there() else "numpy"
    if asked == "compiled":
        demand_numba()
        return "compiled"
    if asked == "numpy":
        return "numpy"
    raise SettingsError(f'{VARIABLE} is "{asked}": {instead(asked, ("numpy", "compiled"))}')


def demand_numba() -> None:
    """Raise `SettingsError` unless numba is installed."""
    if not _numba_is_there():
        raise SettingsError("Compiled kernels need numba: run pip install 'gossipfl[fast]'.")


def fastest(model: Model) -> Model:
    """`model` with the kernels that are `chosen`, if it has any."""
    from gossipfl.learn.models import Dense

    return replace(model, kernels=chosen()) if isinstance(model, Dense) else model


def _numba_is_there() -> bool:
    return find_spec("numba") is not None
