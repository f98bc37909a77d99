"""The plot of a comparison of topologies: one row for each, with what it costs and how fast it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gossipfl.errors import TopologyError
from gossipfl.report.style import (
    BLUE,
    FONT_PT,
    GREEN,
    GRID,
    INK,
    MUTED,
    ORANGE,
    SMALL_PT,
    TITLE_PT,
    new_figure,
)
from gossipfl.report.words import count, size

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from gossipfl.topology import Candidate, Comparison

_ROW_IN, _HEAD_IN, _FOOT_IN, _WIDTH_IN = 0.26, 1.3, 0.2, 10.0
_EDGE, _LEFT, _PANEL, _BETWEEN = 0.015, 0.19, 0.235, 0.035
_SUFFIXES = (".png", ".svg")
_KINDS = {
    "exact": ("agrees exactly", BLUE),
    "changes": ("another graph in each round, to a thousandth", GREEN),
    "stays": ("the same graph, to a thousandth", ORANGE),
}
Value = Callable[["Candidate"], float | None]
_PANELS: tuple[tuple[str, Value, Callable[[float], str]], ...] = (
    ("Messages per peer and round", lambda each: each.messages, lambda messages: f"{messages:.3g}"),
    ("Rounds until they agree", lambda each: each.rounds, count),
    ("Bytes per peer until they agree", lambda each: each.bytes_to_agree, size),
)


def draw_comparison(found: Comparison, path: Path) -> Path:
    """Draw `found` to `path` (PNG or SVG by its ending) and return the path.

    Raises TopologyError if the ending is another or the file cannot be written.
    """
    if path.suffix.lower() not in _SUFFIXES:
        raise TopologyError(f"A plot cannot be written to {path}; end its name in {' or '.join(_SUFFIXES)}.")
    rows = len(found.candidates)
    height = _HEAD_IN + _FOOT_IN + rows * _ROW_IN
    figure = new_figure(_WIDTH_IN, height)
    _head(figure, found, height)
    for place, (heading, value, words) in enumerate(_PANELS):
        box = (_LEFT + place * (_PANEL + _BETWEEN), _FOOT_IN / height, _PANEL, rows * _ROW_IN / height)
        axes = figure.add_axes(box)
        _column(axes, found.candidates, value, words)
        axes.set_title(heading, fontsize=FONT_PT, color=INK, loc="left", pad=6)
        names = [each.name for each in found.candidates] if place == 0 else []
        axes.set_yticks(range(len(names)), names, fontsize=FONT_PT, color=INK)
    try:
        figure.savefig(path)
    except OSError as error:
        raise TopologyError(f"The plot {path} cannot be written: {error.strerror}.") from None
    return path


def _head(figure: Figure, found: Comparison, height: float) -> None:
    """What is found, what is drawn, and what the colours say."""
    best = found.candidates[0]
    told = f"{best.name}: {found.peers} peers agree with the fewest bytes, {size(best.bytes_to_agree)} each"
    figure.text(_EDGE, 1 - 0.14 / height, told, fontsize=TITLE_PT, weight="bold", color=INK, va="top")
    what = f"Messages of {count(found.parameters)} parameters; logarithmic axes, further left is better"
    figure.text(_EDGE, 1 - 0.42 / height, what, fontsize=FONT_PT, color=MUTED, va="top")
    for left, (words, colour) in zip((_EDGE, 0.15, 0.48), _KINDS.values(), strict=True):
        figure.text(left, 1 - 0.66 / height, f"● {words}", fontsize=FONT_PT, color=colour, va="top")


def _column(
    axes: Axes, candidates: tuple[Candidate, ...], value: Value, words: Callable[[float], str]
) -> None:
    """One dot per row at its value, and the value in words beside it."""
    known = [(row, each, found) for row, each in enumerate(candidates) if (found := value(each)) is not None]
    low, high = min(found for *_, found in known), max(found for *_, found in known)
    span = max(high / low, 10.0)
    axes.set_xscale("log")
    axes.set(xlim=(low / span**0.06, low * span**1.35), ylim=(len(candidates) - 0.5, -0.5))
    axes.hlines(range(len(candidates)), *axes.get_xlim(), color=GRID, linewidth=0.8, zorder=0)
    beside: dict[str, Any] = {"textcoords": "offset points", "va": "center", "parse_math": False}
    ground = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}
    for row, each, found in known:
        axes.plot([found], [row], "o", color=_KINDS[_kind(each)][1], markersize=6.5)
        look = {**beside, "fontsize": SMALL_PT, "color": INK, "bbox": ground}
        axes.annotate(words(found), (found, row), (6, 0), **look)
    axes.tick_params(axis="both", which="both", length=0)
    axes.set_xticks([])
    axes.set_xticks([], minor=True)
    for side in axes.spines.values():
        side.set_visible(False)


def _kind(each: Candidate) -> str:
    return "exact" if each.exact else "changes" if each.changes else "stays"
