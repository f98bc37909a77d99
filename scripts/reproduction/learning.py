"""One run of `gossipfl.simulate` on public data, as the few figures that the tables are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import gossipfl
from gossipfl import Dataset
from reproduction import datasets

Settings = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Learned:
    """What came of a run; curves are by evaluated round."""

    accuracy: float  # mean over peers
    worst: float
    averaged_model: float
    consensus_distance: float
    rounds: list[int]
    accuracies: list[float]
    bytes_per_peer: list[float]

    def at(self, round: int) -> float:
        """The accuracy of the mean peer after `round`."""
        return self.accuracies[self.rounds.index(round)]


def learn(folder: Path, data: str, settings: Settings, baseline: str | None = None) -> Learned:
    """Peers that learn the public `data` under `settings`, or a `baseline` for the same peers and rows."""
    return learn_from(_load(folder, data), settings, baseline)


def learn_in_the_mean(
    folder: Path, data: str, settings: Settings, baseline: str | None, seeds: Sequence[int]
) -> Learned:
    """The same in the mean over `seeds`, of the split and of all that is drawn later."""
    each = [learn(folder, data, _seeded(settings, seed), baseline) for seed in seeds]
    figures = {
        field.name: np.mean([getattr(found, field.name) for found in each], axis=0).tolist()
        for field in fields(Learned)
    }
    return Learned(**figures | {"rounds": each[0].rounds})


def _seeded(settings: Settings, seed: int) -> Settings:
    return settings | {"run": settings.get("run", {}) | {"seed": seed}}


def learn_from(data: Dataset, settings: Settings, baseline: str | None = None) -> Learned:
    """The same for data at hand."""
    run = gossipfl.simulate(data=data, baseline=baseline, **_flat(settings))
    network = [record for record in run.records if record["kind"] == "network"]
    peers = run.summary["peers"]
    return Learned(
        run.summary["accuracy_mean"],
        run.summary["accuracy_worst"],
        run.summary["accuracy_averaged_model"],
        run.summary["consensus_distance"],
        [record["round"] for record in network],
        [record["accuracy_mean"] for record in network],
        [record["bytes_sent"] / peers for record in network],
    )


def _flat(settings: Settings) -> dict[str, Any]:
    """`data` is an object here, so that its keys are given by themselves."""
    keys = settings.get("data", {})
    return {section: table for section, table in settings.items() if section != "data"} | keys


@cache
def _load(folder: Path, data: str) -> Dataset:
    return datasets.load(folder, data)
