"""A run directory is read as it was written, and tolerated as a killed run leaves it."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from paper_runs import paper_run

from gossipfl.errors import UserError
from gossipfl.report import Run, to_json
from gossipfl.report.table import peer_rows, summary_rows


def test_a_saved_run_is_loaded_as_it_was(tmp_path: Path) -> None:
    run = paper_run(rounds=4)
    run.save(tmp_path)
    again = Run.load(tmp_path)
    assert (again.settings, again.records, again.summary, again.graph, again.notes) == (
        run.settings,
        run.records,
        run.summary,
        run.graph,
        [],
    )


def test_numbers_that_are_not_finite_are_written_as_null() -> None:
    found = json.loads(to_json({"a": math.nan, "b": [np.float32(math.inf), np.int64(3)], "c": np.ones(2)}))
    assert found == {"a": None, "b": [None, 3], "c": [1.0, 1.0]}


def test_a_nan_written_by_others_reads_as_null(tmp_path: Path) -> None:
    paper_run(rounds=1).save(tmp_path)
    (tmp_path / "summary.json").write_text('{"accuracy_mean": NaN, "peers": 8}', encoding="utf-8")
    assert Run.load(tmp_path).summary == {"accuracy_mean": None, "peers": 8}


def test_settings_without_a_value_are_left_out_of_the_toml(tmp_path: Path) -> None:
    run = paper_run(rounds=1)
    run.settings = {"run": {"seed": None, "out": Path("x")}, "list": [1, None]}
    run.save(tmp_path)
    assert Run.load(tmp_path).settings == {"run": {"out": "x"}, "list": [1]}


def test_a_place_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for write in (paper_run(rounds=1).save, paper_run(rounds=1).plot):
        with pytest.raises(UserError, match="cannot be written to"):
            write(tmp_path / "file" / "x")


def test_a_torn_last_line_is_left_out_and_told(tmp_path: Path) -> None:
    run = paper_run(rounds=2)
    run.save(tmp_path)
    path = tmp_path / "records.jsonl"
    path.write_bytes(path.read_bytes() + b'{"kind":"evaluation","name":"\xc3')
    again = Run.load(tmp_path)
    assert again.records == run.records
    assert len(again.notes) == 1
    assert "torn" in again.notes[0]


def test_a_malformed_line_in_the_middle_is_refused_by_its_number(tmp_path: Path) -> None:
    paper_run(rounds=1).save(tmp_path)
    path = tmp_path / "records.jsonl"
    lines = path.read_text(encoding="utf-8").split("\n")
    path.write_text("\n".join([lines[0], "{oops", *lines[1:]]), encoding="utf-8")
    with pytest.raises(UserError, match=r"records\.jsonl line 2 is not JSON"):
        Run.load(tmp_path)


@pytest.mark.parametrize("name", ["summary.json", "graph.json"])
@pytest.mark.parametrize("text", ["[1]", "{", ""])
def test_a_malformed_file_is_refused_by_name(tmp_path: Path, name: str, text: str) -> None:
    paper_run(rounds=1).save(tmp_path)
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=name):
        Run.load(tmp_path)


def test_malformed_settings_are_refused(tmp_path: Path) -> None:
    paper_run(rounds=1).save(tmp_path)
    (tmp_path / "experiment.toml").write_text("a = = 1", encoding="utf-8")
    with pytest.raises(UserError, match=r"experiment\.toml is not TOML"):
        Run.load(tmp_path)


def test_a_directory_that_is_no_run_is_refused_and_the_run_inside_it_named(tmp_path: Path) -> None:
    paper_run(rounds=1).save(tmp_path / "ring-8")
    with pytest.raises(UserError, match=r"did you mean .*ring-8\?"):
        Run.load(tmp_path)


def test_a_mistyped_directory_names_the_nearest_run(tmp_path: Path) -> None:
    paper_run(rounds=1).save(tmp_path / "ring-8")
    with pytest.raises(UserError, match=r"There is no run directory .*; did you mean .*ring-8\?"):
        Run.load(tmp_path / "rnig-8")


def test_a_file_is_no_run_directory(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("", encoding="utf-8")
    with pytest.raises(UserError, match="is a file"):
        Run.load(tmp_path / "notes.txt")


def test_a_run_that_was_killed_before_its_summary_is_read(tmp_path: Path) -> None:
    paper_run(rounds=5).save(tmp_path)
    (tmp_path / "summary.json").unlink()
    run = Run.load(tmp_path)
    assert run.notes == ["summary.json is absent, so what it would tell is left out."]
    assert dict(summary_rows(run))["Accuracy, mean node"].endswith("%")


def test_the_table_tells_what_peers_leave_out() -> None:
    rows = dict(summary_rows(paper_run()))
    assert rows["Finished peers"] == "6 of 8"
    assert rows["Killed peers"] == "peer-2 and peer-5"
    assert rows["Messages refused"] == "3 non-finite, 1 unknown-key"
    assert rows["Trace hash"] == "9f2c51d07be4a613"
    assert {"Consensus distance", "Bytes sent", "Messages lost", "Spectral gap", "Wall time"} <= rows.keys()


def test_a_terminal_cannot_be_steered_by_a_name() -> None:
    run = paper_run(rounds=2)
    run.graph["names"][2] = "\x1b[2Jevil"
    assert "\x1b" not in run.table()


def test_each_peer_is_told_finished_killed_restarted_or_unfinished() -> None:
    run = paper_run(rounds=10)
    run.summary["accuracy_per_peer"][5] = 0.9  # it came back and finished
    run.records = [r for r in run.records if r.get("peer") != 3 or r["round"] < 4]
    run.summary["accuracy_per_peer"][3] = None
    states = [row[2] for row in peer_rows(run)]
    assert states[2:6] == ["killed", "unfinished", "finished", "restarted"]
    assert peer_rows(run)[2][3] == "4"


def test_what_peers_heard_and_missed_is_summed() -> None:
    run = paper_run(rounds=4, killed=())
    *_, heard, missing, stale = peer_rows(run)[0]
    assert (heard, missing, stale) == ("10", "0", "1")
