"""The boot epoch: a number that grows with each start of a node, whatever its clock does."""

from __future__ import annotations

import time
from pathlib import Path

from gossipfl.node.durable import unwritable, write_durably

_EPOCH_MAX = (1 << 63) - 1
_LINE_BYTES_MAX = 64


def next_epoch(path: Path, last: int = 0) -> int:
    """An epoch later than `last` and than the one in `path`, durable there before it is returned.

    Neighbours take what an earlier epoch says for a replay, so a clock set back must not lower it.
    Raises `SettingsError`.
    """
    try:
        epoch = max(time.time_ns(), last + 1, _last_epoch(path) + 1)
        write_durably(path, [f"{epoch}\n".encode("ascii")])
    except OSError as error:
        raise unwritable(path, error) from None
    return epoch


def _last_epoch(path: Path) -> int:
    try:
        with path.open("rb") as file:
            last = int(file.read(_LINE_BYTES_MAX).decode("ascii", "replace"))
    except (FileNotFoundError, ValueError):  # the first start, or a file that something else spoilt
        return 0
    return last if 0 <= last < _EPOCH_MAX else 0
