"""Whether the rounds of a node go on: it is stuck if none was closed in many times the usual.

Rules:
- Nobody says what is usual: it is the median of the last rounds.
- Before its first round a node waits for others, as long as its file says; that is no trouble.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

RECENT = 8
"""Rounds that tell what is usual. Our guess."""

FACTOR = 10.0
"""How many times the usual a round may take. Our guess."""

FLOOR_S = 60.0
"""What any round may take: pauses of a busy machine are shorter. Our guess."""

FIRST_S = 600.0
"""What the first round may take, once others are waited for no more. Our guess."""


class Pulse:
    """The rounds of a node that waits for others for `gather_s` at most, once the first of them is there."""

    def __init__(self, gather_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since = clock()
        self._first_s = gather_s + FIRST_S
        self._recent_s: deque[float] = deque(maxlen=RECENT)

    def closed(self, duration_s: float) -> None:
        """A round was closed now, and took so long."""
        self._since = self._clock()
        self._recent_s.append(duration_s)

    @property
    def last_s(self) -> float | None:
        """How long the last round took, in seconds; None before the first."""
        return self._recent_s[-1] if self._recent_s else None

    @property
    def age_s(self) -> float:
        """Seconds since a round was closed, or since the node began."""
        return self._clock() - self._since

    @property
    def limit_s(self) -> float:
        """From which age on the node is stuck, in seconds."""
        if not self._recent_s:
            return self._first_s
        return max(FLOOR_S, FACTOR * sorted(self._recent_s)[len(self._recent_s) // 2])

    @property
    def trouble(self) -> str:
        """That the node is stuck, in words; empty if it is not."""
        age_s, limit_s = self.age_s, self.limit_s
        return (
            f"no round was closed for {age_s:.0f} s; {limit_s:.0f} s are its limit" if age_s > limit_s else ""
        )
