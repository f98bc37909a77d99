"""R2: schedules after one period of which all peers agree exactly, and those that never do.

Ying et al. (NeurIPS 2021, arXiv 2110.13363) for the one-peer exponential graph; Takezawa, Sato, Bao, Niwa and
Yamada (NeurIPS 2023, arXiv 2305.11420), "Beyond exponential graph", for Base-(k+1).
"""

from __future__ import annotations

from math import log
from typing import Any

import numpy as np

from gossipfl.errors import TopologyError
from gossipfl.learn.algorithms.dpsgd import Dpsgd
from gossipfl.topology.schedule import Schedule, residual
from gossipfl.topology.scheduling import build_schedule
from reproduction import plots
from reproduction.gossiping import Gossip
from reproduction.outcome import Findings, Outcome, Results, Setting, Work

EXACT = 1e-14
POWERS = tuple(1 << power for power in range(1, 8))
NEVER = (6, 12, 20, 33)
NEVER_MIN = 1e-3
DEGREES = (1, 2, 3, 4)
PEERS_MAX = 100
DRAWN = 25

# Rounds of Base-(k+1) for k = 1, 2, 3, 4, by the number of peers, by the code of its authors
PUBLISHED = {
    3: (3, 1, 1, 1), 5: (5, 3, 3, 1), 6: (4, 2, 2, 2), 7: (5, 4, 3, 3), 10: (6, 4, 4, 2), 12: (5, 3, 2, 2),
    16: (4, 4, 2, 2), 20: (7, 5, 4, 2), 22: (8, 6, 5, 4), 23: (9, 6, 5, 4), 24: (6, 4, 3, 3),
    25: (9, 6, 5, 2), 32: (5, 5, 3, 3), 33: (11, 6, 5, 5), 50: (10, 7, 6, 3), 64: (6, 6, 3, 3),
    100: (11, 8, 6, 3),
}  # fmt: skip


def plan(setting: Setting) -> list[Work]:
    """Every degree with every size, or with those of the table alone."""
    sizes = tuple(PUBLISHED) if setting.quick else tuple(range(2, PEERS_MAX + 1))
    works = [Work(f"base {degree + 1}", base, (degree, sizes), len(sizes) / 6) for degree in DEGREES]
    return [*works, Work("one-peer", one_peer, (), 2.0), Work("decay", decays, (), 3.0)]


def base(degree: int, sizes: tuple[int, ...]) -> dict[int, dict[str, Any]]:
    """What the schedules of Base-(degree + 1) come to, by the number of peers."""
    found: dict[int, dict[str, Any]] = {}
    for peers in sizes:
        schedule = build_schedule("base", peers, degree=degree)
        found[peers] = {
            "rounds": schedule.period,
            "degree": _largest_degree(schedule),
            "residual": residual([schedule.mixing(round) for round in range(1, (schedule.period or 0) + 1)]),
            "left": _left(schedule),
        }
    return found


def one_peer() -> dict[str, Any]:
    """What is left after log2 n rounds of the one-peer exponential graph, and who is refused it."""
    never = {peers: build_schedule("one-peer-exponential", peers, allow_asymptotic=True) for peers in NEVER}
    return {
        "powers": {peers: _left(build_schedule("one-peer-exponential", peers)) for peers in POWERS},
        "never": {peers: _left(schedule) for peers, schedule in never.items()},
        "refused": [peers for peers in NEVER if _is_refused(peers)],
    }


def decays() -> dict[str, list[float]]:
    """The largest difference to the mean, by round, on some graphs of DRAWN peers."""
    wanted = {
        "base, degree 1": build_schedule("base", DRAWN),
        "base, degree 4": build_schedule("base", DRAWN, degree=4),
        "one-peer exponential": build_schedule("one-peer-exponential", DRAWN, allow_asymptotic=True),
        "static exponential": build_schedule("directed-exponential", DRAWN),
    }
    return {name: _gossip(schedule, 20).measured for name, schedule in wanted.items()}


def _left(schedule: Schedule) -> float:
    """max |X - 1/n| after one period of peers that begin at the rows of the identity."""
    return float(_gossip(schedule, schedule.period or 0).measured[-1])


