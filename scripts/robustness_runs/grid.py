"""The attacks and the rules that are measured, what a prototype measured of them, and one run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

import gossipfl
from gossipfl.learn.robust.catalogue import DEFAULT_RULE, MEAN
from robustness_runs.cases import ROUNDS, TASK

NOBODY = "none"
ATTACKS = (NOBODY, "sign-flip", "gauss", "alie", "ipm", "label-flip", "dissensus")
FEW = 2
"""Attackers of the runs where data are alike."""

RULES: Mapping[str, int] = {
    DEFAULT_RULE: 4,
    "mean": 0,
    "nnm+trimmed-mean": 4,
    "nna": 3,
    "clipping": 4,
    "trimmed-mean": 3,
    "median": 3,
    "geometric-median": 3,
    "ubar": 3,
    "balance": 3,
    "krum": 2,
    "multi-krum": 2,
}
"""How many attackers among eight neighbours each is told to stand."""

LISTED: Mapping[str, tuple[float, ...]] = {
    "mean": (96.2, 90.9, 87.7, 95.7, 19.7, 89.1, 63.1),
    "trimmed-mean": (96.2, 91.3, 95.1, 95.0, 94.0, 94.2, 93.4),
    "median": (95.2, 91.5, 95.1, 94.5, 93.5, 93.9, 88.3),
    "clipping": (96.2, 92.9, 95.1, 95.5, 94.1, 94.1, 93.5),
    "balance": (95.1, 93.1, 94.8, 94.9, 94.6, 93.5, 93.5),
    "nna": (96.2, 93.1, 95.3, 95.0, 95.2, 95.2, 95.1),
    "nnm+trimmed-mean": (96.2, 92.9, 95.5, 95.6, 95.4, 95.5, 95.4),
}
"""Of each attack, what an independent prototype measured with one seed; its attacks hurt the mean less."""


class Cell(NamedTuple):
    """A rule under an attack, with one seed."""

    rule: str
    attack: str
    seed: int
    attackers: int = 4
    alike: bool = False  # whether the data of all peers are
    quarantine: bool = False  # whether who says different things is shut out


class Judged(NamedTuple):
    """What came of it; accuracies of honest peers in percent."""

    cell: Cell
    mean: float
    worst: float  # of the peers with no more hostile neighbours than the rule stands
    beyond: int  # so many honest peers have more


def judge(cell: Cell) -> Judged:
    """Run it; as a crowd where attackers tell all the same."""
    robust = {"rule": cell.rule, "quarantine": cell.quarantine}
    if cell.rule != MEAN:
        robust["attackers"] = RULES[cell.rule]
    attack = {} if cell.attack == NOBODY else {"attack": {"kind": cell.attack, "peers": cell.attackers}}
    engine = "network" if cell.attack == "dissensus" else "crowd"
    settings: dict[str, Any] = dict(TASK)
    if cell.alike:
        settings["data"] = {"dataset": TASK["data"]["dataset"], "split": "iid"}
    run = {"seed": cell.seed, "evaluate_every": ROUNDS, "engine": engine}
    done = gossipfl.simulate(robust=robust, run=run, **settings, **attack)
    worst, beyond = _worst(done, RULES[cell.rule])
    return Judged(cell, 100 * done.summary["accuracy_mean"], worst, beyond)


def _worst(run: gossipfl.Run, stood: int) -> tuple[float, int]:
    """The least accuracy of those who have no more hostile neighbours than are `stood`; and how many have."""
    hostile = run.summary.get("attackers", [])
    honest = [peer for peer in range(run.summary["peers"]) if peer not in hostile]
    around = dict.fromkeys(honest, 0)
    for one, other in run.graph["edges"]:
        for peer, neighbour in ((one, other), (other, one)):
            if peer in around and neighbour in hostile:
                around[peer] += 1
    accuracies = dict(zip(honest, run.summary["accuracy_per_peer"], strict=True))
    within = [100 * accuracies[peer] for peer in honest if around[peer] <= stood or not stood]
    return float(np.min(within)), len(honest) - len(within)
