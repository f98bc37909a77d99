"""R11: where shards differ in size, peers that all count alike optimise the wrong objective.

D-PSGD on an exponential graph, shares of each class drawn from Dirichlet(0.1). Weights towards sample counts
are Hastings's (Biometrika 1970): n_i W_ij = n_j W_ji.
"""

from __future__ import annotations

from pathlib import Path

from reproduction import plots
from reproduction.learning import Learned, Settings, learn_in_the_mean
from reproduction.outcome import Findings, Outcome, Results, Setting, Work

PEERS, STEPS, EVERY = 20, 1_500, 100
ALPHA = 0.1
SEEDS = (0, 1, 2)
WEIGHTS = ("uniform", "samples")
REFERENCE = {"a9a": (0.789, 0.850), "adult": (0.793, 0.851), "ai4i": (0.924, 0.968)}
POOLED = {"a9a": 0.850, "adult": 0.852, "ai4i": 0.971}


def plan(setting: Setting) -> list[Work]:
    """Both weightings and the pooled model on every data set."""
    return [
        Work(f"{data} {weights}", run, (setting.files, data, weights), 20.0 * len(SEEDS))
        for data in REFERENCE
        for weights in (*WEIGHTS, "pooled")
    ]


def run(folder: Path, data: str, weights: str) -> Learned:
    """STEPS rounds of one step each; the pooled model takes as many steps."""
    pooled = weights == "pooled"
    settings: Settings = {
        "topology": {"peers": PEERS} if pooled else {"kind": "exponential", "peers": PEERS},
        "data": {"split": "dirichlet", "alpha": ALPHA},
        "learning": {
            "rounds": STEPS,
            "steps": 1,
            "batch": 32,
            "learning_rate": 0.05,
            "decay": "none",
            **({} if pooled else {"weights": weights}),
        },
        "run": {"evaluate_every": EVERY},
    }
    return learn_in_the_mean(folder, data, settings, "pooled" if pooled else None, SEEDS)


def conclude(results: Results) -> Findings:
    """Both weightings against the pooled model."""
    outcomes = [row for data in REFERENCE for row in _rows(data, results)]
    series = {
        words: [results[f"{data} {weights}"].accuracy for data in REFERENCE]
        for weights, words in (("uniform", "all alike"), ("samples", "by samples"), ("pooled", "pooled"))
    }
    figure = plots.dots(
        "Counting peers by their samples is as good as pooling",
        "Accuracy of the mean peer on the common test part, mean of three seeds. Further right is better.",
        list(REFERENCE),
        series,
    )
    return Findings(outcomes, {"r11-weighting.png": figure})


def _rows(data: str, results: Results) -> list[Outcome]:
    uniform, samples, pooled = (results[f"{data} {each}"].accuracy for each in (*WEIGHTS, "pooled"))
    known = REFERENCE[data]
    return [
        Outcome(
            f"{data}: peers that count by their samples are within 1 point of the pooled model",
            f"{samples:.3f} to {pooled:.3f}",
            "≥ pooled - .010",
            samples >= pooled - 0.01,
            f"{known[1]:.3f} to {POOLED[data]:.3f}",
        ),
        Outcome(
            f"{data}: peers that all count alike are not",
            f"{uniform:.3f} to {pooled:.3f}",
            "< pooled - .010",
            uniform < pooled - 0.01,
            f"{known[0]:.3f} to {POOLED[data]:.3f}",
        ),
    ]
