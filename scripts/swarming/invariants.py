"""What must hold at every step of one life of one peer, whatever others say and whatever befalls it.

Rules:
- A peer's round never goes back within a life; over a crash its life grows, and it begins at round 1 again.
- It closes each round once, in growing order, with a finite model.
- It waits no longer than its own training accounts for, and ends no round later than twice its deadline, but
  while it gathers or stands still.
- It refuses nobody honest, but for what the network did to their words, and never shuts one out.
- Its tables are bounded.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

import numpy as np

from gossipfl.protocol.events import (
    Drop,
    Effect,
    Event,
    Finished,
    Note,
    Peer,
    Quarantined,
    Received,
    Refused,
    RoundClosed,
    Send,
    SetTimer,
    Train,
    Trained,
)
from gossipfl.protocol.inbox import WAITING_MAX
from gossipfl.protocol.messages import PeerId, Update
from gossipfl.protocol.patience import FLOOR_S, OWN_MAX
from gossipfl.protocol.round_peer import RoundPeer
from swarming.book import Book, Violation
from swarming.world import World

TABLES_EVERY = 256
"""Events of a peer between two looks at its tables."""

TABLE_MAX = 64
"""Entries of any table, and as many again for each neighbour as `TABLE_SHARE`."""

TABLE_SHARE = 4

NOWHERE = -1, -1.0


class Invariants:
    """Of `peer` in its life `life`; `honest` are those who may not be refused."""

    def __init__(
        self, world: World, peer: RoundPeer, stands: Peer, life: int, book: Book, *, plain: bool
    ) -> None:
        self._world = world
        self._peer = peer
        self._stands = stands
        self._life = life
        self._out: set[PeerId] = set()  # who was shut out
        self._plain = plain
        self._book = book
        self._honest = frozenset(world.honest)
        self._round = peer.round
        self._closed = 0
        self._events = 0
        self._said: Update | None = None  # last, and looked at
        self._wait: tuple[float, float] | None = None  # when it spoke, and how long it would wait
        self._trains_since = 0.0
        self._trained_s = 0.0  # the longest training, as the peer saw it
        self._accepted: dict[PeerId, tuple[int, float]] = {}  # the last words of each sender
        self.disturbed = False  # in this round: it stood still, or was cut off
        self.began_s: float | None = None

    def check(self, event: Event, effects: list[Effect], now: float) -> None:
        """Raise `Violation` unless all holds after `event`, which came to `effects`."""
        peer, checks = self._peer, self._book.checks
        checks["round does not go back"] += 1
        if peer.round < self._round:
            raise self._violation("round goes back", f"went back from round {self._round} to {peer.round}")
        self._round = peer.round
        if isinstance(event, Trained):
            self._trained_s = max(self._trained_s, now - self._trains_since)
        for effect in effects:
            self._check_effect(effect, effects, event, now)
        if isinstance(event, Received) and isinstance(event.message, Update):
            self._accept(event, effects)
        self._events += 1
        if self._events % TABLES_EVERY == 0:
            self.check_tables()

    def _check_effect(self, effect: Effect, effects: list[Effect], event: Event, now: float) -> None:
        match effect:
            case Train() if not isinstance(event, Trained):
                self._trains_since = now
            case Send():
                self._check_said(effect)
            case Note(Refused() as record):
                self._check_refused(record, event)
            case Note(RoundClosed() as record):
                self._check_closed(record, now)
            case SetTimer(timer, delay_s) if timer and self._wait is None:
                self._check_wait(delay_s, now)
            case Note(Quarantined(peer, why)):
                self._book.checks["shuts out nobody honest"] += 1
                self._out.add(peer)
                if peer in self._honest:
                    raise self._violation("quarantined", f"shut out the honest peer {peer}: {why}")
            case Drop(peer, why):
                self._book.checks["drops only whom it refused"] += 1
                if Note(Refused(peer, why)) not in effects and peer not in self._out:
                    raise self._violation("drop", f"dropped peer {peer} without saying why")
            case Finished():
                self._check_finished(event)

    def check_tables(self) -> None:
        """Raise `Violation` if a table is larger than it may be."""
        most = TABLE_MAX + TABLE_SHARE * len(self._world.neighbours[self._peer.number])
        self._book.checks["tables are bounded"] += 1
        for name, size in _tables(self._stands, "", 0):
            if size > most:
                raise self._violation("memory", f"holds {size} entries in {name.lstrip('.')}")
        for sender, waiting in self._peer._inbox._waiting.items():
            if len(waiting) > WAITING_MAX:
                raise self._violation("memory", f"keeps {len(waiting)} updates of peer {sender}")

    def _check_said(self, effect: Send) -> None:
        self._book.checks["says only what is due"] += 1
        if effect.to not in self._world.neighbours[self._peer.number]:
            raise self._violation("stranger", f"spoke to the stranger {effect.to}")
        if isinstance(effect.message, Update) and effect.message is not self._said:
            self._said = effect.message
            if not 1 <= effect.message.round <= self._world.rounds:
                raise self._violation("round said", f"spoke of round {effect.message.round}")
            if not all(np.isfinite(part).all() for part in effect.message.payload if part.dtype.kind == "f"):
                raise self._violation("not finite", "said what is not finite")

    def _check_closed(self, record: RoundClosed, now: float) -> None:
        self._book.checks["rounds grow, models are finite"] += 1
        if record.round <= self._closed:
            raise self._violation("round goes back", f"closed round {record.round} after {self._closed}")
        self._closed = record.round
        if not np.isfinite(record.vector).all():
            raise self._violation(
                "not finite", f"closed round {record.round} with a model that is not finite"
            )
        wait, disturbed = self._wait, self.disturbed
        self._wait, self.disturbed = None, False
        gathers = self.began_s is None or now < self.began_s + self._world.gather_s + FLOOR_S
        if wait and not disturbed and not gathers:
            self._book.checks["rounds end in time"] += 1
            if now - wait[0] > 2 * wait[1]:
                sentence = f"waited {now - wait[0]:.1f} s in round {record.round}, and meant {wait[1]:.1f} s"
                raise self._violation("late", sentence)

    def _check_wait(self, delay_s: float, now: float) -> None:
        self._wait = now, delay_s
        if self.began_s is None:
            self.began_s = now
        self._book.checks["patience is bounded"] += 1
        most = max(FLOOR_S, OWN_MAX * self._trained_s) + self._world.gather_s
        if delay_s > most + 1e-6 and not self.disturbed:
            raise self._violation(
                "patience", f"means to wait {delay_s:.1f} s, and {most:.1f} s at most is due"
            )

    def _check_finished(self, event: Event) -> None:
        if self._closed < self._world.rounds and type(event).__name__ != "Stop":
            raise self._violation("finished", f"finished after round {self._closed} of {self._world.rounds}")

    def _check_refused(self, record: Refused, event: Event) -> None:
        """An honest neighbour's update may have come too late, or after a newer one."""
        self._book.checks["refuses nobody honest"] += 1
        if record.sender not in self._honest or record.reason in ("stale", "corrupt"):
            return
        shares = self._world.shares
        if record.reason == "replay" and (shares.duplicate or shares.reorder) and isinstance(event, Received):
            place = self._place_of(event)
            if place is None or place <= self._accepted.get(record.sender, NOWHERE):
                return
        raise self._violation("refused", f"refused the honest peer {record.sender}: {record.reason}")

    def _accept(self, event: Received, effects: list[Effect]) -> None:
        place = self._place_of(event)
        notes = [effect.record for effect in effects if isinstance(effect, Note)]
        refused = any(isinstance(record, Refused) and record.reason != "stale" for record in notes)
        if place is not None and not refused:
            self._accepted[event.sender] = max(place, self._accepted.get(event.sender, NOWHERE))

    def _place_of(self, event: Received) -> tuple[int, float] | None:
        """Of the words heard, in the order in which they were said: by their number, over plain links."""
        if not isinstance(event.message, Update):
            return None
        last = event.message.payload[-1]
        if self._plain:
            return (0, float(last[0])) if last.shape == (1,) else None
        return event.message.epoch, float(event.message.sequence)

    def _violation(self, rule: str, did: str) -> Violation:
        return Violation(
            rule, f"Peer {self._peer.number}, in life {self._life} and round {self._round}, {did}."
        )


DEPTH_MAX = 6


def _tables(thing: Any, name: str, depth: int) -> Iterator[tuple[str, int]]:
    """Name and size of every table that `thing` holds, itself or in what it is made of."""
    if depth > DEPTH_MAX:
        return
    if isinstance(thing, dict | list | set | deque):
        yield name, len(thing)
        for part in thing.values() if isinstance(thing, dict) else thing:
            if isinstance(part, dict | list | set | deque) or _is_ours(part):
                yield from _tables(part, f"{name}[]", depth + 1)
    elif _is_ours(thing):
        for attribute, part in getattr(thing, "__dict__", {}).items():
            yield from _tables(part, f"{name}.{attribute}", depth + 1)


def _is_ours(thing: Any) -> bool:
    kind = type(thing).__module__
    return kind.startswith("gossipfl.protocol")
