"""A run's records as arrays over rounds, whatever is missing from them.

Rules: every figure that was not recorded, or is not finite, is NaN; records of unknown shape are passed over.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gossipfl.report.incidents import Span, cut_spans
from gossipfl.report.peers import is_sampled, judged_peers, kills_of, number, of_kind, peer_of, restarts_of
from gossipfl.report.run import Run

Floats = NDArray[np.float64]
_ROUNDING = 1e-24  # a squared distance so small is what float64 leaves of the mean of equal models


@dataclass(frozen=True, slots=True)
class Curves:
    """Figures of the whole network by round, each (k,), and of judged peers by evaluated round (n, e)."""

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
    """The round in which each killed peer was killed."""
    alone: bool
    """Whether one node tells of itself: `mean` is its own score, the traffic its own, `worst` NaN."""
    judged: int | None
    """How many peers `mean`, `worst`, `consensus` and `single` are of, where that is a sample of all."""
    cuts: list[Span]
    """From which round to which some links were cut."""
    backdoor: Floats
    """How often a backdoor succeeds; NaN where there is none."""
    restarts: list[int]
    """After which rounds one node was started again."""

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
    records = of_kind(run, "round" if alone else "network")
    network = {int(r["round"]): r for r in records if number(r.get("round")) is not None}
    evaluated = single_rounds.tolist()
    known = sorted({*network, *evaluated}) if alone else sorted(network) or evaluated
    rounds = np.array(known, dtype=np.float64)
    told = _Told(rounds, network, run.summary)
    mean, worst = told.column(f"{metric}_mean"), told.column(f"{metric}_worst")
    if single.size:
        derived_mean, derived_worst = _mean_and_worst(single)
        mean = _filled(rounds, mean, single_rounds, derived_mean)
        worst = worst if alone else _filled(rounds, worst, single_rounds, derived_worst)
    return Curves(
        metric,
        rounds,
        mean,
        worst,
        told.column(f"{metric}_averaged_model"),
        told.column("consensus_distance", distance),
        told.total("bytes_sent"),
        told.total("messages_sent"),
        told.total("messages_lost"),
        single_rounds,
        single,
        kills_of(run),
        alone,
        len(judged_peers(run)) if is_sampled(run) else None,
        cut_spans(run),
        told.column("backdoor_success"),
        restarts_of(run) if alone else [],
    )


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


def _nan(value: object) -> float:
    found = number(value)
    return math.nan if found is None else found


@dataclass(frozen=True, slots=True)
class _Told:
    """What was told of the `rounds` (k,): the `network`, a record of each, and the `summary` of all."""

    rounds: Floats
    network: Mapping[int, Mapping[str, Any]]
    summary: Mapping[str, Any]

    def column(self, key: str, read: Callable[[object], float] = _nan) -> Floats:
        """(k,) what they say under `key`, as `read` takes it."""
        return np.array([read(self.network.get(int(r), {}).get(key)) for r in self.rounds])

    def total(self, key: str) -> Floats:
        """The last round is judged before its last messages are sent: the summary has counted these too."""
        values, told = self.column(key), number(self.summary.get(key))
        if told is not None and self.rounds.size and self.rounds[-1] == number(self.summary.get("rounds")):
            values[-1] = np.fmax(values[-1], told)
        return values


def _single(run: Run, metric: str) -> tuple[Floats, Floats]:
    """(e,) rounds and (n, e) what each judged peer scored in them."""
    found: list[tuple[int, int, float]] = []
    peers = {peer: row for row, peer in enumerate(judged_peers(run))}
    for record in of_kind(run, "evaluation"):
        peer, at = peer_of(record), number(record.get("round"))
        if peer in peers and at is not None:
            found.append((peers[peer], int(at), _nan(record.get(metric))))
    rounds = sorted({at for _, at, _ in found})
    place = {at: i for i, at in enumerate(rounds)}
    single = np.full((len(peers) if found else 0, len(rounds)), np.nan)
    for row, at, value in found:
        single[row, place[at]] = value
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
