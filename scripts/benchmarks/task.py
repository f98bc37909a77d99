"""What a measuring process is given to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

_LEAST_S = 0.3
_TIMES_MAX = 50

Clock = Callable[[], float]
"""Seconds that have passed, or that this process has worked."""

Times = Callable[[Clock], list[float]]
"""Does some work and says how long each round of it took by a clock, warming up not counted."""


@dataclass(frozen=True, slots=True)
class Task:
    """Work with `times`.

    `flop` are the operations of one round that train, `bytes` those that one round asks memory for; 0 where
    that says nothing. Operations are a share of what can be done `on` something. `memory_bytes` tells what
    is held by other processes than the one that measures, if the work is theirs.
    """

    times: Times
    flop: float = 0
    bytes: float = 0
    on: str = "one thread"
    memory_bytes: Callable[[], int] | None = None


def repeated(work: Callable[[], object]) -> Times:
    """`work` once to warm up, then as often as fits into a moment."""

    def times(clock: Clock) -> list[float]:
        work()
        found = [seconds_of(work, clock)]
        while sum(found) < _LEAST_S and len(found) < _TIMES_MAX:
            found.append(seconds_of(work, clock))
        return found

    return times


def seconds_of(work: Callable[[], object], clock: Clock) -> float:
    """How long `work` takes."""
    began = clock()
    work()
    return clock() - began
