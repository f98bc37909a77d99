"""A file to cells: delimited text, Parquet, SVMLight or NPZ, told apart by what is in the file."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Collection
from pathlib import Path

import numpy as np

from gossipfl.data.cells import Cells, tidy
from gossipfl.data.schema import COLUMNS_MAX
from gossipfl.errors import DataError

CELLS_MAX = 1 << 30
"""Of a sparse file once it is filled with its zeros."""
NPZ_BYTES_MAX = 8 << 30
"""Of all arrays once they are unpacked."""

_NUMBER = rb"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?"
NOT_NPZ = (
    ValueError, TypeError, OSError, EOFError, MemoryError, OverflowError, RuntimeError,
    zipfile.BadZipFile, zlib.error,
)  # fmt: skip
"""What NumPy raises of an archive that is none, or spoilt."""
_SVMLIGHT = re.compile(
    rb"(#[^\n]*\n|[ \t\r]*\n)*" + _NUMBER + rb"([ \t]+(qid|\d+):" + _NUMBER + rb")+[ \t]*(#[^\n]*)?\r?(\n|$)"
)


def read_cells(
    path: str | Path,
    header: bool | None = None,
    delimiter: str | None = None,
    names: Collection[str] = (),
) -> Cells:
    """The cells of the file; DataError if it is absent or unreadable. `names`: see `parse_delimited`."""
    path = Path(path)
    content = _content(path)
    if content.startswith(b"PAR1"):
        return _parquet(content, path.name)
    if content.startswith(b"PK\x03\x04"):
        return _npz(content, path.name)
    if _SVMLIGHT.match(content):
        return _svmlight(content, path.name)
    from gossipfl.data.delimited import parse_delimited

    return parse_delimited(content, path.name, header, delimiter, names)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file; check the path.") from None
    except IsADirectoryError:
        raise DataError(f"{path}: this is a folder; give a file in it.") from None
    except OSError as wrong:
        raise DataError(f"{path}: the file cannot be read: {wrong.strerror}.") from None


def _parquet(content: bytes, name: str) -> Cells:
    import polars as pl

    try:
        frame = pl.read_parquet(io.BytesIO(content))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as wrong:
        reason = (str(wrong).splitlines() or ["damaged"])[0]
        raise DataError(f"{name}: not a readable Parquet file ({reason}); write it anew.") from None
    for column, kind in frame.schema.items():
        if kind.is_nested():
            raise DataError(f'{name}: column "{column}" holds {kind}; give one number or text per cell.')
    if not frame.height:
        raise DataError(f"{name}: the file has no rows; give one with data.")
    simple = [c if c.dtype.is_numeric() else c.cast(pl.String, strict=False) for c in frame.get_columns()]
    return Cells(name, tidy(pl.DataFrame(simple)), np.arange(1, frame.height + 1))


def _npz(content: bytes, name: str) -> Cells:
    """Arrays `features` (N, ...) and `targets` (N,); any other array (N,) is one more column."""
    import polars as pl

    try:
        arrays = _arrays(content, name)
    except NOT_NPZ:
        raise DataError(
            f"{name}: not a readable NPZ file of plain arrays; write it with numpy.savez."
        ) from None
    if "features" not in arrays:
        raise DataError(f'{name}: there is no array "features"; save one with a row per sample.')
    features = arrays.pop("features")
    if features.ndim == 0 or features.size == 0:
        raise DataError(
            f'{name}: array "features" has shape {features.shape}; save one with a row per sample.'
        )
    features = features.reshape(len(features), -1)
    columns = {f"feature_{i}": column for i, column in enumerate(features.T, 1)}
    targets = {"targets": arrays.pop("targets")} if "targets" in arrays else {}
    columns |= {key: arrays[key] for key in sorted(arrays)} | targets
    for key, column in columns.items():
        if column.shape != (len(features),) or column.dtype.kind not in "biufUS":
            raise DataError(
                f'{name}: array "{key}" is {column.dtype} of shape {column.shape}, not one number or text'
                f" for each of the {len(features)} rows of features; save it so."
            )
    frame = pl.DataFrame({key: _plain_column(column) for key, column in columns.items()})
    return Cells(name, tidy(frame), np.arange(1, len(features) + 1))


def _arrays(content: bytes, name: str) -> dict[str, np.ndarray]:
    """What the archive holds; its directory tells how large that is before anything is unpacked."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if sum(member.file_size for member in archive.infolist()) > NPZ_BYTES_MAX:
            raise DataError(f"{name}: its arrays exceed {NPZ_BYTES_MAX >> 30} GiB; give fewer rows.")
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        # What is no array in an archive comes as bytes, and strings of bytes may not be text.
        return {key: _decoded(np.asarray(archive[key])) for key in archive.files}


def _decoded(array: np.ndarray) -> np.ndarray:
    return array.astype(str) if array.dtype.kind == "S" else array


def _plain_column(column: np.ndarray) -> np.ndarray:
    """As polars takes it: of this machine's byte order and a width that it knows."""
    kind = column.dtype.kind
    wide = {"f": np.float64, "i": np.int64, "u": np.uint64}
    return column.astype(wide[kind]) if kind in wide else column.astype(str)


def _svmlight(content: bytes, name: str) -> Cells:
    """Columns `feature_<index>` as the file numbers them, and `target`."""
    import polars as pl
    from sklearn.datasets import load_svmlight_file

    try:
        # The index is the name: whether a file counts from 0 or 1 must not depend on which rows it holds.
        features, targets = load_svmlight_file(io.BytesIO(content), zero_based=True)
    except (ValueError, OverflowError) as wrong:
        reason = str(wrong).rstrip(".")
        raise DataError(f"{name}: not a readable SVMLight file ({reason}); correct it.") from None
    rows, width = features.shape
    if width > COLUMNS_MAX or rows * width > CELLS_MAX:
        raise DataError(
            f"{name}: {rows} rows of {width} columns exceed {CELLS_MAX} cells or {COLUMNS_MAX} columns;"
            " give fewer."
        )
    dense = features.toarray()
    first = 0 if dense.shape[1] and dense[:, 0].any() else 1
    columns = {f"feature_{i}": dense[:, i] for i in range(first, dense.shape[1])}
    frame = pl.DataFrame(columns | {"target": targets})
    return Cells(name, tidy(frame), np.arange(1, len(targets) + 1), sparse=True)
