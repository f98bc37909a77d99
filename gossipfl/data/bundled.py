"""The data sets that come with scikit-learn, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gossipfl.data.schema import Categorical, Column, Numeric, Schema
from gossipfl.data.table import Dataset
from gossipfl.errors import DataError, instead

Floats = NDArray[np.float64]


def load_dataset(name: str) -> Dataset:
    """One of `DATASETS`, whole; DataError with the nearest name for any other.

    Every feature is standardised over all rows, but the pixels of digits, which are divided by 16 into
    [0, 1]. The numbers to predict in diabetes are standardised too.
    """
    if name not in _LOADERS:
        raise DataError(f'"{name}" is not a data set that comes along; {instead(name, DATASETS)}')
    return _LOADERS[name]()


def _digits() -> Dataset:
    """1,797 images of 8 x 8 pixels of handwritten digits (Alpaydin and Kaynak, 1998)."""
    from sklearn.datasets import load_digits

    found = load_digits()
    columns = [Numeric(name, 0.0, 16.0) for name in found.feature_names]
    target = Categorical("target", tuple(str(digit) for digit in range(10)))
    return _dataset("digits", found, columns, target)


def _breast_cancer() -> Dataset:
    """569 tumours, 30 measures each, malignant or benign (Wolberg, Mangasarian, Street and Street, 1993)."""
    from sklearn.datasets import load_breast_cancer

    return _standardised("breast_cancer", load_breast_cancer())


def _wine() -> Dataset:
    """178 wines, 13 measures each, of three growers (Aeberhard and Forina, 1992)."""
    from sklearn.datasets import load_wine

    return _standardised("wine", load_wine())


def _diabetes() -> Dataset:
    """442 patients, 10 measures each, and the progress of their disease after a year (Efron et al., 2004)."""
    from sklearn.datasets import load_diabetes

    return _standardised("diabetes", load_diabetes(scaled=False))


_LOADERS: dict[str, Callable[[], Dataset]] = {
    "digits": _digits,
    "breast_cancer": _breast_cancer,
    "wine": _wine,
    "diabetes": _diabetes,
}
DATASETS = tuple(_LOADERS)


def _standardised(name: str, found: Any) -> Dataset:
    values = found.data
    columns = [
        Numeric(str(feature), float(mean), float(scale))
        for feature, mean, scale in zip(found.feature_names, values.mean(0), values.std(0), strict=True)
    ]
    if "target_names" in found:
        return _dataset(name, found, columns, Categorical("target", tuple(map(str, found.target_names))))
    return _dataset(
        name, found, columns, Numeric("target", float(found.target.mean()), float(found.target.std()))
    )


def _dataset(name: str, found: Any, columns: list[Numeric], target: Column) -> Dataset:
    schema = Schema(tuple(columns), target)
    features: Floats = (found.data - [column.mean for column in columns]) / [
        column.scale for column in columns
    ]
    if isinstance(target, Categorical):
        return Dataset(
            features,
            found.target.astype(np.int64),
            schema.feature_names,
            schema.classes,
            name=name,
            schema=schema,
        )
    return Dataset(
        features,
        (found.target - target.mean) / target.scale,
        schema.feature_names,
        None,
        name=name,
        target_mean=target.mean,
        target_scale=target.scale,
        schema=schema,
    )
