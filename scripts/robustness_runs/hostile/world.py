"""Four nodes as `gossipfl up` makes them, of which the last is not started: its place is an attacker's."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import tomli_w

from gossipfl.cli.slowness import environment
from gossipfl.experiment.federation import build
from gossipfl.experiment.files import read_experiment
from robustness_runs.consortium import Consortium
from robustness_runs.hostile.member import Seat

PEERS, SEAT = 4, 3
TRAINING_S = 0.25
ROUNDS_MAX = 1_000_000  # nobody waits for the end

EXPERIMENT = f"""
[topology]
kind = "complete"
peers = {PEERS}
[data]
dataset = "digits"
[model]
kind = "mlp"
[learning]
rounds = {ROUNDS_MAX}
steps = 5
batch = 32
learning_rate = 0.2
"""


class World(Consortium):
    """The nodes numbered in `runs`, which wait `wait_s` for the others; their model has so many `hidden`."""

    def __init__(self, folder: Path, runs: range, wait_s: float, hidden: int = 64) -> None:
        folder.mkdir(parents=True)
        file = folder / "four.toml"
        file.write_text(EXPERIMENT, encoding="utf-8")
        federation = build(read_experiment(str(file), [f"model.hidden=[{hidden}]"]))
        super().__init__(federation, folder, environment([], TRAINING_S), runs=runs)
        for home in self.homes:
            _wait(home, wait_s)
        self.seats = [Seat(home) for home in self.homes]
        self.seat, self.victim = self.seats[SEAT], self.seats[0].where

    @contextmanager
    def alive(self) -> Iterator[None]:
        """They run within the block, and their doors are open."""
        with self.running():
            self.wait_until(lambda: all(self.records[number] for number in self.runs), "the nodes start")
            yield


def _wait(home: Path, wait_s: float) -> None:
    """Have the node at `home` wait so long for others."""
    path = home / "node.toml"
    table = tomllib.loads(path.read_text("utf-8"))
    table["node"]["wait_s"] = wait_s
    path.write_text(tomli_w.dumps(table), "utf-8")
