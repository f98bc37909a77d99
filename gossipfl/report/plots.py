"""The plots of a run, and the overview that holds them all."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gossipfl.report.curves import Curves, Floats, curves_of
from gossipfl.report.findings import finding_of, last, plots_of
from gossipfl.report.graph import draw_graph
from gossipfl.report.peers import peer_name
from gossipfl.report.run import Run
from gossipfl.report.style import (
    BLUE,
    DPI,
    FAINT,
    GRID,
    INK,
    MUTED,
    ORANGE,
    PINK,
    SMALL_PT,
    Dash,
    axes_in,
    cut_bands,
    end_labels,
    kill_ticks,
    line,
    log_ticks,
    new_figure,
    nothing,
    round_axis,
    title,
    worded_axis,
)
from gossipfl.report.words import count, metric_label, score, score_tick, significant, size

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

Kills = dict[int, list[str]]
_PANEL_IN = (7.2, 4.4)
_BOX = (0.09, 0.125, 0.665, 0.685)
_INSET = (0.40, 0.17, 0.56, 0.47)
_LINES_MAX = 40  # above so many peers, a band is clearer than lines


def overview(run: Run) -> Figure:
    """All plots on one sheet, each 7.2 x 4.4 inches: four in a square, fewer in a row."""
    curves, names = curves_of(run), plots_of(run)
    rows, columns = _grid(names)
    figure = new_figure(columns * _PANEL_IN[0], rows * _PANEL_IN[1])
    panels: list[SubFigure] = figure.subfigures(rows, columns, squeeze=False).ravel().tolist()
    for name, panel in zip(names, panels, strict=True):
        panel.set_facecolor("none")
        _draw(name, panel, run, curves)
    return figure


def write_plots(run: Run, directory: Path) -> list[Path]:
    """Each plot and the overview as PNG in a directory; their paths.

    The overview is drawn once and cut into its plots, which halves the time of a report.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    directory.mkdir(parents=True, exist_ok=True)
    canvas = FigureCanvasAgg(overview(run))
    canvas.draw()  # type: ignore[no-untyped-call]
    drawn = np.asarray(canvas.buffer_rgba())  # type: ignore[no-untyped-call]
    sheet = Image.fromarray(drawn).convert("RGB")
    names = plots_of(run)
    rows, columns = _grid(names)
    width, height = sheet.width // columns, sheet.height // rows
    corners = [(column * width, row * height) for row in range(rows) for column in range(columns)]
    pictures = {
        name: sheet.crop((left, top, left + width, top + height))
        for name, (left, top) in zip(names, corners, strict=True)
    }
    paths = []
    for name, picture in (*pictures.items(), ("overview", sheet)):
        paths.append(directory / f"{name}.png")
        picture.save(paths[-1], dpi=(DPI, DPI))
    return paths


def _grid(names: tuple[str, ...]) -> tuple[int, int]:
    return (2, 2) if len(names) == 4 else (1, len(names))


def _draw(name: str, panel: Figure | SubFigure, run: Run, curves: Curves) -> None:
    finding = finding_of(name, run, curves)
    if name == "graph":
        draw_graph(panel, run, finding)
        return
    draw = {"accuracy": _accuracy, "consensus": _consensus, "traffic": _traffic}[name]
    draw(panel, curves, _kills(run, curves), finding)


def _accuracy(panel: Figure | SubFigure, curves: Curves, kills: Kills, finding: str) -> None:
    label, words = metric_label(curves.metric), partial(score, metric=curves.metric)
    common = f"{label} on the common test part (higher is better){_grey(curves)}"
    title(panel, finding, f"{label} by round (higher is better)" if curves.alone else common)
    axes = axes_in(panel, _BOX)
    _scores(axes, curves)
    round_axis(axes, curves.rounds)
    if last(curves.mean) is None and last(curves.averaged) is None:
        nothing(axes, "No finite score was recorded.")
        return
    _score_limits(axes, curves)
    worded_axis(axes, partial(score_tick, metric=curves.metric))
    kill_ticks(axes, kills, named=True)
    cut_bands(axes, curves.cuts, named=True)
    series = [
        (values, text, colour) for values, text, colour, _ in _series(curves) if last(values) is not None
    ]
    end_labels(axes, [(*_end(curves.rounds, v), f"{text} {words(last(v))}", c) for v, text, c in series])
    _magnify(axes, curves, kills)


