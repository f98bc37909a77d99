"""What is measured of a run: who counts as a survivor, and when those finish whom no fault names."""

from __future__ import annotations

import pytest

from gossipfl import read_experiment, simulate
from gossipfl.campaign.measures import Figures, curves_by_round, figures_of

SHORT = ("topology.peers=4", "topology.kind=complete", "learning.rounds=6", "learning.epochs=1")


def measured(*sets: str) -> Figures:
    """The figures of a short run of four peers."""
    experiment = read_experiment("ring-8", [*SHORT, *sets])
    return figures_of(simulate(experiment), experiment)


@pytest.mark.parametrize(
    ("fault", "finished"),
    [
        ('faults.kill=["2@3"]', 0.75),
        ('faults.leave=["2@3"]', 0.75),
        ('faults.drop_out=["0.5@3"]', 0.5),
        ("run.engine=crowd", 1.0),
    ],
)
def test_who_is_gone_for_good_is_no_survivor(fault: str, finished: float) -> None:
    found = measured(fault)
    assert found["finished_share"] == finished
    assert found["survivors_finished"] == 1.0


def test_attackers_are_not_counted() -> None:
    found = measured("attack.kind=sign-flip", "attack.peers=[1]")
    assert found["finished_share"] == found["survivors_finished"] == 1.0


def test_a_slow_peer_does_not_tell_when_the_others_finish() -> None:
    calm, slow = measured(), measured("network.slow={ 2 = 20.0 }")
    assert calm["finish_s"] is not None
    assert slow["finish_s"] is not None
    assert slow["virtual_s"] is not None
    assert slow["finish_s"] < slow["virtual_s"]
    assert slow["finish_s"] <= 2 * calm["finish_s"]


def test_a_long_curve_is_thinned_and_keeps_both_ends() -> None:
    experiment = read_experiment("ring-8", ["topology.peers=4", "learning.rounds=150", "learning.epochs=1"])
    curves = curves_by_round(simulate(experiment))
    assert (curves["round"][0], curves["round"][-1], len(curves["round"])) == (0.0, 150.0, 100)
    assert len(curves["mean"]) == len(curves["worst"]) == 100
