"""A model file explains itself, or says in a sentence why it cannot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import gossipfl
from gossipfl.errors import DataError
from gossipfl.experiment.modelfile import Explanation, load_model, model_file, save_model
from gossipfl.experiment.settings import ModelSettings
from gossipfl.learn.models import Dense


def test_a_saved_model_comes_back_with_what_explains_it(tmp_path: Path) -> None:
    dataset, model = gossipfl.load_dataset("wine"), gossipfl.softmax(13, 3)
    vector = np.arange(model.size, dtype=np.float32)
    save_model(tmp_path / "m.safetensors", vector, Explanation.of(ModelSettings(), dataset, model))
    loaded, explanation = load_model(tmp_path / "m.safetensors")
    assert np.array_equal(loaded, vector)
    assert explanation.classes == dataset.classes
    assert explanation.schema == dataset.schema
    assert explanation.build().size == model.size


def test_a_model_of_the_users_own_code_says_so(tmp_path: Path) -> None:
    dataset, model = gossipfl.load_dataset("wine"), Dense((13, 5, 3), "classes")
    path = tmp_path / "m.safetensors"
    save_model(path, np.zeros(model.size), Explanation.of(ModelSettings(), dataset, model))
    with pytest.raises(DataError, match="your own code"):
        load_model(path)


def test_a_model_that_diverged_is_refused(tmp_path: Path) -> None:
    dataset, model = gossipfl.load_dataset("wine"), gossipfl.softmax(13, 3)
    path = tmp_path / "m.safetensors"
    save_model(path, np.full(model.size, np.nan), Explanation.of(ModelSettings(), dataset, model))
    with pytest.raises(DataError, match="diverged"):
        load_model(path)


@pytest.mark.parametrize(
    "names", [("a/b", "a_b"), ("?", "%3F"), ("ä" * 300, "ä" * 301), ("x" * 999, "x" * 998)]
)
def test_different_peers_have_different_short_file_names(names: tuple[str, str]) -> None:
    files = [model_file(name) for name in names]
    assert files[0] != files[1]
    assert all(len(file.encode()) <= 255 and "/" not in file for file in files)
