"""Attackers within a rule's bound move nobody beyond the honest; too few words move nobody at all."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from gossipfl.draws import Draws
from gossipfl.errors import SettingsError
from gossipfl.learn.aggregators import combined
from gossipfl.learn.contracts import Array, Heard, Judging, Robust, Scene
from gossipfl.learn.robust.catalogue import PREFIXES, RULES, build_rule, least_heard, most_attackers
from gossipfl.learn.robust.geometric_median import GeometricMedian
from gossipfl.learn.robust.krum import Krum
from gossipfl.learn.robust.median import Median
from gossipfl.learn.robust.trimmed_mean import TrimmedMean

SIZE = 60
PLAIN = [name for name in RULES if name != "balance"]
MIXED = [name for name in PLAIN if name != "ubar"]
NAMES = [*PLAIN, *(f"{prefix}+{name}" for prefix in PREFIXES for name in MIXED)]
INSIDE = {"trimmed-mean", "median"}
"""Rules whose result lies between honest values in each coordinate."""


def drawn(heard: int, seed: int = 1, dtype: str = "float64") -> tuple[Array, Array, Array, Array]:
    """One peer's own vector, what it heard, its own weight and the weights of the others."""
    draws = Draws(seed)
    vectors = (3.0 + draws.normal("vectors", (heard + 1) * SIZE).reshape(heard + 1, SIZE)).astype(dtype)
    parts = 0.2 + draws.uniform("weights", heard + 1)
    parts /= parts.sum()
    return vectors[0], vectors[1:], parts[0], parts[1:]


def rule_of(name: str, attackers: int) -> Robust:
    rule = build_rule(name, attackers)
    assert isinstance(rule, Robust)
    return rule


def placed(kind: str, honest: Array, count: int) -> Array:
    """Where so many attackers stand: far off together, far off apart, or among honest vectors."""
    ones = np.ones((count, SIZE))
    if kind == "together":
        return 1e12 * ones
    if kind == "apart":
        return 1e12 * ones * (-1.0) ** np.arange(count)[:, None] * np.arange(1, count + 1)[:, None]
    return np.repeat(honest[:1] - 2.0, count, axis=0)


@pytest.mark.parametrize("kind", ["together", "apart", "near"])
@pytest.mark.parametrize("attackers", [1, 2, 3])
@pytest.mark.parametrize("name", NAMES)
def test_attackers_move_nobody_beyond_the_honest(name: str, attackers: int, kind: str) -> None:
    own, heard, own_weight, weights = drawn(least_heard(name, attackers) + 1)
    honest = np.concatenate((own[None], heard[attackers:]))
    heard[:attackers] = placed(kind, honest, attackers)
    result = rule_of(name, attackers)(own, heard, own_weight, weights)
    across = np.linalg.norm(honest[:, None] - honest[None], axis=-1).max()
    assert np.linalg.norm(result - honest.mean(axis=0)) <= 2 * across
    if name in INSIDE:
        slack = 1e-9
        assert (honest.min(axis=0) - slack <= result).all()
        assert (result <= honest.max(axis=0) + slack).all()


@pytest.mark.parametrize("name", NAMES)
def test_whoever_hears_fewer_than_the_rule_needs_keeps_its_own(name: str) -> None:
    for attackers in (1, 2):
        for heard in range(least_heard(name, attackers)):
            own, others, own_weight, weights = drawn(max(heard, 1))
            kept = rule_of(name, attackers)(own, others[:heard], own_weight, weights[:heard])
            assert np.array_equal(kept, own)


@pytest.mark.parametrize("name", NAMES)
def test_as_many_as_the_attackers_are_never_adopted_by_a_newcomer(name: str) -> None:
    own, heard, _, _ = drawn(4)
    rule = rule_of(name, 2)
    assert np.array_equal(rule(own, heard, np.asarray(0.0), np.full(4, 0.25)), own)
    own, heard, _, _ = drawn(5)
    heard[:2] = 1e12
    adopted = rule(own, heard, np.asarray(0.0), np.full(5, 0.2))
    assert (heard[2:].min(axis=0) <= adopted).all()
    assert (adopted <= heard[2:].max(axis=0)).all()


