"""Curves of a campaign: the mean node's score by round with its interval over seeds, a panel per choice.

Rule: faults are lines of a panel; of further axes the first labels are shown, and that is said.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from gossipfl.report.stress.heat import pairs
from gossipfl.report.stress.measures import measure_of
from gossipfl.report.stress.result import SEEDS_FOR_INTERVAL, CellResult, Stress
from gossipfl.report.style import (
    SEQUENCE,
    axes_in,
    drawable,
    end_labels,
    line,
    new_figure,
    nothing,
    round_axis,
    title,
    worded_axis,
)
from gossipfl.report.words import metric_label, score, score_tick

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANELS_MAX = 12
_BOX = (0.09, 0.125, 0.6, 0.685)
_START = 0.1
"""The share of the rounds whose scores may fall below the scale: what all runs climb from."""


def fans(stress: Stress) -> Iterator[tuple[str, Figure, str]]:
    """(name, figure, what it shows) of each panel."""
    rows, columns = pairs(stress)[0]
    if not columns:
        yield _panel(stress, "", "", rows)
        return
    limits = _limits(stress.done)
    for label in stress.axes[rows][:PANELS_MAX]:
        yield _panel(stress, rows, label, columns, limits)


def _panel(
    stress: Stress, axis: str, label: str, lines: str, limits: tuple[float, float] | None = None
) -> tuple[str, Figure, str]:
    cells = _shown(stress, axis, label, lines)
    finding = _finding(stress, label, lines, cells)
    what = f"{metric_label(stress.metric)} of the mean node by round"
    what += _band(stress) + _others(stress, axis, lines)
    figure = new_figure(7.2, 4.4)
    title(figure, finding, what)
    axes = axes_in(figure, _BOX)
    _lines(axes, stress, cells, limits or _limits([cell for _, cell in cells]))
    return f"curves-{_slug(label or lines)}", figure, finding


def _lines(
    axes: Axes, stress: Stress, cells: list[tuple[str, CellResult]], limits: tuple[float, float]
) -> None:
    drawn = [(name, cell) for name, cell in cells if cell.curves]
    if not drawn:
        nothing(axes, "No cell has a curve.")
        return
    ends = []
    for place, (name, cell) in enumerate(drawn):
        colour = SEQUENCE[place % len(SEQUENCE)]
        x, y = _values(cell, "round"), _values(cell, "mean")
        low, high = _values(cell, "mean_low"), _values(cell, "mean_high")
        axes.fill_between(x, low, high, color=colour, alpha=min(0.16, 0.5 / len(drawn)), linewidth=0)
        line(axes, x, y, colour, "-" if place < len(SEQUENCE) else (0, (4, 1.5)))
        known = np.flatnonzero(np.isfinite(y))
        if known.size:
            at, end = float(x[known[-1]]), float(y[known[-1]])
            ends.append((at, max(end, limits[0]), f"{drawable(name)}  {score(end, stress.metric)}", colour))
    round_axis(axes, _values(drawn[0][1], "round"))
    axes.set_ylim(*limits)
    worded_axis(axes, partial(score_tick, metric=stress.metric))
    end_labels(axes, ends)


def _shown(stress: Stress, axis: str, label: str, lines: str) -> list[tuple[str, CellResult]]:
    """(label of the line, cell), of further axes the first label or that without the fault."""
    found = []
    cells = {cell.labels: cell for cell in stress.cells}
    for each in stress.axes[lines]:
        labels = tuple(
            label if name == axis else each if name == lines else stress.faults.get(name, known[0])
            for name, known in stress.axes.items()
        )
        found.append((each, cells[labels]))
    return found


def _finding(stress: Stress, label: str, lines: str, cells: list[tuple[str, CellResult]]) -> str:
    name = f"{stress.metric}_mean"
    ends = {each: cell.mean(name) for each, cell in cells if np.isfinite(cell.mean(name))}
    if not ends:
        return f"{label}: no cell ran" if label else "No cell ran"
    words = measure_of(name, stress.metric).words
    worst, best = min(ends, key=ends.__getitem__), max(ends, key=ends.__getitem__)
    head = f"{drawable(label)}: " if label else ""
    if words(ends[worst]) == words(ends[best]):
        return f"{head}{words(ends[best])} with every {lines}"
    return f"{head}lowest with {drawable(worst)}, {words(ends[worst])}"


def _limits(cells: list[CellResult]) -> tuple[float, float]:
    """A scale that fits what runs reach, not the first rounds in which they climb to it."""
    shown, tops = (_late(cells, name) for name in ("mean", "mean_high"))
    if not shown.size:
        return 0.0, 1.0
    low, high = float(np.quantile(shown, 0.02)), float(np.concatenate([shown, tops]).max())
    pad = max(0.07 * (high - low), 0.01)
    return low - pad, high + pad


def _late(cells: list[CellResult], name: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """The finite values after the start."""
    parts = [_values(cell, name) for cell in cells if cell.curves]
    shown = np.concatenate([values[int(_START * len(values)) :] for values in parts] or [np.empty(0)])
    return np.extract(np.isfinite(shown), shown)


def _values(cell: CellResult, name: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array([np.nan if value is None else value for value in cell.curves[name]], dtype=np.float64)


def _band(stress: Stress) -> str:
    seeds = len(stress.seeds)
    if seeds == 1:
        return ""
    band = "95 % interval (t)" if seeds >= SEEDS_FOR_INTERVAL else "lowest to highest"
    return f"; mean of {seeds} seeds, band: {band}"


def _others(stress: Stress, axis: str, lines: str) -> str:
    held = [
        f"{name} {stress.faults.get(name, known[0])}"
        for name, known in stress.axes.items()
        if name not in (axis, lines) and len(known) > 1
    ]
    return f"; {', '.join(map(drawable, held))}" if held else ""


def _slug(text: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in text).strip("-").lower() or "all"
