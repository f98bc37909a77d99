"""Writing a file so that, whatever happens to the machine, the old one or the new one is there, whole."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from gossipfl.errors import SettingsError

Buffer = bytes | memoryview


def write_durably(path: Path, pieces: Iterable[Buffer]) -> None:
    """Put `pieces` in the place of `path`, and return once a power cut cannot undo that. Raises `OSError`.

    What cannot be written is taken away again: where the disk is full, it would stand in everybody's way.
    """
    torn = path.with_name(path.name + ".part")
    try:
        with torn.open("wb") as file:
            for piece in pieces:
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        torn.replace(path)
    except OSError:
        with suppress(OSError):  # a folder that cannot be written
            torn.unlink()
        raise
    sync_folder(path.parent)


def unwritable(path: Path, error: OSError) -> SettingsError:
    """What to tell an operator of a `path` that must be written and cannot."""
    return SettingsError(
        f"{path} cannot be written ({error.strerror}): free some space, make it writable for this user, or "
        "choose another node.state."
    )


def sync_folder(folder: Path) -> None:
    """Have what was renamed in `folder` outlive a power cut, where the system can do that."""
    if os.name == "nt":
        return  # Windows opens no folders
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # some network drives refuse it, and do it by themselves
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
