"""The data sets that come with scikit-learn, by name.

Rules: their files are read where scikit-learn keeps them, without importing it, for that alone takes a node
process a second and 90 MB.
"""

from __future__ import annotations

import gzip
import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gossipfl.data.schema import Categorical, Column, Numeric, Schema
from gossipfl.data.table import Dataset
from gossipfl.errors import DataError, instead

Floats = NDArray[np.float64]

_WINE = (
    "alcohol", "malic_acid", "ash", "alcalinity_of_ash", "magnesium", "total_phenols", "flavanoids",
    "nonflavanoid_phenols", "proanthocyanins", "color_intensity", "hue", "od280/od315_of_diluted_wines",
    "proline",
)  # fmt: skip
_DIABETES = ("age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6")
_CELL_MEASURES = (
    "radius", "texture", "perimeter", "area", "smoothness", "compactness", "concavity", "concave points",
    "symmetry", "fractal dimension",
)  # fmt: skip


def load_dataset(name: str) -> Dataset:
    """One of `DATASETS`, whole; DataError with the nearest name for any other.

    Every feature is standardised over all rows, but the pixels of digits are divided by 16, into [0, 1].
    The numbers to predict in diabetes are standardised too.
    """
    if name not in _LOADERS:
        raise DataError(f'"{name}" is not a data set that comes along; {instead(name, DATASETS)}')
    return _LOADERS[name]()


def _digits() -> Dataset:
    """1,797 images of 8 x 8 pixels of handwritten digits (Alpaydin and Kaynak, 1998)."""
    table = _numbers("digits.csv.gz")
    columns = [Numeric(f"pixel_{i // 8}_{i % 8}", 0.0, 16.0) for i in range(64)]
    return _classified("digits", table, columns, [str(digit) for digit in range(10)])


def _breast_cancer() -> Dataset:
    """569 tumours, 30 measures each, malignant or benign (Wolberg, Mangasarian, Street and Street, 1993)."""
    table = _numbers("breast_cancer.csv", skip=1)
    names = [
        *(f"mean {measure}" for measure in _CELL_MEASURES),
        *(f"{measure} error" for measure in _CELL_MEASURES),
        *(f"worst {measure}" for measure in _CELL_MEASURES),
    ]
    return _classified("breast_cancer", table, _standard(names, table), ["malignant", "benign"])


def _wine() -> Dataset:
    """178 wines, 13 measures each, of three growers (Aeberhard and Forina, 1992)."""
    table = _numbers("wine_data.csv", skip=1)
    return _classified("wine", table, _standard(_WINE, table), ["class_0", "class_1", "class_2"])


def _diabetes() -> Dataset:
    """442 patients, 10 measures each, and the progress of their disease after a year (Efron et al., 2004)."""
    features = _numbers("diabetes_data_raw.csv.gz", delimiter=None)
    numbers = _numbers("diabetes_target.csv.gz", delimiter=None)[:, 0]
    target = Numeric("progression", float(numbers.mean()), float(numbers.std()))
    targets = (numbers - target.mean) / target.scale
    return _dataset("diabetes", features, targets, _standard(_DIABETES, features), target)


_LOADERS: dict[str, Callable[[], Dataset]] = {
    "digits": _digits,
    "breast_cancer": _breast_cancer,
    "wine": _wine,
    "diabetes": _diabetes,
}
DATASETS = tuple(_LOADERS)


def _numbers(file: str, delimiter: str | None = ",", skip: int = 0) -> Floats:
    found = importlib.util.find_spec("sklearn")
    if found is None or not found.submodule_search_locations:
        raise DataError(
            "scikit-learn is not installed, and the data set comes with it; install scikit-learn."
        )
    path = Path(found.submodule_search_locations[0]) / "datasets" / "data" / file
    try:
        content = path.read_bytes()
    except OSError:
        raise DataError(f"this scikit-learn has no {path}; install another release of it.") from None
    text = gzip.decompress(content) if path.suffix == ".gz" else content
    return np.loadtxt(text.decode("utf-8").splitlines(), delimiter=delimiter, skiprows=skip, ndmin=2)


def _standard(names: Sequence[str], table: Floats) -> list[Numeric]:
    values = table[:, : len(names)]
    return [
        Numeric(name, float(mean), float(scale))
        for name, mean, scale in zip(names, values.mean(0), values.std(0), strict=True)
    ]


def _classified(name: str, table: Floats, columns: Sequence[Numeric], classes: Sequence[str]) -> Dataset:
    """Of a table whose last column is the class's index."""
    target = Categorical("target", tuple(classes))
    return _dataset(name, table[:, :-1], table[:, -1].astype(np.int64), columns, target)


def _dataset(
    name: str,
    features: Floats,
    targets: NDArray[np.int64] | Floats,
    columns: Sequence[Numeric],
    target: Column,
) -> Dataset:
    schema = Schema(tuple(columns), target)
    means = np.array([column.mean for column in columns])
    scales = np.array([column.scale for column in columns])
    return Dataset(
        features=(features - means) / scales,
        targets=targets,
        feature_names=schema.feature_names,
        classes=schema.classes,
        name=name,
        target_mean=target.mean if isinstance(target, Numeric) else 0.0,
        target_scale=target.scale if isinstance(target, Numeric) else 1.0,
        schema=schema,
    )
