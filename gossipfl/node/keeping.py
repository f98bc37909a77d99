"""Writes what a peer must not forget, in a thread of its own: no round waits for a disk.

Rules:
- Where a disk is slower than the rounds, the newest alone is written.
- What is written last is waited for, but not for ever.
"""

from __future__ import annotations

from collections.abc import Callable

import trio

from gossipfl.protocol.memory import Memory

LAST_WRITE_S = 30.0
"""How long a node that ends waits for its disk. Our guess."""


class Keeping:
    """Hands to `write`, in a thread, what `remember` tells of each round."""

    def __init__(self, remember: Callable[[int], Memory], write: Callable[[Memory], None]) -> None:
        self._remember = remember
        self._write = write
        self._newest: Memory | None = None
        self._wake = trio.Event()
        self._idle = trio.Event()
        self._thread = trio.CapacityLimiter(1)

    def closed(self, round: int) -> None:
        """`round` is closed: what the peer remembers now is to be written."""
        self._newest = self._remember(round)
        self._idle = trio.Event()
        self._wake.set()

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await self._wake.wait()
            while (memory := self._newest) is not None:
                self._newest = None
                await trio.to_thread.run_sync(
                    self._write, memory, abandon_on_cancel=True, limiter=self._thread
                )
            self._wake = trio.Event()
            self._idle.set()

    async def close(self) -> None:
        """Wait until all is written, or the disk has had its time."""
        if self._wake.is_set():
            with trio.move_on_after(LAST_WRITE_S):
                await self._idle.wait()
