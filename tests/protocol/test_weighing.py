"""How much each update counts, whoever is missing and whatever is claimed."""

from __future__ import annotations

import numpy as np
import pytest

from gossipfl.learn.contracts import Heard
from gossipfl.protocol.correspondence import Taken
from gossipfl.protocol.messages import Update
from gossipfl.protocol.weighing import adopted, claimed_weights, given_weights, mixed
from gossipfl.topology.mixing import metropolis_weight


def update(samples: int, degree: int, value: float = 0.0) -> Update:
    return Update(1, 0, 1, samples, degree, (np.full(3, value, np.float32),))


def by_claims(updates: list[Update], degree: int, samples: int | None) -> Heard:
    weights = claimed_weights(updates, degree, samples)
    return mixed([Taken(update.payload) for update in updates], weights)


@pytest.mark.parametrize("heard", range(1, 5))
@pytest.mark.parametrize("samples", [None, 1, 1_000])
def test_weights_sum_to_one_and_the_own_one_takes_what_is_missing(heard: int, samples: int | None) -> None:
    counted = by_claims([update(10 * (i + 1), i + 1) for i in range(heard)], 4, samples)
    assert counted.own_weight + counted.weights.sum() == pytest.approx(1.0, abs=1e-15)
    assert counted.own_weight >= 1 / 5 + (4 - heard) / 5 - 1e-12
    assert (counted.weights > 0).all()


def test_nobody_can_change_the_weights_that_another_is_given() -> None:
    updates = [update(10, 2), update(20, 3)]
    ours, theirs = claimed_weights(updates, 4, 7), claimed_weights(updates, 4, 7)
    assert ours.tolist() == theirs.tolist() == metropolis_weight(4, 7, [2, 3], [10, 20]).tolist()
    with pytest.raises(ValueError, match="read-only"):
        ours += 1.0


def test_no_claim_counts_for_more_than_one_of_all() -> None:
    counted = by_claims([update(1 << 40, 1), update(1, 1 << 20)], 2, 10)
    assert counted.weights[0] == pytest.approx(1 / 3)
    assert 0 < counted.weights[1] < 1e-6


def test_two_peers_weigh_one_another_in_balance() -> None:
    """n W = n' W': so repeated averaging settles on the mean by samples."""
    ours = by_claims([update(30, 2)], 5, 10).weights[0]
    theirs = by_claims([update(10, 5)], 2, 30).weights[0]
    assert 10 * ours == pytest.approx(30 * theirs)


def test_a_newcomer_adopts_all_alike_whatever_they_claim() -> None:
    heard = [update(1 << 40, 1, 9.0), update(1, 50, 1.0), update(5, 5, 2.0)]
    counted = adopted([Taken(one.payload) for one in heard])
    assert counted.weights.tolist() == [pytest.approx(1 / 3)] * 3
    assert counted.own_weight == 0.0
    assert counted.payload[0].dtype == np.float32
    assert counted.payload[0][:, 0].tolist() == [9.0, 1.0, 2.0]


def test_whoever_was_not_due_counts_for_nothing() -> None:
    assert given_weights([7, 3, 9], {3: 0.25, 7: 0.5}).tolist() == [0.5, 0.25, 0.0]
