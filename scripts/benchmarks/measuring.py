"""One measurement in a process of its own: `python -m benchmarks.measuring WORKLOAD PEERS` prints JSON.

Rules:
- The machine's peaks are measured in the same process, right before and after the work.
- What one thread does is timed by the processor: on a machine that others use too it waits for its turn.
- Peak memory is read before the peaks are measured that need much of it.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import sys
import time
from importlib import metadata
from pathlib import Path

from benchmarks import peaks
from benchmarks.catalogue import WORKLOADS
from benchmarks.records import Figures
from gossipfl.errors import UserError


def measured(name: str, peers: int) -> Figures:
    """One record of workload `name` with so many peers."""
    workload = WORKLOADS[name]
    task = workload.build(peers, *workload.arguments)
    alone = workload.threads == 1 and task.on == "one thread" and os.name != "nt"  # whose clock is coarse
    clock = time.process_time if alone else time.perf_counter
    most = peaks.PEAKS[task.on](clock)
    times = task.times(clock)
    memory_bytes = task.memory_bytes() if task.memory_bytes else _memory_bytes_max()
    most += peaks.PEAKS[task.on](clock)
    return {
        "seconds": statistics.median(times),
        "times": len(times),
        "flop": task.flop,
        "bytes": task.bytes,
        "memory_bytes": memory_bytes,
        "peak_flop_per_s": max(most),
        "on": task.on,
        "peak_bytes_per_s": peaks.copy_bytes_per_s(clock),
        "environment": environment(),
    }


def environment() -> dict[str, object]:
    """What the figures depend on, but for the code."""
    return {
        "cpu": _processor(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{name: _version(name) for name in ("numpy", "numba", "torch")},
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _memory_bytes_max() -> int | None:
    """The most memory that this process ever held; None where the system does not say."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def main() -> None:
    """Print the record, or why there is none: something is not installed, or not in the code measured."""
    name, peers = sys.argv[1], int(sys.argv[2])
    try:
        record = measured(name, peers)
    except (ImportError, UserError) as why:
        record = {"refused": str(why)}
    print(json.dumps(record))


if __name__ == "__main__":
    main()
