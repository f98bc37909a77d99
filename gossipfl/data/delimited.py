"""Delimited text to cells: any delimiter, with or without header, BOM, quotes, blanks, CRLF.

Rules:
- Cells are read as text, so that a bad one can be named.
- What is not said is guessed from the first lines: a delimiter splits all of them alike; a header is a first
  row that names the target, or that has no number where later rows have some.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Collection

import numpy as np
import polars as pl

from gossipfl.data.cells import Cells, meant_as_number, tidy
from gossipfl.data.schema import check_delimiter
from gossipfl.errors import DataError

_DELIMITERS = ("\t", ";", "|", ",", " ")
_SAMPLE_BYTES = 1 << 16
_SAMPLE_ROWS = 50


def parse_delimited(
    text: bytes, name: str, header: bool | None, delimiter: str | None, names: Collection[str] = ()
) -> Cells:
    """The cells of `text`. `names` are columns that a header is known to hold."""
    check_delimiter(delimiter)
    text = _plain(text, name)
    delimiter = delimiter or _guess_delimiter(text)
    text = _without_loose_blanks(text, delimiter)
    frame = tidy(_split(text, name, delimiter))
    blank = frame.select(pl.all_horizontal(pl.all().is_null()).alias("blank"))["blank"].to_numpy()
    rows = np.arange(1, frame.height + 1)[~blank]
    frame = frame.filter(~pl.Series(blank))
    if not frame.height:
        raise DataError(f"{name}: the file has no rows; give one with data.")
    frame = frame.rename({old: f"column_{i}" for i, old in enumerate(frame.columns, 1)})
    headed = _guess_header(frame, names) if header is None else header
    if headed:
        first = rows[0]
        frame, rows = _take_header(frame, name), rows[1:] - first
    if not frame.height:
        raise DataError(f"{name}: the file has a header and no rows; give one with data.")
    return Cells(name, frame, rows, headed)


def _plain(text: bytes, name: str) -> bytes:
    """Without byte order mark, lines ending alike; DataError if it is not UTF-8."""
    text = text.removeprefix(codecs.BOM_UTF8)
    try:
        text.decode("utf-8")
    except UnicodeDecodeError as wrong:
        line = text.count(b"\n", 0, wrong.start) + 1
        raise DataError(f"{name}: line {line} is not UTF-8 text; save the file as CSV in UTF-8.") from None
    if b"\0" in text:
        raise DataError(f"{name}: this is not a text file; give CSV, Parquet, SVMLight or NPZ.")
    return text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _guess_delimiter(text: bytes) -> str:
    """The first of the known ones that splits every sampled line into equally many cells, at least two."""
    sample = text[:_SAMPLE_BYTES]
    if len(text) > _SAMPLE_BYTES:
        sample = sample[: sample.rfind(b"\n") + 1] or sample
    for delimiter in _DELIMITERS:
        lines = io.StringIO(_without_loose_blanks(sample, delimiter).decode("utf-8", "ignore"), newline="")
        counts: list[int] = []
        for cells in csv.reader(lines, delimiter=delimiter):
            counts += [len(cells)] if any(cell.strip() for cell in cells) else []
            if len(counts) == _SAMPLE_ROWS:
                break
        if counts and counts[0] > 1 and len(set(counts)) == 1:
            return delimiter
    # Uneven rows: the one that splits the first line the most, so that the uneven one can be named.
    first = text.lstrip().split(b"\n", 1)[0].decode("utf-8")
    return max((",", ";", "\t", "|"), key=first.count)


def _without_loose_blanks(text: bytes, delimiter: str) -> bytes:
    """`a, "b"` as `a,"b"`, as a quote counts only where a cell starts; runs of blanks as one delimiter."""
    if delimiter == " ":
        return re.sub(rb"(?m)^ +| +$", b"", re.sub(rb"[ \t]+", b" ", text))
    if delimiter == "\t" or b'"' not in text:
        return text
    edge = re.escape(delimiter.encode())
    text = re.sub(rb"(?m)(^|" + edge + rb')[ \t]+"(?!"[^\n' + edge + rb"])", rb'\1"', text)
    return re.sub(rb'(?m)(?<!")"[ \t]+(?=' + edge + rb"|$)", b'"', text)


def _split(text: bytes, name: str, delimiter: str) -> pl.DataFrame:
    try:
        frame = pl.read_csv(io.BytesIO(text), has_header=False, separator=delimiter, infer_schema=False)
    except pl.exceptions.NoDataError:
        raise DataError(f"{name}: the file is empty; give one with rows.") from None
    except pl.exceptions.PolarsError:
        _name_uneven_row(text, name, delimiter)
        raise DataError(f"{name}: a quote is opened and never closed; correct it.") from None
    # A row that ends early is filled up with nulls, which would pass for missing cells.
    if frame.width > 1 and frame[:, -1].null_count():
        _name_uneven_row(text, name, delimiter)
    return frame


def _name_uneven_row(text: bytes, name: str, delimiter: str) -> None:
    reader = csv.reader(io.StringIO(text.decode("utf-8"), newline=""), delimiter=delimiter)
    expected = 0
    try:
        for cells in reader:
            expected = expected or len(cells)
            if cells and len(cells) != expected:
                raise DataError(
                    f"{name}: line {reader.line_num} has {len(cells)} cells and the first line has"
                    f' {expected}; correct the line, or name the delimiter if "{delimiter}" is not it.'
                )
    except csv.Error:
        raise DataError(
            f"{name}: a cell is longer than {csv.field_size_limit()} characters by line {reader.line_num}, or"
            " its quote is never closed; correct it."
        ) from None


def _guess_header(frame: pl.DataFrame, names: Collection[str]) -> bool:
    first = frame.row(0)
    if any(cell in names for cell in first):
        return True
    sample = frame.slice(0, _SAMPLE_ROWS)
    numeric = np.array([meant_as_number(sample[column]) for column in sample.columns])
    return None not in first and not numeric[:, 0].any() and bool(numeric[:, 1:].any())


def _take_header(frame: pl.DataFrame, name: str) -> pl.DataFrame:
    names = [cell or old for cell, old in zip(frame.row(0), frame.columns, strict=True)]
    if twice := [column for column, times in Counter(names).items() if times > 1]:
        raise DataError(f'{name}: two columns are named "{twice[0]}"; rename one, or say there is no header.')
    return frame.slice(1).rename(dict(zip(frame.columns, names, strict=True)))
