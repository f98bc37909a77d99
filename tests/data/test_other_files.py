"""Parquet, SVMLight and NPZ go the same way as CSV."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from gossipfl.data import make_schema, read_table
from gossipfl.errors import DataError


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


@pytest.mark.parametrize("content", [b"PAR1 and no more", b"PK\x03\x04 and no more"])
def test_a_broken_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "broken").write_bytes(content)
    with pytest.raises(DataError, match="broken: not a readable"):
        make_schema([tmp_path / "broken"], "y")
