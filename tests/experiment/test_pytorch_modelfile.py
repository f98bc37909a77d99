"""A model file of PyTorch predicts again, and has no code run that its reader did not name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gossipfl.data import Dataset, load_dataset
from gossipfl.draws import Draws
from gossipfl.errors import DataError, SettingsError
from gossipfl.experiment.federation import build_model_from
from gossipfl.experiment.modelfile import Explanation, load_model, save_model
from gossipfl.experiment.settings import LearningSettings, ModelSettings
from gossipfl.learn.contracts import Array

pytest.importorskip("torch")

OURS = "gossipfl.learn.pytorch.examples:small_cnn"
LINE = "from torch import nn\ndef line(features, classes):\n    return nn.Linear(features, classes)\n"


def saved(path: Path, factory: str) -> tuple[Dataset, Array]:
    """The data and the vector of a model that is saved to `path`."""
    dataset = load_dataset("digits")
    settings = ModelSettings(kind="torch", options={"factory": factory})
    model = build_model_from(settings, LearningSettings(), 64, dataset.classes)
    vector = model.start(Draws(1))
    save_model(path, vector, Explanation.of(settings, dataset, model))
    return dataset, model.predict(vector, dataset.features[:5].astype(np.float32))


def test_a_module_of_ours_predicts_the_same_again(tmp_path: Path) -> None:
    dataset, predicted = saved(tmp_path / "m.safetensors", OURS)
    vector, explanation = load_model(tmp_path / "m.safetensors")
    again = explanation.build().predict(vector, dataset.features[:5].astype(np.float32))
    assert np.array_equal(predicted, again)


def test_a_factory_of_somebody_else_has_to_be_named(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(LINE, encoding="utf-8")
    factory = f"{tmp_path / 'net.py'}:line"
    dataset, predicted = saved(tmp_path / "m.safetensors", factory)
    with pytest.raises(DataError, match="name the factory yourself"):
        load_model(tmp_path / "m.safetensors")
    vector, explanation = load_model(tmp_path / "m.safetensors", factory)
    again = explanation.build().predict(vector, dataset.features[:5].astype(np.float32))
    assert np.array_equal(predicted, again)


def test_a_factory_that_is_not_there_or_not_asked_for_is_refused(tmp_path: Path) -> None:
    saved(tmp_path / "m.safetensors", OURS)
    with pytest.raises(SettingsError, match=r"There is no file absent\.py"):
        load_model(tmp_path / "m.safetensors", "absent.py:line")
    dataset, settings = load_dataset("digits"), ModelSettings()
    model = build_model_from(settings, LearningSettings(), 64, dataset.classes)
    path = tmp_path / "softmax.safetensors"
    save_model(path, model.start(Draws(1)), Explanation.of(settings, dataset, model))
    with pytest.raises(DataError, match="leave the factory out"):
        load_model(path, OURS)
