"""Settings name models and algorithms; a name that is not known is answered with the nearest."""

from __future__ import annotations

from typing import Any

import pytest

from gossipfl.errors import SettingsError
from gossipfl.learn.algorithms.dpsgd import Dpsgd
from gossipfl.learn.estimators import Estimator
from gossipfl.learn.models import Dense, linear, mlp, softmax
from gossipfl.learn.registry import build_algorithm, build_model


def test_auto_is_softmax_for_classes_and_linear_for_numbers() -> None:
    assert build_model("auto", features=4, classes=3) == softmax(4, 3)
    assert build_model("auto", features=4, classes=None) == linear(4)


def test_an_mlp_serves_both() -> None:
    assert build_model("mlp", features=4, classes=3, hidden=(5,)) == mlp(4, 3, (5,))
    assert build_model("mlp", features=4, classes=None, hidden=(5,)) == mlp(4, None, (5,))


def test_an_estimator_takes_the_same_hidden_layers_as_an_mlp() -> None:
    estimator = build_model("MLPClassifier", features=4, classes=3, hidden=(5, 2))
    assert isinstance(estimator, Estimator)
    assert estimator.size == mlp(4, 3, (5, 2)).size


@pytest.mark.parametrize(
    ("settings", "advice"),
    [
        ({"kind": "sofmax", "classes": 3}, "did you mean .softmax"),
        ({"kind": "perceptron-ish", "classes": 3}, "known are|did you mean"),
        ({"kind": "softmax", "classes": None}, "'linear' or 'mlp'"),
        ({"kind": "linear", "classes": 2}, "'softmax' or 'mlp'"),
        ({"kind": "mlp", "classes": 2, "options": {"alpha": 1}}, "leave out alpha"),
    ],
)
def test_an_unknown_model_or_a_wrong_pairing_is_refused(settings: dict[str, Any], advice: str) -> None:
    with pytest.raises(SettingsError, match=advice):
        build_model(features=4, **settings)


def test_an_unknown_algorithm_is_refused() -> None:
    assert build_algorithm("dpsgd") == Dpsgd()
    with pytest.raises(SettingsError, match=r"did you mean .dpsgd"):
        build_algorithm("d-psgd")


def test_models_are_equal_by_their_settings_alone() -> None:
    assert Dense((4, 3), "classes") == softmax(4, 3)
    assert softmax(4, 3) != softmax(4, 3, dtype="float64")
