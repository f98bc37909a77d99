"""What a node counted in its earlier lives, read from its records, so that a new life goes on from there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

Counts = dict[str, Any]
"""Numbers, lists of names, and tables of either."""

COUNTING = ("started", "round", "stopped")
"""The records that hold all counts: the last of them tells of all lives before."""

_BEGINNINGS = tuple(f'{{"kind": "{kind}"'.encode() for kind in COUNTING)


def counted(records: Path) -> Counts:
    """The facts of the last record that counts; nothing if there is none. Raises `OSError`."""
    last = b""
    if records.is_file():
        with records.open("rb") as lines:
            for line in lines:
                if line.startswith(_BEGINNINGS) and line.endswith(b"\n"):
                    last = line
    try:
        found = json.loads(last)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def added(before: Counts, now: Counts) -> Counts:
    """`now` on top of `before`: numbers are added up, names told once; what only `before` has is dropped."""
    return {key: _sum(before.get(key), value) for key, value in now.items()}


def _sum(before: Any, now: Any) -> Any:
    if isinstance(now, dict):
        known = before if isinstance(before, dict) else {}
        return known | added(known, now)
    if isinstance(now, list):
        return list(dict.fromkeys([*(before if isinstance(before, list) else []), *now]))
    return now + before if type(before) in (int, float) else now
