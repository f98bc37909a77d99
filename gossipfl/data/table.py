"""What a model learns from: one table of rows, as numbers, with the words that explain them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gossipfl.errors import DataError

if TYPE_CHECKING:
    from gossipfl.data.schema import Schema

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Dataset:
    """N rows of f features each, and what is to be predicted.

    `targets` are class indices into `classes`, int64, or, where `classes` is None, standardised numbers:
    `targets * target_scale + target_mean` are the original ones. `groups` holds, per column that can split
    the rows by nature, the text of each row's cell (N,), with "?" where it was missing.
    """

    features: Array  # (N, f), float64
    targets: Array  # (N,), int64 or float64
    feature_names: tuple[str, ...]
    classes: tuple[str, ...] | None  # None: numbers are to be predicted
    groups: dict[str, Array] = field(default_factory=dict)
    name: str = ""
    target_mean: float = 0.0
    target_scale: float = 1.0
    schema: Schema | None = None

    @classmethod
    def of(cls, features: ArrayLike, targets: ArrayLike, name: str = "data") -> Dataset:
        """Plain arrays as a data set: `features` (N, f) of finite numbers, `targets` (N,).

        Targets that are texts, integers or booleans are classes, in sorted order; floats are numbers, and
        are standardised. Features are taken as they are. Raises `DataError`.

        >>> run = gossipfl.simulate(data=gossipfl.Dataset.of(X, y), topology="ring", peers=8)
        """
        values, wanted = _numbers(features), np.asarray(targets)
        if values.ndim != 2 or wanted.ndim != 1 or len(values) != len(wanted) or not values.size:
            raise DataError(
                f"features of shape {values.shape} and targets of shape {wanted.shape} do not fit together: "
                "give features (N, f) and targets (N,)."
            )
        names = tuple(f"x{column}" for column in range(values.shape[1]))
        if wanted.dtype.kind in "OSU":
            wanted = wanted.astype(str)
        if wanted.dtype.kind != "f":
            classes, indices = np.unique(wanted, return_inverse=True)
            if len(classes) < 2:
                raise DataError(f'All targets are "{classes[0]}": give targets of two classes or more.')
            return cls(values, indices.astype(np.int64), names, tuple(map(str, classes)), name=name)
        wanted = _numbers(wanted)
        mean, scale = float(wanted.mean()), float(wanted.std())
        if scale == 0.0:
            raise DataError(f"All targets are {mean:g}: give targets that differ.")
        return cls(
            values, (wanted - mean) / scale, names, None, name=name, target_mean=mean, target_scale=scale
        )

    def __len__(self) -> int:
        return len(self.features)

    def agreed(self) -> Schema:
        """The schema; DataError where the rows came as plain arrays, without one."""
        if self.schema is None:
            raise DataError(f'data "{self.name}" came without a schema; load it by name or from a file.')
        return self.schema


def _numbers(values: ArrayLike) -> Array:
    try:
        numbers = np.asarray(values, np.float64)
    except (TypeError, ValueError):
        raise DataError("The features are not all numbers: turn texts into numbers first.") from None
    if not np.isfinite(numbers).all():
        raise DataError("A value is missing or infinite: fill it in or drop its row first.")
    return numbers
