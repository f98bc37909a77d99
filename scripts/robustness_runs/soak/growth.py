"""How much what a node holds grows over the hours, by samples of it.

Rules:
- The first tenth of the samples does not count: caches fill, and Python takes its memory in steps.
- A slope is the median of the slopes between all pairs of samples, so that no single peak makes it.
  Theil (1950), Sen (1968).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import theilslopes

WARMUP = 0.1
MIB = 1 << 20
HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class Sample:
    """What the node `peer` held, `time_s` after the beginning."""

    peer: int
    time_s: float
    round: int
    memory_bytes: int
    descriptors: int
    tasks: int


def settled(samples: Sequence[Sample]) -> Sequence[Sample]:
    """The samples that count."""
    return samples[int(WARMUP * len(samples)) :]


def memory_mib_per_h(samples: Sequence[Sample]) -> float:
    """By how much the memory of one node grew."""
    counted = settled(samples)
    slope = theilslopes([s.memory_bytes / MIB for s in counted], [s.time_s / HOUR_S for s in counted])
    return float(slope.slope)


def risen(values: Sequence[int]) -> float:
    """By how much the median of the last third of `values` is over that of the first."""
    third = max(len(values) // 3, 1)
    return float(np.median(values[-third:]) - np.median(values[:third]))
