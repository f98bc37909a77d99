"""Where the arrays of a crowd are kept: in memory or, for crowds larger than that, in files.

Rules:
- What does not fit is refused before the run: a full disk, or more than the machine's memory holds.
- The files are gone when the run is, whatever ended it: they lose their names as soon as they are open or,
  where the system forbids that, at the end.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from gossipfl.errors import SettingsError
from gossipfl.learn.contracts import Array

_ZEROS = bytes(1 << 22)

MEMORY_SHARE = 0.85
"""The part of the memory that a crowd's state may fill; data, graph and libraries need the rest."""


class Shelf:
    """Makes arrays, in `folder` if that is given."""

    def __init__(self, folder: Path | None = None, bytes_max: int | None = None) -> None:
        self._folder = folder
        self._bytes_max = bytes_max
        self._nbytes = 0
        self._made = 0

    def zeros(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
        """An array of zeros. Raises `SettingsError` if there is no room for it."""
        nbytes = math.prod(shape) * dtype.itemsize
        self._nbytes += nbytes
        if self._folder is None or nbytes == 0:
            self._refuse_too_much()
            return np.zeros(shape, dtype)
        self._made += 1
        path = self._folder / f"{self._made}.array"
        _fill(path, nbytes)
        array = np.memmap(path, dtype, "r+", shape=shape)
        with suppress(PermissionError):  # Windows keeps the name of what is open
            path.unlink()
        return array

    def _refuse_too_much(self) -> None:
        if self._bytes_max is not None and self._nbytes > self._bytes_max:
            raise SettingsError(
                f"This crowd takes {self._nbytes / 1e9:.1f} GB or more, and this machine has "
                f"{self._bytes_max / 1e9:.1f} GB of memory for it: keep it in files by --scratch DIR "
                "(scratch=DIR), or take fewer peers."
            )


@contextmanager
def shelf(scratch: Path | None = None) -> Iterator[Shelf]:
    """A shelf while the block runs, in a new folder of `scratch` if that is given.

    Raises `SettingsError` where nothing can be written there.
    """
    if scratch is None:
        yield Shelf(bytes_max=_memory_bytes())
        return
    try:
        scratch.mkdir(parents=True, exist_ok=True)
        folder = TemporaryDirectory(prefix="crowd-", dir=scratch, ignore_cleanup_errors=True)
    except OSError as error:
        raise SettingsError(f"{scratch} cannot be written ({error.strerror}): choose another.") from None
    with folder as name:
        yield Shelf(Path(name))


def _memory_bytes() -> int | None:
    """What a crowd may take of this machine's memory; None where the system does not say how much it has."""
    try:
        return int(MEMORY_SHARE * os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, ValueError):  # Windows has no sysconf
        return None


def _fill(path: Path, nbytes: int) -> None:
    try:
        with path.open("wb") as file:
            for first in range(0, nbytes, len(_ZEROS)):
                file.write(_ZEROS[: nbytes - first])
    except OSError as error:
        raise SettingsError(
            f"{path.parent.parent} has no room for {nbytes / 1e6:,.1f} MB more ({error.strerror}): "
            "choose a larger disk, or fewer peers."
        ) from None
