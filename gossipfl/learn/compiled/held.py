"""The samples of many peers, in the few types for which kernels are compiled."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from gossipfl.learn.batches import Integers, flat_counts, flat_rows
from gossipfl.learn.compiled.jit import compiled
from gossipfl.learn.contracts import Array, Samples

if TYPE_CHECKING:
    from gossipfl.learn.models import Dense


class Held(NamedTuple):
    """See `Samples`; targets are `classes` or `numbers`, and the other is empty."""

    features: Array  # (N, f) of float32 or float64
    classes: Array  # (N,) of int64, or (0,)
    numbers: Array  # (N,) of float64, or (0,)
    rows: Array  # (n, k), or (1, k) for all alike, of int32 or int64
    counts: Integers  # (n,)


def held(model: Dense, samples: Samples, peers: int) -> Held:
    """The samples of a crowd of so many `peers`, without a copy where they are of these types already."""
    features, targets, rows = samples.features, samples.targets, samples.rows
    rows = rows[None] if rows.ndim == 1 else flat_rows(rows.shape[:-1], samples)
    counts = flat_counts((peers,), Samples(features, targets, rows, np.ravel(samples.counts)))
    float_type = features.dtype if features.dtype in (np.float32, np.float64) else np.float64
    row_type = np.int32 if rows.dtype == np.int32 else np.int64
    nothing = targets[:0]
    classes, numbers = (targets, nothing) if model.task == "classes" else (nothing, targets)
    return Held(
        sealed(np.asarray(features, float_type)),
        sealed(np.ascontiguousarray(classes, np.int64)),
        sealed(np.ascontiguousarray(numbers, np.float64)),
        sealed(np.ascontiguousarray(rows, row_type)),
        sealed(np.ascontiguousarray(counts)),
    )


def sealed(array: Array) -> Array:
    """`array` to be read only, as all that kernels read: else they would be compiled for either."""
    view = array.view(np.ndarray)
    view.flags.writeable = False
    return view


@compiled
def in_range(rows: Array, samples: int, targets: Array, classes: int) -> bool:
    """Whether `rows` are below `samples`, and their targets, if they are classes, below `classes`."""
    strays = 0
    for row in rows:
        there = 0 <= row < samples
        strays += not there
        if there and targets.size > 0:
            strays += not 0 <= targets[row] < classes
    return strays == 0


@compiled
def balance(shares: Array, rows: Array, classes: Array) -> None:
    """Write into `shares` what "balanced" gives each class (see `gossipfl.learn.models.class_weights`)."""
    shares[:] = 0.0
    for row in rows:
        shares[classes[row]] += 1.0
    present = 0
    for many in shares:
        present += many > 0
    for i in range(shares.size):
        shares[i] = rows.size / (present * max(shares[i], 1.0))
