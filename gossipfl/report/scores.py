"""What stands in the place of a graph that is too large to draw: how many peers end at which score."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from gossipfl.report.choices import schedule_kind
from gossipfl.report.curves import metric_of
from gossipfl.report.links import degree_range
from gossipfl.report.peers import is_sampled, judged_peers, number
from gossipfl.report.run import Run
from gossipfl.report.style import BLUE, FONT_PT, INK, MUTED, SMALL_PT, axes_in, nothing, title, worded_axis
from gossipfl.report.table import final_scores
from gossipfl.report.words import count, metric_label, score, score_tick

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

_BOX = (0.09, 0.125, 0.86, 0.685)
_BINS = 25
_NARROWEST = 1e-3  # of a bar, in scores: all may end alike


def draw_scores(panel: Figure | SubFigure, run: Run, finding: str) -> None:
    """Bars of how many judged peers end at which score, and a line where their averaged model does."""
    metric, scores = metric_of(run), np.array([*final_scores(run).values()])
    title(panel, finding, _caption(run, len(scores)))
    axes = axes_in(panel, _BOX)
    if not scores.size:
        axes.set_xticks([])
        nothing(axes, "No finite score was recorded." if judged_peers(run) else "No peer was judged.")
        return
    averaged = number(run.summary.get(f"{metric}_averaged_model"))
    pad = max(0.0, _BINS * _NARROWEST - float(np.ptp(scores))) / 2
    heights, edges = np.histogram(scores, _BINS, (float(scores.min()) - pad, float(scores.max()) + pad))
    axes.bar(edges[:-1], heights, np.diff(edges), align="edge", color=BLUE, edgecolor="white", linewidth=0.6)
    axes.set_ylim(0, 1.18 * heights.max())
    worded_axis(axes, partial(score_tick, metric=metric), "x", ticks=7)
    worded_axis(axes, count, ticks=4, whole=True)
    axes.set_xlabel(metric_label(metric), fontsize=FONT_PT, color=MUTED)
    if averaged is not None:
        _mark(axes, averaged, f"averaged model {score(averaged, metric)}")


def _caption(run: Run, judged: int) -> str:
    """Of what graph this takes the place, and what the bars are."""
    words = "accuracy" if metric_of(run) == "accuracy" else metric_label(metric_of(run))
    who = f"{count(judged)} judged peers" if is_sampled(run) else "peers"
    bars = f"; bars: {who} by {words} at the end" if judged else ""
    kind = schedule_kind(run)
    return (f"Linked by {kind}" if kind else f"Too many to draw{_neighbours(run)}") + bars


def _neighbours(run: Run) -> str:
    """`, each with 10 neighbours`, where that is known."""
    known = degree_range(run)
    if known is None:
        return ""
    least, most = known
    if least == most:
        return f", each with {count(least)} neighbour{'s' * (least != 1)}"
    return f", each with {count(least)} to {count(most)} neighbours"


def _mark(axes: Axes, at: float, words: str) -> None:
    """A dashed line at a score, and what it is beside it, within the plot."""
    low, high = axes.get_xlim()
    pad = 0.03 * (high - low)
    low, high = min(low, at - pad), max(high, at + pad)
    axes.set_xlim(low, high)
    left = at > (low + high) / 2
    axes.axvline(at, color=INK, linewidth=1.4, linestyle=(0, (3, 1.5)))
    axes.annotate(
        words,
        (at, 1.0),
        xycoords=("data", "axes fraction"),
        xytext=(-5 if left else 5, -1),
        textcoords="offset points",
        ha="right" if left else "left",
        va="top",
        fontsize=SMALL_PT,
        color=INK,
        parse_math=False,
    )
