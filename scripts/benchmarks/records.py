"""Measurements as JSON lines: one for each repeat of a workload, number of peers and tree of code."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

Figures = dict[str, Any]
Key = tuple[str, int]
"""Workload and number of peers; 0 where there are none."""


class Spread(NamedTuple):
    """The middle of repeated measurements, and their extremes."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Of at least one value."""
        return cls(statistics.median(values), min(values), max(values))


def of_tree(records: Iterable[Figures], tree: str) -> dict[Key, list[Figures]]:
    """The records of one tree by workload and size, sizes of a workload together and repeats in order."""
    found: dict[Key, list[Figures]] = {}
    for record in records:
        if record["tree"] == tree:
            found.setdefault((record["workload"], record["peers"]), []).append(record)
    names = list(dict.fromkeys(name for name, _ in found))
    return {key: found[key] for key in sorted(found, key=lambda key: (names.index(key[0]), key[1]))}


def middle(records: Sequence[Figures], name: str) -> float | None:
    """The median of a figure over repeats; None where it was not measured."""
    values = [record[name] for record in records if record.get(name)]
    return statistics.median(values) if values else None


def ratio(these: Sequence[Figures], those: Sequence[Figures]) -> Spread | None:
    """Seconds of `these` over seconds of `those`, repeat by repeat; None where one of them has no seconds."""
    pairs = [
        one["seconds"] / other["seconds"]
        for one, other in zip(these, those, strict=False)
        if "seconds" in one and "seconds" in other
    ]
    return Spread.of(pairs) if pairs else None


def read(path: Path) -> list[Figures]:
    """The records of a file that `scripts/bench --out` wrote. Raises ValueError for anything else."""
    records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]
    if not all(
        isinstance(record, dict) and {"workload", "peers", "tree"} <= record.keys() for record in records
    ):
        raise ValueError(path.name)
    return records
