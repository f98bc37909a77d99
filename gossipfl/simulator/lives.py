"""The lives of peers in virtual time: who is there, who stands still, and what each sees of its neighbours.

Rules:
- What is to come to a peer comes to the life that it was meant for.
- A peer that stands still handles nothing: what comes to it waits, its timers and trainings as well. When it
  goes on, that comes first, whatever else comes at the same moment.
- What befalls a peer that is not in a state for it does nothing; once all who are there have finished,
  nothing befalls anybody.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import NamedTuple

from gossipfl.protocol.events import Effect, Event, Joined, Left, Peer, Started, Stop
from gossipfl.protocol.messages import PeerId
from gossipfl.simulator.agenda import Agenda
from gossipfl.simulator.faults.cuts import Link
from gossipfl.simulator.faults.plans import Skew
from gossipfl.simulator.links import DETECTED_S, DIALLED_S, REDIAL_S, Links, link, links

NO_LIFE = -1

Marked = Callable[[str, float, tuple[PeerId, ...]], None]
"""Told what happened, when, and to whom, or to the network: killed, left, back, paused, continued;
partitioned, healed."""


class Happening(NamedTuple):
    """What happens to the network, not to a peer."""

    happen: Callable[[], None]


class Lives:
    """Peers `0 .. n-1` joined by `neighbours`, and the `agenda` of what is to come to them."""

    def __init__(
        self,
        neighbours: Sequence[Sequence[PeerId]],
        new_peer: Callable[[PeerId, int], Peer],
        marked: Marked,
        gone: Callable[[PeerId], None],
    ) -> None:
        self.now = 0.0
        self.agenda = Agenda[tuple[PeerId, int, Event | Happening]]()
        self.peers: dict[PeerId, Peer] = {}  # all who are not away
        self.present: set[PeerId] = set()  # those of them that have not finished
        self.awake: set[PeerId] = set()  # those of them that do not stand still
        self.finished: set[PeerId] = set()
        self.count = [0] * len(neighbours)
        self.links = Links()
        self.skews: dict[PeerId, Skew] = {}
        self.handle: Callable[[PeerId, Event], None] = lambda *_: None  # what a driver does with an event
        self._neighbours = neighbours
        self._new_peer = new_peer
        self._marked = marked
        self._gone = gone
        self._leaving: set[PeerId] = set()
        self._held: dict[PeerId, list[Event]] = {}

    def push(self, at: float, number: PeerId, event: Event) -> None:
        """Let `event` come to the life of `number` that is now."""
        self.agenda.put(at, (number, self.count[number], event))

    def later(self, delay_s: float, happen: Callable[[], None]) -> None:
        """Let something happen in `delay_s` seconds."""
        self.agenda.put(self.now + delay_s, (0, NO_LIFE, Happening(happen)))

    @property
    def is_over(self) -> bool:
        """Whether all who are there have finished."""
        return bool(self.finished) and not self.present

    def hold(self, number: PeerId, life: int, event: Event) -> bool:
        """Whether `number` stands still, and finds `event` when it goes on."""
        if number not in self._held or self.count[number] != life:
            return False
        self._held[number].append(event)
        return True

    # Beginnings and ends

    def begin(self, absent: set[PeerId]) -> None:
        """All are there but those `absent`."""
        for number in range(len(self._neighbours)):
            if number in absent:
                self.count[number] = 1
                self._marked("killed", self.now, (number,))
            else:
                self._start(number)

    def boot(self, number: PeerId) -> None:
        """A peer that is away begins anew."""
        if number not in self.peers:
            self._marked("back", self.now, (number,))
            self._start(number)

    def kill(self, number: PeerId) -> None:
        """It ends without a word."""
        if number in self.present:
            self._away(number, "killed")

    def leave(self, number: PeerId) -> None:
        """It is asked to say goodbye."""
        if number in self.present:
            self._leaving.add(number)
            self.push(self.now, number, Stop())

    def ended(self, number: PeerId) -> None:
        """It has nothing more to do: it has finished, or said goodbye."""
        if number in self._leaving:
            self._away(number, "left")
            return
        self.finished.add(number)
        self._absent(number)
        self._part(number)

    def _start(self, number: PeerId) -> None:
        peer = self._new_peer(number, self.count[number])
        self.peers[number] = _Skewed(peer, self.skews[number]) if number in self.skews else peer
        self.present.add(number)
        self.awake.add(number)
        self.push(self.now, number, Started())
        for other in self._neighbours[number]:
            if other in self.present:
                self.links.closed.add(link(number, other))
                self._open(number, other)

    def _away(self, number: PeerId, how: str) -> None:
        self.count[number] += 1
        del self.peers[number]
        self._absent(number)
        self._gone(number)
        self._marked(how, self.now, (number,))
        self._part(number)

    def _absent(self, number: PeerId) -> None:
        for those in (self.present, self.awake, self._leaving, self.links.silent):
            those.discard(number)
        self._held.pop(number, None)

    def _part(self, number: PeerId) -> None:
        """Its neighbours see its links close once what it had sent is delivered."""
        for other in self._neighbours[number]:
            if other in self.peers and link(number, other) not in self.links.closed:
                self.push(self.links.reaches(self.now, number, other), other, Left(number))

    # Standing still

    def pause(self, number: PeerId, lasts_s: float) -> None:
        """It stands still for so long; its neighbours give it up if that is long enough."""
        if number in self.awake:
            held = self._stand_still(number, "paused")
            self.later(DETECTED_S, partial(self._give_up, number, held))
            self.later(lasts_s, partial(self._continue, number, held, "continued", REDIAL_S))

    def unplug(self, number: PeerId) -> None:
        """It stands still, and all its links are closed at once."""
        if number in self.awake:
            self._give_up(number, self._stand_still(number, "left"))

    def plug(self, number: PeerId) -> None:
        """It goes on with what it has."""
        if number in self._held:
            self._continue(number, self._held[number], "back", DIALLED_S)

    def _stand_still(self, number: PeerId, how: str) -> list[Event]:
        self.awake.discard(number)
        held = self._held[number] = []
        self._marked(how, self.now, (number,))
        return held

    def _give_up(self, number: PeerId, held: list[Event]) -> None:
        if self._held.get(number) is held:
            self.links.silent.add(number)
            for other in self._neighbours[number]:
                self.close(number, other)

    def _continue(self, number: PeerId, held: list[Event], how: str, dialled_s: float) -> None:
        if self._held.get(number) is not held:
            return
        del self._held[number]
        self.awake.add(number)
        self.links.silent.discard(number)
        self._marked(how, self.now, (number,))
        self._catch_up(number, held)
        self._redial((link(number, other) for other in self._neighbours[number]), dialled_s)

    def _catch_up(self, number: PeerId, held: list[Event]) -> None:
        """Let `number` handle what waited for it, as long as it lives and there is more to do."""
        life = self.count[number]
        for event in held:
            if self.count[number] != life or number not in self.awake:
                self.agenda.put(self.now, (number, life, event))  # too late for it
            elif not (isinstance(event, Joined) and event.peer not in self.present):
                self.handle(number, event)

    # Links

    def cut(self, cut: frozenset[Link]) -> None:
        """Nothing arrives on these links from now on, which their ends come to see."""
        self.links.cut(cut)
        self._marked("partitioned", self.now, ())
        self.later(DETECTED_S, partial(self._cut_seen, cut))

    def heal(self, cut: frozenset[Link]) -> None:
        """Undo `cut`."""
        if self.links.is_cut(cut):
            self.links.heal(cut)
            self._marked("healed", self.now, ())
            self._redial(links(cut))

    def close(self, one: PeerId, other: PeerId) -> None:
        """Both see the other leave."""
        if one not in self.peers or other not in self.peers or link(one, other) in self.links.closed:
            return
        self.links.closed.add(link(one, other))
        for here, there in ((one, other), (other, one)):
            if here in self.present:
                self.push(self.now, here, Left(there))

    def drop(self, one: PeerId, other: PeerId, for_s: float = 0.0) -> None:
        """Close a link, and dial it again when `for_s` seconds are over, if they ever are."""
        self.close(one, other)
        if for_s < math.inf:
            self._redial([link(one, other)], max(for_s, REDIAL_S))

    def _cut_seen(self, cut: frozenset[Link]) -> None:
        if self.links.is_cut(cut):
            for each in links(cut):
                self.close(*each)

    def _redial(self, closed: Iterable[Link], delay_s: float = REDIAL_S) -> None:
        for each in closed:
            if each in self.links.closed:
                self.later(delay_s, partial(self._open, *each))

    def _open(self, one: PeerId, other: PeerId) -> None:
        """Both see the other join, if they can."""
        joined = link(one, other)
        there = one in self.present and other in self.present
        if there and joined in self.links.closed and self.links.can_open(one, other):
            self.links.closed.discard(joined)
            self.push(self.now, one, Joined(other))
            self.push(self.links.reaches(self.now, one, other), other, Joined(one))


class _Skewed:
    """A peer whose clock is off."""

    def __init__(self, peer: Peer, skew: Skew) -> None:
        self._peer = peer
        self._skew = skew

    def handle(self, event: Event, now: float) -> list[Effect]:
        """At another time than it is."""
        return self._peer.handle(event, now * (1.0 + self._skew.drift) + self._skew.ahead_s)
