"""Attackers that are known are not feared any more: a rule stands one fewer for each that is shut out."""

from __future__ import annotations

from typing import Any

import pytest

import gossipfl
from gossipfl.learn.algorithms.direct import Direct
from gossipfl.learn.algorithms.dpsgd import Dpsgd
from gossipfl.learn.compressors import build_compressor
from gossipfl.learn.contracts import Algorithm
from gossipfl.learn.robust.catalogue import build_rule
from gossipfl.learn.robust.known import with_one_known


def attackers_of(algorithm: Algorithm[Any]) -> int:
    attackers: int = getattr(algorithm, "aggregator").attackers  # noqa: B009  not all algorithms have one
    return attackers


@pytest.mark.parametrize("name", ["nearby", "trimmed-mean", "nnm+trimmed-mean", "bucketing+median"])
def test_a_rule_stands_one_fewer_for_each_that_is_known_and_never_fewer_than_none(name: str) -> None:
    algorithm: Algorithm[Any] = Dpsgd(build_rule(name, 2))
    left = []
    for _ in range(4):
        left.append(attackers_of(algorithm))
        algorithm = with_one_known(algorithm)
    assert left == [2, 1, 0, 0]


def test_what_fears_nobody_stays_as_it_is() -> None:
    plain, coded = Dpsgd(), Direct(build_compressor("int8"))
    assert with_one_known(plain) is plain
    assert with_one_known(coded) is coded


class Around:
    """An algorithm of somebody's own, which is no dataclass."""

    def __init__(self, algorithm: Algorithm[Any]) -> None:
        self.aggregator = getattr(algorithm, "aggregator")  # noqa: B009


def test_what_is_no_dataclass_stays_as_it_is() -> None:
    own: Any = Around(Dpsgd(build_rule("median", 2)))
    assert with_one_known(own) is own


def test_who_has_shut_all_attackers_out_agrees_with_the_others() -> None:
    """Whoever fears four of eight neighbours, and shuts one out, hears too few to stand four."""
    run = gossipfl.simulate(
        topology={"kind": "k-regular", "peers": 12, "degree": 8},
        rounds=12,
        learning_rate=1.0,
        attack={"kind": "dissensus", "peers": 3},
        robust={"attackers": 4, "quarantine": True},
    )
    assert run.summary["quarantined"] == {"equivocation": run.summary["attackers"]}
    assert run.summary["consensus_distance"] < 0.01
