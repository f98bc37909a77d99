"""Peers that go on from what an earlier life of theirs kept, as bytes: nothing counts twice or is lost."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from quadratics import Quadratics
from worlds import Graph, ring

from gossipfl.learn.registry import ALGORITHMS, build_algorithm
from gossipfl.node.checkpoint import Checkpoint, Terms, encode, read_checkpoint
from gossipfl.protocol.correspondence import corresponding
from gossipfl.protocol.events import Effect, Event, Note, RoundClosed
from gossipfl.protocol.layout import layout_of
from gossipfl.protocol.memory import Memory, flat
from gossipfl.protocol.messages import PeerId
from gossipfl.protocol.round_peer import RoundPeer
from gossipfl.simulator.faults import Latency, Schedule

PEERS, SAMPLES = 6, (10, 20, 15, 10, 20, 15)
CHAIN: Graph = [[1], [0, 2], [1, 3], [2, 4], [3, 5], [4]]


class Keeper:
    """A peer whose driver keeps what it remembers of each round."""

    def __init__(self, peer: RoundPeer, kept: list[Memory]) -> None:
        self._peer = peer
        self._kept = kept

    def handle(self, event: Event, now: float) -> list[Effect]:
        effects = self._peer.handle(event, now)
        for effect in effects:
            if isinstance(effect, Note) and isinstance(effect.record, RoundClosed):
                self._kept.append(self._peer.memory(effect.record.round))
        return effects


@dataclass
class Resuming(Quadratics):
    """Whoever is started again goes on from its last checkpoint, or from the one `lost` rounds before."""

    lost: int = 0

    def __post_init__(self) -> None:
        self.kept: dict[PeerId, list[Memory]] = {peer: [] for peer in range(len(self.graph))}
        self.resumed: list[RoundPeer] = []
        super().__post_init__()

    def _new_peer(self, number: PeerId, epoch: int) -> RoundPeer:
        peer, kept = super()._new_peer(number, epoch), self.kept[number]
        if epoch and kept:
            del kept[len(kept) - self.lost :]
            peer.resume(self._read(kept[-1], epoch))
            assert np.array_equal(peer.model, kept[-1].state[0])
            self.resumed.append(peer)
        return Keeper(peer, kept)  # type: ignore[return-value]

    def _read(self, memory: Memory, epoch: int) -> Memory:
        """What a file gives back."""
        algorithm, vector = self.new_algorithm(), np.zeros(3)
        state = layout_of(flat(algorithm.start(vector)))
        terms = Terms(b"key", (("run", b"one"),), state, corresponding(algorithm, vector).layouts[1])
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "checkpoint"
            path.write_bytes(b"".join(bytes(piece) for piece in encode(Checkpoint(1, epoch, memory), terms)))
            return read_checkpoint(path, terms).memory


def world(name: str, rate: float, rounds: int, schedule: Schedule, lost: int = 0) -> Resuming:
    method = ALGORITHMS[name]
    world = Resuming(
        lambda: build_algorithm(name, compressor="int8" if "compressor" in method.needs else None),
        CHAIN if "tree" in method.needs else ring(PEERS),
        rounds,
        rate,
        rules=(Latency(0.01),),
        schedule=schedule,
        samples=SAMPLES,
        lost=lost,
    )
    world.run()
    assert len(world.resumed) == len(schedule.restarts)
    assert len(world.network.finished) == PEERS
    return world


BACK = Schedule(kills={2: 40, 5: 50}, restarts={2: 44, 5: 70})
RATES = {"exact-diffusion": 0.35, "extra": 0.35, "local-exact-diffusion": 0.35, "relay": 0.3}


@pytest.mark.parametrize("lost", [0, 1])
@pytest.mark.parametrize("name", RATES)
def test_what_flowed_is_taken_back_by_both_sides_so_that_exact_methods_stay_exact(
    name: str, lost: int
) -> None:
    back = world(name, RATES[name], 260, BACK, lost)
    assert back.error(back.optimum()) < 1e-9


FREE = {"pair-averaging", "random-walk", "merge-update", "update-merge", "partitioned", "sampled"}


@pytest.mark.parametrize("name", sorted(set(ALGORITHMS) - set(RATES) - FREE))
def test_a_peer_that_goes_on_costs_no_algorithm_anything(name: str) -> None:
    """A peer killed while it trains: what it had heard and said by then is in its checkpoint."""
    calm, back = world(name, 0.025, 240, Schedule()), world(name, 0.025, 240, BACK)
    assert back.error(calm.models) < 0.02
    assert back.spread < calm.spread + 0.01


def test_what_is_tracked_keeps_its_sum_unless_something_was_said_after_the_last_checkpoint() -> None:
    exact = world("gradient-tracking", 0.12, 300, BACK)
    assert exact.error(exact.optimum()) < 1e-9
    counted_twice = world("gradient-tracking", 0.12, 300, BACK, lost=1)
    assert 1e-6 < counted_twice.error(counted_twice.optimum()) < 1e-3
