"""Compiled training keeps the contract of a model, and NumPy's numbers but for rounding."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gossipfl.draws import Draws
from gossipfl.errors import SettingsError
from gossipfl.learn import compiled
from gossipfl.learn.batches import shuffled
from gossipfl.learn.contracts import Array, Samples
from gossipfl.learn.models import Dense, linear, mlp, softmax
from gossipfl.learn.training import Training
from gossipfl.testing import check_model

pytest.importorskip("numba")

HELD = (40, 3, 0, 33, 300)
TRAININGS = {
    "as it comes": Training(),
    "momentum": Training(batch=7, epochs=3, momentum=0.9),
    "one batch": Training(batch=1000, steps=5, weight_decay=0.1, proximal=0.3),
    "sample by sample": Training(batch=1, class_weights="balanced"),
    "all": Training(
        batch=16, class_weights=(1.0, 2.0, 0.5), decay_rounds=5, momentum=0.5, proximal=0.1, weight_decay=0.01
    ),
}
TOLERANCE: dict[str, float] = {"float32": 1e-5, "float64": 1e-12}


def crowd(model: Dense, held: tuple[int, ...] = HELD, total: int = 200) -> Samples:
    draws = Draws(1)
    features = draws.normal("features", total * model.sizes[0]).reshape(total, -1)
    classes, numbers = draws.integers("classes", total, model.sizes[-1]), draws.normal("numbers", total)
    targets: Array = classes if model.task == "classes" else numbers
    return Samples.parts(
        features, targets, [draws.integers("rows", k, total, peer) for peer, k in enumerate(held)]
    )


def apart(model: Dense, samples: Samples, drift: bool = False) -> float:
    """How far the compiled model is from NumPy's after a round, against the largest number in it."""
    draws = Draws(4, np.arange(len(samples.counts)), 3)
    vector = (model.start(draws) + 0.1 * draws.normal("first", model.size)).astype(model.dtype)
    push = 0.01 * draws.normal("drift", model.size) if drift else None
    wanted = model.fit(vector, samples, draws, push)
    got = replace(model, kernels="compiled").fit(vector, samples, draws, push)
    assert got.dtype == wanted.dtype
    return float(np.abs(got.astype(np.float64) - wanted).max() / np.abs(wanted).max())


def scores_apart(model: Dense, samples: Samples) -> float:
    """How far the compiled model's scores are from NumPy's."""
    draws = Draws(5, np.arange(len(HELD)))
    vector = (model.start(draws) + 0.3 * draws.normal("first", model.size)).astype(model.dtype)
    wanted, got = model.score(vector, samples), replace(model, kernels="compiled").score(vector, samples)
    assert wanted.keys() == got.keys()
    return max(float(np.nanmax(np.abs(got[name] - wanted[name]))) for name in wanted)


def models(training: Training, precision: Any) -> list[Dense]:
    made = [softmax(7, 3, training, precision), mlp(7, 3, (20, 5), training, precision)]
    if training.class_weights is None:
        made += [linear(7, training, precision), mlp(7, None, (9,), training, precision)]
    return made


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("training", TRAININGS)
def test_compiled_training_is_that_of_numpy_and_keeps_the_contract(training: str, precision: str) -> None:
    for model in models(TRAININGS[training], precision):
        samples = crowd(model)
        assert apart(model, samples) < TOLERANCE[precision]
        assert apart(model, samples, drift=True) < TOLERANCE[precision]
        check_model(replace(model, kernels="compiled"), samples)


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_compiled_scores_are_those_of_numpy(precision: str) -> None:
    for model in models(Training(), precision):
        samples = crowd(model)
        assert scores_apart(model, samples) < TOLERANCE[precision]
        assert scores_apart(model, samples.of(4)) < TOLERANCE[precision]


def test_an_answer_is_the_first_that_is_likeliest_and_none_is_right_that_is_not_a_number() -> None:
    model = replace(softmax(1, 4), kernels="compiled")
    samples = Samples.whole(np.ones((4, 1)), np.arange(4))
    biases = np.array([[1, 2, 2, 0], [0, 0, 0, 0], [0, np.nan, 1, 1], [0, np.inf, 0, 0]], np.float32)
    vectors = np.concatenate((np.zeros_like(biases), biases), axis=1)
    assert model.score(vectors, samples)["accuracy"].tolist() == [0.25, 0.25, 0, 0.25]
    assert replace(model, kernels="numpy").score(vectors, samples)["accuracy"].tolist() == [
        0.25,
        0.25,
        0,
        0.25,
    ]


@settings(max_examples=40, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 40), min_size=2, max_size=4),
    held=st.lists(st.integers(0, 70), min_size=1, max_size=3),
    batch=st.integers(1, 80),
    precision=st.sampled_from(["float32", "float64"]),
)
def test_any_shape_is_trained_as_numpy_trains_it(
    sizes: list[int], held: list[int], batch: int, precision: Any
) -> None:
    model = Dense(tuple(sizes), "classes", Training(0.05, batch), precision)
    assert apart(model, crowd(model, tuple(held))) < TOLERANCE[precision]


