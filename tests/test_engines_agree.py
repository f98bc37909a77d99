"""The network in virtual time, real sockets and the crowd compute the same models."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Any

import numpy as np
import pytest
import trio

from gossipfl.api import experiment_of
from gossipfl.draws import Draws
from gossipfl.engines import network_of
from gossipfl.errors import SettingsError
from gossipfl.experiment.crowd import crowd_of, refuse_crowd
from gossipfl.experiment.federation import Federation, build
from gossipfl.learn.compressors import COMPRESSORS
from gossipfl.learn.contracts import Array, Compressed
from gossipfl.learn.registry import ALGORITHMS
from gossipfl.node import runner
from gossipfl.node.links import Links
from gossipfl.protocol.correspondence import corresponding
from gossipfl.protocol.events import Record, Regarded, RoundClosed
from gossipfl.protocol.identity import Address, Identity, Neighbour, Roster
from gossipfl.protocol.manifest import Manifest
from gossipfl.protocol.messages import Message, PeerId, Traffic, Update
from gossipfl.protocol.round_peer import Phase, RoundPeer
from gossipfl.protocol.session import Speaker
from gossipfl.protocol.targets import Neighbours, Scheduled, Targets
from gossipfl.simulator.faults import Lost, Pass, Rule, Verdict
from gossipfl.simulator.shelf import shelf
from gossipfl.simulator.workers import workers

PEERS, ROUNDS = 4, 5
EPOCH = 1  # boot epochs begin at 1
TOLERANCES = {"float64": 1e-12, "float32": 1e-5}


def federation_of(
    graph: str, dtype: str, robust: Mapping[str, object] | None = None, **learning: Any
) -> Federation:
    return build(
        experiment_of(
            {
                "topology": {"kind": graph, "peers": PEERS},
                "data": {"dataset": "wine", "split": "dirichlet"},
                "model": {"kind": "softmax", "dtype": dtype},
                "learning": {"rounds": ROUNDS, "epochs": 1, **learning},
                "robust": robust or {},
            }
        )
    )


def cases() -> Iterator[tuple[str, str, str | None]]:
    """Each algorithm, with each compressor that it takes, on a graph or a schedule that suits it."""
    for name, method in ALGORITHMS.items():
        graph = "path" if "tree" in method.needs else "ring"
        for compressor in COMPRESSORS if "compressor" in method.needs else (None,):
            yield graph, name, compressor
    for schedule in ("one-peer-exponential", "base", "directed-exponential", "random-peers"):
        yield schedule, "dpsgd", None
    yield "one-peer-exponential", "push-sum", None
    yield "random-peers", "gradient-tracking", None
    yield "base", "deepsqueeze", "int8"


def simulated(federation: Federation, *rules: Rule) -> Array:
    """The models (n, d) that the simulator comes to."""
    last: dict[PeerId, Array] = {}

    def observe(peer: PeerId, _: float, record: Record) -> None:
        if isinstance(record, Regarded):
            return  # whom one lost message makes fall silent in code
        assert isinstance(record, RoundClosed)
        last[peer] = record.vector

    network = network_of(federation, observe, lambda *_: None, rules)
    network.run()
    assert network.traffic.messages_sent == messages_of(federation)
    return np.stack([last[peer] for peer in range(PEERS)])


def crowded(federation: Federation) -> Array:
    """The models (n, d) that the crowd comes to."""
    with shelf() as kept, workers(2) as hands:
        crowd = crowd_of(federation, kept, hands)
        assert sum(crowd.round(round) for round in range(1, ROUNDS + 1)) == messages_of(federation)
        return crowd.models(np.arange(PEERS))


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
            speaker = Speaker(identity, f"n{number}", EPOCH, manifest_of(federation))
            roster = Roster(f"n{number}", identity.key, neighbours)
            links = Links(speaker, roster, members[number].address, lambda _: None)

            spoken.append(links.spoken)

            def fit(vector: Array, round: int, drift: Array | None, number: int = number) -> Array:
                draws = Draws(federation.experiment.run.seed, number, round)
                return federation.model.fit(vector, federation.train.of(number), draws, drift)

            def losses(vectors: Array, round: int, number: int = number) -> Array:
                return federation.losses(number, vectors, round)

            nursery.start_soon(runner.run, peers[-1], links, fit, lambda _: None, losses)
    assert all(peer.phase is Phase.FINISHED and peer.round == ROUNDS for peer in peers)
    assert sum(traffic.messages_sent for traffic in spoken) == messages_of(federation)
    return np.stack([peer.model for peer in peers])


def messages_of(federation: Federation) -> int:
    """One update for each whom the graph or the schedule lets a peer speak to, in each round."""
    return sum(
        len(federation.targets(peer).speaks_to(round))
        for peer in range(PEERS)
        for round in range(1, ROUNDS + 1)
    )


def new_peer(federation: Federation, number: int, neighbours: tuple[Neighbour, ...]) -> RoundPeer:
    return RoundPeer(
        number,
        federation.algorithm,
        federation.start(),
        targets_of(federation, number, neighbours),
        rounds=ROUNDS,
        samples=int(federation.train.counts[number]),
        seed=federation.experiment.run.seed,
        epoch=EPOCH,
    )


def targets_of(federation: Federation, number: int, neighbours: tuple[Neighbour, ...]) -> Targets:
    keys, schedule = [neighbour.number for neighbour in neighbours], federation.meeting.schedule
    if schedule is None:
        return Neighbours(tuple(keys))
    return Scheduled(schedule, number, dict(zip(federation.topology.neighbours(number), keys, strict=True)))


def manifest_of(federation: Federation) -> Manifest:
    return Manifest.of("agree", ROUNDS, *corresponding(federation.algorithm, federation.start()).layouts)


def free_ports(count: int) -> list[int]:
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]


def on_real_sockets(federation: Federation) -> Array:
    async def within_seconds() -> Array:
        with trio.fail_after(20):
            return await on_sockets(federation)

    return trio.run(within_seconds)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("graph", ["complete", "ring"])
def test_all_engines_give_the_same_models(graph: str, dtype: str) -> None:
    agree(federation_of(graph, dtype), TOLERANCES[dtype])


@pytest.mark.parametrize(("graph", "algorithm", "compressor"), [*cases()])
def test_they_do_for_each_algorithm_compressor_and_schedule(
    graph: str, algorithm: str, compressor: str | None
) -> None:
    named = {"compressor": compressor} if compressor else {}
    agree(federation_of(graph, "float64", None, algorithm=algorithm, **named), TOLERANCES["float64"])


RULES_AGREE = {
    "nearby": "dpsgd",
    "nnm+trimmed-mean": "dpsgd",
    "bucketing+median": "dpsgd",
    "krum": "momentum",
    "clipping": "quasi-global",
    "ubar": "combine-then-adapt",
    "balance": "gradient-tracking",
}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("rule", "algorithm"), RULES_AGREE.items())
def test_they_do_for_rules_against_attackers(rule: str, algorithm: str, dtype: str) -> None:
    attackers = 0 if rule == "krum" else 1
    robust = {"rule": rule, "attackers": attackers}
    agree(federation_of("complete", dtype, robust, algorithm=algorithm), TOLERANCES[dtype])


def agree(federation: Federation, tolerance: float) -> None:
    """Whatever runs it, `federation` comes to the same models, but not if one update is lost.

    A rule may leave that one out anyway: there all that peer 1 should hear in the last round are lost.
    """
    real, virtual = on_real_sockets(federation), simulated(federation)
    assert real.dtype == virtual.dtype == federation.model.dtype
    assert np.abs(real - virtual).max() <= tolerance
    if isinstance(federation.algorithm, Compressed) and federation.meeting.schedule is not None:
        with pytest.raises(SettingsError, match="need one graph for all rounds in a crowd"):
            refuse_crowd(federation)
    else:
        assert np.abs(real - crowded(federation)).max() <= tolerance
    assert np.abs(real - federation.start()).max() > 0.1
    robust = federation.defence.attackers > 0
    senders, lost_in = federation.targets(1).waits_for(2)[: None if robust else 1], ROUNDS if robust else 2

    def one_is_lost(source: PeerId, to: PeerId, message: Message, now: float) -> Verdict:
        it = isinstance(message, Update) and source in senders and (to, message.round) == (1, lost_in)
        return Lost() if it else Pass()

    assert np.abs(real - simulated(federation, one_is_lost)).max() > 100 * tolerance
