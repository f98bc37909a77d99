"""Values of a coordinate in growing order: where each vector stands among all, without sorting any.

Rules:
- Vectors lie on axis -2; places are found by comparing each with each, which for the few vectors of a
  neighbourhood is faster than sorting columns, and gives the same for one peer and a crowd.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gossipfl.learn.contracts import Array

_NARROW = 127
"""So many places one byte holds."""

PART = 1 << 13
"""Numbers of a vector that are compared at once: the vectors of a neighbourhood stay in the cache."""


def parts(size: int) -> Iterator[slice]:
    """The coordinates of a vector of length `size`, part by part."""
    return (slice(first, min(first + PART, size)) for first in range(0, size, PART))


def together(own: Array, heard: Array) -> Array:
    """The own vector (..., d) in front of those heard (..., k, d), as (..., k + 1, d)."""
    return np.concatenate((own[..., None, :], heard), axis=-2)


def places(vectors: Array) -> Array:
    """How many of the other values of its coordinate each of `vectors` (..., m, b) exceeds; (..., m, b).

    Of equal values the one that stands first in the stack counts as the less, so that all places differ.
    """
    count = vectors.shape[-2]
    found = np.zeros(vectors.shape, np.int8 if count <= _NARROW else np.int32)
    for one in range(count):
        for other in range(one + 1, count):
            after = vectors[..., one, :] > vectors[..., other, :]
            found[..., one, :] += after
            found[..., other, :] += ~after
    return found


def mean_of_places(vectors: Array, first: int, last: int, weights: Array | None = None) -> Array:
    """Of each coordinate the mean of the values in places `first` to `last` - 1: (..., m, d) -> (..., d).

    `weights` (..., m) say how much each vector counts; without them all count alike. Of equal values those
    that count for more come first, so that the order in which they were heard does not matter.
    """
    if weights is not None:
        order = np.argsort(-weights, axis=-1, kind="stable")
        weights = np.take_along_axis(weights, order, axis=-1)
        vectors = np.take_along_axis(vectors, order[..., None], axis=-2)
    mean = np.empty((*vectors.shape[:-2], vectors.shape[-1]), vectors.dtype)
    for part in parts(vectors.shape[-1]):
        some = vectors[..., part]
        place = places(some)
        kept = ((place >= first) & (place < last)).astype(vectors.dtype)
        total = np.full(mean[..., part].shape, last - first, mean.dtype)
        if weights is not None:
            kept *= weights[..., None].astype(vectors.dtype)
            total = kept.sum(axis=-2)
            total[total == 0] = 1  # of a peer that counts for nothing itself
        mean[..., part] = (kept * some).sum(axis=-2) / total
    return mean
