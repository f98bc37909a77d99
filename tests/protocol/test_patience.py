"""How long a peer waits, and for whom."""

from __future__ import annotations

import numpy as np
import pytest

from gossipfl.protocol.messages import Update
from gossipfl.protocol.patience import FACTOR, FLOOR_S, OWN_MAX, Patience


def update(round: int, *, sequence: int | None = None, epoch: int = 0) -> Update:
    return Update(round, epoch, round if sequence is None else sequence, 10, 2, (np.zeros(1),))


def patient(own_s: float = 10.0) -> Patience:
    patience = Patience()
    patience.trained(own_s)
    return patience


def test_before_anything_is_heard_our_own_training_is_the_measure() -> None:
    assert Patience().wait_s() == FLOOR_S
    assert patient(10.0).wait_s() == FACTOR * 10.0


def test_the_lower_median_of_needs_is_waited_for_and_a_slow_minority_is_not() -> None:
    patience = patient()
    patience.spoke(1, 100.0)
    for peer, late_s in ((1, 1.0), (2, 4.0), (3, 300.0)):
        patience.heard(peer, update(1), 100.0 + late_s)
    assert patience.wait_s() == FACTOR * 4.0
    assert patience.suffices(2, patience.wait_s())
    assert not patience.suffices(3, patience.wait_s())
    assert patience.suffices(4, patience.wait_s())  # of whom nothing is known


def test_nobody_makes_us_wait_longer_than_our_own_training_allows() -> None:
    patience = patient(1.0)
    patience.spoke(1, 0.0)
    patience.heard(1, update(1), 1e6)
    assert patience.wait_s() == OWN_MAX * 1.0


def test_what_delays_a_neighbour_once_is_not_its_need() -> None:
    patience = patient()
    for round in range(1, 6):
        patience.spoke(round, 100.0 * round)
        patience.heard(1, update(round), 100.0 * round + (50.0 if round == 3 else 1.0))
    assert patience.wait_s() == FACTOR * 1.0


def test_after_a_lost_message_lateness_cannot_be_told() -> None:
    patience = patient()
    patience.spoke(1, 0.0)
    patience.heard(1, update(1), 1.0)
    for round in (2, 3):
        patience.spoke(round, 10.0 * round)
        patience.missed(1, round, 10.0 * round + 5.0)
    before_s = patience.wait_s()
    patience.heard(1, update(4), 40.0)  # 2 and 3 were lost
    assert patience.wait_s() == before_s


def test_a_neighbour_that_comes_late_without_a_gap_is_slow() -> None:
    patience = patient()
    patience.spoke(1, 0.0)
    patience.missed(1, 1, 5.0)
    patience.missed(1, 2, 9.0)
    patience.heard(1, update(3, sequence=1), 60.0)
    assert not patience.suffices(1, 59.0)
    assert patience.suffices(1, 60.0)


@pytest.mark.parametrize("round", [1, 11])
def test_words_of_a_round_long_past_do_not_make_their_sender_prompt(round: int) -> None:
    """Nor of one that we never spoke of, having skipped it."""
    patience = patient()
    for spoken in (*range(1, 11), 12):
        patience.spoke(spoken, 10.0 * spoken)
    patience.heard(1, update(round), 125.0)
    patience.heard(2, update(12), 122.0)
    assert patience.wait_s() == FACTOR * 2.0


def test_words_that_come_before_ours_are_in_time() -> None:
    patience = patient()
    patience.spoke(1, 10.0)
    patience.heard(1, update(2), 11.0)
    assert patience.wait_s() == FLOOR_S


def test_whoever_comes_back_begins_anew() -> None:
    patience = patient()
    patience.spoke(1, 0.0)
    patience.heard(1, update(1), 500.0)
    patience.forget(1)
    assert patience.suffices(1, FLOOR_S)
