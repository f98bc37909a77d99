"""Pictures of schedules: the graph of each round, on one circle of peers."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np

from gossipfl.topology.drawing import draw_on, new_picture, refuse_unseen, save_picture
from gossipfl.topology.graph import Topology
from gossipfl.topology.layouts import circle
from gossipfl.topology.schedule import Schedule

ROUNDS_DRAWN_MAX = 12
ROUNDS_DRAWN = 4
"""Of a schedule without a period."""
_PANEL_IN = 3.2


def draw_rounds(schedule: Schedule, path: str | Path) -> Path:
    """Draw the rounds of one period, up to ROUNDS_DRAWN_MAX, to `path` (PNG, SVG or PDF) and return the path.

    Raises TopologyError if the ending is another, the file cannot be written, or a round is too large to be
    seen.
    """
    refuse_unseen(schedule.peers, schedule.mixing(1).nnz)
    rounds = min(schedule.period or ROUNDS_DRAWN, ROUNDS_DRAWN_MAX)
    columns = math.ceil(math.sqrt(rounds))
    rows = math.ceil(rounds / columns)
    figure = new_picture((columns * _PANEL_IN, rows * _PANEL_IN + 0.5), path)
    figure.set_layout_engine("constrained", wspace=0.12, hspace=0.08)
    figure.suptitle(_words(schedule, rounds), fontsize=12)
    for round in range(1, rounds + 1):
        axes = figure.add_subplot(rows, columns, round)
        axes.set_title(f"round {round}", fontsize=10)
        draw_on(axes, graph_of(schedule, round))
    return save_picture(figure, path)


def graph_of(schedule: Schedule, round: int) -> Topology:
    """Who speaks to whom in `round`, either way, with the peers on a circle."""
    pairs = np.stack(schedule.mixing(round).nonzero(), axis=1).astype(np.int64)
    graph = Topology.from_edges(schedule.peers, pairs, schedule.names, name=schedule.name)
    return replace(graph, positions=circle(np.arange(schedule.peers)))


def _words(schedule: Schedule, drawn: int) -> str:
    name = f"{schedule.name}, {schedule.peers} peers{'' if schedule.symmetric else ', one-way'}"
    if schedule.period is None:
        return f"{name}: drawn afresh in every round"
    after = "all agree exactly" if schedule.finite_time else "it begins again"
    shown = f"; the first {drawn}" if drawn < schedule.period else ""
    rounds = "1 round" if schedule.period == 1 else f"{schedule.period} rounds"
    return f"{name}: after {rounds} {after}{shown}"
