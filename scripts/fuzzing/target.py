"""What a target is: a reader of bytes, what it promises, and real inputs to begin with."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import NamedTuple

from gossipfl.errors import GossipflError, RemoteProtocolError

LETTERS_MAX = 20_000
"""Of an error, with all of its escapes: it never repeats a file."""


class Target(NamedTuple):
    """`read` says in a word or two what became of some bytes; `seeds` are inputs made of real values."""

    name: str
    read: Callable[[bytes], str]
    seeds: Callable[[], Iterable[bytes]]


def refusing(
    name: str,
    reader: Callable[[bytes], object],
    seeds: Callable[[], Iterable[bytes]],
    *errors: type[GossipflError],
) -> Target:
    """The target `name`: `reader` takes its bytes, or raises one of `errors`, which tells why."""

    def read(data: bytes) -> str:
        try:
            reader(data)
        except errors as error:
            return refusal(error)
        return "read"

    return Target(name, read, seeds)


def refusal(error: GossipflError) -> str:
    """`error` in a word, if it says what it must."""
    said = str(error)
    if not said or len(said) > LETTERS_MAX:
        raise AssertionError(f"An error says {len(said)} letters.")
    if isinstance(error, RemoteProtocolError):
        if not error.reason:
            raise AssertionError("Somebody is refused without a reason.")
        return f"refused: {error.reason}"
    return f"refused: {type(error).__name__}"


@cache
def folder() -> Path:
    """A folder of this process for the files that are read."""
    path = tempfile.mkdtemp(prefix="gossipfl-fuzz-")
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return Path(path)


def file_of(name: str, data: bytes) -> Path:
    """A file called `name` that holds `data`, and that its owner alone can read."""
    path = folder() / name
    path.write_bytes(data)
    path.chmod(0o600)
    return path
