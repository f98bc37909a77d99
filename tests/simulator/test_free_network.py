"""Free peers in virtual time: nobody waits, sums are kept, and the slow end with the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import pytest
from worlds import Graph, complete, ring

from gossipfl.data import load_dataset
from gossipfl.draws import Draws
from gossipfl.learn.algorithms.dpsgd import Dpsgd
from gossipfl.learn.algorithms.merge_update import MergeUpdate
from gossipfl.learn.algorithms.pair_averaging import PairAveraging
from gossipfl.learn.algorithms.partitioned import Partitioned
from gossipfl.learn.algorithms.random_walk import RandomWalk
from gossipfl.learn.algorithms.sampled import Sampled
from gossipfl.learn.contracts import Array, Samples
from gossipfl.learn.models import softmax
from gossipfl.learn.pegasos import Pegasos
from gossipfl.learn.training import Training
from gossipfl.protocol.events import Peer, Record, Refused, RoundClosed
from gossipfl.protocol.flow import TokenAccount
from gossipfl.protocol.free_peer import FreePeer
from gossipfl.protocol.messages import Message, PeerId
from gossipfl.protocol.round_peer import RoundPeer
from gossipfl.protocol.targets import Neighbours
from gossipfl.simulator.faults import Latency, Loss, Rule, Schedule
from gossipfl.simulator.network import Network


def unchanged(peers: Array, vectors: Array, round: int, drifts: Array | None = None) -> Array:
    return vectors


@dataclass
class FreeWorld:
    """`run()` it, then ask it; peers begin at their numbers, and training changes what `fit` does."""

    neighbours: Graph
    algorithm: Any = field(default_factory=PairAveraging)
    rounds: int = 30
    first: Array | None = None  # (n, d)
    fit: Any = unchanged
    latency_s: float = 0.01
    loss: float = 0.0
    training_s: float = 1.0
    slow: dict[PeerId, float] = field(default_factory=dict)
    schedule: Schedule = field(default_factory=Schedule)
    samples: Sequence[int] = ()
    in_step: bool = False
    everybody: bool = False  # anybody may be spoken to, and nobody is announced
    settings: dict[str, Any] = field(default_factory=dict)

    def run(self) -> FreeWorld:
        self.peers: dict[PeerId, Any] = {}
        self.closed: dict[PeerId, list[tuple[float, RoundClosed]]] = {}
        self.refused: list[Refused] = []
        rules: list[Rule] = [Latency(self.latency_s), *([Loss(self.loss, 1)] if self.loss else [])]
        self.network = Network(
            [()] * len(self.neighbours) if self.everybody else self.neighbours,
            self._new_peer,
            self.fit,
            rules=rules,
            training_s=lambda peer: self.training_s * self.slow.get(peer, 1.0),
            schedule=self.schedule,
            message_bytes=_no_bytes,
            observe=self._observe,
            killed=lambda *_: None,
        )
        self.network.run()
        return self

    @property
    def models(self) -> Array:
        return np.stack([self.peers[peer].model for peer in sorted(self.peers)])

    def ended_s(self, peer: PeerId) -> list[float]:
        return [now for now, _ in self.closed[peer]]

    def _new_peer(self, number: PeerId, epoch: int) -> Peer:
        count = len(self.neighbours)
        first = np.full(2, float(number)) if self.first is None else self.first[number]
        targets = Neighbours(range(count) if self.everybody else tuple(self.neighbours[number]))
        given: dict[str, Any] = {"rounds": self.rounds, "seed": 0, "epoch": epoch}
        samples = self.samples[number] if self.samples else 10
        if self.in_step:
            self.peers[number] = RoundPeer(number, self.algorithm, first, targets, samples=samples, **given)
        else:
            free = {"period_s": 0.0, "gather_s": None if self.everybody else 30.0} | given | self.settings
            self.peers[number] = FreePeer(number, self.algorithm, first, targets, samples=samples, **free)
        return cast("Peer", self.peers[number])

    def _observe(self, peer: PeerId, now: float, record: Record) -> None:
        if isinstance(record, Refused):
            self.refused.append(record)
        elif isinstance(record, RoundClosed):
            self.closed.setdefault(peer, []).append((now, record))


def _no_bytes(message: Message) -> int:
    return 0


@pytest.mark.parametrize("graph", [ring(9), complete(6)], ids=["ring", "complete"])
@pytest.mark.parametrize("latency_s", [0.0, 0.3, 0.8])
def test_averaging_in_pairs_keeps_the_mean(graph: Graph, latency_s: float) -> None:
    world = FreeWorld(graph, latency_s=latency_s, slow={1: 2.3, 4: 0.6}).run()
    wanted = np.full(2, (len(graph) - 1) / 2)
    np.testing.assert_allclose(world.models.mean(axis=0), wanted, rtol=0, atol=1e-12)
    assert world.models.std(axis=0).max() < 0.2 * np.std(range(len(graph)))


def test_with_sample_counts_the_mean_by_samples_is_kept() -> None:
    samples = [1, 2, 3, 40]
    world = FreeWorld(complete(4), rounds=80, samples=samples, latency_s=0.2).run()
    wanted = np.average(range(4), weights=samples)
    np.testing.assert_allclose(np.average(world.models, axis=0, weights=samples), wanted, rtol=0, atol=1e-12)
    np.testing.assert_allclose(world.models, wanted, rtol=0, atol=1e-2)


def test_what_is_trained_meanwhile_is_not_lost() -> None:
    """Each peer adds 1 to its model in every cycle, and the sum is that of what was there and was added."""

    def add(peers: Array, vectors: Array, round: int, drifts: Array | None = None) -> Array:
        return vectors + 1.0

    world = FreeWorld(ring(8), fit=add, latency_s=0.4).run()
    assert world.models.mean() == pytest.approx(3.5 + 30, abs=1e-12 * 40)


def test_a_lost_answer_costs_one_difference_alone() -> None:
    world = FreeWorld(ring(8), loss=0.2, rounds=60).run()
    assert abs(world.models.mean() - 3.5) < 1.0
    assert np.isfinite(world.models).all()
    assert world.models.std(axis=0).max() < 0.5


@pytest.mark.parametrize("exchange", ["push", "pull", "push-pull"])
def test_all_exchanges_come_to_agree(exchange: str) -> None:
    world = FreeWorld(complete(8), Dpsgd(), rounds=60, settings={"exchange": exchange}).run()
    assert world.models.std(axis=0).max() < 1e-3
    assert not world.refused


@pytest.mark.parametrize("exchange", ["push", "pull", "push-pull"])
def test_a_peer_ten_times_slower_slows_nobody(exchange: str) -> None:
    settings = {"exchange": exchange}
    swift = FreeWorld(ring(8), settings=settings).run()
    with_slow = FreeWorld(ring(8), slow={0: 10.0}, settings=settings).run()
    for peer in range(1, 8):
        assert with_slow.ended_s(peer)[:-1] == pytest.approx(swift.ended_s(peer)[:-1])
        assert with_slow.ended_s(peer)[-1] <= swift.ended_s(peer)[-1] + 2.0 + 1e-9  # the last answer
    assert 0 in with_slow.network.finished
    assert with_slow.ended_s(0)[-1] <= swift.ended_s(0)[-1] + 2 * 10.0
    assert len(with_slow.closed[0]) < 10


def test_the_same_seed_gives_the_same_run() -> None:
    one, other = (FreeWorld(ring(6), loss=0.1, latency_s=0.3).run() for _ in range(2))
    assert one.network.trace_hash == other.network.trace_hash
    assert one.models.tobytes() == other.models.tobytes()


def test_who_comes_back_adopts_what_the_others_have() -> None:
    def pull_to_hundred(peers: Array, vectors: Array, round: int, drifts: Array | None = None) -> Array:
        return vectors + 0.2 * (100.0 - vectors)

    schedule = Schedule(kills={2: 10}, restarts={2: 40})
    world = FreeWorld(complete(5), fit=pull_to_hundred, rounds=60, schedule=schedule).run()
    first_life = [record for _, record in world.closed[2] if record.round < 10]
    second_life = [record for _, record in world.closed[2] if record.round > 30]
    assert first_life
    assert second_life[0].vector.min() > 95.0
    assert second_life[-1].round == 60


@pytest.mark.parametrize("exchange", ["push", "pull", "push-pull"])
@pytest.mark.parametrize("algorithm", [Dpsgd(), PairAveraging(), Partitioned(2), Sampled(0.5)], ids=repr)
def test_loss_a_crash_and_a_late_joiner_cost_no_agreement(algorithm: Any, exchange: str) -> None:
    """All are drawn to 100; a tenth of what they say is lost, one dies, one comes late."""

    def draw(peers: Array, vectors: Array, round: int, drifts: Array | None = None) -> Array:
        return vectors + 0.1 * (100.0 - vectors)

    world = FreeWorld(
        complete(8), algorithm, rounds=80, fit=draw, loss=0.1, latency_s=0.1, slow={3: 4.0},
        schedule=Schedule(kills={2: 20, 6: 1}, restarts={6: 30}), settings={"exchange": exchange},
    ).run()  # fmt: skip
    alive = [peer for peer in range(8) if peer != 2]
    assert world.network.finished == set(alive)
    models = np.stack([world.peers[peer].model for peer in alive])
    assert np.isfinite(models).all()
    assert np.abs(models - 100.0).max() < 3.0  # whoever hears samples alone adopts but a part
    assert world.closed[6][0][1].round > 20


def test_whoever_loses_all_neighbours_goes_on_alone() -> None:
    world = FreeWorld(ring(2), schedule=Schedule(kills={1: 5})).run()
    assert [record.round for _, record in world.closed[0]] == list(range(1, 31))


def test_tokens_cost_no_more_messages_than_periods() -> None:
    settings = {"exchange": "push", "trains": "on-hearing", "period_s": 1.0, "tokens": TokenAccount(8, 4)}
    peers, rounds = 20, 100
    world = FreeWorld(complete(peers), MergeUpdate(), rounds, training_s=0.0, settings=settings).run()
    assert 0.8 * peers * rounds < world.network.traffic.messages_sent <= peers * rounds


def test_models_that_walk_among_peers_with_one_record_learn() -> None:
    """Merging makes it faster: Ormandi et al. 2013, for peers who meet anybody and know nobody."""
    draws, peers = Draws(4), 300
    inputs = draws.normal("inputs", 2 * peers * 6).reshape(-1, 6)
    targets = (inputs @ draws.normal("plane", 6) > 0).astype(np.int64)
    model = Pegasos(6, Training(batch=1, epochs=1), "float64")
    train = Samples.parts(inputs, targets, [np.array([row]) for row in range(peers)])
    test = Samples(inputs, targets, np.arange(peers, 2 * peers), np.asarray(peers))

    def fit(who: Array, vectors: Array, round: int, drifts: Array | None = None) -> Array:
        return model.fit(vectors, train.of(who), Draws(0, who, round))

    def accuracy(algorithm: Any, rounds: int) -> float:
        world = FreeWorld(
            [()] * peers, algorithm, rounds, first=np.zeros((peers, model.size)), fit=fit,
            training_s=0.0, everybody=True,
            settings={"exchange": "push", "trains": "on-hearing", "period_s": 1.0},
        ).run()  # fmt: skip
        assert world.network.traffic.messages_sent == peers * rounds
        return float(model.score(world.models, test)["accuracy"].mean())

    merged = accuracy(MergeUpdate(aged=True), 20)
    assert merged > 0.85
    assert merged > accuracy(RandomWalk(), 20) + 0.03


def test_free_peers_are_as_good_as_those_in_step() -> None:
    """AD-PSGD against D-PSGD on digits, 12 peers, and with one that is ten times slower."""
    data = load_dataset("digits")
    inputs, targets = data.features.astype(np.float32), data.targets
    order = Draws(0).permutation("rows", len(targets))
    parts = np.array_split(order[:1440], 12)
    model = softmax(inputs.shape[1], 10, Training(learning_rate=0.3, epochs=1))
    train = Samples.parts(inputs, targets, list(parts))
    test = Samples(inputs, targets, order[1440:], np.asarray(len(order) - 1440))

    def fit(who: Array, vectors: Array, round: int, drifts: Array | None = None) -> Array:
        return model.fit(vectors, train.of(who), Draws(0, who, round))

    def accuracy(algorithm: Any, **given: Any) -> float:
        first = np.zeros((12, model.size), np.float32)
        world = FreeWorld(ring(12), algorithm, 30, first=first, fit=fit, **given).run()
        return float(model.score(world.models, test)["accuracy"].mean())

    in_step = accuracy(Dpsgd(), in_step=True)
    assert in_step > 0.9
    assert accuracy(PairAveraging()) >= in_step - 0.005
    assert accuracy(PairAveraging(), slow={3: 10.0}) >= in_step - 0.005
