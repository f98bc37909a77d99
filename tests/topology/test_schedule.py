"""Schedules keep what they promise, in every round and for every peer."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from gossipfl.draws import Draws
from gossipfl.errors import TopologyError
from gossipfl.topology import SCHEDULES, Schedule, build_schedule, build_topology, mixing_matrix
from gossipfl.topology.mixing import completed
from gossipfl.topology.schedule import PEERS_HELD_MAX, repeating, residual

# Rounds to exact consensus of Base-(k+1) for k = 1, 2, 3, 4.
BASE_ROUNDS = {
    3: (3, 1, 1, 1),
    5: (5, 3, 3, 1),
    6: (4, 2, 2, 2),
    7: (5, 4, 3, 3),
    10: (6, 4, 4, 2),
    12: (5, 3, 2, 2),
    16: (4, 4, 2, 2),
    20: (7, 5, 4, 2),
    22: (8, 6, 5, 4),
    23: (9, 6, 5, 4),
    24: (6, 4, 3, 3),
    25: (9, 6, 5, 2),
    32: (5, 5, 3, 3),
    33: (11, 6, 5, 5),
    50: (10, 7, 6, 3),
    64: (6, 6, 3, 3),
    100: (11, 8, 6, 3),
}


def _left(schedule: Schedule) -> float:
    assert schedule.period is not None
    return residual([schedule.mixing(round) for round in range(1, schedule.period + 1)])


@pytest.mark.parametrize("name", SCHEDULES)
def test_one_peer_sees_what_the_matrix_says(name: str) -> None:
    schedule = build_schedule(name, 16, seed=5)
    for round in (1, 2, 7):
        matrix = schedule.mixing(round).toarray()
        assert np.allclose(matrix.sum(axis=1), 1, atol=1e-14)
        for peer in range(16):
            others = np.arange(16) != peer
            assert schedule.waits_for(peer, round) == tuple(np.flatnonzero((matrix[peer] != 0) & others))
            assert schedule.speaks_to(peer, round) == tuple(np.flatnonzero((matrix[:, peer] != 0) & others))
            assert [schedule.weight(peer, other, round) for other in range(16)] == matrix[peer].tolist()


@pytest.mark.parametrize("name", SCHEDULES)
def test_everybody_alone_works_out_the_same_round(name: str) -> None:
    first, again = (build_schedule(name, 16, seed=9) for _ in range(2))
    again.mixing(40)  # in whatever order
    for round in (1, 5, 33):
        assert np.array_equal(first.mixing(round).toarray(), again.mixing(round).toarray())


@pytest.mark.parametrize("name", ["random-regular", "random-peers"])
def test_seed_and_round_draw_another_graph(name: str) -> None:
    first, other = (build_schedule(name, 16, seed=seed) for seed in (1, 2))
    assert not np.array_equal(first.mixing(1).toarray(), other.mixing(1).toarray())
    assert not np.array_equal(first.mixing(1).toarray(), first.mixing(2).toarray())
    assert len(first.union().edges) == 16 * 15 // 2


@pytest.mark.parametrize("name", ["base", "simple-base"])
@pytest.mark.parametrize("degree", [1, 2, 3, 4])
def test_base_graphs_agree_exactly_for_every_number_of_peers(name: str, degree: int) -> None:
    for peers in range(2, 101):
        schedule = build_schedule(name, peers, degree=degree)
        assert schedule.period is not None
        assert schedule.finite_time
        assert schedule.symmetric
        assert schedule.doubly_stochastic
        assert _left(schedule) <= 1e-14
        assert schedule.period <= 2 * math.log(peers, degree + 1) + 2 + 1e-9
        rounds = [schedule.mixing(round) for round in range(1, schedule.period + 1)]
        assert max(int(np.diff(matrix.indptr).max()) for matrix in rounds) <= degree + 1


@pytest.mark.parametrize(("peers", "lengths"), BASE_ROUNDS.items())
def test_base_graphs_are_as_short_as_published(peers: int, lengths: tuple[int, ...]) -> None:
    assert tuple(build_schedule("base", peers, degree=degree).period for degree in (1, 2, 3, 4)) == lengths


@pytest.mark.parametrize("peers", [2, 4, 8, 16, 32, 64, 128])
def test_one_peer_graphs_agree_exactly_for_powers_of_two(peers: int) -> None:
    for name in ("one-peer-exponential", "one-peer-hypercube", "hyper-hypercube"):
        schedule = build_schedule(name, peers)
        assert schedule.period == math.log2(peers)
        assert _left(schedule) <= 1e-14


@pytest.mark.parametrize("peers", [6, 12, 20, 33])
def test_one_peer_exponential_is_refused_where_it_never_agrees_exactly(peers: int) -> None:
    with pytest.raises(TopologyError, match='"base"'):
        build_schedule("one-peer-exponential", peers)
    schedule = build_schedule("one-peer-exponential", peers, allow_asymptotic=True)
    assert not schedule.finite_time
    assert _left(schedule) > 1e-3


def test_the_hyper_hypercube_takes_the_fewest_rounds_that_its_degree_allows() -> None:
    assert build_schedule("hyper-hypercube", 24, degree=3).period == 3
    assert build_schedule("hyper-hypercube", 24, degree=5).period == 2
    assert build_schedule("hyper-hypercube", 15).period == 2


@pytest.mark.parametrize("peers", range(2, 130, 2))
def test_the_gap_of_the_exponential_graph_is_that_of_the_formula(peers: int) -> None:
    away = build_schedule("directed-exponential", peers).mixing(1).toarray() - 1 / peers
    gap = 1 - np.linalg.norm(away, 2)
    assert gap == pytest.approx(2 / (1 + math.ceil(math.log2(peers))), abs=1e-12)


@pytest.mark.parametrize(("peers", "gap"), [(25, 0.489139), (33, 0.392200)])
def test_an_odd_exponential_graph_mixes_faster(peers: int, gap: float) -> None:
    away = build_schedule("directed-exponential", peers).mixing(1).toarray() - 1 / peers
    assert 1 - np.linalg.norm(away, 2) == pytest.approx(gap, abs=1e-6)


def _factor(schedule: Schedule, rounds: int = 300) -> float:
    """By how much a round multiplies the squared distance to the new mean, on average."""
    values = Draws(0).normal("values", schedule.peers * 64).reshape(schedule.peers, 64)
    values -= values.mean(axis=0)
    left = []
    for round in range(1, rounds + 1):
        after = schedule.mixing(round) @ values
        left.append(float(((after - after.mean(axis=0)) ** 2).sum()))
    return float(np.mean(left)) / float((values**2).sum())


@pytest.mark.parametrize(("peers", "degree"), [(96, 7), (20, 2), (30, 1)])
def test_random_regular_rounds_shrink_differences_by_their_law(peers: int, degree: int) -> None:
    law = (1 - degree / (peers - 1)) / (degree + 1)
    assert _factor(build_schedule("random-regular", peers, degree=degree)) == pytest.approx(law, rel=0.02)


@pytest.mark.parametrize(("peers", "degree"), [(96, 7), (100, 2)])
def test_rounds_of_random_peers_shrink_differences_by_their_law(peers: int, degree: int) -> None:
    law = (1 - (1 - degree / (peers - 1)) ** peers) / degree - 1 / (peers - 1)
    schedule = build_schedule("random-peers", peers, degree=degree)
    assert _factor(schedule) == pytest.approx(law, rel=0.02)
    assert {len(schedule.speaks_to(peer, 3)) for peer in range(peers)} == {degree}


def test_random_peers_are_each_drawn_equally_often() -> None:
    counts = np.zeros((8, 8))
    schedule = build_schedule("random-peers", 8, degree=3)
    for round in range(1, 1001):
        counts += schedule.mixing(round).toarray() != 0
    rates = counts[~np.eye(8, dtype=bool)] / 1000
    assert np.abs(rates - 3 / 7).max() < 0.08  # five standard errors


@pytest.mark.parametrize(
    ("name", "peers", "degree", "words"),
    [
        ("one-peer-hypercube", 12, None, '"base"'),
        ("hyper-hypercube", 14, 2, "degree of 6 or more"),
        ("random-regular", 9, 3, "nearest is 2"),
        ("random-regular", 8, 8, "7 or fewer"),
        ("random-peers", 4, 4, "3 or fewer"),
        ("directed-exponential", 8, 2, "no option 'degree'"),
        ("base", 8, 0, "1 or more"),
        ("base", 1, None, "at least 2 peers"),
        ("random-peers", 10**9, None, "fewer peers"),
        ("ring", 8, None, "Schedule.of"),
        ("bases", 8, None, 'did you mean "base"'),
    ],
)
def test_what_cannot_be_built_is_refused_with_the_way_out(
    name: str, peers: int, degree: int | None, words: str
) -> None:
    with pytest.raises(TopologyError, match=words):
        build_schedule(name, peers, degree=degree)


def test_a_promise_that_does_not_hold_is_refused() -> None:
    ring, directed = mixing_matrix(build_topology("ring", 6)), build_schedule("directed-exponential", 6)
    with pytest.raises(TopologyError, match='"base"'):
        repeating("ring", [ring, ring], finite_time=True)
    with pytest.raises(TopologyError, match="no period"):
        replace(build_schedule("random-regular", 6), finite_time=True)
    with pytest.raises(TopologyError, match="not symmetric"):
        replace(directed, symmetric=True)
    with pytest.raises(TopologyError, match="not doubly stochastic"):
        replace(build_schedule("random-peers", 6), doubly_stochastic=True)
    with pytest.raises(TopologyError, match="sum to 1"):
        repeating("ring", [ring * 0.9], finite_time=False)


def test_a_broken_promise_is_found_among_thousands_too() -> None:
    exact = build_schedule("base", 3000)
    assert exact.period is not None
    rounds = [exact.mixing(round) for round in range(1, exact.period)]
    with pytest.raises(TopologyError, match="one period leaves"):
        repeating("cut", rounds, finite_time=True)


def test_a_graph_that_stays_is_a_schedule_of_one_round() -> None:
    ring = build_topology("ring", 6)
    schedule = Schedule.of(ring)
    assert (schedule.period, schedule.finite_time, schedule.symmetric) == (1, False, True)
    assert schedule.speaks_to(0, 1) == schedule.waits_for(0, 99) == (1, 5)
    assert schedule.union().edges.tolist() == ring.edges.tolist()
    assert Schedule.of(build_topology("complete", 6)).finite_time


def test_weights_that_do_not_fit_the_graph_are_refused() -> None:
    chord = completed(6, np.array([0, 3]), np.array([3, 0]), np.array([0.5, 0.5]))
    with pytest.raises(TopologyError, match="share no edge"):
        Schedule.of(build_topology("ring", 6), chord)
    with pytest.raises(TopologyError, match="shape"):
        Schedule.of(build_topology("ring", 5), chord)


def test_the_union_joins_all_who_ever_speak() -> None:
    union = build_schedule("one-peer-hypercube", 8).union()
    assert union.edges.tolist() == build_topology("hypercube", 8).edges.tolist()


def test_rounds_begin_at_one() -> None:
    schedule = build_schedule("base", 5)
    with pytest.raises(ValueError, match="begin at 1"):
        schedule.mixing(0)
    assert schedule.period == 5
    assert np.array_equal(schedule.mixing(1).toarray(), schedule.mixing(6).toarray())


def test_whoever_hears_nobody_in_the_first_round_may_meet_all_the_same() -> None:
    schedule = build_schedule("random-peers", 20, degree=2)
    assert any(not schedule.waits_for(peer, 1) for peer in range(20))
    assert all(len(schedule.union().neighbours(peer)) == 19 for peer in range(20))


def test_a_union_of_all_with_all_is_refused_where_nothing_could_hold_it() -> None:
    schedule = build_schedule("random-peers", 20_000, degree=2)
    with pytest.raises(TopologyError, match="a schedule that repeats itself"):
        schedule.union()


def test_rounds_of_many_peers_are_drawn_again_rather_than_held() -> None:
    schedule = build_schedule("random-peers", PEERS_HELD_MAX // 2, degree=1)
    first = schedule.mixing(1)
    assert schedule.mixing(1) is first
    schedule.mixing(2), schedule.mixing(3)
    assert schedule.mixing(1) is not first
    assert np.array_equal(schedule.mixing(1).indices, first.indices)
