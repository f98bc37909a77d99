"""Chosen weights mix as fast as their laws say, and faster than those that neighbours agree on."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gossipfl.errors import TopologyError
from gossipfl.topology import (
    best_constant,
    build_topology,
    chosen_gaps,
    fastest_mixing,
    mixing_matrix,
    spectral_gap,
    weights,
)

NAMES = ["ring", "line", "star", "torus", "grid", "tree", "barbell", "exponential", "scale-free"]


def _gap(matrix: object) -> float:
    gap = spectral_gap(matrix)  # type: ignore[arg-type]
    assert gap is not None
    return gap


@pytest.mark.parametrize("name", NAMES)
def test_the_fastest_weights_are_at_least_as_fast_as_all_others(name: str) -> None:
    topology = build_topology(name, 16)
    matrix = fastest_mixing(topology)
    dense = matrix.toarray()
    assert np.allclose(dense, dense.T, atol=1e-14)
    assert np.allclose(dense.sum(axis=1), 1, atol=1e-14)
    assert not dense[(topology.adjacency().toarray() == 0) & ~np.eye(16, dtype=bool)].any()
    assert _gap(matrix) >= max(_gap(best_constant(topology)), _gap(mixing_matrix(topology))) - 1e-12


@pytest.mark.parametrize(
    ("name", "peers", "gap"),
    [
        ("star", 17, 2 / 18),
        ("complete", 9, 1.0),
        ("hypercube", 16, 2 / 5),
        ("ring", 16, (1 - math.cos(math.pi / 8)) / (1 + (1 - math.cos(math.pi / 8)) / 2)),
        ("line", 16, 1 - math.cos(math.pi / 16)),
    ],
)
def test_the_best_constant_is_the_fastest_where_all_edges_are_alike(
    name: str, peers: int, gap: float
) -> None:
    topology = build_topology(name, peers)
    expected = pytest.approx(gap, abs=1e-9)
    assert _gap(best_constant(topology)) == expected
    assert _gap(fastest_mixing(topology)) == pytest.approx(gap, abs=1e-3 * gap)


@pytest.mark.parametrize("name", ["barbell", "tree", "grid", "exponential"])
def test_no_weights_are_faster_than_the_fastest_by_a_thousandth(name: str) -> None:
    """A slope near 0 of the smoothed norm, tr Y, bounds the norm of all weights from below."""
    from scipy.optimize import minimize

    topology, smoothing = build_topology(name, 16), 1e-3
    found = minimize(
        weights._smoothed,
        weights._on_edges(topology, mixing_matrix(topology)),
        (topology, smoothing),
        method="L-BFGS-B",
        jac=True,
        options={"maxiter": 3000, "gtol": 1e-9, "ftol": 1e-15},
    )
    assert np.abs(found.jac).max() < 1e-6
    both = np.linalg.eigvalsh(weights._apart(topology, found.x)) / smoothing
    shares = np.exp(np.stack((both, -both)) - np.abs(both).max())
    shares /= shares.sum()
    constant = np.argmin(np.abs(both))  # the eigenvector of ones, outside of which Y lies
    least = float(np.delete(shares[0] - shares[1], constant).sum())
    assert least - 1e-6 <= 1 - _gap(fastest_mixing(topology)) <= least + 1e-3


def test_the_gaps_of_chosen_weights_are_told_where_they_are_soon_found() -> None:
    gaps = chosen_gaps(build_topology("star", 17))
    assert gaps["spectral_gap_best_constant"] == pytest.approx(2 / 18, abs=1e-9)
    assert gaps["spectral_gap_fastest"] == pytest.approx(2 / 18, abs=1e-4)
    assert not chosen_gaps(build_topology("ring", 400))
    assert not chosen_gaps(build_topology("erdos-renyi", 6, probability=0.0, allow_disconnected=True))


def test_weights_of_disconnected_and_of_huge_graphs_are_refused() -> None:
    pieces = build_topology("erdos-renyi", 6, probability=0.0, allow_disconnected=True)
    for choose in (best_constant, fastest_mixing):
        with pytest.raises(TopologyError, match="disconnected"):
            choose(pieces)
        with pytest.raises(TopologyError, match="mixing_matrix"):
            choose(build_topology("ring", 1500))
