"""Numbers to draw faults by: a stream for each sender, so that the same seed meets the same messages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from gossipfl.draws import Draws
from gossipfl.learn.contracts import Array
from gossipfl.protocol.messages import PeerId

_BLOCK = 256


@dataclass(slots=True)
class Chances:
    """A stream of uniform numbers in [0, 1) for each sender, or `normal` ones, drawn in blocks."""

    seed: int
    purpose: str
    normal: bool = False
    _blocks: dict[PeerId, list[float]] = field(default_factory=dict)
    _lanes: dict[PeerId, int] = field(default_factory=dict)

    def next(self, sender: PeerId) -> float:
        """The next number of `sender`'s stream."""
        block = self._blocks.get(sender)
        if not block:
            lane = self._lanes.get(sender, 0)
            self._lanes[sender] = lane + 1
            block = self._blocks[sender] = np.flip(self._drawn(sender)(_BLOCK, lane)).tolist()
        return block.pop()

    def _drawn(self, sender: PeerId) -> Callable[[int, int], Array]:
        draws = Draws(self.seed, sender)
        return partial(draws.normal if self.normal else draws.uniform, self.purpose)
