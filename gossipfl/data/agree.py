"""Files to the schema that fits them: what is not said about a column is guessed from its cells."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from gossipfl.data.cells import Cells, meant_as_number, parse_labels, parse_numbers
from gossipfl.data.files import read_cells
from gossipfl.data.schema import CATEGORIES_MAX, CLASSES_MAX, Categorical, Column, Numeric, Schema
from gossipfl.errors import DataError, instead

if TYPE_CHECKING:
    import polars as pl

Task = Literal["classes", "numbers"]

_INTEGER_CLASSES_MAX = 20  # a target of at most so many distinct integers is taken for classes: our guess


def make_schema(
    files: Sequence[str | Path],
    target: str,
    drop: Sequence[str] = (),
    numeric: Sequence[str] = (),
    categorical: Sequence[str] = (),
    task: Task | None = None,
    header: bool | None = None,
    delimiter: str | None = None,
) -> Schema:
    """The schema of all rows of `files` together.

    `target` is a column's name, `column_15` where there is no header, or `last`. A column whose cells are all
    numbers is numeric, one with few distinct texts is categorical; `numeric` and `categorical` force it.
    A target of text, or of few distinct integers, has classes; `task` forces it. DataError names the column,
    and the row and value where there is one, of what does not fit.
    """
    if not files:
        raise DataError("a schema needs at least one file.")
    tables = [read_cells(path, header, delimiter, (target, *drop, *numeric, *categorical)) for path in files]
    names = _all_columns(tables)
    target = names[-1] if target == "last" and "last" not in names else target
    for name in (target, *drop, *numeric, *categorical):
        if name not in names:
            raise DataError(f'{tables[0].name}: column "{name}" is missing; {instead(name, names)}')
    if target in drop:
        raise DataError(f'column "{target}" is the target and cannot be dropped; choose one of the two.')
    if both := set(numeric) & set(categorical):
        raise DataError(f'column "{min(both)}" cannot be both numeric and categorical; choose one.')
    seen = [name for name in names if name not in (*drop, target)]
    forced: dict[str, bool] = dict.fromkeys(numeric, True) | dict.fromkeys(categorical, False)
    return Schema(
        columns=tuple(_column(tables, name, forced.get(name)) for name in seen),
        target=_target(tables, target, task),
        dropped=tuple(name for name in names if name in drop),
        header=tables[0].headed,
        delimiter=delimiter,
    )


def _all_columns(tables: Sequence[Cells]) -> list[str]:
    """The columns of the first file, which all others must have; of the widest if zeros may be left out."""
    if all(table.sparse for table in tables):
        return list(max(tables, key=lambda table: table.frame.width).frame.columns)
    names = list(tables[0].frame.columns)
    known = set(names)
    for table in tables[1:]:
        if extra := [name for name in table.frame.columns if name not in known]:
            raise DataError(
                f'{table.name}: column "{extra[0]}" is not in {tables[0].name}; remove or rename it.'
            )
        for name in names:
            table.column(name)
    return names


def _column(tables: Sequence[Cells], name: str, forced_numeric: bool | None) -> Column:
    cells = _join(tables, name)
    if cells.null_count() == len(cells):
        raise DataError(f'column "{name}" has no value in any row; drop it.')
    if forced_numeric or (forced_numeric is None and looks_numeric(cells)):
        return _numeric(tables, name)
    return _categorical(cells, name)


def _join(tables: Sequence[Cells], name: str) -> pl.Series:
    """One column of all files; as text where the files store it differently."""
    import polars as pl

    columns = [table.column(name) for table in tables]
    if len({column.dtype for column in columns}) > 1:
        columns = [column.cast(pl.String) for column in columns]
    return pl.concat(columns)


def looks_numeric(cells: pl.Series) -> bool:
    """Most cells are meant as numbers. What is then none is refused by name, not taken for a category."""
    if cells.dtype.is_numeric():
        return True
    return bool(2 * meant_as_number(cells).sum() > len(cells) - cells.null_count())


def _numeric(tables: Sequence[Cells], name: str) -> Numeric:
    try:
        numbers = np.concatenate([table.numbers(name) for table in tables])
    except DataError as wrong:
        raise DataError(f"{str(wrong).removesuffix('.')}, or say that the column is categorical.") from None
    numbers = numbers[~np.isnan(numbers)]
    with np.errstate(over="ignore", invalid="ignore"):  # `Numeric` refuses what is not finite
        mean, scale = float(numbers.mean()), float(numbers.std())
    if numbers.min() == numbers.max():  # whose mean and deviation are rounded, and not quite that and 0
        mean, scale = float(numbers[0]), 1.0
    return Numeric(name, mean, scale or 1.0)


def _categorical(cells: pl.Series, name: str) -> Categorical:
    categories = _sorted_labels(cells)
    if len(categories) > CATEGORIES_MAX:
        raise DataError(
            f'column "{name}" has {len(categories)} different texts, and at most {CATEGORIES_MAX} can be'
            f" categories; drop it (`gossipfl data schema FILE... --drop {name}`), or replace them by fewer."
        )
    return Categorical(name, categories)


def _target(tables: Sequence[Cells], name: str, task: Task | None) -> Column:
    for table in tables:
        refuse_missing_target(table, name)
    cells = _join(tables, name)
    if task is None:
        task = "classes" if _has_classes(cells) else "numbers"
    if task == "numbers":
        return _numeric(tables, name)
    classes = _sorted_labels(cells)
    if len(classes) < 2:
        raise DataError(f'target "{name}" has one class only, "{classes[0]}"; add rows of another class.')
    if len(classes) > CLASSES_MAX:
        raise DataError(
            f'target "{name}" has {len(classes)} classes, above {CLASSES_MAX}; is it the right column?'
        )
    return Categorical(name, classes)


def refuse_missing_target(table: Cells, name: str) -> None:
    """DataError that names the first row without a target: to leave it out in silence would skew the data."""
    if (missing := table.column(name).is_null().to_numpy()).any():
        table.refuse(name, missing, "is missing, and it is the target", "fill the cell or remove the row.")


def _has_classes(cells: pl.Series) -> bool:
    if not looks_numeric(cells):
        return True
    numbers = np.unique(parse_numbers(cells))
    return len(numbers) <= _INTEGER_CLASSES_MAX and bool((numbers == np.round(numbers)).all())


def _sorted_labels(cells: pl.Series) -> tuple[str, ...]:
    """Distinct texts; in the order of their numbers if all are numbers."""
    labels = parse_labels(cells).drop_nulls().unique().to_list()
    try:
        return tuple(sorted(labels, key=lambda label: (float(label), label)))
    except ValueError:
        return tuple(sorted(labels))
