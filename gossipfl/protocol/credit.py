"""How much somebody may make us do: so much at once, and so much a second in the long run."""

from __future__ import annotations

from collections.abc import Hashable


class Credit:
    """An account for each who was met; it holds `most`, and fills by `per_s` a second."""

    def __init__(self, most: float, per_s: float) -> None:
        self._most = most
        self._per_s = per_s
        self._left: dict[Hashable, tuple[float, float]] = {}  # what is left of it, and when

    def has(self, who: Hashable, now: float) -> bool:
        """Whether `who` has 1 left at `now`."""
        return self._of(who, now) >= 1.0

    def take(self, who: Hashable, now: float) -> bool:
        """Take 1 of `who`, if it has that."""
        left = self._of(who, now)
        self._left[who] = left - (left >= 1.0), now
        return left >= 1.0

    def give(self, who: Hashable, now: float) -> None:
        """Give 1 back to `who`."""
        self._left[who] = min(self._most, self._of(who, now) + 1.0), now

    def _of(self, who: Hashable, now: float) -> float:
        left, at = self._left.get(who, (self._most, now))
        return min(self._most, left + (now - at) * self._per_s)
