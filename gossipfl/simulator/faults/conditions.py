"""Rules for a network as it is: what each message takes, and which never arrive."""

from __future__ import annotations

from gossipfl.protocol.messages import Message, PeerId, Update
from gossipfl.simulator.faults.chances import Chances
from gossipfl.simulator.faults.verdicts import LOST, PASS, Deliver, Verdict


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


class Loss:
    """Each update is lost with `probability`, independently; a link repeats whatever else it loses."""

    def __init__(self, probability: float, seed: int = 0) -> None:
        self._probability = probability
        self._chances = Chances(seed, "loss")

    def __call__(self, sender: PeerId, to: PeerId, message: Message, now: float) -> Verdict:
        """Lose, or not."""
        lost = isinstance(message, Update) and self._chances.next(sender) < self._probability
        return LOST if lost else PASS
