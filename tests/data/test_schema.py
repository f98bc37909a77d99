"""The schema: agreed on by hash, kept in a file that is read strictly."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from gossipfl.data import Categorical, Numeric, Schema, make_schema
from gossipfl.errors import DataError

SCHEMA = Schema(
    (Numeric("age", 40.0, 10.0), Categorical("job", ("cook", "nürse"))),
    Categorical("sick", ("no", "yes")),
    ("id",),
)


def test_a_schema_survives_its_file(tmp_path: Path) -> None:
    SCHEMA.write(tmp_path / "schema.json")
    assert Schema.read(tmp_path / "schema.json") == SCHEMA
    assert Schema.read(tmp_path / "schema.json").hash == SCHEMA.hash


def test_the_hash_is_what_it_was() -> None:
    assert SCHEMA.hash == "1cc5b2a127767e06c76396143f92aeee3883f6b18f4a4daa91576679c9c3b3c3"


@pytest.mark.parametrize(
    "other",
    [
        replace(SCHEMA, columns=SCHEMA.columns[::-1]),
        replace(SCHEMA, columns=(Numeric("age", 40.0, 10.5), SCHEMA.columns[1])),
        replace(SCHEMA, target=Categorical("sick", ("yes", "no"))),
        replace(SCHEMA, target=Numeric("sick", 0.0, 1.0)),
    ],
)
def test_the_hash_covers_what_a_model_sees(other: Schema) -> None:
    assert other.hash != SCHEMA.hash


def test_the_hash_does_not_cover_the_layout_of_a_file() -> None:
    assert replace(SCHEMA, dropped=(), header=False, delimiter=";").hash == SCHEMA.hash


def _changed(**changes: object) -> str:
    return json.dumps(json.loads(SCHEMA.to_json()) | changes)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "not json",
        "[" * 100_000,
        _changed(surprise=1),
        _changed(header="yes"),
        _changed(columns=[]),
        _changed(columns=None),
        _changed(columns=[{"name": "a", "kind": "numeric", "mean": "4", "scale": 1.0}]),
        _changed(columns=[{"name": "a", "kind": "numeric", "mean": 4.0, "scale": 0.0}]),
        _changed(columns=[{"name": "a", "kind": "numeric", "mean": float("nan"), "scale": 1.0}]),
        _changed(columns=[{"name": "a", "kind": "numeric", "mean": 1.0, "scale": 1.0, "rows": [1]}]),
        _changed(columns=[{"name": "a", "kind": "date"}]),
        _changed(columns=[{"name": "", "kind": "numeric", "mean": 4.0, "scale": 1.0}]),
        _changed(columns=[{"name": "a", "kind": "categorical", "categories": ["x", "x"]}]),
        _changed(columns=[{"name": "a", "kind": "categorical", "categories": [str(i) for i in range(101)]}]),
        _changed(dropped=["age"]),
        _changed(delimiter="::"),
        SCHEMA.to_json().replace("40.0", "1e999"),
    ],
)
def test_what_is_no_schema_is_refused_with_the_name_of_the_file(text: str) -> None:
    with pytest.raises(DataError, match=r"^agreed\.json: "):
        Schema.from_json(text, "agreed.json")


def test_an_absent_schema_says_how_to_write_one(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="gossipfl data schema"):
        Schema.read(tmp_path / "schema.json")


def test_a_schema_carries_no_row(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,secret,y\nA77,1234.5,p\nB88,9.25,q\nC99,7.125,q\n", encoding="utf-8")
    text = make_schema([tmp_path / "a.csv"], "y", drop=["id"]).to_json()
    assert not [value for value in ("A77", "B88", "1234.5", "9.25", "7.125") if value in text]
