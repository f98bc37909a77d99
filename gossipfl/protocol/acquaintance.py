"""What a peer knows of its neighbours: who is there, where each says it is, who has fallen silent.

Rules:
- Whoever is not listed is a stranger, and is unknown here.
- What a neighbour claims moves the median alone; a claim without updates makes nobody wait.
- A peer that fell behind joins the round of its neighbours' lower median, if more than a third of all are
  as far: fewer liars cannot pull it ahead, even when hardly anybody else can be heard.
- While a peer gathers, one neighbour alone is not believed that the run is under way, unless it has no other.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from gossipfl.protocol.inbox import STALENESS_MAX
from gossipfl.protocol.messages import PeerId

LAG_MAX = 2
"""A neighbour further behind than so many rounds is not waited for until it has caught up. Our guess."""

SILENCE_MAX = 2
"""A neighbour unheard for so many rounds is not waited for until it speaks. Our guess."""


class Presence(Enum):
    """What a neighbour is taken for. Only one that is HERE is waited for."""

    HERE = "here"
    LATE = "late"  # it speaks, of rounds long past
    SUSPECTED = "suspected"  # it has fallen silent, or has not yet spoken since it came
    GONE = "gone"  # its link is down


class Sight(NamedTuple):
    """What another peer is taken for, and the round that it last said it is in, for people to see."""

    presence: Presence
    round: int | None


@dataclass(slots=True)
class Acquaintance:
    """One neighbour, as far as it is known."""

    here: bool = False
    round: int | None = None  # that it last said it is in; None before it has begun
    lag: int = 0  # rounds that it was behind us when it said so
    held: bool = False  # it waits for others to begin
    unheard: int = 0  # rounds of ours in a row that ended without it

    @property
    def is_idle(self) -> bool:
        """Whether others keep it from working."""
        return self.held or self.round is None

    @property
    def is_new(self) -> bool:
        """Whether it has not closed a round, as far as we know."""
        return (self.round or 0) <= 1

    def is_ahead(self, round: int) -> bool:
        """Whether it will not speak of `round` any more."""
        return (self.round or 0) > round

    @property
    def presence(self) -> Presence:
        """What it is taken for."""
        if not self.here:
            return Presence.GONE
        if self.unheard >= SILENCE_MAX:
            return Presence.SUSPECTED
        return Presence.LATE if self.lag > LAG_MAX else Presence.HERE

    @property
    def is_awaited(self) -> bool:
        """Whether it can be expected to speak in time."""
        return self.presence is Presence.HERE


class Acquaintances:
    """All neighbours of one peer, of whom it waits for those to whom it `gathers` before it begins."""

    def __init__(self, peers: Iterable[PeerId], gathers: Collection[PeerId] | None = None) -> None:
        self._all = {peer: Acquaintance() for peer in peers}
        self._gathers = list(self._all if gathers is None else gathers)
        self._expelled: set[PeerId] = set()
        self._witnesses = 2

    def __contains__(self, peer: PeerId) -> bool:
        return peer in self._all and peer not in self._expelled

    def __getitem__(self, peer: PeerId) -> Acquaintance:
        return self._all[peer]

    @property
    def sights(self) -> dict[PeerId, Sight]:
        """Each of them, as it is seen now."""
        return {peer: Sight(known.presence, known.round) for peer, known in self._all.items() if peer in self}

    @property
    def all_here(self) -> bool:
        """Whether everybody can be spoken to."""
        return all(self._all[peer].here for peer in self._gathers)

    @property
    def any_here(self) -> bool:
        """Whether somebody can be spoken to."""
        return any(known.here for known in self._all.values())

    @property
    def any_known(self) -> bool:
        """Whether somebody can be spoken to, or was heard before it left."""
        return any(known.here or known.round is not None for known in self._all.values())

    def here(self) -> list[PeerId]:
        """Who of those gathered can be spoken to, in growing order."""
        return sorted(peer for peer in self._gathers if self._all[peer].here)

    def admit(self, peer: PeerId) -> None:
        """`peer` is listed from now on, and not yet here."""
        self._expelled.discard(peer)
        self._all[peer] = Acquaintance()
        if peer not in self._gathers:
            self._gathers.append(peer)

    def expel(self, peer: PeerId) -> None:
        """`peer` is a stranger from now on; in the round that goes on, it is one who left."""
        self._expelled.add(peer)
        self._all[peer] = Acquaintance()
        self._gathers = [other for other in self._gathers if other != peer]

    def joined(self, peer: PeerId, round: int) -> None:
        """`peer` is there. Whoever comes when the run is under way is waited for once it has spoken."""
        self._all[peer] = Acquaintance(here=True, unheard=0 if round == 1 else SILENCE_MAX)

    def met(self, peer: PeerId) -> None:
        """`peer` takes part from now on; it is waited for once it has spoken."""
        self._all[peer].unheard = SILENCE_MAX

    def placed(self, peer: PeerId, round: int, own_round: int) -> None:
        """`peer` says that it is in `round`."""
        known = self._all[peer]
        known.round, known.lag = round, own_round - round

    def begun(self, peer: PeerId, round: int, own_round: int) -> None:
        """`peer` has begun or, where we knew that, says that it must wait."""
        known = self._all[peer]
        known.held = known.round is not None
        known.round, known.lag = round, own_round - round

    def heard(self, peer: PeerId, round: int, own_round: int) -> None:
        """`peer` spoke of `round` when we were in `own_round`."""
        known = self._all[peer]
        known.round, known.lag, known.held, known.unheard = round, own_round - round, False, 0

    def closed(self, peer: PeerId, *, heard: bool) -> bool:
        """A round of ours ended, with `peer` or without it; returns whether it is suspected from now on."""
        known = self._all[peer]
        known.unheard = 0 if heard else known.unheard + 1
        return known.here and known.unheard == SILENCE_MAX

    def most_are_behind(self, peers: Iterable[PeerId]) -> bool:
        """Whether more than half of those `peers` who are here speak of rounds too long past to be of use."""
        here = [self._all[peer] for peer in peers if self._all[peer].here]
        behind = [known for known in here if known.presence is Presence.LATE and known.lag > STALENESS_MAX]
        return 2 * len(behind) > len(here)

    def resume(self) -> None:
        """Believe one neighbour that the run is under way: an earlier life of ours took part in it."""
        self._witnesses = 1

    @property
    def is_under_way(self) -> bool:
        """Whether the run is, by what two say, or by what the only neighbour does."""
        ahead = sum((known.round or 0) > 1 for known in self._all.values())
        return ahead >= min(self._witnesses, len(self._gathers))

    def round_to_join(self, round: int, near: Container[PeerId] | None = None) -> int:
        """Where a peer in `round` should be: the lower median of those `near`, if two or more ahead.

        Whoever left ahead of us has finished and counts; whoever left behind us died and does not; whoever is
        here and has not begun is behind. Nobody goes further than more than a third of all `near`, here or
        not, say they are: liars that are heard first are a majority for as long.
        """
        listed = [known for peer, known in self._all.items() if near is None or peer in near]
        places = sorted(known.round or 0 for known in listed if known.here or (known.round or 0) > round)
        third = len(listed) // 3
        vouched = places[-1 - third] if len(places) > third else 0
        return caught_up(round, [min(place, vouched) for place in places])


def caught_up(round: int, places: Collection[int]) -> int:
    """The lower median of `places`, if that is two or more ahead of `round`; else `round`."""
    median = sorted(places)[(len(places) - 1) // 2] if places else 0
    return median if median > round + 1 else round
