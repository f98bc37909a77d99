"""A run of `gossipfl up` in this process, and what its records and the models of its rounds tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gossipfl.cli.cluster import check_cluster, run_cluster
from gossipfl.cli.foresee import Foreseen
from gossipfl.experiment.federation import build
from gossipfl.experiment.files import read_experiment

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Seen:
    """A run that is over; its nodes' folders are under `folder`."""

    records: list[Record]
    summary: dict[str, Any]
    folder: Path

    def of(self, kind: str, **facts: object) -> list[Record]:
        """The records of this `kind` that state these `facts`."""
        facts["kind"] = kind
        return [r for r in self.records if all(r.get(key) == value for key, value in facts.items())]

    def when(self, kind: str, **facts: object) -> float:
        """The time of the first of them."""
        return float(self.of(kind, **facts)[0]["time_s"])

    def noticed_s(self, state: str, peer: int, since_s: float, until_s: float = np.inf) -> dict[int, float]:
        """After how many seconds each neighbour first wrote that its link to `peer` was in this `state`."""
        found: dict[int, float] = {}
        for record in self.of("link", neighbour=peer, state=state):
            if since_s <= record["time_s"] <= until_s:
                found.setdefault(record["peer"], record["time_s"] - since_s)
        return found

    def ended_s(self, peers: Sequence[int]) -> float:
        """When the last of `peers` closed its last round, counted from the first round of any peer."""
        began = min(r["time_s"] - r["duration_s"] for r in self.of("round"))
        return max(max(r["time_s"] for r in self.of("round", peer=peer)) for peer in peers) - began

    def vectors(self, peers: Sequence[int], round: int) -> np.ndarray[Any, Any] | None:
        """What `peers` (n,) held after `round`, as (n, d); None if one of them did not close it."""
        paths = [self.folder / "nodes" / str(peer) / "state" / "rounds" / f"{round}.npy" for peer in peers]
        if not all(path.exists() for path in paths):
            return None
        return np.stack([np.load(path, allow_pickle=False) for path in paths]).astype(np.float64)

    def gap(self, one: Sequence[int], other: Sequence[int], round: int) -> float | None:
        """How far the means of two groups are apart after `round`, as a share of their common mean's norm."""
        a, b = self.vectors(one, round), self.vectors(other, round)
        if a is None or b is None:
            return None
        difference, together = a.mean(axis=0) - b.mean(axis=0), np.concatenate((a, b)).mean(axis=0)
        return float(np.linalg.norm(difference) / np.linalg.norm(together))


def look(file: str, overrides: Sequence[str], folder: Path, foreseen: Foreseen | None = None) -> Seen:
    """Run the experiment `file` with `overrides` in the new `folder`."""
    federation = build(read_experiment(file, list(overrides)))
    check_cluster(federation)
    folder.mkdir(parents=True)
    run = run_cluster(federation, folder, foreseen)
    return Seen(run.records, run.summary, folder)
