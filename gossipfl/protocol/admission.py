"""Whether an update may be used: its values and its place in time, judged once for every driver.

Rules:
- An update that is refused changes nothing here; the peer that sent it may still send a good one.
- What outlives a link lives here: the last update accepted of each sender.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from gossipfl.errors import RemoteProtocolError
from gossipfl.learn.contracts import Array
from gossipfl.protocol.events import Effect, refused
from gossipfl.protocol.layout import Layout, layout_of
from gossipfl.protocol.memory import Place
from gossipfl.protocol.messages import PeerId, Update

SAMPLES_MAX = 1 << 40
DEGREE_MAX = 1 << 20
VALUE_MAX = 1e15
"""Far above any useful parameter, and low enough that 1e8 squares of it still sum in float32. Our guess."""

_PLAIN_MAX = 1e28
"""No value lies beyond `VALUE_MAX` if the sum of all squares is at most this, however it was rounded."""

REPLAYS_MAX = 16
"""A network says a thing twice or late a few times; who goes on between two new updates floods. Our guess."""


class ReplayWindow:
    """Lets each sender's updates through once: its boot epochs grow, and within one sequence and round do.

    Where a sender may `repeat`, it says several things of one round, and its sequence alone must grow.
    """

    def __init__(self, *, repeat: bool = False) -> None:
        self._repeat = repeat
        self.newest: dict[PeerId, Place] = {}
        self._replays: dict[PeerId, int] = {}  # of each sender since its last new update, or since it flooded

    def check(self, sender: PeerId, update: Update) -> None:
        """Raise `RemoteProtocolError` (replay, flood) unless `update` is newer than all of `sender`."""
        epoch, sequence, round_ = self.newest.get(sender, Place(-1, 0, 0))
        newer = update.sequence > sequence and update.round + self._repeat > round_
        if update.epoch < epoch or (update.epoch == epoch and not newer):
            said = f"Update {update.sequence} of round {update.round}"
            replays = self._replays[sender] = self._replays.get(sender, 0) + 1
            if replays > REPLAYS_MAX:
                self._replays[sender] = 0
                raise RemoteProtocolError("flood", f"{said} is the last of more than {REPLAYS_MAX} replays.")
            raise RemoteProtocolError("replay", f"{said} is not newer than {sequence} of round {round_}.")

    def accept(self, sender: PeerId, update: Update) -> None:
        """Let nothing at or before `update` through again."""
        self.newest[sender] = Place(update.epoch, update.sequence, update.round)
        if self._replays:
            self._replays.pop(sender, None)


class Admission:
    """Checks each update heard in a run of `rounds` rounds; payloads have `layout`, or else `whole`.

    A sender speaks once of each round, unless it may `repeat`.
    """

    def __init__(self, rounds: int, layout: Layout, whole: Layout, *, repeat: bool = False) -> None:
        self.rounds = rounds
        self.layout = layout
        self.whole = whole
        self._window = ReplayWindow(repeat=repeat)

    def refusal(self, sender: PeerId, update: Update) -> list[Effect]:
        """What to ask for if `update` of `sender` may not be used; nothing if it is accepted."""
        try:
            self.check(sender, update)
        except RemoteProtocolError as error:
            return refused(sender, error.reason)
        return []

    @property
    def newest(self) -> Mapping[PeerId, Place]:
        """Where each sender was with its newest update."""
        return dict(self._window.newest)

    def resume(self, newest: Mapping[PeerId, Place]) -> None:
        """Let nothing at or before these places through."""
        self._window.newest.update(newest)

    def check(self, sender: PeerId, update: Update) -> None:
        """Accept `update`, or raise `RemoteProtocolError`.

        Its reason is one of round, samples, degree, replay, flood, layout, non-finite, huge.
        """
        if not 1 <= update.round <= self.rounds:
            raise _beyond("round", update.round, self.rounds)
        if not 1 <= update.samples <= SAMPLES_MAX:
            raise _beyond("samples", update.samples, SAMPLES_MAX)
        if not 1 <= update.degree <= DEGREE_MAX:
            raise _beyond("degree", update.degree, DEGREE_MAX)
        self._window.check(sender, update)
        if layout_of(update.payload) != (self.whole if update.whole else self.layout):
            raise RemoteProtocolError("layout", "The payload does not have the layout agreed upon.")
        for array in update.payload:
            check_values(array)
        self._window.accept(sender, update)


def _beyond(name: str, value: int, most: int) -> RemoteProtocolError:
    return RemoteProtocolError(name, f"The {name} claimed is {value}, which is not in 1..{most}.")


def check_values(array: Array) -> None:
    """Raise `RemoteProtocolError`: huge, non-finite."""
    if array.dtype.char in "fd" and np.vdot(array, array) <= _PLAIN_MAX:
        return  # as it nearly always is: one pass over the values, where the least and the greatest take two
    low, high = float(array.min(initial=0)), float(array.max(initial=0))  # NaN passes through both
    if low >= -VALUE_MAX and high <= VALUE_MAX:
        return
    if low - low == 0.0 and high - high == 0.0:
        raise RemoteProtocolError("huge", f"A value lies beyond {VALUE_MAX:g}.")
    raise RemoteProtocolError("non-finite", "A value is not a finite number.")
