"""What may happen to a message: a verdict, given by any callable `(sender, to, message, now)`.

Rules:
- Rules are asked in order: delays add up, the first loss is final.
- A rule draws by sender and message count, so the same seed loses and delays the same messages.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from gossipfl.draws import Draws
from gossipfl.errors import SettingsError
from gossipfl.protocol.messages import Message, PeerId, Update


@dataclass(frozen=True, slots=True)
class Pass:
    """Nothing happens to the message."""


@dataclass(frozen=True, slots=True)
class Deliver:
    """The message takes `delay_s` longer."""

    delay_s: float


@dataclass(frozen=True, slots=True)
class Lost:
    """The message never arrives."""


Verdict = Pass | Deliver | Lost
Rule = Callable[[PeerId, PeerId, Message, float], Verdict]

PASS, LOST = Pass(), Lost()


def judge(rules: Sequence[Rule], sender: PeerId, to: PeerId, message: Message, now: float) -> float | None:
    """The delay in seconds that all `rules` give the message together; None if it is lost."""
    delay_s = 0.0
    for rule in rules:
        verdict = rule(sender, to, message, now)
        if isinstance(verdict, Deliver):
            delay_s += verdict.delay_s
        elif isinstance(verdict, Lost):
            return None
        elif not isinstance(verdict, Pass):
            raise SettingsError(
                f"A fault rule returned {verdict!r:.40}: let it return Pass(), Deliver(seconds) or Lost()."
            )
    return delay_s


@dataclass(slots=True)
class Chances:
    """A stream of uniform numbers in [0, 1) for each sender, drawn in blocks."""

    seed: int
    purpose: str
    _blocks: dict[PeerId, list[float]] = field(default_factory=dict)
    _lanes: dict[PeerId, int] = field(default_factory=dict)

    def next(self, sender: PeerId) -> float:
        """The next number of `sender`'s stream."""
        block = self._blocks.get(sender)
        if not block:
            lane = self._lanes.get(sender, 0)
            self._lanes[sender] = lane + 1
            drawn = Draws(self.seed, sender).uniform(self.purpose, 256, lane)
            block = self._blocks[sender] = np.flip(drawn).tolist()
        return block.pop()


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
