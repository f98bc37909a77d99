"""A PyTorch module is a model like all others: the same contract, and the same steps as the others take."""

from __future__ import annotations

import math
import weakref
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gossipfl import TorchModel
from gossipfl.draws import Draws
from gossipfl.learn.contracts import Array, Samples
from gossipfl.learn.models import linear, softmax
from gossipfl.learn.pytorch.examples import small_cnn
from gossipfl.learn.training import Training

torch = pytest.importorskip("torch")
nn: Any = torch.nn

BUSY = Training(learning_rate=0.05, batch=7, epochs=2, momentum=0.9, weight_decay=0.01, proximal=0.3)
PEERS = np.arange(9)


def ragged(features: int, classes: int | None) -> Samples:
    draws, counts = Draws(5), (40, 3, 0, 64, 1, 7, 8, 33, 12)
    values = draws.uniform("features", 200 * features).reshape(200, features).astype(np.float32)
    targets = draws.normal("t", 200) if classes is None else draws.integers("t", 200, classes)
    return Samples.parts(values, targets, [draws.integers("rows", n, 200, lane=n) for n in counts])


def line(features: int, classes: int | None) -> Any:
    return nn.Linear(features, classes or 1)


class Attention(nn.Module):  # type: ignore[misc]
    """Rows as sequences of pixels, each looked up in a table; with a frozen part and a tied one."""

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        self.table = nn.Embedding(4, 8)
        self.frozen = nn.Linear(8, 8).requires_grad_(False)
        self.one, self.norm = nn.Linear(8, 8), nn.LayerNorm(8)
        self.two = self.one
        self.unused = nn.Linear(2, 2)
        self.register_buffer("places", torch.arange(features) % 4)
        self.head = nn.Linear(8, classes)

    def forward(self, rows: Any) -> Any:
        seen = self.table((rows * 3).long()) + self.table(self.places)
        keys = self.norm(self.two(self.one(self.frozen(seen))))
        mixed = nn.functional.scaled_dot_product_attention(keys, keys, seen)
        return self.head(mixed.mean(dim=-2))


