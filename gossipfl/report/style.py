"""The one look of every plot: colours (Okabe and Ito 2008, safe for colour-blind readers), titles, labels.

Rules: the object API alone, no pyplot and no rcParams, so that threads can draw at once; text from
strangers passes through `drawable`, and no text is read as mathematics.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

INK, MUTED, GRID, FAINT = "#1f2328", "#656d76", "#e6e8eb", "#b6c4d3"
BLUE, ORANGE, GREEN, PINK = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
SEQUENCE = (BLUE, ORANGE, GREEN, PINK, "#56B4E9", "#A07800", INK, "#7A4FA3")
DPI = 150
FONT_PT, TITLE_PT, SMALL_PT = 9.0, 12.0, 8.0
Dash = str | tuple[float, tuple[float, ...]]
LABEL_GAP = 0.068
_NEAR = 0.95  # a line to a label from further left crosses others
_LABELS_HIGH = 1.12  # how far many labels may reach, in heights of the axes
_NAME_MAX = 24
_KILL_LINES_MAX = 8
_TITLE_LETTERS, _CAPTION_LETTERS = 62, 98  # as many fit over a panel in full size
_LAST_DRAWABLE = 0x52F  # Latin, Greek and Cyrillic: what the font that comes with matplotlib surely has


def new_figure(width_in: float, height_in: float) -> Figure:
    """A white figure with its own canvas, known to no global registry."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_in, height_in), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def drawable(name: object) -> str:
    """A name short enough for a plot, in letters that every font has; `$` would begin mathematics."""
    text = "".join(c if c.isprintable() and c != "$" and ord(c) <= _LAST_DRAWABLE else "·" for c in str(name))
    return text if len(text) <= _NAME_MAX else text[: _NAME_MAX - 1] + "…"


def title(panel: Figure | SubFigure, finding: str, what: str, left: float = 0.09) -> None:
    """The finding in bold and, below it, what is drawn, in which unit and which way is better."""
    large = max(FONT_PT, TITLE_PT * min(1.0, _TITLE_LETTERS / max(1, len(finding))))
    if len(finding) > (most := int(_TITLE_LETTERS * TITLE_PT / FONT_PT)):
        finding = f"{finding[: most - 1]}…"
    panel.text(left, 0.965, finding, fontsize=large, weight="bold", color=INK, va="top", parse_math=False)
    small = FONT_PT * min(1.0, _CAPTION_LETTERS / max(1, len(what)))
    panel.text(left, 0.892, what, fontsize=small, color=MUTED, va="top", parse_math=False)


def axes_in(panel: Figure | SubFigure, box: Sequence[float]) -> Axes:
    """Axes with a light horizontal grid and no frame, at (left, bottom, width, height) of the panel."""
    axes = panel.add_axes((box[0], box[1], box[2], box[3]))
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(MUTED)
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(axis="both", labelsize=FONT_PT, colors=MUTED, length=0)
    axes.tick_params(axis="x", length=3)
    return axes


def round_axis(axes: Axes, rounds: NDArray[np.float64], label: str = "Round") -> None:
    """Whole numbers from the first round to the last."""
    from matplotlib.ticker import MaxNLocator

    first, last = (float(rounds[0]), float(rounds[-1])) if rounds.size else (0.0, 1.0)
    margin = 0.5 if first == last else 0.0
    axes.set_xlim(first - margin, last + margin)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=7, integer=True, min_n_ticks=1, steps=[1, 2, 5, 10]))
    axes.set_xlabel(label, fontsize=FONT_PT, color=MUTED)


