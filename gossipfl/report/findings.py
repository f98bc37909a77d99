"""What the plots of a run show, each in a sentence."""

from __future__ import annotations

from collections import Counter

import numpy as np

from gossipfl.report.choices import schedule_kind, schedule_of
from gossipfl.report.curves import Curves, Floats, curves_of
from gossipfl.report.links import link_count
from gossipfl.report.peers import (
    attackers_of,
    is_sampled,
    judged_peers,
    killed_peers,
    neighbour_states,
    peer_count,
)
from gossipfl.report.run import Run
from gossipfl.report.words import count, fold, metric_label, score, share, significant, size

PLOTS = ("accuracy", "consensus", "traffic", "graph")
_EMPTY = {
    "local": ("traffic",),
    "fedavg": ("consensus", "graph"),
    "pooled": ("consensus", "traffic", "graph"),
}


def plots_of(run: Run) -> tuple[str, ...]:
    """Those of `PLOTS` that the run can fill.

    One node does not know how far models are apart, and nobody does where no model is judged.
    """
    unknown = run.is_of_one_node or (is_sampled(run) and not judged_peers(run))
    empty = ("consensus",) if unknown else _EMPTY.get(run.baseline or "", ())
    return tuple(name for name in PLOTS if name not in empty)


def findings(run: Run) -> dict[str, str]:
    """What each plot shows, in a sentence: its title, and its alternative text on a page."""
    curves = curves_of(run)
    return {name: finding_of(name, run, curves) for name in plots_of(run)}


def finding_of(name: str, run: Run, curves: Curves) -> str:
    """What one plot shows."""
    if name == "graph":
        return _graph_finding(run)
    tell = {"accuracy": _accuracy_finding, "consensus": _consensus_finding, "traffic": _traffic_finding}[name]
    return tell(curves)


def last(values: Floats) -> float | None:
    """The last finite value."""
    known = values[np.isfinite(values)]
    return float(known[-1]) if known.size else None


def _accuracy_finding(curves: Curves) -> str:
    mean, worst = last(curves.mean), last(curves.worst)
    if mean is None:
        return _without_peers(curves)
    metric = "R² " if curves.metric == "r2" else "" if curves.metric == "accuracy" else f"{curves.metric} "
    gone = curves.rounds[np.isfinite(curves.mean)]
    if gone[-1] < (curves.single_rounds if curves.alone else curves.rounds)[-1]:
        return f"The model{'s' * (not curves.alone)} diverged after round {gone[-1]:.0f}"
    if curves.alone:
        return f"{metric_label(curves.metric)} reaches {score(mean, curves.metric)} on its own test rows"
    if curves.shared:
        return f"All peers hold one model, which reaches {metric}{score(mean, curves.metric)}"
    beside = "" if worst is None else f", worst {score(worst, curves.metric)}"
    if curves.judged:
        peers = f"{count(curves.judged)} judged peer{'s' * (curves.judged > 1)}"
        return f"{peers} reach {metric}{score(mean, curves.metric)} on average{beside}"
    return f"Mean node reaches {metric}{score(mean, curves.metric)}{beside}{_backdoor(curves)}"


def _backdoor(curves: Curves) -> str:
    """How often a backdoor succeeds, if there is one."""
    success = last(curves.backdoor)
    return "" if success is None else f"; the backdoor succeeds in {score(success, 'accuracy')}"


def _without_peers(curves: Curves) -> str:
    if curves.alone:
        return "No finite score was recorded"
    averaged = last(curves.averaged)
    if averaged is not None and curves.judged == 0:
        return f"{metric_label(curves.metric)} of the averaged model reaches {score(averaged, curves.metric)}"
    return "No peer scored a finite number"


def _consensus_finding(curves: Curves) -> str:
    values = curves.consensus[np.isfinite(curves.consensus)]
    if not values.size:
        return "Consensus distance was not recorded"
    if not values.any():
        return "All models are the same"
    if values[-1] == 0:
        return "The models end the same"
    closer = float(values.max() / values[-1])
    if closer >= 1.5:
        return f"Consensus distance ends {fold(closer)} times below its peak"
    return f"Consensus distance ends at {significant(float(values[-1]))}"


def _traffic_finding(curves: Curves) -> str:
    sent, messages, lost = last(curves.bytes_sent), last(curves.messages_sent), last(curves.messages_lost)
    if sent is None:
        return "Traffic was not recorded"
    told = f"{size(sent)} sent"
    if messages:
        told += f" in {count(messages)} messages"
        told += f", {share(lost, messages)} lost" if lost else ", none lost" if lost == 0 else ""
    return f"{told}, over {len(curves.restarts) + 1} lives" if curves.restarts else told


def _graph_finding(run: Run) -> str:
    if run.is_of_one_node:
        return _neighbours_finding(list(neighbour_states(run).values()))
    peers, killed, hostile = peer_count(run), killed_peers(run), attackers_of(run)
    told = f"{count(peers)} peer{'s' * (peers != 1)}{_links(run)}"
    told += f", {count(len(hostile))} hostile" if hostile else ""
    return f"{told}, {count(len(killed))} killed" if killed else told


def _links(run: Run) -> str:
    """How many links there are, and how they change from round to round."""
    if run.baseline:
        return ", each alone"
    schedule, links, kind = schedule_of(run), link_count(run), schedule_kind(run)
    if kind and schedule is None:
        return f", linked by {kind}"
    if schedule is not None and schedule.period is None:
        return ", new links in each round"
    told = f" on {count(links)} link{'s' * (links != 1)}"
    if schedule is not None and schedule.period != 1:
        told += f", which take turns over {schedule.period} rounds"
    return told


def _neighbours_finding(states: list[str]) -> str:
    told = ", ".join(f"{count(n)} {state}" for state, n in sorted(Counter(states).items()))
    return f"{count(len(states))} neighbour{'s' * (len(states) != 1)}" + (f": {told}" if told else "")
