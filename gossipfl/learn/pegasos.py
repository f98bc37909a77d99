"""Pegasos: a linear support vector machine for two classes whose steps shrink as the model grows old.

Shalev-Shwartz, Singer and Srebro (ICML 2007; with Cotter, Math. Programming 2011), "Pegasos: primal estimated
sub-gradient solver for SVM", without bias and projection: t <- t + 1, e = 1 / (l t), then
w <- (1 - e l) w + e y x, the last term only where y w.x < 1, as a mean over the batch.

Rules:
- The age t is the last coordinate of the vector, so that a model that wanders takes its step size along.
- Probabilities are the logistic function of the margin: they rank, and choose, but are not calibrated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gossipfl.draws import Draws
from gossipfl.errors import SettingsError
from gossipfl.learn.batches import Plan, flat_counts, plans
from gossipfl.learn.contracts import Array, Samples
from gossipfl.learn.models import Dense, FloatName
from gossipfl.learn.training import DEFAULT, Training

_PEERS_MAX = 4096


@dataclass(frozen=True, slots=True)
class Pegasos:
    """Of `training` it takes batch, epochs and steps: its step size follows from `regularisation` and age."""

    features: int
    training: Training = DEFAULT
    precision: FloatName = "float32"
    regularisation: float = 1e-2

    def __post_init__(self) -> None:
        if not 0 < self.regularisation < np.inf:
            raise SettingsError(f"regularisation is {self.regularisation!r}: set it to a number above 0.")

    @property
    def size(self) -> int:
        """d: a weight for each feature, and the age."""
        return self.features + 1

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the vector: float32 or float64."""
        return np.dtype(self.precision)

    def start(self, draws: Draws) -> Array:
        """Zeros (..., d), with the leading axes of `draws.peer`."""
        return np.zeros((*np.shape(draws.peer), self.size), self.dtype)

    def fit(self, vector: Array, samples: Samples, draws: Draws, drift: Array | None = None) -> Array:
        """The vector (..., d) after one round of steps on `samples`; a peer without any keeps its own.

        `drift` (..., d) is added at the end: steps of a size of their own have no equal parts of it.
        """
        lead, fitted = vector.shape[:-1], vector.reshape(-1, self.size).copy()
        peers = np.broadcast_to(np.asarray(draws.peer), lead).reshape(-1)
        counts, batch = flat_counts(lead, samples), self.training.batch
        steps = self.training.epochs * -(-counts // batch)
        if self.training.steps is not None:
            steps = np.where(counts > 0, self.training.steps, 0)
        with np.errstate(all="ignore"):
            for plan in plans(lead, samples, batch, steps, _PEERS_MAX):
                own = Draws(draws.seed, peers[plan.peers], draws.round)
                fitted[plan.peers] = self._trained(fitted[plan.peers], samples, plan, own)
        if drift is not None:
            fitted += np.where(counts > 0, 1, 0)[:, None] * drift.reshape(fitted.shape)
        return fitted.reshape(vector.shape)

    def predict(self, vector: Array, features: Array) -> Array:
        """Class probabilities (..., N, 2) for `features` (N, f)."""
        return self._judge.predict(self._as_dense(vector), features)

    def score(self, vector: Array, samples: Samples) -> dict[str, Array]:
        """`accuracy` and `loss` (cross entropy), each (...)."""
        return self._judge.score(self._as_dense(vector), samples)

    def _trained(self, vector: Array, samples: Samples, plan: Plan, draws: Draws) -> Array:
        """`vector` (p, d), which is private and changed, after the steps of `plan`."""
        for rows, valid in plan.batches(draws):
            weights, age = vector[: len(rows), :-1], vector[: len(rows), -1:]
            age += 1
            inputs = np.take(samples.features, rows, axis=0).astype(self.dtype, copy=False)
            signs = (2 * samples.targets[rows] - 1).astype(self.dtype)
            margins = signs * np.matmul(inputs, weights[:, :, None])[..., 0]
            push = np.where((margins < 1) & valid, signs, 0) / np.count_nonzero(valid, axis=1, keepdims=True)
            pull = np.matmul(push.astype(self.dtype)[:, None, :], inputs)[:, 0]
            rate = 1 / np.maximum(age, 1)  # e l
            weights *= 1 - rate
            weights += rate / self.dtype.type(self.regularisation) * pull
        return vector

    @property
    def _judge(self) -> Dense:
        """The softmax regression that decides alike: 0 for the first class, the margin for the other."""
        return Dense((self.features, 2), "classes", DEFAULT, self.precision)

    def _as_dense(self, vector: Array) -> Array:
        weights = vector[..., :-1, None] * np.array([0, 1], self.dtype)
        flat = weights.reshape(*vector.shape[:-1], -1)
        return np.concatenate([flat, np.zeros((*vector.shape[:-1], 2), self.dtype)], axis=-1)
