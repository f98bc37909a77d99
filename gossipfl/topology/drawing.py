"""Pictures of topologies: peers as discs, coloured by a value if there is one per peer."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gossipfl.errors import TopologyError
from gossipfl.topology.graph import Floats, Topology
from gossipfl.topology.layouts import layout

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection
    from matplotlib.figure import Figure

LABELS_PEERS_MAX = 64
DRAWN_PEERS_MAX = 20_000
DRAWN_EDGES_MAX = 500_000

_DISC = "#2b6f95"
_EDGE = "#8b98a5"
_INK = "#25313c"
_KILLED = "#b3403a"
_COLOURS = "viridis"
_RADIUS_PT = (1.6, 15.0)
_MARGIN = 0.16
_SUFFIXES = (".png", ".svg", ".pdf")


def draw(
    topology: Topology,
    path: str | Path,
    values: Sequence[float | None] | None = None,
    *,
    label: str = "",
    killed: Collection[int] = (),
    title: str | None = None,
) -> Path:
    """Draw `topology` to `path` (PNG, SVG or PDF by its ending) and return the path.

    `values` (peers,) colour the peers, with a colour bar called `label`; see `draw_on` for the rest. Raises
    TopologyError if the ending is another, the file cannot be written, or the graph is too large to be seen.
    """
    refuse_unseen(topology.peers, len(topology.edges))
    positions = layout(topology)
    figure = new_picture(_size_in(positions, bar=values is not None), path)
    axes = figure.add_subplot()
    axes.set_title(title or f"{topology.name}, {topology.peers} peers", color=_INK, fontsize=13, pad=10)
    _draw_at(positions, axes, topology, values, label, killed)
    return save_picture(figure, path)


def refuse_unseen(peers: int, edges: int) -> None:
    """TopologyError for what is too much for a picture."""
    if peers > DRAWN_PEERS_MAX or edges > DRAWN_EDGES_MAX:
        raise TopologyError(
            f"A picture of {peers:,} peers and {edges:,} edges would show nothing; draw at most"
            f" {DRAWN_PEERS_MAX:,} peers and {DRAWN_EDGES_MAX:,} edges."
        )


def new_picture(size_in: tuple[float, float], path: str | Path) -> Figure:
    """An empty figure of that width and height, or TopologyError if `path` names no kind of picture."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    if Path(path).suffix.lower() not in _SUFFIXES:
        raise TopologyError(f"A picture cannot be written to {path}; end its name in {', '.join(_SUFFIXES)}.")
    figure = Figure(size_in, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def save_picture(figure: Figure, path: str | Path) -> Path:
    """Write `figure` and return its path; TopologyError if it cannot be written."""
    try:
        figure.savefig(path, dpi=160)
    except OSError as error:
        raise TopologyError(f"The picture {path} cannot be written: {error.strerror}.") from None
    return Path(path)


def draw_on(
    axes: Axes,
    topology: Topology,
    values: Sequence[float | None] | None = None,
    *,
    label: str = "",
    killed: Collection[int] = (),
    hostile: Collection[int] = (),
) -> None:
    """Draw `topology` on `axes` of any figure, with a colour bar if there are `values` (peers,).

    A peer in `killed`, or whose value is None or not finite, is hollow; a killed one is crossed as well.
    One that is `hostile` is hatched.
    Peers are named up to LABELS_PEERS_MAX of them.
    """
    _draw_at(layout(topology), axes, topology, values, label, killed, hostile)


def _size_in(positions: Floats, *, bar: bool) -> tuple[float, float]:
    """Width and height of a picture in inches, as flat as the layout is."""
    wide, high = np.abs(positions).max(axis=0) + _MARGIN
    width, height = min(7.0, max(4.0, 7.0 * wide / high)), min(7.0, max(2.4, 7.0 * high / wide))
    return width + (0.9 if bar else 0.0), height + 0.75


def _draw_at(
    positions: Floats,
    axes: Axes,
    topology: Topology,
    values: Sequence[float | None] | None,
    label: str,
    killed: Collection[int],
    hostile: Collection[int] = (),
) -> None:
    radius_pt = _frame(axes, positions)
    _draw_edges(axes, topology, positions)
    crossed = np.isin(np.arange(topology.peers), list(killed))
    numbers = _numbers(values, topology.peers)
    hatched = np.isin(np.arange(topology.peers), list(hostile))
    hollow = crossed | hatched | ~np.isfinite(numbers)
    _draw_hollow(axes, positions[hollow & ~crossed & ~hatched], radius_pt, _EDGE)
    _draw_hollow(axes, positions[hatched], radius_pt, _KILLED, hatch="//////")
    _draw_hollow(axes, positions[crossed], radius_pt, _KILLED)
    cross = {"marker": "x", "color": _KILLED, "linewidths": 1.2, "alpha": 0.5, "zorder": 4}
    _scatter(axes, positions[crossed], 0.65 * radius_pt, cross)
    colours = {"color": _DISC} if values is None else {"c": numbers[~hollow], "cmap": _COLOURS}
    rim = {"edgecolors": "white", "linewidths": min(1.6, radius_pt / 4), "zorder": 3}
    discs = _scatter(axes, positions[~hollow], radius_pt, {**colours, **rim})
    if values is not None and not hollow.all():
        bar = axes.figure.colorbar(discs, ax=axes, shrink=0.8, pad=0.02, label=label)
        bar.outline.set_linewidth(0)
    if topology.peers <= LABELS_PEERS_MAX:
        inks = np.full(topology.peers, _INK)
        inks[~hollow] = _inks(discs.to_rgba(numbers[~hollow]) if values is not None else None)
        _draw_names(axes, topology, positions, radius_pt, inks)


def _scatter(axes: Axes, positions: Floats, radius_pt: float, look: dict[str, Any]) -> PathCollection:
    return axes.scatter(positions[:, 0], positions[:, 1], s=(2 * radius_pt) ** 2, **look)


def _draw_hollow(
    axes: Axes, positions: Floats, radius_pt: float, colour: str, hatch: str | None = None
) -> None:
    look = {"facecolors": "white", "edgecolors": colour, "linewidths": min(1.5, radius_pt / 3), "zorder": 3}
    _scatter(axes, positions, 0.92 * radius_pt, look | ({"hatch": hatch} if hatch else {}))


def _numbers(values: Sequence[float | None] | None, peers: int) -> Floats:
    """One number per peer, NaN for None; zeros if there are no values."""
    if values is None:
        return np.zeros(peers)
    if len(values) != peers:
        raise ValueError(f"{len(values)} values for {peers} peers")
    return np.array([np.nan if value is None else value for value in values], np.float64)


def _frame(axes: Axes, positions: Floats) -> float:
    """Fit the axes around `positions` and return the radius of a disc, in points."""
    from scipy.spatial import cKDTree

    reach = np.abs(positions).max(axis=0) + _MARGIN
    axes.set(xlim=(-reach[0], reach[0]), ylim=(-reach[1], reach[1]), aspect="equal")
    axes.set_axis_off()
    box = axes.get_window_extent()
    points_per_unit = 72 / axes.figure.dpi * min(box.width / (2 * reach[0]), box.height / (2 * reach[1]))
    apart = np.asarray(cKDTree(positions).query(positions, 2)[0])[:, 1]
    return float(np.clip(0.38 * np.quantile(apart, 0.4) * points_per_unit, *_RADIUS_PT))


def _draw_edges(axes: Axes, topology: Topology, positions: Floats) -> None:
    from matplotlib.collections import LineCollection

    if not len(topology.edges):
        return
    segments = positions[topology.edges]
    if topology.name == "torus":
        segments = _unwrapped(segments)
    crowd = max(1.0, len(topology.edges) / 40)
    look: dict[str, Any] = {
        "linewidths": max(0.3, 1.5 * crowd**-0.25),
        "alpha": max(0.12, 0.85 * crowd**-0.22),
    }
    axes.add_collection(LineCollection([*segments], colors=_EDGE, capstyle="round", zorder=1, **look))


def _unwrapped(segments: Floats) -> Floats:
    """Edges (m, 2, 2) of a torus, with those around its back as two stubs that leave the picture."""
    along = segments[:, 1] - segments[:, 0]
    length = np.linalg.norm(along, axis=1)
    wraps = length > 1.5 * length.min()
    stub = along[wraps] / length[wraps, None] * length.min() * 0.45
    ends = segments[wraps]
    first = np.stack((ends[:, 0], ends[:, 0] - stub), axis=1)
    second = np.stack((ends[:, 1], ends[:, 1] + stub), axis=1)
    return np.concatenate((segments[~wraps], first, second))


def _inks(colours: Any) -> NDArray[np.str_]:
    """White on dark discs, ink on light ones; `colours` (n, 4), or None for the plain dark disc."""
    if colours is None:
        return np.array("white")
    return np.where(np.asarray(colours)[:, :3] @ (0.3, 0.59, 0.11) < 0.6, "white", _INK)


def _draw_names(
    axes: Axes, topology: Topology, positions: Floats, radius_pt: float, inks: NDArray[np.str_]
) -> None:
    """Short names in their discs; if one is long, all of them below."""
    inside = max(map(len, topology.names)) <= 3
    below: dict[str, Any] = {"xytext": (0, -radius_pt - 3), "va": "top", "color": _INK}
    size = min(11.0, radius_pt * 0.95) if inside else 9.0
    for name, position, ink in zip(topology.names, positions, inks, strict=True):
        look = {"xytext": (0, 0), "va": "center_baseline", "color": ink} if inside else below
        look |= {"textcoords": "offset points", "ha": "center", "fontsize": size, "zorder": 6}
        axes.annotate(name, (position[0], position[1]), **look)
