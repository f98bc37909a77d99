"""Training against what mathematics says, written out another way."""

from __future__ import annotations

import numpy as np
import pytest

from gossipfl.draws import Draws
from gossipfl.learn.batches import shuffled
from gossipfl.learn.contracts import Array, Samples
from gossipfl.learn.models import Dense, linear, mlp, softmax
from gossipfl.learn.training import Training

DRAWS = Draws(11, 4, 2)


def samples_for(classes: int | None, count: int = 20, features: int = 5) -> Samples:
    draws = Draws(3)
    x = draws.normal("x", count * features).reshape(count, features)
    y = draws.normal("y", count) if classes is None else draws.integers("y", count, classes)
    return Samples.whole(x, y)


def loss_of(model: Dense, vector: Array, samples: Samples) -> float:
    """What training minimises: cross entropy, or half the mean squared error."""
    loss = float(model.score(vector, samples)["loss"])
    return loss if model.task == "classes" else loss / 2


@pytest.mark.parametrize(("classes", "hidden"), [(None, ()), (4, ()), (2, (6,)), (3, (7, 4)), (None, (6, 3))])
def test_a_step_follows_the_gradient_found_by_finite_differences(
    classes: int | None, hidden: tuple[int, ...]
) -> None:
    samples = samples_for(classes)
    model = mlp(5, classes, hidden, Training(learning_rate=1.0, batch=20), "float64")
    vector = Draws(9).normal("vector", model.size)
    gradient = vector - model.fit(vector, samples, DRAWS)
    steps = np.eye(model.size) * 1e-6
    expected = [
        (loss_of(model, vector + s, samples) - loss_of(model, vector - s, samples)) / 2e-6 for s in steps
    ]
    np.testing.assert_allclose(gradient, expected, rtol=1e-6, atol=1e-8)


def by_hand(training: Training, samples: Samples, classes: int, steps: int, weights: Array) -> Array:
    """Softmax regression by momentum SGD, one sample after the other, from zeros."""
    x, y, features = samples.features, samples.targets, samples.features.shape[1]
    w, b = np.zeros((features, classes)), np.zeros(classes)
    speed_w, speed_b = np.zeros_like(w), np.zeros_like(b)
    rows = np.arange(len(x))[None]
    per_epoch = -(-len(x) // training.batch)
    for step in range(steps):
        epoch, part = divmod(step, per_epoch)
        order = shuffled(rows, np.array([len(x)]), Draws(11, np.array([4]), 2), epoch)[0]
        chosen = order[part * training.batch : (part + 1) * training.batch]
        slope_w, slope_b = training.weight_decay * w, np.zeros_like(b)
        for row in chosen:
            e = np.exp(x[row] @ w + b)
            error = (e / e.sum() - np.eye(classes)[y[row]]) * weights[y[row]] / len(chosen)
            slope_w, slope_b = slope_w + np.outer(x[row], error), slope_b + error
        speed_w, speed_b = training.momentum * speed_w + slope_w, training.momentum * speed_b + slope_b
        w, b = w - training.learning_rate * speed_w, b - training.learning_rate * speed_b
    return np.concatenate((w.ravel(), b))


@pytest.mark.parametrize(
    ("training", "steps"),
    [
        (Training(batch=6), 4),
        (Training(batch=6, epochs=3, momentum=0.9), 12),
        (Training(batch=7, epochs=2, weight_decay=0.3), 6),
        (Training(batch=6, steps=7, momentum=0.5, weight_decay=0.1), 7),
        (Training(batch=64, steps=3), 3),
    ],
)
def test_momentum_weight_decay_epochs_and_steps_are_as_written_by_hand(
    training: Training, steps: int
) -> None:
    samples = samples_for(3)
    model = softmax(5, 3, training, "float64")
    fitted = model.fit(np.zeros(model.size), samples, DRAWS)
    np.testing.assert_allclose(fitted, by_hand(training, samples, 3, steps, np.ones(3)), rtol=1e-10)


def test_class_weights_multiply_the_loss_of_their_class() -> None:
    samples, weights = samples_for(3), (0.5, 2.0, 1.5)
    model = softmax(5, 3, Training(batch=6, class_weights=weights), "float64")
    fitted = model.fit(np.zeros(model.size), samples, DRAWS)
    plain = Training(batch=6)
    np.testing.assert_allclose(fitted, by_hand(plain, samples, 3, 4, np.array(weights)), rtol=1e-10)


def test_balanced_weights_make_the_classes_a_peer_holds_weigh_alike() -> None:
    samples = samples_for(4)
    held = samples.targets[samples.targets != 2]
    some = Samples.whole(samples.features[samples.targets != 2], held)
    counts = np.bincount(held, minlength=4)
    balanced = np.array([len(held) / (3 * count) if count else 0.0 for count in counts])
    model = softmax(5, 4, Training(batch=6, class_weights="balanced"), "float64")
    fitted = model.fit(np.zeros(model.size), some, DRAWS)
    steps = -(-len(held) // 6)
    np.testing.assert_allclose(fitted, by_hand(Training(batch=6), some, 4, steps, balanced), rtol=1e-10)


def test_each_fit_starts_from_rest() -> None:
    samples = samples_for(None)
    model = linear(5, Training(batch=20, momentum=0.9), "float64")
    once = model.fit(np.zeros(6), samples, DRAWS)
    twice = model.fit(once, samples, DRAWS)
    slope = once - model.fit(once, samples, Draws(1))
    np.testing.assert_allclose(once - twice, slope)


@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_a_proximal_round_is_pulled_back_to_where_it_began_as_written_by_hand(momentum: float) -> None:
    samples = samples_for(None)
    training = Training(batch=20, steps=9, momentum=momentum, proximal=0.7)
    model = linear(5, training, "float64")
    inputs = np.column_stack((samples.features, np.ones(20)))
    fitted = vector = Draws(9).normal("vector", 6)
    for round in (1, 2):
        fitted = model.fit(fitted, samples, Draws(11, 4, round))
        began, speed = vector, np.zeros(6)
        for _ in range(9):
            slope = inputs.T @ (inputs @ vector - samples.targets) / 20 + 0.7 * (vector - began)
            speed = momentum * speed + slope
            vector = vector - 0.1 * speed
    np.testing.assert_allclose(fitted, vector, rtol=1e-10)


def test_the_stronger_the_pull_the_less_a_round_drifts() -> None:
    samples, vector = samples_for(3), np.ones(18)
    pulls = (0.0, 0.1, 1.0, 5.0)
    drifts = [
        np.linalg.norm(
            softmax(5, 3, Training(steps=50, proximal=pull), "float64").fit(vector, samples, DRAWS) - 1
        )
        for pull in pulls
    ]
    assert drifts == sorted(drifts, reverse=True)
    assert drifts[-1] < 0.5 * drifts[0]


def test_divergence_is_returned_without_a_warning() -> None:
    samples = samples_for(None)
    model = linear(5, Training(learning_rate=1e6, epochs=50))
    assert not np.isfinite(model.fit(np.zeros(6, np.float32), samples, DRAWS)).all()
