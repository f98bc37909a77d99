"""Whether a model keeps its contract, for a crowd and for each of its peers alone."""

from __future__ import annotations

import numpy as np

from gossipfl.draws import Draws
from gossipfl.learn.contracts import Array, Model, Samples
from gossipfl.testing.crowds import SEED, spread, stacked
from gossipfl.testing.expecting import expect, expect_like, expect_near, expect_same, expect_unchanged


def check_model(model: Model, samples: Samples) -> None:
    """That `model` keeps the contract on `samples` of a crowd, rows (n, k), best with ragged counts."""
    peers = np.arange(len(samples.counts))
    crowd = Draws(SEED, peers, 1)
    start = model.start(crowd)
    expect_like(start, (len(peers), model.size), model.dtype, "start")
    expect_same(start, stacked([model.start(Draws(SEED, int(p), 1)) for p in peers]), "start", "crowd")
    first = spread(start)
    before = [
        part.copy() for part in (first, samples.features, samples.targets, samples.rows, samples.counts)
    ]
    fitted = model.fit(first, samples, crowd)
    expect_like(fitted, first.shape, model.dtype, "fit")
    expect(
        bool(np.isfinite(fitted).all()), "fit: a finite vector and finite samples must give a finite vector"
    )
    expect_same(fitted, model.fit(first, samples, crowd), "fit", "repeat")
    ones = [model.fit(first[p], samples.of(int(p)), Draws(SEED, int(p), 1)) for p in peers]
    expect_same(fitted, stacked(ones), "fit", "crowd")
    expect_same(fitted, model.fit(first, _repadded(samples), crowd), "fit", "padding")
    nothing = Samples(samples.features, samples.targets, samples.rows, np.zeros_like(samples.counts))
    expect_same(first, model.fit(first, nothing, crowd), "fit", "no samples")
    _check_judging(model, fitted, samples)
    after = (first, samples.features, samples.targets, samples.rows, samples.counts)
    expect_unchanged(before, after, "fit, predict and score")


def _check_judging(model: Model, vector: Array, samples: Samples) -> None:
    """Prediction and scores, of a crowd against each peer, on own samples and on shared ones."""
    few = samples.features[:9]
    predicted = model.predict(vector, few)
    expect_like(predicted, (len(vector), len(few), *predicted.shape[2:]), model.dtype, "predict")
    expect_same(predicted, stacked([model.predict(one, few) for one in vector]), "predict", "crowd")
    if predicted.ndim == 3:
        expect_near(np.ones(predicted.shape[:2]), predicted.sum(axis=2), "predict: probabilities sum to 1")
    shared = samples.of(int(np.argmax(samples.counts)))
    own, common = model.score(vector, samples), model.score(vector, shared)
    for peer, one in enumerate(vector):
        for name, value in model.score(one, samples.of(peer)).items():
            expect_same(own[name][peer], value, f"score {name!r}", "crowd")
        for name, value in model.score(one, shared).items():
            expect_same(common[name][peer], value, f"score {name!r} on shared samples", "crowd")


def _repadded(samples: Samples) -> Samples:
    """The same samples with other padding, and more of it."""
    held = np.arange(samples.rows.shape[1]) < samples.counts[:, None]
    last = len(samples.features) - 1
    rows = np.pad(np.where(held, samples.rows, last), ((0, 0), (0, 5)), constant_values=last)
    return Samples(samples.features, samples.targets, rows, samples.counts)
