"""Mixing weights settle on the mean weighted by samples, and their gap obeys the formulas."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gossipfl.errors import TopologyError
from gossipfl.topology import (
    build_topology,
    facts,
    metropolis_weight,
    mixing_matrix,
    rounds_to_consensus,
    spectral_gap,
)


def test_uniform_weights_are_symmetric_and_doubly_stochastic() -> None:
    matrix = mixing_matrix(build_topology("scale-free", 30)).toarray()
    assert np.array_equal(matrix, matrix.T)
    assert np.allclose(matrix.sum(axis=0), 1, atol=1e-15)
    assert matrix.min() >= 0


def test_weights_towards_samples_are_reversible_and_settle_on_the_weighted_mean() -> None:
    topology = build_topology("k-regular", 20)
    samples = np.arange(1, 21) ** 2
    matrix = mixing_matrix(topology, samples).toarray()
    flow = samples[:, None] * matrix
    assert np.allclose(flow, flow.T, rtol=1e-14)
    values = np.sin(np.arange(20.0))
    settled = np.linalg.matrix_power(matrix, 2000) @ values
    assert np.allclose(settled, np.average(values, weights=samples), atol=1e-9)


def test_one_peer_and_the_matrix_agree() -> None:
    topology, samples = build_topology("star", 6), np.array([5, 1, 2, 3, 40, 9])
    matrix = mixing_matrix(topology, samples).toarray()
    for peer in range(6):
        near = list(topology.neighbours(peer))
        weights = metropolis_weight(len(near), samples[peer], topology.degrees[near], samples[near])
        assert np.array_equal(weights, matrix[peer, near])
        assert matrix[peer, peer] >= 1 / (len(near) + 1) - 1e-15


@pytest.mark.parametrize(
    ("name", "peers", "gap"),
    [
        ("ring", 16, 1 - (1 + 2 * math.cos(2 * math.pi / 16)) / 3),
        ("ring", 100, 1 - (1 + 2 * math.cos(2 * math.pi / 100)) / 3),
        ("torus", 25, 1 - (3 + 2 * math.cos(2 * math.pi / 5)) / 5),
        ("torus", 64, 1 - (3 + 2 * math.cos(2 * math.pi / 8)) / 5),
        ("hypercube", 32, 2 / 6),
        ("star", 17, 1 / 17),
        ("line", 16, 2 / 3 * (1 - math.cos(math.pi / 16))),
        ("complete", 12, 1.0),
    ],
)
def test_the_gap_is_that_of_the_formula(name: str, peers: int, gap: float) -> None:
    found = spectral_gap(mixing_matrix(build_topology(name, peers)))
    assert found == pytest.approx(gap, abs=1e-12)


@pytest.mark.parametrize(
    ("name", "peers", "gap"),
    [
        ("ring", 4000, 1 - (1 + 2 * math.cos(2 * math.pi / 4000)) / 3),
        ("hypercube", 4096, 2 / 13),
    ],
)
def test_the_gap_of_a_large_graph_is_found_too(name: str, peers: int, gap: float) -> None:
    found = spectral_gap(mixing_matrix(build_topology(name, peers)))
    assert found == pytest.approx(gap, rel=1e-6)


def test_the_gap_bounds_how_fast_peers_agree() -> None:
    topology, samples = build_topology("small-world", 24), np.arange(1.0, 25.0)
    matrix = mixing_matrix(topology, samples)
    gap = spectral_gap(matrix, samples)
    assert gap is not None
    values = np.cos(np.arange(24.0))
    mean = np.average(values, weights=samples)
    spread = [math.sqrt(samples @ (values - mean) ** 2)]
    for _ in range(30):
        values = matrix @ values
        spread.append(math.sqrt(samples @ (values - mean) ** 2))
    assert (np.divide(spread[1:], spread[:-1]) <= 1 - gap + 1e-12).all()


def test_a_matrix_that_is_not_reversible_has_no_gap_here() -> None:
    matrix = mixing_matrix(build_topology("ring", 6), np.arange(1, 7))
    with pytest.raises(ValueError, match="reversible"):
        spectral_gap(matrix)


def test_a_peer_without_samples_is_refused() -> None:
    for count in (0, float("nan"), float("inf")):
        with pytest.raises(TopologyError, match="at least one sample"):
            mixing_matrix(build_topology("ring", 3), [1, count, 2])


def test_rounds_to_consensus_shrink_differences_to_the_factor() -> None:
    rounds = rounds_to_consensus(0.25, 1e-3)
    assert rounds is not None
    assert 0.75**rounds <= 1e-3 < 0.75 ** (rounds - 1)
    assert rounds_to_consensus(0.0) is None
    assert rounds_to_consensus(1.0) == 1


def test_facts_of_a_disconnected_graph_say_so() -> None:
    found = facts(build_topology("erdos-renyi", 6, probability=0.0, allow_disconnected=True))
    assert (found["connected"], found["components"]) == (False, 6)
    assert (found["spectral_gap"], found["diameter"], found["rounds_to_consensus"]) == (0.0, None, None)


def test_the_gap_of_half_a_million_peers_is_not_searched_for() -> None:
    assert spectral_gap(mixing_matrix(build_topology("k-regular", 500_000))) is None
