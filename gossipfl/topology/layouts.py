"""Where to draw the peers of a topology: by its shape where that has a usual picture, else by springs.

The shape is read off the edges, not off the name, so a graph from a file gets its picture too.
"""

from __future__ import annotations

import numpy as np

from gossipfl.topology.graph import Floats, Integers, Topology

KAMADA_KAWAI_PEERS_MAX = 120
SPRING_PEERS_MAX = 1_000
_CIRCULAR = frozenset({"exponential"})
_CUBE_AXES = {8: [(1, 0), (0, 1), (0.42, 0.34)], 16: [(1, 0), (0.7, 0.7), (0, 1), (-0.7, 0.7)]}


def layout(topology: Topology) -> Floats:
    """Positions (peers, 2), centred on the origin and within [-1, 1]; the same each time."""
    return _framed(_shape(topology))


def _shape(topology: Topology) -> Floats:
    peers, edges, degrees = topology.peers, len(topology.edges), topology.degrees
    if topology.positions is not None:
        return topology.positions
    if not topology.connected:
        return _springs(topology)
    if degrees.max() <= 2 and edges == peers:
        return circle(_walk(topology, 0))
    if edges == peers * (peers - 1) // 2 or topology.name in _CIRCULAR:
        return circle(np.arange(peers))
    if edges == peers - 1:
        return _tree(topology)
    if topology.name == "hypercube" and peers in _CUBE_AXES:
        return _cube(peers)
    if topology.name == "barbell":
        return _barbell(peers)
    return _springs(topology)


def circle(order: Integers) -> Floats:
    """The peers in `order`, clockwise from the top."""
    angles = np.pi / 2 - 2 * np.pi * np.arange(len(order)) / len(order)
    positions = np.empty((len(order), 2))
    positions[order] = np.stack((np.cos(angles), np.sin(angles)), axis=1)
    return positions


def _walk(topology: Topology, first: int) -> Integers:
    """The peers of a ring or line in the order in which one walks along it."""
    order, before, here = [first], -1, first
    while len(order) < topology.peers:
        before, here = here, next(peer for peer in topology.neighbours(here) if peer != before)
        order.append(here)
    return np.array(order)


def _tree(topology: Topology) -> Floats:
    """A line as a line, a star around its centre, any other tree in levels below its lowest-numbered hub."""
    degrees = topology.degrees
    if degrees.max() <= 2:
        place = np.argsort(_walk(topology, int(np.argmin(degrees))))
        return np.stack((place, np.zeros(topology.peers)), axis=1)
    if degrees.max() == topology.peers - 1:
        hub = int(np.argmax(degrees))
        return np.insert(circle(np.arange(topology.peers - 1)), hub, 0.0, axis=0)
    return _levels(topology, 0 if degrees[0] > 1 else int(np.argmax(degrees)))


def _levels(topology: Topology, root: int) -> Floats:
    """Leaves side by side, each parent over the middle of its children."""
    from scipy.sparse.csgraph import breadth_first_order, depth_first_order

    _, parents = breadth_first_order(topology.adjacency(), root)
    order, _ = depth_first_order(topology.adjacency(), root)
    positions, leaves = np.zeros((topology.peers, 2)), 0
    sums, children = np.zeros(topology.peers), np.zeros(topology.peers)
    for peer in order[1:]:
        positions[peer, 1] = positions[parents[peer], 1] - 1
    for peer in order[::-1]:  # children before their parent
        if children[peer]:
            positions[peer, 0] = sums[peer] / children[peer]
        else:
            positions[peer, 0], leaves = leaves, leaves - 1
        if peer != root:
            sums[parents[peer]] += positions[peer, 0]
            children[parents[peer]] += 1
    positions[:, 1] *= max(1.0, np.ptp(positions[:, 0]) / max(1.0, np.ptp(positions[:, 1])) * 0.62)
    return positions


def _cube(peers: int) -> Floats:
    """Each binary digit of a peer's number moves it along one axis."""
    axes = np.array(_CUBE_AXES[peers])
    bits = (np.arange(peers)[:, None] >> np.arange(len(axes))) & 1
    return np.asarray(bits @ axes, np.float64)


def _barbell(peers: int) -> Floats:
    """Two circles, each with its bridgehead towards the middle."""
    half = peers // 2
    turned = circle(np.arange(half)) @ np.array([[0.0, -1.0], [1.0, 0.0]])  # the first peer to the right
    left = np.roll(turned, half - 1, axis=0) - [1.75, 0.0]
    right = -turned + [1.75, 0.0]
    return np.concatenate((left, np.zeros((peers - 2 * half, 2)), right))


def _springs(topology: Topology) -> Floats:
    """By networkx with a fixed seed; beyond SPRING_PEERS_MAX peers on a circle."""
    import networkx

    if topology.peers > SPRING_PEERS_MAX:
        return circle(np.arange(topology.peers))
    graph: networkx.Graph[int] = networkx.Graph()
    graph.add_nodes_from(range(topology.peers))
    graph.add_edges_from(topology.edges.tolist())
    if topology.connected and topology.peers <= KAMADA_KAWAI_PEERS_MAX:
        placed = networkx.kamada_kawai_layout(graph)
    else:
        placed = networkx.spring_layout(
            graph, seed=1, iterations=50 if topology.peers <= 300 else 25, method="force"
        )
    return np.array([placed[peer] for peer in range(topology.peers)])


def _framed(positions: Floats) -> Floats:
    centred = positions - (positions.max(axis=0) + positions.min(axis=0)) / 2
    return np.asarray(centred / (np.abs(centred).max() or 1.0), np.float64)
