"""The figures: decay over rounds beside its law, and accuracy over rounds or over bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from gossipfl.report.style import FONT_PT, GRID, INK, MUTED, SEQUENCE, axes_in, new_figure, round_axis, title
from gossipfl.report.words import size

WIDTH_IN, HEIGHT_IN = 9.0, 4.6
BOX = (0.09, 0.13, 0.6, 0.67)
DASHED = (0.0, (4.0, 2.5))
POINTS_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Line:
    """One series: `y` at `x` (0, 1, 2, ... without) and, where there is one, what the `law` says of each."""

    label: str
    y: Any
    x: Any = None
    law: Any = None

    def points(self) -> tuple[Any, Any]:
        """x and y, both (k,)."""
        y = np.asarray(self.y, float)
        return (np.arange(len(y), dtype=float) if self.x is None else np.asarray(self.x, float)), y


def decays(finding: str, what: str, lines: Sequence[Line], label: str = "Round") -> Figure:
    """Lines on a logarithmic axis, the law of each dashed in ink."""
    figure, axes = _panel(finding, what)
    axes.set_yscale("log")
    _draw(axes, lines)
    axes.yaxis.set_major_locator(LogLocator(numticks=9))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.tick_params(axis="y", which="minor", length=0)
    round_axis(axes, np.sort(np.concatenate([each.points()[0] for each in lines])), label)
    return figure


def accuracies(finding: str, what: str, lines: Sequence[Line], label: str = "Round") -> Figure:
    """Accuracies over rounds."""
    figure, axes = _panel(finding, what)
    _draw(axes, lines)
    axes.yaxis.set_major_formatter(_percent)
    round_axis(axes, np.sort(np.concatenate([each.points()[0] for each in lines])), label)
    return figure


def over_bytes(finding: str, what: str, lines: Sequence[Line], *, accuracy: bool) -> Figure:
    """Accuracies, or errors on a logarithmic axis, over the bytes that a peer has sent."""
    figure, axes = _panel(finding, what)
    axes.set_xscale("log")
    if accuracy:
        axes.yaxis.set_major_formatter(_percent)
    else:
        axes.set_yscale("log")
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.tick_params(axis="y", which="minor", length=0)
    _draw(axes, lines)
    axes.xaxis.set_major_formatter(lambda value, _: size(value))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("Bytes sent by each peer, logarithmic", fontsize=FONT_PT, color=MUTED)
    return figure


def dots(finding: str, what: str, groups: Sequence[str], series: Mapping[str, Sequence[float]]) -> Figure:
    """One accuracy per group and series: a row of dots for each group."""
    height = 1.5 + 0.16 * len(groups) * (len(series) + 1)
    figure = new_figure(WIDTH_IN, height)
    title(figure, finding, what)
    for text, from_top in zip(figure.texts, (0.15, 0.45), strict=True):
        text.set_y(1 - from_top / height)
    axes = axes_in(figure, (0.15, 0.4 / height, 0.54, 1 - 1.3 / height))
    step = 0.8 / len(series)
    for place, (name, values) in enumerate(series.items()):
        rows = np.arange(len(groups)) - 0.4 + step * (place + 0.5)
        axes.plot(values, rows, "o", color=SEQUENCE[place % len(SEQUENCE)], markersize=5, label=name)
    axes.set_ylim(len(groups) - 0.5, -0.5)
    axes.set_yticks(range(len(groups)), groups, fontsize=FONT_PT, color=INK)
    axes.grid(axis="y", visible=False)
    axes.grid(axis="x", color=GRID, linewidth=0.8)
    axes.xaxis.set_major_formatter(_percent)
    _name(axes)
    return figure


def _panel(finding: str, what: str) -> tuple[Figure, Axes]:
    figure = new_figure(WIDTH_IN, HEIGHT_IN)
    title(figure, finding, what)
    return figure, axes_in(figure, BOX)


def _draw(axes: Axes, lines: Sequence[Line]) -> None:
    """The lines, thinned to POINTS_MAX, and then the laws over them."""
    for place, each in enumerate(lines):
        x, y = each.points()
        keep = np.unique(np.linspace(0, len(x) - 1, min(len(x), POINTS_MAX)).astype(int))
        colour = SEQUENCE[place % len(SEQUENCE)]
        axes.plot(x[keep], y[keep], color=colour, linewidth=2.0, label=each.label)
    for place, each in enumerate(each for each in lines if each.law is not None):
        label = None if place else "the law of each"
        look: dict[str, Any] = {"color": INK, "linestyle": DASHED, "linewidth": 1.0, "zorder": 4}
        axes.plot(each.points()[0], np.asarray(each.law, float), label=label, **look)
    _name(axes)


def _name(axes: Axes) -> None:
    """Names beside the axes, in the order in which they were drawn."""
    look: dict[str, Any] = {"fontsize": FONT_PT, "frameon": False, "labelcolor": INK, "handlelength": 1.5}
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), **look)


def _percent(value: float, _: float) -> str:
    return f"{100 * value:.4g} %"