class Recurrent(nn.Module):  # type: ignore[misc]
    """What vmap cannot do."""

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        self.cell, self.head = nn.GRU(features // 4, 8, batch_first=True), nn.Linear(8, classes)

    def forward(self, rows: Any) -> Any:
        seen, _ = self.cell(rows.unflatten(1, (4, -1)))
        return self.head(seen[:, -1])


def normed(features: int, classes: int) -> Any:
    return nn.Sequential(
        nn.Unflatten(1, (1, 4, 4)),
        nn.Conv2d(1, 4, 3, padding="same"),
        nn.GroupNorm(2, 4),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(16, classes),
    )


def check(model: TorchModel, samples: Samples) -> None:
    """The contract, where one peer and a crowd are given to kernels that round differently."""
    near = 1e-4 if model.precision == "float32" else 1e-10
    crowd, kept = Draws(0, PEERS, 1), samples.features.copy()
    first = model.start(crowd)
    assert first.shape == (9, model.size)
    assert first.dtype == model.dtype
    assert np.array_equal(first, [model.start(Draws(0, p, 1)) for p in range(9)])
    fitted = model.fit(first, samples, crowd)
    assert np.isfinite(fitted).all()
    assert np.array_equal(fitted, model.fit(first.copy(), samples, crowd))
    assert np.array_equal(first, model.start(crowd))
    assert np.array_equal(kept, samples.features)
    alone = [model.fit(first[p], samples.of(p), Draws(0, p, 1)) for p in range(9)]
    np.testing.assert_allclose(fitted, alone, rtol=near, atol=near / 10)
    moved = ~np.isclose(fitted, first).all(axis=1)
    assert np.array_equal(moved, samples.counts > 0)
    few, shared = samples.features[:5], samples.of(0)
    predicted, own, common = (
        model.predict(fitted, few),
        model.score(fitted, samples),
        model.score(fitted, shared),
    )
    assert predicted.dtype == model.dtype
    assert predicted.ndim == (2 if model.classes is None else 3)
    if model.classes is not None:
        np.testing.assert_allclose(predicted.sum(axis=-1), 1, rtol=1e-5)
    for p in range(9):
        np.testing.assert_allclose(predicted[p], model.predict(fitted[p], few), rtol=near, atol=near / 10)
        for name, value in model.score(fitted[p], samples.of(p)).items():
            np.testing.assert_allclose(own[name][p], value, rtol=near, atol=near / 10)
        for name, value in model.score(fitted[p], shared).items():
            np.testing.assert_allclose(common[name][p], value, rtol=near, atol=near / 10)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("training", [Training(), BUSY, replace(BUSY, steps=5), replace(BUSY, batch=1000)])
def test_a_cnn_keeps_the_contract_of_all_models(training: Training, dtype: Any) -> None:
    check(TorchModel(small_cnn, 16, 3, training, dtype), ragged(16, 3))


@pytest.mark.parametrize("factory", [Attention, Recurrent, normed, line])
def test_layers_of_every_kind_do(factory: Any) -> None:
    check(TorchModel(factory, 16, 3, BUSY), ragged(16, 3))


def test_a_model_of_numbers_does() -> None:
    check(TorchModel(line, 6, None, BUSY), ragged(6, None))


@pytest.mark.parametrize(
    "training",
    [
        Training(),
        BUSY,
        replace(BUSY, steps=5),
        replace(BUSY, class_weights="balanced"),
        replace(BUSY, class_weights=(1.0, 2.0, 0.5)),
        replace(BUSY, decay_rounds=4),
    ],
)
@pytest.mark.parametrize("drifts", [False, True])
def test_it_takes_the_steps_of_softmax_regression(training: Training, drifts: bool) -> None:
    samples, draws = ragged(6, 3), Draws(7, PEERS, 2)
    ours, theirs = softmax(6, 3, training, "float64"), TorchModel(line, 6, 3, training, "float64")
    first = Draws(3, PEERS).normal("first", ours.size)
    drift = 0.1 * Draws(4, PEERS).normal("drift", ours.size) if drifts else None
    led = None if drift is None else as_theirs(drift, 6, 3)
    fitted = theirs.fit(as_theirs(first, 6, 3), samples, draws, led)
    np.testing.assert_allclose(fitted, as_theirs(ours.fit(first, samples, draws, drift), 6, 3), atol=1e-12)
    for name, values in ours.score(first, samples).items():
        np.testing.assert_allclose(values, theirs.score(as_theirs(first, 6, 3), samples)[name])


def test_it_takes_the_steps_of_linear_regression() -> None:
    samples, draws = ragged(6, None), Draws(7, PEERS, 2)
    ours, theirs = linear(6, BUSY, "float64"), TorchModel(line, 6, None, BUSY, "float64")
    first = Draws(3, PEERS).normal("first", ours.size)
    np.testing.assert_allclose(
        theirs.fit(as_theirs(first, 6, 1), samples, draws),
        as_theirs(ours.fit(first, samples, draws), 6, 1),
        atol=1e-12,
    )
    few = samples.features[:5]
    np.testing.assert_allclose(theirs.predict(as_theirs(first, 6, 1), few), ours.predict(first, few))


def test_a_hundred_peers_stacked_come_to_what_each_comes_to_alone() -> None:
    rows = Draws(1, np.arange(100)).integers("rows", 20, 200)
    shared = ragged(64, 10)
    samples = Samples(shared.features, shared.targets, rows, np.full(100, 20))
    model = TorchModel(small_cnn, 64, 10, Training(batch=10))
    peers = np.arange(100)
    first = model.start(Draws(1, peers))
    stacked = model.fit(first, samples, Draws(1, peers, 1))
    alone = [model.fit(first[p], samples.of(int(p)), Draws(1, int(p), 1)) for p in peers]
    np.testing.assert_allclose(stacked, np.stack(alone), rtol=1e-4, atol=1e-5)


def test_many_threads_at_once_come_to_the_same_bits() -> None:
    samples, model = ragged(16, 3), TorchModel(small_cnn, 16, 3, BUSY)
    first = model.start(Draws(1, PEERS))

    def fitted(_: int) -> Array:
        return model.fit(first, samples, Draws(1, PEERS, 1))

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(fitted, range(8)))
    assert all(np.array_equal(fitted(0), result) for result in results)


