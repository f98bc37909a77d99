"""One update of 100 MiB from node to node on this machine, each a process: over a link, and over bare TLS.

A time is that from asking for it to be sent until the other side has all of it, by a link also checked.
Memory is what the side that takes more takes beyond the update itself.
"""

from __future__ import annotations

import subprocess
import sys
from typing import TextIO, cast

import trio

from benchmarks.task import Clock, Task
from gossipfl.errors import SettingsError


def sending(_: int, way: str) -> Task:
    """Updates one after another by a way of `ways.WAYS`; the first warms up."""
    from benchmarks import ways  # brings TLS, which would count as memory of all workloads

    if not ways.STATUS.exists():
        raise SettingsError("The most memory that a while takes is told by Linux alone: measure that there.")
    extra: list[int] = []

    async def send_all(told: TextIO, clock: Clock) -> list[float]:
        """The seconds of each; a child tells its port, and of each that it is there and what that took."""
        found: list[float] = []
        async with ways.WAYS[way].sender(int(told.readline())) as send:
            for round_ in ways.ROUNDS:
                before, began = ways.forget_peak(), clock()
                await send(round_)
                await trio.to_thread.run_sync(told.readline)
                found.append(clock() - began)
                theirs = int(await trio.to_thread.run_sync(told.readline))
                extra.extend((ways.peak_bytes() - before, theirs))
        return found[1:]

    def times(clock: Clock) -> list[float]:
        words = [sys.executable, "-m", "benchmarks.ways", way]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as child:
            try:
                return trio.run(send_all, cast("TextIO", child.stdout), clock)
            finally:
                child.kill()

    return Task(times, bytes=ways.UPDATE_BYTES, memory_bytes=lambda: max(extra))
