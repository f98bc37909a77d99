"""Ways to combine a peer's own vector with those that it heard."""

from __future__ import annotations

from dataclasses import dataclass

from gossipfl.learn.contracts import Array


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
        shares = weights.astype(own.dtype, copy=False)
        mean: Array = own * own_weight[..., None].astype(own.dtype, copy=False)
        for index in range(heard.shape[-2]):
            mean += heard[..., index, :] * shares[..., index, None]
        return mean
