"""`gossipfl.simulate`: what it takes, what it refuses, and what it returns."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest

import gossipfl
from gossipfl.errors import DataError
from gossipfl.learn.contracts import Array, Samples
from gossipfl.protocol.messages import Message, PeerId

SMALL: dict[str, Any] = {"data": "wine", "peers": 4, "rounds": 3, "epochs": 1}


def test_flat_keywords_and_sections_say_the_same() -> None:
    flat = gossipfl.simulate(topology="ring", seed=3, **SMALL)
    sections = gossipfl.simulate(
        topology={"kind": "ring", "peers": 4},
        data={"dataset": "wine"},
        learning={"rounds": 3, "epochs": 1},
        run={"seed": 3},
    )
    mixed = gossipfl.simulate(topology={"kind": "ring"}, run={"seed": 3}, **SMALL)
    assert flat.summary["trace_hash"] == sections.summary["trace_hash"] == mixed.summary["trace_hash"]
    assert flat.settings == sections.settings


def test_an_experiment_can_be_run_as_it_is() -> None:
    experiment = gossipfl.read_experiment("ring-8", ["learning.rounds=1", "data.dataset=wine"])
    run = gossipfl.simulate(experiment)
    assert run.summary["finished"] == run.summary["peers"] == 8


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"file": "x.csv"}, "topology and data"),
        ({"roundz": 3}, 'did you mean "rounds"?'),
        ({"learning": {"roundz": 3}}, "rounds"),
        ({"rounds": 0}, "rounds"),
        ({"topology": 3}, "a section, a Topology or a networkx graph"),
        ({"data": [1, 2]}, "a section, a Dataset or a pair"),
        ({"kill": ("9@1",), **SMALL}, "There is no peer 9"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_a_sentence(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(gossipfl.UserError, match=words.replace("?", r"\?")):
        gossipfl.simulate(**settings)


def test_an_experiment_and_settings_together_are_refused() -> None:
    with pytest.raises(gossipfl.UserError, match="leave out rounds"):
        gossipfl.simulate(gossipfl.Experiment(), rounds=3)


class Nearest:
    """An aggregator of one's own: the mean of the own vector and of the one nearest to it."""

    def __call__(self, own: Array, heard: Array, own_weight: Array, weights: Array) -> Array:
        if not heard.shape[-2]:
            return own
        nearest = np.argmin(np.square(heard - own[..., None, :]).sum(-1), axis=-1)
        found = np.take_along_axis(heard, nearest[..., None, None], axis=-2)[..., 0, :]
        mean: Array = (own + found) / 2
        return mean


@dataclass(frozen=True)
class Frozen:
    """A model of one's own that never learns."""

    size: int = 4
    dtype: np.dtype[Any] = field(default_factory=lambda: np.dtype(np.float64))

    def start(self, draws: gossipfl.Draws) -> Array:
        return draws.normal("start", self.size)

    def fit(self, vector: Array, samples: Samples, draws: gossipfl.Draws) -> Array:
        return vector.copy()

    def predict(self, vector: Array, features: Array) -> Array:
        return np.full((*vector.shape[:-1], len(features), 3), 1 / 3)

    def score(self, vector: Array, samples: Samples) -> dict[str, Array]:
        return {"accuracy": np.zeros(vector.shape[:-1]), "loss": np.ones(vector.shape[:-1])}


def test_objects_take_the_place_of_names() -> None:
    star = gossipfl.Topology.from_edges(4, [(0, 1), (0, 2), (0, 3)])
    run = gossipfl.simulate(topology=star, data=gossipfl.load_dataset("wine"), rounds=3, epochs=1)
    assert run.graph["edges"] == [[0, 1], [0, 2], [0, 3]]
    assert run.summary["finished"] == 4
    usual = gossipfl.simulate(topology="ring", **SMALL).models["0"]
    same = gossipfl.simulate(topology="ring", algorithm=gossipfl.Dpsgd(), **SMALL).models["0"]
    other = gossipfl.simulate(topology="ring", aggregator=Nearest(), **SMALL).models["0"]
    assert np.array_equal(usual, same)
    assert not np.allclose(usual, other)
    frozen = gossipfl.simulate(topology="ring", model=Frozen(), **SMALL)
    assert frozen.summary["accuracy_mean"] == 0.0
    assert frozen.summary["consensus_distance"] == pytest.approx(0.0, abs=1e-25)


