"""Heat maps of a campaign: the score of the mean and of the worst node for each pair of axes.

Rule: where there are further axes, a field shows the worst over them, and says so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gossipfl.report.stress.measures import measure_of
from gossipfl.report.stress.result import Stress
from gossipfl.report.style import FONT_PT, INK, MUTED, SMALL_PT, drawable, new_figure, title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

Grid = NDArray[np.float64]
_COLOURS = ("#b2182b", "#ef8a62", "#fddbc7", "#f7f7f7", "#d1e5f0", "#67a9cf")
"""From bad to good, told apart by the colour-blind (ColorBrewer RdBu; Brewer 2003)."""
_NOT_APPLICABLE = "#e6e8eb"
_ROW_IN, _COLUMN_IN, _MARGIN_IN = 0.42, 0.86, 1.7
_LETTERS_MAX = 22


def pairs(stress: Stress) -> list[tuple[str, str]]:
    """(rows, columns): a choice stands in the rows, a fault in the columns."""
    axes = [axis for axis, labels in stress.axes.items() if len(labels) > 1] or list(stress.axes)
    if len(axes) == 1:
        return [(axes[0], "")]
    found = []
    for one, other in combinations(axes, 2):
        found.append((other, one) if one in stress.faults and other not in stress.faults else (one, other))
    return found


def heat_map(stress: Stress, rows: str, columns: str) -> Figure:
    """The two heat maps of one pair of axes, beside one another."""
    high, wide = len(stress.axes[rows]), len(stress.axes[columns]) if columns else 1
    width = max(2 * (_MARGIN_IN + _COLUMN_IN * wide) + 0.4, 9.6)
    figure = new_figure(width, 1.75 + _ROW_IN * high)
    _draw(figure, stress, rows, columns)
    return figure


def sheet(stress: Stress) -> Figure:
    """The heat maps of the first pair of axes: what a notebook shows of a campaign."""
    return heat_map(stress, *pairs(stress)[0])


def grid_of(stress: Stress, rows: str, columns: str, name: str) -> tuple[Grid, NDArray[np.bool_]]:
    """(r, c) of a measure, the worst over further axes, NaN where none is known; and where none applies."""
    better = measure_of(name, stress.metric).higher_is_better
    axes = list(stress.axes)
    row, column = axes.index(rows), axes.index(columns) if columns else None
    shape = len(stress.axes[rows]), len(stress.axes[columns]) if columns else 1
    found, applies = np.full(shape, np.nan), np.zeros(shape, np.bool_)
    for cell in stress.cells:
        place = (
            stress.axes[rows].index(cell.labels[row]),
            stress.axes[columns].index(cell.labels[column]) if column is not None else 0,
        )
        if cell.state == "not applicable":
            continue
        value = cell.mean(name)
        worse = min if better else max
        old = found[place]
        found[place] = value if not applies[place] else math.nan if math.isnan(old) else worse(old, value)
        if math.isnan(value):
            found[place] = math.nan
        applies[place] = True
    return found, applies


def told(stress: Stress, rows: str, columns: str) -> str:
    """What the two maps of a pair show, for who cannot see them."""
    what = f"{rows} by {columns}" if columns else rows
    return f"Mean and worst node for {what}{_others(stress, rows, columns)}"


def _draw(panel: Figure | SubFigure, stress: Stress, rows: str, columns: str) -> None:
    names = [f"{stress.metric}_mean", f"{stress.metric}_worst"]
    grids = [grid_of(stress, rows, columns, name) for name in names]
    known = np.concatenate([grid[np.isfinite(grid)] for grid, _ in grids])
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    if high - low < 0.02:  # a scale as wide as nothing would make chance look like harm
        low = high - 0.02
    words = f"{rows.capitalize()} in the rows" + (f", {columns} in the columns" if columns else "")
    width, height = panel.get_figure().get_size_inches()  # type: ignore[union-attr]
    title(panel, _finding(stress, rows, columns), f"{words}{_others(stress, rows, columns)}", left=0.25 / width)
    count = max(len(stress.axes[columns]) if columns else 1, 1)
    bottom, top = 0.12 / height, 1.2 / height
    for place, (name, (grid, applies)) in enumerate(zip(names, grids, strict=True)):
        left = (_MARGIN_IN if place == 0 else _MARGIN_IN + 0.5 * width - 0.1) / width
        room = min(_COLUMN_IN * count, width / 2 - _MARGIN_IN - 0.15) / width
        axes = panel.add_axes((left, bottom, room, 1 - bottom - top - 0.22 / height))
        _map(axes, stress, grid, applies, (low, high), name, place == 0)
        axes.set_yticks(range(len(stress.axes[rows])), [_short(each) for each in stress.axes[rows]])
        heads = [_short(each) for each in stress.axes[columns]] if columns else [""]
        axes.set_xticks(range(len(heads)), heads)
        if sum(map(len, heads)) > 11 * len(heads):
            axes.set_xticks(range(len(heads)), heads, rotation=20, ha="left")


def _map(
    axes: Axes,
    stress: Stress,
    grid: Grid,
    applies: NDArray[np.bool_],
    scale: tuple[float, float],
    name: str,
    first: bool,
) -> None:
    from matplotlib.colors import LinearSegmentedColormap

    measure = measure_of(name, stress.metric)
    colours = LinearSegmentedColormap.from_list("harm", _COLOURS)
    colours.set_bad(_NOT_APPLICABLE)
    axes.imshow(np.ma.masked_invalid(grid), cmap=colours, vmin=scale[0], vmax=scale[1], aspect="auto")
    for (row, column), value in np.ndenumerate(grid):
        place = (value - scale[0]) / (scale[1] - scale[0])
        text = measure.words(value) if math.isfinite(value) else "failed" if applies[row, column] else "n/a"
        axes.text(
            column, row, text.replace(" %", ""), ha="center", va="center", fontsize=FONT_PT,
            color="white" if place < 0.13 else INK if math.isfinite(value) else MUTED, parse_math=False,
        )  # fmt: skip
    for side in axes.spines.values():
        side.set_visible(False)
    axes.tick_params(axis="both", length=0, labelsize=FONT_PT, colors=INK)
    axes.tick_params(axis="x", labeltop=True, labelbottom=False)
    axes.set_xticks(np.arange(grid.shape[1] + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(grid.shape[0] + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=2)
    axes.tick_params(which="minor", length=0)
    unit = ", %" if stress.metric == "accuracy" else ""
    axes.set_xlabel(f"{measure.label}{unit}", fontsize=FONT_PT, color=MUTED)
    del first


def _finding(stress: Stress, rows: str, columns: str) -> str:
    """The field in which the worst node is worst."""
    name = f"{stress.metric}_worst"
    grid, applies = grid_of(stress, rows, columns, name)
    failed = applies & ~np.isfinite(grid)
    if not np.isfinite(grid).any():
        return "No cell has a score"
    if failed.any():
        return f"{int(failed.sum())} fields have a cell without a score"
    row, column = np.unravel_index(int(np.nanargmin(grid)), grid.shape)
    where = [stress.axes[rows][row], *([stress.axes[columns][column]] if columns else [])]
    words = measure_of(name, stress.metric).words
    if float(np.nanmax(grid) - np.nanmin(grid)) < 0.005:
        return f"The worst node is at {words(grid[row, column])} or more everywhere"
    return f"The worst node is worst with {' and '.join(map(drawable, where))}: {words(grid[row, column])}"


def _others(stress: Stress, rows: str, columns: str) -> str:
    others = [axis for axis, labels in stress.axes.items() if axis not in (rows, columns) and len(labels) > 1]
    return f"; the worst over {' and '.join(others)}" if others else ""


def _short(label: str) -> str:
    text = drawable(label)
    return text if len(text) <= _LETTERS_MAX else f"{text[: _LETTERS_MAX - 1]}…"


__all__: Sequence[str] = ("grid_of", "heat_map", "pairs", "sheet", "told")
