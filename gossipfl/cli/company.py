"""Who is with a node, who has been, and who was turned away instead: at its door, or at theirs."""

from __future__ import annotations

import time
from collections.abc import Callable

LATELY_S = 120.0
"""A refusal so long ago says nothing of now: whoever is away is dialled each 30 s at least. Our guess."""

REFUSED_US = "refused-us"
STRUCK_OFF = ("revoked", "removed")


class Company:
    """The neighbours of a node, by name."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.here: set[str] = set()
        self.seen: set[str] = set()
        self._clock = clock
        self._away: dict[str, tuple[float, str]] = {}  # when, and how it was turned away
        self._struck_off: dict[str, str] = {}  # by whom, and how

    def came(self, name: str) -> None:
        """The link to `name` is there."""
        self.here.add(name)
        self.seen.add(name)
        self._away.pop(name, None)
        self._struck_off.pop(name, None)

    def went(self, name: str) -> None:
        """The link to `name` is down."""
        self.here.discard(name)
        self._away.pop(name, None)

    def turned_away(self, name: str, reason: str, detail: str) -> tuple[str, ...]:
        """A link to `name` was refused, by it or by the node; what an operator must know of it, once."""
        how = "refuses this node" if reason == REFUSED_US else f"is refused ({reason})"
        word, known = detail.partition(":")[0], name in self._struck_off
        if reason == REFUSED_US and word in STRUCK_OFF:
            self._struck_off[name] = (
                f"{name} says that the members {word} this node, and hears it no more: ask its operator"
            )
        words = self._struck_off.get(name) or f"{name} {how}: {detail}".rstrip(".")
        self._away[name] = self._clock(), words
        return (words,) if name in self._struck_off and not known else ()

    @property
    def trouble(self) -> str:
        """That nobody is there because somebody is turned away, in words; empty if that is not so."""
        now = self._clock()
        lately = [words for at, words in self._away.values() if now - at < LATELY_S]
        return f"no neighbour is here; {lately[-1]}" if lately and not self.here else ""
