"""The edges of the regular families, vectorised: each function returns (m, 2), unordered, repeats allowed."""

from __future__ import annotations

import numpy as np

from gossipfl.topology.graph import Floats, Integers


def line(peers: int) -> Integers:
    """Each peer to the next."""
    here = np.arange(peers - 1)
    return np.stack((here, here + 1), axis=1)


def ring(peers: int) -> Integers:
    """Each peer to the next, and the last to the first."""
    return circulant(peers, [1])


def star(peers: int) -> Integers:
    """Peer 0 to everyone."""
    leaves = np.arange(1, peers)
    return np.stack((np.zeros_like(leaves), leaves), axis=1)


def complete(peers: int) -> Integers:
    """Everyone to everyone."""
    return np.stack(np.triu_indices(peers, 1), axis=1).astype(np.int64)


def grid(rows: int, columns: int) -> Integers:
    """Each peer to those right of and below it; peer r * columns + c is in row r and column c."""
    place = np.arange(rows * columns).reshape(rows, columns)
    right = np.stack((place[:, :-1].ravel(), place[:, 1:].ravel()), axis=1)
    below = np.stack((place[:-1].ravel(), place[1:].ravel()), axis=1)
    return np.concatenate((right, below))


def torus(rows: int, columns: int) -> Integers:
    """A grid whose rows and columns close to rings."""
    place = np.arange(rows * columns).reshape(rows, columns)
    beside = [np.stack((place.ravel(), np.roll(place, -1, axis).ravel()), axis=1) for axis in (0, 1)]
    return np.concatenate(beside)


def grid_positions(rows: int, columns: int) -> Floats:
    """Where the peers of a grid or torus lie, one apart, row 0 on top."""
    row, column = np.divmod(np.arange(rows * columns), columns)
    return np.stack((column, -row), axis=1).astype(np.float64)


def squarest(peers: int) -> int:
    """The number of rows, at most sqrt(peers), that makes the squarest grid; 1 for a prime."""
    return next(rows for rows in range(int(peers**0.5) + 1, 0, -1) if peers % rows == 0 and rows**2 <= peers)


def tree(peers: int, branching: int) -> Integers:
    """Each peer i > 0 to its parent (i - 1) // branching, so that levels fill one after the other."""
    children = np.arange(1, peers)
    return np.stack(((children - 1) // branching, children), axis=1)


def hypercube(peers: int) -> Integers:
    """Each peer to those whose number differs in one bit."""
    here = np.arange(peers)
    flipped = [np.stack((here, here ^ (1 << bit)), axis=1) for bit in range(peers.bit_length() - 1)]
    return np.concatenate(flipped)


def exponential(peers: int) -> Integers:
    """Each peer i to i ± 2^k modulo `peers`, for 2^k < peers."""
    return circulant(peers, [1 << k for k in range((peers - 1).bit_length())])


def circulant(peers: int, strides: list[int]) -> Integers:
    """Each peer i to i ± s modulo `peers`, for each stride s."""
    here = np.arange(peers)
    return np.concatenate([np.stack((here, (here + stride) % peers), axis=1) for stride in strides])


def barbell(peers: int) -> Integers:
    """Two complete halves and the bridge between them; with an odd number, one peer stands on the bridge."""
    half = peers // 2
    left, last = complete(half), peers - half
    bridge = line(last - half + 2) + half - 1
    return np.concatenate((left, left + last, bridge))
