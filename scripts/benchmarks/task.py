"""What a measuring process is given to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.peaks import seconds_of

_LEAST_S = 0.3
_TIMES_MAX = 50


@dataclass(frozen=True, slots=True)
class Task:
    """`times` does the work and says how long each round of it took, in seconds, warming up not counted.

    `flop` are the operations of one round that train, `bytes` those that one round asks memory for; 0 where
    that says nothing. Operations are a share of what can be done `on` something.
    """

    times: Callable[[], list[float]]
    flop: float = 0
    bytes: float = 0
    on: str = "one thread"


def repeated(work: Callable[[], object]) -> Callable[[], list[float]]:
    """`work` as the `times` of a task: once to warm up, then as often as fits into a moment."""

    def times() -> list[float]:
        work()
        found = [seconds_of(work)]
        while sum(found) < _LEAST_S and len(found) < _TIMES_MAX:
            found.append(seconds_of(work))
        return found

    return times
