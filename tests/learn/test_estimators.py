"""scikit-learn estimators behind the one contract of models."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import SGDClassifier

from gossipfl.draws import Draws
from gossipfl.errors import SettingsError
from gossipfl.learn.contracts import Samples
from gossipfl.learn.estimators import Estimator
from gossipfl.learn.training import Training


def samples_for(classes: int | None) -> Samples:
    draws = Draws(3)
    x = draws.normal("x", 300 * 4).reshape(300, 4)
    if classes is None:
        return Samples.whole(x, x @ np.array([1.0, -2.0, 0.5, 0.0]) + 0.3)
    return Samples.whole(x, np.argmax(x[:, :classes], axis=1))


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("kind", ["SGDClassifier", "MLPClassifier"])
def test_classifiers_learn(kind: str, classes: int) -> None:
    model, samples = Estimator(kind, 4, classes, training=Training(epochs=3)), samples_for(classes)
    vector = model.start(Draws(1))
    for turn in range(10):
        vector = model.fit(vector, samples, Draws(1, 0, turn))
    assert model.score(vector, samples)["accuracy"] > 0.9
    assert model.predict(vector, samples.features[:2]).shape == (2, classes)


@pytest.mark.parametrize("kind", ["SGDRegressor", "MLPRegressor"])
def test_regressors_learn(kind: str) -> None:
    model, samples = Estimator(kind, 4, training=Training(epochs=5)), samples_for(None)
    vector = model.start(Draws(1))
    for turn in range(10):
        vector = model.fit(vector, samples, Draws(1, 0, turn))
    assert model.score(vector, samples)["r2"] > 0.9


def test_the_first_round_is_the_first_pass_of_the_estimator_itself() -> None:
    model, samples, draws = (
        Estimator("SGDClassifier", 4, 2, precision="float64"),
        samples_for(2),
        Draws(5, 0, 1),
    )
    alone = SGDClassifier(loss="log_loss", random_state=int(draws.words("estimator", 1)[0]))
    alone.partial_fit(samples.features, samples.targets, classes=[0, 1])
    wanted = np.concatenate((alone.coef_.ravel(), alone.intercept_))
    np.testing.assert_array_equal(model.fit(model.start(draws), samples, draws), wanted)


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("kind", ["SGDClassifier", "MLPClassifier"])
def test_classes_that_a_peer_lacks_are_still_predicted(kind: str, classes: int) -> None:
    model, samples = Estimator(kind, 4, classes), samples_for(classes)
    only = Samples.whole(samples.features[samples.targets == 1], samples.targets[samples.targets == 1])
    vector = model.fit(model.start(Draws(1)), only, Draws(1, 0))
    assert model.predict(vector, only.features).shape[-1] == classes
    assert np.isfinite(model.score(vector, samples)["loss"])


@pytest.mark.parametrize("kind", ["SGDRegressor", "MLPRegressor"])
def test_training_that_overflows_gives_a_vector_that_is_not_a_number(kind: str) -> None:
    options: dict[str, object] = {"learning_rate_init": 1e300, "solver": "sgd"}
    if kind == "SGDRegressor":
        options = {"eta0": 1e300, "learning_rate": "constant"}
    model, samples = Estimator(kind, 4, options=options, training=Training(epochs=3)), samples_for(None)
    vector = model.fit(model.start(Draws(1)), samples, Draws(1, 0))
    assert np.isnan(vector).all()
    assert np.isnan(model.score(vector, samples)["loss"])


@pytest.mark.parametrize(
    ("settings", "advice"),
    [
        ({"kind": "SGDClasifier", "classes": 2}, "did you mean .SGDClassifier"),
        ({"kind": "SGDClassifier"}, "use SGDRegressor"),
        ({"kind": "MLPRegressor", "classes": 2}, "use MLPClassifier"),
        ({"kind": "SGDClassifier", "classes": 2, "options": {"alhpa": 1}}, "did you mean .alpha"),
        ({"kind": "SGDClassifier", "classes": 2, "options": {"alpha": -1}}, "'alpha' parameter"),
        ({"kind": "SGDClassifier", "classes": 2, "options": {"loss": "hinge"}}, "log_loss"),
        ({"kind": "SGDClassifier", "classes": 2, "options": {"class_weight": "balanced"}}, "in numbers"),
        ({"kind": "MLPClassifier", "classes": 2, "options": {"solver": "lbfgs"}}, "adam"),
        ({"kind": "SGDRegressor", "training": Training(momentum=0.9)}, "does not take momentum"),
        ({"kind": "SGDRegressor", "training": Training(proximal=0.1)}, "does not take proximal"),
    ],
)
def test_what_does_not_fit_is_refused_with_advice(settings: dict[str, Any], advice: str) -> None:
    with pytest.raises(SettingsError, match=advice):
        Estimator(features=4, **settings)
