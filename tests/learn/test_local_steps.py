"""Many local steps a round: what corrects each of them is exact, what corrects their sum is not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from crowd import Crowd, ring

from gossipfl.draws import Draws
from gossipfl.learn.algorithms.dpsgd import Dpsgd
from gossipfl.learn.algorithms.exact_diffusion import ExactDiffusion
from gossipfl.learn.algorithms.local_exact_diffusion import LocalExactDiffusion
from gossipfl.learn.contracts import Algorithm, Array, Samples, Steering
from gossipfl.learn.models import softmax
from gossipfl.learn.training import Training

PEERS, SIZE, STEPS, RATE = 8, 3, 10, 0.02


def error_after(algorithm: Algorithm[Any], rounds: int) -> float:
    """How far a ring of unlike quadratics ends from the common optimum."""
    draws = Draws(3, np.arange(PEERS))
    curvature, wanted = 1 + 4 * draws.uniform("curvature", SIZE), draws.normal("wanted", SIZE)
    crowd = Crowd(algorithm, np.zeros((PEERS, SIZE)), ring(PEERS))

    def fit(vector: Array) -> Array:
        drift = algorithm.drift(crowd.state) if isinstance(algorithm, Steering) else np.zeros_like(vector)
        for _ in range(STEPS):
            vector = vector - RATE * curvature * (vector - wanted) + drift / STEPS
        return vector

    for _ in range(rounds):
        crowd.round(fit)
    best = (curvature * wanted).sum(0) / curvature.sum(0)
    return float(np.abs(crowd.model - best).max())


def test_a_correction_of_each_local_step_leaves_no_bias() -> None:
    assert error_after(LocalExactDiffusion(), 1_500) < 1e-10


@pytest.mark.parametrize("algorithm", [ExactDiffusion(), Dpsgd()], ids=["exact-diffusion", "dpsgd"])
def test_without_it_many_local_steps_have_a_bias(algorithm: Algorithm[Any]) -> None:
    assert error_after(algorithm, 1_500) > 1e-2


def test_a_drift_is_spread_evenly_over_the_local_steps_of_each_peer() -> None:
    features, targets = np.eye(3), np.arange(3)
    samples = Samples.parts(features, targets, [np.arange(3), np.arange(1), np.arange(0)])
    model = softmax(3, 3, Training(learning_rate=1e-9, batch=1, epochs=2), "float64")
    start, drift = np.zeros((3, model.size)), np.full((3, model.size), 0.5)
    moved = model.fit(start, samples, Draws(0, np.arange(3), 1), drift)
    np.testing.assert_allclose(moved[:2], 0.5, atol=1e-8)
    assert not moved[2].any()  # without samples there is no local step
