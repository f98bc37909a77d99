"""The boot epoch: a number that grows with each start of a node, whatever its clock does."""

from __future__ import annotations

import os
import time
from pathlib import Path

from gossipfl.errors import RunError

_EPOCH_MAX = (1 << 63) - 1


def next_epoch(path: Path) -> int:
    """An epoch later than the last one in `path`, written there before it is returned.

    Neighbours take what an earlier epoch says for a replay, so a clock set back must not lower it.
    """
    try:
        epoch = max(time.time_ns(), _last_epoch(path) + 1)
        fresh = path.with_name(path.name + ".new")
        with fresh.open("w", encoding="ascii") as file:
            file.write(f"{epoch}\n")
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as error:
        raise RunError(f"Make {path} writable for this user: {error.strerror}.") from None
    return epoch


def _last_epoch(path: Path) -> int:
    try:
        last = int(path.read_text("ascii"))
    except (FileNotFoundError, ValueError):  # the first start, or a file that something else spoilt
        return 0
    return last if 0 <= last < _EPOCH_MAX else 0
