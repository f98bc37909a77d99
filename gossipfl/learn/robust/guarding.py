"""What all rules share: who hears too few keeps its own, and a newcomer takes the middle of what it hears.

Rules:
- Of vectors as few as the attackers, or fewer than a rule needs, none is taken in.
- Whoever adopts (`own_weight` 0) has no own vector to compare with: it takes the trimmed mean of those heard,
  if these are more than twice the attackers, and else keeps its own.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

import numpy as np

from gossipfl.learn.contracts import Array, Robust
from gossipfl.learn.robust.order import mean_of_places

Combine = TypeVar("Combine", bound=Callable[..., Array])


def guarded(combine: Combine) -> Combine:
    """The method `combine` of a `Robust` rule, which is asked only where enough are heard."""

    @wraps(combine)
    def asked_if_enough(
        rule: Robust, own: Array, heard: Array, own_weight: Array, weights: Array, *scene: Any, **named: Any
    ) -> Array:
        count, attackers = heard.shape[-2], rule.attackers
        few, adopts = count < rule.least_heard, own_weight == 0
        if count == 0 or (few and not adopts.any()):
            return own
        kept = own if few else combine(rule, own, heard, own_weight, weights, *scene, **named)
        if not adopts.any():
            return kept
        middle = mean_of_places(heard, attackers, count - attackers) if count > 2 * attackers else own
        return np.where(adopts[..., None], middle, kept)

    return cast("Combine", asked_if_enough)


def weighed(vectors: Array, shares: Array) -> Array:
    """The sum of `vectors` (..., m, d) by `shares` (..., m), one after another, in their own dtype.

    A vector whose share is 0 is left out, whatever it holds.
    """
    parts = shares.astype(vectors.dtype)[..., None]
    sums = np.zeros((*vectors.shape[:-2], vectors.shape[-1]), vectors.dtype)
    for index in range(vectors.shape[-2]):
        part = parts[..., index, :]
        sums += np.where(part == 0, 0, vectors[..., index, :]) * part
    return sums


def chosen_mean(own: Array, heard: Array, own_weight: Array, weights: Array, chosen: Array) -> Array:
    """The mean by weights of the own vector and of those `chosen` (..., k) of the ones heard.

    Written as a way from the own vector, so that nothing is lost where all are near.
    """
    shares = np.where(chosen, weights, 0.0)
    total = np.maximum(own_weight, 0.0) + shares.sum(axis=-1)
    shares /= np.where(total == 0, 1.0, total)[..., None]
    return moved(own, heard, shares)


def moved(own: Array, heard: Array, shares: Array) -> Array:
    """`own` (..., d) moved towards each of those `heard` (..., k, d) by its share (..., k)."""
    parts = shares.astype(own.dtype)[..., None]
    way = np.zeros_like(own)
    for index in range(heard.shape[-2]):
        part = parts[..., index, :]
        way += np.where(part == 0, 0, heard[..., index, :] - own) * part
    result: Array = own + way
    return result


def as_far_as(own: Array, wanted: Array, own_weight: Array, count: int) -> Array:
    """From `own` (..., d) to `wanted`, or less far for a peer whose own weight says that it counts for more.

    A rule that gives all vectors one vote has no place for weights. Where a mean would move by less than with
    `count` neighbours and equal weights, so does the peer.
    """
    far = np.minimum(1.0, (1.0 - own_weight) * (count + 1) / count)[..., None].astype(own.dtype)
    result: Array = np.where(far == 1, wanted, own + far * (wanted - own))
    return result
