"""The cells of one file before they are understood: columns of text or of numbers, nulls where missing.

Rules: rows are counted from 1, below the header, as they stand in the file.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from gossipfl.errors import DataError, instead

if TYPE_CHECKING:
    import polars as pl

MISSING = ("", "NA", "N/A", "n/a", "nan", "NaN", "NAN", "null", "NULL", "None", "?")
MISSING_GROUP = "?"

_WHOLE_NUMBER = r"^([+-]?\d+)\.0*$"
_DECIMAL_COMMA = r"^[+-]?[0-9]+,[0-9]+$"
_COMMA = "has a decimal comma", "write numbers with a point, and thousands with no mark."
_NO_NUMBER = "is not a number", "correct the cell, or mark it missing by leaving it empty or writing NA."


@dataclass(frozen=True, slots=True)
class Cells:
    """One file's columns by name, and the row of the file that each row of them is."""

    name: str  # of the file
    frame: pl.DataFrame
    rows: NDArray[Any]  # (N,), counted from 1
    headed: bool = True  # columns have names of their own, not only places
    sparse: bool = False  # a column that is not there is all zeros

    def column(self, name: str) -> pl.Series:
        """One column; DataError, with the nearest name, if the file has none such."""
        import polars as pl

        with contextlib.suppress(pl.exceptions.ColumnNotFoundError):
            return self.frame.get_column(name)
        if self.sparse and name.startswith("feature_"):
            return pl.Series(name, np.zeros(self.frame.height))
        if not self.headed:
            raise DataError(
                f'{self.name}: column "{name}" is missing, for the file has no header and'
                f" {self.frame.width} columns; {instead(name, self.frame.columns)}"
            )
        raise DataError(f'{self.name}: column "{name}" is missing; {instead(name, self.frame.columns)}')

    def refuse(self, column: str, bad: NDArray[Any], problem: str, advice: str) -> NoReturn:
        """DataError that names the column, the row and the value of the first cell where `bad` (N,)."""
        place = int(np.argmax(bad))
        value = self.frame[column][place]
        shown = "the cell" if value is None else f'"{str(value)[:80]}"'
        raise DataError(
            f'{self.name}: column "{column}", row {self.rows[place]}: {shown} {problem}; {advice}'
        )

    def numbers(self, name: str) -> NDArray[np.float64]:
        """A column as numbers (N,), NaN where missing; DataError that names the first cell that is none."""
        column = self.column(name)
        values = parse_numbers(column)
        if np.count_nonzero(~np.isfinite(values)) > column.null_count():
            bad = column.is_not_null().to_numpy() & ~np.isfinite(values)
            self.refuse(
                name, bad, *(_COMMA if has_decimal_comma(column)[int(np.argmax(bad))] else _NO_NUMBER)
            )
        return values

    def labels(self, name: str) -> pl.Series:
        """A column as text, null where missing; whole numbers are written the same way everywhere."""
        return parse_labels(self.column(name))


def parse_numbers(column: pl.Series) -> NDArray[np.float64]:
    """(N,), NaN where a cell is missing or not a number."""
    import polars as pl

    return column.cast(pl.Float64, strict=False).to_numpy()


def has_decimal_comma(column: pl.Series) -> NDArray[np.bool_]:
    """(N,), whether a cell is `89,5` or the like; such are refused, not read, as `1,234` has two senses."""
    import polars as pl

    return column.cast(pl.String).str.contains(_DECIMAL_COMMA).fill_null(False).to_numpy()


def meant_as_number(column: pl.Series) -> NDArray[np.bool_]:
    """(N,), whether a cell is a number or would be with a point for its comma."""
    return np.isfinite(parse_numbers(column)) | has_decimal_comma(column)


def parse_labels(column: pl.Series) -> pl.Series:
    """Text, null where missing; `1.0` is written `1`, as another file may have it."""
    import polars as pl

    return column.cast(pl.String).str.replace(_WHOLE_NUMBER, "$1")


def tidy(frame: pl.DataFrame) -> pl.DataFrame:
    """Text without surrounding blanks; null for whatever stands for a missing cell, NaN among numbers too."""
    import polars as pl
    import polars.selectors as cs

    text = cs.string()
    return frame.with_columns(cs.float().fill_nan(None), text.str.strip_chars()).with_columns(
        pl.when(text.is_in(MISSING)).then(None).otherwise(text).name.keep()
    )
