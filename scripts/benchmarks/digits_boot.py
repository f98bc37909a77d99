"""The workload "digits-boot": peers with 64 samples each, bootstrapped from scikit-learn's digits.

Batches of 32, one epoch a round, learning rate 0.1 throughout, a random 10-regular graph, Metropolis mixing,
float32.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

import gossipfl
from benchmarks.models import FEATURES, FLOP_PER_SAMPLE, ask_for, model_of
from benchmarks.task import Clock, Task, Times, repeated
from gossipfl.draws import Draws
from gossipfl.learn.contracts import Array, Model, Samples
from gossipfl.topology import build_topology

HELD = 64
DEGREE = 10

PEER_ROUNDS = 10_000
"""Of a run are about so many; the first round warms up."""


def fit(peers: int, kind: str, way: str) -> Task:
    """Local training alone: every peer, two steps each."""
    ask_for(way)
    model, held, numbers = model_of(kind, way), _held(peers), np.arange(peers)
    vectors = _vectors(peers, model)
    work = repeated(lambda: model.fit(vectors, held, Draws(0, numbers, 1)))
    return _task(work, peers, kind, way, fit_bytes(model))


def fit_apart(peers: int, kind: str, way: str) -> Task:
    """The same, one peer after another."""
    ask_for(way)
    model, held = model_of(kind, way), _held(peers)
    vectors = _vectors(peers, model)

    def work() -> None:
        for peer in range(peers):
            model.fit(vectors[peer], held.of(peer), Draws(0, peer, 1))

    return _task(repeated(work), peers, kind, way, fit_bytes(model))


def mixing(peers: int, kind: str, way: str) -> Task:
    """Mixing alone: the mean of each peer's own model and ten others."""
    from gossipfl.learn.compiled import chosen
    from gossipfl.learn.mixing import mixed
    from gossipfl.simulator.ties import neighbours_ties

    ask_for(way)
    model, graph = model_of(kind, way), build_topology("k-regular", peers, degree=DEGREE)
    models, ties = _vectors(peers, model), neighbours_ties(graph, None)(1)
    mean = np.empty_like(models)
    around = ties.own_weights, ties.starts, ties.senders, ties.weights, models, mean, chosen()
    return Task(repeated(lambda: mixed(models, *around)), bytes=mix_bytes(model) * peers)


def rounds(peers: int, kind: str, way: str, engine: str, judged: int = 0) -> Task:
    """Whole rounds of an engine; so many peers are judged after each, or a sample at the end.

    Progress counts those whom a crowd has made, who have spoken and who have listened; in a network, who has
    closed a round.
    """
    ask_for(way)
    model = model_of(kind, way)
    count = 1 + min(max(PEER_ROUNDS // peers, 2), 50)
    before, each = (peers, 2 * peers) if engine == "crowd" else (0, peers)

    def times(clock: Clock) -> list[float]:
        ended: list[float] = []

        def progress(done: int, _: int) -> None:
            if done > before and (done - before) % each == 0:
                ended.append(clock())

        gossipfl.simulate(**_settings(peers, engine, judged, count), model=model, progress=progress)
        if len(ended) != count:
            raise RuntimeError(f"{count} rounds ended {len(ended)} times: what progress counts has changed")
        return [after - before for before, after in pairwise(ended)]

    return _task(times, peers, kind, way, fit_bytes(model) + mix_bytes(model))


def _task(times: Times, peers: int, kind: str, way: str, peer_bytes: int) -> Task:
    """Of one peer's operations and bytes those of all; on a device the processor's memory tells nothing."""
    flop = FLOP_PER_SAMPLE[kind] * HELD * peers
    if way == "cuda":
        return Task(times, flop, on="the CUDA device")
    return Task(times, flop, peer_bytes * peers)


def _settings(peers: int, engine: str, judged: int, count: int) -> dict[str, Any]:
    return {
        "topology": {"kind": "k-regular", "degree": DEGREE, "peers": peers},
        "data": {"dataset": "digits", "split": "bootstrap", "samples": HELD},
        "learning": {"rounds": count, "learning_rate": 0.1, "batch": 32, "epochs": 1, "decay": "none"},
        "run": {
            "engine": engine,
            "judged": judged or min(peers, 100),
            "evaluate_every": 1 if judged else count,
        },
    }


def _held(peers: int) -> Samples:
    """What each of the peers holds, drawn with replacement."""
    from gossipfl.data import bootstrap

    digits = gossipfl.load_dataset("digits")
    parts = bootstrap(len(digits), peers, Draws(0), HELD)
    return Samples.parts(digits.features.astype(np.float32), digits.targets, parts)


def _vectors(peers: int, model: Model) -> Array:
    """A model for each: the same, as at the start of a run."""
    return np.tile(model.start(Draws(0)), (peers, 1))


def fit_bytes(model: Model) -> int:
    """That one peer's training asks for: its samples once, its model in and out."""
    return 4 * (HELD * FEATURES + 2 * model.size)


def mix_bytes(model: Model) -> int:
    """That one peer's mixing asks for: its own model and those heard in, one out."""
    return 4 * (DEGREE + 2) * model.size
