"""Experiments are read whole: what a file and its overrides say is heard, or refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gossipfl.errors import DataError, SettingsError
from gossipfl.experiment.federation import build
from gossipfl.experiment.files import read_experiment
from gossipfl.experiment.modelfile import model_file
from gossipfl.experiment.settings import Experiment

ROWS = "x,colour,y\n" + "".join(f"{i % 7},{'red' if i % 3 else 'blue'},{i % 2}\n" for i in range(60))


@pytest.fixture
def table(tmp_path: Path) -> Path:
    (tmp_path / "t.csv").write_text(ROWS, "utf-8")
    (tmp_path / "test.csv").write_text(ROWS[: len(ROWS) // 2].rsplit("\n", 1)[0] + "\n", "utf-8")
    path = tmp_path / "mine.toml"
    path.write_text('[topology]\npeers = 3\n[data]\nfile = "t.csv"\ntarget = "y"\n', "utf-8")
    return path


def test_paths_are_relative_to_the_file_and_a_run_is_named_after_it(table: Path) -> None:
    experiment = read_experiment(table)
    assert experiment.data.file == str(table.parent / "t.csv")
    assert experiment.run.name == "mine"


def test_an_override_of_a_kind_takes_away_what_belongs_to_the_old_one() -> None:
    experiment = read_experiment("breast-cancer-8", ["topology.kind=ring", "data.split=iid"])
    assert experiment.topology.degree is None
    assert experiment.data.alpha == Experiment().data.alpha


def test_the_file_is_not_blamed_for_what_the_overrides_say(table: Path) -> None:
    with pytest.raises(SettingsError, match=r"^With these options: unknown key"):
        read_experiment(table, ["learning.round=3"])
    table.write_text("[learning]\nround = 3\n", "utf-8")
    with pytest.raises(SettingsError, match=r"mine\.toml: unknown key"):
        read_experiment(table, ["learning.rounds=3"])


def test_a_test_file_judges_and_leaves_all_rows_to_train_on(table: Path) -> None:
    federation = build(read_experiment(table, [f"data.test_file={table.parent / 'test.csv'}"]))
    assert int(np.sum(federation.train.counts)) == 60
    assert int(federation.test.counts) == len((table.parent / "test.csv").read_text("utf-8").splitlines()) - 1


def test_a_test_file_and_a_test_fraction_are_one_too_many(table: Path) -> None:
    with pytest.raises(SettingsError, match=r"leave out data\.test_fraction"):
        read_experiment(table, ["data.test_file=test.csv", "data.test_fraction=0.3"])


def test_nothing_to_judge_by_is_refused(table: Path) -> None:
    with pytest.raises(DataError, match="leaves none to judge by"):
        build(read_experiment(table, ["data.test_fraction=0.0"]))


def test_natural_groups_name_the_peers(table: Path) -> None:
    sets = ["topology.kind=line", "data.split=column", "data.column=colour"]
    table.write_text(table.read_text("utf-8").replace("peers = 3", "peers = 2"), "utf-8")
    assert build(read_experiment(table, sets)).topology.names == ("blue", "red")


def test_file_names_of_models_are_safe_and_distinct() -> None:
    names = ["a/b", "a%2Fb", "..", "?", " ", "ä/ö", "Prof-specialty", "x\ny"]
    files = [model_file(name) for name in names]
    assert len(set(files)) == len(files)
    assert all(Path(file).name == file and "?" not in file for file in files)


def test_another_file_keeps_what_is_said_of_the_table(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text('[data]\nfile = "a.csv"\ntarget = "y"\ndrop = ["id"]\n', encoding="utf-8")
    data = read_experiment(path, ["data.file=b.csv"]).data
    assert (Path(str(data.file)).name, data.target, data.drop) == ("b.csv", "y", ("id",))
