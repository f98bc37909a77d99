"""One step of linear mixing for many peers at once, each of whom hears some of all.

Rules:
- Equal bit for bit to `WeightedMean` for one peer after another: the own vector first, then those heard in
  the order given, summed in the dtype of the own.
- A sparse product of another library would be the same sum, but where it is built to fuse a product with a
  sum it rounds otherwise; so the products here are NumPy's or compiled ones.
"""

from __future__ import annotations

import numpy as np

from gossipfl.learn.compiled import Kernels
from gossipfl.learn.contracts import Array

_BLOCK_BYTES = 1 << 19


def mixed(
    own: Array,
    own_weights: Array,
    indptr: Array,
    senders: Array,
    weights: Array,
    spoken: Array,
    out: Array | None = None,
    kernels: Kernels = "numpy",
) -> Array:
    """The mean (b, d) of each peer's `own` (b, d) and of what it heard; one that heard nobody keeps its own.

    Peer i heard the rows `senders[indptr[i] : indptr[i + 1]]` of `spoken` (n, d), with the `weights` at the
    same places; `own_weights` is (b,) and `indptr` (b + 1,), which may be part of a longer one. The result
    goes into `out`, if given: (b, d) with the dtype of `own`, and apart from all other arrays in memory.
    """
    mean = np.empty(own.shape, own.dtype) if out is None else out
    begin, links = indptr[0], slice(indptr[0], indptr[-1])
    indptr, senders, weights = indptr - begin, senders[links], weights[links]
    own_shares, shares = (part.astype(own.dtype, copy=False) for part in (own_weights, weights))
    if kernels == "compiled" and spoken.dtype == own.dtype:
        from gossipfl.learn.compiled.sums import mix

        mix(own, own_shares, indptr, senders, shares, spoken, mean)
        return mean
    heard = np.diff(indptr)
    peers_max = max(1, _BLOCK_BYTES // (own.shape[1] * own.itemsize))
    for first in range(0, len(own), peers_max):
        some = slice(first, first + peers_max)
        np.multiply(own[some], own_shares[some, None], out=mean[some])
        _add_heard(mean[some], heard[some], indptr[some], senders, shares, spoken)
        silent = heard[some] == 0
        mean[some][silent] = own[some][silent]
    return mean


def _add_heard(
    mean: Array, heard: Array, starts: Array, senders: Array, shares: Array, spoken: Array
) -> None:
    """Add to `mean` (p, d), in place, what each peer `heard`: so many links of all, from its start on."""
    for index in range(int(heard.max(initial=0))):
        listening = np.flatnonzero(heard > index)
        links = starts[listening] + index
        said = spoken[senders[links]] * shares[links, None]
        if len(listening) == len(mean):
            mean += said
        else:
            mean[listening] += said
