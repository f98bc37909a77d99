"""The crowd: the models of the network, whatever blocks, threads and files; what it cannot do is refused."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gossipfl
from gossipfl.api import experiment_of
from gossipfl.engines import run_crowd
from gossipfl.errors import RunError, SettingsError
from gossipfl.experiment.crowd import crowd_of
from gossipfl.experiment.federation import Federation, build
from gossipfl.learn.contracts import Array
from gossipfl.simulator import workers as working
from gossipfl.simulator.shelf import Shelf, shelf
from gossipfl.simulator.workers import threads_allowed, workers

PEERS, ROUNDS = 24, 6
GRAPH = {"kind": "small-world", "peers": PEERS, "degree": 4}


def settings(algorithm: str = "dpsgd", **sections: Any) -> dict[str, Any]:
    learning = {"algorithm": algorithm, "rounds": ROUNDS, "epochs": 1} | sections.pop("learning", {})
    return {
        "topology": GRAPH,
        "data": {"dataset": "wine", "split": "dirichlet"},
        "model": {"dtype": "float64"},
        "learning": learning,
    } | sections


def federation_of(algorithm: str = "dpsgd", **sections: Any) -> Federation:
    return build(experiment_of(settings(algorithm, **sections)))


def models_of(federation: Federation, threads: int = 1, scratch: Path | None = None) -> Array:
    """The models (n, d) after all rounds."""
    with shelf(scratch) as kept, workers(threads) as hands:
        crowd = crowd_of(federation, kept, hands)
        for round in range(1, ROUNDS + 1):
            crowd.round(round)
        return crowd.models(np.arange(crowd.peers))


def apart(one: gossipfl.Run, other: gossipfl.Run) -> float:
    assert one.models.keys() == other.models.keys()
    return max(float(np.abs(one.models[name] - other.models[name]).max()) for name in one.models)


@pytest.mark.parametrize(
    "algorithm", ["dpsgd", "combine-then-adapt", "quasi-global", "push-sum", "merge-update"]
)
def test_whoever_is_killed_is_missed_as_in_a_network(algorithm: str) -> None:
    faults = {"kill": ["2@3", "5@4", "7@6"]}
    given = settings(algorithm, faults=faults)
    network, crowd = gossipfl.simulate(**given), gossipfl.simulate(**given, engine="crowd")
    assert apart(network, crowd) <= 1e-12
    assert network.summary["messages_sent"] == crowd.summary["messages_sent"]
    assert crowd.summary["killed"] == [2, 5, 7]
    assert crowd.summary["finished"] == PEERS - 3
    everybody = gossipfl.simulate(**(given | {"faults": {}}), engine="crowd")
    assert np.abs(everybody.models["0"] - crowd.models["0"]).max() > 1e-6


class Median:
    """Coordinate-wise median of the own vector and those heard."""

    def __call__(self, own: Array, heard: Array, own_weight: Array, weights: Array) -> Array:
        middle = np.median(np.concatenate((own[..., None, :], heard), axis=-2), axis=-2)
        return np.asarray(middle, own.dtype)


@pytest.mark.parametrize("algorithm", ["dpsgd", "gradient-tracking"])
def test_an_aggregator_of_ones_own_sees_peers_of_equal_degree(algorithm: str) -> None:
    given = settings(algorithm, topology={"kind": "barabasi-albert", "peers": PEERS, "degree": 2})
    network = gossipfl.simulate(**given, aggregator=Median())
    crowd = gossipfl.simulate(**given, aggregator=Median(), engine="crowd")
    assert apart(network, crowd) <= 1e-12
    assert apart(crowd, gossipfl.simulate(**given, engine="crowd")) > 1e-6


@pytest.mark.parametrize("algorithm", ["dpsgd", "momentum", "merge-update"])
def test_whoever_is_restarted_adopts_as_in_a_network(algorithm: str) -> None:
    given = settings(algorithm, faults={"kill": ["2@3"], "restart": ["2@5"]})
    network, crowd = gossipfl.simulate(**given), gossipfl.simulate(**given, engine="crowd")
    assert apart(network, crowd) <= 1e-12
    assert crowd.summary["finished"] == PEERS


@pytest.mark.parametrize(
    "algorithm", ["dpsgd", "quasi-global", "gradient-tracking", "exact-diffusion", "extra"]
)
def test_blocks_threads_and_files_change_no_bit(
    algorithm: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    federation = federation_of(algorithm)
    whole = models_of(federation)
    assert np.array_equal(whole, models_of(federation))
    assert np.array_equal(whole, models_of(federation, scratch=tmp_path))
    monkeypatch.setattr(working, "PEERS_MIN", 1)
    for threads in (2, 3):
        assert np.array_equal(whole, models_of(federation, threads))
    monkeypatch.setattr(working, "BLOCK_BYTES_MAX", 1)
    assert np.array_equal(whole, models_of(federation))
    assert not [*tmp_path.iterdir()]


@dataclass(frozen=True)
class Together:
    """A model that is told which peers it trains at once."""

    model: gossipfl.Model
    blocks: set[tuple[int, ...]] = field(default_factory=set)
    block_bytes_max: int = 1 << 20

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)

    def fit(
        self, vector: Array, samples: gossipfl.Samples, draws: gossipfl.Draws, drift: Any = None
    ) -> Array:
        self.blocks.add(tuple(np.asarray(draws.peer).tolist()))
        return self.model.fit(vector, samples, draws, drift)


def test_blocks_do_not_depend_on_threads_and_a_model_says_how_large_they_may_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(working, "PEERS_MIN", 8)
    alone = federation_of()
    blocks = []
    for threads, bytes_max in ((1, 1 << 20), (3, 1 << 20), (1, 1)):
        model = Together(alone.model, block_bytes_max=bytes_max)
        models_of(replace(alone, model=model), threads)
        blocks.append(model.blocks)
    assert blocks[0] == blocks[1]
    assert [len(cut) for cut in blocks] == [3, 3, PEERS]


def test_codes_and_relays_are_the_same_in_blocks_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    coded = federation_of("choco-diffusion", learning={"compressor": "top-k"})
    relayed = federation_of("relay", topology={"kind": "tree", "peers": PEERS, "branching": 3})
    whole = [models_of(coded), models_of(relayed)]
    monkeypatch.setattr(working, "BLOCK_BYTES_MAX", 1)
    for federation, models in zip((coded, relayed), whole, strict=True):
        assert np.array_equal(models, models_of(federation, threads=2))


def test_a_paused_peer_keeps_what_it_has_and_nobody_hears_it() -> None:
    awake = np.arange(PEERS) != 3

    def present(round: int) -> Array:
        return awake if round > 2 else np.ones(PEERS, np.bool_)

    paused = gossipfl.simulate(**settings(), engine="crowd", present=present)
    short = gossipfl.simulate(**settings(learning={"rounds": 2, "decay": "none"}), engine="crowd")
    constant = settings(learning={"decay": "none"})
    kept = gossipfl.simulate(**constant, engine="crowd", present=present)
    killed = gossipfl.simulate(**constant, engine="crowd", faults={"kill": ["3@3"]})
    assert np.array_equal(kept.models["3"], short.models["3"])
    assert all(np.array_equal(kept.models[name], killed.models[name]) for name in killed.models)
    assert paused.summary["finished"] == PEERS


def test_nobody_taking_part_changes_nothing() -> None:
    nobody = np.zeros(PEERS, np.bool_)
    run = gossipfl.simulate(**settings(), engine="crowd", present=lambda _: nobody)
    assert not any(vector.any() for vector in run.models.values())
    assert run.summary["messages_sent"] == 0


def test_who_takes_part_is_told_by_one_truth_value_for_each() -> None:
    wrong: list[Any] = [np.ones(3, np.bool_), [1.0] * PEERS, None]
    for given in wrong:
        with pytest.raises(SettingsError, match="give one truth value for each of the 24 peers"):
            gossipfl.simulate(**settings(), engine="crowd", present={1: given}.__getitem__)
    with pytest.raises(SettingsError, match="present is a function"):
        gossipfl.simulate(**settings(), engine="crowd", present=np.ones(PEERS, np.bool_))  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match='are for engine="crowd"'):
        gossipfl.simulate(**settings(), engine="crowd", baseline="local", present=lambda _: [True] * PEERS)


def test_a_crowd_of_whom_nobody_is_left_has_a_summary() -> None:
    everybody = {"kill": [f"{peer}@2" for peer in range(PEERS)]}
    run = gossipfl.simulate(**settings(faults=everybody), engine="crowd")
    assert (run.summary["finished"], run.models) == (0, {})


def test_an_aggregator_of_another_shape_is_named() -> None:
    def summed(own: Array, heard: Array, own_weight: Array, weights: Array) -> Array:
        return np.asarray(own.sum(axis=-1, keepdims=True))

    with pytest.raises(SettingsError, match=r"shape \(1,\) for a peer in the place of \(42,\)"):
        gossipfl.simulate(**settings(), aggregator=summed, engine="crowd")


@pytest.mark.parametrize(
    ("more", "advice"),
    [
        ({"network": {"latency_s": 0.1}}, "leave out network.latency_s: a crowd has no messages"),
        ({"network": {"loss": 0.1}}, "leave out network.loss"),
        ({"network": {"slow": {1: 2.0}}}, "leave out network.slow"),
        ({"gossip": {"exchange": "push"}}, "leave out gossip.exchange: a crowd works in rounds"),
        ({"rules": (gossipfl.Loss(0.1),)}, "no messages to rule: leave out rules"),
        (
            {"algorithm": "extra", "faults": {"kill": ["1@2"]}},
            "settles its accounts with a peer that is gone",
        ),
        ({"algorithm": "push-sum", "faults": {"kill": ["1@2"], "restart": ["1@3"]}}, "settles its accounts"),
        ({"algorithm": "moniqua", "faults": {"kill": ["1@2"], "restart": ["1@3"]}}, "must tell anew"),
        ({"algorithm": "moniqua", "topology": {"kind": "base", "peers": 8}}, "need one graph for all rounds"),
        ({"faults": {"kill": ["99@2"]}}, "no peer 99"),
    ],
)
def test_what_a_crowd_cannot_honour_is_refused(more: dict[str, Any], advice: str) -> None:
    given: dict[str, Any] = {"topology": "ring", "peers": 8, "data": "wine"} | more
    if isinstance(given["topology"], dict):
        del given["peers"]
    with pytest.raises(SettingsError, match=advice):
        gossipfl.simulate(engine="crowd", **given)


def test_what_only_a_crowd_has_is_refused_elsewhere(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match='scratch are for engine="crowd"'):
        gossipfl.simulate(topology="ring", peers=8, data="wine", scratch=tmp_path)


def test_training_that_diverges_is_an_error() -> None:
    with pytest.raises(RunError, match=r"Training diverged in round .*lower learning\.learning_rate"):
        gossipfl.simulate(**settings(learning={"learning_rate": 1e200}), engine="crowd")


def test_a_sample_of_many_is_judged_and_all_are_averaged() -> None:
    some = gossipfl.simulate(**settings(), engine="crowd", judged=5)
    every = gossipfl.simulate(**settings(), engine="crowd")
    judged = some.summary["judged"]
    assert judged == sorted(set(judged))
    assert len(judged) == 5
    assert "judged" not in every.summary
    per_peer = [every.summary["accuracy_per_peer"][peer] for peer in judged]
    assert some.summary["accuracy_per_peer"] == per_peer
    assert some.summary["accuracy_mean"] == pytest.approx(np.mean(per_peer))
    assert some.summary["accuracy_averaged_model"] == every.summary["accuracy_averaged_model"]
    assert {record["peer"] for record in some.records if record["kind"] == "evaluation"} == set(judged)
    assert some.averaged is not None
    assert every.averaged is not None
    assert np.array_equal(some.averaged, every.averaged)
    assert [*some.models] == [str(peer) for peer in judged]


@pytest.mark.parametrize("way", [{"engine": "crowd"}, {"engine": "network"}, {"baseline": "local"}])
def test_the_averaged_model_alone_can_be_judged(way: dict[str, Any]) -> None:
    run = gossipfl.simulate(**settings(), **way, judged=0)
    assert run.summary["judged"] == [] == run.summary["accuracy_per_peer"]
    assert "accuracy_mean" not in run.summary
    assert run.summary["accuracy_averaged_model"] > 0.8


def test_a_network_judges_the_same_sample() -> None:
    network = gossipfl.simulate(**settings(), judged=5)
    crowd = gossipfl.simulate(**settings(), judged=5, engine="crowd")
    assert network.summary["judged"] == crowd.summary["judged"]
    assert network.summary["accuracy_per_peer"] == crowd.summary["accuracy_per_peer"]
    assert network.summary["accuracy_averaged_model"] == crowd.summary["accuracy_averaged_model"]


def test_progress_comes_to_its_end() -> None:
    told: list[tuple[int, int]] = []
    run_crowd(federation_of(), lambda done, total: told.append((done, total)))
    assert told == sorted(told)
    assert told[-1][0] == told[-1][1]


def test_the_same_run_has_the_same_hash_and_another_seed_another() -> None:
    runs = [gossipfl.simulate(**settings(), engine="crowd", seed=seed) for seed in (1, 1, 2)]
    one, again, other = (run.summary["trace_hash"] for run in runs)
    assert one == again != other


def test_a_crowd_larger_than_memory_is_refused_before_it_begins() -> None:
    with pytest.raises(SettingsError, match=r"This crowd takes 0.1 GB or more.*--scratch DIR"):
        Shelf(bytes_max=1_000).zeros((10_000, 1_000), np.dtype(np.float64))


def test_a_full_disk_is_found_before_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, *_: Any, **__: Any) -> Any:
        raise OSError(28, "No space left on device")

    with shelf(tmp_path) as kept:
        monkeypatch.setattr(Path, "open", full)
        with pytest.raises(SettingsError, match=r"has no room for 8,000.0 MB more .No space left on device"):
            kept.zeros((1_000_000, 1_000), np.dtype(np.float64))
    assert not [*tmp_path.iterdir()]


def test_scratch_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(SettingsError, match="cannot be written"), shelf(tmp_path / "file"):
        pass


@pytest.mark.parametrize("asked", ["0", "-1", "many"])
def test_a_count_of_threads_that_is_none_is_refused(asked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", asked)
    with pytest.raises(SettingsError, match="set it to 1 or more"):
        threads_allowed()


def test_threads_are_as_many_as_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert threads_allowed() == 3
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert threads_allowed() >= 1
