"""R7: the less alike the peers' data, the more an algorithm's correction is worth.

Shares of each class drawn from Dirichlet(alpha), as by Hsu, Qi and Brown (2019, arXiv 1909.06335), over a
ring of 16: the setting of Lin, Karimireddy, Stich and Jaggi (ICML 2021, arXiv 2102.04761), with softmax
regression.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from reproduction import plots
from reproduction.learning import Learned, Settings, learn_in_the_mean
from reproduction.outcome import Findings, Outcome, Results, Setting, Work

PEERS, STEPS, EVERY = 16, 1_500, 100
DATA = ("mnist10k", "fmnist10k")
ALPHAS = (10.0, 1.0, 0.1)
SEEDS = {10.0: (0,), 1.0: (0,), 0.1: (0, 1, 2)}
"""Of each split: the less alike the parts, the more depends on how they fall."""
NAMES = {"mnist10k": "MNIST, 10,000 images", "fmnist10k": "Fashion-MNIST, 10,000 images"}

Way = tuple[str | None, str, dict[str, Any]]
"""A baseline or none, the graph, and what differs in learning."""

WAYS: dict[str, Way] = {
    "local": ("local", "ring", {}),
    "all-reduce": ("fedavg", "ring", {}),
    "D-PSGD, ring": (None, "ring", {"algorithm": "dpsgd"}),
    "momentum, ring": (None, "ring", {"algorithm": "momentum", "learning_rate": 0.01}),
    "quasi-global, ring": (None, "ring", {"algorithm": "quasi-global", "learning_rate": 0.05}),
    "gradient tracking, ring": (None, "ring", {"algorithm": "gradient-tracking"}),
    "D², ring": (None, "ring", {"algorithm": "exact-diffusion"}),
    "SGP, one-peer exponential": (None, "one-peer-exponential", {"algorithm": "push-sum"}),
    "D-PSGD, static exponential": (None, "directed-exponential", {"algorithm": "dpsgd"}),
}
REFERENCE = {
    ("mnist10k", 10.0): (0.845, 0.899, 0.902, 0.901, 0.910, 0.901, 0.901, 0.901, 0.900),
    ("mnist10k", 1.0): (0.732, 0.900, 0.899, 0.898, 0.906, 0.900, 0.899, 0.899, 0.900),
    ("mnist10k", 0.1): (0.347, 0.898, 0.873, 0.873, 0.896, 0.898, 0.898, 0.896, 0.898),
    ("fmnist10k", 10.0): (0.781, 0.837, 0.835, 0.843, 0.844, 0.835, 0.835, 0.831, 0.836),
    ("fmnist10k", 1.0): (0.686, 0.846, 0.834, 0.832, 0.840, 0.842, 0.841, 0.826, 0.839),
    ("fmnist10k", 0.1): (0.367, 0.835, 0.778, 0.779, 0.802, 0.829, 0.830, 0.787, 0.815),
}
BEHIND = {"mnist10k": 0.02, "fmnist10k": 0.04}
"""How far D-PSGD falls behind all-reduce where data are least alike."""


def plan(setting: Setting) -> list[Work]:
    """Every way on every split."""
    return [
        Work(_name(data, alpha, way), run, (setting.files, data, alpha, way), 25.0 * len(SEEDS[alpha]))
        for data in DATA
        for alpha in ALPHAS
        for way in WAYS
    ]


def _name(data: str, alpha: float, way: str) -> str:
    return f"{data} {alpha:g} {way}"


def run(folder: Path, data: str, alpha: float, way: str) -> Learned:
    """STEPS rounds of one step each."""
    baseline, graph, learning = WAYS[way]
    scheduled = graph.endswith("exponential")
    settings: Settings = {
        "topology": {"kind": graph, "peers": PEERS} if baseline is None else {"peers": PEERS},
        "data": {"split": "dirichlet", "alpha": alpha},
        "learning": {
            "rounds": STEPS,
            "steps": 1,
            "batch": 32,
            "learning_rate": 0.1,
            "decay": "none",
            **({} if scheduled or baseline == "local" else {"weights": "uniform"}),
            **learning,
        },
        "run": {"evaluate_every": EVERY},
    }
    return learn_in_the_mean(folder, data, settings, baseline, SEEDS[alpha])


def conclude(results: Results) -> Findings:
    """The table, the rows that pass or fail, and the curves where data are least alike."""
    outcomes = [row for data in DATA for row in _least_alike(data, results)]
    outcomes += [_alike(data, alpha, results) for data in DATA for alpha in ALPHAS[:-1]]
    figures = {f"r7-{data}.png": _figure(data, results) for data in DATA}
    groups = [f"{data}, α = {alpha:g}" for data in DATA for alpha in ALPHAS]
    series = {
        way: [results[_name(data, alpha, way)].accuracy for data in DATA for alpha in ALPHAS]
        for way in list(WAYS)[1:]
    }
    figures["r7-dirichlet.png"] = plots.dots(
        "The less alike the data, the more a correction is worth",
        "Accuracy of the mean peer on the common test part after 1,500 steps. Further right is better.",
        groups,
        series,
    )
    return Findings(outcomes, figures, [_table(results)])


def _least_alike(data: str, results: Results) -> list[Outcome]:
    alpha = ALPHAS[-1]
    found = {way: results[_name(data, alpha, way)].accuracy for way in WAYS}
    known = dict(zip(WAYS, REFERENCE[data, alpha], strict=True))
    best, plain = found["all-reduce"], found["D-PSGD, ring"]
    where = f"{data}, α = {alpha:g}"
    rows = [
        Outcome(
            f"{where}: {way} is within 1 point of all-reduce",
            f"{found[way]:.3f} to {best:.3f}",
            "≥ all-reduce - .010",
            found[way] >= best - 0.01,
            f"{known[way]:.3f} to {known['all-reduce']:.3f}",
        )
        for way in ("gradient tracking, ring", "D², ring")
    ]
    behind = BEHIND[data]
    rows.append(
        Outcome(
            f"{where}: D-PSGD on a ring falls {100 * behind:.0f} points or more behind all-reduce",
            f"{plain:.3f} to {best:.3f}",
            f"≤ all-reduce - {behind:.3f}",
            plain <= best - behind,
            f"{known['D-PSGD, ring']:.3f} to {known['all-reduce']:.3f}",
        )
    )
    middle = found["quasi-global, ring"]
    rows.append(
        Outcome(
            f"{where}: quasi-global momentum is in between",
            f"{plain:.3f} < {middle:.3f} < {best:.3f}",
            "D-PSGD < it ≤ all-reduce",
            plain < middle <= best,
            f"{known['quasi-global, ring']:.3f}",
        )
    )
    return rows


def _alike(data: str, alpha: float, results: Results) -> Outcome:
    best = results[_name(data, alpha, "all-reduce")].accuracy
    others = {way: results[_name(data, alpha, way)].accuracy for way in list(WAYS)[2:]}
    worst = min(others, key=lambda way: others[way])
    return Outcome(
        f"{data}, α = {alpha:g}: all that gossip are within 2 points of all-reduce",
        f"the least, {worst}: {others[worst]:.3f} to {best:.3f}",
        "≥ all-reduce - .020",
        others[worst] >= best - 0.02,
        f"{min(REFERENCE[data, alpha][2:]):.3f} to {REFERENCE[data, alpha][1]:.3f}",
    )


def _table(results: Results) -> str:
    note = (
        "Accuracy of the mean peer (reference in brackets). α = 0.1 is the mean of three seeds, the others"
        " are one seed. SGP counts peers by their samples, the others alike. There are 2,000 test images:"
        " ± .007 is noise."
    )
    lines = [
        note,
        "",
        f"| | {' | '.join(WAYS)} |",
        "|---" * (len(WAYS) + 1) + "|",
    ]
    for (data, alpha), known in REFERENCE.items():
        cells = [
            f"{results[_name(data, alpha, way)].accuracy:.3f} ({reference:.3f})"
            for way, reference in zip(WAYS, known, strict=True)
        ]
        lines.append(f"| {data} α={alpha:g} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _figure(data: str, results: Results) -> Any:
    alpha = ALPHAS[-1]
    found = {way: results[_name(data, alpha, way)] for way in list(WAYS)[1:]}
    lines = [plots.Line(way, each.accuracies[1:], each.rounds[1:]) for way, each in found.items()]
    return plots.accuracies(
        f"{NAMES[data]}, α = {alpha:g}: corrections close the gap to all-reduce",
        "Accuracy of the mean peer on the common test part, by round. Higher is better.",
        lines,
    )
