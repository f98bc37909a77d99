"""The workload "digits-boot": peers with 64 samples each, bootstrapped from scikit-learn's digits.

Batches of 32, one epoch a round, learning rate 0.1 throughout, a random 10-regular graph, Metropolis mixing,
float32.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

import gossipfl
from benchmarks.models import FEATURES, FLOP_PER_SAMPLE, ask_for, model_of
from benchmarks.task import Task, repeated
from gossipfl.draws import Draws
from gossipfl.learn.contracts import Model, Samples
from gossipfl.topology import Topology, build_topology

if TYPE_CHECKING:
    from gossipfl.experiment.federation import Federation

HELD = 64
DEGREE = 10

DRAWN_AT_ONCE = 10_000
"""So that peak memory is that of a run, not of the drawing of its samples."""

PEER_ROUNDS = 10_000
"""Of a run are about so many; the first round warms up."""


def fit(peers: int, kind: str, way: str) -> Task:
    """Local training alone: every peer, two steps each."""
    ask_for(way)
    model, held, numbers = model_of(kind, way), samples(peers), np.arange(peers)
    vectors = model.start(Draws(0, numbers))
    work = repeated(lambda: model.fit(vectors, held, Draws(0, numbers, 1)))
    return Task(work, fit_flop(kind) * peers, fit_bytes(model) * peers)


def fit_apart(peers: int, kind: str, way: str) -> Task:
    """The same, one peer after another."""
    ask_for(way)
    model, held = model_of(kind, way), samples(peers)
    vectors = model.start(Draws(0, np.arange(peers)))

    def work() -> None:
        for peer in range(peers):
            model.fit(vectors[peer], held.of(peer), Draws(0, peer, 1))

    return Task(repeated(work), fit_flop(kind) * peers, fit_bytes(model) * peers)


def mixing(peers: int, kind: str, way: str) -> Task:
    """Mixing alone: the mean of each peer's own model and ten others."""
    from gossipfl.learn.compiled import chosen
    from gossipfl.learn.mixing import mixed
    from gossipfl.simulator.ties import neighbours_ties

    ask_for(way)
    model, ties = model_of(kind, way), neighbours_ties(graph(peers), None)(1)
    models = model.start(Draws(0, np.arange(peers)))
    spoken, mean = models.copy(), np.empty_like(models)
    around = ties.own_weights, ties.starts, ties.senders, ties.weights, spoken, mean, chosen()
    return Task(repeated(lambda: mixed(models, *around)), bytes=mix_bytes(model) * peers)


def rounds(peers: int, kind: str, way: str, engine: str, judged: int = 0) -> Task:
    """Whole rounds of an engine; so many peers are judged after each.

    Progress counts those whom a crowd has made, who have spoken and who have listened; in a network, who has
    closed a round.
    """
    ask_for(way)
    model = model_of(kind, way)
    count = 1 + min(max(PEER_ROUNDS // peers, 2), 50)
    federation, run = _federation(peers, model, engine, judged, count), _run_of(engine)
    before, each = (peers, 2 * peers) if engine == "crowd" else (0, peers)
    ended: list[float] = []

    def progress(done: int, _: int) -> None:
        if done > before and (done - before) % each == 0:
            ended.append(time.perf_counter())

    def times() -> list[float]:
        run(federation, progress=progress)
        if len(ended) != count:
            raise RuntimeError(f"{count} rounds ended {len(ended)} times: what progress counts has changed")
        return [after - before for before, after in pairwise(ended)]

    return Task(times, fit_flop(kind) * peers, (fit_bytes(model) + mix_bytes(model)) * peers)


def _run_of(engine: str) -> Callable[..., object]:
    if engine == "network":
        from gossipfl.api import run_network

        return run_network
    from gossipfl.api import run_crowd

    return run_crowd


def _federation(peers: int, model: Model, engine: str, judged: int, count: int) -> Federation:
    """Built for data of the right size, which then gives way to what each peer drew."""
    from gossipfl.experiment.federation import build

    run = {"evaluate_every": 1 if judged else count}
    settings = {
        "topology": {"kind": "k-regular", "degree": DEGREE, "peers": peers},
        "learning": {"rounds": count, "learning_rate": 0.1, "batch": 32, "epochs": 1, "decay": "none"},
        "run": run if engine == "network" else {**run, "engine": engine, "judged": judged},
    }
    held, stand_in = samples(peers), gossipfl.Dataset.of(np.zeros((2 * peers, 1)), np.arange(2 * peers) % 2)
    federation = build(gossipfl.Experiment.model_validate(settings), dataset=stand_in, model=model)
    return replace(federation, train=held, test=Samples.whole(held.features[:360], held.targets[:360]))


def samples(peers: int) -> Samples:
    """What each of the peers holds, drawn with replacement."""
    digits, rows = gossipfl.load_dataset("digits"), np.empty((peers, HELD), np.int64)
    for some in np.array_split(np.arange(peers), 1 + peers // DRAWN_AT_ONCE):
        rows[some] = Draws(0, some).integers("bootstrap", HELD, len(digits))
    return Samples(digits.features.astype(np.float32), digits.targets, rows, np.full(peers, HELD))


def graph(peers: int) -> Topology:
    """Who hears whom."""
    return build_topology("k-regular", peers, degree=DEGREE)


def fit_flop(kind: str) -> int:
    """Of one peer in one round."""
    return FLOP_PER_SAMPLE[kind] * HELD


def fit_bytes(model: Model) -> int:
    """That one peer's training asks for: its samples once, its model in and out."""
    return 4 * (HELD * FEATURES + 2 * model.size)


def mix_bytes(model: Model) -> int:
    """That one peer's mixing asks for: its own model and those heard in, one out."""
    return 4 * (DEGREE + 2) * model.size