def test_the_first_vector_is_the_seeds_alone_and_torch_keeps_its_own_randomness() -> None:
    model = TorchModel(small_cnn, 16, 3)
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    first = model.start(Draws(5))
    assert torch.rand(1) == expected
    assert np.array_equal(first, TorchModel(small_cnn, 16, 3).start(Draws(5)))
    assert not np.array_equal(first, model.start(Draws(6)))
    bound = 1 / math.sqrt(9)
    assert 0.5 * bound < np.abs(first[:72]).max() <= bound  # as torch begins a convolution of nine weights


def test_torch_keeps_its_threads() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        model = TorchModel(small_cnn, 16, 3)
        model.fit(model.start(Draws(1)), ragged(16, 3).of(0), Draws(1, 0, 1))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_features_that_may_not_be_written_will_do() -> None:
    samples, model = ragged(16, 3), TorchModel(small_cnn, 16, 3, BUSY)
    first = model.start(Draws(1, PEERS))
    fitted = model.fit(first, samples, Draws(1, PEERS, 1))
    samples.features.flags.writeable = False
    first.flags.writeable = False
    assert np.array_equal(fitted, model.fit(first, samples, Draws(1, PEERS, 1)))
    assert model.predict(np.broadcast_to(first[0], first.shape), samples.features).shape == (9, 200, 3)


def test_training_that_diverges_ends_in_infinity_or_nan_without_a_warning() -> None:
    model = TorchModel(small_cnn, 16, 3, Training(learning_rate=1e30))
    samples = ragged(16, 3)
    fitted = model.fit(model.start(Draws(1, PEERS)), samples, Draws(1, PEERS, 1))
    assert not np.isfinite(fitted[0]).all()
    assert np.isfinite(fitted[2]).all()  # it has no samples
    assert model.score(fitted, samples)["accuracy"][0] == 0


def test_an_array_that_may_not_be_written_is_copied_once_and_kept_no_longer_than_it_lives() -> None:
    from gossipfl.learn.pytorch.device import Residents

    residents, array = Residents(torch.device("cpu")), np.arange(3.0)
    array.flags.writeable = False
    held = weakref.ref(array)
    there = residents.of(array)
    assert residents.of(array) is there
    assert there.tolist() == [0.0, 1.0, 2.0]
    del array
    assert held() is None
    other = np.arange(4.0)
    assert residents.of(other).data_ptr() == other.ctypes.data


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_a_cuda_device_comes_to_what_the_processor_does() -> None:
    samples, draws = ragged(16, 3), Draws(1, PEERS, 1)
    here, there = (TorchModel(small_cnn, 16, 3, BUSY, device=name) for name in ("cpu", "cuda"))
    first = here.start(Draws(1, PEERS))
    assert np.array_equal(first, there.start(Draws(1, PEERS)))
    fitted = there.fit(first, samples, draws)
    assert np.array_equal(fitted, there.fit(first, samples, draws))
    np.testing.assert_allclose(fitted, here.fit(first, samples, draws), rtol=1e-4, atol=1e-5)
    for name, values in here.score(fitted, samples).items():
        np.testing.assert_allclose(there.score(fitted, samples)[name], values, rtol=1e-4, atol=1e-5)


def as_theirs(vector: Array, features: int, outputs: int) -> Array:
    """A vector of one dense layer, weights (in, out), in the layout of torch, weights (out, in)."""
    at = features * outputs
    turned = vector[..., :at].reshape(*vector.shape[:-1], features, outputs).swapaxes(-1, -2)
    return np.concatenate((turned.reshape(*vector.shape[:-1], at), vector[..., at:]), axis=-1)
