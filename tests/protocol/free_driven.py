"""A free peer in hand: what it is told, and what it asks for."""

from __future__ import annotations

from typing import Any

import numpy as np

from gossipfl.learn.algorithms.merge_update import MergeUpdate
from gossipfl.learn.algorithms.pair_averaging import PairAveraging
from gossipfl.learn.contracts import Array
from gossipfl.protocol.events import (
    Effect,
    Event,
    Joined,
    Note,
    Received,
    Refused,
    RoundClosed,
    Send,
    Started,
    Train,
    Trained,
)
from gossipfl.protocol.free_peer import FreePeer
from gossipfl.protocol.messages import Message, PeerId, Update
from gossipfl.protocol.targets import Neighbours

ROUNDS = 50


class Driven:
    """A free peer with `neighbours`, a clock in hand, and what it asked for."""

    def __init__(self, *neighbours: PeerId, algorithm: Any = None, **settings: Any) -> None:
        given = {"rounds": ROUNDS, "samples": 10, "seed": 0, "period_s": 0.0} | settings
        self.peer = FreePeer(0, algorithm or PairAveraging(), np.zeros(2), Neighbours(neighbours), **given)
        self.neighbours = neighbours
        self.now = 0.0
        self._sequences: dict[PeerId, int] = {}

    def tell(self, *events: Event) -> list[Effect]:
        return [effect for event in events for effect in self.peer.handle(event, self.now)]

    def begin(self) -> Driven:
        self.tell(Started(), *map(Joined, self.neighbours))
        return self

    def hear(self, sender: PeerId, value: float, round: int = 1, **fields: Any) -> list[Effect]:
        self._sequences[sender] = sequence = self._sequences.get(sender, 0) + 1
        update = Update(round, 0, sequence, 10, 1, (np.full(2, value),), **fields)
        return self.tell(Received(sender, update))

    def train(self, value: float) -> list[Effect]:
        return self.tell(Trained(np.full(2, value)))

    def cycle(self) -> list[Effect]:
        """Training that changes nothing."""
        return self.tell(Trained(self.peer.model))


def sent(effects: list[Effect]) -> list[tuple[PeerId, Message]]:
    return [(effect.to, effect.message) for effect in effects if isinstance(effect, Send)]


def updates(effects: list[Effect]) -> list[Update]:
    return [message for _, message in sent(effects) if isinstance(message, Update)]


def trained_from(effects: list[Effect]) -> list[Array]:
    return [effect.vector for effect in effects if isinstance(effect, Train)]


def closed(effects: list[Effect]) -> list[RoundClosed]:
    return [e.record for e in effects if isinstance(e, Note) and isinstance(e.record, RoundClosed)]


def reasons(effects: list[Effect]) -> list[str]:
    return [e.record.reason for e in effects if isinstance(e, Note) and isinstance(e.record, Refused)]


def walking(**settings: Any) -> Driven:
    given: dict[str, Any] = {"exchange": "push", "trains": "on-hearing", "period_s": 1.0} | settings
    return Driven(1, 2, 3, algorithm=MergeUpdate(), **given).begin()
