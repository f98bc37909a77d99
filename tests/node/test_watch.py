"""Nodes on real sockets prove of one of them that it tells the others different things: it is shut out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import trio
from attackers import MEMBER, member, refused
from hosts import IDENTITIES, VECTOR, Host, manifest, run, speaker, update

from gossipfl.learn.algorithms.dpsgd import Dpsgd
from gossipfl.learn.contracts import Array
from gossipfl.node import runner
from gossipfl.node.runner import Record
from gossipfl.protocol.events import Effect, Event, Quarantined, RoundClosed, Send
from gossipfl.protocol.framing import FrameType, control_frame
from gossipfl.protocol.identity import Address, Neighbour
from gossipfl.protocol.messages import Doubt, PeerId, Proof, Shown, Update, Witness
from gossipfl.protocol.notary import Signed
from gossipfl.protocol.round_peer import RoundPeer
from gossipfl.protocol.session import Session
from gossipfl.protocol.targets import Neighbours
from gossipfl.protocol.watch import Watch

ROUNDS = 100
LIAR = IDENTITIES[3]
NUMBERS = [Neighbour("any", Address("127.0.0.1", 1), identity.key).number for identity in IDENTITIES]


class Liar:
    """Tells one of the others another model, and nobody anything of others."""

    def __init__(self, peer: Watch, victim: PeerId) -> None:
        self._peer = peer
        self._victim = victim

    def handle(self, event: Event, now: float) -> list[Effect]:
        effects = self._peer.handle(event, now)
        return [self._altered(effect) for effect in effects if not _is_of_others(effect)]

    def _altered(self, effect: Effect) -> Effect:
        if isinstance(effect, Send) and isinstance(effect.message, Update) and effect.to == self._victim:
            (vector,) = effect.message.payload
            return Send(effect.to, replace(effect.message, payload=(vector + np.float32(1),)))
        return effect


def _is_of_others(effect: Effect) -> bool:
    return isinstance(effect, Send) and isinstance(effect.message, Witness | Doubt | Shown | Proof)


def watching(place: int) -> Watch:
    """The peer at `place` of four, all of whom are neighbours."""
    others = [number for number in NUMBERS if number != NUMBERS[place]]
    targets = Neighbours(tuple(sorted(others)))
    peer = RoundPeer(NUMBERS[place], Dpsgd(), VECTOR, targets, rounds=ROUNDS, samples=10, seed=0, epoch=1)
    authors = {NUMBERS[other]: IDENTITIES[other].key for other in range(4) if other != place}
    return Watch(peer, targets, authors, Signed(manifest()))


def test_a_liar_among_four_nodes_is_shut_out_by_the_other_three() -> None:
    records: list[list[Record]] = [[] for _ in range(4)]
    hosts = [Host(identity) for identity in IDENTITIES]

    def fit(vector: Array, round_: int, drift: Array | None) -> Array:
        moved: Array = vector + np.float32(0.01 * round_)
        return moved

    async def test() -> None:
        async with trio.open_nursery() as nursery:
            for host in hosts:
                host.listen = Address("127.0.0.1", _free_port())
            for place, host in enumerate(hosts):
                known = [(other.identity, other.listen) for other in hosts if other is not host]
                peer = watching(place)
                acts = Liar(peer, NUMBERS[0]) if place == 3 else peer
                nursery.start_soon(runner.run, acts, host.links(*known), fit, records[place].append)

    run(test)
    for place, seen in enumerate(records[:3]):
        shut_out = [record for record in seen if isinstance(record, Quarantined)]
        assert [(record.peer, record.why) for record in shut_out] == [(NUMBERS[3], "equivocation")], place
        closed = [record for record in seen if isinstance(record, RoundClosed)]
        assert closed[-1].round == ROUNDS
        after = seen[seen.index(shut_out[0]) :]
        assert all(record.heard <= 2 for record in after[3:] if isinstance(record, RoundClosed))
    assert not any(isinstance(record, Quarantined) for record in records[3])


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_frames_on_others_that_are_malformed_close_the_link() -> None:
    for kind in (FrameType.SHOWN, FrameType.PROOF):

        def misbehave(session: Session, kind: FrameType = kind) -> list[bytes]:
            return [control_frame(kind, b"x" * 100)]

        refused(member(speaker(MEMBER), lambda s: iter(misbehave(s)), "malformed"), "malformed")


def test_a_proof_that_somebody_forged_convicts_nobody() -> None:
    """Each header is right but for its signature, or for what it says."""
    from gossipfl.protocol.notary import read_statement
    from gossipfl.protocol.wire import encode_update

    honest, terms = IDENTITIES[1], manifest()
    notary = Signed(terms)
    header, _ = encode_update(honest, terms, update(3))
    other, _ = encode_update(honest, terms, update(3, vector=VECTOR + np.float32(1)))
    assert notary.certain(read_statement(header))
    assert notary.certain(read_statement(other))
    for at in (0, 20, 50, 90, 100, 120, 130, 150, 170, 200, len(header) - 1):
        broken = bytearray(header)
        broken[at] ^= 1
        assert not notary.certain(read_statement(bytes(broken))), at
    by_another, _ = encode_update(IDENTITIES[2], terms, update(3))
    assert not notary.certain(read_statement(by_another)._replace(author=honest.key))
    elsewhere, _ = encode_update(honest, manifest("other"), update(3))
    assert not notary.certain(read_statement(elsewhere))
