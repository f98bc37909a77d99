"""The book of what was said and of what was used: the oracle that no peer can see."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from gossipfl.learn.contracts import Array
from gossipfl.protocol.messages import PeerId


class Violation(AssertionError):  # noqa: N818  (a rule that was broken, not an error of the swarm)
    """Something that must always hold does not: `rule` is its name, the text one sentence."""

    def __init__(self, rule: str, sentence: str) -> None:
        super().__init__(sentence)
        self.rule = rule


class Said(NamedTuple):
    """Words that were signed: by whom, in which of its lives, of which round."""

    sender: PeerId
    life: int
    round: int
    vector: bytes


class Book:
    """Each words have a number of their own, by which each use of them is told."""

    def __init__(self) -> None:
        self.checks: Counter[str] = Counter()
        self.said: list[Said] = []
        self._used: set[tuple[PeerId, int, int]] = set()

    def write(self, sender: PeerId, life: int, round: int, vector: Array) -> int:
        """The number of what `sender` says."""
        self.said.append(Said(sender, life, round, vector.tobytes()))
        return len(self.said) - 1

    def use(
        self, user: PeerId, life: int, number: float, vector: Array, neighbours: tuple[PeerId, ...]
    ) -> None:
        """`user` takes `vector`, said under `number`, into its model."""
        self.checks["used once, as it was signed"] += 1
        if not 0 <= number < len(self.said):
            raise Violation("unsigned", f"Peer {user} used words that nobody ever said.")
        said = self.said[int(number)]
        if said.sender not in neighbours:
            raise Violation(
                "unsigned", f"Peer {user} used words of {said.sender}, who is not listed with it."
            )
        if said.vector != vector.tobytes():
            raise Violation("unsigned", f"Peer {user} used other words of {said.sender} than it said.")
        self.use_once(user, life, int(number), f"what peer {said.sender} said of round {said.round}")

    def use_once(self, user: PeerId, life: int, key: object, words: str) -> None:
        """`user` takes in, in this `life`, what `key` stands for."""
        use = user, life, key
        if use in self._used:
            raise Violation("used twice", f"Peer {user} used {words} twice.")
        self._used.add(use)  # type: ignore[arg-type]
