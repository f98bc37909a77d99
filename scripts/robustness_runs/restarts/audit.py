"""What the records of nodes tell: which updates went into their models, in the lives that were not forgotten.

Rules:
- A life that goes on after round r has forgotten what earlier lives did after it: there, using the same once
  more is no harm.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

Record = dict[str, Any]
Word = tuple[int, int, int, int]
"""Of an update that was used: the neighbour, its boot epoch, its round and its sequence."""


@dataclass
class Audit:
    """What one node did, by its records in their order."""

    records: Iterable[Record]
    epochs: list[int] = field(default_factory=list)
    resumed: int = 0  # lives that went on from a checkpoint
    forgotten: list[int] = field(default_factory=list)  # rounds that each of them had to do again
    rounds: list[int] = field(default_factory=list)  # closed, of those not forgotten
    ever_used: Counter[Word] = field(default_factory=Counter)
    warnings: list[str] = field(default_factory=list)
    quarantined: int = 0
    longest_s: float = 0.0

    def __post_init__(self) -> None:
        self._used: list[tuple[Word, ...]] = []  # in each of `rounds`
        for record in self.records:
            self._take(record)

    def _take(self, record: Record) -> None:
        match record["kind"]:
            case "started":
                self.epochs.append(record["epoch"])
                self._go_on(record["round"])
            case "round":
                words = tuple((one[0], one[1], one[2], one[3]) for one in record["used"])
                self.rounds.append(record["round"])
                self._used.append(words)
                self.ever_used.update(words)
                self.longest_s = max(self.longest_s, record["duration_s"])
            case "warning":
                self.warnings.append(record["words"])
            case "quarantined":
                self.quarantined += 1

    def _go_on(self, round_: int) -> None:
        """A life begins that remembers the rounds up to `round_`."""
        kept = sum(each <= round_ for each in self.rounds)
        if round_:
            self.resumed += 1
            self.forgotten.append(len(self.rounds) - kept)
        del self.rounds[kept:], self._used[kept:]

    @property
    def used_twice(self) -> list[Word]:
        """Updates that are in the model more than once."""
        counts = Counter(word for words in self._used for word in words)
        return [word for word, times in counts.items() if times > 1]

    @property
    def applied(self) -> int:
        """How many updates are in the model."""
        return sum(map(len, self._used))

    @property
    def lost_rounds(self) -> int:
        """How many rounds it leapt over, or closed twice."""
        return sum(after != before + 1 for before, after in pairwise([0, *self.rounds]))

    @property
    def epochs_grow(self) -> bool:
        """Whether each life had a later boot epoch than the one before."""
        return all(before < after for before, after in pairwise(self.epochs))


def used_again(audits: Sequence[Audit]) -> int:
    """How many updates any life used that it, or an earlier one, had used: forgotten or not."""
    return sum(times - 1 for audit in audits for times in audit.ever_used.values())
