"""Which rows each peer of a crowd takes at each step.

Rules:
- A peer's batches depend on its own samples and draws alone, never on who else is in the crowd.
- So do their shapes: matrix products of other shapes may round otherwise. Peers are grouped by the width of
  their batches, a short batch is filled up with rows of its own peer, and `valid` tells which of them count.
- A peer whose steps are done takes no part in those of others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gossipfl.draws import Draws
from gossipfl.learn.contracts import Array, Samples

Integers = NDArray[np.int64]


class Batch(NamedTuple):
    """One step of the first p peers of a plan."""

    rows: Array  # (p, width) indices into the shared features
    valid: NDArray[np.bool_]  # (p, width)


class Plan(NamedTuple):
    """The steps of some peers whose batches are equally wide; those with most steps first."""

    peers: Array  # (p,) positions in the crowd
    rows: Array  # (p, k)
    counts: Integers  # (p,), at least 1
    steps: Integers  # (p,), at least 1, descending
    batch: int
    width: int

    def batches(self, draws: Draws | None) -> Iterator[Batch]:
        """Batch after batch, shuffled anew in each epoch by `draws` (of these peers), or in order without."""
        order = self.rows if draws is None else np.empty_like(self.rows)
        per_epoch = -(-self.counts // self.batch)
        within = np.arange(self.width)
        for step in range(int(self.steps[0])):
            active = int(np.count_nonzero(self.steps > step))
            epoch, part = np.divmod(step, per_epoch[:active])
            fresh = np.flatnonzero(part == 0)
            if draws is not None and fresh.size:
                own = Draws(draws.seed, np.asarray(draws.peer)[fresh], draws.round)
                order[fresh] = shuffled(self.rows[fresh], self.counts[fresh], own, epoch[fresh])
            counts = self.counts[:active, None]
            at = (part * self.batch)[:, None] + within
            yield Batch(np.take_along_axis(order[:active], np.minimum(at, counts - 1), axis=1), at < counts)


def plans(
    lead: tuple[int, ...], samples: Samples, batch: int, steps: Array, peers_max: int
) -> Iterator[Plan]:
    """Plans of at most `peers_max` peers each, for all of a crowd of shape `lead` with `steps` to take."""
    rows, counts = flat_rows(lead, samples), flat_counts(lead, samples)
    widths = np.minimum(batch, _rounded(counts))
    for width in np.unique(widths[steps > 0]):
        group = np.flatnonzero((widths == width) & (steps > 0))
        group = group[np.argsort(-steps[group], kind="stable")]
        for first in range(0, len(group), peers_max):
            peers = group[first : first + peers_max]
            held = counts[peers]
            yield Plan(peers, rows[peers, : int(held.max())], held, steps[peers], batch, int(width))


def one_batch(samples: Samples, batch: int, draws: Draws) -> Samples:
    """At most `batch` rows of one peer's `samples`, drawn apart from those that it trains on."""
    count = int(samples.counts)
    if count <= batch:
        return samples
    rows = samples.rows[draws.permutation("judged", count)[:batch]]
    return replace(samples, rows=rows, counts=np.asarray(batch))


def flat_rows(lead: tuple[int, ...], samples: Samples) -> Array:
    """The rows of each peer of a crowd of shape `lead`, (n, k), padding included."""
    crowd, held = int(np.prod(lead, dtype=np.int64)), samples.rows.shape[-1]
    return spread(samples.rows, (*lead, held)).reshape(crowd, held)


def flat_counts(lead: tuple[int, ...], samples: Samples) -> Integers:
    """How many samples each peer of a crowd of shape `lead` holds, (n,)."""
    return spread(np.asarray(samples.counts, np.int64), lead).reshape(-1)


def spread(array: Array, shape: tuple[int, ...]) -> Array:
    """`array` broadcast to `shape`; what has it already, as in most blocks of a crowd, costs nothing."""
    return array if array.shape == shape else np.broadcast_to(array, shape)


def in_a_row(peers: Array) -> Array | slice:
    """`peers` (p,) as an index: a slice where they follow one another, so that nothing is copied."""
    first, last = (int(peers[0]), int(peers[-1])) if len(peers) else (0, -1)
    return slice(first, last + 1) if np.array_equal(peers, np.arange(first, last + 1)) else peers


def shuffled(rows: Array, counts: Array, draws: Draws, lane: int | Array) -> Array:
    """`rows` (p, k) with the first `counts` (p,) of each peer in random order and the rest anywhere behind.

    A row's place in the order is that of a random word, of which the row's position breaks ties.
    """
    held = rows.shape[-1]
    keys = draws.words("batches", held, lane).astype(np.uint64)
    keys <<= np.uint64(32)
    keys |= np.arange(held, dtype=np.uint64)
    if int(counts.min(initial=held)) < held:
        keys[np.arange(held) >= counts[:, None]] = np.uint64(0xFFFF_FFFF_FFFF_FFFF)
    keys.sort(axis=-1)
    keys &= np.uint64(0xFFFF_FFFF)
    places: NDArray[Any] = np.minimum(keys, np.uint64(max(held - 1, 0))).astype(np.intp)
    return np.take_along_axis(rows, places, axis=1)


def _rounded(counts: Integers) -> Integers:
    """Counts rounded up to 8 sizes per doubling: few groups, little filling up."""
    exponents = np.frexp(np.maximum(counts, 1))[1].astype(np.int64) - 1
    unit = np.maximum(8, np.left_shift(1, exponents) // 8)
    rounded: Integers = -(-counts // unit) * unit
    return rounded
