"""The names by which settings call models, algorithms and aggregators."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gossipfl.errors import SettingsError, instead
from gossipfl.learn.aggregators import WeightedMean
from gossipfl.learn.combine_then_adapt import CombineThenAdapt
from gossipfl.learn.contracts import Aggregator, Algorithm, Model
from gossipfl.learn.dpsgd import Dpsgd
from gossipfl.learn.estimators import ESTIMATORS, Estimator
from gossipfl.learn.exact_diffusion import ExactDiffusion
from gossipfl.learn.extra import Extra
from gossipfl.learn.gradient_tracking import GradientTracking
from gossipfl.learn.models import FloatName, linear, mlp, softmax
from gossipfl.learn.momentum import Momentum
from gossipfl.learn.quasi_global import QuasiGlobal
from gossipfl.learn.training import DEFAULT, Training

MODELS = ("linear", "softmax", "mlp", *ESTIMATORS)
AGGREGATORS: dict[str, Callable[[], Aggregator]] = {"mean": WeightedMean}
ALGORITHMS: dict[str, Callable[[Aggregator], Algorithm[Any]]] = {
    "dpsgd": Dpsgd,
    "combine-then-adapt": CombineThenAdapt,
    "momentum": Momentum,
    "quasi-global": QuasiGlobal,
    "gradient-tracking": GradientTracking,
    "exact-diffusion": ExactDiffusion,
    "extra": Extra,
}


def build_model(
    kind: str,
    *,
    features: int,
    classes: int | None,
    hidden: tuple[int, ...] = (64,),
    dtype: FloatName = "float32",
    training: Training = DEFAULT,
    options: Mapping[str, object] | None = None,
) -> Model:
    """The model named `kind` for `features` inputs and a target of `classes`, or a number where that is None.

    "auto" is softmax regression for classes and linear regression for numbers. `hidden` is for MLPs,
    `options` are for scikit-learn estimators. A name or a pairing that cannot be raises `SettingsError`.
    """
    if kind == "auto":
        kind = "linear" if classes is None else "softmax"
    if kind not in MODELS:
        raise SettingsError(f"There is no model {kind!r}: {instead(kind, (*MODELS, 'auto'))}")
    given = dict(options or {})
    if kind in ESTIMATORS:
        if kind.startswith("MLP"):
            given.setdefault("hidden_layer_sizes", hidden)
        return Estimator(kind, features, classes, given, training, dtype)
    if given:
        raise SettingsError(f"The model {kind!r} takes no options: leave out {', '.join(sorted(given))}.")
    if kind == "mlp":
        return mlp(features, classes, hidden, training, dtype)
    if kind == "linear":
        if classes is not None:
            raise SettingsError("Linear regression cannot learn classes: use the model 'softmax' or 'mlp'.")
        return linear(features, training, dtype)
    if classes is None:
        raise SettingsError("Softmax regression cannot learn numbers: use the model 'linear' or 'mlp'.")
    return softmax(features, classes, training, dtype)


def build_algorithm(name: str, aggregator: str | Aggregator = "mean") -> Algorithm[Any]:
    """The algorithm called `name`, combining with `aggregator`, a name or one of the user's own.

    Unknown names raise `SettingsError`.
    """
    if name not in ALGORITHMS:
        raise SettingsError(f"There is no algorithm {name!r}: {instead(name, ALGORITHMS)}")
    if not isinstance(aggregator, str):
        return ALGORITHMS[name](aggregator)
    if aggregator not in AGGREGATORS:
        raise SettingsError(f"There is no aggregator {aggregator!r}: {instead(aggregator, AGGREGATORS)}")
    return ALGORITHMS[name](AGGREGATORS[aggregator]())
