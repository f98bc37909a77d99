"""How a simulation ends that went astray or was interrupted: it says so, and leaves nothing in the way."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commandline import Said, say

from gossipfl.cli.run import refuse_diverged
from gossipfl.report import Run
from gossipfl.report.findings import findings
from gossipfl.report.page import run_page

SMALL = ["topology.kind=ring", "topology.peers=3", "data.dataset=wine", "learning.rounds=2"]


def simulated(capsys: pytest.CaptureFixture[str], out: Path, *sets: str) -> Said:
    overrides = [word for text in (*SMALL, *sets) for word in ("--set", text)]
    return say(capsys, "simulate", *overrides, "--out", out, "--json")


def test_a_run_whose_models_diverged_says_so_and_fails_as_a_node_does(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gossipfl.report.files.write_report", lambda folder: folder / "report.html")
    (tmp_path / "run" / "models").mkdir(parents=True)  # as a run leaves it that is killed
    said = simulated(capsys, tmp_path / "run", "learning.learning_rate=1e30")
    assert json.loads(said.out)["diverged"] == 3
    assert said.status == 1
    assert "The models of 3 of 3 peers diverged" in said.err
    run = Run.load(tmp_path / "run")
    assert "Diverged models" in run.table()
    assert "The models of 3 of 3 peers diverged" in run_page(run, dict.fromkeys(findings(run), b""))
    assert "is not empty" in simulated(capsys, tmp_path / "run").err


def test_where_somebody_attacks_divergence_is_a_result(capsys: pytest.CaptureFixture[str]) -> None:
    attacked = Run({}, [], {"peers": 4, "diverged": 2, "attackers": [3]}, {})
    refuse_diverged(attacked)
    assert "warning: The models of 2 of 3 honest peers diverged" in capsys.readouterr().err
    refuse_diverged(Run({}, [], {"peers": 4, "diverged": 0}, {}))
    assert capsys.readouterr().err == ""


def test_a_simulation_that_was_interrupted_can_be_run_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("gossipfl.engines.run_network", interrupted)
    assert simulated(capsys, tmp_path / "a" / "run").status == 130
    assert not (tmp_path / "a").exists()


def test_whose_report_was_interrupted_is_told_that_the_run_is_whole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("gossipfl.report.files.write_report", interrupted)
    said = simulated(capsys, tmp_path / "run")
    assert said.status == 130
    assert f"The run is whole; `gossipfl report {tmp_path / 'run'}` goes on." in said.err
