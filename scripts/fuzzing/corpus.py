"""The inputs that are kept in the tree: some reach what others do not, some once failed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "tests" / "fuzz" / "corpus"
INPUT_BYTES_MAX = 2048
TARGET_BYTES_MAX = 10 << 10
"""Of what is kept for one target, so that the corpus stays small."""


def kept(target: str) -> list[Path]:
    """The inputs kept for `target`, in the order of their names."""
    return sorted(path for path in (FOLDER / target).glob("*") if path.is_file())


def keep(target: str, inputs: Iterable[bytes]) -> int:
    """Add the smallest of `inputs` to what is kept for `target`, while there is room; returns how many."""
    room = TARGET_BYTES_MAX - sum(path.stat().st_size for path in kept(target))
    added = 0
    for data in sorted(inputs, key=lambda each: (len(each), each)):
        path = FOLDER / target / name_of(data)
        if len(data) > min(INPUT_BYTES_MAX, room) or path.exists():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        room, added = room - len(data), added + 1
    return added


def name_of(data: bytes) -> str:
    """The name of the file that holds `data`: its digest."""
    return hashlib.blake2b(data, digest_size=8).hexdigest()
