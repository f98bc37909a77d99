"""`gossipfl up`: real processes that are killed, restarted, stopped, and never left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from commandline import say, start, wait_until

from gossipfl.protocol.patience import FLOOR_S


def records_of(folder: Path) -> list[dict[str, Any]]:
    if not folder.exists():
        return []
    lines = folder.read_text("utf-8").splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")]


def pids_in(folder: Path) -> set[int]:
    """The processes whose command line names `folder`; Linux alone tells."""
    found = set()
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().decode("utf-8", "replace")
        except OSError:
            continue
        if entry.name.isdigit() and int(entry.name) != os.getpid() and str(folder) in words:
            found.add(int(entry.name))
    return found


linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def test_the_survivors_of_a_kill_finish_and_notice_it_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    options = ("--kill", "2@5", "--set", "learning.rounds=15", "--set", "topology.peers=5")
    said = say(capsys, "up", "ring-8", *options, "--out", out, "--json")
    assert said.status == 0, said.err
    summary = json.loads(said.out)
    assert (summary["peers"], summary["finished"], summary["killed"]) == (5, 4, [2])
    assert summary["accuracy_per_peer"][2] is None
    assert summary["accuracy_worst"] >= 0.93
    records = records_of(out / "records.jsonl")
    [killed] = [record for record in records if record["kind"] == "killed"]
    first = {
        record["peer"]: record["state"]
        for record in reversed(records)
        if record["kind"] == "link" and record["neighbour"] == 2 and record["time_s"] >= killed["time_s"]
    }
    assert first == {1: "left", 3: "left"}  # whoever only misses its words suspects it before
    rounds = [record for record in records if record["kind"] == "round"]
    calm_s = max(r["duration_s"] for r in rounds if 2 <= r["round"] < 5)
    longest = [max(r["duration_s"] for r in rounds if r["peer"] == n and r["round"] >= 5) for n in first]
    assert min(longest) < max(FLOOR_S, 10 * calm_s)  # both would have waited for it so long
    assert (out / "report.html").is_file()
    assert len(list((out / "models").iterdir())) == 5


def start_three(out: Path) -> subprocess.Popen[str]:
    """Three processes that would learn for hours."""
    settings = ("topology.peers=3", "learning.rounds=100000", "network.training_s=0.1")
    sets = [word for setting in settings for word in ("--set", setting)]
    return start("up", "ring-8", *sets, "--out", out, cwd=out.parent)


@linux
def test_a_node_process_stays_small_and_none_is_left_behind(tmp_path: Path) -> None:
    out = tmp_path / "run"
    process = start_three(out)
    try:
        nodes = [out / "nodes" / str(number) / "state" / "records.jsonl" for number in range(3)]
        wait_until(
            lambda: all(any(r["kind"] == "round" for r in records_of(node)) for node in nodes), "they learn"
        )
        children = pids_in(out / "nodes")
        assert len(children) == 3
        for child in children:
            status = Path(f"/proc/{child}/status").read_text("utf-8")
            peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
            assert int(peak.split()[1]) < 120 * 1024
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "Stopping 3 processes" in err
    assert err.endswith("gossipfl: Stopped.\n")
    assert "Traceback" not in err
    assert not pids_in(out / "nodes")


@linux
def test_a_process_that_dies_by_itself_fails_the_run_with_its_last_words(tmp_path: Path) -> None:
    out = tmp_path / "run"
    process = start_three(out)
    try:
        wait_until(lambda: bool(records_of(out / "nodes" / "1" / "state" / "records.jsonl")), "peer 1 runs")
        [victim] = pids_in(out / "nodes" / "1")
        os.kill(victim, signal.SIGKILL)
        said, err = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 1
    assert said == ""
    assert "gossipfl: Peer 1 failed: " in err
    assert not pids_in(out / "nodes")


def test_a_restarted_process_takes_part_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run"
    settings = (
        *("topology.peers=3", "data.dataset=wine", "learning.epochs=2"),
        *("network.training_s=0.05", "learning.rounds=240", 'faults.restart=["1@6"]'),
    )
    sets = [word for setting in settings for word in ("--set", setting)]
    said = say(capsys, "up", "ring-8", "--kill", "1@5", *sets, "--out", out, "--json")
    assert said.status == 0, said.err
    summary = json.loads(said.out)
    assert summary["finished"] == 3
    records = records_of(out / "records.jsonl")
    killed = next(record["time_s"] for record in records if record["kind"] == "killed")
    again = [r["round"] for r in records if r["kind"] == "round" and r["peer"] == 1 and r["time_s"] > killed]
    assert again[-1] == 240  # by then even a busy machine has started it


@pytest.mark.parametrize("name", ["?", "ä/ö", " ", "Prof-specialty", "..", "CON"])
def test_peers_named_by_nature_are_safe_as_files(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "t.csv").write_text(
        "age,job,sick\n"
        + "".join(f'{i},"{name if i % 2 else "cook"}",{"yes" if i % 3 else "no"}\n' for i in range(40)),
        "utf-8",
    )
    (tmp_path / "jobs.toml").write_text(
        '[topology]\nkind = "complete"\n[data]\nfile = "t.csv"\ntarget = "sick"\nsplit = "column"\n'
        'column = "job"\n[learning]\nrounds = 2\n',
        "utf-8",
    )
    said = say(capsys, "simulate", tmp_path / "jobs.toml", "--out", tmp_path / "run", "--json")
    assert json.loads(said.out)["finished"] == 2, said.err
    written = {path.parent for path in tmp_path.rglob("*.safetensors")}
    assert written == {tmp_path / "run" / "models"}
    assert len(list((tmp_path / "run" / "models").iterdir())) == 3