def worded_axis(
    axes: Axes, words: Callable[[float], str], which: str = "y", ticks: int = 5, *, whole: bool = False
) -> None:
    """Tick labels through one of the functions of `words`; `whole` keeps them at whole numbers."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axis = axes.yaxis if which == "y" else axes.xaxis
    axis.set_major_locator(MaxNLocator(nbins=ticks, integer=whole, min_n_ticks=2))
    axis.set_major_formatter(FuncFormatter(lambda value, _: words(value)))


def log_ticks(
    axes: Axes,
    values: NDArray[np.float64],
    words: Callable[[float], str] = "{:g}".format,
    which: str = "y",
    *,
    room: float = 1.5,
) -> None:
    """Plain numbers on whole decades or, over less than two of them, in between as well.

    `room` is by what factor the axis reaches beyond `values` at either end.
    """
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    axis, limit = (axes.yaxis, axes.set_ylim) if which == "y" else (axes.xaxis, axes.set_xlim)
    limit(low / room, high * room)
    narrow = high / low < 100
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if narrow else (1.0,), numticks=8))
    axis.set_major_formatter(FuncFormatter(lambda value, _: words(value)))
    axis.set_minor_formatter(NullFormatter())
    axis.set_tick_params(which="minor", length=0)


def line(
    axes: Axes,
    x: Any,
    y: Any,
    colour: str,
    dash: Dash = "-",
    width: float = 2.0,
) -> None:
    """One series, joined over rounds without a figure; a series of one point is a dot."""
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    known = np.isfinite(x) & np.isfinite(y)
    marker = "o" if known.sum() == 1 else ""
    axes.plot(x[known], y[known], color=colour, linestyle=dash, linewidth=width, marker=marker, markersize=6)


def end_labels(axes: Axes, ends: Sequence[tuple[float, float, str, str]], gap: float = LABEL_GAP) -> None:
    """Words (x, y, text, colour) to the right of the axes beside the ends of their lines, kept apart."""
    closer = min(gap, _LABELS_HIGH / max(1, len(ends)))
    large, gap = FONT_PT * min(1.0, 1.25 * closer / gap), closer
    to_axes = axes.transData + axes.transAxes.inverted()
    at = [to_axes.transform((x, y)) for x, y, _, _ in ends]
    order = sorted(range(len(ends)), key=lambda i: float(at[i][1]))
    places = spread([float(at[i][1]) for i in order], gap)
    for i, place in zip(order, places, strict=True):
        _, _, text, colour = ends[i]
        axes.plot(
            [at[i][0], 1.015, 1.03],
            [at[i][1], place, place],
            transform=axes.transAxes,
            color=colour,
            linewidth=0.7,
            alpha=0.6 if at[i][0] > _NEAR else 0.3,
            clip_on=False,
            scalex=False,
            scaley=False,
        )
        axes.text(
            1.038,
            place,
            text,
            transform=axes.transAxes,
            color=colour,
            fontsize=large,
            va="center",
            linespacing=1.1,
            parse_math=False,
        )


def spread(heights: Sequence[float], gap: float) -> list[float]:
    """Ascending heights pushed apart to at least `gap`, moving as few as need be and staying centred.

    They end between the foot of the panel and the top of the axes, if so many fit there.
    """
    groups: list[list[float]] = []
    for height in heights:
        groups.append([height])
        while len(groups) > 1 and _top(groups[-2], gap) + gap > _bottom(groups[-1], gap):
            last = groups.pop()
            groups[-1] += last
    placed = [_bottom(group, gap) + i * gap for group in groups for i in range(len(group))]
    over = max(0.0, placed[-1] - 1.0) if placed else 0.0
    under = max(0.0, 1.0 - _LABELS_HIGH - (placed[0] - over)) if placed else 0.0
    return [height - over + under for height in placed]


def _bottom(group: list[float], gap: float) -> float:
    return sum(group) / len(group) - gap * (len(group) - 1) / 2


def _top(group: list[float], gap: float) -> float:
    return sum(group) / len(group) + gap * (len(group) - 1) / 2


def kill_ticks(axes: Axes, kills: dict[int, list[str]], *, named: bool = False) -> None:
    """A vertical tick on the round axis for each round in which peers were killed and, if asked, who."""
    for at in kills:
        if len(kills) <= _KILL_LINES_MAX:
            axes.axvline(at, color=INK, linewidth=0.9, linestyle=(0, (1, 2)), alpha=0.55, zorder=1)
        axes.axvline(at, ymax=0.045, color=INK, linewidth=2.0, zorder=5)
    if not named or not kills:
        return
    if len(kills) > 2:
        kills = {min(kills): [name for names in kills.values() for name in names]}
    low, high = axes.get_xlim()
    for at, names in kills.items():
        place = (at - low) / (high - low)
        left = place > 0.75 or (len(kills) == 2 and at == min(kills) and place > 0.3)
        axes.annotate(
            _killed(names),
            (at, 0.055),
            xycoords=("data", "axes fraction"),
            xytext=(-5 if left else 5, 0),
            textcoords="offset points",
            ha="right" if left else "left",
            va="center",
            fontsize=SMALL_PT,
            color=INK,
            parse_math=False,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0},
            zorder=6,
        )


def cut_bands(axes: Axes, spans: list[tuple[float, float]], *, named: bool = False) -> None:
    """A grey band over the rounds in which links were cut and, if asked, what it is."""
    for low, high in spans:
        axes.axvspan(low, high, color=GRID, alpha=0.6, linewidth=0, zorder=0)
    if named and spans:
        low, high = spans[0]
        axes.annotate(
            "links cut",
            ((low + high) / 2, 0.015),
            xycoords=("data", "axes fraction"),
            ha="center",
            va="bottom",
            fontsize=SMALL_PT,
            color=MUTED,
            zorder=6,
        )


def _killed(names: list[str]) -> str:
    if len(names) > 2:
        return f"{len(names):,} peers killed"
    return " and ".join(drawable(name) for name in names) + " killed"


def nothing(axes: Axes, why: str) -> None:
    """An empty plot says why it is empty."""
    axes.text(
        0.5, 0.5, why, transform=axes.transAxes, ha="center", va="center", color=MUTED, fontsize=FONT_PT
    )
    axes.set_yticks([])
