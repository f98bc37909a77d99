"""Each algorithm keeps the law that its paper proves, on a ring of unlike quadratics."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gossipfl.draws import Draws
from gossipfl.learn.combine_then_adapt import CombineThenAdapt
from gossipfl.learn.contracts import Algorithm, Array, Heard
from gossipfl.learn.dpsgd import Dpsgd
from gossipfl.learn.exact_diffusion import ExactDiffusion
from gossipfl.learn.extra import Extra
from gossipfl.learn.gradient_tracking import GradientTracking
from gossipfl.learn.momentum import Momentum
from gossipfl.learn.quasi_global import QuasiGlobal

PEERS, SIZE = 16, 5
SHARE = np.full(PEERS, 1 / 3)
WEIGHTS = np.full((PEERS, 2), 1 / 3)

Task = tuple[Array, Array, Array]


def unlike_quadratics() -> Task:
    """Curvatures A (n, d, d) with eigenvalues in 1 .. 3, targets b (n, d), and the common optimum (d,)."""
    draws = Draws(11, np.arange(PEERS))
    turned = np.linalg.qr(draws.normal("turn", SIZE * SIZE).reshape(PEERS, SIZE, SIZE))[0]
    curvature = np.einsum("nij,nj,nkj->nik", turned, 1 + 2 * draws.uniform("eigenvalues", SIZE), turned)
    target = 5 * draws.normal("target", SIZE) + np.linspace(-3, 3, PEERS)[:, None]
    pulled = np.einsum("nij,nj->ni", curvature, target)
    return curvature, target, np.linalg.solve(curvature.sum(0), pulled.sum(0))


def trained(task: Task, vector: Array, rate: float) -> Array:
    curvature, target, _ = task
    stepped: Array = vector - rate * np.einsum("nij,nj->ni", curvature, vector - target)
    return stepped


def errors(algorithm: Algorithm[Any], rate: float, rounds: int) -> Array:
    """(1/n) sum |x_i - x*|^2 after each round on a ring, every weight 1/3."""
    task = unlike_quadratics()
    state = algorithm.start(np.zeros((PEERS, SIZE)))
    found = []
    for turn in range(rounds):
        state = algorithm.learned(state, trained(task, algorithm.model(state), rate))
        payload, state = algorithm.speak(state, SHARE, Draws(0, np.arange(PEERS), turn))
        around = tuple(np.stack((np.roll(part, 1, 0), np.roll(part, -1, 0)), axis=1) for part in payload)
        state = algorithm.listen(state, Heard(around, WEIGHTS, SHARE))
        found.append(np.mean(np.sum((algorithm.model(state) - task[2]) ** 2, axis=-1)))
    return np.array(found)


@pytest.mark.parametrize(
    ("algorithm", "rate"),
    [(GradientTracking(), 0.05), (ExactDiffusion(), 0.3), (Extra(), 0.3)],
    ids=["gradient-tracking", "exact-diffusion", "extra"],
)
def test_an_exact_method_reaches_the_common_optimum(algorithm: Algorithm[Any], rate: float) -> None:
    assert errors(algorithm, rate, 3_000)[-1] < 1e-20


@pytest.mark.parametrize("algorithm", [Dpsgd(), CombineThenAdapt()], ids=["adapt", "combine"])
def test_dpsgd_keeps_a_bias_that_shrinks_with_the_square_of_a_small_step(algorithm: Algorithm[Any]) -> None:
    floors = [errors(algorithm, rate, 5_000)[-1] for rate in (0.005, 0.0025)]
    assert floors[-1] > 1e-3
    assert 1.5 < np.log2(floors[0] / floors[1]) < 2.0


def test_tracking_keeps_the_mean_of_the_steps_in_every_round() -> None:
    task, algorithm = unlike_quadratics(), GradientTracking()
    state = algorithm.start(np.zeros((PEERS, SIZE)))
    for turn in range(50):
        state = algorithm.learned(state, trained(task, algorithm.model(state), 0.05))
        np.testing.assert_allclose(state.tracked.mean(0), state.step.mean(0), atol=1e-12)
        payload, state = algorithm.speak(state, SHARE, Draws(0, np.arange(PEERS), turn))
        around = tuple(np.stack((np.roll(part, 1, 0), np.roll(part, -1, 0)), axis=1) for part in payload)
        state = algorithm.listen(state, Heard(around, WEIGHTS, SHARE))


@pytest.mark.parametrize("nesterov", [False, True])
def test_momentum_of_one_peer_alone_is_the_textbook_rule(nesterov: bool) -> None:
    algorithm, vector, momentum = Momentum(decay=0.5, nesterov=nesterov), np.array([4.0, -2.0]), np.zeros(2)
    state, alone = algorithm.start(vector), Heard((np.zeros((0, 2)),), np.zeros(0), np.asarray(1.0))
    for _ in range(5):
        step = 0.1 * vector
        momentum = 0.5 * momentum + step
        vector = vector - (step + 0.5 * momentum if nesterov else momentum)
        state = algorithm.learned(state, algorithm.model(state) * 0.9)
        state = algorithm.listen(state, alone)
        np.testing.assert_allclose(algorithm.model(state), vector, rtol=1e-12)


def test_quasi_global_momentum_follows_the_mixed_path() -> None:
    algorithm = QuasiGlobal(decay=0.9, kept=0.9, nesterov=False)
    state = algorithm.start(np.array([1.0]))
    state = algorithm.learned(state, np.array([0.8]))  # a step of .2
    state = algorithm.listen(state, Heard((np.array([[0.4]]),), np.array([0.5]), np.asarray(0.5)))
    assert algorithm.model(state) == pytest.approx(0.6)
    assert state.momentum == pytest.approx(0.1 * (1.0 - 0.6))
    state = algorithm.learned(state, np.array([0.5]))  # a step of .1, and .9 of the momentum
    assert algorithm.model(state) == pytest.approx(0.6 - 0.1 - 0.9 * 0.04)


@pytest.mark.parametrize(
    "algorithm", [Momentum(), QuasiGlobal(), GradientTracking(), ExactDiffusion(), Extra()]
)
def test_a_peer_that_adopts_what_it_hears_forgets_its_past(algorithm: Algorithm[Any]) -> None:
    state = algorithm.learned(algorithm.start(np.array([9.0])), np.array([7.0]))
    payload, state = algorithm.speak(state, np.asarray(0.5), Draws(0, 0))
    calm = tuple(np.array([[1.0]]) if index == 0 else np.array([[0.0]]) for index in range(len(payload)))
    state = algorithm.listen(state, Heard(calm, np.array([1.0]), np.asarray(0.0)))
    assert algorithm.model(state) == pytest.approx(1.0)
    for _ in range(3):  # nothing to learn, nobody else: the model stays
        state = algorithm.learned(state, algorithm.model(state))
        payload, state = algorithm.speak(state, np.asarray(0.5), Draws(0, 0))
        same = tuple(part[None] for part in payload)
        state = algorithm.listen(state, Heard(same, np.array([0.5]), np.asarray(0.5)))
        assert algorithm.model(state) == pytest.approx(1.0)
