"""Models learn real data as well as known methods do, and refuse what cannot be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gossipfl.draws import Draws
from gossipfl.errors import SettingsError
from gossipfl.learn.contracts import Array, Model, Samples
from gossipfl.learn.models import Dense, linear, mlp, softmax
from gossipfl.learn.training import Training


@pytest.fixture(scope="module")
def digits() -> tuple[Samples, Samples]:
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    x, y = load_digits(return_X_y=True)
    a, b, c, d = train_test_split(x / 16, y, test_size=0.2, random_state=0, stratify=y)
    return Samples.whole(a, c), Samples.whole(b, d)


@pytest.fixture(scope="module")
def diabetes() -> Samples:
    from sklearn.datasets import load_diabetes

    x, y = load_diabetes(return_X_y=True)
    return Samples.whole((x - x.mean(0)) / x.std(0), (y - y.mean()) / y.std())


def trained(model: Model, samples: Samples, rounds: int) -> Array:
    vector = model.start(Draws(1))
    for turn in range(rounds):
        vector = model.fit(vector, samples, Draws(1, 0, turn))
    return vector


def test_softmax_reaches_pooled_logistic_regression_on_digits(digits: tuple[Samples, Samples]) -> None:
    model = softmax(64, 10, Training(learning_rate=0.5))
    assert model.score(trained(model, digits[0], 30), digits[1])["accuracy"] >= 0.95


def test_an_mlp_learns_digits(digits: tuple[Samples, Samples]) -> None:
    model = mlp(64, 10, (32,), Training(learning_rate=0.1, momentum=0.9))
    assert model.score(trained(model, digits[0], 30), digits[1])["accuracy"] >= 0.96


def test_linear_regression_approaches_least_squares(diabetes: Samples) -> None:
    model = linear(10, Training(batch=442, steps=3000, momentum=0.9), "float64")
    vector = model.fit(np.zeros(11), diabetes, Draws(1))
    x = np.column_stack((diabetes.features, np.ones(442)))
    best = np.linalg.lstsq(x, diabetes.targets, rcond=None)[0]
    np.testing.assert_allclose(model.predict(vector, diabetes.features), x @ best, atol=0.01)


def test_an_mlp_fits_numbers_better_than_a_line(diabetes: Samples) -> None:
    model = mlp(10, None, (32,), Training(learning_rate=0.05))
    assert model.score(trained(model, diabetes, 40), diabetes)["r2"] > 0.55


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_metrics_are_those_of_scikit_learn(
    digits: tuple[Samples, Samples], diabetes: Samples, dtype: Any
) -> None:
    from sklearn.metrics import accuracy_score, log_loss, mean_squared_error, r2_score

    model = softmax(64, 10, dtype=dtype)
    vector, (train, _) = trained(model, digits[0], 2), digits
    p = model.predict(vector, train.features).astype(np.float64)
    scores = model.score(vector, train)
    assert scores["accuracy"] == accuracy_score(train.targets, p.argmax(1))
    p /= p.sum(1, keepdims=True)
    assert scores["loss"] == pytest.approx(log_loss(train.targets, p), rel=1e-5)
    line = linear(10, dtype=dtype)
    vector = trained(line, diabetes, 2)
    predicted, scores = line.predict(vector, diabetes.features), line.score(vector, diabetes)
    assert scores["r2"] == pytest.approx(r2_score(diabetes.targets, predicted), rel=1e-5)
    assert scores["loss"] == pytest.approx(mean_squared_error(diabetes.targets, predicted), rel=1e-5)


def test_scores_of_nothing_are_not_numbers() -> None:
    nothing = Samples(np.zeros((1, 2)), np.zeros(1, np.int64), np.zeros(0, np.int64), np.asarray(0))
    assert all(np.isnan(v) for v in softmax(2, 3).score(np.zeros(9, np.float32), nothing).values())
    assert all(np.isnan(v) for v in linear(2).score(np.zeros(3, np.float32), nothing).values())


def test_probabilities_of_huge_logits_stay_finite() -> None:
    model = softmax(1, 3)
    vector = np.array([1e30, -1e30, 0, 0, 0, 0], np.float32)
    np.testing.assert_array_equal(model.predict(vector, np.ones((1, 1))), [[1, 0, 0]])
    worst = model.score(vector, Samples.whole(np.ones((1, 1)), np.array([1])))
    assert worst["accuracy"] == 0
    assert np.isfinite(worst["loss"])


def test_first_weights_are_zero_without_hidden_layers_and_he_with_them() -> None:
    assert not softmax(64, 10).start(Draws(1)).any()
    crowd = mlp(400, 10, (200,)).start(Draws(1, np.arange(2)))
    assert crowd[:, : 400 * 200].std() == pytest.approx(np.sqrt(2 / 400), rel=0.02)
    assert not crowd[:, 400 * 200 : 401 * 200].any()
    assert not np.array_equal(crowd[0], crowd[1])


@pytest.mark.parametrize(
    ("settings", "advice"),
    [
        ({"learning_rate": 0.0}, "learning_rate is 0.0: set it to above 0"),
        ({"learning_rate": float("nan")}, "learning_rate"),
        ({"batch": 0}, "batch is 0"),
        ({"steps": -1}, "steps is -1"),
        ({"momentum": 1.0}, "below 1"),
        ({"proximal": -0.1}, "proximal is -0.1"),
        ({"class_weights": "balance"}, '"balanced"'),
        ({"class_weights": (1.0, -1.0)}, "0 or more per class"),
    ],
)
def test_training_out_of_range_is_refused(settings: dict[str, Any], advice: str) -> None:
    with pytest.raises(SettingsError, match=advice):
        Training(**settings)


def test_class_weights_must_fit_the_target() -> None:
    with pytest.raises(SettingsError, match="one for each of 3 classes"):
        softmax(2, 3, Training(class_weights=(1.0, 2.0)))
    with pytest.raises(SettingsError, match="leave them out"):
        linear(2, Training(class_weights="balanced"))


def test_an_empty_layer_and_another_dtype_are_refused() -> None:
    with pytest.raises(SettingsError, match="size of 1 or more"):
        mlp(3, 2, (0,))
    with pytest.raises(SettingsError, match='"float32" or "float64"'):
        Dense((3, 2), "classes", Training(), "float16")  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_diverged_model_answers_nothing_right_and_does_so_without_a_warning(value: float) -> None:
    model = softmax(2, 3)
    vector = np.full(model.size, value, np.float32)
    features = np.array([[1.0, -1.0], [0.0, 1.0]])
    assert np.isnan(model.predict(vector, features)).all()
    assert model.score(vector, Samples.whole(features, np.zeros(2, np.int64)))["accuracy"] == 0
