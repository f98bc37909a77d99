"""Ways to combine a peer's own vector with those that it heard."""

from __future__ import annotations

from dataclasses import dataclass

from gossipfl.learn.contracts import Array

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
