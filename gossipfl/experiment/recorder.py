"""Turns what peers did into the records and the summary of a run, for every driver alike.

Rules:
- A round is judged once every peer that still takes part has closed it, so that its figures compare like with
  like; what is left is judged at the end.
- Figures of the run as a whole are over the peers that completed every round.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from gossipfl.experiment.federation import Federation
from gossipfl.learn.contracts import Array
from gossipfl.protocol.events import Refused, RoundClosed
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
        self._federation = federation
        self._traffic = traffic
        self._active = set(range(federation.peers))
        self._reached = Counter({0: federation.peers})  # how many active peers last closed each round
        self._open: dict[int, _Round] = {}
        self._last: dict[PeerId, tuple[int, Array]] = {}
        start = np.broadcast_to(federation.start(), (federation.peers, federation.model.size))
        self._judge(0, _Round(dict(enumerate(start)), dict.fromkeys(range(federation.peers), 0.0)))

    def observe(self, peer: PeerId, time_s: float, record: RoundClosed | Refused) -> None:
        """`peer` closed a round, or refused an update."""
        if isinstance(record, Refused):
            self.refused[record.reason] += 1
            self._add("refused", peer, time_s, sender=record.sender, reason=record.reason)
            return
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
        self._forget(peer)
        self._active.add(peer)
        self._reached[record.round] += 1
        self._last[peer] = record.round, record.vector
        if self._due(record.round):
            held = self._open.setdefault(record.round, _Round())
            held.vectors[peer], held.times_s[peer] = record.vector, time_s
        self._judge_complete()

    def linked(self, peer: PeerId, time_s: float, neighbour: PeerId, state: str) -> None:
        """The link of `peer` to `neighbour` was joined, or it was left."""
        self._add("link", peer, time_s, neighbour=neighbour, state=state)

    def killed(self, peer: PeerId, time_s: float) -> None:
        """`peer` was killed at this moment."""
        self._add("killed", peer, time_s)
        self.gone(peer)

    def gone(self, peer: PeerId) -> None:
        """`peer` takes no part any more: nobody waits for its rounds."""
        self._forget(peer)
        self._judge_complete()

    def models(self) -> dict[PeerId, Array]:
        """The last model of each peer that completed every round."""
        rounds = self._federation.experiment.learning.rounds
        return {peer: vector for peer, (round, vector) in sorted(self._last.items()) if round == rounds}

    def close(self) -> None:
        """Judge what is left."""
        for round in sorted(self._open):
            self._judge(round, self._open.pop(round))

    def summary(self) -> Record:
        """The figures of the run over its finished peers; see `judged` for those of a set of models."""
        federation, finished = self._federation, self.models()
        per_peer: list[float | None] = [None] * federation.peers
        summary: Record = {
            "peers": federation.peers,
            "finished": len(finished),
            "rounds": federation.experiment.learning.rounds,
            "metric": federation.metric,
        }
        if finished:
            vectors = np.stack(list(finished.values()))
            figures, scores = judged(federation, list(finished), vectors)
            summary |= figures
            for peer, score in zip(finished, scores[federation.metric], strict=True):
                per_peer[peer] = float(score)
        return summary | {
            f"{federation.metric}_per_peer": per_peer,
            **asdict(self._traffic()),
            "killed": sorted({record["peer"] for record in self.records if record["kind"] == "killed"}),
            "refused": dict(sorted(self.refused.items())),
            "spectral_gap": federation.spectral_gap,
            "seed": federation.experiment.run.seed,
        }

    def _add(self, kind: str, peer: PeerId, time_s: float, **facts: object) -> None:
        self.records.append({"kind": kind, "peer": peer, "time_s": time_s, **facts})

    def _due(self, round: int) -> bool:
        settings = self._federation.experiment
        return round % settings.run.evaluate_every == 0 or round == settings.learning.rounds

    def _forget(self, peer: PeerId) -> None:
        if peer in self._active:
            self._active.discard(peer)
            reached = self._last[peer][0] if peer in self._last else 0
            self._reached -= Counter({reached: 1})

    def _judge_complete(self) -> None:
        behind = min(self._reached, default=0)
        for round in sorted(round for round in self._open if round <= behind):
            self._judge(round, self._open.pop(round))

    def _judge(self, round: int, held: _Round) -> None:
        peers = sorted(held.vectors)
        vectors = np.stack([held.vectors[peer] for peer in peers])
        figures, scores = judged(self._federation, peers, vectors)
        for index, peer in enumerate(peers):
            metrics = {name: float(values[index]) for name, values in scores.items()}
            self._add("evaluation", peer, held.times_s[peer], round=round, **metrics)
        now = {"kind": "network", "round": round, "time_s": max(held.times_s.values())}
        self.records.append(now | figures | asdict(self._traffic()))


def judged(
    federation: Federation, peers: list[PeerId], vectors: Array
) -> tuple[dict[str, float], dict[str, Array]]:
    """What the models (n, d) of `peers` are worth: figures of all, and metrics (n,) of each.

    They are judged on the common test part and, where peers keep one of their own, each on that too.
    """
    metric = federation.metric
    scores = dict(federation.model.score(vectors, federation.test))
    average = vectors.mean(axis=0, dtype=np.float64).astype(vectors.dtype)
    figures = {
        f"{metric}_mean": float(np.mean(scores[metric])),
        f"{metric}_worst": float(np.min(scores[metric])),
        f"{metric}_averaged_model": float(federation.model.score(average, federation.test)[metric]),
        "consensus_distance": consensus_distance(vectors),
    }
    if federation.local_test is not None:
        own = federation.local_test.of(np.array(peers))
        local = scores[f"{metric}_local"] = federation.model.score(vectors, own)[metric]
        figures[f"{metric}_local"] = float(np.mean(local[own.counts > 0])) if own.counts.any() else np.nan
    return figures, scores


def consensus_distance(vectors: Array) -> float:
    """(1/n) sum of |x_i - mean x|^2 over models (n, d)."""
    wide = vectors.astype(np.float64)
    return float(np.mean(np.sum(np.square(wide - wide.mean(axis=0)), axis=-1)))
