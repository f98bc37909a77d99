"""R6: thousands of peers that hold one record each, whose models walk, merge and learn.

Ormandi, Hegedus and Jelasity (Concurrency and Computation 2013, arXiv 1109.1396), "Gossip learning with
linear models on fully distributed data": Pegasos on Spambase. In the extreme failure half of the messages are
lost, the others take 1 to 10 cycles, and a tenth of the peers is away at any time.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gossipfl import Draws
from gossipfl.data import train_test
from gossipfl.learn.contracts import Array, Samples
from gossipfl.learn.pegasos import Pegasos
from gossipfl.learn.registry import build_algorithm
from gossipfl.learn.training import Training
from gossipfl.protocol.events import Record, RoundClosed
from gossipfl.protocol.free_peer import FreePeer
from gossipfl.protocol.messages import Message, PeerId
from gossipfl.protocol.targets import Neighbours
from gossipfl.protocol.wire import message_bytes
from gossipfl.simulator.faults import LOST, PASS, Latency, Loss, Rule, Verdict
from gossipfl.simulator.network import Network
from reproduction import datasets, plots
from reproduction.outcome import Findings, Outcome, Results, Setting, Work

TEST = 461
REGULARISATION = 1e-2
JUDGED = 100
SEQUENTIAL, SEQUENTIAL_STEPS = 20, 20_000
CHECKED = (1, 2, 5, 10, 20, 50, 100, 150, 200, 250, 300)
LATENCY_S, TRAINING_S = 0.01, 0.05
LOSS, DELAY_S, AWAY, AWAY_S = 0.5, (1.0, 10.0), 0.1, 10.0


@dataclass(frozen=True)
class Case:
    """One way to make a model of those heard, followed for `cycles` of a second each."""

    label: str
    algorithm: str
    options: tuple[tuple[str, Any], ...]
    cycles: int
    failing: bool
    reference: dict[int, float]

    def __hash__(self) -> int:
        return hash((self.label, self.failing))


AGED = (("aged", True),)
CASES = (
    Case(
        "merge-update, extreme failure",
        "merge-update",
        AGED,
        300,
        True,
        {20: 0.332, 50: 0.243, 100: 0.146, 200: 0.115, 300: 0.107},
    ),
    Case("merge-update", "merge-update", AGED, 200, False, {20: 0.156, 50: 0.116, 100: 0.104, 200: 0.098}),
    Case("random walk", "random-walk", (), 200, False, {20: 0.304, 50: 0.257, 100: 0.229, 200: 0.196}),
    Case("update-merge", "update-merge", AGED, 200, False, {20: 0.143, 50: 0.112, 100: 0.101, 200: 0.096}),
)


@dataclass
class Away:
    """Peers come and go: each is away for a tenth of all stretches of AWAY_S, and neither hears nor says."""

    peers: int
    cycles: int
    seed: int = 5

    def __post_init__(self) -> None:
        stretches = int(self.cycles / AWAY_S) + 2
        self._away = Draws(self.seed, np.arange(self.peers)).uniform("away", stretches) < AWAY

    def __call__(self, sender: PeerId, to: PeerId, message: Message, now: float) -> Verdict:
        """Lost if either is away."""
        stretch = min(int(now / AWAY_S), self._away.shape[1] - 1)
        return LOST if self._away[sender, stretch] or self._away[to, stretch] else PASS


def plan(setting: Setting) -> list[Work]:
    """The sequential model and all cases."""
    cases = [Work(case.label, errors, (case, setting.files), case.cycles / 2) for case in CASES]
    return [*cases, Work("sequential", sequential, (setting.files,), 5.0)]


def errors(case: Case, folder: Path) -> dict[int, float]:
    """The mean error of JUDGED peers, by cycle."""
    model, train, test = _parts(folder)
    peers = len(train.counts)
    judged = set(Draws(6).permutation("judged", peers)[:JUDGED].tolist())
    held: dict[int, list[Array]] = {cycle: [] for cycle in CHECKED}
    algorithm = build_algorithm(case.algorithm, options=dict(case.options))
    everybody = Neighbours(range(peers))

    def new_peer(number: PeerId, epoch: int) -> FreePeer:
        first = model.start(Draws(0, number))
        given: dict[str, Any] = {
            "period_s": 1.0,
            "exchange": "push",
            "trains": "on-hearing",
            "gather_s": None,
        }
        return FreePeer(
            number, algorithm, first, everybody, rounds=case.cycles, samples=1, seed=0, epoch=epoch, **given
        )

    def observe(peer: PeerId, _: float, record: Record) -> None:
        if isinstance(record, RoundClosed) and record.round in held and peer in judged:
            held[record.round].append(record.vector)

    Network(
        [()] * peers,
        new_peer,
        lambda who, vectors, round, *_: model.fit(vectors, train.of(who), Draws(0, who, round)),
        rules=_rules(case, peers),
        training_s=lambda _: TRAINING_S,
        message_bytes=message_bytes,
        observe=observe,
        killed=lambda *_: None,
    ).run()
    return {
        cycle: 1 - float(model.score(np.stack(vectors), test)["accuracy"].mean())
        for cycle, vectors in held.items()
        if vectors
    }


def _rules(case: Case, peers: int) -> list[Rule]:
    if not case.failing:
        return [Latency(LATENCY_S)]
    return [Away(peers, case.cycles), Loss(LOSS, 7), Latency(DELAY_S[0], DELAY_S[1] - DELAY_S[0], 8)]


def sequential(folder: Path) -> float:
    """The mean error of SEQUENTIAL models, each of which sees one random record after the other."""
    model, train, test = _parts(folder, SEQUENTIAL_STEPS)
    who = np.arange(SEQUENTIAL)
    rows = train.rows[:, 0][Draws(0, who).integers("sequence", SEQUENTIAL_STEPS, len(train.rows))]
    drawn = Samples(train.features, train.targets, rows, np.full(SEQUENTIAL, SEQUENTIAL_STEPS))
    vectors = model.fit(model.start(Draws(0, who)), drawn, Draws(0, who, 1))
    return 1 - float(model.score(vectors, test)["accuracy"].mean())


def _parts(folder: Path, steps: int = 1) -> tuple[Pegasos, Samples, Samples]:
    """Spambase: a record for each peer, and the rest to judge by."""
    data = datasets.load(folder, "spambase")
    features: NDArray[np.float32] = data.features.astype(np.float32)
    held, test = train_test(len(data), TEST / len(data), Draws(2), stratify=data.targets)
    model = Pegasos(features.shape[1], Training(batch=1, steps=steps), regularisation=REGULARISATION)
    train = Samples.parts(features, data.targets, [np.array([row]) for row in held])
    return model, train, Samples(features, data.targets, test, np.asarray(len(test)))


def conclude(results: Results) -> Findings:
    """What is demanded of merging, and the errors by cycle."""
    merged, walked = results["merge-update"], results["random walk"]
    failing, alone = results["merge-update, extreme failure"], results["sequential"]
    outcomes = [
        Outcome(
            "Merge-update after 100 cycles", f"error {merged[100]:.3f}", "≤ .11", merged[100] <= 0.11, ".104"
        ),
        Outcome(
            "Merge-update after 200 cycles is as good as models that saw 20,000 records in turn",
            f"error {merged[200]:.3f} to {alone:.3f}",
            "within .01",
            merged[200] <= alone + 0.01,
            ".098 to .0954",
        ),
        Outcome(
            "Merge-update is 10 times as fast as a random walk: cycle 20 to cycle 200",
            f"error {merged[20]:.3f} to {walked[200]:.3f}",
            "lower",
            merged[20] < walked[200],
            ".156 to .196",
        ),
        Outcome(
            "Extreme failure delays merge-update and does not stop it: after 300 cycles",
            f"error {failing[300]:.3f}",
            "≤ .115",
            failing[300] <= 0.115,
            ".107",
        ),
    ]
    lines = [
        plots.Line(case.label, list(results[case.label].values()), list(results[case.label]))
        for case in CASES
    ]
    figure = plots.accuracies(
        "Models that merge learn ten times as fast as models that walk",
        "Error of 100 of 4,140 peers with one record each, by cycle. Lower is better.",
        lines,
        "Cycle",
    )
    return Findings(outcomes, {"r6-gossip-learning.png": figure}, [_table(results)])


def _table(results: Results) -> str:
    cycles = (20, 50, 100, 200, 300)
    lines = [
        "Error of 100 random peers (reference in brackets), one seed:",
        "",
        f"| cycle | {' | '.join(map(str, cycles))} |",
        "|---" * (len(cycles) + 1) + "|",
    ]
    for case in CASES:
        found = results[case.label]
        cells = [f"{found[c]:.3f} ({case.reference[c]:.3f})" if c in found else "" for c in cycles]
        lines.append(f"| {case.label} | {' | '.join(cells)} |")
    return "\n".join(lines)
