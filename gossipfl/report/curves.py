"""A run's records as arrays over rounds, whatever is missing from them.

Rules: every figure that was not recorded, or is not finite, is NaN; records of unknown shape are passed over.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gossipfl.report.run import Run

Floats = NDArray[np.float64]
Record = dict[str, Any]
_PEERS_MAX = 1_000_000
_ROUNDING = 1e-24  # a squared distance so small is what float64 leaves of the mean of equal models


@dataclass(frozen=True, slots=True)
class Curves:
    """Figures of the whole network by round, each (k,), and of single peers by evaluated round (n, e)."""

    metric: str
    rounds: Floats
    mean: Floats
    worst: Floats
    averaged: Floats
    consensus: Floats
    bytes_sent: Floats
    messages_sent: Floats
    messages_lost: Floats
    single_rounds: Floats
    single: Floats
    kills: dict[int, int]
    """The round in which each killed peer was killed: the one after the last it closed."""
    alone: bool
    """Whether one node tells of itself: `mean` is its own score, the traffic its own, `worst` NaN."""

    @property
    def shared(self) -> bool:
        """Whether all peers held one model in every round."""
        known = self.consensus[np.isfinite(self.consensus)]
        return known.size > 1 and not known.any()


def curves_of(run: Run) -> Curves:
    """The curves of a run; where the network's own figures are absent they are taken from the peers'."""
    metric = metric_of(run)
    single_rounds, single = _single(run, metric)
    alone = run.is_of_one_node
    told = of_kind(run, "round" if alone else "network")
    network = {int(r["round"]): r for r in told if number(r.get("round")) is not None}
    evaluated = single_rounds.tolist()
    known = sorted({*network, *evaluated}) if alone else sorted(network) or evaluated
    rounds = np.array(known, dtype=np.float64)

    def column(key: str, read: Callable[[object], float] = _nan) -> Floats:
        return np.array([read(network.get(int(r), {}).get(key)) for r in rounds])

    def total(key: str) -> Floats:
        """The last round is judged before its last messages are sent: the summary has counted these too."""
        values, told = column(key), number(run.summary.get(key))
        if told is not None and rounds.size and rounds[-1] == number(run.summary.get("rounds")):
            values[-1] = np.fmax(values[-1], told)
        return values

    mean, worst = column(f"{metric}_mean"), column(f"{metric}_worst")
    if single.size:
        derived_mean, derived_worst = _mean_and_worst(single)
        mean = _filled(rounds, mean, single_rounds, derived_mean)
        worst = worst if alone else _filled(rounds, worst, single_rounds, derived_worst)
    return Curves(
        metric,
        rounds,
        mean,
        worst,
        column(f"{metric}_averaged_model"),
        column("consensus_distance", distance),
        total("bytes_sent"),
        total("messages_sent"),
        total("messages_lost"),
        single_rounds,
        single,
        _kills(run),
        alone,
    )


def of_kind(run: Run, kind: str) -> Iterator[Record]:
    """The records of one kind, in order."""
    return (record for record in run.records if record.get("kind") == kind)


def number(value: object) -> float | None:
    """The value as a finite number, or None: absent, null, NaN, infinite, or no number at all."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        value = float(value)
    except OverflowError:
        return None
    return value if math.isfinite(value) else None


def distance(value: object) -> float:
    """A consensus distance, 0 where it is but rounding; NaN if it is no finite number."""
    found = _nan(value)
    return 0.0 if 0 <= found < _ROUNDING else found


def metric_of(run: Run) -> str:
    """What the run was judged by: the summary's word, else what its evaluations carry."""
    named = run.summary.get("metric")
    if isinstance(named, str) and named:
        return named
    return "r2" if any("r2" in record for record in of_kind(run, "evaluation")) else "accuracy"


def peer_names(run: Run) -> list[str]:
    """One name per peer: the graph's, else numbers for as many peers as were seen."""
    names = run.graph.get("names")
    if isinstance(names, list) and names:
        return [str(name) for name in names]
    seen = [_peer(record) for record in run.records]
    count = max([number(run.summary.get("peers")) or 0, *(peer + 1 for peer in seen if peer is not None)])
    return [str(i) for i in range(int(min(count, _PEERS_MAX)))]


