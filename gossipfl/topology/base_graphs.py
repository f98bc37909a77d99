"""Base-(k+1) graphs: schedules of degree at most k after which any number of peers agrees exactly.

Takezawa, Sato, Bao, Niwa and Yamada (NeurIPS 2023, arXiv 2305.11420), "Beyond exponential graph:
communication-efficient topologies for decentralized learning via finite-time convergence".

Rules:
- A construction joins 0 .. size - 1, as one `Links` per round; `_onto` puts it on the peers it is for.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from gossipfl.topology.graph import Floats, Integers
from gossipfl.topology.mixing import both_ways, completed

if TYPE_CHECKING:
    from scipy.sparse import csr_array


class Links(NamedTuple):
    """Undirected edges (m, 2) and the weight (m,) that both ends give each other."""

    edges: Integers
    weights: Floats

    def matrix(self, peers: int) -> csr_array:
        """The symmetric mixing matrix (peers, peers)."""
        return completed(peers, *both_ways(self.edges), np.tile(self.weights, 2))


def hyper_hypercube(size: int, degree: int) -> list[Links]:
    """Averages over groups of at most degree + 1, one digit of a mixed-radix number after the other.

    Exact after as many rounds as `factors` finds; needs every prime factor of `size` to be <= degree + 1.
    """
    links, stride = [], 1
    for width in factors(size, degree + 1) or ():
        groups = np.arange(size).reshape(-1, width, stride).transpose(0, 2, 1).reshape(-1, width)
        links.append(_averaged(groups))
        stride *= width
    return links


def simple_base(size: int, degree: int) -> list[Links]:
    """Simple Base-(k+1), k = degree: exact for any `size` after at most 2 log_{k+1}(size) + 2 rounds.

    The peers are split by the digits of `size` in base k + 1 into parts V_1, V_2, ... of a_l blocks each. The
    parts average within themselves; then each hands its mean on to all later parts, whose peers exchange
    with one peer of each of its blocks; the blocks average what came in return.
    """
    if factors(size, degree + 1) is not None:
        return hyper_hypercube(size, degree)
    parts = _parts(size, degree + 1)
    return _within(parts, degree) + _handing_on(parts, degree)


def base(size: int, degree: int) -> list[Links]:
    """Base-(k+1), k = degree: Simple Base or, where that is shorter, its product with a hyper-hypercube.

    With size = p q, where p has all prime factors <= k + 1 and q none, Simple Base runs on p rows of q peers
    and a hyper-hypercube across the rows.
    """
    simple, smooth = simple_base(size, degree), _smooth_part(size, degree + 1)
    if smooth in (1, size):
        return simple
    rows = np.arange(size).reshape(smooth, -1)
    along = [_onto(rows, links) for links in simple_base(size // smooth, degree)]
    across = [_onto(rows.T, links) for links in hyper_hypercube(smooth, degree)]
    return min(simple, along + across, key=len)


@lru_cache(maxsize=4096)
def factors(size: int, most: int) -> tuple[int, ...] | None:
    """The fewest factors of `size`, each at most `most`, and of those the smallest, if there are any."""
    if size == 1:
        return ()
    if size <= most:
        return (size,)
    best: tuple[int, ...] | None = None
    for first in range(2, most + 1):
        rest = factors(size // first, most) if size % first == 0 else None
        if rest is not None:
            found = (first, *rest)
            best = found if best is None else min(best, found, key=lambda each: (len(each), sum(each)))
    return best


def largest_prime(number: int) -> int:
    """The largest prime factor; 1 of 1."""
    largest, divisor = 1, 2
    while divisor * divisor <= number:
        while number % divisor == 0:
            largest, number = divisor, number // divisor
        divisor += 1
    return max(largest, number)


def _smooth_part(number: int, most: int) -> int:
    """The largest divisor of `number` without a prime factor above `most`."""
    rest = number
    for divisor in range(2, min(most, number) + 1):
        while rest % divisor == 0:
            rest //= divisor
    return number // rest


def _parts(size: int, radix: int) -> list[Integers]:
    """Parts (a_l, radix^p_l) of 0 .. size - 1 by the digits a_l of `size`, the largest power first."""
    digits: list[tuple[int, int]] = []
    rest, power = size, 1
    while rest:
        rest, digit = divmod(rest, radix)
        digits.append((digit, power))
        power *= radix
    parts, start = [], 0
    for digit, width in reversed(digits):
        if digit:
            parts.append(np.arange(start, start + digit * width).reshape(digit, width))
            start += digit * width
    return parts


def _within(parts: list[Integers], degree: int) -> list[Links]:
    """All parts average within themselves, in as many rounds as the first of them takes."""
    each = [(part.reshape(1, -1), hyper_hypercube(part.size, degree)) for part in parts]
    return [_joined([_turn(part, average, m) for part, average in each]) for m in range(len(each[0][1]))]


def _handing_on(parts: list[Integers], degree: int) -> list[Links]:
    """Part l hands its mean on in round l; then its blocks average, those of the last from round L on."""
    averages = [hyper_hypercube(part.shape[1], degree) for part in parts]
    rounds, last = [], len(parts) - 1
    for m in range(len(averages[0]) + 1):
        links = []
        for place, (part, average) in enumerate(zip(parts, averages, strict=True)):
            if m == place < last:
                links += _handed(part, np.concatenate([p.ravel() for p in parts[place + 1 :]]), degree)
            elif m >= min(place + 1, last):
                links.append(_turn(part, average, m - min(place + 1, last)))
        rounds.append(_joined(links))
    return rounds


def _handed(part: Integers, later: Integers, degree: int) -> list[Links]:
    """Each later peer exchanges with one of every block of `part`; the others of a part average meanwhile.

    The weight |part| / (|part| + |later|) / blocks gives the later ones the mean of all, and leaves in each
    block what averages to it.
    """
    blocks, many = part.shape[0], len(later)
    edges = np.stack((part[:, :many].ravel(), np.tile(later, blocks)), axis=1)
    weight = part.size / (part.size + many) / blocks
    idle = part[:, many:].ravel()
    whole = len(idle) - len(idle) % (degree + 1)
    groups = (idle[:whole].reshape(-1, degree + 1), idle[whole:].reshape(1, -1))
    return [Links(edges, np.full(len(edges), weight)), *map(_averaged, groups)]


def _turn(places: Integers, average: list[Links], m: int) -> Links:
    """Round m of an average, which begins again when it is over; nothing for parts of one peer."""
    return _onto(places, average[m % len(average)]) if average else _joined([])


def _averaged(groups: Integers) -> Links:
    """Each row of `groups` (g, width) takes its mean."""
    one, other = np.triu_indices(groups.shape[1], 1)
    edges = np.stack((groups[:, one].ravel(), groups[:, other].ravel()), axis=1)
    return Links(edges, np.full(len(edges), 1.0 / max(groups.shape[1], 1)))


def _onto(places: Integers, links: Links) -> Links:
    """The links of 0 .. width - 1 on the peers of each row of `places` (m, width)."""
    return Links(places[:, links.edges].reshape(-1, 2), np.tile(links.weights, len(places)))


def _joined(links: Sequence[Links]) -> Links:
    edges = [np.empty((0, 2), np.int64), *(each.edges for each in links)]
    return Links(np.concatenate(edges), np.concatenate([np.empty(0), *(each.weights for each in links)]))
