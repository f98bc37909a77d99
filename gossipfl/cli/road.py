"""One direction of a link between two processes: how late its bytes are, which are spoilt, whether it is cut.

Rules:
- It is TCP that is carried: bytes come in order, and none is lost for good. Lost packets make them late.
- A road reads no clock and does no input or output; times are seconds of whatever clock its user has.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

from gossipfl.protocol.messages import PeerId

SEGMENT_BYTES = 1460
"""What one packet of Ethernet holds of a TCP stream."""

RETRANSMISSION_S = 0.2
"""What TCP on Linux waits at least before it repeats a segment; each time it is lost, twice as long."""

REPEATS_MAX = 12
UPDATE_BYTES_MIN = 256
"""Shorter pieces hold no update, but greetings, pings and the like: they are not spoilt."""


@dataclass(frozen=True, slots=True)
class Weather:
    """What all roads of a run suffer; `latency_s` tells what each piece takes from one peer to another."""

    latency_s: Callable[[PeerId, PeerId], float] | None = None
    loss: float = 0.0
    corrupt: float = 0.0
    bandwidth_mbps: float | None = None
    seed: int = 0

    @property
    def fair(self) -> bool:
        """Whether there is none to speak of."""
        return self.latency_s is None and not self.loss and not self.corrupt and self.bandwidth_mbps is None


class Road:
    """From `sender` to `to`, in the `weather`."""

    def __init__(self, sender: PeerId, to: PeerId, weather: Weather) -> None:
        self.sender, self.to = sender, to
        self._weather = weather
        self._random = random.Random(f"{weather.seed} {sender} {to}")  # noqa: S311  weather, no secret
        self.last_at = 0.0
        """When the last of what left so far arrives."""
        self._free_at = 0.0

    def arrival(self, length: int, now: float) -> float:
        """When so many bytes that leave at `now` arrive, after all that left before them."""
        weather, at = self._weather, now
        if weather.bandwidth_mbps is not None:  # they queue behind one another
            self._free_at = max(self._free_at, now) + length * 8e-6 / weather.bandwidth_mbps
            at = self._free_at
        if weather.latency_s is not None:
            at += weather.latency_s(self.sender, self.to)
        if weather.loss:
            at += self._retransmission_s(length)
        self.last_at = max(self.last_at, at)
        return self.last_at

    def carried(self, data: bytes) -> bytes:
        """`data` as it arrives: now and then one bit is another."""
        weather = self._weather
        if len(data) < UPDATE_BYTES_MIN or self._random.random() >= weather.corrupt:
            return data
        spoilt = bytearray(data)
        spoilt[self._random.randrange(len(data))] ^= 1
        return bytes(spoilt)

    def _retransmission_s(self, length: int) -> float:
        """How late its unluckiest segment is: each is lost by chance, and so is each that repeats it."""
        segments = math.ceil(length / SEGMENT_BYTES)
        all_there = self._random.random() ** (1 / segments)
        repeats, still_lost = 0, self._weather.loss
        while 1 - still_lost < all_there and repeats < REPEATS_MAX:
            repeats += 1
            still_lost *= self._weather.loss
        return RETRANSMISSION_S * ((1 << repeats) - 1)
