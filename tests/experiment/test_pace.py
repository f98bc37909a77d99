"""Peers are set free by one key; what free peers cannot do is refused with what to do instead."""

from __future__ import annotations

from typing import Any

import pytest

from gossipfl import simulate
from gossipfl.api import experiment_of
from gossipfl.errors import SettingsError
from gossipfl.experiment.federation import build
from gossipfl.protocol.free_peer import FreePeer
from gossipfl.protocol.round_peer import RoundPeer

SMALL: dict[str, Any] = {"topology": "ring", "peers": 6, "data": "wine", "rounds": 12, "epochs": 1}


def test_an_exchange_sets_peers_free() -> None:
    assert isinstance(build(experiment_of(SMALL)).new_peer(0, 0), RoundPeer)
    free = experiment_of({**SMALL, "exchange": "push"})
    assert isinstance(build(free).new_peer(0, 0), FreePeer)


@pytest.mark.parametrize("algorithm", ["pair-averaging", "dpsgd", "momentum", "partitioned", "sampled"])
@pytest.mark.parametrize("exchange", ["push", "pull", "push-pull"])
def test_free_peers_learn(algorithm: str, exchange: str) -> None:
    summary = simulate(algorithm=algorithm, exchange=exchange, **SMALL).summary
    assert summary["finished"] == 6
    assert summary["accuracy_mean"] > 0.85
    assert summary["spectral_gap"] is None
    assert not summary["refused"]


@pytest.mark.parametrize("algorithm", ["merge-update", "update-merge", "random-walk"])
def test_models_that_wander_learn(algorithm: str) -> None:
    gossip = {"exchange": "push", "trains": "on-hearing", "every_s": 2.0, "tokens": 4}
    summary = simulate(algorithm=algorithm, gossip=gossip, **{**SMALL, "rounds": 40}).summary
    assert summary["finished"] == 6
    assert summary["accuracy_mean"] > 0.85


def test_a_peer_ten_times_slower_costs_nobody_a_cycle() -> None:
    gossip = {"exchange": "push-pull", "every_s": 0.0}
    run = simulate(algorithm="pair-averaging", gossip=gossip, slow={2: 10.0}, **SMALL)
    durations = [
        record["duration_s"]
        for record in run.records
        if record["kind"] == "round" and record["peer"] != 2 and record["round"] < 12
    ]
    assert max(durations) == pytest.approx(1.0)


@pytest.mark.parametrize(
    "algorithm", ["gradient-tracking", "push-sum", "exact-diffusion", "combine-then-adapt"]
)
def test_what_needs_rounds_is_refused(algorithm: str) -> None:
    with pytest.raises(SettingsError, match="pair-averaging"):
        build(experiment_of({**SMALL, "exchange": "push", "algorithm": algorithm}))


def test_codes_that_build_on_one_another_are_refused() -> None:
    with pytest.raises(SettingsError, match="in step"):
        build(experiment_of({**SMALL, "exchange": "push", "algorithm": "choco", "compressor": "top-k"}))


def test_a_schedule_is_refused() -> None:
    settings = {**SMALL, "topology": "one-peer-exponential", "peers": 8, "exchange": "push"}
    with pytest.raises(SettingsError, match="one graph"):
        build(experiment_of(settings))


@pytest.mark.parametrize(
    ("gossip", "advice"),
    [
        ({"every_s": 2.0}, "gossip.exchange"),
        ({"exchange": "push", "tokens": 4}, "on-hearing"),
        ({"exchange": "push", "trains": "on-hearing", "every_s": 0.0}, "above 0"),
        ({"exchange": "pull", "every_s": 0.01}, "0.1 or more"),
    ],
)
def test_a_key_that_means_nothing_is_refused(gossip: dict[str, Any], advice: str) -> None:
    with pytest.raises(SettingsError, match=advice):
        experiment_of({**SMALL, "gossip": gossip})
