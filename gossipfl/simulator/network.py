"""The network in virtual time: real peers, a queue of events, and no clock but its own.

Rules:
- The same peers, rules and seed give the same events in the same order: `trace_hash` is their digest.
- A lost message leaves a gap in its link's numbers.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from gossipfl.protocol.events import (
    Drop,
    Effect,
    Event,
    Finished,
    Joined,
    Judge,
    Judged,
    Note,
    Peer,
    Received,
    Record,
    Refused,
    RoundClosed,
    Send,
    SetTimer,
    TimerFired,
    Train,
    Trained,
)
from gossipfl.protocol.messages import Message, PeerId, Traffic, Update
from gossipfl.simulator.faults import Fate, Rule, Schedule, judge
from gossipfl.simulator.links import link
from gossipfl.simulator.lives import Happening, Lives, Marked
from gossipfl.simulator.mishaps import Mishaps
from gossipfl.simulator.trace import Trace
from gossipfl.simulator.trainings import FitMany, Losses, Trainings, no_losses

OBJECTS_YOUNG = 100_000
"""So many objects come to be before cycles among them are looked for: what peers hold and say makes none, and
looking for some took a fifth of the time."""

Observer = Callable[[PeerId, float, Record], None]


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
        losses: Losses | None = None,
        training_s: Callable[[PeerId], float],
        schedule: Schedule | None = None,
        seed: int = 0,
        message_bytes: Callable[[Message], int],
        observe: Observer,
        killed: Callable[[PeerId, float], None] = lambda *_: None,
        marked: Marked = lambda *_: None,
        rushing: Collection[PeerId] = (),
    ) -> None:
        """`killed` hears of deaths alone, `marked` of all that happens to peers and network; see `Marked`.

        Those `rushing` speak after all others of the moment, whom they have heard by then.
        """

        def mark(what: str, now: float, peers: tuple[PeerId, ...]) -> None:
            if what == "killed":
                killed(peers[0], now)
            marked(what, now, peers)

        self.traffic = Traffic()
        self._losses = losses or no_losses
        self._trainings = Trainings(fit_many)
        self._lives = Lives(neighbours, new_peer, mark, self._trainings.forget)
        faults = schedule.faults if schedule else ()
        self._mishaps = Mishaps(faults, neighbours, seed, self._lives)
        self._lives.skews = self._mishaps.skews
        self._lives.handle = self._handle
        self._links = self._lives.links
        self._rules: Sequence[Rule] = (self._links, *rules) if self._mishaps.touches_links else rules
        self._training_s = training_s
        self._message_bytes = message_bytes
        self._observe = observe
        self._present = self._lives.present
        self._push = self._lives.push
        self._rushing = frozenset(rushing)
        self._held_back: set[PeerId] = set()
        self._trace = Trace()
        self._said: _Said | None = None

    @property
    def now(self) -> float:
        """Seconds since the run began."""
        return self._lives.now

    @property
    def finished(self) -> set[PeerId]:
        """Who has completed every round."""
        return self._lives.finished

    @property
    def trace_hash(self) -> str:
        """The digest of every event so far, in hex."""
        return self._trace.hash

    def run(self) -> None:
        """Let everything happen."""
        with _cycles_sought_seldom():
            self._lives.begin(self._mishaps.absent_at_start())
            self._mishaps.begin()
            self._let_happen()

    def _let_happen(self) -> None:
        alive, present, awake, counts = self._lives, self._present, self._lives.awake, self._lives.count
        for moment, (number, life, event) in alive.agenda:
            if counts[number] == life and number in awake:
                alive.now = moment
                if not (isinstance(event, Joined) and event.peer not in present):
                    self._handle(number, event)  # type: ignore[arg-type]
            elif not isinstance(event, Happening):
                alive.now = moment
                if not alive.hold(number, life, event) and isinstance(event, Received):
                    self.traffic.messages_lost += isinstance(event.message, Update)
            elif not alive.is_over:  # else the clock stands
                alive.now = moment
                event.happen()

    def _handle(self, number: PeerId, event: Event) -> None:
        if isinstance(event, Trained):
            if number in self._rushing and not self._has_waited(number):
                self._push(self.now, number, event)
                return
            event = Trained(self._trainings.end(number))
        elif self._links.closed and isinstance(event, Received) and self._is_closed(event.sender, number):
            self.traffic.messages_lost += isinstance(event.message, Update)
            return
        lives, now = self._lives, self._lives.now
        self._trace.add(now, number, event)
        life = lives.count[number]
        for effect in lives.peers[number].handle(event, now):
            self._carry_out(number, effect)
            if lives.count[number] != life:  # killed by what it reached, and perhaps back already
                return

    def _has_waited(self, number: PeerId) -> bool:
        """Whether `number`, who has trained, let what else was due at this moment happen first."""
        waited = number in self._held_back
        (self._held_back.discard if waited else self._held_back.add)(number)
        return waited

    def _is_closed(self, sender: PeerId, number: PeerId) -> bool:
        """Whether the link is closed on which `sender` said something: what was under way is lost."""
        return link(sender, number) in self._links.closed

    # Effects

    def _carry_out(self, number: PeerId, effect: Effect) -> None:
        match effect:
            case Send():
                self._send(number, effect.to, effect.message)
            case SetTimer(timer, delay_s):
                self._push(self.now + delay_s, number, TimerFired(timer))
            case Train():
                self._train(number, effect)
            case Judge(vectors, round):
                self._push(self.now, number, Judged(self._losses(number, vectors, round)))
            case Note(record):
                self._note(number, record)
            case Drop(peer, _, for_s):
                self._lives.drop(number, peer, for_s)
            case Finished():
                self._lives.ended(number)

    def _train(self, number: PeerId, wanted: Train) -> None:
        self._trainings.begin(number, wanted)
        seconds = self._training_s(number) * self._mishaps.training_times(number, wanted.round)
        self._push(self.now + seconds, number, Trained(np.empty(0)))

    def _note(self, number: PeerId, record: Record) -> None:
        self._observe(number, self.now, record)
        if isinstance(record, RoundClosed):
            self._mishaps.reached(number, record.round + 1)

    # Messages

    def _send(self, number: PeerId, to: PeerId, message: Message) -> None:
        now = self._lives.now
        fate = judge(self._rules, number, to, message, now)
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
        arrival = self._links.reaches(now, number, to, fate)
        if arrival > now:
            self._links.fill(now, number, to, arrival)
        self._push(arrival, to, said.event)

    def _measure(self, number: PeerId, message: Message) -> _Said:
        said = self._said
        if said is None or said.event.message is not message or said.event.sender != number:
            self._said = said = _Said(Received(number, message), self._message_bytes(message))
        return said

    def _send_otherwise(self, number: PeerId, to: PeerId, message: Message, fates: list[Fate]) -> None:
        """Say what comes of `message`, which is lost, broken, overtaken, or other messages."""
        traffic, here, now = self.traffic, to in self._present, self.now
        updates = sum(isinstance(fate.message, Update) for fate in fates)
        traffic.messages_sent += updates
        traffic.messages_duplicated += max(0, updates - isinstance(message, Update))
        for fate in fates:
            said = self._measure(number, fate.message)
            traffic.bytes_sent += said.bytes
            if fate.lost or not here:
                traffic.messages_lost += isinstance(fate.message, Update)
                continue
            arrival = now + fate.delay_s
            if fate.in_order:
                arrival = self._links.reaches(now, number, to, fate.delay_s)
                self._links.fill(now, number, to, arrival)
            if fate.corrupt:
                self._lives.later(arrival - now, partial(self._break, number, to, fate.message))
            else:
                self._push(arrival, to, said.event)

    def _break(self, number: PeerId, to: PeerId, message: Message) -> None:
        """What `number` said reaches `to` broken."""
        counts = isinstance(message, Update)
        self.traffic.messages_corrupted += counts
        self.traffic.messages_lost += counts
        if to in self._present:
            self._observe(to, self.now, Refused(number, "corrupt"))
            self._lives.drop(to, number)


@contextlib.contextmanager
def _cycles_sought_seldom() -> Iterator[None]:
    """Let the collector of this process be called more seldom for a while, if it is called at all."""
    young, *older = gc.get_threshold()
    gc.set_threshold(max(young, OBJECTS_YOUNG) if young else 0, *older)
    try:
        yield
    finally:
        gc.set_threshold(young, *older)
