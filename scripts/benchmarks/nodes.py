"""Real nodes: so many processes on this machine, with keys, TLS and signatures, at rounds of digits.

Softmax regression, 5 steps on batches of 32, a random 4-regular graph; as an operator's, each keeps a
checkpoint, its records and the signed log, and no models of past rounds. Nobody sleeps: a round is as long as
the machine takes for all of them. Memory is proportional, so that what processes share counts once; told is
the most that one node holds.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from robustness_runs.consortium import Consortium

from benchmarks.task import Clock, Task
from gossipfl.cli.process import Process
from gossipfl.errors import SettingsError
from gossipfl.experiment.federation import build
from gossipfl.experiment.files import read_experiment

WARMING_ROUNDS = 50
COUNTED_ROUNDS = 50
TIMES = 10

EXPERIMENT = """
[topology]
kind = "k-regular"
degree = 4
[data]
dataset = "digits"
[learning]
rounds = 1000000
steps = 5
batch = 32
learning_rate = 0.1
"""


def rounds(peers: int) -> Task:
    """Rounds of so many nodes: each time is the mean of some, until the slowest node has closed them."""
    if not Path("/proc/self/smaps_rollup").exists():
        raise SettingsError("Proportional memory is told by Linux alone: measure real nodes there.")
    held: list[int] = []

    def times(clock: Clock) -> list[float]:
        with tempfile.TemporaryDirectory(prefix="gossipfl-") as folder:
            return _run(Path(folder), peers, clock, held)

    return Task(times, memory_bytes=lambda: max(held))


def _run(folder: Path, peers: int, clock: Clock, held: list[int]) -> list[float]:
    file = folder / "nodes.toml"
    file.write_text(EXPERIMENT, encoding="utf-8")
    federation = build(read_experiment(str(file), [f"topology.peers={peers}"]))
    consortium = Consortium(federation, folder, {}, settings={"keep_rounds": False})
    found: list[float] = []
    with consortium.running():
        _all_close(consortium, WARMING_ROUNDS)
        for number in range(1, TIMES + 1):
            began, first = clock(), _slowest(consortium)
            _all_close(consortium, WARMING_ROUNDS + number * COUNTED_ROUNDS)
            found.append((clock() - began) / (_slowest(consortium) - first))
        held += map(_proportional_bytes, consortium.nodes)
        consortium.stop()
    return found


def _slowest(consortium: Consortium) -> int:
    return min(node.round for node in consortium.nodes)


def _all_close(consortium: Consortium, round_: int) -> None:
    consortium.wait_until(lambda: _slowest(consortium) >= round_, f"all close round {round_}")


def _proportional_bytes(node: Process) -> int:
    """What `node` holds, where a page that n processes share counts as 1/n."""
    text = Path(f"/proc/{node.pid}/smaps_rollup").read_text("ascii")
    [kib] = [line.split()[1] for line in text.splitlines() if line.startswith("Pss:")]
    return 1024 * int(kib)
