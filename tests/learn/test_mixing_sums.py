"""Mixing many peers at once is the weighted mean of each of them, bit for bit, with any kernels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gossipfl.draws import Draws
from gossipfl.learn.aggregators import WeightedMean
from gossipfl.learn.compiled import Kernels
from gossipfl.learn.contracts import Array
from gossipfl.learn.mixing import mixed

Links = tuple[Array, Array, Array, Array]


def links(heard: Array, spoken: int) -> Links:
    """Own weights, indptr, senders and weights of peers that hear so many others each."""
    indptr = np.concatenate(([0], np.cumsum(heard)))
    senders = Draws(1).integers("senders", int(indptr[-1]), spoken)
    parts = [0.1 + Draws(2, peer).uniform("weights", count + 1) for peer, count in enumerate(heard)]
    parts = [part / part.sum() for part in parts]
    weights = np.concatenate([part[1:] for part in parts])
    return np.array([part[0] for part in parts]), indptr, senders, weights


def one_by_one(own: Array, given: Links, spoken: Array) -> Array:
    own_weights, indptr, senders, weights = given
    means = []
    for peer, vector in enumerate(own):
        part = slice(indptr[peer], indptr[peer + 1])
        means.append(WeightedMean()(vector, spoken[senders[part]], own_weights[peer], weights[part]))
    return np.stack(means)


def vectors(dtype: Any, peers: int, size: int) -> tuple[Array, Array]:
    drawn = Draws(3).normal("vectors", 2 * peers * size).reshape(2, peers, size).astype(dtype)
    return drawn[0], drawn[1]


HEARD = {
    "alike": np.full(7, 10),
    "ragged": np.array([3, 0, 8, 1, 4, 0, 5]),
    "silence": np.zeros(7, np.int64),
}


@pytest.fixture(params=["numpy", "compiled"])
def kernels(request: pytest.FixtureRequest) -> Kernels:
    if request.param == "compiled":
        pytest.importorskip("numba")
        return "compiled"
    return "numpy"


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("heard", HEARD)
@pytest.mark.parametrize("index", [np.int32, np.int64])
def test_a_crowd_mixes_as_each_of_its_peers_alone(
    heard: str, dtype: Any, index: Any, kernels: Kernels
) -> None:
    own, spoken = vectors(dtype, 7, 37)
    own_weights, indptr, senders, weights = given = links(HEARD[heard], len(spoken))
    got = mixed(
        own, own_weights, indptr.astype(index), senders.astype(index), weights, spoken, kernels=kernels
    )
    assert got.dtype == dtype
    assert got.tobytes() == one_by_one(own, given, spoken).tobytes()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_words_of_another_precision_are_mixed_as_the_weighted_mean_does(dtype: Any, kernels: Kernels) -> None:
    own, spoken = vectors(dtype, 7, 37)
    spoken = spoken.astype(np.float64 if dtype == np.float32 else np.float32)
    given = links(HEARD["ragged"], len(spoken))
    assert mixed(own, *given, spoken, kernels=kernels).tobytes() == one_by_one(own, given, spoken).tobytes()


def test_the_result_goes_where_it_is_wanted_and_blocks_change_nothing(kernels: Kernels) -> None:
    own, spoken = vectors(np.float32, 7, 40_000)  # a few peers fill a block
    given = links(HEARD["ragged"], len(spoken))
    out = np.full_like(own, np.nan)
    assert mixed(own, *given, spoken, out, kernels) is out
    assert out.tobytes() == one_by_one(own, given, spoken).tobytes()


def test_senders_in_another_order_round_otherwise(kernels: Kernels) -> None:
    own, spoken = vectors(np.float32, 7, 37)
    own_weights, indptr, senders, weights = given = links(HEARD["alike"], len(spoken))
    first = slice(indptr[0], indptr[1])
    turned = (own_weights[:1], indptr[:2], senders[first][::-1], weights[first][::-1])
    got = mixed(own[:1], *turned, spoken, kernels=kernels)
    assert got.tobytes() != one_by_one(own[:1], given, spoken).tobytes()


def test_part_of_a_crowd_mixes_as_the_whole_does(kernels: Kernels) -> None:
    own, spoken = vectors(np.float32, 7, 37)
    own_weights, indptr, senders, weights = given = links(HEARD["ragged"], len(spoken))
    got = mixed(own[2:6], own_weights[2:6], indptr[2:7], senders, weights, spoken, kernels=kernels)
    assert got.tobytes() == one_by_one(own, given, spoken)[2:6].tobytes()
