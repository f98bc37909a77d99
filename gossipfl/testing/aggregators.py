"""Whether an aggregator keeps its contract, for a crowd and for each of its peers alone."""

from __future__ import annotations

import numpy as np

from gossipfl.learn.contracts import Aggregator
from gossipfl.testing.crowds import FLOATS, NEIGHBOURS, PEERS, mixture, stacked
from gossipfl.testing.expecting import expect, expect_like, expect_near, expect_same, expect_unchanged


def check_aggregator(aggregator: Aggregator) -> None:
    """That `aggregator` keeps the contract, in float32 and float64."""
    for dtype in FLOATS:
        own, heard, own_weight, weights = given = mixture(dtype)
        before = [part.copy() for part in given]
        mean = aggregator(*given)
        expect_like(mean, own.shape, dtype, "aggregator")
        expect(bool(np.isfinite(mean).all()), "aggregator: finite vectors must give a finite vector")
        ones = [aggregator(*(part[p] for part in given)) for p in range(PEERS)]
        expect_same(mean, stacked(ones), "aggregator", "crowd")
        expect_same(mean, aggregator(*given), "aggregator", "repeat")
        none = aggregator(own, heard[:, :0], np.ones(PEERS), weights[:, :0])
        expect_same(own, none, "aggregator", "k = 0")
        alike = np.repeat(own[:, None], NEIGHBOURS, axis=1)
        expect_near(own, aggregator(own, alike, own_weight, weights), "aggregator: equal vectors")
        rest = weights / weights.sum(axis=1, keepdims=True)
        adopted = aggregator(own, np.repeat(heard[:, :1], NEIGHBOURS, axis=1), np.zeros(PEERS), rest)
        expect_near(heard[:, 0], adopted, "aggregator: own_weight 0 and neighbours alike")
        expect_unchanged(before, given, "aggregator")
