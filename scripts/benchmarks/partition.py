"""On paper: which vectors cross between the machines of a cluster in a round, for each family of graphs.

Rules:
- Peers lie on machines in blocks of equal size. A peer's vector crosses once to each other machine on which
  somebody hears that peer, however many do.
- `received` is exact or, for random graphs, expected; `counted` counts it in a graph, and a test holds one to
  the other where graphs are small.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gossipfl.draws import Draws
from gossipfl.topology import Topology

Integers = NDArray[np.int64]

DEGREE = 10
REWIRING = 0.1
PARAMETERS, PARAMETER_BYTES = 650, 4
NETWORK_BYTES_PER_S = 12.5e9
"""100 Gbit/s into each machine."""


@dataclass(frozen=True, slots=True)
class Placement:
    """How the peers of a family are laid on machines.

    `received(peers, machines)` says how many vectors cross in all, and how many the busiest machine receives;
    `home(peers, machines)` on which machine each peer lies (peers,). The table has so many `peers` on so many
    `machines`.
    """

    family: str
    blocks: str
    formula: str
    received: Callable[[int, int], tuple[float, float]]
    home: Callable[[int, int], Integers]
    peers: int = 10**8
    machines: int = 1_000
    options: tuple[tuple[str, float], ...] = ()


def counted(topology: Topology, home: Integers) -> tuple[int, int]:
    """How many vectors cross between machines, and how many of them the busiest receives."""
    one, other = topology.edges.T
    senders, receivers = np.concatenate((one, other)), np.concatenate((other, one))
    crossing = home[senders] != home[receivers]
    pairs = np.unique(np.stack((home[receivers[crossing]], senders[crossing])), axis=1)
    return pairs.shape[1], int(np.bincount(pairs[0]).max(initial=0))


def arcs(peers: int, machines: int) -> Integers:
    """Blocks of consecutive numbers."""
    return np.arange(peers) * machines // peers


def squares(peers: int, machines: int) -> Integers:
    """Rectangles of a square torus, as square as the number of machines allows."""
    side, rows = math.isqrt(peers), _rows(machines)
    row, column = np.divmod(np.arange(peers), side)
    return row * rows // side * (machines // rows) + column * (machines // rows) // side


def subtrees(peers: int, machines: int) -> Integers:
    """Of a binary tree in levels: a subtree each, and whoever is above them lies with its first child."""
    place = np.arange(1, peers + 1)  # the children of i are 2 i and 2 i + 1
    level = np.frexp(place)[1].astype(np.int64) - 1
    depth = machines.bit_length() - 1
    first: Integers = np.where(
        level < depth, place << np.maximum(depth - level, 0), place >> np.maximum(level - depth, 0)
    )
    return first - machines


def anywhere(peers: int, machines: int) -> Integers:
    """Equal blocks at random."""
    return arcs(peers, machines)[Draws(0).permutation("placement", peers)]


def _rows(machines: int) -> int:
    return next(rows for rows in range(math.isqrt(machines), 0, -1) if machines % rows == 0)


def _alike(each: Callable[[int, int], float]) -> Callable[[int, int], tuple[float, float]]:
    """Where every machine receives the same."""
    return lambda peers, machines: (machines * each(peers, machines), each(peers, machines))


def _torus(peers: int, machines: int) -> float:
    side, rows = math.isqrt(peers), _rows(machines)
    return 2 * (side // rows + side // (machines // rows))


def _exponential(peers: int, machines: int) -> float:
    """The union of a block's images under all strides, without the block."""
    block = peers // machines
    begins = sorted({sign * (1 << k) % peers for k in range((peers - 1).bit_length()) for sign in (1, -1)})
    covered, end = 0, block
    for begin in begins:
        covered += max(0, min(begin + block, peers) - max(begin, end))
        end = max(end, begin + block)
    return covered


def regular(peers: int, machines: int) -> float:
    """Any graph of this degree, its peers laid at random: on how many other machines one has neighbours."""
    block, none = peers // machines, 1.0
    for heard in range(DEGREE):
        none *= (peers - 1 - block - heard) / (peers - 1 - heard)
    return block * (machines - 1) * (1 - none)


