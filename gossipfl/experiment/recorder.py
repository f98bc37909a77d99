"""Turns what peers did into the records and the summary of a run, for every driver alike.

Rules:
- A round is judged once every peer that still takes part has closed it, so that its figures compare like with
  like; what is left is judged at the end.
- Figures of the run as a whole are over the peers that completed every round, or those of them judged.
- What attackers hold is nobody's concern: they are neither judged nor waited for, and what they refuse is
  not counted.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from gossipfl.experiment.federation import Federation
from gossipfl.experiment.judging import Outcome, average, judged, judged_peers
from gossipfl.learn.contracts import Array
from gossipfl.learn.divergence import diverged
from gossipfl.protocol.events import Quarantined, Refused, Regarded, RoundClosed
from gossipfl.protocol.events import Record as PeerRecord
from gossipfl.protocol.messages import PeerId, Traffic

Record = dict[str, Any]


@dataclass(slots=True)
class _Round:
    vectors: dict[PeerId, Array] = field(default_factory=dict)
    times_s: dict[PeerId, float] = field(default_factory=dict)


class Recorder:
    """Collects the records of one run of `federation`."""

    def __init__(self, federation: Federation, traffic: Callable[[], Traffic]) -> None:
        self.records: list[Record] = []
        self.refused: Counter[str] = Counter()
        self.regarded: Counter[str] = Counter()
        self.judged = judged_peers(federation)
        self._federation = federation
        self._traffic = traffic
        self._hostile = frozenset(federation.attackers)
        self._active = set(federation.honest.tolist())
        self._reached = Counter({0: len(self._active)})  # how many active peers last closed each round
        self._open: dict[int, _Round] = {}
        self._last: dict[PeerId, tuple[int, Array]] = {}
        self._crowd: Outcome | None = None
        self._furthest = 0  # round that anybody has closed
        self._judged_to = 0  # the last round that was judged: who closes it later is too late
        start = federation.start()
        alike = np.broadcast_to(start, (len(self.judged), len(start)))
        self._judge(0, 0.0, Outcome(len(self._active), self.judged, alike, start.astype(np.float64)))

    def observe(self, peer: PeerId, time_s: float, record: PeerRecord) -> None:
        """`peer` closed a round, refused an update, shut another out, or takes it for something else now."""
        if peer in self._hostile and not isinstance(record, RoundClosed):
            return
        if isinstance(record, Refused):
            self.refused[record.reason] += 1
            self._add("refused", peer, time_s, sender=record.sender, reason=record.reason)
            return
        if isinstance(record, Quarantined):
            for_s = record.for_s if record.for_s < math.inf else None
            self._add("quarantined", peer, time_s, neighbour=record.peer, reason=record.why, for_s=for_s)
            return
        if isinstance(record, Regarded):
            self.regarded[record.state] += 1
            self._add("regarded", peer, time_s, neighbour=record.peer, state=record.state)
            return
        self._furthest = max(self._furthest, record.round)
        self._add(
            "round",
            peer,
            time_s,
            round=record.round,
            duration_s=record.duration_s,
            heard=record.heard,
            missing=record.missing,
            stale=record.stale,
        )
        if peer in self._hostile:
            return
        self._forget(peer)
        self._active.add(peer)
        self._reached[record.round] += 1
        self._last[peer] = record.round, record.vector
        if self.due(record.round) and record.round > self._judged_to:
            held = self._open.setdefault(record.round, _Round())
            held.vectors[peer], held.times_s[peer] = record.vector, time_s
        self._judge_complete()

    def linked(self, peer: PeerId, time_s: float, neighbour: PeerId, state: str) -> None:
        """The link of `peer` to `neighbour` was joined, or it was left."""
        self._add("link", peer, time_s, neighbour=neighbour, state=state)

    def killed(self, peer: PeerId, time_s: float) -> None:
        """`peer` was killed at this moment."""
        self.marked("killed", time_s, (peer,))

    def mark(self, kind: str, peer: PeerId | None, time_s: float, **facts: object) -> None:
        """This happened to `peer`, or to the network; `facts` say more of it."""
        self._add(kind, peer, time_s, **facts)

    def marked(self, what: str, time_s: float, peers: tuple[PeerId, ...]) -> None:
        """This happened to `peers`, or to the network if they are none; `what` as in `simulator.lives`."""
        if not peers:
            self.mark(what, None, time_s, round=self._furthest + 1)
        for peer in peers:
            self.mark(what, peer, time_s)
            if what in ("killed", "left", "paused"):
                self.gone(peer)

    def gone(self, peer: PeerId) -> None:
        """`peer` takes no part any more: nobody waits for its rounds."""
        self._forget(peer)
        self._judge_complete()

    def observe_all(self, round: int, time_s: float, outcome: Outcome) -> None:
        """All peers closed `round` at once, and this is what they hold."""
        self._crowd = outcome
        if outcome.finished:
            self._judge(round, time_s, outcome)

    def due(self, round: int) -> bool:
        """Whether what peers hold after `round` is judged."""
        settings = self._federation.experiment
        return round % settings.run.evaluate_every == 0 or round == settings.learning.rounds

    def close(self) -> None:
        """Judge what is left."""
        for round in sorted(self._open):
            self._judge_round(round)

    def outcome(self) -> Outcome:
        """What the peers hold that completed every round."""
        if self._crowd is not None:
            return self._crowd
        rounds = self._federation.experiment.learning.rounds
        done = {peer: vector for peer, (round, vector) in self._last.items() if round == rounds}
        return self._outcome(done)

    def summary(self) -> Record:
        """The figures of the run over its finished peers; see `judged` for those of a set of models."""
        federation, outcome = self._federation, self.outcome()
        metric, per_peer = federation.metric, dict.fromkeys(self.judged.tolist())
        summary: Record = {
            "peers": federation.peers,
            "finished": outcome.finished,
            "rounds": federation.experiment.learning.rounds,
            "diverged": int(diverged(outcome.vectors).sum()),
            "metric": metric,
            **federation.defence.record(),
        }
        if outcome.finished:
            figures, scores = judged(federation, outcome)
            summary |= figures
            per_peer |= zip(outcome.peers.tolist(), scores.get(metric, np.empty(0)).tolist(), strict=True)
        if federation.assault:
            summary["attackers"] = list(federation.attackers)
            summary["attack"] = federation.experiment.attack.kind
        if len(self.judged) < len(federation.honest):
            summary["judged"] = self.judged.tolist()
        return summary | {
            f"{metric}_per_peer": list(per_peer.values()),
            **asdict(self._traffic()),
            "killed": sorted({record["peer"] for record in self.records if record["kind"] == "killed"}),
            **{
                what: peers
                for what in ("left", "paused")
                if (peers := sorted({record["peer"] for record in self.records if record["kind"] == what}))
            },
            "refused": dict(sorted(self.refused.items())),
            "suspected": self.regarded["suspected"],
            "stand_ins": self.regarded["stand-in"],
            "quarantined": self._quarantined(),
            "spectral_gap": federation.spectral_gap,
            "seed": federation.experiment.run.seed,
        }

    def _quarantined(self) -> dict[str, list[PeerId]]:
        """Who was shut out by some neighbour, for each rule that it broke."""
        found: dict[str, set[PeerId]] = {}
        for record in self.records:
            if record["kind"] == "quarantined":
                found.setdefault(record["reason"], set()).add(record["neighbour"])
        return {reason: sorted(peers) for reason, peers in sorted(found.items())}

    def _add(self, kind: str, peer: PeerId | None, time_s: float, **facts: object) -> None:
        self.records.append({"kind": kind, "peer": peer, "time_s": time_s, **facts})

    def _forget(self, peer: PeerId) -> None:
        if peer in self._active:
            self._active.discard(peer)
            reached = self._last[peer][0] if peer in self._last else 0
            self._reached -= Counter({reached: 1})

    def _judge_complete(self) -> None:
        behind = min(self._reached, default=0)
        for round in sorted(round for round in self._open if round <= behind):
            self._judge_round(round)

    def _judge_round(self, round: int) -> None:
        held = self._open.pop(round)
        self._judged_to = max(self._judged_to, round)
        self._judge(round, max(held.times_s.values()), self._outcome(held.vectors), held.times_s)

    def _outcome(self, vectors: dict[PeerId, Array]) -> Outcome:
        """That of peers who hold these `vectors`."""
        if not vectors:
            nobody = np.empty((0, self._federation.model.size), self._federation.model.dtype)
            return Outcome(0, np.empty(0, np.int64), nobody, nobody.sum(axis=0, dtype=np.float64))
        peers = np.array([peer for peer in self.judged.tolist() if peer in vectors], np.int64)
        every = np.stack([vectors[peer] for peer in sorted(vectors)])
        some = every[np.isin(sorted(vectors), peers)]
        return Outcome(len(every), peers, some, average(every))

    def _judge(
        self, round: int, time_s: float, outcome: Outcome, times_s: Mapping[PeerId, float] | None = None
    ) -> None:
        figures, scores = judged(self._federation, outcome)
        for index, peer in enumerate(outcome.peers.tolist()):
            metrics = {name: float(values[index]) for name, values in scores.items()}
            self._add("evaluation", peer, (times_s or {}).get(peer, time_s), round=round, **metrics)
        now = {"kind": "network", "round": round, "time_s": time_s}
        self.records.append(now | figures | asdict(self._traffic()))