def _grey(curves: Curves) -> str:
    """What the grey lines or bands are, if there are any."""
    if curves.shared or not curves.single.size:
        return ""
    peers = "peers" if curves.judged is None else f"{count(curves.judged)} judged peers"
    lines = curves.single.shape[0] <= _LINES_MAX
    if lines and curves.judged is None:
        return "; grey: each peer"
    return f"; grey: {'each' if lines else 'range and middle 80 %'} of {peers}"


def _series(curves: Curves) -> list[tuple[Floats, str, str, Dash]]:
    """(values, words, colour, dash), the one that must stay visible last."""
    backdoor: list[tuple[Floats, str, str, Dash]] = [(curves.backdoor, "backdoor", PINK, (0, (1, 1)))]
    if last(curves.backdoor) is None:
        backdoor = []
    if curves.shared:
        return [*backdoor, (curves.mean, "every node", BLUE, "-")]
    who = "node" if curves.judged is None else "judged"
    return [
        *backdoor,
        (curves.worst, f"worst {who}", ORANGE, "-"),
        (curves.mean, "this node" if curves.alone else f"mean {who}", BLUE, "-"),
        (curves.averaged, "averaged model", INK, (0, (3, 1.5))),
    ]


def _scores(axes: Axes, curves: Curves) -> None:
    if not curves.shared:
        _singles(axes, curves)
    for values, _, colour, dash in _series(curves):
        line(axes, curves.rounds, values, colour, dash, width=1.4 if colour == INK else 2.0)


def _magnify(axes: Axes, curves: Curves, kills: Kills) -> None:
    """The last half again, larger, in the corner under the curves if that is empty."""
    low, high = axes.get_ylim()
    rounds, late = curves.rounds, curves.rounds >= curves.rounds[-1] * _INSET[0]
    half = curves.rounds >= curves.rounds[-1] / 2
    shown = np.concatenate([v[half] for v, _, _, _ in _series(curves)])
    shown = np.concatenate([shown, curves.single[:, curves.single_rounds >= rounds[-1] / 2].ravel()])
    shown = shown[np.isfinite(shown)]
    under = curves.worst[late & np.isfinite(curves.worst)]
    corner = low + (_INSET[1] + _INSET[3] + 0.08) * (high - low)
    if (
        half.sum() < 4
        or under.size < 4
        or under.min() < corner
        or not 0 < np.ptp(shown) <= 0.3 * (high - low)
    ):
        return
    inset = axes.inset_axes(_INSET, zorder=7)
    _scores(inset, curves)
    pad = 0.08 * float(np.ptp(shown)) or 0.01
    inset.set_xlim(rounds[-1] / 2, rounds[-1])
    inset.set_ylim(float(shown.min()) - pad, float(shown.max()) + pad)
    worded_axis(inset, partial(score_tick, metric=curves.metric), ticks=4)
    worded_axis(inset, count, "x", ticks=4, whole=True)
    inset.tick_params(axis="both", labelsize=SMALL_PT, colors=MUTED, length=2)
    inset.grid(axis="y", color=GRID, linewidth=0.6)
    for side in inset.spines.values():
        side.set_color(GRID)
    kill_ticks(inset, {at: names for at, names in kills.items() if at >= rounds[-1] / 2})
    inset.text(
        1.0,
        1.03,
        "the last half, magnified",
        transform=inset.transAxes,
        ha="right",
        va="bottom",
        fontsize=SMALL_PT,
        color=MUTED,
    )


