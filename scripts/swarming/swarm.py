"""Many seeds over all processors, each world run twice."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait

from swarming import plants
from swarming.arena import Outcome, run
from swarming.lottery import drawn

BATCH = 8
"""Seeds that a process is given at once."""


def twice(seed: int) -> Outcome:
    """What became of the world of `seed`, which must become the same of it when nobody watches."""
    world = drawn(seed)
    outcome = run(world)
    if outcome.rule:
        return outcome
    again = run(world, watched=False)
    if again.rule or again.trace != outcome.trace:
        return outcome._replace(rule="determinism", sentence="Two runs of this world were not the same.")
    return outcome


def outcomes(first: int, seeds: int | None, minutes: float | None, plant: str | None) -> Iterator[Outcome]:
    """Of `seeds` worlds from `first` on, or of as many as `minutes` allow, in the order in which they end."""
    ends_at = time.monotonic() + 60 * minutes if minutes is not None else float("inf")
    processes = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    last = first + seeds if seeds is not None else None
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context, initializer=plants.put_in, initargs=(plant,)) as pool:
        waiting, next_ = deque[Future[list[Outcome]]](), first
        while True:
            while (
                len(waiting) < 2 * processes and (last is None or next_ < last) and time.monotonic() < ends_at
            ):
                until = next_ + BATCH if last is None else min(last, next_ + BATCH)
                waiting.append(pool.submit(_batch, next_, until))
                next_ = until
            if not waiting:
                return
            done, left = wait(waiting, return_when=FIRST_COMPLETED)
            waiting = deque(left)
            for future in done:
                yield from future.result()


def _batch(first: int, until: int) -> list[Outcome]:
    return [twice(seed) for seed in range(first, until)]


class Summary:
    """What came of all worlds so far."""

    def __init__(self) -> None:
        self.worlds = self.events = 0
        self.faults, self.checks = Counter[str](), Counter[str]()
        self.failed: list[Outcome] = []
        self._began = time.monotonic()

    def add(self, outcome: Outcome) -> None:
        """One more."""
        self.worlds += 1
        self.events += outcome.events
        self.faults.update(outcome.faults)
        self.checks.update(outcome.checks)
        if outcome.rule:
            self.failed.append(outcome)
            self.failed.sort(key=lambda each: each.seed)

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self._began

    def record(self) -> dict[str, object]:
        """For machines."""
        return {
            "worlds": self.worlds,
            "events": self.events,
            "seconds": round(self.seconds, 3),
            "faults": dict(sorted(self.faults.items())),
            "checks": dict(sorted(self.checks.items())),
            "failed": [
                {"seed": each.seed, "rule": each.rule, "sentence": each.sentence} for each in self.failed
            ],
        }

    def words(self) -> str:
        """For people."""
        rate = self.worlds / max(self.seconds, 1e-9)
        lines = [
            f"{self.worlds:,} worlds, each run twice, in {self.seconds:.0f} s ({rate:.1f} a second)",
            f"{self.events:,} events, {sum(self.checks.values()):,} checks; {len(self.failed):,} failed",
            "",
            *_counted("what befell them", self.faults),
            "",
            *_counted("what was checked", self.checks),
        ]
        return "\n".join(lines)


def _counted(title: str, counts: Counter[str]) -> list[str]:
    return [title, *(f"  {number:>12,}  {name}" for name, number in sorted(counts.items()))]
