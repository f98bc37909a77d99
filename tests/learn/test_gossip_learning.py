"""Gossip learning: what each rule makes of the models that it hears, as its paper says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gossipfl.draws import Draws
from gossipfl.errors import SettingsError
from gossipfl.learn.algorithms.merge_update import MergeUpdate
from gossipfl.learn.algorithms.pair_averaging import PairAveraging
from gossipfl.learn.algorithms.partitioned import Partitioned
from gossipfl.learn.algorithms.random_walk import RandomWalk
from gossipfl.learn.algorithms.sampled import Sampled
from gossipfl.learn.algorithms.update_merge import UpdateMerge
from gossipfl.learn.contracts import Algorithm, Array, Heard, Payload, Samples
from gossipfl.learn.pegasos import Pegasos
from gossipfl.learn.training import Training
from gossipfl.testing import check_algorithm, check_model

HALF = np.array([0.5])


def one(payload: Payload, own_weight: float = 0.5, said: Payload = ()) -> Heard:
    """One neighbour's words."""
    heard = tuple(part[None] for part in payload)
    return Heard(heard, 1 - np.array([own_weight]), np.asarray(own_weight), tuple(p[None] for p in said))


def full(value: float) -> Array:
    return np.full(5, value)


def learn(vector: Array) -> Array:
    """What training makes of `vector`: not linear, so that the order of merging shows."""
    return vector**2 + 1


@pytest.mark.parametrize(
    "algorithm",
    [
        RandomWalk(),
        MergeUpdate(),
        MergeUpdate(aged=True),
        UpdateMerge(),
        UpdateMerge(aged=True),
        Partitioned(),
        Partitioned(1),
        Partitioned(40),
        Sampled(),
        Sampled(1.0),
        PairAveraging(),
    ],
    ids=repr,
)
def test_each_keeps_the_contract(algorithm: Algorithm[Any]) -> None:
    check_algorithm(algorithm)


def walked(algorithm: Algorithm[Any], models: list[Array]) -> Array:
    """What `algorithm` comes to after hearing and training `models` one after another."""
    state = algorithm.start(full(0.0))
    for model in models:
        state = algorithm.listen(state, one((model,)))
        state = algorithm.learned(state, learn(algorithm.model(state)))
    return algorithm.model(state)


def test_a_random_walk_keeps_nothing_of_its_own() -> None:
    assert np.array_equal(walked(RandomWalk(), [full(2.0), full(3.0)]), learn(full(3.0)))


def test_merge_update_trains_the_mean_of_the_last_two() -> None:
    assert np.array_equal(walked(MergeUpdate(), [full(2.0)]), learn(full(1.0)))
    assert np.array_equal(walked(MergeUpdate(), [full(2.0), full(4.0), full(6.0)]), learn(full(5.0)))


def test_update_merge_takes_the_mean_of_the_last_two_trained() -> None:
    came = walked(UpdateMerge(), [full(2.0), full(4.0), full(6.0)])
    assert np.array_equal(came, (learn(full(4.0)) + learn(full(6.0))) / 2)


@pytest.mark.parametrize("algorithm", [MergeUpdate(aged=True), UpdateMerge(aged=True)], ids=repr)
def test_of_two_ages_the_greater_is_kept(algorithm: Algorithm[Any]) -> None:
    state = algorithm.start(full(0.0))
    for age in (7.0, 3.0):
        state = algorithm.listen(state, one((np.append(full(age)[:4], age),)))
        state = algorithm.learned(state, algorithm.model(state))
    assert np.array_equal(algorithm.model(state), [5.0, 5.0, 5.0, 5.0, 7.0])


def test_a_newcomer_adopts_whole_models() -> None:
    for algorithm in (RandomWalk(), MergeUpdate(), UpdateMerge(), Partitioned(1), Sampled(1.0)):
        rule: Algorithm[Any] = algorithm
        said = rule.speak(rule.start(full(9.0)), HALF[0], Draws(1))[0]
        state = rule.listen(rule.start(full(1.0)), one(said, own_weight=0.0))
        assert np.array_equal(rule.model(state), full(9.0))


def aged(rule: Any, value: float, age: int) -> Any:
    state = rule.start(full(value))
    for _ in range(age):
        state = rule.learned(state, full(value))
    return state


def test_models_are_merged_by_age() -> None:
    rule = Partitioned(1)
    said = rule.speak(aged(rule, 8.0, 3), HALF[0], Draws(1))[0]
    state = rule.listen(aged(rule, 0.0, 1), one(said))
    np.testing.assert_allclose(rule.model(state), full(6.0), rtol=1e-15)
    assert state.ages.tolist() == [3.0]


def test_a_part_is_all_that_is_heard_and_grows_old_alone() -> None:
    rule, seen = Partitioned(3), set()
    for turn in range(20):
        part, values, age = rule.speak(aged(rule, 8.0, 3), HALF[0], Draws(1, 0, turn))[0]
        state = rule.listen(aged(rule, 0.0, 1), one((part, values, age)))
        mine = np.arange(5) % 3 == part[0]
        np.testing.assert_allclose(state.vector, np.where(mine, 6.0, 0.0), rtol=1e-15)
        assert state.ages.tolist() == np.where(np.arange(3) == part[0], 3.0, 1.0).tolist()
        assert values.shape == (2,)
        seen.add(int(part[0]))
    assert seen == {0, 1, 2}


