"""scikit-learn estimators with `partial_fit` as models.

Rules:
- The vector is all that an estimator remembers: it is rebuilt for every `fit`. So Adam's moments and momentum
  start from rest each round; the sample count by which learning rates decay is told by the round.
- Peers are trained one by one: this is for nodes and small simulations.
- scikit-learn is imported when a model is made, not before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

from gossipfl.draws import Draws
from gossipfl.errors import SettingsError, instead
from gossipfl.learn import layers, metrics
from gossipfl.learn.batches import flat_counts, flat_rows
from gossipfl.learn.contracts import Array, Samples
from gossipfl.learn.models import FloatName
from gossipfl.learn.training import DEFAULT, Training

ESTIMATORS = ("SGDClassifier", "SGDRegressor", "MLPClassifier", "MLPRegressor")

_SPENT = {"average", "early_stopping", "max_iter", "n_iter_no_change", "n_jobs", "tol", "validation_fraction"}
_OURS = {
    "batch_size": "batch",
    "random_state": "seed",
    "shuffle": "seed",
    "verbose": "",
    "warm_start": "rounds",
}
_DIVERGED = ("overflow", "non-finite")


@dataclass(frozen=True)
class Estimator:
    """The scikit-learn estimator named `kind`, made with `options`, as a model.

    `classes` is None for a regressor. Of `training`, `epochs` counts here and, for MLPs, `batch`; what else
    it can say is said to the estimator by `options` (learning rate, momentum, alpha). A classifier's loss
    must know probabilities; SGDClassifier's is "log_loss" unless given. What does not fit raises
    `SettingsError`.
    """

    kind: str
    features: int
    classes: int | None = None
    options: Mapping[str, object] = field(default_factory=dict, hash=False)
    training: Training = DEFAULT
    precision: FloatName = "float32"

    def __post_init__(self) -> None:
        if self.kind not in ESTIMATORS:
            raise SettingsError(f"There is no estimator {self.kind!r}: {instead(self.kind, ESTIMATORS)}")
        self._check_task()
        self._check_training()
        known = type(self._made({})).__init__
        names = [name for name in _parameters(known) if name not in _SPENT | set(_OURS)]
        for name in self.options:
            if name not in names:
                raise SettingsError(f"{self.kind} takes no option {name!r} here: {instead(name, names)}")
        self._check_values()

    @property
    def size(self) -> int:
        """d, the number of parameters."""
        return sum(int(np.prod(shape)) for shape in self._shapes)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the vector: float32 or float64. The estimator computes in float64."""
        return np.dtype(self.precision)

    def start(self, draws: Draws) -> Array:
        """A first vector (..., d), with the axes of `draws.peer`: zeros, or random if layers are hidden."""
        return layers.first_weights(self._sizes, draws).astype(self.dtype)

    def fit(self, vector: Array, samples: Samples, draws: Draws, drift: Array | None = None) -> Array:
        """The vector (..., d) after `epochs` of `partial_fit`; a peer without samples keeps its own.

        Where the estimator gives up because its parameters overflow, the vector is NaN. It takes no `drift`.
        """
        if drift is not None:
            raise SettingsError(f'{self.kind} cannot be led off while it trains: use "softmax" or "mlp".')
        lead, fitted = vector.shape[:-1], vector.reshape(-1, self.size).copy()
        peers = np.broadcast_to(np.asarray(draws.peer), lead).reshape(-1)
        for index, rows in enumerate(_rows_of_each(lead, samples)):
            if len(rows):
                own = Draws(draws.seed, int(peers[index]), draws.round)
                inputs, targets = self._inputs(samples.features[rows]), samples.targets[rows]
                fitted[index] = self._fitted(fitted[index], inputs, targets, own)
        return fitted.reshape(vector.shape)

    def predict(self, vector: Array, features: Array) -> Array:
        """Class probabilities (..., N, classes), or numbers (..., N), for `features` (N, f)."""
        flat, inputs = vector.reshape(-1, self.size), self._inputs(features)
        outputs = np.stack([self._predicted(one, inputs) for one in flat]).astype(self.dtype)
        return outputs.reshape(*vector.shape[:-1], *outputs.shape[1:])

    def score(self, vector: Array, samples: Samples) -> dict[str, Array]:
        """Metrics by name, each (...): `accuracy` and `loss` for classes; `r2` and `loss` for numbers."""
        lead, flat = vector.shape[:-1], vector.reshape(-1, self.size)
        sums = np.zeros((2, len(flat)))
        for index, rows in enumerate(_rows_of_each(lead, samples)):
            if len(rows):
                outputs = self._predicted(flat[index], self._inputs(samples.features[rows]))
                sums[:, index] = self._sums(outputs, samples.targets[rows])
        counts = np.broadcast_to(np.asarray(samples.counts), lead)
        of = metrics.number_metrics if self.classes is None else metrics.class_metrics
        return of(sums.reshape(2, *lead), counts)

    def _sums(self, outputs: Array, targets: Array) -> Array:
        valid = np.ones(len(targets), np.bool_)
        if self.classes is None:
            return metrics.number_sums(outputs, targets, np.asarray(targets.mean(dtype=np.float64)), valid)
        return metrics.class_sums(np.log(np.maximum(outputs, np.finfo(np.float64).tiny)), targets, valid)

    def _fitted(self, vector: Array, inputs: Array, targets: Array, draws: Draws) -> Array:
        estimator = self._loaded(vector)
        epochs, count = self.training.epochs, len(inputs)
        estimator.t_ = max(draws.round - 1, 0) * epochs * count + 1
        if self._layered:
            estimator.set_params(batch_size=min(self.training.batch, count))
        for word in draws.words("estimator", epochs):
            estimator.set_params(random_state=int(word))
            try:
                with np.errstate(all="ignore"):
                    estimator.partial_fit(inputs, targets)
            except ValueError as error:
                if not any(word in str(error) for word in _DIVERGED):
                    raise
                return np.full(self.size, np.nan)
        return self._unloaded(estimator)

    def _predicted(self, vector: Array, inputs: Array) -> Array:
        if not np.isfinite(vector).all():
            shape = (len(inputs),) if self.classes is None else (len(inputs), self.classes)
            return np.full(shape, np.nan)
        estimator = self._loaded(vector)
        with np.errstate(all="ignore"):
            predicted = estimator.predict if self.classes is None else estimator.predict_proba
            return np.asarray(predicted(inputs), np.float64)

    def _loaded(self, vector: Array) -> Any:
        """An estimator that has seen every class once, with its parameters then set to `vector` (d,)."""
        estimator = self._made(self.options)
        rows = np.zeros((self.classes or 1, self.features))
        if self._layered:
            estimator.set_params(batch_size=len(rows))
        if self.classes is None:
            estimator.partial_fit(rows, np.zeros(1))
        else:
            estimator.partial_fit(rows, np.arange(self.classes), classes=np.arange(self.classes))
        ends = np.cumsum([int(np.prod(shape)) for shape in self._shapes])[:-1]
        pieces = np.split(vector.astype(np.float64), ends)
        parts = [piece.reshape(shape).copy() for piece, shape in zip(pieces, self._shapes, strict=True)]
        if self._layered:
            estimator.coefs_, estimator.intercepts_ = parts[0::2], parts[1::2]
            vars(estimator).pop("_optimizer", None)  # it remembers the rows of zeros
        else:
            estimator.coef_, estimator.intercept_ = parts
        return estimator

    def _unloaded(self, estimator: Any) -> Array:
        if self._layered:
            pairs = zip(estimator.coefs_, estimator.intercepts_, strict=True)
            return np.concatenate([np.ravel(part) for pair in pairs for part in pair])
        return np.concatenate((np.ravel(estimator.coef_), estimator.intercept_))

    def _made(self, options: Mapping[str, object]) -> Any:
        from sklearn import linear_model, neural_network

        of = neural_network if self._layered else linear_model
        given = {name: tuple(value) if isinstance(value, list) else value for name, value in options.items()}
        if self.kind == "SGDClassifier":
            given.setdefault("loss", "log_loss")
        return getattr(of, self.kind)(**given)

    def _inputs(self, features: Array) -> Array:
        return np.ascontiguousarray(features, np.float64)

    @property
    def _layered(self) -> bool:
        return self.kind.startswith("MLP")

    @cached_property
    def _sizes(self) -> layers.Sizes:
        outputs = self.classes if self.classes is not None and self.classes > 2 else 1
        if not self._layered:
            return (self.features, outputs)
        hidden = self._made(self.options).hidden_layer_sizes
        return (self.features, *np.atleast_1d(np.asarray(hidden, np.int64)).tolist(), outputs)

    @cached_property
    def _shapes(self) -> list[tuple[int, ...]]:
        """Of the parameters, in the vector's order: weights before biases, layer by layer."""
        if self.kind == "SGDClassifier":
            return [self._sizes[::-1], self._sizes[1:]]
        if self.kind == "SGDRegressor":
            return [(self.features,), (1,)]
        return [
            shape for fan_in, fan_out in pairwise(self._sizes) for shape in ((fan_in, fan_out), (fan_out,))
        ]

    def _check_task(self) -> None:
        wants_classes = self.kind.endswith("Classifier")
        if wants_classes == (self.classes is None):
            other = (
                self.kind.replace("Classifier", "Regressor")
                if wants_classes
                else self.kind.replace("Regressor", "Classifier")
            )
            target = "a number" if wants_classes else "a class"
            raise SettingsError(f"{self.kind} does not fit a target that is {target}: use {other}.")
        if self.classes is not None and self.classes < 2:
            raise SettingsError(
                f"{self.kind} is given {self.classes} class: give it a target with 2 or more."
            )

    def _check_training(self) -> None:
        others = {"steps": "epochs", "momentum": "options", "weight_decay": "alpha in options"}
        others["class_weights"] = (
            "class_weight in options" if self.kind == "SGDClassifier" else "another model"
        )
        others["proximal"] = "another model"
        for name, other in others.items():
            if getattr(self.training, name) != getattr(DEFAULT, name):
                raise SettingsError(f"{self.kind} does not take {name}: leave it out and use {other}.")

    def _check_values(self) -> None:
        if self.options.get("class_weight") == "balanced":
            raise SettingsError(
                f"{self.kind} cannot balance classes it sees in parts: give class_weight in numbers."
            )
        if not hasattr(self._made(self.options), "partial_fit"):
            raise SettingsError(
                f'{self.kind} cannot learn in parts with this solver: set it to "adam" or "sgd".'
            )
        try:
            estimator = self._loaded(np.zeros(self.size))
        except (ValueError, TypeError) as error:
            raise SettingsError(f"{self.kind} refuses its options: {' '.join(str(error).split())}") from None
        if self.classes is not None and not hasattr(estimator, "predict_proba"):
            raise SettingsError(
                f'{self.kind} has no probabilities with this loss: set it to "log_loss" or "modified_huber".'
            )


def _rows_of_each(lead: tuple[int, ...], samples: Samples) -> list[Array]:
    """The rows (k,) of each peer of a crowd of shape `lead`, without padding."""
    rows, counts = flat_rows(lead, samples), flat_counts(lead, samples)
    return [own[:count] for own, count in zip(rows, counts, strict=True)]


def _parameters(made_by: Any) -> list[str]:
    import inspect

    return [name for name in inspect.signature(made_by).parameters if name != "self"]
