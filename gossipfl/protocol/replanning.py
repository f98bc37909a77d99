"""A schedule that is planned anew when peers are lost: what one peer believes of the others, and its plan.

Rules:
- A peer is out of the plan while our own link to it is down and one more who is here says the same of its
  own: no liar can put out a peer to whom we have a link, and no broken link alone splits the plan.
- It is in the plan again once the link is back and it has spoken.
- Whoever lost or found somebody tells all others before it next speaks, with all whom it misses then: what is
  said last counts alone, so that nothing has to be taken back.
- Whoever leaves within a period of the end may have finished: nobody plans anew for that.
- It holds from the round after that in which two have said so: all who heard them work out the same plan, and
  begin it in the same round. Those who know different things for a while miss what they would have exchanged.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from gossipfl.protocol.changing import Change, Changing
from gossipfl.protocol.events import Effect, Note, Regarded, Send, refused
from gossipfl.protocol.messages import Gone, PeerId, StandIn
from gossipfl.protocol.targets import Scheduled
from gossipfl.topology.replanning import replanned

if TYPE_CHECKING:
    from gossipfl.topology.schedule import Schedule

REPLANNED_PEERS_MAX = 256
"""So many peers may all be linked to one another. Our guess: each keeps a link to each."""

PERIOD = 16
"""Rounds before the end in which nobody plans anew, where a schedule has no period. Our guess."""

_PLANS_HELD = 64


class Replanning(Changing):
    """What `schedule` says of the peer at `place`, over those alive; `numbers` are those of all others."""

    def __init__(self, schedule: Schedule, place: int, numbers: Mapping[int, PeerId], rounds: int) -> None:
        self.peers: tuple[PeerId, ...] = tuple(sorted(numbers.values()))
        self._schedule = schedule
        self._place = place
        self._numbers = numbers
        self._places = {number: other for other, number in numbers.items()}
        self._ends = last_to_replan(schedule, rounds)
        self._missed = set(self.peers)  # by us: their links are down, or they have not spoken since
        self._linked: set[PeerId] = set()
        self._missed_by: dict[PeerId, Gone] = {}
        self._said: dict[PeerId, int] = {}  # whom we miss, since the round in which we first said so
        self._began = False
        self._gone: frozenset[PeerId] = frozenset()
        self._first = 1  # the round in which the plan begins
        self._plan = self._planned(self._gone)
        super().__init__(self.peers, self._partners(self._gone))

    # Targets

    def speaks_to(self, round: int) -> tuple[PeerId, ...]:
        """Whom the plan names."""
        return self._plan.speaks_to(self._turn(round))

    def waits_for(self, round: int) -> tuple[PeerId, ...]:
        """Whom the plan names."""
        return self._plan.waits_for(self._turn(round))

    def weights(self, round: int) -> Mapping[PeerId, float]:
        """The row of the round's mixing matrix."""
        return self._plan.weights(self._turn(round))

    # What is seen

    def begun(self) -> None:
        """Who is not there by now is missed."""
        self._began = True

    def joined(self, peer: PeerId) -> Sequence[Effect]:
        """Tell it whom we miss."""
        self._linked.add(peer)
        if not self._began:
            self._missed.discard(peer)
        return [Send(peer, self._words())] if self._said else []

    def left(self, peer: PeerId, round: int) -> None:
        """It is missed, unless it may have finished."""
        self._linked.discard(peer)
        self._missed_by.pop(peer, None)
        if round <= self._ends:
            self._missed.add(peer)

    def spoke(self, peer: PeerId) -> None:
        """It is here."""
        if peer in self._missed and peer in self._linked:
            self._missed.discard(peer)

    def told(self, sender: PeerId, message: Gone | StandIn, round: int) -> list[Effect]:
        """Whom `sender` misses."""
        if isinstance(message, StandIn):
            return refused(sender, "unasked")
        self._missed_by[sender] = message
        return []

    # The plan

    def settle(self, round: int) -> Change:
        """Tell all whom we miss, if that is new, and plan for those whom we take to be here."""
        effects: list[Effect] = []
        if self._missed != self._said.keys():
            self._said = {peer: self._said.get(peer, round) for peer in sorted(self._missed)}
            effects += [Send(peer, self._words()) for peer in sorted(self._linked)]
        since = self._known_since(round)
        gone, first = frozenset(since), max(since.values(), default=1)
        effects += [
            Note(Regarded(peer, "gone" if peer in gone else "back")) for peer in sorted(gone ^ self._gone)
        ]
        if gone != self._gone:
            self._gone, self._plan, self.near = gone, self._planned(gone), self._partners(gone)
        self._first = first
        return Change(effects)

    def _words(self) -> Gone:
        return Gone(tuple(self._said.items()))

    def _known_since(self, round: int) -> dict[PeerId, int]:
        """Who is gone, and the round after that in which two had said so: the same to all who heard them."""
        if not self._said:
            return {}
        told = [dict(gone.since) for by, gone in self._missed_by.items() if by not in self._missed]
        rounds = {
            peer: sorted((said_in, *(other[peer] for other in told if peer in other)))
            for peer, said_in in self._said.items()
        }
        return {
            peer: in_[1] + 1
            for peer, in_ in rounds.items()
            if len(in_) > 1 and max(in_[1], self._said[peer]) < round
        }

    def _turn(self, round: int) -> int:
        """Where in the plan `round` is: a plan made anew begins at its beginning."""
        return round if self._schedule.period is None else max(1, round - self._first + 1)

    def _planned(self, gone: Collection[PeerId]) -> Scheduled:
        lost = frozenset(self._places[peer] for peer in gone)
        return Scheduled(plan_without(self._schedule, lost), self._place, self._numbers)

    def _partners(self, gone: Collection[PeerId]) -> frozenset[PeerId]:
        """Whom we ever meet by the plan."""
        lost = frozenset(self._places[peer] for peer in gone)
        return frozenset(self._numbers[place] for place in _meets(self._schedule, lost)[self._place])


def last_to_replan(schedule: Schedule, rounds: int) -> int:
    """The last of so many `rounds` in which a loss makes peers plan anew."""
    return rounds - (schedule.period or PERIOD)


@lru_cache(_PLANS_HELD)
def plan_without(schedule: Schedule, lost: frozenset[int]) -> Schedule:
    """The plan of `schedule` without those `lost`, worked out once for all peers of a simulation."""
    return replanned(schedule, set(range(schedule.peers)) - lost) if lost else schedule


@lru_cache(_PLANS_HELD)
def _meets(schedule: Schedule, lost: frozenset[int]) -> tuple[tuple[int, ...], ...]:
    """Whom each place ever meets."""
    union = plan_without(schedule, lost).union()
    return tuple(tuple(map(int, union.neighbours(place))) for place in range(schedule.peers))
