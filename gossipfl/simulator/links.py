"""Links between peers in virtual time: what arrives in which order, what is cut, and which ends know.

Rules:
- A link delivers in order, as TCP does.
- A cut link loses what is said; its ends see one another leave once they have been silent for `DETECTED_S`.
- A link that was closed and can be opened again is, `REDIAL_S` later.
"""

from __future__ import annotations

from collections.abc import Iterable

from gossipfl.protocol.messages import Message, PeerId
from gossipfl.simulator.faults.cuts import Link
from gossipfl.simulator.faults.verdicts import LOST, PASS, Verdict

REDIAL_S = 1.0
"""How long after a link was dropped, or could be had again, it is dialled."""

DIALLED_S = 0.2
"""So soon a peer that was switched on again has dialled its neighbours, as a node does at first."""

DETECTED_S = 5.0
"""After so many seconds of silence a neighbour is given up, as a node's failure detector does."""

LINKS_KEPT = 10_000
"""So many links may be empty and remembered: where anybody speaks to anybody, there are too many of them."""


class Links:
    """All links of a network; as a rule, it loses what is said on those that are cut or closed."""

    def __init__(self) -> None:
        self._free_at: dict[Link, float] = {}
        self._kept_max = LINKS_KEPT
        self._cuts: list[frozenset[Link]] = []
        self._blocked: frozenset[Link] = frozenset()
        self.silent: set[PeerId] = set()  # they stand still, and have been given up
        self.closed: set[Link] = set()  # the smaller number first

    def __call__(self, sender: PeerId, to: PeerId, message: Message, now: float) -> Verdict:
        """Lose what is said where nothing arrives."""
        return LOST if (sender, to) in self._blocked or link(sender, to) in self.closed else PASS

    # Order

    def reaches(self, now: float, one: PeerId, other: PeerId, delay_s: float = 0.0) -> float:
        """When something that leaves `one` now is known to `other`: after all that left before it."""
        return max(now + delay_s, self._free_at.get((one, other), 0.0))

    def fill(self, now: float, one: PeerId, other: PeerId, until: float) -> None:
        """Nothing that leaves later may arrive before `until`."""
        self._free_at[one, other] = until
        if len(self._free_at) > self._kept_max:
            self._free_at = {link: at for link, at in self._free_at.items() if at > now}
            self._kept_max = LINKS_KEPT + 2 * len(self._free_at)

    # Cuts

    def can_open(self, one: PeerId, other: PeerId) -> bool:
        """Whether each would hear the other."""
        cut = (one, other) in self._blocked or (other, one) in self._blocked
        return not cut and one not in self.silent and other not in self.silent

    def cut(self, cut: frozenset[Link]) -> None:
        """From now on nothing arrives on the links of `cut`."""
        self._cuts.append(cut)
        self._blocked = frozenset().union(*self._cuts)

    def heal(self, cut: frozenset[Link]) -> None:
        """What `cut` cut is whole again, but for what others cut."""
        self._cuts.remove(cut)
        self._blocked = frozenset().union(*self._cuts)

    def is_cut(self, cut: frozenset[Link]) -> bool:
        """Whether `cut` has not healed."""
        return any(each is cut for each in self._cuts)


def link(one: PeerId, other: PeerId) -> Link:
    """What joins both, said the same way by either."""
    return (one, other) if one < other else (other, one)


def links(cut: Iterable[Link]) -> list[Link]:
    """The links of `cut`, each once, in growing order."""
    return sorted({link(*each) for each in cut})
