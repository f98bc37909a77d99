"""Where in a graph somebody sits: anywhere, at its hubs, or where it would fall apart.

Rules:
- Peers that are alike stand in an order drawn at random, so that a seed says who it is.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gossipfl.draws import Draws
from gossipfl.topology.graph import Topology

PLACES = ("random", "hubs", "cut")

PIVOTS_MAX = 256
"""Of a larger graph, betweenness is estimated from shortest paths that begin at so many peers."""


def placed_peers(topology: Topology, count: int, place: str, draws: Draws) -> Sequence[int]:
    """`count` peers, ascending: "random" ones; "hubs", who have most neighbours; or at a "cut".

    A cut vertex is one without whom the graph falls apart. These come first, and among them, as among all
    others, those through whom most shortest paths go (Freeman 1977, "A set of measures of centrality based on
    betweenness").
    """
    drawn = draws.permutation("placed", topology.peers)
    if place == "random":
        chosen = drawn[:count]
    else:
        weight = topology.degrees if place == "hubs" else _cutting(topology)
        chosen = drawn[np.argsort(-weight[drawn], kind="stable")[:count]]
    return tuple(np.sort(chosen).tolist())


def _cutting(topology: Topology) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """How much each peer (n,) holds the graph together: its betweenness, and 2 more for a cut vertex."""
    import networkx

    graph: networkx.Graph[int] = networkx.Graph()
    graph.add_nodes_from(range(topology.peers))
    graph.add_edges_from(topology.edges.tolist())
    few = topology.peers <= PIVOTS_MAX
    between = networkx.betweenness_centrality(graph, k=None if few else PIVOTS_MAX, seed=0)
    weight = np.array([round(between[peer], 12) for peer in range(topology.peers)])
    weight[list(networkx.articulation_points(graph))] += 2.0
    return weight
