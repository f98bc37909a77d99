"""Every neighbourhood is checked against the rule before a run begins; a refusal says what to do."""

from __future__ import annotations

from typing import Any

import pytest

import gossipfl
from gossipfl.api import experiment_of
from gossipfl.errors import SettingsError
from gossipfl.experiment.defence import Defence, defence_of, listed
from gossipfl.experiment.federation import Federation, build
from gossipfl.experiment.settings import RobustSettings
from gossipfl.learn.aggregators import WeightedMean


def federation(topology: dict[str, Any], robust: dict[str, Any], **others: Any) -> Federation:
    settings = {"topology": topology, "data": "wine", "robust": robust, "rounds": 3}
    return build(experiment_of(settings | others))


RING, COMPLETE = {"kind": "ring", "peers": 6}, {"kind": "complete", "peers": 9}


def test_without_attackers_the_rule_is_the_mean() -> None:
    for robust in ({}, {"attackers": 0}, {"rule": "mean"}):
        assert federation(RING, robust).defence == Defence()
    assert federation(RING, {}).algorithm == gossipfl.Dpsgd()


def test_with_attackers_auto_is_the_robust_default() -> None:
    defence = federation(COMPLETE, {"attackers": 3}).defence
    assert (defence.rule, defence.attackers) == ("nearby", 3)


def test_a_rule_stands_a_third_of_the_smallest_neighbourhood_or_what_it_can_of_it() -> None:
    for topology, rule, attackers in (
        (RING, "median", 1),
        (COMPLETE, "median", 2),
        (COMPLETE, "krum", 2),
        ({"kind": "random-regular", "peers": 12, "degree": 7}, "median", 2),
    ):
        assert federation(topology, {"rule": rule}).defence.record() == {
            "robust": {"rule": rule, "attackers": attackers}
        }


@pytest.mark.parametrize(
    ("topology", "robust", "words"),
    [
        (
            RING,
            {"attackers": 2},
            'Peer "0" hears 2 neighbours .* 5 others hear too few: to stand 2',
        ),
        (RING, {"attackers": 2}, "give each peer 4 neighbours or more, or take robust.attackers = 1"),
        (RING, {"rule": "krum"}, 'the rule "krum" needs 5, .* another robust.rule, or none'),
        ({"kind": "star", "peers": 6}, {"rule": "median", "attackers": 1}, 'Peer "1" hears 1 neighbour '),
        ({"kind": "one-peer-exponential", "peers": 8}, {"rule": "median"}, "hears 1 neighbour in a round"),
        (COMPLETE, {"rule": "mean", "attackers": 1}, "stands no attacker"),
        (COMPLETE, {"rule": "auto", "options": {"size": 2}}, "stands no attacker and takes no options"),
        (COMPLETE, {"rule": "krum", "options": {"size": 2}}, "has no option 'size'"),
    ],
)
def test_what_no_neighbourhood_stands_is_refused(
    topology: dict[str, Any], robust: dict[str, Any], words: str
) -> None:
    with pytest.raises(SettingsError, match=words):
        federation(topology, robust)


def test_an_algorithm_of_weighted_means_takes_no_rule() -> None:
    with pytest.raises(SettingsError, match=r"leave out .robust. and the aggregator, or use dpsgd"):
        federation(COMPLETE, {"attackers": 1}, algorithm="push-sum")


def test_an_object_of_ones_own_takes_no_rule_beside_it() -> None:
    with pytest.raises(SettingsError, match="leave out robust, or the object"):
        gossipfl.simulate(topology="complete", robust="median", aggregator=WeightedMean())


def test_at_their_own_pace_peers_hear_one_neighbour_at_a_time() -> None:
    gossip = {"exchange": "push-pull"}
    with pytest.raises(SettingsError, match="hears 1 neighbour"):
        federation(COMPLETE, {"rule": "median", "attackers": 1}, gossip=gossip)
    assert federation(COMPLETE, {"rule": "balance"}, gossip=gossip).defence.attackers == 1
    with pytest.raises(SettingsError, match='take the rule "balance"'):
        federation(COMPLETE, {"rule": "ubar", "attackers": 0}, gossip=gossip)


def test_a_node_is_checked_by_the_peers_that_it_lists() -> None:
    assert defence_of(RobustSettings(rule="median"), listed("a", 6)).attackers == 2
    with pytest.raises(SettingsError, match='Peer "a" hears 3 neighbours'):
        defence_of(RobustSettings(attackers=2), listed("a", 3))


@pytest.mark.parametrize("engine", ["network", "crowd"])
def test_a_summary_says_what_a_run_stood(engine: str) -> None:
    run = gossipfl.simulate(topology=COMPLETE, data="wine", rounds=2, attackers=2, engine=engine)
    assert run.summary["robust"] == {"rule": "nearby", "attackers": 2}
