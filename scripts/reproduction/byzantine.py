"""R9: four of twenty peers attack, and what rules make of it on MNIST.

Softmax regression over a random 10-regular graph; attacks and rules as in He, Karimireddy and Jaggi (2022,
arXiv 2202.01545) and Allouah et al. (AISTATS 2023, arXiv 2302.01772). Rules judge alone: nobody is shut out.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gossipfl.learn.robust.catalogue import DEFAULT_RULE
from reproduction import plots
from reproduction.learning import Learned, Settings, learn
from reproduction.outcome import Findings, Outcome, Results, Setting, Work

DATA, PEERS, DEGREE, BAD, STEPS, SEED = "mnist10k", 20, 10, 4, 300, 0

ATTACKS: dict[str, dict[str, Any]] = {
    "sign-flip": {"of": "model", "scale": 4.0},
    "gauss": {},
    "alie": {"z": 1.5},
    "ipm": {"epsilon": 0.5},
    "label-flip": {},
    "dissensus": {"epsilon": 1.5},
}
NOBODY = "none"
SPLITS: dict[str, dict[str, Any]] = {
    "iid": {"split": "iid"},
    "α = 1": {"split": "dirichlet", "alpha": 1.0},
}
RULES: dict[str, tuple[str, ...]] = {
    "iid": ("mean", "clipping", "ubar", "nnm+trimmed-mean", DEFAULT_RULE),
    "α = 1": ("ubar", DEFAULT_RULE),
}
REFERENCE = {
    ("iid", "mean"): (0.225, 0.517, 0.879, 0.675, 0.020, 0.221),
    ("iid", "clipping"): (0.853, 0.887, 0.880, 0.853, 0.831, 0.886),
    ("iid", "ubar"): (0.885, 0.884, 0.885, 0.885, 0.885, 0.885),
    ("iid", "nnm+trimmed-mean"): (0.886, 0.886, 0.885, 0.886, 0.888, 0.885),
    ("α = 1", "ubar"): (0.859, 0.855, 0.856, 0.859, 0.859, 0.859),
}
STRONG = ("sign-flip", "ipm", "label-flip", "dissensus")
"""What breaks the plain mean."""


def plan(setting: Setting) -> list[Work]:
    """Rules under every attack, and under none, on both splits."""
    return [
        Work(_name(split, rule, attack), run, (setting.files, split, rule, attack), _cost_s(attack))
        for split in SPLITS
        for rule in RULES[split]
        for attack in (NOBODY, *ATTACKS)
    ]


def run(folder: Path, split: str, rule: str, attack: str) -> Learned:
    """STEPS rounds of one step each; as a crowd where all hear the same."""
    hostile = {"attack": {"kind": attack, "peers": BAD, "options": ATTACKS.get(attack, {})}}
    robust = {} if rule == "mean" else {"attackers": BAD}
    engine = "network" if attack == "dissensus" else "crowd"
    settings: Settings = {
        "topology": {"kind": "k-regular", "peers": PEERS, "degree": DEGREE},
        "data": SPLITS[split],
        "learning": {
            "rounds": STEPS,
            "steps": 1,
            "batch": 32,
            "learning_rate": 0.1,
            "decay": "none",
            "weights": "uniform",
        },
        "robust": {"rule": rule, **robust, **({} if attack == NOBODY else {"quarantine": False})},
        "run": {"evaluate_every": STEPS, "engine": engine, "seed": SEED},
        **({} if attack == NOBODY else hostile),
    }
    return learn(folder, DATA, settings)


def conclude(results: Results) -> Findings:
    """The table, and the rows that pass or fail."""
    found = {name: learned.accuracy for name, learned in results.items()}
    outcomes = [
        _most(found, "iid", STRONG, 0.70),
        _least(found, "iid", "nnm+trimmed-mean", tuple(ATTACKS), 0.88),
        _least(found, "iid", "ubar", tuple(ATTACKS), 0.88),
        _least(found, "α = 1", "ubar", tuple(ATTACKS), 0.85),
        _least(found, "iid", "clipping", tuple(each for each in ATTACKS if each != "label-flip"), 0.85),
        _least(found, "iid", "clipping", ("label-flip",), 0.82),
        *(_least(found, split, DEFAULT_RULE, tuple(ATTACKS), 0.88) for split in SPLITS),
    ]
    series = {rule: [found[_name("iid", rule, attack)] for attack in ATTACKS] for rule in RULES["iid"]}
    figure = plots.dots(
        "Rules that look for the nearest hold; the plain mean learns what attackers want",
        "Accuracy of the mean honest peer, iid, 4 of 20 hostile. Further right is better.",
        list(ATTACKS),
        series,
    )
    return Findings(outcomes, {"r9-byzantine.png": figure}, [_table(found)])


def _cost_s(attack: str) -> float:
    return 20.0 if attack == "dissensus" else 4.0


def _name(split: str, rule: str, attack: str) -> str:
    return f"{split} {rule} {attack}"


def _most(found: dict[str, float], split: str, attacks: tuple[str, ...], bound: float) -> Outcome:
    worst = max(attacks, key=lambda attack: found[_name(split, "mean", attack)])
    return Outcome(
        f"{split}: the plain mean breaks under {', '.join(attacks)}",
        f"the most, {worst}: {found[_name(split, 'mean', worst)]:.3f}",
        f"≤ {bound:.2f}",
        found[_name(split, "mean", worst)] <= bound,
        f"{max(_known(split, 'mean', attack) or 0.0 for attack in attacks):.3f}",
    )


def _least(found: dict[str, float], split: str, rule: str, attacks: tuple[str, ...], bound: float) -> Outcome:
    worst = min(attacks, key=lambda attack: found[_name(split, rule, attack)])
    known = [value for attack in attacks if (value := _known(split, rule, attack)) is not None]
    return Outcome(
        f"{split}: {rule} stands {', '.join(attacks)}",
        f"the least, {worst}: {found[_name(split, rule, worst)]:.3f}",
        f"≥ {bound:.2f}",
        found[_name(split, rule, worst)] >= bound,
        f"{min(known):.3f}" if known else "",
    )


def _known(split: str, rule: str, attack: str) -> float | None:
    row = REFERENCE.get((split, rule))
    return None if row is None else row[list(ATTACKS).index(attack)]


def _table(found: dict[str, float]) -> str:
    note = (
        f"Accuracy of the mean honest peer (reference in brackets), one seed; robust rules stand {BAD} of"
        f' {DEGREE} neighbours, and "{DEFAULT_RULE}" is the default. ALIE with 1.5 sigma is harmless to'
        " convex models."
    )
    lines = [
        note,
        "",
        f"| | | {NOBODY} | {' | '.join(ATTACKS)} |",
        "|---" * (len(ATTACKS) + 3) + "|",
    ]
    for split in SPLITS:
        for rule in RULES[split]:
            cells = [f"{found[_name(split, rule, NOBODY)]:.3f}"]
            for attack in ATTACKS:
                known = _known(split, rule, attack)
                reference = "" if known is None else f" ({known:.3f})"
                cells.append(f"{found[_name(split, rule, attack)]:.3f}{reference}")
            lines.append(f"| {split} | {rule} | {' | '.join(cells)} |")
    return "\n".join(lines)
