"""Building a graph by the name of its family and its size, with every refusal that this may meet."""

from __future__ import annotations

import math
from dataclasses import replace

from gossipfl.draws import Draws
from gossipfl.errors import TopologyError
from gossipfl.topology.families import Family, Wanted, either, find_family
from gossipfl.topology.graph import Topology

EDGES_MAX = 1 << 26
"""Of a graph that is built here: 1 GiB of edges, several times that while they are put into order."""
ATTEMPTS_MAX = 100
"""How often a random graph is drawn again because it came out disconnected."""

_RANGES: dict[str, tuple[float, float, str]] = {
    "degree": (1, math.inf, "1 or more"),
    "probability": (0, 1, "between 0 and 1"),
    "rows": (1, math.inf, "1 or more"),
    "radius": (0, math.inf, "0 or more"),
    "rewiring": (0, 1, "between 0 and 1"),
    "branching": (1, math.inf, "1 or more"),
}


def build_topology(
    name: str,
    peers: int,
    *,
    seed: int = 0,
    degree: int | None = None,
    probability: float | None = None,
    rows: int | None = None,
    radius: float | None = None,
    rewiring: float | None = None,
    branching: int | None = None,
    allow_disconnected: bool = False,
) -> Topology:
    """The graph of family `name` with `peers` peers; the same arguments always give the same graph.

    `degree` is the number of neighbours (k-regular 4, small-world 4) or of edges that a newcomer brings
    (scale-free 2); `probability` joins each pair (erdos-renyi: just above connectivity); `rows` shapes a grid
    or torus (the squarest); `radius` joins peers in the unit square (geometric: just above connectivity);
    `rewiring` is the probability that an edge of a small world is moved (0.1); `branching` is the number of
    children in a tree (2). Raises TopologyError for an unknown name, an impossible size or option, an option
    that the family does not take, and a disconnected graph unless `allow_disconnected`.
    """
    family = find_family(name)
    wanted = Wanted(peers, Draws(seed), 0, degree, probability, rows, radius, rewiring, branching)
    _check_options(family, wanted)
    _check_size(family, wanted)
    topology = _built(family, wanted)
    for lane in range(1, ATTEMPTS_MAX if family.varies and not allow_disconnected else 0):
        if topology.connected:
            break
        topology = _built(family, replace(wanted, lane=lane))
    return topology if allow_disconnected else topology.refuse_disconnected()


def _built(family: Family, wanted: Wanted) -> Topology:
    edges, positions = family.build(wanted)
    topology = Topology.from_edges(wanted.peers, edges, name=family.name)
    return topology if positions is None else topology.placed(positions)


def _check_options(family: Family, wanted: Wanted) -> None:
    for option, (least, most, words) in _RANGES.items():
        value = getattr(wanted, option)
        if value is None:
            continue
        if option not in family.options:
            takes = f"it takes {either(family.options)}" if family.options else "it takes none"
            raise TopologyError(
                f"The topology {family.name} has no option {option!r} ({takes}); leave it out."
            )
        if not least <= value <= most:
            raise TopologyError(f"The {option} of a topology is {words}, not {value}.")


def _check_size(family: Family, wanted: Wanted) -> None:
    peers = wanted.peers
    if peers < 2:
        raise TopologyError(f"A topology joins at least 2 peers, not {peers}; give it 2 or more.")
    if peers * (degree := family.degree(wanted)) / 2 > EDGES_MAX:
        raise TopologyError(
            f"The topology {family.name} of {peers} peers has about {peers * degree / 2:.2g} edges, and at"
            f" most {EDGES_MAX} are built; take fewer peers or a sparser graph."
        )
    if family.fits(wanted, peers):
        return
    below = next((size for size in range(peers - 1, 1, -1) if family.fits(wanted, size)), None)
    above = next((size for size in range(peers + 1, 2 * peers + 64) if family.fits(wanted, size)), None)
    near = either(str(size) for size in (below, above) if size is not None)
    sentence = f"The topology {family.name} takes {family.sizes}, which {peers} peers do not meet"
    raise TopologyError(f"{sentence}; the nearest is {near}." if near else f"{sentence}; change its options.")
