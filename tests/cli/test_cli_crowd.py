"""`gossipfl simulate --engine crowd`: the same models without messages, and who should be told of it."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

import pytest
from commandline import say, start, wait_until

from gossipfl.api import experiment_of
from gossipfl.cli.run import _warn_if_long
from gossipfl.experiment.federation import build

QUICK = ("--set", "learning.rounds=3", "--set", "data.dataset=wine")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_crowd_has_a_folder_a_report_and_its_command(capsys: pytest.CaptureFixture[str]) -> None:
    said = say(capsys, "simulate", "ring-8", *QUICK, "--engine", "crowd", "--json")
    summary = json.loads(said.out)
    assert (said.status, summary["engine"], summary["finished"]) == (0, "crowd", 8)
    assert summary["command"].endswith("--engine crowd")
    assert Path("runs/ring-8/report.html").is_file()
    assert 'engine = "crowd"' in Path("runs/ring-8/experiment.toml").read_text("utf-8")
    network = json.loads(say(capsys, "simulate", "ring-8", *QUICK, "--json").out)
    assert summary["accuracy_per_peer"] == network["accuracy_per_peer"]


def test_what_it_wrote_can_be_run_again(capsys: pytest.CaptureFixture[str]) -> None:
    first = json.loads(
        say(capsys, "simulate", "ring-8", *QUICK, "--engine", "crowd", "--out", "a", "--json").out
    )
    again = json.loads(say(capsys, "simulate", "a/experiment.toml", "--json").out)
    assert (again["engine"], again["trace_hash"]) == ("crowd", first["trace_hash"])


def test_scratch_leaves_nothing_behind_and_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    options = ("simulate", "ring-8", *QUICK, "--engine", "crowd", "--json")
    plain = json.loads(say(capsys, *options).out)
    filed = json.loads(say(capsys, *options, "--scratch", "state").out)
    assert filed["trace_hash"] == plain["trace_hash"]
    assert not [*Path("state").iterdir()]


@pytest.mark.parametrize(
    ("options", "advice"),
    [
        (("ring-8", "--engine", "crow"), "run.engine"),
        (("regular-100", "--engine", "crowd"), "leave out network.latency_s: a crowd has no messages"),
        (("asynchronous-16", "--engine", "crowd"), "leave out gossip.exchange: a crowd works in rounds"),
        (("ring-8", "--scratch", "state"), "--scratch is for the crowd alone"),
        (("ring-8", "--engine", "crowd", "--scratch", "taken"), "taken cannot be written"),
        (
            (
                *("ring-8", "--engine", "crowd", "--set", "learning.algorithm=choco"),
                *("--set", "learning.compressor=sign", "--set", 'faults.kill=["1@2"]'),
                *("--set", 'faults.restart=["1@3"]'),
            ),
            "must tell anew whoever missed something",
        ),
        (
            ("ring-8", "--engine", "crowd", "--baseline", "local", "--scratch", "s"),
            "--scratch and --baseline",
        ),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(
    options: tuple[str, ...], advice: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("taken").write_text("", encoding="utf-8")
    said = say(capsys, "simulate", *options)
    assert (said.status, said.out) == (2, "")
    assert advice in said.err
    assert not Path("runs").exists()


def test_processes_are_no_crowd(capsys: pytest.CaptureFixture[str]) -> None:
    said = say(capsys, "up", "ring-8", "--set", "run.engine=crowd")
    assert said.status == 2
    assert "A crowd has no processes: simulate it, or leave out run.engine." in said.err


def test_whoever_would_wait_for_minutes_is_told_of_the_crowd(capsys: pytest.CaptureFixture[str]) -> None:
    given = {"data": "wine", "topology": "ring", "peers": 8}
    _warn_if_long(build(experiment_of(given)))
    _warn_if_long(build(experiment_of(given | {"rounds": 1_000_000, "engine": "crowd"})))
    assert capsys.readouterr().err == ""
    _warn_if_long(build(experiment_of(given | {"rounds": 1_000_000})))
    assert "8 minutes; --engine crowd does without them." in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for another process")
def test_an_interrupted_crowd_takes_its_files_with_it(folder: Path) -> None:
    sets = ("--set", "learning.rounds=100000", "--set", "run.evaluate_every=100000")
    process = start("simulate", "ring-8", *sets, "--engine", "crowd", "--scratch", "state", cwd=folder)
    try:
        wait_until(lambda: any((folder / "state").glob("*")), "the crowd began")
        process.send_signal(signal.SIGINT)
        _, words = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode not in (0, None)
    assert "Traceback" not in words
    assert not [*(folder / "state").iterdir()]
