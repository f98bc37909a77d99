"""What is still to happen: by time, and of one moment in the order in which it was put down.

Rules:
- The heap holds moments, not what happens in them: where many things happen at once, as in peers that work in
  step, it stays small.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Agenda(Generic[Item]):
    """Items to come."""

    def __init__(self) -> None:
        self._moments: list[float] = []  # a heap, each once
        self._items: dict[float, list[Item]] = {}

    def put(self, at: float, item: Item) -> None:
        """Put `item` down for the moment `at`, which is not over."""
        items = self._items.get(at)
        if items is None:
            self._items[at] = [item]
            heapq.heappush(self._moments, at)
        else:
            items.append(item)

    def __iter__(self) -> Iterator[tuple[float, Item]]:
        """Each moment and item, until there are no more; what is put down meanwhile takes its place."""
        while self._moments:
            moment = self._moments[0]
            for item in self._items[moment]:  # and what is put down for this moment while it lasts
                yield moment, item
            heapq.heappop(self._moments)
            del self._items[moment]