def _gossip(schedule: Schedule, rounds: int) -> Gossip:
    peers = schedule.peers
    return Gossip(
        Dpsgd(), np.eye(peers), schedule, rounds, lambda vectors: float(np.abs(vectors - 1 / peers).max())
    ).run()


def _largest_degree(schedule: Schedule) -> int:
    rounds = range(1, (schedule.period or 0) + 1)
    return max(len(schedule.waits_for(peer, round)) for round in rounds for peer in range(schedule.peers))


def _is_refused(peers: int) -> bool:
    try:
        build_schedule("one-peer-exponential", peers)
    except TopologyError:
        return True
    return False


def conclude(results: Results) -> Findings:
    """Residuals, degrees and lengths."""
    outcomes = [*_one_peer_rows(results["one-peer"])]
    for degree in DEGREES:
        outcomes += _base_rows(degree, results[f"base {degree + 1}"])
    lines = [plots.Line(name, np.maximum(measured, 1e-17)) for name, measured in results["decay"].items()]
    figure = plots.decays(
        f"Base graphs of {DRAWN} peers agree exactly, exponential graphs come close",
        "Largest difference between a peer and the mean, by round. Lower is better.",
        lines,
    )
    return Findings(outcomes, {"r2-finite-time.png": figure})


def _one_peer_rows(found: dict[str, Any]) -> list[Outcome]:
    worst, least = max(found["powers"].values()), min(found["never"].values())
    sizes = ", ".join(map(str, POWERS))
    never = ", ".join(map(str, NEVER))
    return [
        Outcome(
            f"One-peer exponential, n = {sizes}: exact after log2 n rounds of peers",
            f"{worst:.1e} is left",
            f"≤ {EXACT:g}",
            worst <= EXACT,
            "≤ 1.2e-16",
        ),
        Outcome(
            f"One-peer exponential, n = {never}: not exact after one period",
            f"{least:.2g} or more is left",
            f"> {NEVER_MIN:g}",
            least > NEVER_MIN,
            "n=6: 0.39 (as a norm)",
        ),
        Outcome(
            f"One-peer exponential, n = {never}: refused",
            f"{len(found['refused'])} of {len(NEVER)}",
            "all",
            found["refused"] == list(NEVER),
        ),
    ]


def _base_rows(degree: int, found: dict[int, dict[str, Any]]) -> list[Outcome]:
    left = max(each["left"] for each in found.values())
    worst = max(each["residual"] for each in found.values())
    degrees = max(each["degree"] for each in found.values())
    over = [n for n, each in found.items() if each["rounds"] > 2 * log(n, degree + 1) + 2 + 1e-9]
    listed = {n: (found[n]["rounds"], rounds[degree - 1]) for n, rounds in PUBLISHED.items()}
    longer = [f"n={n}: {ours} for {theirs}" for n, (ours, theirs) in listed.items() if ours > theirs]
    shorter = [f"n={n}: {ours} for {theirs}" for n, (ours, theirs) in listed.items() if ours < theirs]
    name = f"Base-{degree + 1}"
    return [
        Outcome(
            f"{name}, {len(found)} sizes to {PEERS_MAX}: exact after one period, of matrices",
            f"{worst:.1e} is left",
            f"≤ {EXACT:g}",
            worst <= EXACT,
            "≤ 5.6e-17",
        ),
        Outcome(
            f"{name}, {len(found)} sizes: exact after one period, of peers",
            f"{left:.1e} is left",
            f"≤ {EXACT:g}",
            left <= EXACT,
        ),
        Outcome(
            f"{name}: nobody hears more than {degree} in a round, nor longer than 2 log n + 2 rounds",
            f"at most {degrees}; {len(over)} too long",
            f"≤ {degree}; 0",
            degrees <= degree and not over,
        ),
        Outcome(
            f"{name}: as many rounds as by the code of its authors, for {len(PUBLISHED)} sizes",
            "; ".join([*longer, *shorter]) or "the same",
            "none longer",
            not longer,
        ),
    ]
