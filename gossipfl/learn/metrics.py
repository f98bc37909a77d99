"""How good predictions are: sums over samples that add up, and the metrics made of them. All float64."""

from __future__ import annotations

import numpy as np

from gossipfl.learn.contracts import Array


def softmax(logits: Array) -> Array:
    """Probabilities (..., classes), written over `logits`."""
    logits -= logits.max(axis=-1, keepdims=True)
    np.exp(logits, out=logits)
    logits /= logits @ np.ones((logits.shape[-1], 1), logits.dtype)
    return logits


def class_sums(logits: Array, classes: Array, valid: Array) -> Array:
    """Right answers and summed cross entropies (2, ...) of `logits` (..., b, c), `classes` (..., b).

    Where a logit is NaN, as after training that diverged, the answer is wrong and not the first class.
    """
    turned = np.ascontiguousarray(logits.swapaxes(-1, -2))  # long rows are much faster to go along
    wanted = np.broadcast_to(classes, logits.shape[:-1])[..., None, :]
    top, chosen = turned.max(axis=-2, keepdims=True), np.take_along_axis(turned, wanted, axis=-2)
    right = chosen == top
    if np.count_nonzero(turned == top) != top.size:  # some are as likely: the first of them is the answer
        right &= turned.argmax(axis=-2, keepdims=True) == wanted
    right = right[..., 0, :] & valid
    turned -= top
    total = np.ones((1, turned.shape[-2]), turned.dtype) @ np.exp(turned, out=turned)
    losses = (np.log(total) + (top - chosen))[..., 0, :].astype(np.float64)
    return np.stack((right.sum(axis=-1, dtype=np.float64), np.where(valid, losses, 0.0).sum(axis=-1)))


def class_metrics(sums: Array, counts: Array) -> dict[str, Array]:
    """`accuracy` and `loss`, each (...); NaN where a peer has no samples."""
    with np.errstate(all="ignore"):
        return {"accuracy": sums[0] / counts, "loss": sums[1] / counts}


def number_sums(predicted: Array, targets: Array, centre: Array, valid: Array) -> Array:
    """Sums (2, ...) of squared errors and of squared distances to `centre` (..., 1), of numbers (..., b)."""
    errors = predicted.astype(np.float64) - targets
    away = np.broadcast_to(targets - centre, errors.shape)
    return np.stack([np.where(valid, part * part, 0.0).sum(axis=-1) for part in (errors, away)])


def number_metrics(sums: Array, counts: Array) -> dict[str, Array]:
    """`r2` and `loss` (mean squared error), each (...).

    As elsewhere, r2 of constant targets is 1 where they are met exactly and else 0; NaN where there are no
    samples.
    """
    errors, spread = sums
    with np.errstate(all="ignore"):
        explained = np.where(spread > 0, 1.0 - errors / spread, (errors == 0).astype(np.float64))
        return {"r2": np.where(counts > 0, explained, np.nan), "loss": errors / counts}
