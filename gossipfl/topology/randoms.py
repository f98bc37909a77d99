"""The edges of the random families: each a pure function of its options and of `Draws`.

Rules:
- The same seed gives the same graph; `lane` tells successive attempts apart.
- A million peers take seconds.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from gossipfl.draws import Draws
from gossipfl.errors import TopologyError
from gossipfl.topology.graph import Floats, Integers
from gossipfl.topology.lattices import circulant, complete

_REPAIRS_MAX = 400
_STARTS_MAX = 200
_MOVES_MAX = 64
"""How often a place is drawn for an edge of a small world before it stays where it is."""
_BLOCK = 4096


def k_regular(peers: int, degree: int, draws: Draws) -> Integers:
    """A random simple graph in which every peer has `degree` neighbours; connected if degree >= 2.

    Superposes random Hamiltonian cycles, and for an odd degree a random perfect matching, then repairs
    repeated edges by switching ends with random others; the first cycle is never touched, so the graph stays
    connected. For a fixed degree such unions resemble uniform regular graphs: Kim and Wormald (2001), "Random
    matchings which induce Hamilton cycles and Hamiltonian decompositions of random regular graphs".
    A degree above half is the complement of a small one. Needs degree < peers and an even peers * degree.
    """
    if 2 * degree > peers - 1:
        return _complement(peers, k_regular(peers, peers - 1 - degree, draws))
    for start in range(_STARTS_MAX):
        edges = _repaired(_superposed(peers, degree, draws, start), peers, degree, draws, start)
        if edges is not None:
            return edges
    raise TopologyError(f"No {degree}-regular graph of {peers} peers was found; try another seed.")


def erdos_renyi(peers: int, probability: float, draws: Draws, lane: int) -> Integers:
    """Each pair joined with `probability`, by jumping from one edge to the next.

    Batagelj and Brandes (2005), "Efficient generation of large random networks".
    """
    if probability >= 1:
        return complete(peers)
    pairs = peers * (peers - 1) // 2
    expected = pairs * probability
    count = int(expected + 10 * np.sqrt(expected + 1) + 10)
    jumps = np.floor(np.log1p(-draws.uniform("erdos-renyi", count, lane)) / np.log1p(-probability))
    places = np.cumsum(np.minimum(jumps, pairs) + 1) - 1
    chosen = places[places < pairs].astype(np.int64)
    high = np.floor((1 + np.sqrt(1 + 8 * chosen.astype(np.float64))) / 2).astype(np.int64)
    high -= high * (high - 1) // 2 > chosen  # the square root may round over an integer, either way
    high += high * (high + 1) // 2 <= chosen
    return np.stack((chosen - high * (high - 1) // 2, high), axis=1)


def small_world(peers: int, degree: int, rewiring: float, draws: Draws, lane: int) -> Integers:
    """A ring lattice with edges rewired, each with probability `rewiring`: Watts and Strogatz (1998).

    The far end goes to any peer, all as likely, that the near end is not joined to; where none is found in
    _MOVES_MAX draws, the edge stays.
    """
    edges = circulant(peers, [*range(1, degree // 2 + 1)])
    moving = np.flatnonzero(draws.uniform("small-world", len(edges), lane) < rewiring)
    for attempt in range(_MOVES_MAX):
        if not len(moving):
            break
        near = edges[moving, 0]
        far = draws.integers("rewiring", len(moving), peers, lane * _MOVES_MAX + attempt)
        keys = _keys(np.stack((near, far), axis=1), peers)
        good = _new(keys, np.sort(_keys(edges, peers))) & (near != far)
        edges[moving[good], 1] = far[good]
        moving = moving[~good]
    return edges


def scale_free(peers: int, degree: int, draws: Draws) -> Integers:
    """Newcomers join `degree` earlier peers, preferring the well joined: Barabási and Albert (1999).

    The first is the hub of a star of `degree` + 1. To draw one end of all edges so far is to prefer the well
    joined: Batagelj and Brandes (2005), "Efficient generation of large random networks".
    """
    ends = [*[0] * degree, *range(1, degree + 1)]
    numbers = _numbers(draws, "scale-free")
    for newcomer in range(degree + 1, peers):
        joined: dict[int, None] = {}
        many = len(ends)
        while len(joined) < degree:
            joined[ends[int(next(numbers) * many)]] = None
        ends += joined
        ends += [newcomer] * degree
    return np.array(ends).reshape(-1, 2, degree).transpose(0, 2, 1).reshape(-1, 2)


def geometric(peers: int, radius: float, draws: Draws, lane: int) -> tuple[Integers, Floats]:
    """Peers thrown on the unit square and joined if at most `radius` apart: the edges, and where they lie."""
    from scipy.spatial import cKDTree

    positions = draws.uniform("geometric", 2 * peers, lane).reshape(peers, 2)
    return cKDTree(positions).query_pairs(radius, output_type="ndarray").astype(np.int64), positions


def _numbers(draws: Draws, purpose: str) -> Iterator[float]:
    """Numbers in [0, 1) without end."""
    for block in itertools.count():
        yield from draws.uniform(purpose, _BLOCK, block).tolist()


def _superposed(peers: int, degree: int, draws: Draws, start: int) -> Integers:
    layers: list[Integers] = []
    for layer in range(-(-degree // 2)):
        order = draws.permutation("k-regular", peers, start * peers + layer)
        following = np.roll(order, -1)
        whole = 2 * layer + 2 <= degree
        layers.append(np.stack((order, following), axis=1)[:: 1 if whole else 2])
    return np.concatenate(layers) if layers else np.empty((0, 2), np.int64)


def _repaired(edges: Integers, peers: int, degree: int, draws: Draws, start: int) -> Integers | None:
    """`edges` without repeats, each end keeping its degree; None if switching got stuck."""
    fixed = peers if degree >= 2 else 0
    for attempt in range(_REPAIRS_MAX):
        keys = _keys(edges, peers)
        in_order = np.sort(keys)
        repeats = _repeats(keys, in_order)
        if not len(repeats):
            return edges
        lane = start * _REPAIRS_MAX + attempt
        drawn = draws.integers("switch", 2 * len(repeats), len(edges) - fixed, lane)
        others, which = np.unique(drawn[: len(repeats)] + fixed, return_index=True)
        mine = repeats[which]
        flip = drawn[len(repeats) :][which] % 2 == 1
        _switch(edges, mine, others, flip, in_order, peers, repeats)
    return None


def _switch(
    edges: Integers,
    mine: Integers,
    others: Integers,
    flip: NDArray[np.bool_],
    known: Integers,
    peers: int,
    repeats: Integers,
) -> None:
    """Turn a-b and c-d into a-d and c-b (or, flipped, a-c and d-b) wherever both are new and no loops."""
    (a, b), (c, d) = edges[mine].T, edges[others].T
    c, d = np.where(flip, d, c), np.where(flip, c, d)
    first, second = np.stack((a, d), axis=1), np.stack((c, b), axis=1)
    keys = np.stack((_keys(first, peers), _keys(second, peers)))
    good = _new(keys, known).all(axis=0) & (a != d) & (c != b) & ~np.isin(others, repeats)
    edges[mine[good]], edges[others[good]] = first[good], second[good]


def _repeats(keys: Integers, in_order: Integers) -> Integers:
    """Where `keys` hold what they held before, in the order of what that is; `in_order` are they, sorted."""
    twice = in_order[1:][in_order[1:] == in_order[:-1]]
    here = np.flatnonzero(_among(keys, twice))
    order = here[np.argsort(keys[here], kind="stable")]
    again: Integers = order[1:][keys[order[1:]] == keys[order[:-1]]]
    return again


def _new(keys: Integers, known: Integers) -> NDArray[np.bool_]:
    """Which of `keys`, of any shape, are neither `known` (sorted) nor there twice."""
    _, back, times = np.unique(keys, return_inverse=True, return_counts=True)
    return np.asarray(~_among(keys, known) & (times[back].reshape(keys.shape) == 1))


def _among(keys: Integers, known: Integers) -> NDArray[np.bool_]:
    """Which of `keys`, of any shape, are `known` (sorted)."""
    if not len(known):
        return np.zeros(keys.shape, np.bool_)
    at = np.minimum(np.searchsorted(known, keys), len(known) - 1)
    return np.asarray(known[at] == keys)


def _keys(edges: Integers, peers: int) -> Integers:
    low, high = np.minimum(edges[:, 0], edges[:, 1]), np.maximum(edges[:, 0], edges[:, 1])
    return np.asarray(low * peers + high, np.int64)


def _complement(peers: int, edges: Integers) -> Integers:
    everyone = complete(peers)
    return everyone[~np.isin(_keys(everyone, peers), _keys(edges, peers))]
