"""Every plug-in that we have keeps its contract, and one that breaks it is caught."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pytest

from gossipfl.draws import Draws
from gossipfl.learn.aggregators import WeightedMean
from gossipfl.learn.algorithms.choco import Choco, ChocoState
from gossipfl.learn.algorithms.dpsgd import Dpsgd, DpsgdState
from gossipfl.learn.algorithms.links import Sums
from gossipfl.learn.algorithms.push_sum import PushSum, PushSumState
from gossipfl.learn.compressors import build_compressor
from gossipfl.learn.contracts import Aggregator, Algorithm, Array, Heard, Link, Model, Payload, Samples
from gossipfl.learn.models import Dense
from gossipfl.learn.registry import ALGORITHMS, MODELS, build_algorithm, build_model
from gossipfl.learn.robust.catalogue import PREFIXES, RULES, build_rule
from gossipfl.learn.training import Training
from gossipfl.testing import check_aggregator, check_algorithm, check_model

BUSY = Training(learning_rate=0.05, batch=7, epochs=2, momentum=0.9, weight_decay=0.01)
TRAININGS = [
    Training(),
    BUSY,
    replace(BUSY, steps=5),
    replace(BUSY, batch=1000),
    replace(BUSY, batch=1),
    replace(BUSY, proximal=0.3),
]
MIXED = [name for name in RULES if name != "ubar"]
NAMES = [*RULES, *(f"{prefix}+{name}" for prefix in PREFIXES for name in MIXED), "nnm+bucketing+median"]
NUMBERS = {"linear", "SGDRegressor", "MLPRegressor"}


def ragged(classes: int | None) -> Samples:
    draws, counts = Draws(5), (40, 3, 0, 64, 1, 7, 8, 33, 12)
    features = draws.normal("features", 200 * 6).reshape(200, 6).astype(np.float32)
    numbers = draws.normal("targets", 200)
    targets = numbers if classes is None else draws.integers("classes", 200, classes)
    parts = [draws.integers("rows", count, 200, lane=lane) for lane, count in enumerate(counts)]
    return Samples.parts(features, targets, parts)


def classes_for(kind: str) -> int | None:
    return None if kind in NUMBERS else 2 if kind == "pegasos" else 3


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("training", TRAININGS)
@pytest.mark.parametrize(("kind", "classes"), [("linear", None), ("softmax", 3), ("mlp", 3), ("mlp", None)])
def test_each_dense_model_conforms(kind: str, classes: int | None, training: Training, dtype: Any) -> None:
    model = build_model(kind, features=6, classes=classes, hidden=(5, 4), dtype=dtype, training=training)
    check_model(model, ragged(classes))


@pytest.mark.parametrize("classes", [2, 3])
def test_balanced_classes_conform(classes: int) -> None:
    training = replace(BUSY, class_weights="balanced")
    check_model(Dense((6, classes), "classes", training), ragged(classes))


@pytest.mark.parametrize("kind", [kind for kind in MODELS if kind not in ("linear", "softmax", "mlp")])
def test_each_estimator_conforms(kind: str) -> None:
    model = build_model(kind, features=6, classes=classes_for(kind), hidden=(4,), training=Training(epochs=2))
    check_model(model, ragged(classes_for(kind)))


@pytest.mark.parametrize("name", NAMES)
def test_each_rule_conforms(name: str) -> None:
    check_aggregator(build_rule(name, 1))


def test_the_mean_conforms() -> None:
    check_aggregator(WeightedMean())


@pytest.mark.parametrize("name", ALGORITHMS)
def test_each_algorithm_conforms(name: str) -> None:
    coarse = build_compressor("top-k", share=0.3) if ALGORITHMS[name].takes("compressor") else None
    check_algorithm(build_algorithm(name, compressor=coarse))


@pytest.mark.parametrize("rule", ["nnm+trimmed-mean", "clipping", "balance"])
@pytest.mark.parametrize("name", [name for name, method in ALGORITHMS.items() if method.takes("aggregator")])
def test_each_algorithm_that_takes_one_conforms_with_a_rule(name: str, rule: str) -> None:
    check_algorithm(build_algorithm(name, build_rule(rule, 1)))


def changes_its_input(own: Array, heard: Array, own_weight: Array, weights: Array) -> Array:
    own *= 1.0
    own += 0.5
    return WeightedMean()(own, heard, own_weight, weights)


def mixes_up_peers(own: Array, heard: Array, own_weight: Array, weights: Array) -> Array:
    return WeightedMean()(own - own.mean(axis=0), heard, own_weight, weights)


def forgets_its_own(own: Array, heard: Array, own_weight: Array, weights: Array) -> Array:
    return WeightedMean()(np.zeros_like(own), heard, own_weight, weights)


def widens(own: Array, heard: Array, own_weight: Array, weights: Array) -> Array:
    return WeightedMean()(own, heard, own_weight, weights).astype(np.float64)


def ignores_weights(own: Array, heard: Array, own_weight: Array, weights: Array) -> Array:
    count = heard.shape[-2] + 1
    mean: Array = ((own + heard.sum(axis=-2)) / own.dtype.type(count)).astype(own.dtype)
    return mean


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (changes_its_input, "bit for bit|changed in place"),
        (mixes_up_peers, "crowd's result"),
        (forgets_its_own, "heard nobody"),
        (widens, "dtype is float64"),
        (ignores_weights, "own_weight 0"),
    ],
)
def test_a_broken_aggregator_is_caught(broken: Aggregator, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check_aggregator(broken)


class SpeaksOfItself(Dpsgd):
    """Says another thing each time: its randomness is not from the draws."""

    said = 0

    def speak(self, state: DpsgdState, share: Array, draws: Draws) -> tuple[tuple[Array, ...], DpsgdState]:
        type(self).said += 1
        return (state.vector + self.said,), state


class ListensToItself(Dpsgd):
    """Takes in less than it heard."""

    def listen(self, state: DpsgdState, heard: Heard) -> DpsgdState:
        shrunk = (state.vector * heard.own_weight[..., None]).astype(state.vector.dtype)
        return DpsgdState(shrunk)


class WritesOverItsState(Dpsgd):
    """Trains in place."""

    def learned(self, state: DpsgdState, vector: Array) -> DpsgdState:
        state.vector[...] = vector
        return state


class Muddle(Sums):
    """Sums in which the links of several peers run into one another."""

    def tell(self, spoken: Payload, told: Payload, held: Payload) -> Payload:
        first, *rest = Sums.tell(self, spoken, told, held)
        return np.flip(first, axis=0) if first.ndim == 3 else first, *rest


class SpeaksThroughMuddle(PushSum):
    """Push-sum over links that are not one peer's own."""

    link: ClassVar[Link] = Muddle((0, 1))


