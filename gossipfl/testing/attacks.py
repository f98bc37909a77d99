"""Whether an attack keeps its contract: the same for one attacker and for many, and nothing changed."""

from __future__ import annotations

from typing import Any

import numpy as np

from gossipfl.draws import Draws
from gossipfl.learn.attacks.knowledge import Attack, Known, Poison, Target, conduct_of
from gossipfl.learn.contracts import Array
from gossipfl.testing.crowds import FLOATS, PEERS, SEED
from gossipfl.testing.expecting import expect, expect_like, expect_same, expect_unchanged

_SIZE, _HONEST, _ROUNDS, _ROWS = 17, 8, 3, 40


def check_attack(attack: Attack, *, finite: bool = True) -> None:
    """That `attack` keeps the contract, in float32 and float64; `finite`: it says finite numbers alone."""
    for dtype in FLOATS:
        for round in range(1, _ROUNDS + 1):
            _check_words(attack, dtype, round, finite)
        if isinstance(attack, Poison):
            _check_poison(attack, dtype)


def _check_words(attack: Attack, dtype: np.dtype[Any], round: int, finite: bool) -> None:
    own, known = _scene(dtype, each=conduct_of(attack).each)
    given = _arrays(own, known)
    before = [array.copy() for array in given]
    draws = Draws(SEED, np.arange(PEERS), round)
    told = attack(own, known, draws)
    expect_like(told, own.shape, own.dtype, "attack")
    expect_same(told, attack(own, known, draws), "attack", "repeat")
    alone = [attack(own[peer], _of_one(known, peer), Draws(SEED, peer, round)) for peer in range(PEERS)]
    expect_same(told, np.stack(alone), "attack", "crowd")
    expect_unchanged(before, given, "attack")
    if finite:
        expect(bool(np.isfinite(told).all()), "attack: it says numbers that are not finite")
    one = known._replace(honest=known.honest[:1])
    expect_like(attack(own, one, draws), own.shape, own.dtype, "attack, where one is honest")


def _check_poison(attack: Poison, dtype: np.dtype[Any]) -> None:
    draws = Draws(SEED, 0)
    features = draws.uniform("features", _ROWS * _SIZE).reshape(_ROWS, _SIZE).astype(dtype)
    targets = draws.integers("targets", _ROWS, 3)
    before = [features.copy(), targets.copy()]
    bad, false = attack.poison(features, targets, 3, draws)
    expect_like(bad, features.shape, features.dtype, "poison, features")
    expect_like(false, targets.shape, targets.dtype, "poison, targets")
    expect(bool(((false >= 0) & (false < 3)).all()), "poison: a label is of no class that there is")
    again = attack.poison(features, targets, 3, draws)
    for part, same in zip((bad, false), again, strict=True):
        expect_same(part, same, "poison", "repeat")
    expect_unchanged(before, [features, targets], "poison")


def _scene(dtype: np.dtype[Any], *, each: bool) -> tuple[Array, Known]:
    """Attackers (n, d) who would say something near what honest peers said."""
    draws = Draws(SEED, np.arange(PEERS))
    own, began, before, vector, pull = (
        draws.normal(name, _SIZE).astype(dtype) for name in ("own", "began", "before", "vector", "pull")
    )
    honest = Draws(SEED, np.arange(_HONEST)).normal("honest", _SIZE).astype(dtype)
    weight = 0.1 + draws.uniform("weight", 1)[:, 0]
    target = Target(np.arange(PEERS), vector, pull.astype(np.float64), weight)
    return own, Known(honest, began, before, target if each else None)


def _of_one(known: Known, peer: int) -> Known:
    """What one of the attackers knows."""
    target = known.target and Target(*(part[peer] for part in known.target))
    return Known(known.honest, known.began[peer], known.before[peer], target)


def _arrays(own: Array, known: Known) -> list[Array]:
    return [own, known.honest, known.began, known.before, *(known.target or ())]
