"""What peers compute of what they hear."""

from __future__ import annotations

import numpy as np

from gossipfl.draws import Draws
from gossipfl.learn.aggregators import WeightedMean
from gossipfl.learn.algorithms.dpsgd import Dpsgd
from gossipfl.learn.contracts import Heard


def test_the_weighted_mean_is_the_mixing_matrix_times_the_models() -> None:
    mixing = np.array([[0.5, 0.25, 0.25], [0.25, 0.5, 0.25], [0.25, 0.25, 0.5]])
    models = Draws(1, np.arange(3)).normal("models", 7)
    others = np.array([[1, 2], [0, 2], [0, 1]])
    weights = np.take_along_axis(mixing, others, axis=1)
    mean = WeightedMean()(models, models[others], mixing.diagonal(), weights)
    np.testing.assert_allclose(mean, mixing @ models, rtol=1e-12)


def test_where_memory_lies_does_not_change_the_mean() -> None:
    draws = Draws(1, np.arange(4))
    own, heard = draws.normal("own", 9), draws.normal("heard", 27).reshape(4, 3, 9)
    own_weight, weights = np.full(4, 0.1), np.full((4, 3), 0.3)
    strided = np.asfortranarray(heard)
    mean = WeightedMean()(own, heard, own_weight, weights)
    assert np.array_equal(mean, WeightedMean()(own, strided, own_weight, weights))


def test_dpsgd_trains_before_it_mixes() -> None:
    algorithm, first = Dpsgd(), np.zeros(3)
    state = algorithm.learned(algorithm.start(first), np.ones(3))
    payload, state = algorithm.speak(state, np.asarray(0.5), Draws(1))
    assert np.array_equal(payload[0], np.ones(3))
    heard = Heard((np.full((1, 3), 5.0),), np.array([0.5]), np.asarray(0.5))
    assert np.array_equal(algorithm.model(algorithm.listen(state, heard)), np.full(3, 3.0))


def test_a_peer_without_weight_of_its_own_adopts_what_it_heard() -> None:
    algorithm = Dpsgd()
    heard = Heard((np.full((1, 3), 5.0),), np.ones(1), np.asarray(0.0))
    assert np.array_equal(algorithm.listen(algorithm.start(np.ones(3)), heard).vector, np.full(3, 5.0))
