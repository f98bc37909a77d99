"""A soak: so many minutes of rounds, a harm each minute, and samples of what each node holds."""

from __future__ import annotations

import time
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gossipfl.cli.slowness import environment
from gossipfl.cli.status import ask
from gossipfl.errors import RunError
from gossipfl.experiment.federation import build
from gossipfl.experiment.files import read_experiment
from gossipfl.protocol.identity import Address, parse_address
from robustness_runs.consortium import Consortium
from robustness_runs.soak.growth import Sample
from robustness_runs.soak.nemesis import Harm, Nemesis

TRAINING_S = 0.5
SAMPLE_S = 10.0
POLL_S = 0.1
CALM_S = 45.0
"""At the end nothing is done, and all must go on."""

EXPERIMENT = """
[topology]
kind = "k-regular"
degree = 4
[data]
dataset = "digits"
split = "dirichlet"
alpha = 1.0
[learning]
rounds = 1000000
steps = 5
batch = 32
learning_rate = 0.2
"""


@dataclass(frozen=True)
class Soaked:
    """What came of it; the nodes below `mortal` lived all the time."""

    mortal: int
    samples: list[Sample]
    harms: list[Harm]
    records: list[list[dict[str, Any]]]
    calm_rounds: int  # closed in the calm at the end, by whom closed the fewest


def soak(
    folder: Path, nodes: int, minutes: float, every_s: float, seed: int, told: Callable[[str], None]
) -> Soaked:
    """Run so many `nodes` for so many `minutes`; a harm begins every `every_s` seconds.

    Raises `RunError` if a node ends by itself.
    """
    file = folder / "soak.toml"
    file.write_text(EXPERIMENT, encoding="utf-8")
    federation = build(read_experiment(str(file), [f"topology.peers={nodes}", f"run.seed={seed}"]))
    neighbours = [federation.meeting.linked(peer) for peer in range(nodes)]
    carried = {(peer, other) for peer, others in enumerate(neighbours) for other in others}
    consortium = Consortium(federation, folder, environment([], TRAINING_S), carried=carried, watched=True)
    watch = _Watch(consortium)
    nemesis = Nemesis(consortium, _doors(consortium.homes), range(nodes // 2, nodes), seed, watch.wait)
    harms: list[Harm] = []
    with consortium.running():
        consortium.wait_until(lambda: all(node.begun for node in consortium.nodes), "all learn")
        watch.begin()
        ends_s = 60.0 * minutes
        while (due_s := every_s * (len(harms) + 1)) < ends_s - CALM_S:
            watch.wait(due_s - watch.now_s())
            harms.append(nemesis.strike(watch.now_s))
            told(f"{watch.now_s() / 60:.0f} of {minutes:g} minutes, round {consortium.nodes[0].round}")
        watch.wait(ends_s - CALM_S - watch.now_s())
        before = [node.round for node in consortium.nodes]
        watch.wait(ends_s - watch.now_s())
        calm = min(node.round - was for node, was in zip(consortium.nodes, before, strict=True))
        consortium.stop()
    return Soaked(nodes // 2, watch.samples, harms, consortium.records, calm)


def _doors(homes: Sequence[Path]) -> list[Address]:
    tables = [tomllib.loads((home / "node.toml").read_text("utf-8")) for home in homes]
    return [parse_address(table["node"]["listen"]) for table in tables]


class _Watch:
    """Lets time pass, and reads and samples the nodes meanwhile."""

    def __init__(self, consortium: Consortium) -> None:
        self.samples: list[Sample] = []
        self._consortium = consortium
        self._began = time.monotonic()
        self._due_s = 0.0

    def begin(self) -> None:
        """Time begins now."""
        self._began = time.monotonic()

    def now_s(self) -> float:
        """Since the beginning."""
        return time.monotonic() - self._began

    def wait(self, for_s: float) -> None:
        """Let so many seconds pass."""
        ends_s = self.now_s() + for_s
        while self.now_s() < ends_s:
            time.sleep(POLL_S)
            self._consortium.check()
            if self.now_s() >= self._due_s:
                self._due_s += SAMPLE_S
                self._sample()

    def _sample(self) -> None:
        for node, window in zip(self._consortium.nodes, self._consortium.windows, strict=True):
            if not node.alive or node.paused or not node.begun:
                continue
            try:
                vitals = ask(window)
            except RunError:
                continue  # it starts, or has just been killed; whether it goes on is seen by its rounds
            held = (vitals["memory_bytes"], vitals["descriptors"], vitals["tasks"])
            self.samples.append(Sample(node.number, self.now_s(), vitals["round"], *held))
