"""A comparison rates every family that fits, by what it is known to cost."""

from __future__ import annotations

import pytest

from gossipfl.errors import TopologyError
from gossipfl.topology import FAMILIES, SCHEDULES, Candidate, Comparison, compare


def _found(comparison: Comparison, name: str) -> Candidate:
    return next(each for each in comparison.candidates if each.name == name)


def test_each_family_is_rated_or_left_out_with_its_reason() -> None:
    comparison = compare(25, 650)
    rated = {each.name for each in comparison.candidates}
    assert rated | set(comparison.left_out) >= set(FAMILIES) | set(SCHEDULES) - {"base"}
    assert set(comparison.left_out) == {"hypercube", "one-peer-exponential", "one-peer-hypercube"}
    assert "64" not in comparison.left_out["hypercube"]
    assert "16 or 32" in comparison.left_out["hypercube"]


def test_what_is_known_of_graphs_is_what_they_are_rated_by() -> None:
    comparison = compare(25, 650)
    ring, star = _found(comparison, "ring"), _found(comparison, "star")
    assert (ring.degree, ring.messages, ring.bytes, ring.exact) == (2, 2.0, 5200.0, False)
    assert ring.gap == pytest.approx(0.0209445592, abs=1e-10)
    assert (star.degree, star.messages) == (24, 48 / 25)
    assert _found(comparison, "directed-exponential").gap == pytest.approx(0.489139, abs=1e-6)
    complete = _found(comparison, "complete")
    assert (complete.rounds, complete.exact, complete.bytes_to_agree) == (1, True, 24 * 2600)


def test_schedules_are_rated_by_their_period_or_by_the_product_of_their_rounds() -> None:
    comparison = compare(96, 10)
    base = _found(comparison, "base (degree 1)")
    assert (base.exact, base.gap, base.degree) == (True, 1.0, 1)
    law = 1 - ((1 - 7 / 95) / 8) ** 0.5  # the factor of a round of random-regular, per round
    assert _found(comparison, "random-regular").gap == pytest.approx(law, rel=0.1)


@pytest.mark.parametrize(
    ("peers", "best"), [(2, "base (degree 1)"), (7, "base (degree 1)"), (25, "base (degree 4)")]
)
def test_the_fewest_bytes_come_first_and_are_advised(peers: int, best: str) -> None:
    comparison = compare(peers, 650)
    costs = [each.bytes_to_agree for each in comparison.candidates]
    assert costs == sorted(costs, key=lambda cost: cost or float("inf"))
    assert comparison.candidates[0].name == best
    assert comparison.advice.startswith(f"Take {best}: {peers} peers agree exactly")
    assert comparison.advice.count(". ") == 0


def test_base_graphs_of_a_degree_that_saves_no_round_are_not_listed() -> None:
    names = [each.name for each in compare(16, 650).candidates]
    assert "base (degree 1)" in names
    assert "base (degree 2)" not in names
    assert "base (degree 4)" not in names


@pytest.mark.parametrize(
    ("peers", "parameters", "words"), [(1, 5, "2 to 1000"), (5000, 5, "topology show"), (9, 0, "at least 1")]
)
def test_what_cannot_be_compared_is_refused(peers: int, parameters: int, words: str) -> None:
    with pytest.raises(TopologyError, match=words):
        compare(peers, parameters)
