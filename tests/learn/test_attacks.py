"""Every attack keeps its contract, says what its paper says, and one that breaks the contract is caught."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gossipfl.draws import Draws
from gossipfl.errors import LocalProtocolError, SettingsError
from gossipfl.learn.algorithms.dpsgd import Dpsgd
from gossipfl.learn.attacks import ATTACKS, Attack, Known, Poison, Target, build_attack, conduct_of
from gossipfl.learn.attacks.stubborn import Stubborn
from gossipfl.learn.contracts import Array, Heard
from gossipfl.testing import check_algorithm, check_attack

HONEST = np.array([[1.0, 2.0, 3.0], [3.0, 2.0, -4.0], [2.0, 5.0, 2.0]])
OWN, BEGAN, BEFORE = np.array([4.0, 4.0, 4.0]), np.array([3.0, 4.0, 5.0]), np.array([7.0, 8.0, 9.0])
KNOWN = Known(HONEST, BEGAN, BEFORE)
DRAWS = Draws(0, 1, 1)


def said(name: str, known: Known = KNOWN, **options: Any) -> Array:
    return build_attack(name, options)(OWN, known, DRAWS)


@pytest.mark.parametrize("name", ATTACKS)
def test_each_attack_conforms_as_it_is(name: str) -> None:
    check_attack(build_attack(name), finite=name != "nan")


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("sign-flip", {"of": "model", "scale": 4.0}),
        ("alie", {"z": -1.5}),
        ("label-flip", {"share": 0.3, "stubborn": False}),
        ("backdoor", {"target": 2, "features": 1, "boost": 5.0, "share": 1.0}),
        ("free-rider", {"noise": 0.5}),
    ],
)
def test_each_option_conforms(name: str, options: dict[str, Any]) -> None:
    check_attack(build_attack(name, options))


@pytest.mark.parametrize("name", ATTACKS)
def test_each_attack_has_a_paper_and_a_purpose(name: str) -> None:
    kind = ATTACKS[name]
    assert kind.paper
    assert kind.purpose
    assert kind.build.__doc__


def test_sign_flip_says_the_opposite_of_the_step_or_of_the_model() -> None:
    assert said("sign-flip", scale=2.0).tolist() == [1.0, 4.0, 7.0]
    assert said("sign-flip", of="model", scale=4.0).tolist() == [-16.0] * 3


def test_alie_lies_z_deviations_below_the_honest_mean() -> None:
    told = said("alie", z=1.5)
    assert told == pytest.approx(HONEST.mean(axis=0) - 1.5 * HONEST.std(axis=0))


def test_ipm_points_against_the_honest_mean() -> None:
    assert said("ipm", epsilon=0.1) == pytest.approx(-0.1 * HONEST.mean(axis=0))


def test_gauss_lies_as_far_from_the_honest_mean_as_its_scale_says() -> None:
    honest = Draws(3, np.arange(5)).normal("honest", 10_000)
    own = np.zeros(10_000)
    told = build_attack("gauss", {"scale": 2.0})(own, Known(honest, own, own), DRAWS)
    mean = honest.mean(axis=0)
    assert np.std(told - mean) == pytest.approx(2.0 * np.sqrt(np.mean(mean**2)), rel=0.05)


def test_dissensus_undoes_the_pull_of_honest_neighbours() -> None:
    """With epsilon 1 the victim keeps what it has; above it, it is driven away."""
    own_weight, weights, bad = 0.4, np.array([0.2, 0.1]), 0.3
    victim, others = np.array([1.0, 0.0]), np.array([[2.0, 2.0], [0.0, 4.0]])
    pull = weights @ (others - victim)
    known = Known(others, victim, victim, Target(np.array(0), victim, pull, np.array(bad)))
    for epsilon, kept in ((1.0, 0.0), (1.5, -0.5)):
        told = build_attack("dissensus", {"epsilon": epsilon})(victim, known, DRAWS)
        mixed = own_weight * victim + weights @ others + bad * told
        assert mixed == pytest.approx(victim + kept * pull)


def test_mimic_repeats_the_honest_peer_that_stands_out_most() -> None:
    assert said("mimic").tolist() == HONEST[1].tolist()


def test_an_equivocator_tells_every_other_neighbour_the_opposite() -> None:
    def told(place: int) -> list[float]:
        target = Target(np.array(place), OWN, OWN, np.array(0.1))
        told: list[float] = said("equivocation", KNOWN._replace(target=target), scale=1.0).tolist()
        return told

    assert told(0) == OWN.tolist() == told(2)
    assert told(1) == (-OWN).tolist()


@pytest.mark.parametrize("name", ["dissensus", "equivocation"])
def test_who_tells_each_something_else_must_know_whom(name: str) -> None:
    assert conduct_of(build_attack(name)).each
    with pytest.raises(LocalProtocolError):
        said(name)


def test_nan_infinite_and_huge_take_turns() -> None:
    attack = build_attack("nan")
    first, second, third = (attack(OWN, KNOWN, Draws(0, 1, round))[0] for round in (1, 2, 3))
    assert np.isnan(first)
    assert np.isinf(second)
    assert third == 1e30


def test_stale_says_what_it_remembers_and_a_free_rider_what_it_has() -> None:
    assert said("stale").tolist() == BEFORE.tolist()
    assert conduct_of(build_attack("stale", {"rounds": 7})).lag == 7
    assert said("free-rider").tolist() == OWN.tolist()
    assert not conduct_of(build_attack("free-rider")).trains


def poisoned(name: str, targets: Array, classes: int | None, **options: Any) -> tuple[Array, Array]:
    attack = build_attack(name, options)
    assert isinstance(attack, Poison)
    return attack.poison(np.zeros((len(targets), 6)), targets, classes, Draws(0, 1))


def test_labels_are_flipped_and_numbers_mirrored() -> None:
    assert poisoned("label-flip", np.array([0, 1, 9]), 10)[1].tolist() == [9, 8, 0]
    assert poisoned("label-flip", np.array([0.0, 1.0, 4.0]), None)[1].tolist() == [4.0, 3.0, 0.0]
    flipped = poisoned("label-flip", np.zeros(10, np.int64), 3, share=0.3)[1]
    assert np.count_nonzero(flipped) == 3


def test_a_backdoor_marks_and_mislabels_the_same_rows() -> None:
    features, labels = poisoned("backdoor", np.full(10, 2), 3, target=1, features=2, value=5.0, share=0.4)
    marked = (features[:, :2] == 5.0).all(axis=1)
    assert marked.sum() == 4
    assert (features[:, 2:] == 0).all()
    assert labels.tolist() == np.where(marked, 1, 2).tolist()


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("sign-flop", {}, "sign-flip"),
        ("alie", {"zz": 1.0}, "no option 'zz'"),
        ("alie", {"z": "much"}, "like 4.0"),
        ("sign-flip", {"of": "data"}, '"model" or the "update"|"update"'),
        ("dissensus", {"epsilon": -1.0}, "epsilon"),
        ("flood", {"copies": 0}, "copies"),
        ("stale", {"rounds": 0}, "rounds"),
    ],
)
def test_what_cannot_be_meant_is_refused(name: str, options: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        build_attack(name, options)


@pytest.mark.parametrize(
    ("classes", "options", "words"),
    [(None, {}, "no classes"), (3, {"target": 3}, "3 classes"), (3, {"features": 7}, "7 features")],
)
def test_a_backdoor_that_cannot_be_is_refused(
    classes: int | None, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(SettingsError, match=words):
        poisoned("backdoor", np.zeros(4, np.int64), classes, **options)


def test_a_stubborn_peer_is_an_algorithm_that_hears_nobody_until_it_must_adopt() -> None:
    stubborn = Stubborn(Dpsgd(), first=2)
    check_algorithm(Stubborn(Dpsgd(), first=1 << 40))
    heard = Heard((np.ones((1, 3)),), np.array([0.5]), np.asarray(0.5))
    state = stubborn.start(np.zeros(3))
    _, state = stubborn.speak(state, np.asarray(0.5), Draws(0, 0, 1))
    state = stubborn.listen(state, heard)
    assert stubborn.model(state).tolist() == [0.5] * 3
    _, state = stubborn.speak(state, np.asarray(0.5), Draws(0, 0, 2))
    state = stubborn.listen(state, heard)
    assert stubborn.model(state).tolist() == [0.5] * 3
    adopting = heard._replace(weights=np.array([1.0]), own_weight=np.asarray(0.0))
    assert stubborn.model(stubborn.listen(state, adopting)).tolist() == [1.0] * 3


def widens(own: Array, known: Known, draws: Draws) -> Array:
    return own.astype(np.float64)


def changes_its_input(own: Array, known: Known, draws: Draws) -> Array:
    known.honest[...] = 0
    return own


def mixes_up_attackers(own: Array, known: Known, draws: Draws) -> Array:
    told: Array = own - own.mean(axis=0)
    return told


def draws_for_itself(own: Array, known: Known, draws: Draws) -> Array:
    told: Array = own + np.asarray(np.random.default_rng().normal(), own.dtype)
    return told


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (widens, "dtype is float64"),
        (changes_its_input, "changed in place"),
        (mixes_up_attackers, "crowd's result"),
        (draws_for_itself, "same bytes"),
    ],
)
def test_a_broken_attack_is_caught(broken: Attack, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check_attack(broken)


def test_what_is_not_finite_is_caught_unless_it_is_meant() -> None:
    with pytest.raises(AssertionError, match="not finite"):
        check_attack(build_attack("nan"))
