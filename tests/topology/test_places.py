"""Attackers sit anywhere, at hubs, or where the graph falls apart."""

from __future__ import annotations

import pytest

from gossipfl.draws import Draws
from gossipfl.topology import Topology, build_topology
from gossipfl.topology.places import PLACES, placed_peers

STARS = Topology.from_edges(
    9, [(0, 1), (0, 2), (0, 3), (0, 8), (8, 4), (4, 5), (4, 6), (4, 7), (1, 2), (2, 3), (1, 3), (5, 6)]
)
"""Two groups about 0 and 4, which 8 joins: 0 has most neighbours, and without 8, 0 or 4 it falls apart."""


def test_hubs_have_most_neighbours() -> None:
    assert placed_peers(STARS, 2, "hubs", Draws(0)) == (0, 4)


def test_the_graph_falls_apart_without_those_at_a_cut() -> None:
    assert placed_peers(STARS, 3, "cut", Draws(0)) == (0, 4, 8)


def test_a_cut_vertex_comes_before_the_busiest_of_others() -> None:
    barbell = build_topology("barbell", 8)
    joining = {peer for edge in barbell.edges.tolist() for peer in edge if (edge[0] < 4) != (edge[1] < 4)}
    assert set(placed_peers(barbell, len(joining), "cut", Draws(0))) == joining


@pytest.mark.parametrize("place", PLACES)
def test_a_seed_says_who_it_is_and_peers_that_are_alike_are_drawn(place: str) -> None:
    ring = build_topology("ring", 30)
    first, again = (placed_peers(ring, 4, place, Draws(1)) for _ in range(2))
    assert first == again == tuple(sorted(set(first)))
    assert len({placed_peers(ring, 4, place, Draws(seed)) for seed in range(8)}) > 4


def test_all_can_be_placed_and_large_graphs_too() -> None:
    assert placed_peers(STARS, 9, "cut", Draws(0)) == tuple(range(9))
    large = build_topology("k-regular", 1_000, degree=4)
    assert len(placed_peers(large, 50, "cut", Draws(0))) == 50
