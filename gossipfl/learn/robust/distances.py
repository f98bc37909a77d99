"""How far vectors are apart, in float64 whatever their own precision, a part of the coordinates at a time.

Rules:
- Products are of differences to the own vector, not of the vectors: between honest peers these are as small
  as the distances that are wanted, so little is lost where they are subtracted.
- One peer and a crowd make the same products of the same shapes, so that they round alike.
"""

from __future__ import annotations

import numpy as np

from gossipfl.learn.contracts import Array
from gossipfl.learn.robust.order import parts


def from_own(own: Array, heard: Array) -> Array:
    """The distances (..., k), float64, of those `heard` (..., k, d) to the `own` vector (..., d)."""
    squares = np.zeros(heard.shape[:-1])
    for part in parts(own.shape[-1]):
        apart = heard[..., part].astype(np.float64) - own[..., None, part]
        squares += (apart * apart).sum(axis=-1)
    distances: Array = np.sqrt(squares)
    return distances


def squares_between(own: Array, heard: Array) -> Array:
    """The squared distances (..., k + 1, k + 1), float64, of all pairs; the own vector (..., d) is the first.

    Of two that are far from the own one and near each other the distance is rounded to the former.
    """
    count = heard.shape[-2] + 1
    products = np.zeros((*heard.shape[:-2], count, count))
    for part in parts(own.shape[-1]):
        apart = np.zeros((*heard.shape[:-2], count, part.stop - part.start))
        apart[..., 1:, :] = heard[..., part].astype(np.float64) - own[..., None, part]
        products += apart @ np.swapaxes(apart, -1, -2)
    lengths = np.diagonal(products, axis1=-2, axis2=-1)
    squares = lengths[..., :, None] + lengths[..., None, :] - 2.0 * products
    squares[..., np.arange(count), np.arange(count)] = 0.0
    positive: Array = np.maximum(squares, 0.0)
    return positive


def norms(vectors: Array) -> Array:
    """The lengths (...), float64, of `vectors` (..., d)."""
    squares = np.zeros(vectors.shape[:-1])
    for part in parts(vectors.shape[-1]):
        some = vectors[..., part].astype(np.float64)
        squares += (some * some).sum(axis=-1)
    lengths: Array = np.sqrt(squares)
    return lengths


def nearest(distances: Array, count: int) -> Array:
    """Which of the `distances` (..., m) are the `count` least, as truth values (..., m); of equal ones the
    first."""
    order = np.argsort(distances, axis=-1, kind="stable")
    chosen = np.zeros(distances.shape, np.bool_)
    np.put_along_axis(chosen, order[..., :count], True, axis=-1)
    return chosen
