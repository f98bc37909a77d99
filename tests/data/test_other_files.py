"""Parquet, SVMLight and NPZ go the same way as CSV."""

from __future__ import annotations

import contextlib
import io
import zipfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from gossipfl.data import make_schema, read_table
from gossipfl.data.files import read_cells
from gossipfl.errors import DataError


def header(shape: tuple[int, ...], kind: str = "<f8") -> bytes:
    """How an array of `shape` begins in a file."""
    text = io.BytesIO()
    np.lib.format.write_array_header_1_0(text, {"descr": kind, "fortran_order": False, "shape": shape})
    return text.getvalue()


def test_parquet_and_csv_of_one_table_agree(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {"age": [30, None, 50], "bmi": [20.5, float("nan"), 25.0], "ward": ["a", "b", None], "y": [1, 0, 1]}
    )
    frame.write_parquet(tmp_path / "t.parquet")
    frame.fill_nan(None).write_csv(tmp_path / "t.csv")
    of_parquet = make_schema([tmp_path / "t.parquet"], "y")
    of_csv = make_schema([tmp_path / "t.csv"], "y")
    assert of_parquet.hash == of_csv.hash
    one, two = (read_table(tmp_path / name, of_csv) for name in ("t.csv", "t.parquet"))
    np.testing.assert_array_equal(one.features, two.features)
    np.testing.assert_array_equal(one.targets, two.targets)
    assert two.groups["ward"].tolist() == ["a", "b", "?"]


def test_booleans_and_categories_in_parquet_are_words(tmp_path: Path) -> None:
    frame = pl.DataFrame({"x": [True, False], "k": ["u", "v"], "y": [0.5, 2.5]})
    frame.with_columns(pl.col("k").cast(pl.Categorical)).write_parquet(tmp_path / "t.parquet")
    schema = make_schema([tmp_path / "t.parquet"], "y")
    assert schema.feature_names == ("x=false", "x=true", "k=u", "k=v")


def test_svmlight_leaves_out_zeros_also_those_of_the_last_columns(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("+1 1:0.5 3:2 # first\n-1 2:1\n", encoding="utf-8")
    (tmp_path / "b").write_text("-1 1:1\n", encoding="utf-8")
    schema = make_schema([tmp_path / "b", tmp_path / "a"], "target")
    assert schema.classes == ("-1", "1")
    assert schema.feature_names == ("feature_1", "feature_2", "feature_3")
    means = [column.mean for column in schema.columns if column.kind == "numeric"]
    np.testing.assert_allclose(means, [0.5, 1 / 3, 2 / 3])
    assert read_table(tmp_path / "b", schema).targets.tolist() == [0]


def test_npz_holds_features_of_any_shape_and_targets(tmp_path: Path) -> None:
    images = np.arange(12, dtype=np.uint8).reshape(3, 2, 2)
    np.savez(tmp_path / "t.npz", features=images, targets=np.array([0, 1, 1]), site=np.array(["a", "b", "a"]))
    table = read_table(tmp_path / "t.npz", make_schema([tmp_path / "t.npz"], "targets", drop=["site"]))
    assert table.features.shape == (3, 4)
    assert table.targets.tolist() == [0, 1, 1]
    assert table.groups["site"].tolist() == ["a", "b", "a"]


def test_npz_with_pickled_objects_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "t.npz", features=np.array([{}], dtype=object), targets=np.array([0]))
    with pytest.raises(DataError, match="plain arrays"):
        make_schema([tmp_path / "t.npz"], "targets")


def test_npz_whose_arrays_differ_in_length_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "t.npz", features=np.zeros((3, 2)), targets=np.zeros(2))
    with pytest.raises(DataError, match='array "targets"'):
        make_schema([tmp_path / "t.npz"], "targets")


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"features.npy": b"no array"}, "row per sample"),
        ({"features.npy": header((0, 2))}, "row per sample"),
        ({"features.npy": header((10**12,))}, "plain arrays"),
        ({"features.npy": header((2,)) + bytes(16), "targets.npy": header((2,), "|S1") + b"\xff1"}, "plain"),
    ],
)
def test_an_archive_that_lies_about_its_arrays_is_refused(
    tmp_path: Path, members: dict[str, bytes], words: str
) -> None:
    with zipfile.ZipFile(tmp_path / "t.npz", "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(DataError, match=words):
        make_schema([tmp_path / "t.npz"], "targets")


def test_an_archive_is_not_unpacked_beyond_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gossipfl.data.files.NPZ_BYTES_MAX", 1 << 20)
    np.savez_compressed(tmp_path / "t.npz", features=np.zeros((1 << 20, 1)), targets=np.zeros(1 << 20))
    with pytest.raises(DataError, match="exceed"):
        make_schema([tmp_path / "t.npz"], "targets")


def test_a_damaged_archive_is_refused_whatever_breaks(tmp_path: Path) -> None:
    path = tmp_path / "t.npz"
    np.savez_compressed(path, features=np.arange(64.0).reshape(32, 2), targets=np.arange(32) % 2)
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        with contextlib.suppress(DataError):
            read_cells(path)


def test_an_infinite_number_is_refused_not_taken_for_a_category(tmp_path: Path) -> None:
    (tmp_path / "t.svm").write_text("1 1:1e400\n-1 2:1\n", encoding="utf-8")
    with pytest.raises(DataError, match='"feature_1", row 1: "inf" is not a number'):
        make_schema([tmp_path / "t.svm"], "target")


@pytest.mark.parametrize("index", ["200000", "99999999999999999999"])
def test_svmlight_of_too_many_columns_is_refused(tmp_path: Path, index: str) -> None:
    (tmp_path / "t.svm").write_text(f"1 1:2 {index}:4\n-1 2:1\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"exceed|not a readable"):
        make_schema([tmp_path / "t.svm"], "target")


@pytest.mark.parametrize("content", [b"PAR1 and no more", b"PK\x03\x04 and no more"])
def test_a_broken_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "broken").write_bytes(content)
    with pytest.raises(DataError, match="broken: not a readable"):
        make_schema([tmp_path / "broken"], "y")
