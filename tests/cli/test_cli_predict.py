"""`gossipfl predict`: a line per row that can be matched with it, in numbers that a person can read."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from commandline import say

import gossipfl
from gossipfl.data import make_schema, read_table
from gossipfl.experiment.modelfile import Explanation, save_model
from gossipfl.experiment.settings import ModelSettings

NEW = "age,job\n40,cook\n,\n37,nurse\n"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    (tmp_path / "new.csv").write_text(NEW, encoding="utf-8")
    table = tmp_path / "people.csv"
    table.write_text("age,job,sick\n30,nurse,yes\n40,cook,no\n50,nurse,no\n", encoding="utf-8")
    dataset = read_table(table, make_schema([table], "sick"))
    learnt = gossipfl.softmax(3, 2)
    save_model(
        tmp_path / "m.safetensors",
        np.linspace(-1, 1, learnt.size, dtype=np.float32),
        Explanation.of(ModelSettings(), dataset, learnt),
    )
    return tmp_path / "m.safetensors"


def test_a_line_names_its_row_and_is_short(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = say(capsys, "predict", model, model.with_name("new.csv"), "--probabilities")
    assert said.status == 0, said.err
    header, *rows = csv.reader(said.out.splitlines())
    assert header == ["row", "prediction", "probability_no", "probability_yes"]
    assert [row[0] for row in rows] == ["1", "3"]  # the second is blank
    assert all(len(cell) <= len("0.123456") for row in rows for cell in row[2:])


def test_json_keeps_the_whole_number(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = say(capsys, "predict", model, model.with_name("new.csv"), "--probabilities", "--json")
    first = json.loads(said.out)[0]
    assert first["row"] == 1
    assert first["probability_no"] != float(f"{first['probability_no']:.6g}")


def test_a_file_is_written_beside_json(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = model.with_name("p.csv")
    said = say(capsys, "predict", model, model.with_name("new.csv"), "--json", "--out", out)
    assert [row["row"] for row in json.loads(said.out)] == [1, 3]
    assert [row["row"] for row in csv.DictReader(out.read_text("utf-8").splitlines())] == ["1", "3"]
