"""One run of the task in virtual time, with what its peers did while faults befell them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from gossipfl.api import experiment_of
from gossipfl.engines import network_of
from gossipfl.experiment.federation import build
from gossipfl.experiment.recorder import Recorder
from gossipfl.learn.contracts import Array
from gossipfl.protocol.events import Record, RoundClosed
from gossipfl.protocol.messages import Message, PeerId, Update
from gossipfl.simulator.faults import PASS, Verdict
from robustness_runs.cases import ROUNDS, TASK, Case

LATE_ROUNDS = 4
"""Who comes back in so many of the last rounds may find that the others are done."""

GAP_ROUNDS = 3


class Seen(NamedTuple):
    """What is measured of one run; None where it has no sense."""

    case: str
    seed: int
    accuracy: float
    unfinished: int  # survivors
    longest_s: float  # round
    ended_s: float
    reconnected_s: float | None
    gap: float | None
    rejoined: int | None  # rounds


class _Watch:
    """What passes on the links, and what peers close."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self.closed: dict[PeerId, list[tuple[float, RoundClosed]]] = {}
        self.models: dict[int, dict[PeerId, Array]] = {}
        self.happened: list[tuple[str, float, PeerId, int]] = []
        self.frontier = 1
        self._waiting: dict[PeerId, int] = {}  # who is back, since the run was in which round
        self.rejoined: list[int] = []
        self.healed_s: float | None = None
        self.healed_in = 0
        self.crossed_s: dict[tuple[PeerId, PeerId], float] = {}

    def rule(self, sender: PeerId, to: PeerId, message: Message, now: float) -> Verdict:
        """See what is carried."""
        across = (sender in self._case.side) != (to in self._case.side)
        if self.healed_s is not None and across:
            self.crossed_s.setdefault((sender, to), now)
        if isinstance(message, Update) and sender in self._waiting:
            self.rejoined.append(message.round - self._waiting.pop(sender))
        return PASS

    def observe(self, peer: PeerId, now: float, record: Record) -> None:
        """See a round."""
        if isinstance(record, RoundClosed):
            self.closed.setdefault(peer, []).append((now, record))
            self.frontier = max(self.frontier, record.round + 1)
            if self._case.side and self.healed_s is not None:
                self.models.setdefault(record.round, {})[peer] = record.vector

    def marked(self, what: str, now: float, peers: tuple[PeerId, ...]) -> None:
        """See what befalls."""
        self.happened += [(what, now, peer, self.frontier) for peer in peers]
        if what == "healed":
            self.healed_s = now
            self.healed_in = self.frontier
        for peer in peers:
            self._waiting.pop(peer, None)
            if what == "back" and self.frontier <= ROUNDS - LATE_ROUNDS:
                self._waiting[peer] = self.frontier

    def survivors(self) -> set[PeerId]:
        """Who was there at the end and, if it had been away, long enough."""
        last = {peer: (what, round) for what, _, peer, round in self.happened}
        gone = {peer for peer, (what, _) in last.items() if what in ("killed", "left")}
        late = {p for p, (what, round) in last.items() if what == "back" and round > ROUNDS - LATE_ROUNDS}
        return set(range(20)) - gone - late

    def gap(self) -> float | None:
        """How far both sides are apart after the rounds that they have, by the length of their mean."""
        if self.healed_s is None:
            return None
        held = self.models.get(self.healed_in + GAP_ROUNDS, {})
        one = np.mean([vector for peer, vector in held.items() if peer in self._case.side], axis=0)
        other = np.mean([vector for peer, vector in held.items() if peer not in self._case.side], axis=0)
        return float(np.linalg.norm(one - other) / np.linalg.norm((one + other) / 2))

    def reconnected_s(self) -> float | None:
        """When the last of the links that were cut carried something again."""
        if self.healed_s is None:
            return None
        return max(self.crossed_s.values(), default=np.inf) - self.healed_s


def watch(case: Case, seed: int) -> Seen:
    """Run `case` with this seed."""
    settings: Mapping[str, Any] = {**TASK, **case.settings, "run": {"seed": seed, "evaluate_every": ROUNDS}}
    federation = build(experiment_of(settings)).quick()
    seen = _Watch(case)

    def observe(peer: PeerId, now: float, record: Record) -> None:
        seen.observe(peer, now, record)
        recorder.observe(peer, now, record)

    def marked(what: str, now: float, peers: tuple[PeerId, ...]) -> None:
        seen.marked(what, now, peers)
        recorder.marked(what, now, peers)

    rules = (case.rule(),) if case.rule else ()
    network = network_of(federation, observe, marked, (*rules, seen.rule))
    recorder = Recorder(federation, lambda: network.traffic)
    network.run()
    recorder.close()
    survivors = seen.survivors()
    swift = [peer for peer in survivors if peer not in case.spared]
    return Seen(
        case.name,
        seed,
        100 * float(recorder.summary().get("accuracy_mean", 0.0)),
        len(survivors - network.finished),
        max((record.duration_s for peer in swift for _, record in seen.closed.get(peer, ())), default=0.0),
        max((seen.closed[peer][-1][0] for peer in swift if peer in seen.closed), default=0.0),
        seen.reconnected_s(),
        seen.gap(),
        max(seen.rejoined, default=None),
    )
