"""Sums that are kept on each link lose nothing, whatever is lost on the way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest
from crowd import Graph, wheel

from gossipfl.draws import Draws
from gossipfl.learn.algorithms.exact_diffusion import ExactDiffusion
from gossipfl.learn.algorithms.extra import Extra
from gossipfl.learn.algorithms.gradient_tracking import GradientTracking
from gossipfl.learn.algorithms.push_sum import LEAST, PushSum
from gossipfl.learn.contracts import Algorithm, Array, Heard, Link, Payload
from gossipfl.protocol.correspondence import corresponding
from gossipfl.protocol.messages import Update
from gossipfl.protocol.weighing import mixed

SIZE = 4


class Letters:
    """Peers that tell all in `outward` in each round, by real links, of whose updates a share is lost."""

    def __init__(self, algorithm: Algorithm[Any], outward: Graph, starts: Array, mass: Array, loss: float):
        self.algorithm, self.outward, self.mass, self.loss = algorithm, outward, mass, loss
        self.states = [algorithm.start(one, np.asarray(m)) for one, m in zip(starts, mass, strict=True)]
        self.links = [corresponding(algorithm, one) for one in starts]
        self.told: dict[tuple[int, int], Payload] = {}
        self.held: dict[tuple[int, int], Payload] = {}
        self.turn = 0

    def models(self) -> Array:
        return np.stack([self.algorithm.model(state) for state in self.states])

    def under_way(self, part: int) -> Array:
        """What was told and not yet heard, summed over all links."""
        nothing = tuple(np.zeros_like(one) for one in next(iter(self.told.values())))
        lacking = [told[part] - self.held.get(link, nothing)[part] for link, told in self.told.items()]
        total: Array = np.sum(lacking, axis=0)
        return total

    def round(self, fit: Callable[[int, Array], Array]) -> None:
        self.turn += 1
        arrived: list[list[Update]] = [[] for _ in self.states]
        senders: list[list[int]] = [[] for _ in self.states]
        for peer, before in enumerate(self.states):
            state = self.algorithm.learned(before, fit(peer, self.algorithm.model(before)))
            share = np.asarray(1 / (len(self.outward[peer]) + 1))
            spoken, self.states[peer] = self.algorithm.speak(state, share, Draws(0, peer, self.turn))
            fate = Draws(5, peer, self.turn).uniform("loss", len(self.outward[peer]))
            for to, luck in zip(self.outward[peer], fate, strict=True):
                payload, _ = self.links[peer].tell(to, spoken, self.states[peer])
                self.told[peer, to] = payload
                if luck >= self.loss:
                    degree, samples = len(self.outward[peer]), int(self.mass[peer])
                    arrived[to].append(Update(self.turn, 0, self.turn, samples, degree, payload))
                    senders[to].append(peer)
                    self.held[peer, to] = payload
        for peer, updates in enumerate(arrived):
            if updates:
                self._listen(peer, senders[peer], updates)

    def _listen(self, peer: int, senders: list[int], updates: list[Update]) -> None:
        links, state = self.links[peer], self.states[peer]
        taken = [links.take(*one, state, False) for one in zip(senders, [[u] for u in updates], strict=True)]
        heard = mixed([one for one in taken if one], np.full(len(taken), 1 / (len(taken) + 1)))
        self.states[peer] = self.algorithm.listen(state, heard)


def random_digraph(peers: int, out: int, seed: int) -> Graph:
    """Each tells `out` others, drawn at random."""
    orders = Draws(seed, np.arange(peers)).permutation("others", peers - 1)[:, :out]
    return [sorted((peer + 1 + orders[peer]) % peers) for peer in range(peers)]


def pushing(outward: Graph) -> Array:
    """The column-stochastic matrix of even shares."""
    matrix = np.eye(len(outward))
    for peer, others in enumerate(outward):
        matrix[others, peer] = 1.0
    shares: Array = matrix / matrix.sum(axis=0)
    return shares


def at_rest(peer: int, vector: Array) -> Array:
    return vector


DIGRAPH = random_digraph(20, 3, 2)
STARTS = Draws(2, np.arange(20)).normal("start", SIZE)
EQUAL = np.ones(20)


def test_push_sum_reaches_the_mean_on_a_digraph_at_the_rate_of_the_second_eigenvalue() -> None:
    letters, errors = Letters(PushSum(), DIGRAPH, STARTS, EQUAL, 0.0), []
    for _ in range(40):
        letters.round(at_rest)
        errors.append(np.linalg.norm(letters.models() - STARTS.mean(0)))
        assert sum(state.weight for state in letters.states) == pytest.approx(20, abs=1e-12)
    second = np.sort(np.abs(np.linalg.eigvals(pushing(DIGRAPH))))[-2]
    slope = np.polyfit(np.arange(25), np.log(errors[10:35]), 1)[0]
    assert np.exp(slope) == pytest.approx(second, rel=0.01)


@dataclass(frozen=True)
class AsSpoken:
    """A link that remembers nothing."""

    takes_back: ClassVar[bool] = False
    remembers: ClassVar[bool] = False

    def tell(self, spoken: Payload, told: Payload, held: Payload) -> Payload:
        return spoken

    def heard(self, held: Payload, before: Payload) -> Payload:
        return held


class NaivePushSum(PushSum):
    """What is lost on the way stays lost."""

    link: ClassVar[Link] = AsSpoken()


def test_running_sums_lose_no_mass_where_naive_push_sum_is_wrong() -> None:
    summing = Letters(PushSum(), DIGRAPH, STARTS, EQUAL, 0.3)
    naive = Letters(NaivePushSum(), DIGRAPH, STARTS, EQUAL, 0.3)
    for turn in range(600):
        summing.round(at_rest)
        if turn < 60:
            naive.round(at_rest)
    held = sum(state.weight for state in summing.states)
    assert held + summing.under_way(1)[0] == pytest.approx(20, rel=1e-12)
    assert np.abs(summing.models() - STARTS.mean(0)).max() < 1e-11
    assert sum(state.weight for state in naive.states) < 2
    assert np.abs(naive.models().mean(0) - STARTS.mean(0)).max() > 1e-2


def test_a_peer_to_whom_nobody_gives_keeps_a_least_weight_and_stays_finite() -> None:
    letters = Letters(PushSum(), [[1], []], STARTS[:2], np.array([8.0, 1.0]), 0.0)
    for _ in range(1_000):
        letters.round(lambda _, vector: 0.9 * vector)
    assert letters.states[0].weight >= 8 * LEAST / 2
    assert np.isfinite(letters.models()).all()


MASS = 1.0 + np.arange(12) % 3
CURVATURE = 1 + Draws(3, np.arange(12)).uniform("curvature", SIZE)
WANTED = 2 + Draws(4, np.arange(12)).normal("wanted", SIZE)


def pulled(peer: int, vector: Array) -> Array:
    stepped: Array = vector - 0.05 * CURVATURE[peer] * (vector - WANTED[peer])
    return stepped


def test_what_tracking_holds_and_has_under_way_is_the_sum_of_the_steps_though_updates_are_lost() -> None:
    letters = Letters(GradientTracking(), wheel(12), np.zeros((12, SIZE)), MASS, 0.3)
    for _ in range(60):
        letters.round(pulled)
        held = sum(state.samples * state.tracked for state in letters.states) + letters.under_way(1)
        steps = sum(mass * state.step for mass, state in zip(MASS, letters.states, strict=True))
        np.testing.assert_allclose(held, steps, atol=1e-12)
        assert sum(state.samples for state in letters.states) + letters.under_way(2) == pytest.approx(
            MASS.sum(), abs=1e-12
        )


@pytest.mark.parametrize("algorithm", [ExactDiffusion(), Extra()], ids=["diffusion", "extra"])
def test_what_one_peer_gained_another_lost_once_all_have_heard_each_other(algorithm: Algorithm[Any]) -> None:
    letters = Letters(algorithm, wheel(12), np.zeros((12, SIZE)), MASS, 0.3)
    for _ in range(60):
        letters.round(pulled)
    assert np.abs(duals(letters)).max() > 1e-6
    letters.loss = 0.0
    for _ in range(2):
        letters.round(pulled)
    np.testing.assert_allclose(duals(letters), np.zeros(SIZE), atol=1e-13)


def duals(letters: Letters) -> Array:
    """The sum of what corrects the peers, by samples."""
    total: Array = sum(mass * state.dual for mass, state in zip(MASS, letters.states, strict=True))
    return total


@pytest.mark.parametrize(
    "algorithm",
    [PushSum(), GradientTracking(), ExactDiffusion(), Extra()],
    ids=lambda one: type(one).__name__,
)
def test_a_peer_that_adopts_what_it_hears_forgets_its_past(algorithm: Algorithm[Any]) -> None:
    teacher, pupil = (Draws(9, peer).normal("start", SIZE) for peer in (0, 1))
    told, state = algorithm.start(teacher), algorithm.learned(algorithm.start(pupil), pupil + 1.0)
    spoken, _ = algorithm.speak(told, np.asarray(0.5), Draws(0, 0))
    ours, theirs = corresponding(algorithm, pupil), corresponding(algorithm, teacher)
    payload, whole = theirs.tell(1, spoken, told)
    taken = ours.take(0, [Update(1, 0, 1, 1, 1, payload, whole)], state, True)
    assert taken is not None
    alone = mixed([taken], np.ones(1))
    state = algorithm.listen(state, Heard(alone.payload, alone.weights, np.asarray(0.0), alone.said))
    np.testing.assert_allclose(algorithm.model(state), teacher, atol=1e-14)
    state = algorithm.learned(state, algorithm.model(state))  # nothing is left to learn
    np.testing.assert_allclose(algorithm.model(state), teacher, atol=1e-14)
