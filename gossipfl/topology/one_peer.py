"""Exponential graphs and the schedules that go through them one neighbour at a time.

Ying, Yuan, Chen, Hu, Pan and Yin (NeurIPS 2021, arXiv 2110.13363), "Exponential graph is provably efficient
for decentralized deep training": peer i hears i + 1, i + 2, i + 4, ... around a ring, all of them in every
round, or one of them in each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gossipfl.topology.mixing import completed

if TYPE_CHECKING:
    from scipy.sparse import csr_array


def exponential(peers: int) -> csr_array:
    """W[i, i + 2^k mod n] = 1 / (t + 1) for each k < t = ceil(log2 n): directed and doubly stochastic.

    The gap is 2 / (1 + t) for even n and more for odd n.
    """
    return _circulant(peers, _strides(peers))


def one_peer_exponential(peers: int) -> list[csr_array]:
    """In round k + 1 peer i averages with i + 2^k alone, W = 1/2: t = ceil(log2 n) rounds.

    Exact after t rounds if n is a power of two, and only then.
    """
    return [_circulant(peers, [stride]) for stride in _strides(peers)]


def one_peer_hypercube(peers: int) -> list[csr_array]:
    """In round k + 1 each averages with the one whose number differs in binary digit k; n a power of two."""
    here = np.arange(peers)
    return [completed(peers, here, here ^ stride, np.full(peers, 0.5)) for stride in _strides(peers)]


def _strides(peers: int) -> list[int]:
    return [1 << k for k in range((peers - 1).bit_length())]


def _circulant(peers: int, strides: list[int]) -> csr_array:
    here = np.arange(peers)
    theirs = np.concatenate([(here + stride) % peers for stride in strides])
    weights = np.full(len(theirs), 1.0 / (len(strides) + 1))
    return completed(peers, np.tile(here, len(strides)), theirs, weights)
