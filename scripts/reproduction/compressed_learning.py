"""R5b: peers that hold a class or two each learn in codes, and what closes the gap to exact communication.

CHOCO-SGD as in Koloskova, Lin, Stich and Jaggi (ICLR 2020, arXiv 1907.09356), on rows sorted by label over a
ring. Its gap to exact communication is closed by a correction for unlike data (Liu, Li, Wang, Tang and Yan,
ICLR 2021, arXiv 2007.00232); a learning rate that falls along a cosine makes all peers alike.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from reproduction import datasets, plots
from reproduction.learning import Learned, learn_from
from reproduction.outcome import Findings, Outcome, Results, Setting, Work

DATA, PEERS, STEPS, EVERY = "fmnist10k", 9, 1_500, 50
TOP_10, TOP_5, TOP_1 = ({"share": share} for share in (0.1, 0.05, 0.01))
CONSTANT, FALLING = {"decay": "none"}, {"decay": "cosine"}

WAYS: dict[str, dict[str, Any]] = {
    "exact": CONSTANT,
    "CHOCO, top 10 %": CONSTANT
    | {"algorithm": "choco", "compressor": "top-k", "compression": TOP_10, "options": {"step": 0.3}},
    "CHOCO, QSGD 16": CONSTANT
    | {"algorithm": "choco", "compressor": "qsgd", "compression": {"levels": 16}, "options": {"step": 0.4}},
    "CHOCO, top 1 %": CONSTANT
    | {"algorithm": "choco", "compressor": "top-k", "compression": TOP_1, "options": {"step": 0.1}},
    "exact, falling rate": FALLING,
    "CHOCO, top 5 %, falling rate": FALLING
    | {"algorithm": "choco", "compressor": "top-k", "compression": TOP_5},
    "corrected, top 5 %": CONSTANT
    | {"algorithm": "choco-diffusion", "compressor": "top-k", "compression": TOP_5},
    "corrected, top 5 %, falling rate": FALLING
    | {"algorithm": "choco-diffusion", "compressor": "top-k", "compression": TOP_5},
}
BEST = "corrected, top 5 %, falling rate"
REFERENCE = {
    "exact": (0.713, 0.826),
    "CHOCO, top 10 %": (0.557, 0.783),
    "CHOCO, QSGD 16": (0.599, 0.802),
    "CHOCO, top 1 %": (0.397, 0.636),
}


def plan(setting: Setting) -> list[Work]:
    """One run for each way."""
    return [Work(way, run, (setting.files, way), 30.0) for way in WAYS]


def run(folder: Path, way: str) -> Learned:
    """STEPS rounds of one step each over a ring, along which the labels are sorted."""
    data = datasets.load(folder, DATA)
    place = np.argsort(np.argsort(data.targets, kind="stable"))
    owner = np.array([str(peer) for peer in place * PEERS // len(data)])
    steps = {"rounds": STEPS, "steps": 1, "batch": 32, "learning_rate": 0.1, "weights": "uniform"}
    return learn_from(
        replace(data, groups={"peer": owner}),
        {
            "topology": {"kind": "ring", "peers": PEERS},
            "data": {"split": "column", "column": "peer"},
            "learning": steps | WAYS[way],
            "run": {"evaluate_every": EVERY},
        },
    )


def added(findings: Findings, results: Results) -> Findings:
    """`findings` with what came of learning, if it was run."""
    if BEST not in results:
        return findings
    rows = [_known_row(way, results[way]) for way in REFERENCE]
    rows += [_best_row(results, exact) for exact in ("exact", "exact, falling rate")]
    return Findings(
        [*findings.outcomes, *rows],
        findings.figures | {"r5-learning.png": _figure(results)},
        [*findings.notes, _table(results)],
    )


def _known_row(way: str, found: Learned) -> Outcome:
    known, model = REFERENCE[way]
    return Outcome(
        f"{DATA}, sorted over a ring of {PEERS}: {way}, accuracy of the mean peer",
        f"{found.accuracy:.3f} (averaged model {found.averaged_model:.3f})",
        f"{known:.3f} within 3 points",
        abs(found.accuracy - known) <= 0.03,
        f"{known:.3f} (averaged model {model:.3f})",
    )


def _best_row(results: Results, exact: str) -> Outcome:
    best, other = results[BEST], results[exact]
    times = other.bytes_per_peer[-1] / best.bytes_per_peer[-1]
    return Outcome(
        f'"{BEST}" is within 1 point of "{exact}" for a tenth of the bytes',
        f"{best.accuracy:.3f} to {other.accuracy:.3f}, bytes 1 / {times:.1f}",
        "≥ exact - .010, ≤ 1 / 10",
        best.accuracy >= other.accuracy - 0.01 and times >= 10,
    )


def _table(results: Results) -> str:
    lines = [
        "The correction did it, the rate made all peers alike (bytes with frames and signatures):",
        "",
        "| | mean peer | worst peer | averaged model | MB per peer |",
        "|---|---|---|---|---|",
    ]
    for way in WAYS:
        found: Learned = results[way]
        figures = (found.accuracy, found.worst, found.averaged_model)
        cells = " | ".join(f"{figure:.3f}" for figure in figures)
        lines.append(f"| {way} | {cells} | {found.bytes_per_peer[-1] / 1e6:.1f} |")
    return "\n".join(lines)


def _figure(results: Results) -> Any:
    lines = [plots.Line(way, results[way].accuracies[1:], results[way].bytes_per_peer[1:]) for way in WAYS]
    return plots.over_bytes(
        "A correction for unlike data closes the gap, for a twentieth of the bytes",
        "Accuracy of the mean peer on Fashion-MNIST sorted by label, by bytes sent. Upper left is better.",
        lines,
        accuracy=True,
    )
