"""Heat maps of a campaign: the score of the mean and of the worst node for each pair of axes.

Rule: where there are further axes, a field shows the worst over them, and says so.
"""

from __future__ import annotations

import math
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gossipfl.report.stress.measures import Words, measure_of
from gossipfl.report.stress.result import Stress
from gossipfl.report.style import FONT_PT, INK, MUTED, TITLE_PT, drawable, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.figure import Figure

Grid = NDArray[np.float64]
_COLOURS = ("#b2182b", "#ef8a62", "#fddbc7", "#f7f7f7", "#d1e5f0", "#67a9cf")
"""From bad to good, told apart by the colour-blind (ColorBrewer RdBu; Brewer 2003)."""
_NO_SCORE = "#e6e8eb"
_DARK = 0.13
"""Fields of the scale's lowest part are written on in white."""
_NARROWEST = 0.02
_WIDTH_IN, _MARGIN_IN, _LETTER_IN = 11.6, 0.25, 0.078
_ROW_IN, _FIELD_IN = 0.42, 0.62
_TITLE_IN, _LABEL_IN, _SLANT_IN = 1.28, 0.8, 0.62
_SCALE_IN, _BEFORE_BAR_IN, _BAR_IN, _BAR_HIGH_IN = 0.32, 0.8, 2.2, 0.13
_LETTERS_MAX = 22
_LEVEL_LETTERS = 12
"""Longer labels of columns stand slanted."""


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
    names = [f"{stress.metric}_mean", f"{stress.metric}_worst"]
    grids = [grid_of(stress, rows, columns, name) for name in names]
    high, wide = grids[0][0].shape
    heads = _heads(stress, columns)
    slanted = max(map(len, heads)) > _LEVEL_LETTERS
    room = _MARGIN_IN + _LETTER_IN * max(len(_short(each)) for each in stress.axes[rows])
    field = max(_FIELD_IN, (_WIDTH_IN - _MARGIN_IN - 2 * room) / 2 / wide)
    width = 2 * (room + field * wide) + (_SLANT_IN if slanted else _MARGIN_IN)
    top = _TITLE_IN + (_SLANT_IN if slanted else 0.0)
    foot = _MARGIN_IN + _SCALE_IN
    height = top + _ROW_IN * high + foot
    figure = new_figure(width, height)
    scale = _scale([each for each, _ in grids])
    _draw_scale(figure, room, scale, measure_of(names[0], stress.metric).words)
    what = f"{rows.capitalize()} in the rows" + (f", {columns} in the columns" if columns else "")
    what += f"; means over {len(stress.seeds)} seeds" if len(stress.seeds) > 1 else ""
    _title(figure, _finding(stress, rows, columns), what + _others(stress, rows, columns))
    for place, (name, (grid, applies)) in enumerate(zip(names, grids, strict=True)):
        left = room + place * (room + field * wide)
        box = (left / width, foot / height, field * wide / width, _ROW_IN * high / height)
        axes = figure.add_axes(box)
        _map(axes, stress, grid, applies, scale, name)
        axes.set_yticks(range(high), [_short(each) for each in stress.axes[rows]])
        axes.set_xticks(range(wide), heads, rotation=30 if slanted else 0, ha="left" if slanted else "center")
        label = measure_of(name, stress.metric).label + (", %" if stress.metric == "accuracy" else "")
        figure.text(
            left / width, 1 - _LABEL_IN / height, label, fontsize=FONT_PT, weight="bold", color=INK, va="top"
        )
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


def _title(figure: Figure, finding: str, what: str) -> None:
    width, height = figure.get_size_inches()
    for down, text, size, weight, colour in (
        (0.15, finding, TITLE_PT, "bold", INK),
        (0.45, what, FONT_PT, "normal", MUTED),
    ):
        figure.text(
            _MARGIN_IN / width, 1 - down / height, text, fontsize=size, weight=weight, color=colour, va="top",
            parse_math=False,
        )  # fmt: skip


def _scale(grids: list[Grid]) -> tuple[float, float]:
    """From the lowest to the highest, or wide enough that chance does not look like harm."""
    known = np.concatenate([grid[np.isfinite(grid)] for grid in grids])
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    return min(low, high - _NARROWEST), high


def _map(
    axes: Axes, stress: Stress, grid: Grid, applies: NDArray[np.bool_], scale: tuple[float, float], name: str
) -> None:
    from matplotlib.colors import to_rgba

    places = (grid - scale[0]) / (scale[1] - scale[0])
    painted = _colour_map()(np.nan_to_num(places))
    painted[~np.isfinite(grid)] = to_rgba(_NO_SCORE)
    axes.imshow(painted, aspect="auto")
    words = measure_of(name, stress.metric).words
    for (row, column), value in np.ndenumerate(grid):
        known = math.isfinite(value)
        text = words(value).removesuffix(" %") if known else "failed" if applies[row, column] else "n/a"
        dark = known and places[row, column] < _DARK
        axes.text(
            column, row, text, ha="center", va="center", fontsize=FONT_PT,
            color="white" if dark else INK if known else MUTED, parse_math=False,
        )  # fmt: skip
    axes.spines[:].set_visible(False)
    axes.tick_params(axis="both", length=0, labelsize=FONT_PT, colors=INK)
    axes.tick_params(axis="x", labeltop=True, labelbottom=False)
    axes.set_xticks(np.arange(grid.shape[1] + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(grid.shape[0] + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=2)
    axes.tick_params(which="minor", length=0)


def _draw_scale(figure: Figure, left_in: float, scale: tuple[float, float], words: Words) -> None:
    """The colours from the lowest score to the highest, below the maps."""
    width, height = figure.get_size_inches()
    box = (
        max(left_in, _BEFORE_BAR_IN) / width,
        _MARGIN_IN / 2 / height,
        _BAR_IN / width,
        _BAR_HIGH_IN / height,
    )
    axes = figure.add_axes(box)
    axes.imshow(np.linspace(0, 1, 256)[None], cmap=_colour_map(), aspect="auto")
    axes.set_axis_off()
    middle = box[1] + box[3] / 2
    for at, text, side in (
        (box[0] - 0.06 / width, words(scale[0]), "right"),
        (box[0] + box[2] + 0.06 / width, words(scale[1]), "left"),
    ):
        figure.text(
            at, middle, text, fontsize=FONT_PT, color=MUTED, ha=side, va="center_baseline", parse_math=False
        )


def _colour_map() -> LinearSegmentedColormap:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("harm", _COLOURS)


def _heads(stress: Stress, columns: str) -> list[str]:
    return [_short(each) for each in stress.axes[columns]] if columns else [""]


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
    least = words(grid[row, column]) + " on average" * (len(stress.seeds) > 1)
    if float(np.nanmax(grid) - np.nanmin(grid)) < 0.005:
        return f"The worst node is at {least} or more everywhere"
    return f"The worst node is worst with {' and '.join(map(drawable, where))}: {least}"


def _others(stress: Stress, rows: str, columns: str) -> str:
    others = [axis for axis, labels in stress.axes.items() if axis not in (rows, columns) and len(labels) > 1]
    return f"; the worst over {' and '.join(others)}" if others else ""


def _short(label: str) -> str:
    text = drawable(label)
    return text if len(text) <= _LETTERS_MAX else f"{text[: _LETTERS_MAX - 1]}…"
