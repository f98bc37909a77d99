"""What waits to be said on one link: a few control frames, one update that asks for an answer, one other."""

from __future__ import annotations

import trio

from gossipfl.protocol.messages import Update


class Outbox:
    """Control frames go first, equal ones once, as they were put last; a newer update replaces its like.

    A frame in no hurry leaves with whatever is said next: what is said by itself costs both sides most.
    """

    def __init__(self) -> None:
        self._control: dict[bytes, None] = {}
        self._updates: dict[bool, Update] = {}  # by whether it asks: a question is no newer answer
        self._closed = False
        self._filled = trio.Event()
        self._emptied = trio.Event()

    def say(self, frame: bytes, *, hurries: bool = True) -> None:
        """Put a control frame."""
        if not self._closed:
            self._control.pop(frame, None)  # what is said last must be heard last
            self._control[frame] = None
            self._wake(hurries=hurries)

    def put(self, update: Update) -> bool:
        """Put an update; returns whether one was lost by that."""
        if self._closed:
            return True
        replaced = self._updates.pop(update.asks, None) is not None
        self._updates[update.asks] = update
        self._wake()
        return replaced

    def close(self) -> int:
        """Send nothing more; returns how many updates were lost by that."""
        lost, self._closed = len(self._updates), True
        self._updates.clear()
        self._emptied.set()
        return lost

    def control(self) -> bytes:
        """All control frames that wait, which from then on wait no more."""
        frames = b"".join(self._control)
        self._control.clear()
        return frames

    async def next(self) -> Update | bytes:
        """What to send next, once there is something; to ask again is to say that the last is sent."""
        while True:
            if frames := self.control():
                return frames
            if self._updates:
                return self._updates.pop(next(iter(self._updates)))
            self._emptied.set()
            self._filled = trio.Event()
            await self._filled.wait()

    async def word(self) -> bytes:
        """Control frames once there are some, or nothing after a `stir`; updates wait."""
        if not self._control:
            self._filled = trio.Event()
            await self._filled.wait()
        return self.control()

    def stir(self) -> None:
        """Whoever waits for a word may look up."""
        self._filled.set()

    def waits(self, update: Update) -> bool:
        """Whether a newer update of the kind of `update` waits."""
        return update.asks in self._updates

    async def drained(self) -> None:
        """Wait until all that was put is sent, or nothing more will be."""
        self.stir()
        await self._emptied.wait()

    def _wake(self, *, hurries: bool = True) -> None:
        if hurries:
            self._filled.set()
        if self._emptied.is_set():
            self._emptied = trio.Event()
