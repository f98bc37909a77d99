"""What a campaign measures of one run, as plain numbers by name.

Rules:
- A measure that has no meaning in a run is absent; one that is not finite is null.
- What compares a run with the one without faults is not known here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from gossipfl.experiment.settings import Experiment
from gossipfl.report import Run
from gossipfl.report.curves import curves_of
from gossipfl.report.peers import of_kind

POINTS_MAX = 100
"""So many points of a curve are kept: more are not seen in a plot."""

Figures = dict[str, float | None]


def figures_of(run: Run, experiment: Experiment) -> Figures:
    """The measures of `run`."""
    found, metric = run.summary, run.summary["metric"]
    rounds = list(of_kind(run, "round"))
    figures: Figures = {
        f"{metric}_{what}": found.get(f"{metric}_{what}") for what in ("mean", "worst", "averaged_model")
    }
    figures |= {
        "consensus_distance": found.get("consensus_distance"),
        "finished_share": found["finished"] / (found["peers"] - len(found.get("attackers", ()))),
        "survivors_finished": _survivors_finished(run, experiment),
        "diverged_share": found["diverged"] / len(run.models) if run.models else None,
        "finish_s": _finish_s(run, experiment),
        "virtual_s": found["virtual_s"],
        "bytes_sent": found["bytes_sent"],
        "messages_sent": found["messages_sent"],
        "messages_lost": found["messages_lost"],
        "messages_refused": sum(found["refused"].values()),
    }
    if rounds:
        figures["round_longest_s"] = max(record["duration_s"] for record in rounds)
        figures["messages_late"] = sum(record["stale"] for record in rounds)
    figures |= {f"refused_{reason}": count for reason, count in found["refused"].items()}
    if "backdoor_success" in found:
        figures["attack_success"] = found["backdoor_success"]
    return {name: _plain(value) for name, value in figures.items()}


def curves_by_round(run: Run) -> dict[str, list[float | None]]:
    """The rounds and, in each, the score of the mean and of the worst node; at most `POINTS_MAX`."""
    curves = curves_of(run)
    count = len(curves.rounds)
    kept = np.unique(np.linspace(0, max(count - 1, 0), min(count, POINTS_MAX)).round().astype(int))
    columns = {"round": curves.rounds, "mean": curves.mean, "worst": curves.worst}
    return {name: [_plain(value) for value in values[kept]] for name, values in columns.items()}


def _survivors_finished(run: Run, experiment: Experiment) -> float | None:
    """How many finished of those who are honest, and were not gone at the end."""
    rounds = experiment.learning.rounds
    there = {record["peer"] for record in of_kind(run, "round") if record["round"] == rounds}
    gone = _gone(run) - there - _peers(experiment.faults.restart)
    alive = run.summary["peers"] - len(gone.union(run.summary.get("attackers", ())))
    return min(run.summary["finished"] / alive, 1.0) if alive else None


def _gone(run: Run) -> set[int]:
    """Who was killed, or left, and was not back."""
    last = {r["peer"]: r["kind"] for r in run.records if r["kind"] in ("killed", "left", "back")}
    return {peer for peer, kind in last.items() if kind != "back"}


def _finish_s(run: Run, experiment: Experiment) -> float | None:
    """When the last peer finished of those that no fault names; of all, if faults name every one."""
    rounds = experiment.learning.rounds
    ends = {r["peer"]: r["time_s"] for r in of_kind(run, "round") if r["round"] == rounds}
    if not ends:
        return float(run.summary["virtual_s"]) if run.summary["finished"] else None
    harmed = {r["peer"] for r in run.records if r["kind"] in ("killed", "left", "paused")}
    hurt = harmed | _named(experiment)
    last: float = max((at for peer, at in ends.items() if peer not in hurt), default=max(ends.values()))
    return last


def _named(experiment: Experiment) -> set[int]:
    """The peers whom faults name."""
    lists = [value for value in experiment.faults.model_dump().values() if isinstance(value, tuple | list)]
    return set(experiment.network.slow).union(*map(_peers, lists))


def _peers(texts: Iterable[object]) -> set[int]:
    """Whom texts such as "2@5" name."""
    peers = {text.partition("@")[0] for text in texts if isinstance(text, str)}
    return {int(peer) for peer in peers if peer.isdecimal()}


def _plain(value: Any) -> float | None:
    return float(value) if value is not None and np.isfinite(value) else None
