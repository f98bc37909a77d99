"""A round of minibatch training of a crowd, and its judging, whatever it is that computes the steps.

Rules:
- Who takes which rows is said by `batches`; here peers are dealt out in blocks, and put back in their places.
- A peer without samples keeps its vector.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np

from gossipfl.draws import Draws
from gossipfl.learn import metrics
from gossipfl.learn.batches import Integers, Plan, flat_counts, in_a_row, plans, spread
from gossipfl.learn.contracts import Array, Samples
from gossipfl.learn.training import Training

Task = Literal["classes", "numbers"]

Steps = Callable[[Array, Plan, Draws, Array | None], Array]
"""New vectors (p, d) after the steps of a plan with its peers' draws, and a push (p, d) at each step."""

Outputs = Callable[[Array, Array], Array]
"""What vectors (p, d) make of `rows` (p, b) of the features, or (1, b) for all alike: (p, b, out)."""

PeersMax = Callable[[int], int]
"""How many peers a block may hold whose batches are so wide."""

_ROWS = 1024


class Lessons(NamedTuple):
    """What each of n peers is to do in a round of training."""

    peers: Array  # (n,), their numbers
    steps: Integers  # (n,)
    pushes: Array | None  # (n, d), to be added at each step


def lessons(
    vector: Array, samples: Samples, draws: Draws, drift: Array | None, training: Training
) -> Lessons:
    """Those of peers at `vector` (..., d), led off by the same part of `drift` (..., d) at each step."""
    lead, counts = vector.shape[:-1], flat_counts(vector.shape[:-1], samples)
    peers = spread(np.asarray(draws.peer), lead).reshape(-1)
    per_peer = training.epochs * -(-counts // training.batch)
    steps = per_peer if training.steps is None else np.where(counts > 0, training.steps, 0)
    if drift is None:
        return Lessons(peers, steps, None)
    pushes = drift.reshape(-1, vector.shape[-1]).astype(vector.dtype) / np.maximum(steps, 1)[:, None]
    return Lessons(peers, steps, pushes.astype(vector.dtype, copy=False))


def train(
    vector: Array,
    samples: Samples,
    draws: Draws,
    drift: Array | None,
    training: Training,
    peers_max: PeersMax,
    trained: Steps,
) -> Array:
    """`vector` (..., d) after one round on `samples`, and the same part of `drift` (..., d) at each step."""
    lead, flat = vector.shape[:-1], vector.reshape(-1, vector.shape[-1])
    peers, steps, pushes = lessons(vector, samples, draws, drift, training)
    width = min(training.batch, max(8, int(flat_counts(lead, samples).max(initial=1))))
    fitted, idle = np.empty_like(flat), steps == 0
    fitted[idle] = flat[idle]
    for plan in plans(lead, samples, training.batch, steps, peers_max(width)):
        some, own = in_a_row(plan.peers), Draws(draws.seed, peers[plan.peers], draws.round)
        fitted[some] = trained(flat[some], plan, own, None if pushes is None else pushes[some])
    return fitted.reshape(vector.shape)


def judge(
    vector: Array, samples: Samples, task: Task, peers_max: PeersMax, outputs: Outputs
) -> dict[str, Array]:
    """Metrics by name, each (...), of `vector` (..., d) on rows (..., k) of each peer, or (k,) of all."""
    lead, flat = vector.shape[:-1], vector.reshape(-1, vector.shape[-1])
    shared = samples.rows.ndim == 1
    of = () if shared else lead
    counts, sums = flat_counts(of, samples), np.zeros((2, len(flat)))
    block = peers_max(min(_ROWS, max(8, int(counts.max(initial=1)))))
    summed = _class_sums if task == "classes" else _number_sums
    with np.errstate(all="ignore"):
        for plan in plans(of, samples, _ROWS, -(-counts // _ROWS), block):
            judged = np.arange(len(flat)) if shared else plan.peers
            for first in range(0, len(judged), block):
                some = judged[first : first + block]
                sums[:, some] = summed(flat[some], samples.targets, plan, outputs)
    return metrics_of(task, sums, lead, samples)


def metrics_of(task: Task, sums: Array, lead: tuple[int, ...], samples: Samples) -> dict[str, Array]:
    """Metrics by name, each of shape `lead`, from `sums` (2, n) over `samples`."""
    totals = np.broadcast_to(np.asarray(samples.counts), lead)
    made = metrics.class_metrics if task == "classes" else metrics.number_metrics
    return made(sums.reshape(2, *lead), totals)


def _class_sums(vector: Array, targets: Array, plan: Plan, outputs: Outputs) -> Array:
    sums = np.zeros((2, len(vector)))
    for rows, valid in plan.batches(None):
        active = _active(vector, plan, rows)
        sums[:, :active] += metrics.class_sums(outputs(vector[:active], rows), targets[rows], valid)
    return sums


def _number_sums(vector: Array, targets: Array, plan: Plan, outputs: Outputs) -> Array:
    sums, centre = np.zeros((2, len(vector))), np.zeros((len(plan.peers), 1))
    for rows, valid in plan.batches(None):
        wanted = np.where(valid, targets[rows].astype(np.float64), 0.0)
        centre[: len(rows)] += wanted.sum(axis=1, keepdims=True)
    centre /= plan.counts[:, None]
    for rows, valid in plan.batches(None):
        active = _active(vector, plan, rows)
        predicted = outputs(vector[:active], rows)[..., 0]
        sums[:, :active] += metrics.number_sums(predicted, targets[rows], centre[: len(rows)], valid)
    return sums


def _active(vector: Array, plan: Plan, rows: Array) -> int:
    """How many of `vector` (p, d) a batch concerns: all where the plan is of rows that all share."""
    return len(vector) if len(plan.peers) == 1 else len(rows)
