"""When which fault befalls whom: a timetable that asks the network for each in its time.

Rules:
- What befalls one peer by rounds does so in the order of rounds, each once: it may die and come back often.
- Who is killed in round 1 is not there at the start.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import log1p
from typing import Any, Protocol

from gossipfl.protocol.messages import PeerId
from gossipfl.simulator.faults.attendance import churned, dropped
from gossipfl.simulator.faults.chances import Chances
from gossipfl.simulator.faults.cuts import Link, cut_links
from gossipfl.simulator.faults.plans import (
    Absence,
    Back,
    Churn,
    DropOut,
    Fault,
    Kill,
    Leave,
    Partition,
    Pause,
    Sessions,
    Skew,
    Slow,
)


class Stage(Protocol):
    """What can be done to a network and to its peers, if they are in a state for it."""

    def later(self, delay_s: float, happen: Callable[[], None]) -> None:
        """Let something happen in `delay_s` seconds."""

    def kill(self, number: PeerId) -> None:
        """End a peer without a word."""

    def leave(self, number: PeerId) -> None:
        """Ask a peer to say goodbye."""

    def boot(self, number: PeerId) -> None:
        """Let a peer that is away begin anew."""

    def pause(self, number: PeerId, lasts_s: float) -> None:
        """Let a peer stand still."""

    def unplug(self, number: PeerId) -> None:
        """Switch a peer off that keeps what it has."""

    def plug(self, number: PeerId) -> None:
        """Let a peer go on that was switched off."""

    def cut(self, cut: frozenset[Link]) -> None:
        """Let nothing arrive on these links."""

    def heal(self, cut: frozenset[Link]) -> None:
        """Undo `cut`."""


class Mishaps:
    """The `faults` of a run among peers joined by `neighbours`, to happen on `stage`."""

    def __init__(
        self, faults: Sequence[Fault], neighbours: Sequence[Sequence[PeerId]], seed: int, stage: Stage
    ) -> None:
        self.skews = {fault.peer: fault for fault in faults if isinstance(fault, Skew)}
        self.touches_links = any(isinstance(fault, Partition | Pause) for fault in faults)
        self._faults = faults
        self._neighbours = neighbours
        self._seed = seed
        self._stage = stage
        self._reached = 1  # by the first peer
        self._lives = _by_peer(faults, Kill | Leave | Back)
        self._pauses = _by_peer(faults, Pause)
        self._slow = _by_peer(faults, Slow)
        self._churn = churned(faults, len(neighbours), seed)
        self._stays = Chances(seed, "sessions")
        self._cuts = {
            fault: cut_links(fault, neighbours, seed) for fault in faults if isinstance(fault, Partition)
        }
        self._drops = {
            fault.round: dropped(fault, len(neighbours), seed)
            for fault in faults
            if isinstance(fault, DropOut)
        }

    def absent_at_start(self) -> set[PeerId]:
        """Who is not there when the run begins."""
        absent = set(self._drops.get(1, ()))
        for peer, fates in self._lives.items():
            if not isinstance(fates[0], Back) and fates[0].round <= 1:
                absent.add(peer)
                del fates[0]
        return absent

    def begin(self) -> None:
        """Set the clock of all that goes by time, and do what befalls in round 1."""
        for fault in self._faults:
            if isinstance(fault, Absence):
                self._stage.later(fault.leaves_s, partial(self._go, fault, fault.peer))
                if fault.returns_s is not None:
                    self._stage.later(fault.returns_s, partial(self._come, fault, fault.peer))
            elif isinstance(fault, Sessions):
                for peer in range(len(self._neighbours)):
                    self._stay(fault, peer)
        for fault, cut in self._cuts.items():
            if fault.by_time:
                self._stage.later(fault.first, partial(self._stage.cut, cut))
                self._stage.later(fault.last, partial(self._stage.heal, cut))
        self._befall_all(1)

    def training_times(self, number: PeerId, round: int) -> float:
        """How many times longer than else peer `number` trains in `round`."""
        times = 1.0
        for fault in self._slow.get(number, ()):
            if fault.first <= round <= fault.last:
                times *= fault.times
        return times

    def reached(self, number: PeerId, round: int) -> None:
        """Peer `number` is in `round`."""
        if number in self._pauses:
            self._befall(number, round)
        if number in self._lives:
            self._take_life(number, round)
        while self._reached < round:
            self._reached += 1
            self._befall_all(self._reached)
        for peer, fates in self._lives.items():
            if fates and isinstance(fates[0], Back) and fates[0].round <= round:
                fates.pop(0)
                self._stage.boot(peer)

    # One peer

    def _befall(self, number: PeerId, round: int) -> None:
        pauses = self._pauses[number]
        while pauses and pauses[0].round <= round:
            self._stage.pause(number, pauses.pop(0).lasts_s)

    def _take_life(self, number: PeerId, round: int) -> None:
        fates = self._lives[number]
        if fates and not isinstance(fates[0], Back) and fates[0].round <= round:
            end = self._stage.kill if isinstance(fates.pop(0), Kill) else self._stage.leave
            end(number)

    def _stay(self, sessions: Sessions, peer: PeerId) -> None:
        self._stage.later(self._drawn_s(sessions.session_s, peer), partial(self._part, sessions, peer))

    def _part(self, sessions: Sessions, peer: PeerId) -> None:
        self._go(sessions, peer)
        self._stage.later(self._drawn_s(sessions.absence_s, peer), partial(self._return, sessions, peer))

    def _return(self, sessions: Sessions, peer: PeerId) -> None:
        self._come(sessions, peer)
        self._stay(sessions, peer)

    def _go(self, churn: Churn | Sessions | Absence, peer: PeerId) -> None:
        (self._stage.leave if churn.forgets else self._stage.unplug)(peer)

    def _come(self, churn: Churn | Sessions | Absence, peer: PeerId) -> None:
        (self._stage.boot if churn.forgets else self._stage.plug)(peer)

    def _drawn_s(self, mean_s: float, peer: PeerId) -> float:
        return -mean_s * log1p(-self._stays.next(peer))

    # All

    def _befall_all(self, round: int) -> None:
        """What befalls when the run reaches `round`."""
        for fault, cut in self._cuts.items():
            if not fault.by_time and round == fault.first:
                self._stage.cut(cut)
            elif not fault.by_time and round == fault.last:
                self._stage.heal(cut)
        for peer in self._drops.get(round, ()) if round > 1 else ():
            self._stage.kill(peer)
        if self._churn is not None:
            before, now = self._churn.away(round - 1), self._churn.away(round)
            for peer in (now & ~before).nonzero()[0].tolist():
                self._go(self._churn.churn, peer)
            for peer in (before & ~now).nonzero()[0].tolist():
                self._come(self._churn.churn, peer)


def _by_peer(faults: Sequence[Fault], kinds: Any) -> dict[PeerId, list[Any]]:
    """Those of these `kinds` of each peer, in the order of rounds."""
    found: dict[PeerId, list[Any]] = {}
    for fault in faults:
        if isinstance(fault, kinds):
            found.setdefault(fault.peer, []).append(fault)
    for fates in found.values():
        fates.sort(key=lambda fault: fault.first if isinstance(fault, Slow) else fault.round)
    return found
