"""What was chosen for a run, in the words of its settings: whom to speak to, how to learn, what to send."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gossipfl.report.peers import number, peer_count
from gossipfl.report.run import Run

if TYPE_CHECKING:
    from gossipfl.topology import Schedule

CHOICES = ("Topology", "Algorithm", "Compressor", "Exchange", "Participation")
NO_COMPRESSOR, EVERY_PEER = "none", "100 %"
PLANNED_PEERS_MAX = 20_000
"""The schedule of more peers takes seconds to plan, only to tell how often it changes."""
_SHAPES = ("degree", "probability", "radius", "rewiring", "rows", "branching")


def choices(run: Run) -> dict[str, str]:
    """Those of `CHOICES` that are known of a run; a baseline has neither graph nor algorithm."""
    learning = _section(run, "learning")
    told: dict[str, str] = {}
    if not run.baseline and (graph := _graph(run)):
        told["Topology"] = graph
    if not run.baseline and (algorithm := learning.get("algorithm")):
        told["Algorithm"] = _with(str(algorithm), learning.get("options"))
        compressor = learning.get("compressor") or NO_COMPRESSOR
        told["Compressor"] = _with(str(compressor), learning.get("compression"))
        told["Exchange"] = str(_section(run, "gossip").get("exchange") or "in rounds")
    if run.baseline != "pooled" and run.summary.get("engine"):
        asked = number(run.summary.get("participation"))
        told["Participation"] = EVERY_PEER if asked is None else f"{100 * asked:.3g} %"
    return told


def rule_words(run: Run) -> str | None:
    """By which rule peers combined what they heard: of `auto`, the one that was taken."""
    from gossipfl.learn.robust.catalogue import DEFAULT_RULE, MEAN

    asked, told = _section(run, "robust").get("rule"), run.summary.get("robust")
    if asked is None or run.baseline or not run.summary:
        return None
    taken = told if isinstance(told, dict) else {"rule": MEAN}
    rule, stands = str(taken.get("rule")), int(number(taken.get("attackers")) or 0)
    words = f"{rule}, which stands {stands} hostile neighbour{'s' * (stands != 1)}" if stands else rule
    return f"{words} (auto)" if asked == "auto" and rule in (MEAN, DEFAULT_RULE) else words


def schedule_of(run: Run) -> Schedule | None:
    """The schedule that the peers went by; None if it was none, or another graph took its place.

    None too above PLANNED_PEERS_MAX peers.
    """
    from gossipfl.errors import TopologyError
    from gossipfl.topology import build_schedule

    topology, peers, kind = _section(run, "topology"), peer_count(run), schedule_kind(run)
    if kind is None or peers > PLANNED_PEERS_MAX:
        return None
    try:
        return build_schedule(kind, peers, degree=topology.get("degree"), allow_asymptotic=True)
    except TopologyError:
        return None


def schedule_kind(run: Run) -> str | None:
    """The family of the schedule that the peers went by, if they did."""
    from gossipfl.topology import SCHEDULES

    kind = str(_section(run, "topology").get("kind"))
    return kind if kind in SCHEDULES and run.graph.get("name", kind) == kind else None


def _graph(run: Run) -> str | None:
    """The file or the family of the graph; of one that took the place of that family, its name."""
    topology = _section(run, "topology")
    kind = topology.get("kind")
    drawn = run.graph.get("name", kind)
    if topology.get("file") or drawn != kind:
        return str(topology.get("file") or drawn)
    shape = {key: topology[key] for key in _SHAPES if topology.get(key) is not None}
    return _with(str(kind), shape) if kind else None


def _section(run: Run, name: str) -> dict[str, Any]:
    section = run.settings.get(name)
    return section if isinstance(section, dict) else {}


def _with(name: str, options: object) -> str:
    """`top-k (fraction 0.01)`."""
    told = [f"{key} {value}" for key, value in options.items()] if isinstance(options, dict) else []
    return f"{name} ({', '.join(told)})" if told else name
