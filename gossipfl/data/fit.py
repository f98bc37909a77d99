"""A file to the features and targets that a schema gives its rows; what does not fit is named.

Rules:
- Columns are found by name where there is a header, else by place. Columns that the schema does not know are
  passed over.
- A row whose target is missing is refused: to leave it out in silence would skew the data.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gossipfl.data.agree import refuse_missing_target
from gossipfl.data.cells import MISSING_GROUP, Cells
from gossipfl.data.files import read_cells
from gossipfl.data.schema import Categorical, Numeric, Schema
from gossipfl.data.table import Array, Dataset
from gossipfl.errors import DataError, instead

FEATURE_BYTES_MAX = 16 << 30


def read_table(path: str | Path, schema: Schema) -> Dataset:
    """The file's rows as `schema` sees them.

    DataError names the column, the row (counted from 1, below the header) and the value that does not fit.
    """
    cells = _read(path, schema, with_target=True)
    return Dataset(
        features=_features(cells, schema),
        targets=_targets(cells, schema),
        feature_names=schema.feature_names,
        classes=schema.classes,
        groups=_groups(cells, schema),
        name=Path(path).stem,
        target_mean=schema.target.mean if isinstance(schema.target, Numeric) else 0.0,
        target_scale=schema.target.scale if isinstance(schema.target, Numeric) else 1.0,
        schema=schema,
    )


def read_features(path: str | Path, schema: Schema) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """For prediction, as `read_table`, but the target may be absent.

    Features (N, f), and which row of the file each of them is (N,), counted from 1, below the header.
    """
    cells = _read(path, schema, with_target=False)
    return _features(cells, schema), cells.rows


def _read(path: str | Path, schema: Schema, with_target: bool) -> Cells:
    cells = read_cells(path, schema.header, schema.delimiter)
    names, width = schema.names, cells.frame.width
    if cells.headed and not set(names) & set(cells.frame.columns):
        raise DataError(
            f"{cells.name}: no column has a name that the schema knows; give the file a header"
            f' with "{names[0]}" and the others.'
        )
    if cells.headed:
        return cells
    if width == len(names) - 1 and not with_target:
        return _with_gap_at_target(cells, schema)
    if width != len(names):
        raise DataError(
            f"{cells.name}: the file has {width} columns and the schema {len(names)}; give the same columns."
        )
    return cells


def _with_gap_at_target(cells: Cells, schema: Schema) -> Cells:
    """A file without header that lacks the target: the columns after it move one place up."""
    places = sorted(
        (name for name in schema.names if name != schema.target.name),
        key=lambda name: int(name.removeprefix("column_")),
    )
    frame = cells.frame.rename(dict(zip(cells.frame.columns, places, strict=True)))
    return Cells(cells.name, frame, cells.rows, cells.headed)


def _features(cells: Cells, schema: Schema) -> NDArray[np.float64]:
    shape = cells.frame.height, len(schema.feature_names)
    if shape[0] * shape[1] * 8 > FEATURE_BYTES_MAX:
        raise DataError(
            f"{cells.name}: {shape[0]} rows of {shape[1]} features exceed 16 GiB; give fewer rows."
        )
    features = np.zeros(shape)
    place = 0
    for column in schema.columns:
        if isinstance(column, Numeric):
            features[:, place] = np.nan_to_num(_scaled(cells, column), nan=0.0)
            place += 1
        else:
            codes = _codes(cells, column, "category")
            present = np.flatnonzero(codes >= 0)
            features[present, place + codes[present]] = 1.0
            place += len(column.categories)
    return features


def _targets(cells: Cells, schema: Schema) -> Array:
    target = schema.target
    refuse_missing_target(cells, target.name)
    if isinstance(target, Numeric):
        return _scaled(cells, target)
    return _codes(cells, target, "class")


def _scaled(cells: Cells, column: Numeric) -> NDArray[np.float64]:
    """(N,), NaN where missing; DataError that names the first cell that a float32 model could not hold."""
    with np.errstate(over="ignore"):
        scaled = (cells.numbers(column.name) - column.mean) / column.scale
    far = np.abs(scaled) > np.finfo(np.float32).max
    if far.any():
        cells.refuse(column.name, far, "is too far from the schema's mean", "correct the cell or the schema.")
    return scaled


def _codes(cells: Cells, column: Categorical, what: str) -> NDArray[np.int64]:
    """(N,) indices into the categories, -1 where missing; DataError that names the first unknown one."""
    import polars as pl

    labels = cells.labels(column.name)
    numbers = range(len(column.categories))
    codes = labels.replace_strict(list(column.categories), list(numbers), default=None, return_dtype=pl.Int64)
    unknown = (labels.is_not_null() & codes.is_null()).to_numpy()
    if unknown.any():
        value = labels[int(np.argmax(unknown))]
        cells.refuse(
            column.name,
            unknown,
            f"is not a {what} of the schema",
            instead(str(value)[:80], column.categories),
        )
    return codes.fill_null(-1).to_numpy()


def _groups(cells: Cells, schema: Schema) -> dict[str, Array]:
    """The text of each row's cell, for the columns that are categorical or dropped."""
    import polars as pl

    names = [column.name for column in schema.columns if isinstance(column, Categorical)]
    groups: dict[str, Array] = {}
    there = set(cells.frame.columns)
    for name in (*names, *schema.dropped):
        if name in there:
            labels = cells.labels(name).fill_null(MISSING_GROUP)
            values = labels.unique().sort()
            # One shared string per distinct text, not one per row.
            codes = labels.replace_strict(values, pl.Series(range(len(values))), return_dtype=pl.Int64)
            groups[name] = np.array(values.to_list(), object)[codes.to_numpy()]
    return groups
