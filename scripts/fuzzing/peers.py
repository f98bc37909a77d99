"""A watched peer that hears a hostile neighbour, from the bytes on the link to what it does about them.

Rules:
- The first byte says which algorithm and code; then, as for `stream`, how it is cut, and the stream.
- Updates are always signed anew. After each word some time passes and what is due is done.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from fuzzing.streams import (
    CONNECTED,
    EPOCH,
    MEMBER,
    OWN,
    SEALED,
    controls,
    heard,
    member_session,
    own_session,
)
from fuzzing.target import Target, refusal
from gossipfl.draws import Draws
from gossipfl.errors import RemoteProtocolError
from gossipfl.learn.compressors import COMPRESSORS
from gossipfl.learn.contracts import ONE, Compressed
from gossipfl.learn.registry import ALGORITHMS, build_algorithm
from gossipfl.protocol.correspondence import corresponding
from gossipfl.protocol.events import (
    Drop,
    Event,
    Finished,
    Joined,
    Judge,
    Judged,
    Received,
    SetTimer,
    Started,
    TimerFired,
    Train,
    Trained,
)
from gossipfl.protocol.identity import peer_number
from gossipfl.protocol.manifest import Manifest
from gossipfl.protocol.messages import Message, Update
from gossipfl.protocol.notary import Signed
from gossipfl.protocol.round_peer import RoundPeer
from gossipfl.protocol.targets import Neighbours
from gossipfl.protocol.watch import Watch

ROUNDS = 10
EVENTS_MAX = 400
SIZE = 11
VECTOR = np.linspace(-1.0, 1.0, SIZE, dtype=np.float32)
SCENES = tuple(
    (name, compressor)
    for name, method in ALGORITHMS.items()
    for compressor in (COMPRESSORS if "compressor" in method.needs else (None,))
)
OTHER = peer_number(MEMBER.key)


class _Scene(NamedTuple):
    algorithm: Any
    terms: Manifest


@cache
def _scene(number: int) -> _Scene:
    name, compressor = SCENES[number % len(SCENES)]
    algorithm = build_algorithm(name, compressor=compressor)
    layout, whole = corresponding(algorithm, VECTOR).layouts
    return _Scene(algorithm, Manifest.of("fuzz", ROUNDS, layout, whole, model=f"{name} {compressor}"))


def _read(data: bytes) -> str:
    scene = _scene(data[0] if data else 0)
    link = _Link(scene)
    try:
        session = own_session(scene.terms, dialled=False, connected=True)
        for happening in heard(session, bytes([CONNECTED | SEALED]) + data[1:]):
            if isinstance(happening, Message):
                link.tell(Received(OTHER, happening))
            link.pass_time(1.0)
            if link.dropped:
                return f"dropped: {link.dropped}"
    except RemoteProtocolError as error:
        return refusal(error)
    link.pass_time(1000.0)
    return "heard"


class _Link:
    """The peer, its clock, and what it waits for."""

    def __init__(self, scene: _Scene) -> None:
        targets = Neighbours((OTHER,))
        peer = RoundPeer(
            peer_number(OWN.key), scene.algorithm, VECTOR, targets, rounds=ROUNDS, samples=10, seed=0, epoch=9
        )
        self._peer = Watch(peer, targets, {OTHER: MEMBER.key}, Signed(scene.terms))
        self._now = 0.0
        self._timers: dict[int, float] = {}
        self._due: list[Event] = []
        self._events = 0
        self.dropped = ""
        self.tell(Started())
        self.tell(Joined(OTHER))

    def tell(self, event: Event) -> None:
        """`event`, and what it leads to at once."""
        self._due.append(event)
        while self._due and self._events < EVENTS_MAX:
            self._events += 1
            for effect in self._peer.handle(self._due.pop(0), self._now):
                match effect:
                    case Train(vector):
                        self._due.append(Trained((vector * 0.5 + 1).astype(vector.dtype)))
                    case Judge(vectors):
                        self._due.append(Judged(np.zeros(len(vectors))))
                    case SetTimer(timer, delay_s):
                        self._timers[timer] = self._now + delay_s
                    case Drop(_, why):
                        self.dropped = why
                    case Finished():
                        self._timers.clear()
            if not np.isfinite(self._peer.model).all():
                raise AssertionError("The model is not finite.")

    def pass_time(self, seconds: float) -> None:
        """Let timers run out that do within so many seconds."""
        until = self._now + seconds
        while self._timers and self._events < EVENTS_MAX:
            timer = min(self._timers, key=lambda each: (self._timers[each], each))
            if self._timers[timer] > until:
                break
            self._now = max(self._now, self._timers.pop(timer))
            self.tell(TimerFired(timer))
        self._now = until


def _seeds() -> Iterator[bytes]:
    for number in range(len(SCENES)):
        scene = _scene(number)
        pieces = (
            piece for update in _updates(scene) for piece in member_session(scene.terms).update(update).pieces
        )
        yield bytes([number, 0]) + b"".join(pieces)
    scene = _scene(0)
    said = [member_session(scene.terms).control(message) for message in controls(scene.terms)]
    yield bytes([0, 0]) + b"".join(said)
    yield bytes([0, 66]) + b"".join(reversed(said))


def _updates(scene: _Scene) -> Iterator[Update]:
    """What an honest member says in its first rounds; in the second it says the whole."""
    state = scene.algorithm.start(VECTOR, ONE)
    words, _ = scene.algorithm.speak(state, np.asarray(0.5), Draws(0, 1, 1))
    whole = scene.algorithm.whole(state) if isinstance(scene.algorithm, Compressed) else words
    for round_ in (1, 2, 3):
        yield Update(round_, EPOCH, round_, 5, 1, whole if round_ == 2 else words, whole=round_ == 2)


PEER = Target("peer", _read, _seeds)
