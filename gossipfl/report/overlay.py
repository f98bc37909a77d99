"""The curves of several runs on one another: score by round and by bytes, consensus distance, bytes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from gossipfl.report.curves import Curves, Floats
from gossipfl.report.findings import last
from gossipfl.report.style import (
    FONT_PT,
    MUTED,
    SEQUENCE,
    Dash,
    axes_in,
    drawable,
    end_labels,
    line,
    log_ticks,
    new_figure,
    nothing,
    round_axis,
    title,
    worded_axis,
)
from gossipfl.report.verdicts import (
    cheapest,
    closest,
    highest,
    is_silent,
    own_bytes,
    own_scores,
    scores_by_bytes,
    thriftiest,
)
from gossipfl.report.words import metric_label, score, score_tick, significant, size

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_BOX = (0.09, 0.125, 0.6, 0.685)
_DASHES: tuple[Dash, ...] = ("-", (0, (4, 1.5)), (0, (1, 1)), (0, (5, 1, 1, 1)))
_START = 0.1  # the share of a run whose scores may fall below the scale: what all runs climb from
COMPARED_MAX = len(SEQUENCE) * len(_DASHES)
Named = list[tuple[str, Curves]]
End = tuple[float, float, str, str]
Shown = tuple[str, str, Callable[["Axes", Named], None]]
"""What a plot shows, what is drawn, and who draws it."""


def overlays(names: Sequence[str], curves: Sequence[Curves]) -> list[tuple[Figure, str]]:
    """(figure, what it shows) of up to `COMPARED_MAX` runs: four, or what can be told of nodes."""
    names = [drawable(name) for name in names]
    words = partial(score, metric=_metric(curves))
    label = " or ".join(map(metric_label, dict.fromkeys(each.metric for each in curves)))
    runs = list(zip(names, curves, strict=True))
    shown = (
        _with_nodes(runs, label, words) if any(each.alone for each in curves) else _shown(runs, label, words)
    )
    return [(_overlay(told, what, runs, draw), told) for told, what, draw in shown]


def _shown(runs: Named, label: str, words: Callable[[float], str]) -> list[Shown]:
    """The four of runs that tell of all their peers."""
    names, curves = [name for name, _ in runs], [each for _, each in runs]
    what = f"{label} of the mean {'node' if all(each.judged is None for each in curves) else 'judged node'}"
    silent = "; dotted: nothing sent" if any(map(is_silent, curves)) else ""
    return [
        (highest(names, curves, words), f"{what} by round (higher is better)", _scores),
        (thriftiest(names, curves, words), f"{what} by bytes sent (log){silent}", _scores_by_bytes),
        (closest(names, curves), "Consensus distance (lower is closer; log)", _distances),
        (cheapest(names, curves), "Bytes sent by all peers since the start", _bytes),
    ]


def _with_nodes(runs: Named, label: str, words: Callable[[float], str]) -> list[Shown]:
    """What runs show of which some are of one node: each score is of other rows, and none is the highest."""
    curves = [each for _, each in runs]
    others = [(name, each) for name, each in runs if not each.alone]
    beside = f"; else {label} of the mean node" if others else ""
    all_peers = "; else by all peers" if others else ""
    apart = closest([name for name, _ in others], [each for _, each in others])
    return [
        (own_scores(curves, words), f"{label} of a node on its own test rows, by round{beside}", _scores),
        *([(apart, "Consensus distance (lower is closer; log)", _distances)] if others else []),
        (own_bytes(curves), f"Bytes sent by the node since its first start{all_peers}", _bytes),
    ]


def _overlay(told: str, what: str, runs: Named, draw: Callable[[Axes, Named], None]) -> Figure:
    figure = new_figure(7.2, 4.4)
    title(figure, told, what)
    draw(axes_in(figure, _BOX), runs)
    return figure


def _scores(axes: Axes, runs: Named) -> None:
    if not any(np.isfinite(each.mean).any() for _, each in runs):
        nothing(axes, "Not recorded.")
        return
    metric = _metric([each for _, each in runs])
    _by_round(axes, runs, lambda each: each.mean)
    _score_axis(axes, runs, metric)
    _labels(axes, runs, lambda each: each.mean, partial(score, metric=metric))


def _scores_by_bytes(axes: Axes, runs: Named) -> None:
    """A run that sent nothing has no place on the axis of bytes: where it ended is a dotted line across."""
    sent = [x for _, each in runs if (x := scores_by_bytes(each)[0]).size]
    if not sent:
        nothing(axes, "No run sent anything.")
        return
    metric = _metric([each for _, each in runs])
    axes.set_xscale("log")
    log_ticks(axes, np.concatenate(sent), size, "x", room=1.12)
    right, ends = axes.get_xlim()[1], list[End]()
    for (name, each), (colour, dash) in zip(runs, _looks(), strict=False):
        x, y = scores_by_bytes(each)
        if x.size:
            line(axes, x, y, colour, dash)
            axes.plot(x[-1:], y[-1:], "o", color=colour, markersize=4.5)
            ends.append((x[-1], y[-1], f"{name}  {score(y[-1], metric)}", colour))
        elif is_silent(each) and (end := last(each.mean)) is not None:
            axes.axhline(end, color=colour, linewidth=1.2, linestyle=(0, (1, 2)))
            ends.append((right, end, f"{name}  {score(end, metric)}, 0 B", colour))
    _score_axis(axes, runs, metric)
    axes.set_xlabel("Bytes sent", fontsize=FONT_PT, color=MUTED)
    end_labels(axes, ends)


def _distances(axes: Axes, runs: Named) -> None:
    """Peers that share one model are at no distance, which a logarithmic axis has not: a label tells it."""
    known = np.concatenate([_apart(each) for _, each in runs])
    if not np.isfinite(known).any():
        nothing(axes, "No distance above zero was recorded.")
        return
    _by_round(axes, runs, _apart)
    axes.set_yscale("log")
    log_ticks(axes, known)
    _labels(axes, runs, lambda each: each.consensus, significant)


def _bytes(axes: Axes, runs: Named) -> None:
    if not any(np.isfinite(each.bytes_sent).any() for _, each in runs):
        nothing(axes, "Not recorded.")
        return
    _by_round(axes, runs, lambda each: each.bytes_sent)
    axes.set_ylim(0, 1.05 * max(last(each.bytes_sent) or 0.0 for _, each in runs) or 1.0)
    worded_axis(axes, size)
    _labels(axes, runs, lambda each: each.bytes_sent, size)


def _by_round(axes: Axes, runs: Named, values: Callable[[Curves], Floats]) -> None:
    for (_, each), look in zip(runs, _looks(), strict=False):
        line(axes, each.rounds, values(each), *look)
    round_axis(axes, np.unique(np.concatenate([each.rounds for _, each in runs])))


def _labels(
    axes: Axes, runs: Named, values: Callable[[Curves], Floats], words: Callable[[float], str]
) -> None:
    """The last figure of each run beside it; one that is below the scale stands at its foot."""
    foot, ends = axes.get_ylim()[0], list[End]()
    for (name, each), (colour, _) in zip(runs, _looks(), strict=False):
        known = np.flatnonzero(np.isfinite(values(each)))
        if known.size:
            x, y = float(each.rounds[known[-1]]), float(values(each)[known[-1]])
            ends.append((x, max(y, foot), f"{name}  {words(y)}", colour))
    end_labels(axes, ends)


def _score_axis(axes: Axes, runs: Named, metric: str) -> None:
    """A scale that fits what the runs reach, not the first rounds in which they climb to it."""
    shown = np.concatenate([_after_the_start(each.mean) for _, each in runs])
    low, high = float(shown.min()), float(shown.max())
    pad = 0.07 * (high - low) or 0.01
    axes.set_ylim(low - pad, high + pad)
    worded_axis(axes, partial(score_tick, metric=metric))


def _after_the_start(values: Floats) -> Floats:
    known = values[np.isfinite(values)]
    return known[min(math.ceil(_START * known.size), known.size - 1) :] if known.size else known


def _apart(curves: Curves) -> Floats:
    return np.where(curves.consensus > 0, curves.consensus, np.nan)


def _metric(curves: Sequence[Curves]) -> str:
    metrics = {each.metric for each in curves}
    return metrics.pop() if len(metrics) == 1 else "score"


def _looks() -> Iterator[tuple[str, Dash]]:
    """A colour and a dash for each of up to `COMPARED_MAX` runs."""
    return ((colour, dash) for dash in _DASHES for colour in SEQUENCE)
