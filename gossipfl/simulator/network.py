"""The network in virtual time: real peers, a queue of events, and no clock but its own.

Rules:
- The same peers, rules and seed give the same events in the same order: `trace_hash` is their digest.
- A link delivers in order, as TCP does; a lost message leaves a gap in its numbers.
- All trainings under way are computed in one stacked fit when the first of them is due: what a training gives
  does not depend on when it is computed.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple, Protocol

import numpy as np

from gossipfl.learn.contracts import Array
from gossipfl.protocol.events import (
    Drop,
    Effect,
    Event,
    Finished,
    Joined,
    Left,
    Note,
    Peer,
    Received,
    Record,
    Refused,
    RoundClosed,
    Send,
    SetTimer,
    Started,
    TimerFired,
    Train,
    Trained,
)
from gossipfl.protocol.messages import Message, PeerId, Traffic, Update
from gossipfl.simulator.agenda import Agenda
from gossipfl.simulator.faults import Fate, Rule, judge
from gossipfl.simulator.trace import Trace

REDIAL_S = 1.0
"""How long after a link was dropped it is dialled again."""

LINKS_KEPT = 10_000
"""So many links may be empty and remembered: where anybody speaks to anybody, there are too many of them."""

OBJECTS_YOUNG = 100_000
"""So many objects come to be before cycles among them are looked for: what peers hold and say makes none, and
looking for some took a fifth of the time."""

_NO_LIFE = -1


class FitMany(Protocol):
    """Local training of several peers at once."""

    def __call__(self, peers: Array, vectors: Array, round: int, drifts: Array | None = None, /) -> Array:
        """(m,), (m, d), round, drifts (m, d) or None -> vectors (m, d)."""


Observer = Callable[[PeerId, float, Record], None]


@dataclass(frozen=True, slots=True)
class Schedule:
    """Who is killed when it reaches a round, and who is back when anybody else reaches a round.

    Whoever is killed in round 1 is not there at the start.
    """

    kills: Mapping[PeerId, int] = field(default_factory=dict)
    restarts: Mapping[PeerId, int] = field(default_factory=dict)


class _Happening(NamedTuple):
    """What happens to the network, not to a peer."""

    happen: Callable[[], None]


class _Said(NamedTuple):
    """What was said last: what is told to many is one event, and is measured once."""

    event: Received
    bytes: int


class Network:
    """Peers `0 .. n-1` joined by `neighbours`, run until none has anything left to do."""

    def __init__(
        self,
        neighbours: Sequence[Sequence[PeerId]],
        new_peer: Callable[[PeerId, int], Peer],
        fit_many: FitMany,
        *,
        rules: Sequence[Rule] = (),
        training_s: Callable[[PeerId], float],
        schedule: Schedule | None = None,
        message_bytes: Callable[[Message], int],
        observe: Observer,
        killed: Callable[[PeerId, float], None],
    ) -> None:
        self.now = 0.0
        self.traffic = Traffic()
        self.finished: set[PeerId] = set()
        self._neighbours = neighbours
        self._new_peer = new_peer
        self._fit_many = fit_many
        self._rules = rules
        self._training_s = training_s
        self._schedule = schedule or Schedule()
        self._message_bytes = message_bytes
        self._observe = observe
        self._killed = killed
        self._agenda = Agenda[tuple[PeerId, int, Event | _Happening]]()  # the latter in no life
        self._peers: dict[PeerId, Peer] = {}
        self._present: set[PeerId] = set()  # peers that have not finished
        self._lives = [0] * len(neighbours)
        self._free_at: dict[tuple[PeerId, PeerId], float] = {}
        self._links_max = LINKS_KEPT
        self._untrained: dict[PeerId, Train] = {}
        self._trained: dict[PeerId, Array] = {}
        self._waiting_restarts = dict(self._schedule.restarts)
        self._trace = Trace()
        self._said: _Said | None = None

    @property
    def trace_hash(self) -> str:
        """The digest of every event so far, in hex."""
        return self._trace.hash

    def run(self) -> None:
        """Let everything happen."""
        with _cycles_sought_seldom():
            self._boot_all()
            self._let_happen()

    def _let_happen(self) -> None:
        present, lives = self._present, self._lives
        for moment, (number, life, event) in self._agenda:
            self.now = moment
            there = lives[number] == life and number in present
            if there and not (isinstance(event, Joined) and event.peer not in present):
                self._handle(number, event)  # type: ignore[arg-type]
            elif isinstance(event, Received):
                self.traffic.messages_lost += isinstance(event.message, Update)
            elif isinstance(event, _Happening):
                event.happen()

    # Lives

    def _boot_all(self) -> None:
        for number in range(len(self._neighbours)):
            if self._schedule.kills.get(number, 2) > 1:
                self._boot(number)
            else:
                self._lives[number] = 1
                self._killed(number, self.now)

    def _boot(self, number: PeerId) -> None:
        self._peers[number] = self._new_peer(number, self._lives[number])
        self._present.add(number)
        self._push(self.now, number, Started())
        for other in self._neighbours[number]:
            if other in self._present:
                self._push(self.now, number, Joined(other))
                self._push(self._reaches(number, other), other, Joined(number))

    def _end(self, number: PeerId) -> None:
        """`number` is gone: its neighbours see its links close once what it had sent is delivered."""
        for other in self._neighbours[number]:
            if other in self._peers:
                self._push(self._reaches(number, other), other, Left(number))

    def _kill(self, number: PeerId) -> None:
        self._lives[number] += 1
        del self._peers[number]
        self._present.discard(number)
        self._untrained.pop(number, None)
        self._trained.pop(number, None)
        self._killed(number, self.now)
        self._end(number)

    def _restart_who_is_due(self, round: int) -> None:
        due = [
            number
            for number, at in self._waiting_restarts.items()
            if round >= at and number not in self._peers
        ]
        for number in due:
            del self._waiting_restarts[number]
            self._boot(number)

    # Events

    def _push(self, at: float, number: PeerId, event: Event) -> None:
        self._agenda.put(at, (number, self._lives[number], event))

    def _handle(self, number: PeerId, event: Event) -> None:
        if isinstance(event, Trained):
            event = Trained(self._training_of(number))
        self._trace.add(self.now, number, event)
        life = self._lives[number]
        for effect in self._peers[number].handle(event, self.now):
            self._carry_out(number, effect)
            if self._lives[number] != life:  # killed by what it reached, and perhaps back already
                return

    # Effects

    def _carry_out(self, number: PeerId, effect: Effect) -> None:
        match effect:
            case Send():
                self._send(number, effect.to, effect.message)
            case SetTimer(timer, delay_s):
                self._push(self.now + delay_s, number, TimerFired(timer))
            case Train():
                self._untrained[number] = effect
                self._push(self.now + self._training_s(number), number, Trained(np.empty(0)))
            case Note(record):
                self._note(number, record)
            case Drop(peer, _):
                self._drop(number, peer)
            case Finished():
                self.finished.add(number)
                self._present.discard(number)
                self._end(number)

    def _send(self, number: PeerId, to: PeerId, message: Message) -> None:
        fate = judge(self._rules, number, to, message, self.now)
        if isinstance(fate, list):
            self._send_otherwise(number, to, message, fate)
            return
        said = self._said
        if said is None or said.event.message is not message or said.event.sender != number:
            said = self._measure(number, message)
        traffic, counts = self.traffic, isinstance(message, Update)
        traffic.messages_sent += counts
        traffic.bytes_sent += said.bytes
        if to not in self._present:
            traffic.messages_lost += counts
            return
        arrival = self._reaches(number, to, fate)
        if arrival > self.now:  # nothing that leaves later may arrive earlier
            self._free_at[number, to] = arrival
            if len(self._free_at) > self._links_max:
                self._forget_empty_links()
        self._push(arrival, to, said.event)

    def _measure(self, number: PeerId, message: Message) -> _Said:
        said = self._said
        if said is None or said.event.message is not message or said.event.sender != number:
            self._said = said = _Said(Received(number, message), self._message_bytes(message))
        return said

    def _send_otherwise(self, number: PeerId, to: PeerId, message: Message, fates: list[Fate]) -> None:
        """Say what comes of `message`, which is lost, broken, overtaken, or other messages."""
        traffic, here = self.traffic, to in self._present
        updates = sum(isinstance(fate.message, Update) for fate in fates)
        traffic.messages_sent += updates
        traffic.messages_duplicated += max(0, updates - isinstance(message, Update))
        for fate in fates:
            said = self._measure(number, fate.message)
            traffic.bytes_sent += said.bytes
            if fate.lost or not here:
                traffic.messages_lost += isinstance(fate.message, Update)
                continue
            arrival = self.now + fate.delay_s
            if fate.in_order:
                arrival = self._free_at[number, to] = self._reaches(number, to, fate.delay_s)
            if fate.corrupt:
                self._agenda.put(
                    arrival, (to, _NO_LIFE, _Happening(partial(self._break, number, to, fate.message)))
                )
            else:
                self._push(arrival, to, said.event)

    def _break(self, number: PeerId, to: PeerId, message: Message) -> None:
        """What `number` said reaches `to` broken."""
        counts = isinstance(message, Update)
        self.traffic.messages_corrupted += counts
        self.traffic.messages_lost += counts
        if to in self._present:
            self._observe(to, self.now, Refused(number, "corrupt"))
            self._drop(to, number)

    def _forget_empty_links(self) -> None:
        self._free_at = {link: at for link, at in self._free_at.items() if at > self.now}
        self._links_max = LINKS_KEPT + 2 * len(self._free_at)

    def _reaches(self, number: PeerId, to: PeerId, delay_s: float = 0.0) -> float:
        """When something that leaves `number` now is known to `to`: after all that left before it."""
        return max(self.now + delay_s, self._free_at.get((number, to), 0.0))

    def _note(self, number: PeerId, record: Record) -> None:
        self._observe(number, self.now, record)
        if not isinstance(record, RoundClosed):
            return
        reached = record.round + 1
        if self._lives[number] == 0 and reached >= self._schedule.kills.get(number, reached + 1):
            self._kill(number)
        self._restart_who_is_due(reached)

    def _drop(self, number: PeerId, peer: PeerId) -> None:
        for one, other in ((number, peer), (peer, number)):
            if one in self._present:
                self._push(self.now, one, Left(other))
                self._push(self.now + REDIAL_S, one, Joined(other))

    # Training

    def _training_of(self, number: PeerId) -> Array:
        if number not in self._trained:
            self._train_all()
        return self._trained.pop(number)

    def _train_all(self) -> None:
        """Compute all trainings under way, those of one round and one length of vector in one stack."""
        by_round: dict[int, list[PeerId]] = {}
        for number, wanted in self._untrained.items():
            by_round.setdefault(wanted.round, []).append(number)
        for round, numbers in by_round.items():
            numbers.sort()
            vectors = np.stack([self._untrained[number].vector for number in numbers])
            drifts = [self._untrained[number].drift for number in numbers]
            led = None if drifts[0] is None else np.stack([drift for drift in drifts if drift is not None])
            fitted = self._fit_many(np.array(numbers), vectors, round, led)
            self._trained.update(zip(numbers, fitted, strict=True))
        self._untrained.clear()


@contextlib.contextmanager
def _cycles_sought_seldom() -> Iterator[None]:
    """Let the collector of this process be called more seldom for a while, if it is called at all."""
    young, *older = gc.get_threshold()
    gc.set_threshold(max(young, OBJECTS_YOUNG) if young else 0, *older)
    try:
        yield
    finally:
        gc.set_threshold(young, *older)
