"""The faults that are measured, each with what it may cost: in points of accuracy, and beyond."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from gossipfl.protocol.messages import Message, PeerId, Update
from gossipfl.simulator.faults import PASS, Instead, Rule, Verdict

ROUNDS = 60
TASK: Mapping[str, Any] = {
    "topology": {"kind": "k-regular", "peers": 20, "degree": 8},
    "data": {"dataset": "digits", "split": "dirichlet", "alpha": 1.0},
    "model": {"kind": "mlp", "hidden": [64]},
    "learning": {"rounds": ROUNDS, "steps": 5, "batch": 32, "learning_rate": 0.5},
}
HEALED_IN = 40


class Stale:
    """All hear what a peer had learnt `rounds` rounds before."""

    def __init__(self, rounds: int) -> None:
        self._rounds = rounds
        self._said: dict[tuple[PeerId, PeerId], list[Update]] = {}

    def __call__(self, sender: PeerId, to: PeerId, message: Message, now: float) -> Verdict:
        """Say what was said then in the place of what is said now."""
        if not isinstance(message, Update):
            return PASS
        said = self._said.setdefault((sender, to), [])
        said.append(message)
        del said[: -self._rounds - 1]
        return Instead((replace(message, payload=said[0].payload),))


@dataclass(frozen=True)
class Case:
    """One fault: its settings, the points that it may cost, and what else is asked of it."""

    name: str
    points_max: float
    settings: Mapping[str, Any] = field(default_factory=dict)
    rule: Callable[[], Rule] | None = None
    side: tuple[int, ...] = ()  # of a cut
    on_time: bool = False  # survivors finish within 1.2 times the time without it
    prompt: bool = False  # no round is longer than twice its deadline
    spared: tuple[int, ...] = ()  # peers whose own rounds may be as long as they are


def _cut(kind: str, points_max: float, **more: Any) -> Case:
    cut = {"kind": kind, "from": 10, "to": HEALED_IN, **more}
    side = (0,) if kind == "isolate" else tuple(range(10))
    return Case(f"partition {kind}", points_max, {"faults": {"partition": [cut]}}, side=side)


def _churn(share: float, points_max: float) -> Case:
    return Case(f"churn {share:.0%}", points_max, {"faults": {"churn": {"leave": share, "back": 0.5}}})


CASES = (
    *(
        Case(f"SIGKILL {share:.0%}", points, {"faults": {"drop_out": [f"{share}@20"]}}, prompt=True)
        for share, points in ((0.3, 0.5), (0.5, 1.5), (0.7, 3.0))
    ),
    *(
        Case(f"update loss {share:.0%}", points, {"network": {"loss": share}})
        for share, points in ((0.3, 0.5), (0.5, 1.0), (0.8, 2.5))
    ),
    Case("staleness 1 round", 1.5, rule=lambda: Stale(1)),
    Case("staleness 3 rounds", 4.0, rule=lambda: Stale(3)),
    Case("delay 50±10 ms", 0.1, {"network": {"latency_s": 0.04, "jitter_s": 0.02}}, on_time=True),
    *(_cut(kind, 0.5) for kind in ("halves", "one-way", "bridge", "random", "majorities-ring")),
    _cut("isolate", 0.5, peer=0),
    *(_churn(share, points) for share, points in ((0.05, 0.3), (0.2, 1.2), (0.4, 2.5))),
    Case("20 times slower", 0.5, {"network": {"slow": {0: 20.0}}}, on_time=True, spared=(0,)),
    Case("6-minute silence", 0.5, {"faults": {"pause": ["0@20+360"]}}, on_time=True, spared=(0,)),
    Case("gone for good", 0.5, {"faults": {"kill": ["0@20"]}}, on_time=True, spared=(0,)),
)
"""Limits of accuracy are those of the table of targets; where that names none, half a point."""
