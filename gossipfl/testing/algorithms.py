"""Whether an algorithm keeps its contract, for a crowd and for each of its peers alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from gossipfl.draws import Draws
from gossipfl.learn.contracts import Algorithm, Array, Compressed, Heard
from gossipfl.testing.crowds import FLOATS, PEERS, SEED, from_neighbours, mixture, row, spread, stacked
from gossipfl.testing.expecting import expect, expect_like, expect_near, expect_same, expect_unchanged
from gossipfl.testing.links import Links


def check_algorithm(algorithm: Algorithm[Any]) -> None:
    """That `algorithm` keeps the contract, in float32 and float64."""
    for dtype in FLOATS:
        _check_rounds(algorithm, dtype)
        _check_hearing_nothing(algorithm, dtype)
        _check_consensus(algorithm, dtype)


def _check_rounds(algorithm: Algorithm[Any], dtype: np.dtype[Any]) -> None:
    """Three rounds, a crowd against each of its peers, nothing given being changed."""
    own, _, own_weight, weights = given = mixture(dtype)
    before = [part.copy() for part in given]
    crowd, ones = algorithm.start(own), [algorithm.start(one) for one in own]
    links = Links(algorithm, crowd)
    for turn in range(3):
        trained = spread(algorithm.model(crowd))
        crowd = algorithm.learned(crowd, trained)
        ones = [algorithm.learned(state, one) for state, one in zip(ones, trained, strict=True)]
        payload, crowd = _spoken(algorithm, crowd, weights[:, 0], np.arange(PEERS), turn)
        said = [_spoken(algorithm, state, weights[p, 0], p, turn) for p, state in enumerate(ones)]
        for part, pieces in zip(payload, zip(*(s[0] for s in said), strict=True), strict=True):
            expect_same(part, stacked(list(pieces)), "speak", "crowd")
        arrived, told = links.exchange(crowd, payload, [one[1] for one in said])
        crowd = algorithm.listen(crowd, Heard(arrived, weights, own_weight, told))
        each = [Heard(row(arrived, p), weights[p], own_weight[p], row(told, p)) for p in range(PEERS)]
        ones = [algorithm.listen(s[1], h) for s, h in zip(said, each, strict=True)]
        model = algorithm.model(crowd)
        expect_like(model, own.shape, dtype, "model")
        expect(bool(np.isfinite(model).all()), "listen: finite payloads must give a finite model")
        expect_same(model, stacked([algorithm.model(state) for state in ones]), "listen", "crowd")
    expect_unchanged(before, given, "the algorithm")


def _spoken(algorithm: Algorithm[Any], state: Any, share: Array, peer: Any, turn: int) -> tuple[Any, Any]:
    """What is said, twice from the same state: the same bytes, and the state as it was."""
    draws = Draws(SEED, peer, turn)
    model = algorithm.model(state).copy()
    first = algorithm.speak(state, share, draws)
    for one, other in zip(first[0], algorithm.speak(state, share, draws)[0], strict=True):
        expect_same(one, other, "speak", "repeat")
    expect_same(model, algorithm.model(state), "speak", "state")
    return first


def _check_hearing_nothing(algorithm: Algorithm[Any], dtype: np.dtype[Any]) -> None:
    own = mixture(dtype)[0]
    state = algorithm.start(own)
    links = Links(algorithm, state)
    payload, state = algorithm.speak(state, np.ones(PEERS), Draws(SEED, np.arange(PEERS)))
    arrived, told = (tuple(part[:, :0] for part in parts) for parts in links.exchange(state, payload))
    after = algorithm.listen(state, Heard(arrived, np.ones((PEERS, 0)), np.ones(PEERS), told))
    expect_same(algorithm.model(state), algorithm.model(after), "listen", "k = 0")


def _check_consensus(algorithm: Algorithm[Any], dtype: np.dtype[Any]) -> None:
    """Peers that all hold one model keep it, whatever the weights."""
    alike = np.repeat(mixture(dtype)[0][:1], PEERS, axis=0)
    _, _, own_weight, weights = mixture(dtype)
    sole = weights / weights.sum(axis=1, keepdims=True)
    for own_part, parts in ((own_weight, weights), (np.zeros(PEERS), sole)):
        state = algorithm.start(alike)
        links = Links(algorithm, state)
        payload, state = algorithm.speak(state, parts[:, 0], Draws(SEED, np.arange(PEERS)))
        arrived, told = links.exchange(state, payload)
        if isinstance(algorithm, Compressed) and not own_part.any():  # a newcomer is told the whole
            arrived = tuple(from_neighbours(part) for part in algorithm.whole(state))
        after = algorithm.model(algorithm.listen(state, Heard(arrived, parts, own_part, told)))
        expect_near(alike, after, f"listen: equal models, own weight {own_part[0]:.2f}")
