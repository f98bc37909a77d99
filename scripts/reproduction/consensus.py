"""R1: mixing shrinks differences by the second eigenvalue of its weights, and keeps the mean.

Xiao and Boyd (Syst. Control Lett. 2004), "Fast linear iterations for distributed averaging"; the gap of the
exponential graph is of Ying et al. (NeurIPS 2021, arXiv 2110.13363).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gossipfl import Draws
from gossipfl.learn.algorithms.dpsgd import Dpsgd
from gossipfl.topology import Topology, build_topology, mixing_matrix, spectral_gap
from gossipfl.topology.schedule import Schedule
from gossipfl.topology.scheduling import build_schedule
from reproduction import plots
from reproduction.gossiping import Gossip
from reproduction.outcome import Findings, Outcome, Results, Setting, Work

LENGTH = 8
SMALLEST = 1e-9
"""The decay is followed until differences are this part of what they were."""

Formula = Callable[[int], float]

# Of n peers (of rows, for a torus), with weights 1 / (1 + max degree)
FORMULAS: dict[str, tuple[Formula, tuple[int, ...]]] = {
    "ring": (lambda n: 1 - (1 + 2 * np.cos(2 * np.pi / n)) / 3, (5, 16, 25, 64, 100)),
    "torus": (lambda n: 1 - (3 + 2 * np.cos(2 * np.pi / round(n**0.5))) / 5, (16, 25, 64, 100)),
    "hypercube": (lambda n: 2 / (np.log2(n) + 1), (4, 16, 64, 128)),
    "star": (lambda n: 1 / n, (4, 16, 25, 100)),
    "line": (lambda n: (1 - np.cos(np.pi / n)) * 2 / 3, (4, 16, 25, 100)),
    "static exponential": (lambda n: 2 / (1 + np.ceil(np.log2(n))), (4, 6, 16, 24, 64, 100)),
}
REFERENCE_GAPS = {("ring", 16): 0.05074697832580888, ("torus", 64): 0.11715728753, ("line", 16): 0.012809813}
DECAYS = ("ring", "torus", "star", "hypercube", "static exponential", "line")
REFERENCE_FACTORS = {"ring": 0.949253022, "torus": 0.6000, "static exponential": 0.59992}
PEERS = 16
DRAWN = 400


def plan(setting: Setting) -> list[Work]:
    """One decay per family; that of the line is long."""
    families = DECAYS[:-1] if setting.quick else DECAYS
    return [Work(family, decay, (family, PEERS), 3.0) for family in families]


def decay(family: str, peers: int) -> dict[str, Any]:
    """The distances ‖X_t - mean‖ of peers on a graph of `family`, and how far their mean strays."""
    graph = graph_of(family, peers)
    second = 1 - gap_of(family, peers)
    rounds = int(np.ceil(np.log(SMALLEST) / np.log(second))) + 1
    starts = Draws(1).normal("starts", peers * LENGTH).reshape(peers, LENGTH)
    mean = starts.mean(axis=0)
    gossip = Gossip(
        Dpsgd(),
        starts,
        graph,
        rounds,
        lambda vectors: (
            float(np.linalg.norm(vectors - vectors.mean(axis=0))),
            float(np.abs(vectors.mean(axis=0) - mean).max()),
        ),
    ).run()
    distances, drifts = np.array(gossip.measured).T
    return {"distances": distances, "drift": float(drifts.max()), "second": second}


def graph_of(family: str, peers: int) -> Topology | Schedule:
    """A graph by the name of its family here."""
    if family == "static exponential":
        return build_schedule("directed-exponential", peers)
    return build_topology(family, peers)


def gap_of(family: str, peers: int) -> float:
    """The spectral gap, from the matrix: 1 - ‖W - J‖ where W is not symmetric."""
    graph = graph_of(family, peers)
    if isinstance(graph, Topology):
        gap = spectral_gap(mixing_matrix(graph))
        return float(gap) if gap is not None else float("nan")
    return 1 - float(np.linalg.norm(graph.mixing(1).toarray() - 1 / peers, 2))


def conclude(results: Results) -> Findings:
    """Gaps against their formulas, factors against the second eigenvalue, means against themselves."""
    outcomes = [_formula_row(family) for family in FORMULAS]
    for family, result in results.items():
        outcomes.append(_factor_row(family, result))
    outcomes.append(_bound_row(results))
    drift = max(result["drift"] for result in results.values())
    words = "The mean of all peers stays where it is"
    outcomes.append(Outcome(words, f"{drift:.1e}", "< 1e-12", drift < 1e-12))
    lines = [
        plots.Line(family, (result["distances"] / result["distances"][0])[:DRAWN], law=_law(result)[:DRAWN])
        for family, result in results.items()
        if family != "hypercube"  # as the torus
    ]
    figure = plots.decays(
        f"Differences shrink by the second eigenvalue, {PEERS} peers",
        "Distance to the mean, of the first distance, by round; dashed: the law. Lower is better.",
        lines,
    )
    return Findings(outcomes, {"r1-consensus.png": figure})


def _formula_row(family: str) -> Outcome:
    formula, sizes = FORMULAS[family]
    error = max(abs(gap_of(family, peers) - formula(peers)) for peers in sizes)
    known = [f"n={n}: {gap:.9g}" for (name, n), gap in REFERENCE_GAPS.items() if name == family]
    words = f"Spectral gap of the {family}, n = {', '.join(map(str, sizes))}, is its formula"
    return Outcome(words, f"off by {error:.1e}", "< 1e-12", error < 1e-12, *known)


def _factor_row(family: str, result: dict[str, Any]) -> Outcome:
    distances, second = result["distances"], result["second"]
    last = int(np.argmax(distances < SMALLEST * distances[0])) or len(distances) - 1
    half = last // 2
    factor = (distances[last] / distances[half]) ** (1 / (last - half))
    known = REFERENCE_FACTORS.get(family)
    return Outcome(
        f"Factor per round on the {family} of {PEERS} peers is the second eigenvalue",
        f"{factor:.6f}",
        f"{second:.6f} within 0.1 %",
        bool(abs(factor / second - 1) < 1e-3),
        f"{known:g}" if known else "",
    )


def _bound_row(results: Results) -> Outcome:
    shares = [result["distances"] / result["distances"][0] / _law(result) for result in results.values()]
    worst = max(float(share.max()) for share in shares)
    words = "No round is behind the law: distance / (second eigenvalue ^ t x first distance)"
    return Outcome(words, f"at most {worst:.9f}", "≤ 1 + 1e-6", worst <= 1 + 1e-6)


def _law(result: dict[str, Any]) -> Any:
    return result["second"] ** np.arange(len(result["distances"]))
