"""The curves of several runs on one another: score by round and by bytes, consensus distance, bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from gossipfl.report.curves import Curves, Floats
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
from gossipfl.report.words import listing, metric_label, score, score_tick, significant, size

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_BOX = (0.09, 0.125, 0.6, 0.685)
_DASHES: tuple[Dash, ...] = ("-", (0, (4, 1.5)), (0, (1, 1)), (0, (5, 1, 1, 1)))
COMPARED_MAX = len(SEQUENCE) * len(_DASHES)
Series = list[tuple[Floats, Floats]]
Words = Callable[[float], str]


def overlays(names: Sequence[str], curves: Sequence[Curves]) -> list[tuple[Figure, str]]:
    """Four (figure, what it shows) of up to `COMPARED_MAX` runs."""
    names = [drawable(name) for name in names]
    metrics = list(dict.fromkeys(each.metric for each in curves))
    metric = metrics[0] if len(metrics) == 1 else "score"
    words, tick = partial(score, metric=metric), partial(score_tick, metric=metric)
    what = f"{' or '.join(map(metric_label, metrics))} of the mean node (higher is better)"
    by_round: Series = [(each.rounds, each.mean) for each in curves]
    by_bytes: Series = [(each.bytes_sent, each.mean) for each in curves]
    apart: Series = [(each.rounds, np.where(each.consensus > 0, each.consensus, np.nan)) for each in curves]
    sent: Series = [(each.rounds, each.bytes_sent) for each in curves]
    shown: list[tuple[str, str, Series, Words, Words | None]] = [
        (_best(names, by_round, words, "highest", max), f"{what}, by round", by_round, words, tick),
        (_thrift(names, by_bytes, words), f"{what}, by bytes sent by all peers", by_bytes, words, tick),
        (
            _best(names, apart, significant, "closest together", min),
            "Consensus distance (lower is closer; log)",
            apart,
            significant,
            None,
        ),
        (
            _best(names, sent, size, "cheapest", min),
            "Bytes sent by all peers since the start",
            sent,
            size,
            size,
        ),
    ]
    return [
        (_overlay(told, what, names, series, words, tick, over_bytes=series is by_bytes), told)
        for told, what, series, words, tick in shown
    ]


def _overlay(
    told: str,
    what: str,
    names: Sequence[str],
    series: Series,
    words: Words,
    tick: Words | None,
    *,
    over_bytes: bool,
) -> Figure:
    """One plot of one line per run; a `tick` of None asks for a logarithmic axis."""
    figure = new_figure(7.2, 4.4)
    title(figure, told, what)
    axes = axes_in(figure, _BOX)
    kept = [_known(x, y) for x, y in series]
    for i, (x, y) in enumerate(kept):
        line(axes, x, y, *_look(i))
    if not any(x.size for x, _ in kept):
        nothing(axes, "Not recorded.")
        return figure
    _scales(axes, kept, tick, over_bytes=over_bytes)
    ends = [
        (float(x[-1]), float(y[-1]), f"{names[i]}  {words(float(y[-1]))}", _look(i)[0])
        for i, (x, y) in enumerate(kept)
        if x.size
    ]
    end_labels(axes, ends)
    return figure


def _scales(axes: Axes, kept: Series, tick: Words | None, *, over_bytes: bool) -> None:
    across = np.unique(np.concatenate([x for x, _ in kept]))
    if over_bytes:
        axes.set_xlim(0, float(across[-1]) or 1.0)
        worded_axis(axes, size, "x")
        axes.set_xlabel("Bytes sent", fontsize=FONT_PT, color=MUTED)
    else:
        round_axis(axes, across)
    if tick is None:
        axes.set_yscale("log")
        log_ticks(axes, np.concatenate([y for _, y in kept]))
    else:
        worded_axis(axes, tick)


def _look(i: int) -> tuple[str, Dash]:
    return SEQUENCE[i % len(SEQUENCE)], _DASHES[i // len(SEQUENCE)]


def _known(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    known = np.isfinite(x) & np.isfinite(y)
    return x[known], y[known]


def _best(
    names: Sequence[str],
    series: Series,
    words: Words,
    how: str,
    choose: Callable[..., float],
) -> str:
    ends = {
        name: float(y[-1])
        for name, (_, y) in zip(names, map(_known, *zip(*series, strict=True)), strict=True)
        if y.size
    }
    if not ends:
        return "Not recorded"
    best = choose(ends.values())
    winners = [name for name, value in ends.items() if words(value) == words(best)]
    if len(winners) == len(ends) > 1:
        return f"All runs end at {words(best)}"
    return f"{listing(winners)} {'ends' if len(winners) == 1 else 'end'} {how}: {words(best)}"


def _thrift(names: Sequence[str], series: Series, words: Words) -> str:
    """Which run first reaches what every run reaches at the end."""
    kept = [(name, *_known(x, y)) for name, (x, y) in zip(names, series, strict=True)]
    kept = [(name, x, y) for name, x, y in kept if x.size]
    if not kept:
        return "Not recorded"
    goal = min(float(y.max()) for _, _, y in kept)
    needs = {name: float(x[np.argmax(y >= goal)]) for name, x, y in kept}
    winner = min(needs, key=lambda name: needs[name])
    return f"{winner} needs the fewest bytes for {words(goal)}: {size(needs[winner])}"
