"""R8: graphs drawn afresh in every round mix as fast as their law says.

De Vos, Farhadkhani, Guerraoui, Kermarrec, Pires and Sharma (NeurIPS 2023, arXiv 2310.01972), "Epidemic
learning: boosting decentralized learning with randomized communication".
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from gossipfl import Draws
from gossipfl.learn.algorithms.dpsgd import Dpsgd
from gossipfl.topology.scheduling import build_schedule
from reproduction import plots
from reproduction.gossiping import Gossip, Vectors
from reproduction.learning import Learned, Settings, learn
from reproduction.outcome import Findings, Outcome, Results, Setting, Work

SCHEDULES = {"random-regular": "EL-Oracle", "random-peers": "EL-Local"}
SCHEDULED = ("random-regular", "random-peers", "directed-exponential")
CASES = {(20, 2): 200, (96, 7): 24}
"""(peers, degree) -> how many times they begin."""
ROUNDS, LENGTH = 5, 64
REFERENCE = {
    ("random-regular", 96): ".1161 ± .0002",
    ("random-peers", 96): ".1320 ± .0003",
    ("random-regular", 20): ".2982 (law)",
    ("random-peers", 20): ".3933 (law)",
}


LEARNERS, DEGREE, STEPS, EVERY = 96, 7, 600, 100
CHECKED = (100, 300, 600)
DATA = ("mnist10k", "fmnist10k")
GRAPHS: dict[str, dict[str, Any]] = {
    "all-reduce": {},
    "static 7-regular": {"kind": "k-regular", "degree": DEGREE},
    "EL-Oracle": {"kind": "random-regular", "degree": DEGREE},
    "EL-Local": {"kind": "random-peers", "degree": DEGREE},
    "static exponential": {"kind": "directed-exponential"},
    "ring": {"kind": "ring"},
}
ACCURACY = {
    ("mnist10k", "all-reduce"): (0.863, 0.887, 0.892),
    ("mnist10k", "static 7-regular"): (0.852, 0.881, 0.892),
    ("mnist10k", "EL-Oracle"): (0.857, 0.883, 0.893),
    ("mnist10k", "EL-Local"): (0.856, 0.882, 0.893),
    ("mnist10k", "static exponential"): (0.852, 0.882, 0.892),
    ("mnist10k", "ring"): (0.599, 0.734, 0.795),
    ("fmnist10k", "all-reduce"): (0.787, 0.824, 0.837),
    ("fmnist10k", "static 7-regular"): (0.729, 0.784, 0.808),
    ("fmnist10k", "EL-Oracle"): (0.740, 0.786, 0.811),
    ("fmnist10k", "EL-Local"): (0.731, 0.778, 0.807),
    ("fmnist10k", "ring"): (0.491, 0.593, 0.654),
}


def plan(setting: Setting) -> list[Work]:
    """The laws of both kinds of graphs and, where there are files, learning on them."""
    part = 2 if setting.quick else 1
    learning = [
        Work(f"{data} {graph}", learned, (setting.data, data, graph), 10.0 if graph == "ring" else 50.0)
        for data in DATA
        for graph in GRAPHS
        if setting.data is not None and not setting.quick
    ]
    return learning + [
        Work(f"{name} {peers}", shrinking, (name, peers, degree, times // part), peers / 8)
        for name in SCHEDULES
        for (peers, degree), times in CASES.items()
    ]


def shrinking(name: str, peers: int, degree: int, times: int) -> list[float]:
    """By how much a round shrinks the squared distance to the mean that was before it, many times."""
    ratios: list[float] = []
    for seed in range(times):
        starts = Draws(seed).normal("starts", peers * LENGTH).reshape(peers, LENGTH)
        schedule = build_schedule(name, peers, seed=seed, degree=degree)
        held = Gossip(Dpsgd(), starts, schedule, ROUNDS, np.copy).run().measured
        ratios += [_spread(after, before) / _spread(before, before) for before, after in pairwise(held)]
    return ratios


def _spread(vectors: Vectors, around: Vectors) -> float:
    return float(((vectors - around.mean(axis=0)) ** 2).sum())


def learned(folder: Path, data: str, graph: str) -> Learned:
    """LEARNERS with two shards of sorted labels each, STEPS rounds of one step."""
    central = graph == "all-reduce"
    uniform = {} if GRAPHS[graph].get("kind") in SCHEDULED else {"weights": "uniform"}
    settings: Settings = {
        "topology": {"peers": LEARNERS} | GRAPHS[graph],
        "data": {"split": "shards", "per_peer": 2},
        "learning": {
            "rounds": STEPS,
            "steps": 1,
            "batch": 8,
            "learning_rate": 0.1,
            "decay": "none",
            **uniform,
        },
        "run": {"evaluate_every": EVERY},
    }
    return learn(folder, data, settings, "fedavg" if central else None)


def law(name: str, peers: int, degree: int) -> float:
    """The factor of the squared distance in expectation."""
    part = degree / (peers - 1)
    if name == "random-regular":
        return (1 - part) / (degree + 1)
    return (1 - (1 - part) ** peers) / degree - 1 / (peers - 1)


def conclude(results: Results) -> Findings:
    """Measured factors against the laws; accuracies against those of graphs that stay."""
    laws = [
        _law_row(name, peers, degree, results[f"{name} {peers}"])
        for name in SCHEDULES
        for peers, degree in CASES
    ]
    if f"{DATA[0]} ring" not in results:
        return Findings(laws)
    learning = [row for data in DATA for row in _learning_rows(data, results)]
    figures = {f"r8-{data}.png": _figure(data, results) for data in DATA}
    return Findings(laws + learning, figures, [_table(results)])


def _learning_rows(data: str, results: Results) -> list[Outcome]:
    oracle, static, ring = (results[f"{data} {graph}"] for graph in ("EL-Oracle", "static 7-regular", "ring"))
    known, kept = ACCURACY[data, "EL-Oracle"], ACCURACY[data, "static 7-regular"]
    checks = [
        Outcome(
            f"{data}, round {round}: EL-Oracle is as good as a 7-regular graph that stays",
            f"{oracle.at(round):.3f} to {static.at(round):.3f}",
            "≥ static - .005",
            oracle.at(round) >= static.at(round) - 0.005,
            f"{known[place]:.3f} to {kept[place]:.3f}",
        )
        for place, round in enumerate(CHECKED)
    ]
    ratio = static.consensus_distance / oracle.consensus_distance
    ahead = oracle.accuracy - ring.accuracy
    return [
        *checks,
        Outcome(
            f"{data}: the static graph leaves peers further apart than EL-Oracle (consensus distance)",
            f"{ratio:.2f} times",
            "1.4 to 2.2 times",
            1.4 <= ratio <= 2.2,
            "1.75 times",
        ),
        Outcome(
            f"{data}: EL-Oracle is more than 9 points ahead of the ring after {STEPS} rounds",
            f"{100 * ahead:.1f} points",
            "> 9 points",
            ahead > 0.09,
            f"{100 * (known[2] - ACCURACY[data, 'ring'][2]):.1f} points",
        ),
    ]


def _table(results: Results) -> str:
    lines = [
        f"Accuracy of the mean of {LEARNERS} peers (reference in brackets), one seed:",
        "",
        f"| | {' | '.join(GRAPHS)} |",
        "|---" * (len(GRAPHS) + 1) + "|",
    ]
    for data in DATA:
        for place, round in enumerate(CHECKED):
            cells = []
            for graph in GRAPHS:
                known = ACCURACY.get((data, graph))
                told = f" ({known[place]:.3f})" if known else ""
                cells.append(f"{results[f'{data} {graph}'].at(round):.3f}{told}")
            lines.append(f"| {data}, round {round} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _figure(data: str, results: Results) -> Any:
    found = {graph: results[f"{data} {graph}"] for graph in GRAPHS}
    lines = [plots.Line(graph, each.accuracies[1:], each.rounds[1:]) for graph, each in found.items()]
    return plots.accuracies(
        f"{data}: a ring is far behind, seven neighbours are enough",
        f"Accuracy of the mean of {LEARNERS} peers that hold two shards each, by round. Higher is better.",
        lines,
    )


def _law_row(name: str, peers: int, degree: int, ratios: Any) -> Outcome:
    mean, expected = float(np.mean(ratios)), law(name, peers, degree)
    spread = float(np.std(ratios) / np.sqrt(len(ratios)))
    return Outcome(
        f"{SCHEDULES[name]} with {degree} of {peers} peers: factor of the squared distance per round",
        f"{mean:.4f} ± {spread:.4f}",
        f"{expected:.4f} within 2 %",
        abs(mean / expected - 1) < 0.02,
        REFERENCE[name, peers],
    )
