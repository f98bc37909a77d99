"""Every family has the shape that its name promises, and refuses what it cannot be."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from gossipfl.draws import Draws
from gossipfl.errors import TopologyError
from gossipfl.topology import (
    FAMILIES,
    Topology,
    build_topology,
    find_family,
    mixing_matrix,
    spectral_gap,
)
from gossipfl.topology.randoms import erdos_renyi, k_regular


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_builds_a_connected_simple_graph_that_its_seed_decides(name: str) -> None:
    first, again = (build_topology(name, 16, seed=3) for _ in range(2))
    assert first.connected
    assert first.peers == len(first.names) == 16
    assert (first.edges[:, 0] < first.edges[:, 1]).all()
    assert len({tuple(edge) for edge in first.edges.tolist()}) == len(first.edges)
    assert np.array_equal(first.edges, again.edges)


@pytest.mark.parametrize("name", ["k-regular", "erdos-renyi", "small-world", "scale-free", "geometric"])
def test_another_seed_gives_another_random_graph(name: str) -> None:
    assert build_topology(name, 40, seed=1).edges.tolist() != build_topology(name, 40, seed=2).edges.tolist()


@pytest.mark.parametrize(
    ("name", "peers", "edges", "diameter"),
    [
        ("ring", 9, 9, 4),
        ("line", 9, 8, 8),
        ("star", 9, 8, 2),
        ("complete", 9, 36, 1),
        ("grid", 12, 17, 5),
        ("torus", 16, 32, 4),
        ("torus", 4, 4, 2),
        ("tree", 15, 14, 6),
        ("hypercube", 16, 32, 4),
        ("exponential", 16, 56, 2),
        ("barbell", 12, 31, 3),
        ("barbell", 13, 32, 4),
    ],
)
def test_regular_families_have_their_edges_and_diameter(
    name: str, peers: int, edges: int, diameter: int
) -> None:
    topology = build_topology(name, peers)
    assert (len(topology.edges), topology.diameter) == (edges, diameter)


def test_k_regular_is_simple_and_connected_for_every_small_size() -> None:
    for peers in range(2, 13):
        for degree in range(1, peers):
            if peers * degree % 2 == 0:
                topology = Topology.from_edges(peers, k_regular(peers, degree, Draws(peers)))
                assert (topology.degrees == degree).all()
                assert topology.connected or degree == 1


def test_k_regular_is_simple_at_scale() -> None:
    topology = build_topology("k-regular", 20_000, degree=10)
    assert (topology.degrees == 10).all()


def test_k_regular_mixes_as_well_as_random_graphs_do() -> None:
    gap = spectral_gap(mixing_matrix(build_topology("k-regular", 5000, degree=10)))
    assert gap == pytest.approx(1 - (1 + 2 * math.sqrt(9)) / 11, rel=0.01)  # Friedman (2008)


def test_a_small_world_moves_as_many_of_its_edges_as_asked_and_loses_none() -> None:
    topology = build_topology("small-world", 2000, degree=6, rewiring=0.2)
    low, high = topology.edges.T
    apart = np.minimum(high - low, 2000 - high + low)
    assert len(topology.edges) == 6000
    assert np.mean(apart > 3) == pytest.approx(0.2, abs=0.02)  # four standard errors
    assert topology.degrees.min() >= 3  # the near ends stay


def test_a_small_world_without_free_places_keeps_its_edges() -> None:
    assert build_topology("small-world", 7, degree=6, rewiring=1.0).diameter == 1


def test_newcomers_of_a_scale_free_graph_bring_their_edges_and_make_hubs() -> None:
    topology = build_topology("scale-free", 3000, degree=3)
    assert len(topology.edges) == 3 + 2996 * 3
    assert np.bincount(topology.edges[:, 1])[4:].tolist() == [3] * 2996  # each joins three before it
    assert np.median(topology.degrees) <= 5
    assert np.sort(topology.degrees)[-10:].mean() > 60


def test_erdos_renyi_joins_each_pair_equally_often() -> None:
    counts = np.zeros((12, 12))
    for seed in range(1500):
        edges = erdos_renyi(12, 0.3, Draws(seed), 0)
        counts[edges[:, 0], edges[:, 1]] += 1
    rates = counts[np.triu_indices(12, 1)] / 1500
    assert abs(rates.mean() - 0.3) < 0.01
    assert np.abs(rates - 0.3).max() < 0.06  # five standard errors


def test_rows_and_branching_shape_a_grid_and_a_tree() -> None:
    assert build_topology("grid", 12, rows=2).diameter == 6
    assert build_topology("tree", 13, branching=3).neighbours(0) == (1, 2, 3)


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("k_regular", "k-regular"),
        ("K regular", "k-regular"),
        ("Erdős–Rényi", "erdos-renyi"),
        ("watts_strogatz", "small-world"),
        ("Barabási-Albert", "scale-free"),
        ("cycle", "ring"),
    ],
)
def test_usual_spellings_are_understood(spelling: str, name: str) -> None:
    assert find_family(spelling).name == name


@pytest.mark.parametrize(
    ("name", "peers", "options", "words"),
    [
        ("hypercube", 12, {}, "8 or 16"),
        ("torus", 13, {}, "12 or 14"),
        ("grid", 12, {"rows": 5}, "10 or 15"),
        ("k-regular", 7, {"degree": 3}, "6 or 8"),
        ("k-regular", 4, {"degree": 5}, "nearest is 6"),
        ("small-world", 10, {"degree": 3}, "change its options"),
        ("ring", 1, {}, "at least 2 peers"),
        ("ring", 2, {}, "nearest is 3"),
        ("barbell", 5, {}, "nearest is 6"),
        ("rin", 8, {}, "did you mean ring"),
        ("zzzz", 8, {}, "ring, line"),
        ("ring", 8, {"degree": 3}, "no option 'degree'"),
        ("complete", 200_000, {}, "a sparser graph"),
        ("k-regular", 200_000, {"degree": 100_000}, "a sparser graph"),
        ("erdos-renyi", 300_000, {"probability": 0.5}, "a sparser graph"),
        ("geometric", 100_000, {"radius": 1.5}, "a sparser graph"),
        ("ring", 10**18, {}, "a sparser graph"),
        ("erdos-renyi", 8, {"probability": 1.5}, "between 0 and 1"),
        ("erdos-renyi", 8, {"probability": 0.0}, "8 components"),
        ("k-regular", 8, {"degree": 1}, "4 components"),
    ],
)
def test_what_cannot_be_built_is_refused_with_the_way_out(
    name: str, peers: int, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(TopologyError, match=words):
        build_topology(name, peers, **options)


def test_a_disconnected_graph_may_be_asked_for() -> None:
    topology = build_topology("geometric", 30, radius=0.05, allow_disconnected=True)
    assert not topology.connected
    assert topology.diameter is None
