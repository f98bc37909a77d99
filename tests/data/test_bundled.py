"""The data sets that come along, by name."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import datasets as origin

from gossipfl.data import DATASETS, load_dataset
from gossipfl.data.schema import Numeric
from gossipfl.errors import DataError


@pytest.mark.parametrize("name", DATASETS)
def test_a_data_set_is_that_of_scikit_learn_in_its_own_units(name: str) -> None:
    loaded = load_dataset(name)
    options = {"scaled": False} if name == "diabetes" else {}
    original = getattr(origin, f"load_{name}")(**options)
    columns = [column for column in loaded.agreed().columns if isinstance(column, Numeric)]
    means, scales = (np.array([getattr(column, what) for column in columns]) for what in ("mean", "scale"))
    np.testing.assert_allclose(loaded.features * scales + means, original.data, rtol=1e-12, atol=1e-12)
    numbers = loaded.targets * loaded.target_scale + loaded.target_mean
    np.testing.assert_allclose(numbers, original.target, rtol=1e-12)
    assert loaded.feature_names == tuple(original.feature_names)
    if loaded.classes is not None:
        assert loaded.classes == tuple(str(kind) for kind in original.target_names)


def test_pixels_lie_between_0_and_1() -> None:
    features = load_dataset("digits").features
    assert (features.min(), features.max()) == (0, 1)


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(DataError, match='did you mean "digits"'):
        load_dataset("digit")
