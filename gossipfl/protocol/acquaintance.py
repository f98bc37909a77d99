"""What a peer knows of its neighbours: who is there, where each says it is, who has fallen silent.

Rules:
- Whoever is not listed is a stranger, and is unknown here.
- What a neighbour claims moves the median alone; a claim without updates makes nobody wait.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from gossipfl.protocol.messages import PeerId

LAG_MAX = 2
"""A neighbour further behind than so many rounds is not waited for until it has caught up. Our guess."""

SILENCE_MAX = 2
"""A neighbour unheard for so many rounds is not waited for until it speaks. Our guess."""


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
    def is_awaited(self) -> bool:
        """Whether it can be expected to speak in time."""
        return self.here and self.lag <= LAG_MAX and self.unheard < SILENCE_MAX


class Acquaintances:
    """All neighbours of one peer."""

    def __init__(self, peers: Iterable[PeerId]) -> None:
        self._all = {peer: Acquaintance() for peer in peers}

    def __contains__(self, peer: PeerId) -> bool:
        return peer in self._all

    def __getitem__(self, peer: PeerId) -> Acquaintance:
        return self._all[peer]

    @property
    def all_here(self) -> bool:
        """Whether everybody can be spoken to."""
        return all(known.here for known in self._all.values())

    @property
    def any_here(self) -> bool:
        """Whether somebody can be spoken to."""
        return any(known.here for known in self._all.values())

    def here(self) -> list[PeerId]:
        """Who can be spoken to, in growing order."""
        return sorted(peer for peer, known in self._all.items() if known.here)

    def joined(self, peer: PeerId, round: int) -> None:
        """`peer` is there. Whoever comes when the run is under way is waited for once it has spoken."""
        self._all[peer] = Acquaintance(here=True, unheard=0 if round == 1 else SILENCE_MAX)

    def begun(self, peer: PeerId, round: int, own_round: int) -> None:
        """`peer` has begun or, where we knew that, says that it must wait."""
        known = self._all[peer]
        known.held = known.round is not None
        known.round, known.lag = round, own_round - round

    def heard(self, peer: PeerId, round: int, own_round: int) -> None:
        """`peer` spoke of `round` when we were in `own_round`."""
        known = self._all[peer]
        known.round, known.lag, known.held, known.unheard = round, own_round - round, False, 0

    def closed(self, peer: PeerId, *, heard: bool) -> None:
        """A round of ours ended, with `peer` or without it."""
        known = self._all[peer]
        known.unheard = 0 if heard else known.unheard + 1

    @property
    def is_under_way(self) -> bool:
        """Whether the run is, by what two say, or by what the only neighbour does."""
        return sum((known.round or 0) > 1 for known in self._all.values()) >= min(2, len(self._all))

    def round_to_join(self, round: int) -> int:
        """Where a peer in `round` should be: the lower median of its neighbours, if two or more ahead.

        Whoever left ahead of us has finished and counts; whoever left behind us died and does not; whoever is
        here and has not begun is behind.
        """
        places = [
            known.round or 0 for known in self._all.values() if known.here or (known.round or 0) > round
        ]
        return caught_up(round, places)


def caught_up(round: int, places: Collection[int]) -> int:
    """The lower median of `places`, if that is two or more ahead of `round`; else `round`."""
    median = sorted(places)[(len(places) - 1) // 2] if places else 0
    return median if median > round + 1 else round
