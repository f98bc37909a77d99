"""What a model learns from: one table of rows, as numbers, with the words that explain them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

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

    def __len__(self) -> int:
        return len(self.features)

    def agreed(self) -> Schema:
        """The schema; DataError where the rows came as plain arrays, without one."""
        if self.schema is None:
            raise DataError(f'data "{self.name}" came without a schema; load it by name or from a file.')
        return self.schema
