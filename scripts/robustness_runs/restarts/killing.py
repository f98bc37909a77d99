"""Four real processes, one of which is killed at random moments and started again, until that is enough."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from gossipfl.cli.process import Process
from gossipfl.cli.slowness import environment
from gossipfl.draws import Draws
from gossipfl.engines import run_network
from gossipfl.experiment.federation import Federation, build
from gossipfl.experiment.files import read_experiment
from robustness_runs.consortium import Consortium
from robustness_runs.nodes import HANG_S

VICTIM, PEERS = 1, 4
TRAINING_S = 0.25
ROUNDS_MAX = 1_000_000  # nobody waits for the end: the run is stopped
SETTLING = 20
"""Rounds that the run goes on once the last kill is over."""

WRITING_S = 0.02
"""Within so long after a round its checkpoint is being written."""

EXPERIMENT = f"""
[topology]
kind = "complete"
peers = {PEERS}
[data]
dataset = "digits"
split = "dirichlet"
alpha = 1.0
[model]
kind = "mlp"
[learning]
rounds = {ROUNDS_MAX}
steps = 5
batch = 32
learning_rate = 0.2
"""


@dataclass(frozen=True)
class Seen:
    """What came of it: the records of each node, and how good the last round was with kills and without."""

    kills: int
    records: list[list[dict[str, Any]]]
    round: int  # the last that all have closed
    accuracy: float  # percent, of the mean node
    accuracy_without: float


def kill_again_and_again(folder: Path, kills: int, seed: int, told: Callable[[int], None]) -> Seen:
    """Kill the victim so often, wait until it takes part, and compare with a run without kills."""
    (folder / "four.toml").write_text(EXPERIMENT, encoding="utf-8")
    federation = build(read_experiment(str(folder / "four.toml"), [f"run.seed={seed}"]))
    consortium = Consortium(federation, folder, environment([], TRAINING_S))
    victim = consortium.nodes[VICTIM]
    chances = Draws(seed).uniform("moments", 2 * kills).reshape(kills, 2)
    with consortium.running():
        began = time.monotonic()
        consortium.wait_until(lambda: all(node.begun for node in consortium.nodes), "all learn")
        starting_s = time.monotonic() - began
        for number, (kind, when) in enumerate(chances.tolist(), 1):
            _await_moment(consortium, victim, kind, when, starting_s)
            victim.kill()
            victim.wait(HANG_S)
            consortium.read()
            victim.start()
            told(number)
        consortium.wait_until(lambda: victim.begun, "the node that was killed is back")
        last = victim.round + SETTLING
        consortium.wait_until(lambda: min(node.round for node in consortium.nodes) >= last, "all go on")
        consortium.stop()
    return Seen(
        kills,
        consortium.records,
        last,
        _accuracy(federation, consortium.homes, last),
        _accuracy_without(federation, last),
    )


def _await_moment(
    consortium: Consortium, victim: Process, kind: float, when: float, starting_s: float
) -> None:
    """A third of all moments lie in its start, a third in a round, a third where a round is being kept."""
    if kind < 1 / 3:
        pause_s = when * starting_s
    else:
        consortium.wait_until(lambda: victim.begun, "the node that was killed learns again")
        before = victim.round
        if kind > 2 / 3:
            consortium.wait_until(lambda: victim.round > before, "a round ends")
        pause_s = when * (WRITING_S if kind > 2 / 3 else 2 * TRAINING_S)
    time.sleep(pause_s)


def _accuracy(federation: Federation, homes: list[Path], round_: int) -> float:
    """Of the mean node after `round_`, in percent, on rows that nobody trained on."""
    kept = [np.load(home / "state" / "rounds" / f"{round_}.npy", allow_pickle=False) for home in homes]
    return 100 * float(np.mean([federation.model.score(one, federation.test)["accuracy"] for one in kept]))


def _accuracy_without(federation: Federation, round_: int) -> float:
    """The same where nobody is killed, which the network in virtual time tells to the last bit."""
    experiment = federation.experiment
    learning = experiment.learning.model_copy(update={"rounds": round_})
    settings = experiment.run.model_copy(update={"evaluate_every": round_})
    calm = replace(
        federation, experiment=experiment.model_copy(update={"learning": learning, "run": settings})
    )
    return 100 * float(run_network(calm).summary["accuracy_mean"])
