"""Free peers on real sockets: they meet in pairs, keep the sum, and wait for nobody who is slow."""

from __future__ import annotations

import socket
import threading
from contextlib import ExitStack
from typing import Any

import numpy as np
import pytest
import trio
from hosts import IDENTITIES, still

from gossipfl.learn.algorithms.merge_update import MergeUpdate
from gossipfl.learn.algorithms.pair_averaging import PairAveraging
from gossipfl.learn.contracts import Array
from gossipfl.node import runner
from gossipfl.node.links import Links
from gossipfl.protocol.events import RoundClosed
from gossipfl.protocol.free_peer import FreePeer
from gossipfl.protocol.identity import Address, Neighbour, Roster
from gossipfl.protocol.layout import layout_of
from gossipfl.protocol.manifest import Manifest
from gossipfl.protocol.session import Speaker
from gossipfl.protocol.targets import Neighbours

CYCLES = 25
TERMS = Manifest.of("free", CYCLES, layout_of((np.zeros(3),)))


def free_ports(count: int) -> list[int]:
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]


def idle(number: int, vector: Array) -> Array:
    return vector


def one_more(number: int, vector: Array) -> Array:
    return vector + 1


class Circle:
    """Four nodes, each with all others for neighbours; the model of node n begins at n."""

    def __init__(self, algorithm: Any, fit: Any = idle, on_last: Any = None, **settings: Any) -> None:
        everybody = [
            Neighbour(f"n{number}", Address("127.0.0.1", port), identity.key)
            for number, (identity, port) in enumerate(zip(IDENTITIES, free_ports(4), strict=True))
        ]
        self._on_last = on_last  # called once three have closed their last cycles
        self.closed: dict[int, list[int]] = {number: [] for number in range(4)}
        self.peers, self._nodes = [], []
        for number, identity in enumerate(IDENTITIES):
            others = tuple(other for other in everybody if other.key != identity.key)
            peer = FreePeer(
                number,
                algorithm,
                np.full(3, float(number)),
                Neighbours(tuple(other.number for other in others)),
                rounds=CYCLES,
                samples=10,
                seed=0,
                epoch=1,
                **settings,
            )
            roster = Roster(f"n{number}", identity.key, others)
            speaker = Speaker(identity, f"n{number}", 1, TERMS)
            links = Links(speaker, roster, everybody[number].address, lambda _: None)
            self.peers.append(peer)
            self._nodes.append((peer, links, self._fit(number, fit), self._recorder(number)))

    def run(self) -> Array:
        async def main() -> None:
            with trio.fail_after(20):
                async with trio.open_nursery() as nursery:
                    for node in self._nodes:
                        nursery.start_soon(runner.run, *node)

        trio.run(main, clock=still())
        return np.stack([peer.model for peer in self.peers])

    def _fit(self, number: int, fit: Any) -> runner.Fit:
        def fitted(vector: Array, round: int, drift: Array | None) -> Array:
            return np.asarray(fit(number, vector))

        return fitted

    def _recorder(self, number: int) -> Any:
        def record(what: runner.Record) -> None:
            if isinstance(what, RoundClosed):
                self.closed[number].append(what.round)
                if self._on_last and sum(CYCLES in rounds for rounds in self.closed.values()) == 3:
                    self._on_last()

        return record


def test_the_sum_is_kept_on_real_sockets() -> None:
    models = Circle(PairAveraging(), period_s=0.02).run()
    np.testing.assert_allclose(models.mean(axis=0), 1.5, rtol=0, atol=1e-12)
    assert models.std(axis=0).max() < 0.2


def test_nobody_waits_for_a_trainer_that_hangs() -> None:
    others_are_done = threading.Event()

    def fit(number: int, vector: Array) -> Array:
        if number == 2:
            others_are_done.wait(15)
        return vector

    circle = Circle(PairAveraging(), fit, on_last=others_are_done.set, period_s=0.02)
    circle.run()
    assert others_are_done.is_set()


@pytest.mark.parametrize("exchange", ["push", "pull"])
def test_models_that_wander_are_trained_where_they_come(exchange: str) -> None:
    settings = {"period_s": 0.05, "trains": "on-hearing", "exchange": exchange}
    circle = Circle(MergeUpdate(), one_more, **settings)
    assert circle.run().min() > CYCLES / 8
    assert all(rounds[-1] == CYCLES for rounds in circle.closed.values())
