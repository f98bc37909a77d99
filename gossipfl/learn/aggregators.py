"""Ways to combine a peer's own vector with those that it heard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gossipfl.learn.contracts import Aggregator, Algorithm, Array, Heard, Judging, Scene

_PART = 1 << 16
"""Numbers of a vector that are weighed in one call for all neighbours: the weighed copy stays small."""


@dataclass(frozen=True, slots=True)
class WeightedMean:
    """The mean by mixing weights: one step of linear consensus.

    DeGroot (JASA 1974), "Reaching a consensus". Sums in the vectors' own dtype, neighbour by neighbour in the
    order heard, so that one peer and a crowd round alike.
    """

    def __call__(self, own: Array, heard: Array, own_weight: Array, weights: Array) -> Array:
        """(..., d), (..., k, d), (...), (..., k) -> (..., d). With k = 0 it returns `own`."""
        if heard.shape[-2] == 0:
            return own
        shares = weights.astype(own.dtype, copy=False)[..., None]
        mean: Array = own * own_weight[..., None].astype(own.dtype, copy=False)
        for first in range(0, own.shape[-1], _PART):
            part = slice(first, first + _PART)
            sums, terms = mean[..., part], heard[..., part] * shares
            for index in range(heard.shape[-2]):
                sums += terms[..., index, :]
        return mean


def combined(aggregator: Aggregator, own: Array, heard: Heard) -> Array:
    """What `aggregator` makes of the `own` vector (..., d) and of the vectors that `heard` begins with.

    It sees the scene if it judges by it. Whoever counts for nothing, as one who spoke out of turn, is not
    there for any rule.
    """
    vectors, weights = heard.payload[0], heard.weights
    if isinstance(aggregator, WeightedMean):  # first, for it is by far the most frequent
        return aggregator(own, vectors, heard.own_weight, weights)
    if not weights.all():
        return _of_those_who_count(aggregator, own, heard)
    if isinstance(aggregator, Judging):
        return aggregator.judged(own, vectors, heard.own_weight, weights, heard.scene)
    return aggregator(own, vectors, heard.own_weight, weights)


def judges(algorithm: Algorithm[Any]) -> bool:
    """Whether `algorithm` combines by a rule that wants to see the scene."""
    return isinstance(getattr(algorithm, "aggregator", None), Judging)


def asks_losses(algorithm: Algorithm[Any]) -> bool:
    """Whether `algorithm` combines by a rule that asks for losses."""
    aggregator = getattr(algorithm, "aggregator", None)
    return isinstance(aggregator, Judging) and aggregator.asks_losses


def _of_those_who_count(aggregator: Aggregator, own: Array, heard: Heard) -> Array:
    """Peer by peer, for each may hear another number of those who count."""
    if own.ndim > 1:
        ones = [
            combined(aggregator, vector, _of(heard, peer, slice(None))) for peer, vector in enumerate(own)
        ]
        return np.stack(ones)
    return combined(aggregator, own, _of(heard, (), heard.weights != 0))


def _of(heard: Heard, peer: Any, those: Any) -> Heard:
    """What one peer heard of some of its neighbours; `peer` is () where there is but one."""
    scene = heard.scene
    if scene is not None:
        losses = scene.losses and (np.asarray(scene.losses[0])[peer], scene.losses[1][peer][..., those])
        scene = Scene(np.asarray(scene.progress)[peer], np.asarray(scene.step)[peer], scene.draws, losses)
    return Heard(
        tuple(part[peer][those] for part in heard.payload[:1]),
        heard.weights[peer][those],
        np.asarray(heard.own_weight)[peer],
        (),
        scene,
    )