class GivesWithoutCounting(PushSum):
    """Tells its mass and says that it is half as much."""

    def speak(self, state: PushSumState, share: Array, draws: Draws) -> tuple[Payload, PushSumState]:
        (given, weight), state = PushSum.speak(self, state, share, draws)
        return (given, weight / 2), state


class DropsTheCode(Choco):
    """Holds of its neighbours what the whole crowd has in common."""

    def hear(self, state: ChocoState, held: Payload, code: Payload) -> Payload:
        first, *rest = Choco.hear(self, state, held, code)
        return first.mean(axis=0, keepdims=True) + 0 * first, *rest


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (SpeaksThroughMuddle(), "tell: a crowd's result"),
        (GivesWithoutCounting(), "equal models"),
        (DropsTheCode(build_compressor("float16")), "hear: a crowd's result"),
        (SpeaksOfItself(), "same bytes again"),
        (ListensToItself(), "equal models"),
        (WritesOverItsState(), "changed in place"),
    ],
)
def test_a_broken_algorithm_is_caught(broken: Algorithm[Any], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check_algorithm(broken)


@dataclass(frozen=True, slots=True)
class Broken(Dense):
    """Softmax regression with one fault."""

    fault: str = ""

    def fit(self, vector: Array, samples: Samples, draws: Draws, drift: Array | None = None) -> Array:
        if self.fault == "in place":
            vector += 1
        elif self.fault == "padding":
            counts = np.where(samples.counts > 0, samples.rows.shape[-1], 0)
            samples = Samples(samples.features, samples.targets, samples.rows, counts)
        elif self.fault == "mixes peers" and vector.ndim == 2:
            vector = vector[::-1].copy()
        elif self.fault == "one stream":
            draws = Draws(draws.seed, np.ravel(draws.peer)[0], draws.round)
        fitted = Dense.fit(self, vector, samples, draws, drift)
        return fitted * np.inf if self.fault == "infinite" else fitted


@pytest.mark.parametrize("fault", ["in place", "padding", "mixes peers", "one stream", "infinite"])
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_a_broken_model_is_caught(fault: str) -> None:
    model: Model = Broken((6, 3), "classes", BUSY, "float32", fault=fault)
    with pytest.raises(AssertionError):
        check_model(model, ragged(3))


def test_the_model_that_they_break_conforms() -> None:
    check_model(Broken((6, 3), "classes", BUSY), ragged(3))
