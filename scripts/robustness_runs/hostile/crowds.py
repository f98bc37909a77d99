"""Slow-loris: do honest rounds take longer while a crowd stands at the door of one of three nodes?"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import fmean

from gossipfl.errors import RunError
from robustness_runs.hostile.judging import Besieged
from robustness_runs.hostile.world import SEAT, World

HALF_OPEN, DRIBBLERS = 2000, 100
SPARE_DESCRIPTORS = 200
ROUNDS = 40
"""In each of the two spans that are compared."""


def besieged(folder: Path) -> Besieged:
    """Three nodes for a while without a crowd, and for a while with it."""
    half_open = min(HALF_OPEN, _descriptors() - DRIBBLERS - SPARE_DESCRIPTORS)
    world = World(folder, range(3), wait_s=2.0)
    with world.alive():
        world.wait_until(lambda: all(node.round >= 8 for node in world.nodes[:3]), "all learn")
        calm_s = _round_s(world)
        with _crowd(world.victim.port, half_open, DRIBBLERS):
            besieged_s = _round_s(world)
        lost = sum(r["kind"] == "link" and r["state"] == "left" and r["neighbour"] != SEAT
                   for records in world.records for r in records)  # fmt: skip
        world.stop()
    return Besieged(half_open, DRIBBLERS, calm_s, besieged_s, lost)


def _round_s(world: World) -> float:
    """The mean duration of a round of the next so many of all three."""
    since = [len(records) for records in world.records]
    last = max(node.round for node in world.nodes) + ROUNDS
    world.wait_until(lambda: all(node.round >= last for node in world.nodes[:3]), "rounds are closed")
    new = [r for records, start in zip(world.records, since, strict=True) for r in records[start:]]
    return fmean(r["duration_s"] for r in new if r["kind"] == "round")


@contextmanager
def _crowd(port: int, half_open: int, dribblers: int) -> Iterator[None]:
    """A crowd stands at `port` within the block."""
    words = [sys.executable, "-m", "robustness_runs.hostile.crowd", *map(str, (port, half_open, dribblers))]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as child:
        try:
            if child.stdout is None or child.stdout.readline().strip() != "there":
                raise RunError("The crowd did not come to the door.")
            yield
        finally:
            child.kill()


def _descriptors() -> int:
    """How many files a process may open here."""
    import resource

    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