def test_a_part_that_nobody_has_does_no_harm() -> None:
    rule = Partitioned(3)
    for part in (-1, 99, np.iinfo(np.int64).min):
        hostile = (np.array([part]), np.ones(2), np.array([-5.0]))
        assert np.isfinite(rule.listen(aged(rule, 0.0, 1), one(hostile)).vector).all()


def test_a_sample_is_all_that_is_heard() -> None:
    rule, changed = Sampled(0.4), np.zeros(5)
    for turn in range(200):
        key, values, age = rule.speak(aged(rule, 8.0, 3), HALF[0], Draws(1, 0, turn))[0]
        state = rule.listen(aged(rule, 0.0, 1), one((key, values, age)))
        assert values.shape == (2,)
        assert sorted(state.vector) == pytest.approx([0, 0, 0, 6, 6], rel=1e-15)
        changed += state.vector > 0
    assert changed / 200 == pytest.approx(np.full(5, 0.4), abs=0.12)


def test_a_pair_moves_by_what_was_heard_less_what_was_said() -> None:
    rule = PairAveraging()
    mine, theirs, later = full(6.0), full(2.0), full(7.5)
    here = rule.listen(rule.start(later), one((theirs,), said=(mine,))).vector
    there = rule.listen(rule.start(theirs), one((mine,), said=(theirs,))).vector
    assert np.array_equal(here + there, later + theirs)
    assert np.array_equal(there, full(4.0))


def test_nothing_said_in_return_is_a_weighted_mean() -> None:
    rule = PairAveraging()
    heard = Heard((np.stack([full(4.0), full(8.0)]),), np.array([0.25, 0.25]), np.asarray(0.5))
    assert np.array_equal(rule.listen(rule.start(full(2.0)), heard).vector, full(4.0))


@pytest.mark.parametrize(
    ("rule", "value"), [(Partitioned, 0), (Sampled, 0.0), (Sampled, 1.5)], ids=["parts", "none", "over all"]
)
def test_a_part_that_cannot_be_is_refused(rule: Any, value: float) -> None:
    with pytest.raises(SettingsError, match="choose"):
        rule(value)


# Pegasos


def table(rows: int = 60, features: int = 4) -> tuple[Array, Array]:
    draws = Draws(3)
    inputs = draws.normal("inputs", rows * features).reshape(rows, features)
    return inputs, (inputs @ np.arange(1, features + 1) > 0).astype(np.int64)


def test_pegasos_keeps_the_contract() -> None:
    inputs, targets = table()
    parts = [np.arange(start, start + count) for start, count in ((0, 1), (1, 9), (10, 10), (20, 40))]
    for precision in ("float32", "float64"):
        for training in (Training(batch=1, epochs=2), Training(batch=4, steps=5)):
            model = Pegasos(4, training, precision)
            check_model(model, Samples.parts(inputs.astype(model.dtype), targets, parts))


def test_a_step_of_pegasos_is_its_formula() -> None:
    model = Pegasos(2, Training(batch=1, epochs=1), "float64", regularisation=0.5)
    for row, label, weights in (
        ([1.0, 2.0], 1, [0.4, -0.1]),  # margin 0.2: it pushes
        ([1.0, 2.0], 0, [0.4, 2.0]),  # margin -4.4: it pushes the other way
        ([5.0, 1.0], 1, [0.4, -0.1]),  # margin 1.9: it only shrinks
    ):
        inputs, sign = np.array([row]), 2 * label - 1
        before, rate = np.array(weights), 1 / (0.5 * 4)
        push = rate * sign * inputs[0] if sign * inputs[0] @ before < 1 else 0.0
        fitted = model.fit(
            np.append(before, 3.0), Samples.whole(inputs, np.array([label])), Draws(0, np.asarray(0))
        )
        np.testing.assert_allclose(fitted, np.append((1 - rate * 0.5) * before + push, 4.0), rtol=1e-14)


def test_pegasos_learns_what_a_plane_divides() -> None:
    inputs, targets = table(400)
    model = Pegasos(4, Training(batch=1, epochs=20), "float64")
    samples = Samples.whole(inputs, targets)
    fitted = model.fit(model.start(Draws(0)), samples, Draws(0, np.asarray(0)))
    assert fitted[-1] == 20 * 400
    assert model.score(fitted, samples)["accuracy"] > 0.97
    chosen = model.predict(fitted, inputs).argmax(axis=-1)
    assert np.array_equal(chosen, (inputs @ fitted[:-1] > 0).astype(int))


@pytest.mark.parametrize("value", [0.0, -1.0, np.inf, np.nan])
def test_a_regularisation_that_cannot_be_is_refused(value: float) -> None:
    with pytest.raises(SettingsError, match="above 0"):
        Pegasos(4, regularisation=value)
