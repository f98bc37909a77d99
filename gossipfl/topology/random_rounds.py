"""Graphs that are drawn afresh in every round, each peer alone drawing the same.

De Vos, Farhadkhani, Guerraoui, Kermarrec, Pires and Sharma (NeurIPS 2023, arXiv 2310.01972), "Epidemic
learning: boosting decentralized learning with randomized communication".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gossipfl.draws import Draws
from gossipfl.topology.graph import Integers
from gossipfl.topology.mixing import both_ways, completed
from gossipfl.topology.randoms import k_regular

if TYPE_CHECKING:
    from scipy.sparse import csr_array


def random_regular(peers: int, degree: int, seed: int, round: int) -> csr_array:
    """W = (A + I) / (s + 1) of a random s-regular graph, s = degree (EL-Oracle); symmetric.

    A round multiplies the squared distance to the mean by (1 - s / (n - 1)) / (s + 1) in expectation.
    """
    mine, theirs = both_ways(k_regular(peers, degree, Draws(seed, round=round)))
    return completed(peers, mine, theirs, np.full(len(mine), 1.0 / (degree + 1)))


def random_peers(peers: int, degree: int, seed: int, round: int) -> csr_array:
    """Each peer sends to s = degree others; who hears r of them gives each and itself 1 / (r + 1): EL-Local.

    The rows sum to 1, the columns do not: the mean moves. A round multiplies the squared distance to what was
    the mean by (1 - (1 - s / (n - 1))^n) / s - 1 / (n - 1) in expectation.
    """
    theirs = np.repeat(np.arange(peers), degree)
    mine = _others(peers, degree, Draws(seed, np.arange(peers), round)).ravel()
    heard = np.bincount(mine, minlength=peers)
    return completed(peers, mine, theirs, np.divide(1.0, heard[mine] + 1))


def _others(peers: int, count: int, draws: Draws) -> Integers:
    """For each peer `count` different others (peers, count), every such set as likely.

    Floyd's sampling: Bentley and Floyd (CACM 1987), "A sample of brilliance".
    """
    drawn = draws.uniform("peers", count)
    chosen = np.full((peers, count), -1, np.int64)
    for place, top in enumerate(range(peers - 1 - count, peers - 1)):
        one = (drawn[:, place] * (top + 1)).astype(np.int64)
        chosen[:, place] = np.where((chosen == one[:, None]).any(axis=1), top, one)
    return chosen + (chosen >= np.arange(peers)[:, None])
