"""The picture of a soak: memory, descriptors, tasks and rounds of each node over time, and the harm."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from robustness_runs.soak.growth import MIB
from robustness_runs.soak.running import Soaked

_PANELS = {
    "memory, MiB": lambda sample: sample.memory_bytes / MIB,
    "descriptors": lambda sample: sample.descriptors,
    "tasks": lambda sample: sample.tasks,
    "round": lambda sample: sample.round,
}
_COLOURS = {
    "killed": "#c0392b",
    "left": "#e67e22",
    "paused": "#8e44ad",
    "cut off": "#2980b9",
    "halves": "#16a085",
    "strangers": "#7f8c8d",
}


def draw(soaked: Soaked, path: Path) -> None:
    """Draw it into the file `path`."""
    figure = Figure(figsize=(11, 10), layout="constrained")
    axes = figure.subplots(len(_PANELS), 1, sharex=True)
    peers = sorted({sample.peer for sample in soaked.samples})
    for axis, (name, of) in zip(axes, _PANELS.items(), strict=True):
        for peer in peers:
            own = [sample for sample in soaked.samples if sample.peer == peer]
            lived = peer < soaked.mortal
            minutes = np.array([sample.time_s / 60 for sample in own])
            axis.plot(
                minutes,
                [of(sample) for sample in own],
                color="#2c3e50" if lived else "#f0a35e",
                linewidth=1.0 if lived else 0.7,
                label={0: "lived throughout", soaked.mortal: "killed now and then"}.get(peer),
            )
        for harm in soaked.harms:
            axis.axvspan(harm.began_s / 60, harm.ended_s / 60, color=_COLOURS[harm.kind], alpha=0.25, lw=0)
        axis.set_ylabel(name)
        axis.set_ylim(0, 1.15 * axis.get_ylim()[1])
    axes[-1].set_xlabel("minutes")
    for kind, colour in _COLOURS.items():
        axes[0].axvspan(np.nan, np.nan, color=colour, alpha=0.25, label=kind)
    axes[0].legend(ncols=4, loc="lower right", fontsize=8)
    figure.savefig(path, dpi=110)