@pytest.mark.parametrize("name", [*NAMES, "balance"])
def test_in_which_order_neighbours_are_heard_does_not_matter(name: str) -> None:
    own, heard, own_weight, weights = drawn(15)
    rule = rule_of(name, 2)
    losses = Draws(3).uniform("losses", 16)
    wanted = None
    for order in (np.arange(15), np.arange(15)[::-1], Draws(2).permutation("order", 15)):
        scene = Scene(np.asarray(0.5), np.asarray(9.0), Draws(7), (losses[0], losses[1:][order]))
        got = combined(rule, own, Heard((heard[order],), weights[order], own_weight, (), scene))
        wanted = got if wanted is None else wanted
        np.testing.assert_allclose(got, wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", [*NAMES, "balance"])
def test_a_crowd_and_each_peer_alone_agree_bit_for_bit_however_long_vectors_are(
    name: str, dtype: str
) -> None:
    draws = Draws(5, np.arange(3))
    own = draws.normal("own", 20_011).astype(dtype)
    heard = draws.normal("heard", 9 * 20_011).reshape(3, 9, 20_011).astype(dtype)
    own_weight, weights = np.full(3, 0.1), np.full((3, 9), 0.1)
    rule = rule_of(name, 1)
    steps, losses = np.full(3, 500.0), draws.uniform("losses", 10)
    scene = Scene(np.full(3, 0.5), steps, draws, (losses[:, 0], losses[:, 1:]))
    crowd = combined(rule, own, Heard((heard,), weights, own_weight, (), scene))
    assert crowd.dtype == own.dtype
    for peer in range(3):
        one = Scene(np.asarray(0.5), steps[peer], Draws(5, peer), (losses[peer, 0], losses[peer, 1:]))
        alone = combined(rule, own[peer], Heard((heard[peer],), weights[peer], own_weight[peer], (), one))
        assert np.array_equal(crowd[peer], alone)


def test_whoever_counts_for_nothing_has_no_vote() -> None:
    own, heard, own_weight, weights = drawn(6)
    out_of_turn = np.concatenate((heard, np.full((3, SIZE), 1e9)))
    counts = np.concatenate((weights, np.zeros(3)))
    rule = TrimmedMean(1)
    wanted = combined(rule, own, Heard((heard,), weights, own_weight))
    assert np.array_equal(combined(rule, own, Heard((out_of_turn,), counts, own_weight)), wanted)
    crowd = Heard((np.stack([out_of_turn] * 2),), np.stack([counts] * 2), np.full(2, own_weight))
    assert np.array_equal(combined(rule, np.stack([own] * 2), crowd), np.stack([wanted] * 2))


def test_with_equal_weights_and_no_attackers_the_trimmed_mean_is_the_mean() -> None:
    own, heard, _, _ = drawn(4)
    mean = TrimmedMean(0)(own, heard, np.asarray(0.2), np.full(4, 0.2))
    np.testing.assert_allclose(mean, np.concatenate((own[None], heard)).mean(axis=0), rtol=1e-12)


def test_the_median_is_the_median() -> None:
    for heard in (2, 3):
        own, others, _, _ = drawn(heard)
        median = Median(1)(own, others, np.asarray(1 / (heard + 1)), np.full(heard, 1 / (heard + 1)))
        np.testing.assert_allclose(median, np.median(np.concatenate((own[None], others)), axis=0))


def test_krum_is_the_definition() -> None:
    own, heard, _, _ = drawn(7)
    vectors = np.concatenate((own[None], heard))
    best = min(
        range(8),
        key=lambda one: sum(sorted(((vectors[one] - v) ** 2).sum() for v in vectors)[1 : 1 + 8 - 2 - 2]),
    )
    assert np.array_equal(Krum(2)(own, heard, np.asarray(1 / 8), np.full(7, 1 / 8)), vectors[best])


def test_the_geometric_median_has_the_least_sum_of_distances() -> None:
    own, heard, _, _ = drawn(6)
    vectors = np.concatenate((own[None], heard))
    median = GeometricMedian(1, iterations=200, smoothing=1e-6)(
        own, heard, np.asarray(1 / 7), np.full(6, 1 / 7)
    )
    least = np.linalg.norm(vectors - median, axis=1).sum()
    for sign, axis in itertools.product((-1, 1), range(0, SIZE, 7)):
        moved = median + 1e-3 * sign * np.eye(SIZE)[axis]
        assert np.linalg.norm(vectors - moved, axis=1).sum() >= least - 1e-9


def test_nobody_is_left_out_who_does_not_stand_out() -> None:
    draws = Draws(4)
    own, heard = np.zeros(SIZE), draws.normal("unlike", 8 * SIZE).reshape(8, SIZE)
    counts = np.asarray(1 / 9), np.full(8, 1 / 9)
    rule = rule_of("nearby", 4)
    np.testing.assert_allclose(rule(own, heard, *counts), heard.sum(axis=0) / 9)
    heard[:4] = 40.0
    np.testing.assert_allclose(rule(own, heard, *counts), heard[4:].sum(axis=0) / 9)


@pytest.mark.parametrize("far", [0.5, 1.0, 2.0, 4.0, 8.0, 1e6])
def test_wherever_attackers_stand_they_move_a_peer_no_farther_than_is_promised(far: float) -> None:
    own, heard, own_weight, weights = drawn(9)
    farthest = np.linalg.norm(heard[4:] - own, axis=-1).max()
    aside = Draws(6).normal("aside", SIZE)
    heard[:4] = own + far * farthest * aside / np.linalg.norm(aside)
    rule = rule_of("nearby", 4)
    moved = np.linalg.norm(rule(own, heard, own_weight, weights) - own)
    most = (1 + 2 * 1.8) * weights[:4].sum() + weights[4:].sum()
    assert moved <= most * farthest


def test_balance_believes_those_within_some_own_steps_alone() -> None:
    own = np.zeros(2)
    heard = np.array([[2.9, 0.0], [0.0, 3.1], [1e12, 0.0]])
    rule = build_rule("balance", 2, {"steps": 3.0, "decay": 0.0})
    assert isinstance(rule, Judging)
    scene = Scene(np.asarray(0.5), np.asarray(1.0))
    near = rule.judged(own, heard, np.asarray(0.25), np.full(3, 0.25), scene)
    np.testing.assert_allclose(near, [0.725, 0.0])
    assert np.array_equal(rule(own, heard, np.asarray(0.25), np.full(3, 0.25)), own)


def test_ubar_takes_those_that_lose_no_more_or_else_the_best() -> None:
    own = np.zeros(1)
    heard = np.array([[1.0], [2.0], [3.0], [90.0]])
    rule = build_rule("ubar", 1)
    assert isinstance(rule, Judging)

    def taken(*losses: float) -> Any:
        scene = Scene(np.asarray(1.0), np.asarray(1.0), None, (np.asarray(0.5), np.array(losses)))
        return float(rule.judged(own, heard, np.asarray(0.2), np.full(4, 0.2), scene)[0])

    assert taken(0.4, 0.5, 0.6, 0.0) == pytest.approx(0.75)
    assert taken(0.8, 0.7, 0.6, 0.0) == pytest.approx(1.5)
    assert taken(np.nan, 0.7, np.nan, 0.0) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("name", "options", "advice"),
    [
        ("krumm", {}, "did you mean .krum"),
        ("nmm+median", {}, "did you mean .nnm"),
        ("nnm+ubar", {}, "as they were said"),
        ("mean", {"size": 2}, "takes no options"),
        ("bucketing+median", {"sizes": 2}, "did you mean .size"),
        ("balance", {"steps": -1.0}, "steps is -1.0"),
    ],
)
def test_a_rule_that_cannot_be_is_refused(name: str, options: dict[str, Any], advice: str) -> None:
    with pytest.raises(SettingsError, match=advice):
        build_rule(name, 0 if name == "mean" else 1, options)


def test_each_rule_has_its_bound() -> None:
    bounds = {name: most_attackers(name, 8) for name in (*PLAIN, "nnm+trimmed-mean", "bucketing+median")}
    assert bounds.pop("krum") == bounds.pop("multi-krum") == bounds.pop("bucketing+median") == 2
    assert set(bounds.values()) == {4}