def test_a_function_is_a_fault() -> None:
    def deaf(sender: PeerId, to: PeerId, message: Message, now: float) -> gossipfl.Lost | gossipfl.Pass:
        return gossipfl.Lost() if to == 0 else gossipfl.Pass()

    run = gossipfl.simulate(topology="complete", rules=(deaf,), **SMALL)
    assert run.summary["messages_lost"] > 0
    heard = {r["heard"] for r in run.records if r["kind"] == "round" and r["peer"] == 0}
    assert heard == {0}


def test_a_run_can_be_shown_and_kept(tmp_path: Path) -> None:
    run = gossipfl.simulate(topology="ring", out=tmp_path / "run", **SMALL)
    assert "Accuracy, mean node" in run.table()
    assert getattr(run.plot(), "axes", None)
    assert {model.shape for model in run.models.values()} == {(13 * 3 + 3,)}
    summary = json.loads((tmp_path / "run" / "summary.json").read_text(encoding="utf-8"))
    assert summary["trace_hash"] == run.summary["trace_hash"]
    assert len(list((tmp_path / "run" / "models").glob("*.safetensors"))) == 5
    assert gossipfl.Run.load(tmp_path / "run").summary["accuracy_mean"] == run.summary["accuracy_mean"]


def test_progress_is_told() -> None:
    heard: list[tuple[int, int]] = []
    gossipfl.simulate(topology="ring", progress=lambda done, of: heard.append((done, of)), **SMALL)
    assert heard == [(done, 12) for done in range(1, 13)]


def told(seed: int) -> tuple[str, bytes]:
    """The trace hash of a run with every kind of chance in it, and its models."""
    run = gossipfl.simulate(
        topology="ring", data="wine", peers=5, rounds=4, loss=0.2, jitter_s=0.3, seed=seed, kill=("2@3",)
    )
    return run.summary["trace_hash"], b"".join(model.tobytes() for model in run.models.values())


def test_another_process_with_the_same_seed_gives_the_same_trace_and_models() -> None:
    code = "import test_api; print(test_api.told(1))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parent, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == str(told(1))
    assert all(one != other for one, other in zip(told(1), told(2), strict=True))


def test_losing_three_updates_in_ten_costs_a_point_at_most() -> None:
    settings: dict[str, Any] = {"data": "digits", "model": "softmax", "peers": 8, "rounds": 20, "seed": 1}
    clean, lossy = (gossipfl.simulate(topology="ring", loss=loss, **settings) for loss in (0.0, 0.3))
    assert lossy.summary["messages_lost"] > 0.25 * lossy.summary["messages_sent"]
    assert clean.summary["accuracy_mean"] - lossy.summary["accuracy_mean"] <= 0.01


def test_arrays_become_data_in_one_line() -> None:
    points = np.random.default_rng(0).normal(size=(200, 3))
    words = np.where(points[:, 0] > 0, "right", "left")
    run = gossipfl.simulate(data=gossipfl.Dataset.of(points, words), topology="ring", peers=4, rounds=5)
    assert run.summary["accuracy_mean"] > 0.9
    slopes = gossipfl.Dataset.of(points, 100 + points @ [1.0, 2.0, 3.0], name="slopes")
    assert (slopes.name, slopes.classes) == ("slopes", None)
    assert gossipfl.simulate(data=slopes, topology="ring", peers=4, rounds=5).summary["r2_mean"] > 0.9
    assert np.allclose(slopes.targets * slopes.target_scale + slopes.target_mean, 100 + points @ [1, 2, 3])


@pytest.mark.parametrize("targets", [[3, 1, 3, 7], ["c", "a", "c", "g"], [True, False, True, True]])
def test_targets_that_are_not_floats_are_classes(targets: list[Any]) -> None:
    dataset = gossipfl.Dataset.of(np.zeros((4, 2)), targets)
    assert dataset.classes == tuple(str(label) for label in sorted(set(targets)))
    assert [dataset.classes[target] for target in dataset.targets] == [str(label) for label in targets]


