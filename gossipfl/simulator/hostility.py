"""The rule by which what attackers say over a network is altered on its way.

Rules:
- The attackers run ordinary peers: what they would say, and when, is what the protocol says.
- They overhear every honest word, to whomever it is said, and speak after all that is said at that moment.
- What they tell one another needs no lie, where each neighbour is told something else.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from gossipfl.learn.attacks import Target
from gossipfl.learn.contracts import Array
from gossipfl.protocol.messages import Message, PeerId, Update
from gossipfl.simulator.collusion import Collusion
from gossipfl.simulator.faults import PASS, Instead, Verdict
from gossipfl.simulator.ties import TiesOf


class _Lie(NamedTuple):
    """What is told all in the place of one payload of a round."""

    round: int
    meant: Array
    words: Array


class Hostile:
    """What the attackers of `collusion` say to their `neighbours`, who weigh one another by `ties_of`."""

    def __init__(self, collusion: Collusion, neighbours: Sequence[Sequence[PeerId]], ties_of: TiesOf) -> None:
        self._collusion = collusion
        self._attackers = frozenset(collusion.attackers)
        self._neighbours = neighbours
        self._ties_of = ties_of
        self._heard: dict[PeerId, Array] = {}  # what each honest peer said last
        self._honest: Array | None = None  # all of that, stacked
        self._lies: dict[PeerId, _Lie] = {}
        self._told: dict[tuple[PeerId, PeerId], deque[Update]] = {}
        self._remembered: dict[PeerId, tuple[int, Array]] = {}

    def __call__(self, sender: PeerId, to: PeerId, message: Message, now: float) -> Verdict:
        """Listen to honest peers; say something else for attackers."""
        if not isinstance(message, Update):
            return PASS
        own = message.payload[0]
        if sender not in self._attackers:
            if self._heard.get(sender) is not own:
                self._heard[sender], self._honest = own, None
            return PASS
        round, last = self._remembered.get(sender, (0, None))
        if last is not own or round != message.round:
            self._remembered[sender] = message.round, own
            self._collusion.remember(sender, own)
        begun = message.round >= self._collusion.first
        return self._said(sender, to, message, self._altered(sender, to, message) if begun else message)

    def _altered(self, sender: PeerId, to: PeerId, update: Update) -> Update:
        """What `sender` tells `to` in the place of `update`."""
        conduct, own = self._collusion.conduct, update.payload[0]
        if not self._heard or (conduct.each and (to in self._attackers or to not in self._heard)):
            return update
        if conduct.each:
            target = self._target(sender, to, update.round)
            words = own if target is None else self._words(sender, own, update.round, target)
        else:
            lie = self._lies.get(sender)
            if lie is None or lie.meant is not own or lie.round != update.round:
                lie = _Lie(update.round, own, self._words(sender, own, update.round))
                self._lies[sender] = lie
            words = lie.words
        return update if words is own else replace(update, payload=(words, *update.payload[1:]))

    def _words(self, sender: PeerId, own: Array, round: int, target: Target | None = None) -> Array:
        if self._honest is None:
            self._honest = np.stack([self._heard[peer] for peer in sorted(self._heard)])
        words: Array = self._collusion.words([sender], own[None], self._honest, round, target)[0]
        return words

    def _target(self, sender: PeerId, to: PeerId, round: int) -> Target | None:
        """What attackers know of `to`, as of a crowd of one; None if it does not count what they say."""
        ties = self._ties_of(round)
        places = slice(ties.starts[to], ties.starts[to + 1])
        vector = self._heard[to].astype(np.float64)
        pull, weight = np.zeros_like(vector), 0.0
        for peer, share in zip(ties.senders[places].tolist(), ties.weights[places].tolist(), strict=True):
            if peer in self._attackers:
                weight += share
            elif peer in self._heard:
                pull += share * (self._heard[peer] - vector)
        if not weight:
            return None
        others = [peer for peer in self._neighbours[sender] if peer not in self._attackers]
        place = np.array([others.index(to)])
        return Target(place, self._heard[to][None], pull[None], np.array([weight]))

    def _said(self, sender: PeerId, to: PeerId, meant: Update, update: Update) -> Verdict:
        """`update` in the place of the one `meant`, as often as these attackers say things."""
        again, copies = self._collusion.conduct.again, self._collusion.conduct.copies
        old: tuple[Update, ...] = ()
        if again:
            told = self._told.setdefault((sender, to), deque(maxlen=again))
            old = tuple(told)
            told.append(update)
        if meant.round < self._collusion.first or (update is meant and not old and not copies):
            return PASS
        return Instead((*[update] * (1 + copies), *old))
