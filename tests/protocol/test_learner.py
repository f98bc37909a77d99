"""What a peer holds while it trains, and while others speak meanwhile."""

from __future__ import annotations

import numpy as np
import pytest

from gossipfl.errors import LocalProtocolError, RunError
from gossipfl.learn.algorithms.dpsgd import Dpsgd
from gossipfl.learn.contracts import Heard
from gossipfl.protocol.correspondence import Taken
from gossipfl.protocol.learner import Learner
from gossipfl.protocol.weighing import adopted


def learner() -> Learner:
    return Learner(0, Dpsgd(), np.zeros(1), seed=0, rounds=1, samples=10, weigh_samples=True)


def heard(value: float, weight: float) -> Heard:
    return Heard((np.array([[value]]),), np.array([weight]), np.asarray(1.0 - weight))


def test_what_training_changed_is_added_to_what_was_heard_meanwhile() -> None:
    one = learner()
    one.train(1)
    one.listen(heard(8.0, 0.5))
    assert one.trained(np.array([3.0]), 1)
    assert one.model == 4.0 + 3.0


def test_training_is_void_once_another_model_was_adopted_whatever_is_heard_after_that() -> None:
    one = learner()
    one.train(1)
    one.listen(heard(8.0, 1.0))
    one.listen(heard(6.0, 0.5))
    assert not one.trained(np.array([3.0]), 1)
    assert one.model == 7.0
    one.train(1)
    assert one.trained(np.array([9.0]), 1)
    assert one.model == 9.0


def test_what_is_adopted_between_trainings_voids_none() -> None:
    one = learner()
    one.listen(heard(8.0, 1.0))
    one.train(1)
    assert one.trained(np.array([9.0]), 1)


def test_nothing_is_learnt_that_was_not_asked_for_or_is_not_finite() -> None:
    one = learner()
    with pytest.raises(LocalProtocolError, match="asked"):
        one.trained(np.ones(1), 1)
    one.train(3)
    assert not one.trained(np.array([np.inf]), 3)
    one.train(3)
    with pytest.raises(RunError, match="round 3: lower"):
        one.trained(np.array([np.inf]), 3)


def test_what_diverges_for_what_was_heard_is_done_again_from_where_training_last_ended() -> None:
    one = learner()
    one.train(1)
    assert one.trained(np.array([4.0]), 1)
    one.listen(adopted([Taken((np.array([1e12]),))]))
    assert one.train(2).vector == 1e12
    assert not one.trained(np.array([np.nan]), 2)
    assert one.train(2).vector == 4.0
    assert one.trained(np.array([5.0]), 2)
    assert one.model == 5.0
