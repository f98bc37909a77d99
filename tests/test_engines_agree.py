"""The simulator and real sockets compute the same models."""

from __future__ import annotations

import socket
from contextlib import ExitStack

import numpy as np
import pytest
import trio

from gossipfl.api import experiment_of, network_of
from gossipfl.draws import Draws
from gossipfl.experiment.federation import Federation, build
from gossipfl.learn.contracts import Array
from gossipfl.node import runner
from gossipfl.node.links import Links
from gossipfl.protocol.events import Refused, RoundClosed
from gossipfl.protocol.identity import Address, Identity, Neighbour, Roster
from gossipfl.protocol.layout import layout_of
from gossipfl.protocol.manifest import Manifest
from gossipfl.protocol.messages import Message, PeerId, Traffic, Update
from gossipfl.protocol.round_peer import Phase, RoundPeer
from gossipfl.protocol.session import Speaker
from gossipfl.protocol.targets import Neighbours
from gossipfl.simulator.faults import Lost, Pass, Rule, Verdict

PEERS, ROUNDS = 4, 5
TOLERANCES = {"float64": 1e-12, "float32": 1e-5}


def federation_of(graph: str, dtype: str) -> Federation:
    settings = {"kind": "softmax", "dtype": dtype}
    learning = {"rounds": ROUNDS, "epochs": 1}
    return build(
        experiment_of(
            {
                "topology": {"kind": graph, "peers": PEERS},
                "data": {"dataset": "wine", "split": "dirichlet"},
                "model": settings,
                "learning": learning,
            }
        )
    )


def simulated(federation: Federation, *rules: Rule) -> Array:
    """The models (n, d) that the simulator comes to."""
    last: dict[PeerId, Array] = {}

    def observe(peer: PeerId, _: float, record: RoundClosed | Refused) -> None:
        assert isinstance(record, RoundClosed)
        last[peer] = record.vector

    network = network_of(federation, observe, lambda *_: None, rules)
    network.run()
    assert network.traffic.messages_sent == messages_of(federation)
    return np.stack([last[peer] for peer in range(PEERS)])


async def on_sockets(federation: Federation) -> Array:
    """The models (n, d) that peers on loopback sockets come to, with TLS, signatures and threads."""
    identities = sorted(
        (Identity(bytes([number]) * 32) for number in range(1, PEERS + 1)),
        key=lambda identity: Neighbour("any", Address("127.0.0.1", 1), identity.key).number,
    )
    members = [
        Neighbour(f"n{number}", Address("127.0.0.1", port), identity.key)
        for number, (identity, port) in enumerate(zip(identities, free_ports(PEERS), strict=True))
    ]
    peers: list[RoundPeer] = []
    spoken: list[Traffic] = []
    async with trio.open_nursery() as nursery:
        for number, identity in enumerate(identities):
            neighbours = tuple(members[other] for other in federation.topology.neighbours(number))
            peers.append(new_peer(federation, number, neighbours))
            speaker = Speaker(identity, f"n{number}", 0, manifest_of(federation))
            roster = Roster(f"n{number}", identity.key, neighbours)
            links = Links(speaker, roster, members[number].address, lambda _: None)

            spoken.append(links.spoken)

            def fit(vector: Array, round: int, number: int = number) -> Array:
                draws = Draws(federation.experiment.run.seed, number, round)
                return federation.model.fit(vector, federation.train.of(number), draws)

            nursery.start_soon(runner.run, peers[-1], links, fit, lambda _: None)
    assert all(peer.phase is Phase.FINISHED and peer.round == ROUNDS for peer in peers)
    assert sum(traffic.messages_sent for traffic in spoken) == messages_of(federation)
    return np.stack([peer.model for peer in peers])


def messages_of(federation: Federation) -> int:
    """One update on each link, each way, in each round."""
    return 2 * len(federation.topology.edges) * ROUNDS


def new_peer(federation: Federation, number: int, neighbours: tuple[Neighbour, ...]) -> RoundPeer:
    return RoundPeer(
        number,
        federation.algorithm,
        federation.start(),
        Neighbours(tuple(neighbour.number for neighbour in neighbours)),
        rounds=ROUNDS,
        samples=int(federation.train.counts[number]),
        seed=federation.experiment.run.seed,
    )


def manifest_of(federation: Federation) -> Manifest:
    return Manifest.of("agree", ROUNDS, layout_of((federation.start(),)))


def free_ports(count: int) -> list[int]:
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("graph", ["complete", "ring"])
def test_the_simulator_and_real_sockets_give_the_same_models(graph: str, dtype: str) -> None:
    federation = federation_of(graph, dtype)

    async def within_seconds() -> Array:
        with trio.fail_after(20):
            return await on_sockets(federation)

    real, virtual = trio.run(within_seconds), simulated(federation)
    assert real.dtype == virtual.dtype == np.dtype(dtype)
    assert np.abs(real - virtual).max() <= TOLERANCES[dtype]
    assert np.abs(real - federation.start()).max() > 0.1

    def one_is_lost(sender: PeerId, to: PeerId, message: Message, now: float) -> Verdict:
        it = isinstance(message, Update) and (sender, to, message.round) == (0, 1, 2)
        return Lost() if it else Pass()

    assert np.abs(real - simulated(federation, one_is_lost)).max() > 100 * TOLERANCES[dtype]
