"""Refusals counted by source and reason, and told so seldom that nobody fills a disk by being refused.

Rules:
- The first of one source for one reason is told at once, the next of them once an hour, with their count.
- Strangers share `STRANGERS_MAX` places; who finds none is counted with others. A place is free again after
  an hour in which nothing was counted: so there are at most so many lines an hour, however many strangers
  come.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

REFUSED_EVERY_S = 3600.0
"""An attack is seen at once, by its first line; how many there were can wait for an hour. Our guess."""

STRANGERS_MAX = 256
OTHERS = "other addresses"

TEXT_MAX = 200
"""Letters of a text in which others may have had a hand; escaped, each takes 12 bytes at most."""


class Refusals(NamedTuple):
    """So many refusals of one source, a `member` or not, for one reason; `detail` is that of the first."""

    source: str
    reason: str
    detail: str
    times: int
    member: bool


@dataclass(slots=True)
class _Tally:
    detail: str
    told_s: float
    count: int = 0


Pair = tuple[str, str]


class Tallies:
    """The refusals that were not told yet; `tell` is called with those that are due."""

    def __init__(self, tell: Callable[[Refusals], None]) -> None:
        self._tell = tell
        self._members: dict[Pair, _Tally] = {}  # and others: as many as there are names and reasons
        self._strangers: dict[Pair, _Tally] = {}

    def count(self, source: str, reason: str, detail: str, now_s: float, *, member: bool) -> None:
        """One more was refused; a `source` that is no member is an address."""
        source, reason, detail = source[:TEXT_MAX], reason[:TEXT_MAX], detail[:TEXT_MAX]
        places = self._members if member else self._strangers
        if not member and (source, reason) not in places and len(places) >= STRANGERS_MAX:
            source, detail, places = OTHERS, "", self._members
        if (tally := places.get((source, reason))) is not None:
            tally.count += 1
        else:
            places[source, reason] = _Tally(detail, now_s)
            self._tell(Refusals(source, reason, detail, 1, places is self._members))

    def tell_due(self, now_s: float, *, all_of_them: bool = False) -> None:
        """Tell what was counted for an hour, or `all_of_them`."""
        for places in (self._members, self._strangers):
            for pair, tally in list(places.items()):
                if not all_of_them and now_s - tally.told_s < REFUSED_EVERY_S:
                    continue
                if tally.count:
                    self._tell(Refusals(*pair, tally.detail, tally.count, places is self._members))
                    tally.told_s, tally.count = now_s, 0
                else:
                    del places[pair]
