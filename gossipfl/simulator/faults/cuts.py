"""Which links a partition cuts.

The ring of majorities is that of Kingsbury's Jepsen: every peer sees a majority, and no two the same one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gossipfl.draws import Draws
from gossipfl.protocol.messages import PeerId
from gossipfl.simulator.faults.plans import Partition

Link = tuple[PeerId, PeerId]


def cut_links(partition: Partition, neighbours: Sequence[Sequence[PeerId]], seed: int) -> frozenset[Link]:
    """The links (sender, receiver) on which nothing arrives."""
    peers = len(neighbours)
    apart = _apart(partition, peers, seed)
    return frozenset((one, other) for one in range(peers) for other in neighbours[one] if apart(one, other))


def _apart(partition: Partition, peers: int, seed: int) -> Callable[[PeerId, PeerId], bool]:
    half = peers // 2
    match partition.kind:
        case "halves":
            return lambda one, other: (one < half) != (other < half)
        case "one-way":
            return lambda one, other: one < half <= other
        case "bridge":
            bridge = half if partition.peer is None else partition.peer
            return lambda one, other: bridge not in (one, other) and (one < half) != (other < half)
        case "isolate":
            return lambda one, other: partition.peer in (one, other)
        case "random":
            order = Draws(seed, round=int(partition.first)).permutation("partition", peers)
            side = set(order[: max(1, round(partition.share * peers))].tolist())
            return lambda one, other: (one in side) != (other in side)
        case "majorities-ring":
            reach = -(-half // 2)  # with as many on either side, and itself, it sees more than half
            return lambda one, other: min((one - other) % peers, (other - one) % peers) > reach
