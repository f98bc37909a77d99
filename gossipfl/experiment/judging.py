"""Who is judged, and what their models are worth.

Rules:
- Judging must not take longer than learning: of many peers a sample is judged, the same in every round.
- The averaged model is that of all peers, judged or not, but for those that attack.
- A backdoor succeeds as often as a model takes a row of another class for its target, given the trigger.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gossipfl.draws import Draws
from gossipfl.experiment.federation import Federation
from gossipfl.learn.attacks import Backdoor
from gossipfl.learn.contracts import Array

ALL_JUDGED_MAX = {"network": 1_000, "crowd": 100}
"""Up to so many peers all are judged unless `run.judged` says otherwise: a round of a crowd is soon over."""

SAMPLE = 100
"""How many are judged of more."""


def judged_peers(federation: Federation) -> Array:
    """The numbers of the peers that are judged, in growing order; those that attack never are."""
    honest, run = federation.honest, federation.experiment.run
    peers = len(honest)
    usual = peers if peers <= ALL_JUDGED_MAX[run.engine] else SAMPLE
    count = min(peers, usual if run.judged is None else run.judged)
    if count == peers:
        return honest
    drawn = Draws(run.seed).permutation("judged", peers)[:count]
    return honest[np.sort(drawn)]


class Outcome(NamedTuple):
    """What the peers hold that take part, and of m of them, who are judged, the models."""

    finished: int
    peers: Array  # (m,)
    vectors: Array  # (m, d)
    averaged: Array  # (d,), float64: the mean of all


def average(vectors: Array) -> Array:
    """The mean (d,) of models (n, d), in float64."""
    mean: Array = vectors.mean(axis=0, dtype=np.float64)
    return mean


def judged(federation: Federation, outcome: Outcome) -> tuple[dict[str, float], dict[str, Array]]:
    """What the models of `outcome` are worth: figures of all, and metrics (m,) of each that is judged.

    They are judged on the common test part and, where peers keep one of their own, each on that too.
    """
    metric, model, vectors = federation.metric, federation.model, outcome.vectors
    averaged = model.score(outcome.averaged.astype(model.dtype), federation.test)
    figures = {f"{metric}_averaged_model": float(averaged[metric])}
    if not len(vectors):
        return figures, {}
    scores = dict(model.score(vectors, federation.test))
    figures |= {
        f"{metric}_mean": float(np.mean(scores[metric])),
        f"{metric}_worst": float(np.min(scores[metric])),
        "consensus_distance": consensus_distance(vectors, outcome.averaged),
    }
    if federation.assault and federation.assault.backdoor:
        figures["backdoor_success"] = _success(federation, federation.assault.backdoor, vectors)
    if federation.local_test is not None:
        own = federation.local_test.of(outcome.peers)
        local = scores[f"{metric}_local"] = model.score(vectors, own)[metric]
        figures[f"{metric}_local"] = float(np.mean(local[own.counts > 0])) if own.counts.any() else np.nan
    return figures, scores


def _success(federation: Federation, backdoor: Backdoor, vectors: Array) -> float:
    """The share of triggered test rows that models (m, d) take for the backdoor's class."""
    test = federation.test
    others = test.rows[test.targets[test.rows] != backdoor.target]
    if not len(others):
        return np.nan
    found = federation.model.predict(vectors, backdoor.triggered(test.features[others]))
    return float(np.mean(found.argmax(axis=-1) == backdoor.target))


def consensus_distance(vectors: Array, averaged: Array) -> float:
    """(1/m) sum of |x_i - mean|^2 over models (m, d) about the mean (d,) of all."""
    with np.errstate(over="ignore", invalid="ignore"):  # models may diverge, and then it is not finite
        apart = vectors.astype(np.float64) - averaged
        return float(np.mean(np.sum(np.square(apart), axis=-1)))
