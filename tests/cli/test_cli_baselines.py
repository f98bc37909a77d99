"""`gossipfl simulate --baseline`: in the place of gossip, or beside it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commandline import say

QUICK = ("--set", "learning.rounds=2", "--set", "data.dataset=wine", "--set", "topology.peers=4")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_baseline_has_a_folder_a_report_and_its_command(capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--baseline", "fedavg", "--participation", "0.5")
    summary = json.loads(say(capsys, "simulate", "ring-8", *QUICK, *options, "--json").out)
    assert (summary["engine"], summary["participation"]) == ("baseline-fedavg", 0.5)
    assert summary["command"].endswith("--baseline fedavg --participation 0.5")
    assert Path("runs/ring-8-fedavg/report.html").is_file()


def test_all_stand_side_by_side_with_gossip(capsys: pytest.CaptureFixture[str]) -> None:
    settings = ("--set", "network.loss=0.2", "--set", "learning.weights=uniform")
    options = (*settings, "--baseline", "all", "--participation", "0.5")
    said = say(capsys, "simulate", "ring-8", *QUICK, *options, "--out", "a")
    assert (said.status, said.err) == (0, "")
    assert said.out.splitlines()[0].split() == ["gossip", "local", "fedavg", "pooled"]
    assert "Accuracy, worst node" in said.out
    assert "Trace hash" not in said.out
    assert "Only gossip hears network.loss." in said.out
    assert "fedavg asks 50 % of the peers" in said.out
    assert Path("a/comparison.html").read_text("utf-8").count("data:image/png") == 4
    told = json.loads(say(capsys, "report", "a/gossip", "a/local", "--json", "--out", "b").out)
    assert [run["engine"] for run in told["runs"]] == ["network", "baseline-local"]


def test_side_by_side_as_json_is_one_value(capsys: pytest.CaptureFixture[str]) -> None:
    said = say(capsys, "simulate", "ring-8", *QUICK, "--baseline", "all", "--json", "--out", "a")
    told = json.loads(said.out)
    assert list(told["runs"]) == ["gossip", "local", "fedavg", "pooled"]
    assert told["unheard"] == {"local": [], "fedavg": [], "pooled": []}
    assert len({run["accuracy_mean"] for run in told["runs"].values()}) > 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["ring-8", "--baseline", "pool"], 'did you mean "pooled"'),
        (["ring-8", "--baseline", "mine"], '"all"'),
        (["ring-8", "--participation", "0.5"], "name the baseline"),
        (["ring-8", "--baseline", "all", "--participation", "2"], "1 at most"),
        (["lossy-16", "--baseline", "local"], "does not hear network"),
    ],
)
def test_a_wrong_baseline_is_refused_and_leaves_no_folder(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    said = say(capsys, "simulate", *arguments)
    assert (said.status, said.out) == (2, "")
    assert words in said.err
    assert not Path("runs").exists()
