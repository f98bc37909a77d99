"""The compiled kernel of mixing: one peer's weighted sum after another, four senders in one pass over it."""

from __future__ import annotations

from gossipfl.learn.compiled.jit import compiled_exactly
from gossipfl.learn.contracts import Array


@compiled_exactly
def mix(
    own: Array, own_weights: Array, indptr: Array, senders: Array, weights: Array, spoken: Array, out: Array
) -> None:
    """`gossipfl.learn.mixing.mixed`, of arrays of one dtype, into `out` (b, d)."""
    for peer in range(own.shape[0]):
        total, mine, at, end = out[peer], own[peer], indptr[peer], indptr[peer + 1]
        share = own_weights[peer] if at < end else own.dtype.type(1)
        for j in range(total.size):
            total[j] = mine[j] * share
        while at + 3 < end:  # fewer passes over the sum; it is still added to in the order given
            s0, s1 = spoken[senders[at]], spoken[senders[at + 1]]
            s2, s3 = spoken[senders[at + 2]], spoken[senders[at + 3]]
            w0, w1, w2, w3 = weights[at], weights[at + 1], weights[at + 2], weights[at + 3]
            for j in range(total.size):
                total[j] = (((total[j] + s0[j] * w0) + s1[j] * w1) + s2[j] * w2) + s3[j] * w3
            at += 4
        while at < end:
            said, share = spoken[senders[at]], weights[at]
            for j in range(total.size):
                total[j] += said[j] * share
            at += 1