@pytest.mark.parametrize(
    ("features", "targets", "words"),
    [
        ([[1.0], [2.0]], [1, 0, 1], "do not fit together"),
        ([1.0, 2.0], [1, 0], "do not fit together"),
        (np.zeros((0, 2)), [], "do not fit together"),
        ([[1.0], [np.nan]], [1, 0], "missing or infinite"),
        ([[1.0], [2.0]], [1.0, np.inf], "missing or infinite"),
        ([["a"], ["b"]], [1, 0], "not all numbers"),
        ([[1.0], [2.0]], [1, 1], "two classes or more"),
        ([[1.0], [2.0]], [1.5, 1.5], "that differ"),
    ],
)
def test_arrays_that_are_no_data_are_refused(features: Any, targets: Any, words: str) -> None:
    with pytest.raises(DataError, match=words):
        gossipfl.Dataset.of(features, targets)


def test_a_huge_graph_has_no_spectral_gap_worth_waiting_for() -> None:
    from gossipfl.experiment.federation import GAP_PEERS_MAX, build
    from gossipfl.experiment.meeting import Meeting

    federation = build(gossipfl.Experiment(), dataset=gossipfl.load_dataset("wine"))
    assert federation.spectral_gap
    edges = [(peer, peer + 1) for peer in range(GAP_PEERS_MAX)]
    chain = gossipfl.Topology.from_edges(GAP_PEERS_MAX + 1, edges)
    assert replace(federation, meeting=Meeting(chain)).spectral_gap is None


def test_a_networkx_graph_and_a_pair_of_arrays_are_taken_as_they_are() -> None:
    features = np.linspace(-1, 1, 60)[:, None]
    run = gossipfl.simulate(topology=nx.petersen_graph(), data=(features, features[:, 0] > 0), rounds=2)
    assert run.summary["peers"] == 10


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"topology": nx.petersen_graph(), "peers": 8}, "leave out peers"),
        ({"topology": nx.Graph([(0, 1), (2, 3)])}, "components|parts"),
        ({"rules": (lambda *_: True,)}, "let it return Pass"),
    ],
)
def test_an_object_that_cannot_serve_is_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(gossipfl.UserError, match=words):
        gossipfl.simulate(rounds=1, **settings)


@dataclass(frozen=True)
class Counting:
    """The mean of nobody but oneself, counted."""

    calls: list[int] = field(default_factory=list)

    def __call__(self, own: Array, heard: Array, own_weight: Array, weights: Array) -> Array:
        self.calls.append(heard.shape[-2])
        return own


def test_an_aggregator_of_ones_own_serves_the_algorithm_that_is_named() -> None:
    own = Counting()
    run = gossipfl.simulate(algorithm="gradient-tracking", aggregator=own, **SMALL)
    assert len(own.calls) == 4 * 3  # 4 peers, 3 rounds
    assert run.settings["learning"]["algorithm"] == "gradient-tracking"


def test_an_algorithm_and_an_aggregator_of_ones_own_are_one_too_many() -> None:
    with pytest.raises(gossipfl.UserError, match="leave out aggregator"):
        gossipfl.simulate(algorithm=gossipfl.Dpsgd(), aggregator=Counting(), **SMALL)


def test_what_a_peer_keeps_back_judges_it_apart() -> None:
    run = gossipfl.simulate(local_test_fraction=0.3, split="shards", data="wine", peers=4, rounds=3)
    last = [r for r in run.records if r["kind"] == "evaluation" and r["round"] == 3]
    assert len({round(r["accuracy_local"], 6) for r in last}) > 1
    assert run.summary["accuracy_local"] == pytest.approx(np.mean([r["accuracy_local"] for r in last]))
    assert "own test parts" in run.table()
    assert "own test parts" not in gossipfl.simulate(**SMALL).table()


def test_a_key_that_two_sections_have_is_to_be_said_with_its_section() -> None:
    with pytest.raises(gossipfl.UserError, match=r"learning and robust: .* model={\"options\": \.\.\.}"):
        gossipfl.simulate(options={"factory": "net.py:line"})
    slow: dict[str, Any] = {"slow": {1: 2.0}, "slow_down": ["1@1-2x2"], "peers": 3}
    assert gossipfl.simulate(**{**SMALL, **slow}).summary["finished"] == 3
