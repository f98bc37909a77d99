"""Baselines are bounds for gossip: the same peers, rows and training; only what becomes of models differs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gossipfl
from gossipfl.learn.contracts import Array
from gossipfl.protocol.messages import Message, PeerId, Update
from gossipfl.protocol.wire import message_bytes
from gossipfl.simulator.baselines import BASELINES, federated_averaging, local_only, participants, pooled

SMALL: dict[str, Any] = {"data": "wine", "peers": 4, "rounds": 4, "epochs": 2, "dtype": "float64"}
SMALL |= {"split": "dirichlet", "alpha": 1.0}


def models(**settings: Any) -> Array:
    return np.stack(list(gossipfl.simulate(**SMALL, **settings).models.values()))


def doubled(peers: Array, vectors: Array, round: int) -> Array:
    """A training that says who trained, and when."""
    return 2.0 * vectors + peers[:, None] + round


def test_local_peers_are_peers_of_whom_every_word_is_lost() -> None:
    def lost(sender: PeerId, to: PeerId, message: Message, now: float) -> gossipfl.Lost:
        return gossipfl.Lost()

    assert np.array_equal(models(baseline="local"), models(topology="ring", rules=(lost,)))


def test_a_server_that_asks_all_is_a_complete_graph() -> None:
    server = models(baseline="fedavg", weights="uniform")
    everybody = models(topology="complete", weights="uniform")
    assert np.abs(server - everybody).max() < 1e-12
    assert np.abs(models(baseline="fedavg") - server).max() > 1e-3  # peers differ in how many rows they hold


def test_the_mean_of_full_gradients_is_the_gradient_on_all_rows() -> None:
    """McMahan et al. 2017: one step on all rows of each peer is "FederatedSGD", large-batch SGD itself."""
    settings = SMALL | {"steps": 1, "batch": 1000}
    del settings["epochs"]
    runs = [gossipfl.simulate(**settings, baseline=baseline) for baseline in ("fedavg", "pooled", "local")]
    server, one, alone = (np.stack(list(run.models.values())) for run in runs)
    assert np.abs(server - one).max() < 1e-12
    assert np.abs(alone - one).max() > 1e-3


def test_loops_train_whom_they_say_by_the_weights_they_say() -> None:
    start, masses = np.zeros(2), np.array([1, 3, 0])
    alone = [closed.vectors[:, 0].tolist() for closed in local_only(start, 3, 2, doubled)]
    assert alone == [[1, 2, 3], [4, 7, 10]]
    (first, second) = federated_averaging(start, masses, 2, doubled, participation=1.0, seed=0)
    assert (first.vectors == (1 * 1 + 3 * 2) / 4).all()
    assert (second.vectors == (1 * 5.5 + 3 * 6.5) / 4).all()
    shared = [closed.vectors.tolist() for closed in pooled(start, 2, 2, lambda vector, round: vector + round)]
    assert shared == [[[1, 1], [1, 1]], [[3, 3], [3, 3]]]


def test_peers_without_rows_count_alike_where_nobody_asked_has_any() -> None:
    closed = next(federated_averaging(np.zeros(1), np.zeros(2), 1, doubled, participation=1.0, seed=0))
    assert closed.vectors.tolist() == [[1.5], [1.5]]


def test_a_server_asks_as_many_as_it_is_told_and_others_in_time() -> None:
    asked = [participants(20, 0.25, seed, round).tolist() for seed in range(2) for round in range(1, 40)]
    assert {len(numbers) for numbers in asked} == {5}
    assert all(numbers == sorted(set(numbers)) for numbers in asked)
    assert {number for numbers in asked for number in numbers} == set(range(20))
    assert len(participants(20, 0.001, 0, 1)) == 1
    assert len(participants(3, 0.5, 0, 1)) == 2


@pytest.mark.parametrize(("participation", "asked"), [(1.0, 4), (0.5, 2)])
def test_traffic_is_what_models_take_encoded_down_and_up(participation: float, asked: int) -> None:
    run = gossipfl.simulate(**SMALL, baseline="fedavg", participation=participation)
    one = message_bytes(Update(1, 0, 1, 0, 0, (next(iter(run.models.values())),)))
    assert run.summary["messages_sent"] == 4 * 2 * asked
    assert run.summary["bytes_sent"] == 4 * 2 * asked * one
    heard = [record["heard"] for record in run.records if record["kind"] == "round"]
    assert sum(heard) == 4 * asked


@pytest.mark.parametrize("baseline", ["local", "pooled"])
def test_where_nobody_speaks_nothing_is_sent(baseline: str) -> None:
    run = gossipfl.simulate(**SMALL, baseline=baseline)
    assert run.summary["bytes_sent"] == run.summary["messages_sent"] == 0


@pytest.mark.parametrize("baseline", list(BASELINES))
def test_a_baseline_is_a_run_like_any_other(baseline: str) -> None:
    gossip, run = gossipfl.simulate(**SMALL), gossipfl.simulate(**SMALL, baseline=baseline)
    again, other = (gossipfl.simulate(**SMALL, baseline=baseline, seed=seed) for seed in (0, 1))
    assert set(gossip.summary) <= set(run.summary)
    assert [sorted(record) for record in run.records] == [sorted(record) for record in gossip.records]
    assert run.summary["engine"] == f"baseline-{baseline}"
    assert run.summary["finished"] == len(run.models) == 4
    assert run.summary["trace_hash"] == again.summary["trace_hash"] != other.summary["trace_hash"]
    assert run.graph["names"] == gossip.graph["names"]
    assert run.graph["edges"] == []


@pytest.mark.parametrize("baseline", list(BASELINES))
def test_settings_written_down_are_those_heard_and_give_the_same_run(baseline: str) -> None:
    run = gossipfl.simulate(topology="star", **SMALL, baseline=baseline)
    assert "algorithm" not in run.settings["learning"]
    assert "latency_s" not in run.settings["network"]
    assert run.settings["topology"] == {"peers": 4}
    again = gossipfl.simulate(gossipfl.Experiment(**run.settings), baseline=baseline)
    assert again.summary["trace_hash"] == run.summary["trace_hash"]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"baseline": "fedavgg"}, 'did you mean "fedavg"'),
        ({"baseline": "local", "loss": 0.1}, "does not hear network.loss: .* network.loss=0.0"),
        ({"baseline": "fedavg", "latency_s": 1.0}, "does not hear network.latency_s"),
        ({"baseline": "pooled", "kill": ("1@2",)}, "faults.kill"),
        ({"baseline": "local", "algorithm": "momentum"}, "learning.algorithm"),
        ({"baseline": "local", "weights": "uniform"}, "learning.weights"),
        (
            {"baseline": "local", "algorithm": "choco", "compressor": "int8"},
            'algorithm, .*compressor: .*dpsgd"\\.',
        ),
        ({"baseline": "fedavg", "weights": "fastest"}, "learning.weights"),
        ({"baseline": "fedavg", "aggregator": gossipfl.WeightedMean()}, "does not hear aggregator"),
        ({"baseline": "fedavg", "algorithm": gossipfl.Dpsgd()}, "does not hear algorithm"),
        ({"baseline": "fedavg", "rules": (gossipfl.Loss(0.1, 0),)}, "does not hear rules"),
        ({"baseline": "fedavg", "participation": 0.0}, "above 0"),
        ({"baseline": "fedavg", "participation": 1.5}, "1 at most"),
        ({"baseline": "local", "participation": 0.5}, "leave out participation"),
        ({"participation": 0.5}, "name the baseline"),
    ],
)
def test_what_a_baseline_cannot_do_is_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(gossipfl.UserError, match=words):
        gossipfl.simulate(**SMALL, **settings)
