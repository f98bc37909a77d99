"""What is in a file or data set, column by column, as plain values that a command can show."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gossipfl.data.agree import looks_numeric
from gossipfl.data.bundled import load_dataset
from gossipfl.data.cells import Cells, has_decimal_comma, parse_labels, parse_numbers
from gossipfl.data.files import read_cells
from gossipfl.data.fit import read_table
from gossipfl.data.schema import Numeric, Schema
from gossipfl.data.table import Dataset

_LISTED_MAX = 5
_IDENTIFIERS_MIN = 20  # fewer whole numbers may well differ by chance: our guess


def describe_file(
    path: str | Path,
    schema: Schema | None = None,
    header: bool | None = None,
    delimiter: str | None = None,
) -> dict[str, Any]:
    """`rows`, `columns` and, with a schema that the file fits, `features`, `target`, `classes` and `hash`.

    Each column has `name`, `kind`, `missing`, `distinct` and `values` (a few words on them); the kind is the
    schema's, `dropped` and `target` included, or else guessed. DataError as in `read_table`.
    """
    if schema is None:
        cells = read_cells(path, header, delimiter)
        return {"name": cells.name, **_rows(cells, {})}
    dataset = read_table(path, schema)
    cells = read_cells(path, schema.header, schema.delimiter)
    kinds = {column.name: column.kind for column in schema.columns} | dict.fromkeys(schema.dropped, "dropped")
    kinds[schema.target.name] = "target"
    return {"name": cells.name, **_rows(cells, kinds), **_learnt(dataset, schema)}


def describe_dataset(name: str) -> dict[str, Any]:
    """The same of a data set that comes along."""
    dataset = load_dataset(name)
    schema = dataset.agreed()
    columns = [
        _column(
            column.name, "numeric", 0, len(np.unique(values)), _range(values * column.scale + column.mean)
        )
        for column, values in zip(schema.columns, dataset.features.T, strict=True)
        if isinstance(column, Numeric)
    ]
    return {"name": name, "rows": len(dataset), "columns": columns, **_learnt(dataset, schema)}


def likely_identifiers(files: Sequence[str | Path], schema: Schema) -> list[str]:
    """The numeric columns that hold a different whole number in each row, as a patient's id does."""
    tables = [read_cells(path, schema.header, schema.delimiter) for path in files]
    return [
        column.name
        for column in schema.columns
        if isinstance(column, Numeric)
        and _all_differ(np.concatenate([table.numbers(column.name) for table in tables]))
    ]


def _all_differ(numbers: np.ndarray[Any, Any]) -> bool:
    numbers = numbers[~np.isnan(numbers)]
    if len(numbers) < _IDENTIFIERS_MIN or (numbers != np.round(numbers)).any():
        return False
    return len(np.unique(numbers)) == len(numbers)


def _rows(cells: Cells, kinds: dict[str, str]) -> dict[str, Any]:
    columns = []
    for series in cells.frame.get_columns():
        labels = parse_labels(series).drop_nulls()
        numeric = looks_numeric(series)
        kind = kinds.get(series.name, "unused" if kinds else "numeric" if numeric else "categorical")
        if numeric and kind != "categorical" and not has_decimal_comma(series).any():
            values = _range(parse_numbers(series))
        else:
            counts = labels.value_counts(sort=True, name="rows").head(_LISTED_MAX).rows()
            values = ", ".join(f"{label} ({count})" for label, count in counts)
        columns.append(_column(series.name, kind, series.null_count(), labels.n_unique(), values))
    return {"rows": cells.frame.height, "columns": columns}


def _learnt(dataset: Dataset, schema: Schema) -> dict[str, Any]:
    learnt: dict[str, Any] = {"features": dataset.features.shape[1], "target": schema.target.name}
    if dataset.classes is not None:
        counts = np.bincount(dataset.targets, minlength=len(dataset.classes)).tolist()
        learnt["classes"] = dict(zip(dataset.classes, counts, strict=True))
    return {**learnt, "hash": schema.hash}


def _column(name: str, kind: str, missing: int, distinct: int, values: str) -> dict[str, Any]:
    return {"name": name, "kind": kind, "missing": missing, "distinct": distinct, "values": values}


def _range(numbers: np.ndarray[Any, Any]) -> str:
    numbers = numbers[np.isfinite(numbers)]
    if not len(numbers):
        return ""
    return f"{numbers.min():.6g} to {numbers.max():.6g}, mean {numbers.mean():.6g}"
