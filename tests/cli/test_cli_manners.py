"""How commands behave: help by example, one JSON value, no colours or bars off a terminal, quick starts."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from commandline import say

COMMANDS = (
    "simulate", "up", "report", "algorithms", "init", "peer add", "node", "status", "doctor", "key new",
    "key show", "data schema", "data show", "topology list", "topology show", "topology draw",
    "topology compare", "predict", "stress", "audit verify",
)  # fmt: skip
QUICK = ("--set", "learning.rounds=2", "--set", "topology.peers=4")


@pytest.mark.parametrize("command", COMMANDS)
def test_help_teaches_by_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    said = say(capsys, *command.split(), "--help")
    assert said.status == 0
    assert f"gossipfl {command}" in said.out.replace(f"Usage: gossipfl {command}", "", 1)


def test_json_is_one_value_and_all_else_is_on_standard_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = say(capsys, "simulate", *QUICK, "--seed", "3", "--json", "--out", tmp_path / "a")
    summary = json.loads(said.out)
    assert said.out.count("\n") == 1
    assert (summary["engine"], summary["peers"], summary["finished"], summary["seed"]) == (
        "network",
        4,
        4,
        3,
    )
    wanted = (
        "rounds accuracy_mean accuracy_worst accuracy_averaged_model consensus_distance bytes_sent "
        "messages_sent messages_lost refused spectral_gap wall_s trace_hash out"
    )
    assert set(wanted.split()) <= set(summary)
    assert summary == json.loads((tmp_path / "a" / "summary.json").read_text("utf-8"))


def test_a_run_that_is_written_down_can_be_run_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = json.loads(say(capsys, "simulate", *QUICK, "--json", "--out", tmp_path / "a").out)
    file = tmp_path / "a" / "experiment.toml"
    second = json.loads(say(capsys, "simulate", file, "--json", "--out", tmp_path / "b").out)
    assert first["trace_hash"] == second["trace_hash"]


def test_runs_without_out_are_numbered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    outs = [json.loads(say(capsys, "simulate", *QUICK, "--json").out)["out"] for _ in range(2)]
    assert [Path(out).as_posix() for out in outs] == ["runs/ring-8", "runs/ring-8-2"]


def test_off_a_terminal_there_are_no_colours_and_no_bars(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = say(capsys, "simulate", *QUICK, "--out", tmp_path / "a")
    assert said.err == ""
    assert "\x1b" not in said.out
    assert said.out.splitlines()[-1] == f"Report: {tmp_path / 'a' / 'report.html'}"


def test_a_reader_that_has_had_enough_is_no_error_of_ours() -> None:
    command = [sys.executable, "-m", "gossipfl", "topology", "list"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    process.wait(timeout=120)
    assert err == b""


def test_a_node_loads_nothing_that_it_does_not_need() -> None:
    program = (
        "import sys, gossipfl.cli.app, gossipfl.cli.journal, gossipfl.experiment.member;"
        "import gossipfl.node.runner, gossipfl.node.links;"
        "print([m for m in ('sklearn', 'polars', 'scipy', 'networkx', 'matplotlib', 'rich.live',"
        " 'gossipfl.report.plots') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
