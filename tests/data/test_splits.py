"""Splits: every row at one peer, no peer without rows, and the skew that is asked for."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from gossipfl.data import (
    bootstrap,
    by_column,
    dirichlet,
    iid,
    pathological,
    quantile_labels,
    quantity,
    shards,
    split,
    train_test,
)
from gossipfl.data.splits import BLOCK_NUMBERS
from gossipfl.draws import Draws
from gossipfl.errors import DataError, SettingsError
from gossipfl.experiment.files import validate
from gossipfl.experiment.settings import Experiment

LABELS = np.repeat(np.arange(10), 100)


Parts = Sequence[NDArray[np.int64]] | NDArray[np.int64]


def assert_dealt(parts: Parts, count: int, peers: int, each: int = 1) -> None:
    assert len(parts) == peers
    assert np.sort(np.concatenate(parts)).tolist() == list(range(count))
    assert min(len(part) for part in parts) >= each


def classes_per_peer(parts: list[NDArray[np.int64]]) -> list[int]:
    return [len(np.unique(LABELS[part])) for part in parts]


@settings(max_examples=60, deadline=None)
@given(
    kind=st.sampled_from(["iid", "dirichlet", "quantity"]),
    labels=st.lists(st.integers(0, 5), min_size=1, max_size=80),
    data=st.data(),
    alpha=st.floats(1e-4, 1e4),
    seed=st.integers(0, 2**63),
)
def test_every_row_is_dealt_to_one_peer_and_no_peer_goes_empty(
    kind: str, labels: list[int], data: st.DataObject, alpha: float, seed: int
) -> None:
    peers = data.draw(st.integers(1, len(labels)))
    each = data.draw(st.integers(1, len(labels) // peers))
    parts, names = split(
        kind, np.array(labels), peers, Draws(seed), alpha=alpha, min_samples=1 if kind == "iid" else each
    )
    assert_dealt(parts, len(labels), peers, 1 if kind == "iid" else each)
    assert names is None


@pytest.mark.parametrize("kind", ["iid", "dirichlet", "shards", "pathological", "quantity", "bootstrap"])
def test_a_split_is_a_function_of_the_seed(kind: str) -> None:
    one, same, other = (split(kind, LABELS, 8, Draws(seed))[0] for seed in (1, 1, 2))
    assert [part.tolist() for part in one] == [part.tolist() for part in same]
    assert [part.tolist() for part in one] != [part.tolist() for part in other]


def test_iid_shares_are_equal() -> None:
    assert {len(part) for part in iid(1003, 10, Draws(0))} == {100, 101}


def test_a_small_alpha_skews_labels_and_a_large_one_does_not() -> None:
    def skew(alpha: float) -> float:
        parts = dirichlet(LABELS, 10, Draws(3), alpha)
        return float(np.mean([np.bincount(LABELS[part], minlength=10).max() / len(part) for part in parts]))

    assert skew(0.05) > 0.7
    assert skew(1e4) < 0.15


def test_dirichlet_shares_have_the_moments_of_the_distribution() -> None:
    # A share of Dirichlet(alpha) over n has mean 1/n and variance (n - 1) / (n^2 (n alpha + 1)).
    labels = np.repeat(np.arange(400), 1000)
    first = dirichlet(labels, 4, Draws(5), 0.5)[0]
    shares = np.bincount(labels[first], minlength=400) / 1000
    assert shares.mean() == pytest.approx(0.25, abs=0.05)
    assert shares.var() == pytest.approx(3 / (16 * 3), rel=0.2)


def test_every_row_is_drawn_equally_often_by_a_bootstrap() -> None:
    rows = bootstrap(50, 4000, Draws(2), 25)
    assert rows.shape == (4000, 25)
    assert rows.dtype == np.int32
    counts = np.bincount(rows.ravel(), minlength=50)
    assert len(counts) == 50
    assert ((counts - 2000) ** 2 / 2000).sum() < 95  # chi squared of 49 degrees: one in ten thousand


def test_what_a_peer_draws_depends_on_no_other() -> None:
    few = bootstrap(1437, 3, Draws(7))
    assert np.array_equal(few, bootstrap(1437, BLOCK_NUMBERS // 64 + 3, Draws(7))[:3])
    assert not np.array_equal(few[0], few[1])
    assert np.array_equal(few[2], Draws(7, 2).integers("bootstrap", 64, 1437))


@pytest.mark.parametrize("kind", ["iid", "dirichlet", "shards", "pathological", "quantity", "bootstrap"])
def test_parts_are_one_array_where_all_are_equally_long(kind: str) -> None:
    for peers in (7, 8):
        parts, _ = split(kind, LABELS, peers, Draws(1), per_peer=5)
        assert isinstance(parts, np.ndarray) == (len({len(part) for part in parts}) == 1)
        assert len(parts) == peers


def test_shards_hold_few_labels() -> None:
    parts = shards(LABELS, 20, Draws(0), per_peer=2)
    assert_dealt(parts, 1000, 20)
    assert max(classes_per_peer(parts)) <= 4
    assert {len(part) for part in parts} == {50}


@pytest.mark.parametrize(("peers", "per_peer"), [(5, 2), (7, 3), (30, 1), (4, 10)])
def test_a_pathological_peer_has_exactly_so_many_classes(peers: int, per_peer: int) -> None:
    parts = pathological(LABELS, peers, Draws(0), per_peer)
    assert_dealt(parts, 1000, peers)
    assert set(classes_per_peer(parts)) == {per_peer}


def test_quantity_skews_sizes_and_not_labels() -> None:
    parts = quantity(10_000, 10, Draws(1), alpha=0.5)
    assert max(map(len, parts)) > 5 * min(map(len, parts))
    largest = max(parts, key=len)
    assert np.bincount(np.arange(10_000)[largest] % 10).min() > len(largest) * 0.07


def test_a_column_makes_one_peer_per_value() -> None:
    parts, names = by_column(np.array(["b", "a", "?", "b"], object))
    assert names == ("?", "a", "b")
    assert [part.tolist() for part in parts] == [[2], [1], [0, 3]]


def test_numbers_are_skewed_by_their_quantiles() -> None:
    numbers = Draws(0).normal("numbers", 1000)
    assert np.bincount(quantile_labels(numbers)).tolist() == [100] * 10
    parts, _ = split("shards", numbers, 10, Draws(0), per_peer=1, classes=False)
    assert max(np.ptp(quantile_labels(numbers)[part]) for part in parts) == 0


@pytest.mark.parametrize(
    ("kind", "options", "words"),
    [
        ("iid", {"peers": 1001}, "ask for at most 1000 peers"),
        ("iid", {"peers": 1001}, 'take the split "bootstrap"'),
        ("bootstrap", {"samples": 0}, "both must be 1 or more"),
        ("iid", {"peers": -1}, "must be 1 or more"),
        ("dirichlet", {"peers": 20, "min_samples": 51}, "ask for at most 19 peers"),
        ("dirichlet", {"alpha": 0.0}, "alpha is 0.0"),
        ("quantity", {"alpha": float("nan")}, "alpha is nan"),
        ("pathological", {"per_peer": 11}, "ask for 1 to 10"),
        ("pathological", {"peers": 3, "per_peer": 2}, "cannot hold 10 classes"),
        ("diriclet", {}, 'did you mean "dirichlet"?'),
        ("column", {}, "name it"),
        ("column", {"groups": np.array(["a"] * 1000), "peers": 3}, "1 values and 3 peers"),
    ],
)
def test_a_split_that_cannot_be_is_refused(kind: str, options: dict[str, object], words: str) -> None:
    settings: dict[str, object] = {"peers": 8, **options}
    with pytest.raises(DataError) as wrong:
        split(kind, LABELS, draws=Draws(0), **settings)  # type: ignore[arg-type]
    assert words in str(wrong.value)


@settings(deadline=None)
@given(
    labels=st.lists(st.integers(0, 3), max_size=60),
    fraction=st.floats(0, 0.99),
    stratified=st.booleans(),
)
def test_train_and_test_are_disjoint_and_stratified(
    labels: list[int], fraction: float, stratified: bool
) -> None:
    kinds = np.array(labels, np.int64)
    train, test = train_test(len(kinds), fraction, Draws(7), kinds if stratified else None)
    assert sorted([*train, *test]) == list(range(len(kinds)))
    assert len(train) >= min(1, len(kinds))
    assert len(test) == pytest.approx(len(kinds) * fraction, abs=1)
    if stratified:
        for kind in set(labels):
            assert (kinds[test] == kind).sum() == pytest.approx((kinds == kind).sum() * fraction, abs=2)


def test_a_test_fraction_of_everything_is_refused() -> None:
    with pytest.raises(DataError, match="test fraction"):
        train_test(10, 1.0, Draws(0))


def test_tens_of_thousands_of_peers_are_filled_up_in_a_moment() -> None:
    began_s = time.process_time()
    parts = quantity(60_000, 20_000, Draws(3))
    assert min(map(len, parts)) == 1
    assert time.process_time() - began_s < 3


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"split": "iid", "samples": 3}, "leave out data.samples"),
        ({"split": "bootstrap", "alpha": 0.3}, "leave out data.alpha"),
        ({"split": "bootstrap", "local_test_fraction": 0.1}, "would be in both parts"),
    ],
)
def test_settings_that_a_bootstrap_does_not_hear_are_refused(table: dict[str, object], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        validate(Experiment, {"data": table}, "settings")
