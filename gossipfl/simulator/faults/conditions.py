"""Rules for a network as it is: what messages take, and which are lost, doubled, overtaken or broken."""

from __future__ import annotations

from collections.abc import Callable
from math import exp

import numpy as np
from numpy.typing import NDArray

from gossipfl.protocol.messages import Message, PeerId, Update
from gossipfl.simulator.faults.chances import Chances
from gossipfl.simulator.faults.verdicts import LOST, PASS, Corrupt, Deliver, Instead, Verdict

REORDERED_S = 1.0
"""How much longer a message takes, in the mean, that others may overtake. Our guess."""

_CORRUPT = Corrupt()


class Latency:
    """Each message takes `latency_s`, and up to `jitter_s` more, evenly distributed."""

    def __init__(self, latency_s: float, jitter_s: float = 0.0, seed: int = 0) -> None:
        self._least = Deliver(latency_s)
        self._jitter_s = jitter_s
        self._chances = Chances(seed, "latency")

    def __call__(self, sender: PeerId, to: PeerId, message: Message, now: float) -> Verdict:
        """Delay."""
        if not self._jitter_s:
            return self._least
        return Deliver(self._least.delay_s + self._jitter_s * self._chances.next(sender))


class LogNormalLatency:
    """Each message takes `latency_s` in the median, with a logarithm of the standard deviation `sigma`."""

    def __init__(self, latency_s: float, sigma: float, seed: int = 0) -> None:
        self._median_s = latency_s
        self._sigma = sigma
        self._chances = Chances(seed, "latency-normal", normal=True)

    def __call__(self, sender: PeerId, to: PeerId, message: Message, now: float) -> Verdict:
        """Delay."""
        return Deliver(self._median_s * exp(self._sigma * self._chances.next(sender)))


class LatencyMatrix:
    """A message from one peer to another takes `seconds[one][other]` (n, n)."""

    def __init__(self, seconds: NDArray[np.float64]) -> None:
        self._verdicts = [[Deliver(each) for each in row] for row in seconds.tolist()]

    def __call__(self, sender: PeerId, to: PeerId, message: Message, now: float) -> Verdict:
        """Delay."""
        return self._verdicts[sender][to]


class Loss:
    """Each update is lost with `probability`, independently; a link repeats whatever else it loses."""

    def __init__(self, probability: float, seed: int = 0) -> None:
        self._probability = probability
        self._chances = Chances(seed, "loss")

    def __call__(self, sender: PeerId, to: PeerId, message: Message, now: float) -> Verdict:
        """Lose, or not."""
        lost = isinstance(message, Update) and self._chances.next(sender) < self._probability
        return LOST if lost else PASS


class Duplication:
    """Each update arrives twice with `probability`."""

    def __init__(self, probability: float, seed: int = 0) -> None:
        self._probability = probability
        self._chances = Chances(seed, "duplication")

    def __call__(self, sender: PeerId, to: PeerId, message: Message, now: float) -> Verdict:
        """Say it twice, or not."""
        twice = isinstance(message, Update) and self._chances.next(sender) < self._probability
        return Instead((message, message)) if twice else PASS


class Reordering:
    """Each update takes up to twice `REORDERED_S` longer with `probability`, and others overtake it."""

    def __init__(self, probability: float, seed: int = 0) -> None:
        self._probability = probability
        self._chances = Chances(seed, "reordering")

    def __call__(self, sender: PeerId, to: PeerId, message: Message, now: float) -> Verdict:
        """Hold back, or not."""
        if not isinstance(message, Update) or self._chances.next(sender) >= self._probability:
            return PASS
        return Deliver(2 * REORDERED_S * self._chances.next(sender), in_order=False)


class Corruption:
    """Each update arrives broken with `probability`."""

    def __init__(self, probability: float, seed: int = 0) -> None:
        self._probability = probability
        self._chances = Chances(seed, "corruption")

    def __call__(self, sender: PeerId, to: PeerId, message: Message, now: float) -> Verdict:
        """Break, or not."""
        broken = isinstance(message, Update) and self._chances.next(sender) < self._probability
        return _CORRUPT if broken else PASS


class Bandwidth:
    """A link carries `bits_per_s`, one message after the other: what is said meanwhile waits."""

    def __init__(self, bits_per_s: float, message_bytes: Callable[[Message], int]) -> None:
        self._bits_per_s = bits_per_s
        self._message_bytes = message_bytes
        self._free_at: dict[tuple[PeerId, PeerId], float] = {}

    def __call__(self, sender: PeerId, to: PeerId, message: Message, now: float) -> Verdict:
        """Delay by what is before it, and by its own length."""
        takes_s = 8 * self._message_bytes(message) / self._bits_per_s
        free_at = max(now, self._free_at.get((sender, to), 0.0)) + takes_s
        self._free_at[sender, to] = free_at
        return Deliver(free_at - now)
