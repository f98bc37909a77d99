"""A bound on everything that a node spends on others: seconds, connections, frames, retries.

Figures without a source are our guess.
"""

from __future__ import annotations

import random

CONNECT_S = 5.0
HANDSHAKE_S = 5.0
HANDSHAKE_BYTES_MAX = 16 * 1024
"""How much is read of somebody unknown: a handshake takes some 2 KiB, and OpenSSL would take 128 KiB."""

HELLO_S = 5.0
HEADER_S = 5.0
"""How long a frame may take until its header is there; Ethereum allows its handshake as much."""

BODY_S = 10.0
BODY_BYTES_PER_S = 64 * 1024
"""A body may take `BODY_S` and a second for each 64 KiB."""

TICK_S = 0.25
PING_TICKS = 4
SUSPECT_TICKS = 10
"""Who was silent for so many ticks is suspected: three pings of one a second, and half a second."""

SILENT_TICKS_MAX = 20
"""A link that was silent for so many ticks is dead: five missed pings of one a second.

Ticks are of our own clock: one that comes late counts once, so that all waits grow with our own lateness.
Dadgar, Phillips & Currey (2018), "Lifeguard: local health awareness for more accurate failure detection".
"""

DRAIN_S = 5.0
CLOSE_S = 1.0
STRANGERS_MAX = 128
STRANGERS_PER_HOST_MAX = 16
"""Connections that have not yet said who they are; Bitcoin keeps 125 connections in all."""

CONNECTIONS_PER_MEMBER_MAX = 2
"""One that is used, and one that is about to replace it."""

WINDOW_S = 5.0
WINDOW_HEADERS_BYTES = 4096
WINDOW_PER_S = 10.0
WINDOW_BURST = 50.0
"""How long an operator's request may take in all, how long its headers are, and how often one is answered."""

FRAMES_PER_S = 20.0
FRAMES_BURST = 60.0
GUESTS_MAX = 16
"""Members at once that are no neighbours; whoever has been there longest makes room. Our guess."""

ARRIVALS_PER_S = 0.5
ARRIVALS_BURST = 10.0
"""How often one neighbour may come anew: each time its peers forget how slow it was."""

HASHERS = 4
"""Threads that hash a large update before it is offered."""

RECEIVE_BYTES = 256 * 1024
UNHASHED_BYTES = 1 << 20
UNHASHED_BYTES_MAX = 4 << 20
"""How much of an update arrives before a thread hashes it, and how much before its sender must wait."""


def body_s(body_bytes: int) -> float:
    """How many seconds a body of so many bytes may take."""
    return BODY_S + body_bytes / BODY_BYTES_PER_S


class Backoff:
    """Pauses between dials: from 0.2 s doubling to 30 s, each drawn from all below it ("full jitter").

    Brooker (AWS, 2015), "Exponential backoff and jitter".
    """

    FIRST_S = 0.2
    LAST_S = 30.0
    NEAR_S = 2.0
    """The longest pause for whom was there lately: once a cut is healed, both sides dial within seconds."""

    def __init__(self) -> None:
        self._random = random.SystemRandom()
        self.reset()

    def reset(self) -> None:
        """Begin again at the shortest pause."""
        self._ceiling_s = self.FIRST_S

    def pause_s(self, *, near: bool = False) -> float:
        """How long to wait before the next dial, of somebody who was there lately if `near`."""
        ceiling_s, self._ceiling_s = self._ceiling_s, min(self._ceiling_s * 2, self.LAST_S)
        return self._random.uniform(0.0, min(ceiling_s, self.NEAR_S) if near else ceiling_s)


class Allowance:
    """Lets `burst` things through at once and `per_s` a second in the long run."""

    def __init__(self, per_s: float, burst: float, now: float) -> None:
        self._per_s, self._burst = per_s, burst
        self._left, self._at = burst, now

    def take(self, now: float) -> bool:
        """Whether one more may pass at `now`."""
        self._left = min(self._burst, self._left + (now - self._at) * self._per_s)
        self._at = now
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True