def _score_limits(axes: Axes, curves: Curves) -> None:
    """Room for every curve; an R² far below zero at the start does not flatten the rest."""
    shown = np.concatenate(
        [curves.mean, curves.worst, curves.averaged, curves.backdoor, curves.single.ravel()]
    )
    shown = shown[np.isfinite(shown)]
    low, high = float(shown.min()), float(shown.max())
    if curves.metric == "r2":
        low = max(low, min(-0.5, float(np.nanmin([last(curves.worst) or 0.0, last(curves.mean) or 0.0]))))
    pad = 0.06 * (high - low) or 0.05
    top = min(high + pad, 1.005) if high <= 1 else high + pad
    axes.set_ylim(low - 2 * pad, top)


def _singles(axes: Axes, curves: Curves) -> None:
    single = curves.single
    if not single.size:
        return
    if single.shape[0] <= _LINES_MAX:
        for row in single:
            line(axes, curves.single_rounds, row, FAINT, width=0.8)
        return
    known = np.isfinite(single).any(axis=0)
    x, y = curves.single_rounds[known], single[:, known]
    low, tenth, ninetieth, high = np.nanpercentile(y, (0, 10, 90, 100), axis=0)
    axes.fill_between(x, low, high, color=FAINT, alpha=0.35, linewidth=0)
    axes.fill_between(x, tenth, ninetieth, color=FAINT, alpha=0.7, linewidth=0)


def _consensus(panel: Figure | SubFigure, curves: Curves, kills: Kills, finding: str) -> None:
    models = (
        "the models from their average" if curves.judged is None else "judged models from the mean of all"
    )
    title(panel, finding, f"Mean squared distance of {models} (lower is closer; log)")
    axes = axes_in(panel, _BOX)
    values = np.where(curves.consensus > 0, curves.consensus, np.nan)
    line(axes, curves.rounds, values, BLUE)
    round_axis(axes, curves.rounds)
    if last(values) is None:
        nothing(axes, "No distance above zero was recorded.")
        return
    axes.set_yscale("log")
    log_ticks(axes, values)
    kill_ticks(axes, kills)
    cut_bands(axes, curves.cuts)
    end_labels(axes, [(*_end(curves.rounds, values), significant(last(values)), BLUE)])


def _traffic(panel: Figure | SubFigure, curves: Curves, kills: Kills, finding: str) -> None:
    who = "this node alone" if curves.alone else "all peers together"
    since = "Since the first start" if curves.restarts else "Since the start"
    again = "; dotted: started again" if curves.restarts else ""
    title(panel, finding, f"{since}, {who}: above, bytes sent; below, messages lost{again}")
    left, bottom, width, height = _BOX
    upper = axes_in(panel, (left, bottom + 0.42 * height, width, 0.58 * height))
    lower = axes_in(panel, (left, bottom, width, 0.3 * height))
    for axes, values, words, colour, what in (
        (upper, curves.bytes_sent, size, BLUE, "sent"),
        (lower, curves.messages_lost, count, ORANGE, "lost"),
    ):
        line(axes, curves.rounds, values, colour)
        round_axis(axes, curves.rounds)
        if last(values) is None:
            nothing(axes, "Not recorded.")
            continue
        for at in curves.restarts:
            axes.axvline(at, color=MUTED, linewidth=0.9, linestyle=(0, (1, 2)), zorder=1)
        axes.set_ylim(0, max(float(np.nanmax(values)) * 1.1, 1.0))
        worded_axis(axes, words, ticks=5 if axes is upper else 2, whole=True)
        kill_ticks(axes, kills)
        end_labels(axes, [(*_end(curves.rounds, values), f"{words(last(values))} {what}", colour)], gap=0.1)
    upper.set_xlabel("")
    upper.tick_params(axis="x", labelbottom=False)


def _kills(run: Run, curves: Curves) -> Kills:
    kills: Kills = {}
    for peer, at in curves.kills.items():
        kills.setdefault(at, []).append(peer_name(run, peer))
    return kills


def _end(rounds: Floats, values: Floats) -> tuple[float, float]:
    place = np.flatnonzero(np.isfinite(values))[-1]
    return float(rounds[place]), float(values[place])
