"""The families of graphs, by name and size.

A new family is one more entry in FAMILIES: what it is, which sizes and options it takes, how it is built.
"""

from __future__ import annotations

import difflib
import math
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from gossipfl.draws import Draws
from gossipfl.errors import TopologyError
from gossipfl.topology import lattices, randoms
from gossipfl.topology.graph import Floats, Integers


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of a family; an option that is None takes the default of the family."""

    peers: int
    draws: Draws
    lane: int = 0
    degree: int | None = None
    probability: float | None = None
    rows: int | None = None
    radius: float | None = None
    rewiring: float | None = None
    branching: int | None = None


Built = tuple[Integers, Floats | None]


@dataclass(frozen=True, slots=True)
class Family:
    """One family: `sizes` says in words what `fits` decides; `options` are those of Wanted that it takes.

    `degree` is about how many neighbours a peer will have, so that too large a graph is refused unbuilt.
    """

    name: str
    description: str
    sizes: str
    build: Callable[[Wanted], Built]
    fits: Callable[[Wanted, int], bool] = lambda _, peers: peers >= 2
    options: tuple[str, ...] = ()
    degree: Callable[[Wanted], float] = lambda _: 4
    varies: bool = False  # another lane may give a connected graph where this one did not


def _rows(wanted: Wanted, peers: int) -> int:
    return wanted.rows or lattices.squarest(peers)


def _grid_fits(wanted: Wanted, peers: int) -> bool:
    rows = _rows(wanted, peers)
    return peers % rows == 0 and (wanted.rows is not None or rows > 1)


def _torus_fits(wanted: Wanted, peers: int) -> bool:
    rows = _rows(wanted, peers)
    return peers % rows == 0 and min(rows, peers // rows) > 1


def _rectangle(edges: Callable[[int, int], Integers]) -> Callable[[Wanted], Built]:
    def build(wanted: Wanted) -> Built:
        rows = _rows(wanted, wanted.peers)
        columns = wanted.peers // rows
        return edges(rows, columns), lattices.grid_positions(rows, columns)

    return build


def _sized(edges: Callable[[int], Integers]) -> Callable[[Wanted], Built]:
    return lambda wanted: (edges(wanted.peers), None)


def _regular_fits(wanted: Wanted, peers: int) -> bool:
    degree = wanted.degree or 4
    return degree < peers and peers * degree % 2 == 0


def _k_regular(wanted: Wanted) -> Built:
    return randoms.k_regular(wanted.peers, wanted.degree or 4, wanted.draws), None


def _two_per_doubling(wanted: Wanted) -> float:
    return 2 * math.log2(wanted.peers)


def _probability(wanted: Wanted) -> float:
    if wanted.probability is not None:
        return wanted.probability
    # Connected with probability exp(-exp(-2)) = 0.87: Erdős and Rényi (1959).
    return min(1.0, (math.log(wanted.peers) + 2) / wanted.peers)


def _erdos_renyi(wanted: Wanted) -> Built:
    probability = _probability(wanted)
    if probability == 0:
        return np.empty((0, 2), np.int64), None
    return randoms.erdos_renyi(wanted.peers, probability, wanted.draws, wanted.lane), None


def _small_world_fits(wanted: Wanted, peers: int) -> bool:
    degree = wanted.degree or 4
    return degree < peers and degree % 2 == 0


def _small_world(wanted: Wanted) -> Built:
    rewiring = 0.1 if wanted.rewiring is None else wanted.rewiring
    edges = randoms.small_world(wanted.peers, wanted.degree or 4, rewiring, wanted.draws, wanted.lane)
    return edges, None


def _radius(wanted: Wanted) -> float:
    if wanted.radius is not None:
        return wanted.radius
    # Above the threshold sqrt(ln n / (pi n)) by enough to connect despite the border.
    return math.sqrt((math.log(wanted.peers) + 3) / (math.pi * wanted.peers))


def _geometric(wanted: Wanted) -> Built:
    return randoms.geometric(wanted.peers, _radius(wanted), wanted.draws, wanted.lane)


_ALL = (
    Family(
        "ring",
        "Each peer speaks to the next and to the one before.",
        "3 peers or more",
        _sized(lattices.ring),
        lambda _, peers: peers >= 3,
    ),
    Family(
        "line",
        "Each peer speaks to the next; the two ends have one neighbour.",
        "2 peers or more",
        _sized(lattices.line),
    ),
    Family(
        "star",
        "Peer 0 speaks to everyone, as a server would.",
        "2 peers or more",
        _sized(lattices.star),
    ),
    Family(
        "complete",
        "Everyone speaks to everyone.",
        "2 peers or more",
        _sized(lattices.complete),
        degree=lambda wanted: wanted.peers,
    ),
    Family(
        "grid",
        "Rows and columns; each peer speaks to those beside, above and below it.",
        "rows times columns (without given rows, not a prime number of peers)",
        _rectangle(lattices.grid),
        _grid_fits,
        ("rows",),
    ),
    Family(
        "torus",
        "A grid whose rows and columns close to rings, so that every peer is alike.",
        "rows times columns, at least 2 of each",
        _rectangle(lattices.torus),
        _torus_fits,
        ("rows",),
    ),
    Family(
        "tree",
        "Each peer speaks to its parent and its children; levels fill one after the other.",
        "2 peers or more",
        lambda wanted: (lattices.tree(wanted.peers, wanted.branching or 2), None),
        options=("branching",),
    ),
    Family(
        "hypercube",
        "Each peer speaks to those whose number differs in one binary digit.",
        "a power of two",
        _sized(lattices.hypercube),
        lambda _, peers: peers >= 2 and peers & (peers - 1) == 0,
        degree=_two_per_doubling,
    ),
    Family(
        "exponential",
        "Peer i speaks to i ± 1, 2, 4, 8 ... around a ring; edges go both ways here.",
        "2 peers or more",
        _sized(lattices.exponential),
        degree=_two_per_doubling,
    ),
    Family(
        "k-regular",
        "A random graph in which every peer has the same number of neighbours.",
        "more peers than the degree (4 if not given), an even product of the two",
        _k_regular,
        _regular_fits,
        ("degree",),
        lambda wanted: wanted.degree or 4,
    ),
    Family(
        "erdos-renyi",
        "Each pair is joined with the same probability.",
        "2 peers or more",
        _erdos_renyi,
        options=("probability",),
        degree=lambda wanted: wanted.peers * _probability(wanted),
        varies=True,
    ),
    Family(
        "small-world",
        "Watts and Strogatz: a ring of near neighbours with some edges moved to far ones.",
        "more peers than the degree (4 if not given), which is even",
        _small_world,
        _small_world_fits,
        ("degree", "rewiring"),
        lambda wanted: wanted.degree or 4,
        varies=True,
    ),
    Family(
        "scale-free",
        "Barabási and Albert: newcomers join the well joined, so that a few become hubs.",
        "more peers than the degree (2 if not given)",
        lambda wanted: (randoms.scale_free(wanted.peers, wanted.degree or 2, wanted.draws), None),
        lambda wanted, peers: peers > (wanted.degree or 2),
        ("degree",),
        lambda wanted: 2 * (wanted.degree or 2),
    ),
    Family(
        "geometric",
        "Peers thrown on a square; those within a radius of each other speak.",
        "2 peers or more",
        _geometric,
        options=("radius",),
        degree=lambda wanted: wanted.peers * min(1.0, math.pi * _radius(wanted) ** 2),
        varies=True,
    ),
    Family(
        "barbell",
        "Two complete halves joined by one bridge.",
        "6 peers or more",
        _sized(lattices.barbell),
        lambda _, peers: peers >= 6,
        degree=lambda wanted: wanted.peers / 2,
    ),
)

FAMILIES: dict[str, Family] = {family.name: family for family in _ALL}

_ALIASES = {
    **dict.fromkeys(("cycle", "circle"), "ring"),
    **dict.fromkeys(("path", "chain"), "line"),
    **dict.fromkeys(("full", "fully-connected", "clique", "all-to-all"), "complete"),
    **dict.fromkeys(("lattice", "grid-2d", "2d-grid"), "grid"),
    **dict.fromkeys(("torus-2d", "2d-torus"), "torus"),
    **dict.fromkeys(("binary-tree", "balanced-tree"), "tree"),
    **dict.fromkeys(("cube",), "hypercube"),
    **dict.fromkeys(("exp", "static-exponential", "exponential-graph"), "exponential"),
    **dict.fromkeys(("regular", "kregular", "d-regular", "random-regular"), "k-regular"),
    **dict.fromkeys(("er", "gnp", "random", "erdosrenyi"), "erdos-renyi"),
    **dict.fromkeys(("ws", "watts-strogatz", "smallworld"), "small-world"),
    **dict.fromkeys(("ba", "barabasi-albert", "scalefree", "preferential-attachment"), "scale-free"),
    **dict.fromkeys(("rgg", "random-geometric"), "geometric"),
    **dict.fromkeys(("dumbbell",), "barbell"),
}


def find_family(name: str) -> Family:
    """The family called `name`, in any usual spelling; TopologyError with the nearest name if none is."""
    plain = _plain(name)
    found = FAMILIES.get(_ALIASES.get(plain, plain))
    if found:
        return found
    near = difflib.get_close_matches(plain, [*FAMILIES, *_ALIASES], n=1, cutoff=0.5)
    hint = f"did you mean {_ALIASES.get(near[0], near[0])}?" if near else f"choose {either(FAMILIES)}."
    raise TopologyError(f"There is no topology called {name!r}; {hint}")


def _plain(name: str) -> str:
    letters = unicodedata.normalize("NFKD", name.strip().lower())
    ascii_only = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return "-".join(ascii_only.replace("_", " ").replace("-", " ").replace("–", " ").split())


def either(words: Iterable[str]) -> str:
    """The words as a choice: 'a, b or c'."""
    *front, last = [*words] or [""]
    return f"{', '.join(front)} or {last}" if front else last