def killed_peers(run: Run) -> list[int]:
    """The peers that were killed, in order."""
    killed = run.summary.get("killed")
    return sorted({k for k in killed if isinstance(k, int)}) if isinstance(killed, list) else []


def neighbour_states(run: Run) -> dict[int, str]:
    """Whether each neighbour of a node was last `here`, `left`, or was `never seen`."""
    states = dict.fromkeys(range(1, len(peer_names(run))), "never seen")
    for record in of_kind(run, "link"):
        neighbour = record.get("neighbour")
        if isinstance(neighbour, int) and neighbour in states:
            states[neighbour] = "here" if record.get("state") == "joined" else "left"
    return states


def last_rounds(run: Run) -> dict[int, int]:
    """The last round in which each peer was seen."""
    last: dict[int, int] = {}
    for record in run.records:
        peer, at = _peer(record), number(record.get("round"))
        if peer is not None and at is not None:
            last[peer] = max(last.get(peer, 0), int(at))
    return last


def _peer(record: Record) -> int | None:
    peer = record.get("peer")
    return peer if isinstance(peer, int) and 0 <= peer < _PEERS_MAX else None


def _nan(value: object) -> float:
    found = number(value)
    return math.nan if found is None else found


def _single(run: Run, metric: str) -> tuple[Floats, Floats]:
    """(e,) rounds and (n, e) what each peer scored in them."""
    found: list[tuple[int, int, float]] = []
    peers = len(peer_names(run))
    for record in of_kind(run, "evaluation"):
        peer, at = _peer(record), number(record.get("round"))
        if peer is not None and peer < peers and at is not None:
            found.append((peer, int(at), _nan(record.get(metric))))
    rounds = sorted({at for _, at, _ in found})
    place = {at: i for i, at in enumerate(rounds)}
    single = np.full((peers if found else 0, len(rounds)), np.nan)
    for peer, at, value in found:
        single[peer, place[at]] = value
    return np.array(rounds, dtype=np.float64), single


def _mean_and_worst(single: Floats) -> tuple[Floats, Floats]:
    """(e,) and (e,) over the peers that were evaluated; NaN where none was."""
    present = np.isfinite(single)
    count = present.sum(axis=0)
    total = np.where(present, single, 0.0).sum(axis=0)
    mean = np.divide(total, count, out=np.full(count.shape, np.nan), where=count > 0)
    worst = np.where(present, single, np.inf).min(axis=0, initial=np.inf)
    return mean, np.where(count > 0, worst, np.nan)


def _filled(rounds: Floats, values: Floats, other_rounds: Floats, other: Floats) -> Floats:
    """`values`, or all of `other` on the same rounds if there are no values."""
    if np.isfinite(values).any():
        return values
    known = dict(zip(other_rounds.tolist(), other.tolist(), strict=True))
    return np.array([known.get(at, math.nan) for at in rounds.tolist()])


def _kills(run: Run) -> dict[int, int]:
    """A killed peer that came back closed the last round: its neighbours' word tells when it left."""
    last = last_rounds(run)
    end = number(run.summary.get("rounds")) or max(last.values(), default=0)
    kills = {}
    for peer in killed_peers(run):
        at = last.get(peer, 0)
        left = _round_before_leaving(run, peer) if at >= end else None
        kills[peer] = min((at if left is None else left) + 1, int(end))
    return kills


def _round_before_leaving(run: Run, peer: int) -> int | None:
    left = (r for r in of_kind(run, "link") if r.get("neighbour") == peer and r.get("state") == "left")
    when = min((at for r in left if (at := number(r.get("time_s"))) is not None), default=None)
    if when is None:
        return None
    before = [int(number(r.get("round")) or 0) for r in run.records if _nan(r.get("time_s")) <= when]
    return max(before, default=None)
