"""`gossipfl data schema` and `gossipfl data show`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gossipfl.cli.data import app
from gossipfl.data import Schema, load_dataset
from gossipfl.errors import DataError

TEXT = "id;age;job;sick\n1;30;nurse;yes\n2;;cook;no\n3;50;[b];no\n"


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    (tmp_path / "a.csv").write_text(TEXT, encoding="utf-8")
    return tmp_path / "a.csv"


def schema_of(csv: Path, *options: str) -> Path:
    out = csv.with_name("schema.json")
    result = CliRunner().invoke(app, ["schema", str(csv), "--target", "sick", "--out", str(out), *options])
    assert result.exit_code == 0, result.output
    return out


def test_schema_writes_what_can_be_read(csv: Path) -> None:
    schema = Schema.read(schema_of(csv, "--drop", "id", "--categorical", "age"))
    assert schema.feature_names == ("age=30", "age=50", "job=[b]", "job=cook", "job=nurse")
    assert schema.dropped == ("id",)


def test_schema_as_json_is_one_object_alone_on_standard_output(csv: Path) -> None:
    out = csv.with_name("s.json")
    result = CliRunner().invoke(app, ["schema", str(csv), "--target", "last", "--out", str(out), "--json"])
    said = json.loads(result.stdout)
    assert said["hash"] == Schema.read(out).hash
    assert said["out"] == str(out)
    assert result.stderr == ""


def test_schema_without_json_leaves_standard_output_empty(csv: Path) -> None:
    result = CliRunner().invoke(
        app, ["schema", str(csv), "--target", "sick", "--out", str(csv.with_name("s.json"))]
    )
    assert result.stdout == ""
    assert '"sick" (2 classes)' in result.stderr


def test_schema_lists_the_columns_it_made(csv: Path) -> None:
    arguments = [
        "schema",
        str(csv),
        "--target",
        "sick",
        "--drop",
        "id",
        "--out",
        str(csv.with_name("s.json")),
    ]
    listed = [line.split() for line in CliRunner().invoke(app, arguments).stderr.splitlines()]
    assert ["│", "age", "│", "numeric", "│"] in listed
    assert ["│", "job", "│", "categorical", "│"] in listed


def test_a_schema_of_many_columns_lists_the_first_of_them(csv: Path) -> None:
    table = [[f"x{i}" for i in range(100)] + ["sick"], ["1"] * 100 + ["yes"], ["2"] * 100 + ["no"]]
    csv.write_text("".join(";".join(row) + "\n" for row in table), encoding="utf-8")
    out = csv.with_name("s.json")
    result = CliRunner().invoke(app, ["schema", str(csv), "--target", "sick", "--out", str(out)])
    assert "x39" in result.stderr
    assert "x40" not in result.stderr
    assert "and 60 more" in result.stderr


@pytest.mark.parametrize(
    ("numbers", "warned"),
    [
        ([*range(100, 120)], True),
        ([*range(100, 119)], False),
        ([*range(100, 119), 100], False),
        ([*range(100, 119), 7.5], False),
        ([*range(100, 120), ""], True),
    ],
)
@pytest.mark.parametrize("options", [(), ("--json",)])
def test_schema_warns_of_a_column_that_looks_like_an_identifier(
    csv: Path, numbers: list[object], warned: bool, options: tuple[str, ...]
) -> None:
    rows = "".join(f"{number};{30 + i % 7};{'yn'[i % 2]}\n" for i, number in enumerate(numbers))
    csv.write_text(f"patient;age;sick\n{rows}", encoding="utf-8")
    out = csv.with_name("s.json")
    result = CliRunner().invoke(app, ["schema", str(csv), "--target", "sick", "--out", str(out), *options])
    assert result.exit_code == 0, result.output
    assert ("--drop patient" in result.stderr) is warned
    assert "--drop age" not in result.stderr
    assert Schema.read(out).feature_names == ("patient", "age")


def test_show_lists_decimal_commas_as_they_stand(csv: Path) -> None:
    csv.write_text("kg;sick\n89,5;yes\n90;no\n", encoding="utf-8")
    shown = json.loads(CliRunner().invoke(app, ["show", str(csv), "--json"]).stdout)
    assert "89,5 (1)" in shown["columns"][0]["values"]


def test_show_counts_what_is_missing_and_the_classes(csv: Path) -> None:
    schema = schema_of(csv, "--drop", "id")
    result = CliRunner().invoke(app, ["show", str(csv), "--schema", str(schema), "--json"])
    shown = json.loads(result.stdout)
    kinds = {column["name"]: (column["kind"], column["missing"]) for column in shown["columns"]}
    assert kinds == {
        "id": ("dropped", 0),
        "age": ("numeric", 1),
        "job": ("categorical", 0),
        "sick": ("target", 0),
    }
    assert shown["classes"] == {"no": 2, "yes": 1}
    assert shown["hash"] == Schema.read(schema).hash


def test_show_needs_no_schema(csv: Path) -> None:
    result = CliRunner().invoke(app, ["show", str(csv)])
    assert result.exit_code == 0
    assert "a.csv: 3 rows" in result.stdout
    assert "[b] (1)" in result.stdout


def test_show_knows_the_data_sets() -> None:
    result = CliRunner().invoke(app, ["show", "wine", "--json"])
    shown = json.loads(result.stdout)
    assert shown["classes"] == {"class_0": 59, "class_1": 71, "class_2": 48}
    assert [column["name"] for column in shown["columns"]] == list(load_dataset("wine").feature_names)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["show", "wien"], 'did you mean "wine"?'),
        (["show", "no.csv"], "no such file"),
        (["schema", "no.csv", "--target", "y"], "no such file"),
    ],
)
def test_what_is_not_there_is_a_user_error(arguments: list[str], words: str) -> None:
    result = CliRunner().invoke(app, arguments)
    assert isinstance(result.exception, DataError)
    assert words in str(result.exception)


def test_show_names_the_cell_that_does_not_fit(csv: Path) -> None:
    schema = schema_of(csv)
    csv.write_text(TEXT.replace("50", "abc"), encoding="utf-8")
    result = CliRunner().invoke(app, ["show", str(csv), "--schema", str(schema)])
    assert isinstance(result.exception, DataError)
    assert str(result.exception).startswith('a.csv: column "age", row 3: "abc" is not a number;')
