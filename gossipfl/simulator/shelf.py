"""Where the arrays of a crowd are kept: in memory or, for crowds larger than that, in files.

Rules:
- A file's space is taken when it is made: a full disk is found before the run, not in its midst.
- The files are gone when the run is, whatever ended it.
"""

from __future__ import annotations

import math
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from gossipfl.errors import SettingsError
from gossipfl.learn.contracts import Array

_ZEROS = bytes(1 << 22)


class Shelf:
    """Makes arrays, in `folder` if that is given."""

    def __init__(self, folder: Path | None = None) -> None:
        self.nbytes = 0
        self._folder = folder
        self._made = 0

    def zeros(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
        """An array of zeros."""
        nbytes = math.prod(shape) * dtype.itemsize
        self.nbytes += nbytes
        if self._folder is None or nbytes == 0:
            return np.zeros(shape, dtype)
        self._made += 1
        path = self._folder / f"{self._made}.array"
        _fill(path, nbytes)
        return np.memmap(path, dtype, "r+", shape=shape)


@contextmanager
def shelf(scratch: Path | None = None) -> Iterator[Shelf]:
    """A shelf while the block runs, in a new folder of `scratch` if that is given.

    Raises `SettingsError` where nothing can be written there.
    """
    if scratch is None:
        yield Shelf()
        return
    try:
        scratch.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix="crowd-", dir=scratch))
    except OSError as error:
        raise SettingsError(f"{scratch} cannot be written ({error.strerror}): choose another.") from None
    try:
        yield Shelf(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _fill(path: Path, nbytes: int) -> None:
    try:
        with path.open("wb") as file:
            for first in range(0, nbytes, len(_ZEROS)):
                file.write(_ZEROS[: nbytes - first])
    except OSError as error:
        raise SettingsError(
            f"{path.parent.parent} has no room for {nbytes / 1e9:.1f} GB more ({error.strerror}): "
            "choose a larger disk, or fewer peers."
        ) from None
