"""Each algorithm keeps the law that its paper proves, on a ring of unlike quadratics."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from crowd import Crowd, Graph, chain, ring, wheel

from gossipfl.draws import Draws
from gossipfl.learn.algorithms.combine_then_adapt import CombineThenAdapt
from gossipfl.learn.algorithms.dpsgd import Dpsgd
from gossipfl.learn.algorithms.exact_diffusion import ExactDiffusion
from gossipfl.learn.algorithms.extra import Extra
from gossipfl.learn.algorithms.gradient_tracking import GradientTracking
from gossipfl.learn.algorithms.momentum import Momentum
from gossipfl.learn.algorithms.quasi_global import QuasiGlobal
from gossipfl.learn.algorithms.relay import RelaySum
from gossipfl.learn.contracts import Algorithm, Array, Heard

PEERS, SIZE = 16, 5
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


def errors(algorithm: Algorithm[Any], rate: float, rounds: int, graph: Graph) -> Array:
    """(1/n) sum |x_i - x*|^2 after each round on `graph`."""
    task = unlike_quadratics()
    crowd, found = Crowd(algorithm, np.zeros((PEERS, SIZE)), graph), []
    for _ in range(rounds):
        crowd.round(lambda vector: trained(task, vector, rate))
        found.append(np.mean(np.sum((crowd.model - task[2]) ** 2, axis=-1)))
    return np.array(found)


@pytest.mark.parametrize(
    ("algorithm", "rate", "graph"),
    [
        (GradientTracking(), 0.05, ring(PEERS)),
        (GradientTracking(), 0.03, wheel(PEERS)),
        (ExactDiffusion(), 0.3, ring(PEERS)),
        (ExactDiffusion(lazy=False), 0.2, chain(PEERS)),
        (Extra(), 0.3, ring(PEERS)),
        (RelaySum(), 0.05, chain(PEERS)),
    ],
    ids=["tracking", "tracking-wheel", "diffusion", "diffusion-chain", "extra", "relay"],
)
def test_an_exact_method_reaches_the_common_optimum(
    algorithm: Algorithm[Any], rate: float, graph: Graph
) -> None:
    assert errors(algorithm, rate, 3_000, graph)[-1] < 1e-20


@pytest.mark.parametrize("algorithm", [Dpsgd(), CombineThenAdapt()], ids=["adapt", "combine"])
def test_dpsgd_keeps_a_bias_that_shrinks_with_the_square_of_a_small_step(algorithm: Algorithm[Any]) -> None:
    floors = [errors(algorithm, rate, 5_000, ring(PEERS))[-1] for rate in (0.005, 0.0025)]
    assert floors[-1] > 1e-3
    assert 1.5 < np.log2(floors[0] / floors[1]) < 2.0


MASS = 1.0 + np.arange(PEERS) % 4


def weighted_optimum(task: Task) -> Array:
    curvature, target, _ = task
    pulled = np.einsum("n,nij,nj->i", MASS, curvature, target)
    optimum: Array = np.linalg.solve(np.einsum("n,nij->ij", MASS, curvature), pulled)
    return optimum


@pytest.mark.parametrize(
    ("algorithm", "rate", "graph"),
    [
        (GradientTracking(), 0.03, wheel(PEERS)),
        (ExactDiffusion(), 0.1, wheel(PEERS)),
        (Extra(), 0.1, wheel(PEERS)),
        (RelaySum(), 0.03, chain(PEERS)),
    ],
    ids=["tracking", "diffusion", "extra", "relay"],
)
def test_an_exact_method_weighs_peers_by_their_samples(
    algorithm: Algorithm[Any], rate: float, graph: Graph
) -> None:
    task = unlike_quadratics()
    crowd = Crowd(algorithm, np.zeros((PEERS, SIZE)), graph, MASS)
    for _ in range(2_000):
        crowd.round(lambda vector: trained(task, vector, rate))
    np.testing.assert_allclose(crowd.model, np.tile(weighted_optimum(task), (PEERS, 1)), atol=1e-9)


def test_what_tracking_holds_is_the_sum_of_the_steps_in_every_round() -> None:
    task = unlike_quadratics()
    crowd = Crowd(GradientTracking(), np.zeros((PEERS, SIZE)), wheel(PEERS), MASS)
    for _ in range(50):
        crowd.round(lambda vector: trained(task, vector, 0.05))
        state = crowd.state
        held = (state.samples[:, None] * state.tracked).sum(0)
        np.testing.assert_allclose(held, (MASS[:, None] * state.step).sum(0), atol=1e-11)
        assert state.samples.sum() == pytest.approx(MASS.sum(), rel=1e-14)


def ring_matrix() -> Array:
    eye = np.eye(PEERS)
    matrix: Array = (eye + np.roll(eye, 1, 0) + np.roll(eye, -1, 0)) / 3
    return matrix


def test_tracking_is_the_published_recursion_among_equals() -> None:
    task, mixing = unlike_quadratics(), ring_matrix()
    crowd = Crowd(GradientTracking(), np.zeros((PEERS, SIZE)), ring(PEERS))
    vector, tracked, last = np.zeros((3, PEERS, SIZE))
    for _ in range(40):
        step = vector - trained(task, vector, 0.05)
        tracked = tracked + step - last
        vector, tracked, last = mixing @ (vector - tracked), mixing @ tracked, step
        crowd.round(lambda old: trained(task, old, 0.05))
        np.testing.assert_allclose(crowd.model, vector, atol=1e-12)


@pytest.mark.parametrize("lazy", [True, False])
def test_exact_diffusion_is_the_published_recursion(lazy: bool) -> None:
    task, mixing = unlike_quadratics(), ring_matrix()
    mixing = (np.eye(PEERS) + mixing) / 2 if lazy else mixing
    crowd = Crowd(ExactDiffusion(lazy=lazy), np.zeros((PEERS, SIZE)), ring(PEERS))
    vector = before = last = np.zeros((PEERS, SIZE))
    for _ in range(40):
        step = vector - trained(task, vector, 0.1)
        vector, before, last = mixing @ (2 * vector - before - step + last), vector, step
        crowd.round(lambda old: trained(task, old, 0.1))
        np.testing.assert_allclose(crowd.model, vector, atol=1e-12)


def test_extra_is_the_published_recursion() -> None:
    task, mixing, rate = unlike_quadratics(), ring_matrix(), 0.1
    halfway = (np.eye(PEERS) + mixing) / 2
    crowd = Crowd(Extra(), np.zeros((PEERS, SIZE)), ring(PEERS))
    before = np.zeros((PEERS, SIZE))
    last = before - trained(task, before, rate)
    vector = mixing @ before - last
    crowd.round(lambda old: trained(task, old, rate))
    for _ in range(40):
        np.testing.assert_allclose(crowd.model, vector, atol=1e-12)
        step = vector - trained(task, vector, rate)
        vector, before, last = vector + mixing @ vector - halfway @ before - step + last, vector, step
        crowd.round(lambda old: trained(task, old, rate))


def test_relayed_sums_are_the_mean_of_all_after_as_many_rounds_as_the_chain_is_long() -> None:
    start = Draws(3, np.arange(PEERS)).normal("start", SIZE)
    crowd = Crowd(RelaySum(), start, chain(PEERS), MASS)
    for _ in range(PEERS):
        crowd.round(lambda _: start)  # all say the same in every round
    np.testing.assert_allclose(crowd.model, np.tile(MASS @ start / MASS.sum(), (PEERS, 1)), atol=1e-12)


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


@pytest.mark.parametrize("algorithm", [Momentum(), QuasiGlobal()])
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
