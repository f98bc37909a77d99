"""The graph of a run, its peers coloured by what they scored, the hostile and the killed ones marked.

A graph too large to be seen gives its place to what its peers scored.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from gossipfl.report.choices import schedule_kind, schedule_of
from gossipfl.report.curves import metric_of
from gossipfl.report.links import edges_of, link_count
from gossipfl.report.peers import (
    attackers_of,
    is_sampled,
    judged_peers,
    killed_peers,
    neighbour_states,
    peer_count,
    peer_names,
)
from gossipfl.report.run import Run
from gossipfl.report.scores import draw_scores
from gossipfl.report.style import FONT_PT, MUTED, drawable, nothing, title, worded_axis
from gossipfl.report.table import final_scores
from gossipfl.report.words import metric_label, score, score_tick

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

    from gossipfl.topology.graph import Topology

DRAWN_PEERS_MAX = 1_000
PLACED_PEERS_MAX = 5_000
"""Of a graph that says where they lie, as a grid does, and of whom all were judged: a map of scores."""
DRAWN_LINKS_MAX = 20_000
_FAINT = 2.5  # the more links may be drawn, the fainter each


def draw_graph(panel: Figure | SubFigure, run: Run, finding: str) -> None:
    """The graph, with a colour bar if peers scored differently."""
    if not _fits(run):
        draw_scores(panel, run, finding)
        return
    title(panel, finding, _caption(run))
    axes = _root_axes(panel, (0.02, 0.065, 0.86, 0.79))
    axes.set_axis_off()
    edges, scores = edges_of(run), _scores(run)
    if not edges and not run.baseline:
        nothing(axes, "No graph was recorded.")
        return
    from matplotlib.collections import LineCollection

    from gossipfl.topology.drawing import draw_on

    crossed = _killed(run)
    if run.is_of_one_node:
        scores, crossed = [1.0, *[None] * (len(scores) - 1)], list(_absent(run))
    known, place = set(axes.figure.axes), axes.get_position()
    draw_on(axes, _topology(run, edges), scores, killed=crossed, hostile=attackers_of(run))
    if _is_drawn_afresh(run):
        for links in axes.findobj(LineCollection):
            links.set_alpha(_FAINT / len(edges) ** 0.5)
    for bar in set(axes.figure.axes) - known:
        if len(set(scores) - {None}) == 1:  # a scale with one value on it says nothing
            bar.remove()
            axes.set_position(place)
            axes.set_anchor("C")
            continue
        bar.tick_params(labelsize=FONT_PT, colors=MUTED, length=0)
        worded_axis(bar, partial(score_tick, metric=metric_of(run)), ticks=5)


def _fits(run: Run) -> bool:
    """Whether a picture of the graph would show something."""
    if schedule_kind(run) and not link_count(run) and not run.baseline:
        return False
    peers, placed = peer_count(run), isinstance(run.graph.get("positions"), list) and not is_sampled(run)
    return peers <= (PLACED_PEERS_MAX if placed else DRAWN_PEERS_MAX) and link_count(run) <= DRAWN_LINKS_MAX


def _scores(run: Run) -> list[float | None]:
    """What each peer scored, None being nothing."""
    scores = final_scores(run)
    return [scores.get(peer) for peer in range(peer_count(run))]


def _caption(run: Run) -> str:
    """What the colours, the marks and the links say."""
    if run.is_of_one_node:
        crossed = f"; crossed out: {' or '.join(sorted({*_absent(run).values()}))}" if _absent(run) else ""
        return f"Filled: this node; hollow: its neighbours{crossed}"
    metric, scores, killed = metric_of(run), _scores(run), _killed(run)
    words = "accuracy" if metric == "accuracy" else metric_label(metric)
    peers = f"Peers by {words} at the end"
    known, hostile = set(scores) - {None}, set(attackers_of(run))
    if len(known) == 1:
        whom = "All who are judged" if is_sampled(run) else f"All {'honest ' * bool(hostile)}peers"
        peers = f"{whom} end at {score(known.pop(), metric)}"
    marks = ["hatched: hostile"] if hostile else []
    marks += ["crossed out: killed"] if killed else []
    if is_sampled(run) and not judged_peers(run):
        peers = "No peer is judged"
    elif any(
        found is None and peer not in killed and peer not in hostile for peer, found in enumerate(scores)
    ):
        marks.append(f"hollow: {'not judged' if is_sampled(run) else 'no score'}")
    return "; ".join([peers, *_changes(run), *marks])


def _absent(run: Run) -> dict[int, str]:
    """The neighbours of a node that were not there when it last looked, and in what state each was."""
    return {peer: state for peer, state in neighbour_states(run).items() if state != "here"}


def _killed(run: Run) -> list[int]:
    return [peer for peer in killed_peers(run) if 0 <= peer < peer_count(run)]


def _changes(run: Run) -> list[str]:
    """How the links change from round to round, if they do."""
    schedule = schedule_of(run)
    if schedule is None:
        return []
    if schedule.period is None:
        return [f"faint: {schedule.name} draws other links in each round"]
    if schedule.period > 1:
        return [f"{schedule.name} takes other links in each round"]
    return [] if schedule.symmetric else ["links are one-way"]


def _is_drawn_afresh(run: Run) -> bool:
    schedule = schedule_of(run)
    return schedule is not None and schedule.period is None


def _root_axes(panel: Figure | SubFigure, box: tuple[float, float, float, float]) -> Axes:
    """Axes of the whole figure over `box` of the panel, for drawings that ask the figure for its size."""
    from matplotlib.transforms import Bbox, BboxTransformTo, TransformedBbox

    figure: Figure = panel.figure
    within = Bbox.from_bounds(*box).transformed(BboxTransformTo(panel.bbox))
    return figure.add_axes(TransformedBbox(within, figure.transFigure.inverted()).bounds)


def _topology(run: Run, edges: list[tuple[int, int]]) -> Topology:
    """The graph as recorded, under names that can be drawn or, where these clash, under numbers."""
    from gossipfl.topology.graph import Topology
    from gossipfl.topology.layouts import circle

    names = [drawable(name) for name in peer_names(run)]
    if len(set(names)) < len(names):
        names = [str(peer) for peer in range(len(names))]
    graph = Topology.from_edges(len(names), edges, names, name=str(run.graph.get("name", "graph")))
    if not edges:
        return graph.placed(circle(np.arange(len(names))))
    try:
        places = np.asarray(run.graph.get("positions"), dtype=np.float64)
    except (TypeError, ValueError):
        return graph
    whole = places.shape == (len(names), 2) and bool(np.isfinite(places).all())
    return graph.placed(places) if whole else graph
