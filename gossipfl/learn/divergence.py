"""Whether a model has left all reason: it is not finite, or so large that nothing is learned by it."""

from __future__ import annotations

import numpy as np

from gossipfl.learn.contracts import Array

PARAMETER_MAX = 1e6
"""The root mean square of a model's parameters. Our guess: features and targets are scaled, and what is
learned of them is of a size of ten, or of a thousand at a rate that is far too high."""


def diverged(vectors: Array) -> Array:
    """(...) Which of the models (..., d) diverged."""
    with np.errstate(over="ignore", invalid="ignore"):
        size = np.sqrt(np.mean(np.square(vectors, dtype=np.float64), axis=-1))
    grown: Array = ~(size <= PARAMETER_MAX)
    return grown