def _small_world(peers: int, machines: int) -> float:
    """Near edges over the two ends of an arc, and the moved ones, g p of them at each peer on average."""
    near = 2 * sum(1 - REWIRING**edges for edges in range(1, DEGREE // 2 + 1))
    far = (machines - 1) * (1 - math.exp(-DEGREE * REWIRING / machines))
    return near + peers // machines * far


def _star(peers: int, machines: int) -> tuple[float, float]:
    leaves_elsewhere = peers - peers // machines
    return leaves_elsewhere + machines - 1, leaves_elsewhere


PLACEMENTS = (
    Placement("ring", "arcs", "2 m", _alike(lambda _, __: 2), arcs),
    Placement("torus", "rectangles a x b", "2 m (a + b), about 4 √(n m)", _alike(_torus), squares),
    Placement(
        "tree",
        "subtrees",
        "2 (m - 1)",
        lambda _, machines: (2 * (machines - 1), math.log2(machines)),
        subtrees,
        2**27 - 1,
        1_024,
    ),
    Placement(
        "small-world",
        "arcs",
        "n g p (1 - 1/m) + about g m",
        _alike(_small_world),
        arcs,
        options=(("degree", DEGREE), ("rewiring", REWIRING)),
    ),
    Placement(
        "hypercube",
        "subcubes",
        "n log2 m",
        _alike(lambda peers, machines: peers // machines * math.log2(machines)),
        arcs,
        2**27,
        1_024,
    ),
    Placement("exponential", "arcs", "about n (2 log2 m - 1)", _alike(_exponential), arcs),
    Placement(
        "k-regular",
        "at random",
        "n (m - 1) (1 - (1 - 1/m)^g)",
        _alike(regular),
        anywhere,
        options=(("degree", DEGREE),),
    ),
    Placement("star", "any", "n - n/m + m - 1", _star, arcs),
    Placement(
        "complete", "any", "n (m - 1)", _alike(lambda peers, machines: peers - peers // machines), arcs
    ),
)


def leaving_at_least(share: float, degree: int = DEGREE) -> float:
    """How many edges per peer leave any block of `share` of all peers, in almost every random regular graph.

    The first moment over pairings, as in Bollobás (1988), "The isoperimetric number of random graphs": below
    this many, the expected number of such blocks falls exponentially with the number of peers.
    """
    low, high = 0.0, degree * share * (1 - share)
    while high - low > 1e-12 * degree:
        middle = (low + high) / 2
        low, high = (middle, high) if _blocks(share, middle, degree) < 0 else (low, middle)
    return low / share


def _blocks(share: float, leaving: float, degree: int) -> float:
    """The logarithm, over all peers, of the expected number of blocks that so many edges per peer leave."""
    inside, outside = degree * share, degree * (1 - share)
    chosen = _entropy(share) + inside * _entropy(leaving / inside) + outside * _entropy(leaving / outside)
    pairings = _power(leaving) + (_power(inside - leaving) + _power(outside - leaving) - _power(degree)) / 2
    return chosen + pairings


def _entropy(share: float) -> float:
    return -_power(share) - _power(1 - share)


def _power(value: float) -> float:
    return value * math.log(value) if value > 0 else 0.0


def received_at_least(machines: int, degree: int = DEGREE) -> float:
    """How many vectors per peer cross, however peers are laid on machines, in almost every regular graph.

    A block S and those whom it hears hold all edges at S. No set holds more edges than `leaving_at_least`
    leaves it, so the set is at least as large as the smallest that may hold so many.
    """
    share = 1 / machines
    at_block = degree - _held_at_most(share, degree)
    times = 1.0
    while times * share < 0.5 and times * _held_at_most(times * share, degree) < at_block:
        times += 1e-3
    return times - 1


def _held_at_most(share: float, degree: int) -> float:
    """Edges inside a set, per peer of it."""
    return (degree - leaving_at_least(share, degree)) / 2


def table() -> str:
    """What the formulas come to, as Markdown."""
    vector_bytes = PARAMETERS * PARAMETER_BYTES
    lines = [
        "| graph | n | m | blocks | vectors that cross | in all | the busiest receives | at 100 Gbit/s |",
        "|---|---:|---:|---|---|---:|---:|---:|",
    ]
    for each in PLACEMENTS:
        total, most = each.received(each.peers, each.machines)
        numbers = _scaled(total * vector_bytes, _BYTES), _scaled(most * vector_bytes, _BYTES)
        seconds = _scaled(most * vector_bytes / NETWORK_BYTES_PER_S, {"s": 1, "ms": 1e-3, "µs": 1e-6})
        cells = each.family, f"{each.peers:,}", f"{each.machines:,}", each.blocks, each.formula
        lines.append(f"| {' | '.join((*cells, *numbers, seconds))} |")
    return "\n".join(lines)


_BYTES = {"TB": 1e12, "GB": 1e9, "MB": 1e6, "kB": 1e3}


def _scaled(value: float, units: dict[str, float]) -> str:
    """In the largest of `units` of which there is one, else in the smallest."""
    unit = next((unit for unit, size in units.items() if value >= size), list(units)[-1])
    return f"{value / units[unit]:.3g} {unit}"


if __name__ == "__main__":
    print(table())
    print("\nPer peer, of almost all random 10-regular graphs on 1,000 machines:")
    print(f"- leave any block: at least {leaving_at_least(1 / 1_000):.2f} edges")
    print(f"- cross: at least {received_at_least(1_000):.2f} vectors")
