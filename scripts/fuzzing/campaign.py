"""Many mutated streams over all processors: each is heard, refused with a reason, or silence."""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from typing import NamedTuple

from fuzzing.lot import Lot
from fuzzing.mutants import mutated_stream
from fuzzing.streams import STREAM

BATCH = 1000
"""Streams that a process is given at once."""

CUT_EACH = 16
"""Each so many-th stream is read a second time in one piece, and the same must come of it."""

FAILURES_MAX = 10


class Failure(NamedTuple):
    """A stream of which something came that must not."""

    case: int
    data: bytes
    error: str


class Batch(NamedTuple):
    """What came of some streams."""

    outcomes: Counter[str]
    stream_bytes: int
    cpu_s: float
    failures: list[Failure]
    peak_bytes: int | None  # of the process's memory, so far


def batches(count: int, first: int, seed: int) -> Iterator[Batch]:
    """`count` streams from the case `first` on, in the order in which they are done."""
    processes = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    starts = iter(range(first, first + count, BATCH))
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context) as pool:
        waiting: set[Future[Batch]] = set()
        while True:
            while len(waiting) < 2 * processes and (start := next(starts, None)) is not None:
                waiting.add(pool.submit(batch, start, min(start + BATCH, first + count), seed))
            if not waiting:
                return
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()


def batch(first: int, until: int, seed: int) -> Batch:
    """The cases from `first` to `until` - 1."""
    outcomes, failures, total, began_s = Counter[str](), list[Failure](), 0, time.process_time()
    for case in range(first, until):
        data = mutated_stream(Lot.drawn(seed, case))
        total += len(data)
        try:
            outcomes[_outcome(case, data)] += 1
        except Exception as error:  # whatever it is, it is what we look for
            outcomes["failed"] += 1
            failures.append(Failure(case, data, "".join(traceback.format_exception_only(error)).strip()))
    return Batch(outcomes, total, time.process_time() - began_s, failures[:FAILURES_MAX], _peak_bytes())


def _outcome(case: int, data: bytes) -> str:
    outcome = STREAM.read(data)
    if case % CUT_EACH == 0 and (whole := STREAM.read(data[:1] + b"\0" + data[2:])) != outcome:
        raise AssertionError(f"Cut it is {outcome!r}, and whole {whole!r}.")
    return outcome


def _peak_bytes() -> int | None:
    if sys.platform == "win32":
        return None
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


class Summary:
    """What came of all streams so far."""

    def __init__(self) -> None:
        self.outcomes = Counter[str]()
        self.stream_bytes, self.cpu_s = 0, 0.0
        self.failures: list[Failure] = []
        self.peaks: list[int] = []  # of all processes, batch by batch
        self._began = time.monotonic()

    def add(self, done: Batch) -> None:
        """Some more."""
        self.outcomes.update(done.outcomes)
        self.stream_bytes += done.stream_bytes
        self.cpu_s += done.cpu_s
        self.failures = sorted([*self.failures, *done.failures])[:FAILURES_MAX]
        self.peaks += [done.peak_bytes] if done.peak_bytes is not None else []

    @property
    def streams(self) -> int:
        """How many there were."""
        return self.outcomes.total()

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self._began

    def record(self) -> dict[str, object]:
        """For machines."""
        return {
            "streams": self.streams,
            "bytes": self.stream_bytes,
            "seconds": round(self.seconds, 3),
            "cpu_seconds": round(self.cpu_s, 3),
            "outcomes": dict(self.outcomes.most_common()),
            "failed": self.outcomes["failed"],
            "failures": [each._replace(data=each.data.hex())._asdict() for each in self.failures],  # type: ignore[arg-type]
            "peak_bytes_early": self.early_peak,
            "peak_bytes": max(self.peaks, default=None),
        }

    @property
    def early_peak(self) -> int | None:
        """The peak of memory when a tenth was done."""
        return max(self.peaks[: max(1, len(self.peaks) // 10)], default=None)

    def words(self) -> str:
        """For people."""
        rate = self.streams / max(self.seconds, 1e-9)
        took = f"{self.seconds:.0f} s ({rate:,.0f} a second), {self.cpu_s:.0f} s of processors"
        lines = [f"{self.streams:,} mutated streams, {self.stream_bytes:,} bytes, in {took}"]
        lines += [f"{number:>12,}  {outcome}" for outcome, number in self.outcomes.most_common()]
        if self.peaks and self.early_peak:
            mib = 1 << 20
            lines.append(
                f"memory of a process: {self.early_peak / mib:.0f} MiB at most after a tenth, "
                f"{max(self.peaks) / mib:.0f} MiB in the end"
            )
        return "\n".join(lines)
