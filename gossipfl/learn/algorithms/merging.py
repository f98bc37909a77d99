"""How models that wander are merged: by halves, by their ages, or those that come together into one.

The age of a model is how often it was trained on its way from peer to peer.

Rules:
- An age that is heard is a claim: what is made of it can still be told to others.
"""

from __future__ import annotations

import numpy as np

from gossipfl.learn.contracts import Array, Heard

AGE_MAX = float(1 << 40)
"""No model is believed to be older, so that a greater age can still be told: see `admission.VALUE_MAX`."""


def come_together(heard: Heard) -> Array:
    """Of one that is heard its model (..., d), bit for bit; of several the mean by weight."""
    (vectors,), weights = heard.payload, heard.weights
    total = weights.sum(axis=-1, keepdims=True)
    shares = np.where(total > 0, weights / np.where(total > 0, total, 1.0), 1.0 / weights.shape[-1])
    shares = shares.astype(vectors.dtype)
    mean: Array = vectors[..., 0, :] * shares[..., :1]
    for index in range(1, vectors.shape[-2]):
        mean += vectors[..., index, :] * shares[..., index, None]
    return mean


def halved(one: Array, other: Array, *, aged: bool) -> Array:
    """The mean of two models (..., d); where `aged`, the last parameter is an age, and the greater is kept.

    Ormandi, Hegedus and Jelasity (2013, arXiv 1109.1396), Algorithm 2, MERGE.
    """
    mean: Array = (one + other) / 2
    if aged:
        mean[..., -1] = np.maximum(one[..., -1], other[..., -1])
    return mean


def claimed_age(heard: Array) -> Array:
    """`heard` (..., p), as far as an age can be believed."""
    return np.clip(heard, 0.0, AGE_MAX)


def weight_by_age(own: Array, heard: Array, own_weight: Array) -> Array:
    """What a model of age `heard` counts beside one of age `own` (..., p); a half where both are new.

    Whoever adopts, with `own_weight` (...) 0, takes it alone. Hegedus, Danner and Jelasity (JPDC 2021).
    """
    total = own + heard
    weight = np.where(total > 0, heard / np.where(total > 0, total, 1.0), 0.5)
    return np.where((own_weight == 0)[..., None], 1.0, weight)
