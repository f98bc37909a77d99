"""A module of PyTorch learns the same in every engine, and in a process of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gossipfl
from gossipfl.errors import DataError
from gossipfl.experiment.modelfile import load_model
from gossipfl.learn.pytorch.examples import small_cnn
from gossipfl.learn.training import Training

pytest.importorskip("torch")

CNN = {"kind": "torch", "options": {"factory": "gossipfl.learn.pytorch.examples:small_cnn"}}


def digits(**settings: Any) -> gossipfl.Run:
    given: dict[str, Any] = {"topology": "torus", "peers": 16, "data": "digits", "rounds": 2, "epochs": 1}
    return gossipfl.simulate(**given | settings)


@pytest.mark.parametrize(("dtype", "apart"), [("float32", 1e-4), ("float64", 1e-12)])
@pytest.mark.parametrize("more", [{}, {"split": "quantity"}, {"algorithm": "gradient-tracking"}])
def test_crowd_and_network_come_to_the_same(dtype: str, apart: float, more: dict[str, str]) -> None:
    model = CNN | {"dtype": dtype}
    network, crowd = (digits(model=model, engine=engine, **more) for engine in ("network", "crowd"))
    assert network.models.keys() == crowd.models.keys()
    for name, vector in network.models.items():
        np.testing.assert_allclose(vector, crowd.models[name], rtol=apart, atol=apart)


def test_one_thread_and_two_come_to_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    hashes = set()
    for threads in ("1", "2", "1"):
        monkeypatch.setenv("OMP_NUM_THREADS", threads)
        hashes.add(digits(model=CNN, peers=64, engine="crowd").summary["trace_hash"])
    assert len(hashes) == 1


def test_a_module_given_as_an_object_learns_and_is_saved_as_the_users_own(tmp_path: Path) -> None:
    model = gossipfl.TorchModel(small_cnn, 64, 10, Training(momentum=0.9, epochs=5))
    run = digits(topology="complete", peers=4, model=model, rounds=3, epochs=5, out=tmp_path / "run")
    assert run.summary["accuracy_averaged_model"] > 0.8
    with pytest.raises(DataError, match="your own code"):
        load_model(tmp_path / "run" / "models" / "averaged.safetensors")
