"""What a peer has heard and not yet used: the two newest updates of each neighbour.

Rules:
- Two, because a neighbour that has heard us may speak of the next round while we wait for others in this one.
- Each update is used at most once, and nothing that is too old is gone by: see `Staleness`.
"""

from __future__ import annotations

from collections.abc import Callable, Container

from gossipfl.protocol.messages import PeerId, Update

STALENESS_MAX = 3
"""In rounds. Our guess; a model three rounds old still helps more than silence."""

WAITING_MAX = 2
"""Updates kept of each neighbour."""


class Inbox:
    """The updates that wait to be used, by sender and round."""

    def __init__(self) -> None:
        self._waiting: dict[PeerId, dict[int, Update]] = {}

    @property
    def empty(self) -> bool:
        """Whether nothing waits."""
        return not any(self._waiting.values())

    def put(self, sender: PeerId, update: Update) -> None:
        """Keep `update`; the oldest of its sender makes room."""
        waiting = self._waiting.setdefault(sender, {})
        waiting[update.round] = update
        if len(waiting) > WAITING_MAX:
            del waiting[min(waiting)]

    def forget(self, sender: PeerId) -> None:
        """What `sender` said is not used."""
        self._waiting.pop(sender, None)

    def holds(self, sender: PeerId, round: int) -> bool:
        """Whether `sender` has already spoken of `round` or a later one."""
        waiting = self._waiting.get(sender)
        return max(waiting) >= round if waiting else False

    def take(
        self, round: int, *, due: Container[PeerId] | None = None, most: Callable[[PeerId], int] | None = None
    ) -> list[tuple[PeerId, list[Update]]]:
        """The updates of each sender to use in `round`, in growing order of senders and of rounds.

        The last of each is the one to go by: the newest that is not of a later round, nor older than `most`
        says of its sender, or `STALENESS_MAX` rounds. A sender that is ahead by two rounds or more will not
        speak of ours again, so its earliest is used instead, if it is `due` in this round: by default
        everybody always is.
        """
        taken = []
        for sender in sorted(self._waiting):
            waiting = self._waiting[sender]
            if len(waiting) == 1 and round in waiting:  # as it nearly always is
                taken.append((sender, [waiting.pop(round)]))
                continue
            staleness = most(sender) if most else STALENESS_MAX
            usable = [other for other in waiting if round - staleness <= other <= round]
            if usable:
                last = max(usable)
            elif waiting and min(waiting) > round + 1 and (due is None or sender in due):
                last = min(waiting)
            else:
                continue
            taken.append((sender, [waiting.pop(other) for other in sorted(waiting) if other <= last]))
        return taken
