"""R5a: compressed gossip converges as fast as its step allows, for a fraction of the bytes.

Koloskova, Stich and Jaggi (ICML 2019, arXiv 1902.00340), "Decentralized stochastic optimization and gossip
algorithms with compressed communication".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gossipfl import Draws
from gossipfl.learn.algorithms.choco import Choco
from gossipfl.learn.algorithms.direct import Direct
from gossipfl.learn.compressors import build_compressor
from gossipfl.learn.contracts import Algorithm
from gossipfl.topology import build_topology
from reproduction import compressed_learning, plots
from reproduction.gossiping import Gossip, squared_distance
from reproduction.outcome import Findings, Outcome, Results, Setting, Work

PEERS, LENGTH = 25, 2_000
SECOND = (1 + 2 * np.cos(2 * np.pi / PEERS)) / 3
TARGET = 1e-4


@dataclass(frozen=True)
class Case:
    """CHOCO with one compressor and step; `rounds` to TARGET and `factor` per round are the reference's."""

    label: str
    compressor: str
    options: tuple[tuple[str, Any], ...]
    step: float
    followed: int
    rounds: int | None = None
    factor: float | None = None


CONVERGING = (
    Case("exact", "none", (), 1.0, 400, None, 0.95855),
    Case("QSGD, 256 levels", "qsgd", (("levels", 256),), 1.0, 400, 186, 0.958523),
    Case("QSGD, 16 levels", "qsgd", (("levels", 16),), 0.6, 500, 267),
    Case("top 10 %", "top-k", (("share", 0.1),), 0.4, 700, 412),
)
SLOW = (Case("top 1 %", "top-k", (("share", 0.01),), 0.046, 5_000, 3487),)
DIVERGING = (
    Case("top 1 %", "top-k", (("share", 0.01),), 0.08, 4_000),
    Case("random 1 %", "random-k", (("share", 0.01),), 0.02, 1_500),
)
NAIVE = Case("QSGD, 256 levels, no CHOCO", "qsgd", (("levels", 256),), 0.0, 400)
BYTES = {
    "QSGD, 256 levels": "1 / 3.5",
    "QSGD, 16 levels": "1 / 4.4",
    "top 10 %": "1 / 3.4",
    "top 1 %": "1 / 4",
}


def plan(setting: Setting) -> list[Work]:
    """What converges in a few hundred rounds is quick; learning needs files."""
    cases = CONVERGING if setting.quick else (*CONVERGING, *SLOW, *DIVERGING)
    works = [Work(_name(case), consensus, (case,), case.followed / 50) for case in (*cases, NAIVE)]
    return works if setting.quick or setting.data is None else [*works, *compressed_learning.plan(setting)]


def _name(case: Case) -> str:
    return f"{case.label} {case.step:g}"


def consensus(case: Case) -> dict[str, Any]:
    """Squared distances to the mean by round, relative to the first, and the bytes of one code."""
    compressor = build_compressor(case.compressor, **dict(case.options))
    starts = Draws(3).normal("starts", PEERS * LENGTH).reshape(PEERS, LENGTH).astype(np.float32)
    algorithm: Algorithm[Any] = Choco(compressor, case.step) if case.step else Direct(compressor)
    gossip = Gossip(
        algorithm,
        np.zeros_like(starts),
        build_topology("ring", PEERS),
        case.followed,
        squared_distance,
        # all begin alike, as the algorithm demands, and learn their own vectors in the first round
        fit=lambda peers, vectors, round: starts[peers] if round == 1 else vectors,
    ).run()
    errors = np.array([squared_distance(starts), *gossip.measured[1:]])
    code = compressor.encode(starts[0], Draws(0))
    return {"errors": errors / errors[0], "bytes": sum(part.nbytes for part in code)}


def conclude(results: Results) -> Findings:
    """Factors, rounds and bytes."""
    followed = [case for case in (*CONVERGING, *SLOW) if _name(case) in results]
    outcomes = [_pace_row(case, results[_name(case)]) for case in followed]
    outcomes += [_bytes_row(case, results[_name(case)], results[_name(followed[0])]) for case in followed[1:]]
    outcomes += [_divergence_row(case, results[_name(case)]) for case in DIVERGING if _name(case) in results]
    outcomes.append(_stall_row(results[_name(NAIVE)]))
    findings = Findings(outcomes, {"r5-compression.png": _figure(followed, results)})
    return compressed_learning.added(findings, results)


def _pace_row(case: Case, result: dict[str, Any]) -> Outcome:
    """By the factor where the reference has one, else by the rounds that it took."""
    errors, step = result["errors"], f"CHOCO, {case.label}, step {case.step:g}"
    if case.factor:
        factor = _factor(errors)
        return Outcome(
            f"{step}: factor of the squared distance per round",
            f"{factor:.6f}",
            f"{case.factor:g} within 0.1 %",
            abs(factor / case.factor - 1) < 1e-3,
            f"{case.factor:g}",
        )
    rounds = _rounds(errors)
    return Outcome(
        f"{step}: rounds to {TARGET:g} of the first squared distance",
        str(rounds),
        f"{case.rounds} within 5 %",
        rounds is not None and case.rounds is not None and abs(rounds / case.rounds - 1) <= 0.05,
        str(case.rounds),
    )


def _bytes_row(case: Case, result: dict[str, Any], exact: dict[str, Any]) -> Outcome:
    spent = (_rounds(result["errors"]) or np.inf) * result["bytes"]
    times = (_rounds(exact["errors"]) or 0) * exact["bytes"] / spent
    words = f"{case.label}: bytes of codes to {TARGET:g}, of those of whole vectors"
    return Outcome(words, f"1 / {times:.1f}", "< 1 / 3", times > 3, BYTES[case.label])


def _stall_row(result: dict[str, Any]) -> Outcome:
    last = float(result["errors"][-1])
    words = f"{NAIVE.label}: the squared distance stalls"
    return Outcome(words, f"at {last:.1e}", "between 1e-5 and 1e-3", 1e-5 < last < 1e-3, "at 1.4e-4")


def _factor(errors: NDArray[np.float64]) -> float:
    """Per round, over the second half of the way to 1e-9."""
    last = int(np.argmax(errors < 1e-9)) or len(errors) - 1
    half = last // 2
    return float((errors[last] / errors[half]) ** (1 / (last - half)))


def _rounds(errors: NDArray[np.float64]) -> int | None:
    below = np.flatnonzero(errors <= TARGET)
    return int(below[0]) if below.size else None


def _divergence_row(case: Case, result: dict[str, Any]) -> Outcome:
    last = float(result["errors"][-1])
    words = f"CHOCO with {case.label} and a step of {case.step:g} diverges"
    return Outcome(words, f"{last:.3g} of the first distance", "> 1", not last <= 1.0, "diverges")


def _figure(followed: list[Case], results: Results) -> Any:
    lines = []
    for case in [*followed, NAIVE]:
        errors, code = results[_name(case)]["errors"][1:], results[_name(case)]["bytes"]
        kept = errors > 1e-10
        lines.append(plots.Line(case.label, errors[kept], 2 * code * (1 + np.flatnonzero(kept))))
    return plots.over_bytes(
        "Coarse codes reach the exact mean for a fraction of the bytes",
        f"Squared distance to the mean of {PEERS} peers on a ring, by bytes of codes. Lower left is better.",
        lines,
        accuracy=False,
    )