def test_another_model_is_not_within_rounding() -> None:
    model = softmax(7, 3)
    samples = crowd(model)
    other = Samples(samples.features, samples.targets, samples.rows[:, ::-1].copy(), samples.counts)
    draws = Draws(4, np.arange(len(HELD)), 3)
    one, two = (
        replace(model, kernels="compiled").fit(model.start(draws), s, draws) for s in (samples, other)
    )
    assert np.abs(one - two).max() > 1e-3


def test_rows_and_classes_of_any_integers_and_features_of_any_floats_will_do() -> None:
    model = softmax(7, 3, dtype="float64")
    samples = crowd(model)
    features, targets = samples.features.astype(np.float32), samples.targets.astype(np.uint8)
    other = Samples(features, targets, samples.rows.astype(np.uint16), samples.counts)
    assert apart(model, other) < TOLERANCE["float64"]


@pytest.mark.parametrize("count", [1, 2, 5, 64, 1000])
def test_samples_are_taken_in_the_order_that_numpy_takes_them(count: int) -> None:
    from gossipfl.learn.compiled.orders import shuffle

    rows, order = 3 * np.arange(count), np.empty(count, np.int64)
    words, starts = np.empty(2 * count + 4, np.uint64), np.empty(count + 1, np.int64)
    for seed, peer, round, lane in ((1, 0, 1, 0), (2**63 + 5, 2**32 - 1, 9, 7)):
        shuffle(order, rows, words, starts, np.uint64(seed), peer, round, lane)
        wanted = shuffled(rows[None], np.array([count]), Draws(seed, np.array([peer]), round), lane)
        assert order.tolist() == wanted[0].tolist()


def test_samples_out_of_range_are_refused() -> None:
    model = replace(softmax(7, 3), kernels="compiled")
    samples, draws = crowd(model), Draws(1, np.arange(len(HELD)))
    beyond = Samples(samples.features[:9], samples.targets[:9], samples.rows, samples.counts)
    unknown = Samples(samples.features, samples.targets + 1, samples.rows, samples.counts)
    for wrong in (beyond, unknown):
        with pytest.raises(IndexError, match="out of range"):
            model.fit(model.start(draws), wrong, draws)
        with pytest.raises(IndexError, match="out of range"):
            model.score(model.start(draws), wrong)


def test_training_that_diverges_keeps_to_itself() -> None:
    model = mlp(7, 3, (5,), Training(1e30), "float32")
    samples, draws = crowd(model), Draws(1, np.arange(len(HELD)))
    got = replace(model, kernels="compiled").fit(model.start(draws), samples, draws)
    assert not np.isfinite(got[0]).all()
    alone = replace(model, kernels="compiled").fit(model.start(draws)[3], samples.of(3), Draws(1, 3))
    np.testing.assert_array_equal(got[3], alone)


def test_kernels_are_kept_where_that_is_possible_and_work_where_it_is_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from gossipfl.learn.compiled import jit

    def nowhere(function: Any) -> None:
        raise RuntimeError("no folder")

    monkeypatch.setattr("numba.core.config.CACHE_DIR", str(tmp_path))
    assert jit.compiled(_doubled)(4) == 8
    assert any(tmp_path.rglob("*.nbi"))
    monkeypatch.setattr(jit, "_Kept", nowhere)
    assert jit.compiled(_doubled)(4) == 8


def _doubled(number: int) -> int:
    return 2 * number


def test_the_fastest_kernels_are_those_that_are_there_unless_told_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = softmax(7, 3)
    monkeypatch.delenv(compiled.VARIABLE, raising=False)
    assert compiled.fastest(model) == replace(model, kernels="compiled")
    monkeypatch.setenv(compiled.VARIABLE, "numpy")
    assert compiled.fastest(model) == model
    monkeypatch.setenv(compiled.VARIABLE, "numby")
    with pytest.raises(SettingsError, match='did you mean "numpy"'):
        compiled.fastest(model)


def test_compiled_kernels_without_numba_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "find_spec", lambda _: None)
    monkeypatch.setenv(compiled.VARIABLE, "compiled")
    with pytest.raises(SettingsError, match=r"pip install 'gossipfl\[fast\]'"):
        compiled.chosen()
    with pytest.raises(SettingsError, match=r"pip install 'gossipfl\[fast\]'"):
        replace(softmax(7, 3), kernels="compiled")
    monkeypatch.delenv(compiled.VARIABLE)
    assert compiled.chosen() == "numpy"


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_exponentials_are_exact_to_a_rounding_or_two(dtype: Any) -> None:
    from gossipfl.learn.compiled.exponential import exp
    from gossipfl.learn.compiled.jit import compiled as jit

    def exponentials(into: Array, numbers: Array) -> None:
        for i in range(numbers.size):
            into[i] = exp(numbers[i])

    numbers = np.append(-np.abs(20 * Draws(1).normal("x", 2000)), [0.0, -1e5, -np.inf, np.nan]).astype(dtype)
    got = np.empty_like(numbers)
    jit(exponentials)(got, numbers)
    wanted = np.exp(numbers.astype(np.float64))
    np.testing.assert_allclose(got, wanted, rtol=2 * np.finfo(dtype).eps, atol=float(np.finfo(dtype).tiny))
