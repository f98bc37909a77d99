"""`gossipfl up` with faults: processes that stand still, links that are cut, and how neighbours bear it.

Times have a grace for a busy machine, by what its rounds take before anything befalls anybody; what happens,
and in which order, has none.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commandline import say, start, wait_until
from test_cli_up import pids_in, records_of

GRACE_S = 1.0
CALM_ROUNDS = 2
"""So many rounds are over before the first fault."""

FOUR = (
    "topology.peers=4",
    "data.dataset=wine",
    "learning.epochs=2",
    "network.training_s=0.1",
)
stops = pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="cannot stop a process")
linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def run(
    capsys: pytest.CaptureFixture[str], out: Path, *settings: str
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The summary and the records of four processes in a ring."""
    sets = [word for setting in (*FOUR, *settings) for word in ("--set", setting)]
    said = say(capsys, "up", "ring-8", *sets, "--out", out, "--json")
    assert said.status == 0, said.err
    return json.loads(said.out), records_of(out / "records.jsonl")


def of(records: list[dict[str, Any]], kind: str, **facts: object) -> list[dict[str, Any]]:
    facts["kind"] = kind
    return [r for r in records if all(r.get(key) == value for key, value in facts.items())]


def first_s(records: list[dict[str, Any]], peer: int, state: str, since_s: float) -> dict[int, float]:
    """How long after `since_s` each neighbour of `peer` first wrote that its link was in this state."""
    late: dict[int, float] = {}
    for record in of(records, "link", neighbour=peer, state=state):
        if record["time_s"] >= since_s:
            late.setdefault(record["peer"], record["time_s"] - since_s)
    return late


def grace_s(records: list[dict[str, Any]]) -> float:
    """How much later than on an idle machine something may be seen."""
    calm_s: float = max(r["duration_s"] for r in of(records, "round") if r["round"] <= CALM_ROUNDS)
    return GRACE_S + 5 * calm_s


@stops
def test_a_process_that_stands_still_is_suspected_and_one_that_does_so_for_long_is_given_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pauses = 'faults.pause=["1@3+9", "3@3+3.75"]'
    summary, records = run(capsys, tmp_path / "run", pauses, "learning.rounds=110")
    assert summary["finished"] == 4
    paused = {peer: of(records, "paused", peer=peer)[0]["time_s"] for peer in (1, 3)}
    on = {peer: of(records, "continued", peer=peer)[0]["time_s"] for peer in (1, 3)}
    for peer in (1, 3):
        suspected = first_s(records, peer, "suspected", paused[peer])
        assert set(suspected) == {0, 2}
        assert max(suspected.values()) <= 3.5 + grace_s(records)
    dead = first_s(records, 1, "left", paused[1])
    assert set(dead) == {0, 2}
    assert min(dead.values()) > 3.0
    assert max(dead.values()) <= 5.5 + grace_s(records)
    assert max(first_s(records, 1, "joined", on[1]).values()) <= 5.0 + grace_s(records)
    ends = min(r["time_s"] for r in of(records, "round", round=110))
    assert all(paused[3] + late >= ends for late in first_s(records, 3, "left", paused[3]).values())
    assert set(first_s(records, 3, "trusted", on[3])) == {0, 2}


def test_halves_that_were_cut_off_from_each_other_find_together_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cut = 'faults.partition=[{kind="halves", from=5, to=50}]'
    summary, records = run(capsys, tmp_path / "run", cut, "learning.rounds=100")
    assert summary["finished"] == 4
    cut_s = of(records, "partitioned")[0]["time_s"]
    healed_s = of(records, "healed")[0]["time_s"]
    across = {(0, 3), (3, 0), (1, 2), (2, 1)}
    links = [r for r in of(records, "link") if cut_s <= r["time_s"]]
    left = {(r["peer"], r["neighbour"]) for r in links if r["state"] == "left" and r["time_s"] <= healed_s}
    assert left == across
    back = {
        (r["peer"], r["neighbour"]): r["time_s"] - healed_s
        for r in links
        if r["state"] == "joined" and r["time_s"] >= healed_s
    }
    assert set(back) == across
    assert max(back.values()) <= 5.0 + grace_s(records)
    ends = [np.load(tmp_path / "run" / "nodes" / str(n) / "state" / "rounds" / "100.npy") for n in range(4)]
    apart = max(np.linalg.norm(end - ends[0]) for end in ends) / np.linalg.norm(ends[0])
    assert apart < 0.1


@pytest.mark.skipif(os.name == "nt", reason="Windows cannot ask a process to leave")
def test_who_leaves_says_goodbye_and_takes_part_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = ('faults.leave=["1@4"]', 'faults.restart=["1@6"]', "learning.rounds=150")
    summary, records = run(capsys, tmp_path / "run", *settings)
    assert (summary["finished"], summary["killed"], summary["refused"]) == (4, [], {})
    [left] = of(records, "left")
    assert left["peer"] == 1
    assert max(first_s(records, 1, "left", left["time_s"]).values()) <= 0.5 + grace_s(records)
    again = [r["round"] for r in of(records, "round", peer=1) if r["time_s"] > left["time_s"] + 0.5]
    assert again[-1] == 150


def test_bad_links_make_late_and_break_but_lose_nothing_for_good(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    training_s, latency_s = 0.02, 0.05
    times = (f"network.training_s={training_s}", f"network.latency_s={latency_s}")
    summary, records = run(
        capsys, tmp_path / "run", *times, "network.loss=0.05", "network.corrupt=0.06", "learning.rounds=60"
    )
    assert summary["finished"] == 4
    assert summary["refused"].get("corrupt", 0) > 0
    assert summary["accuracy_mean"] > 0.9
    in_time = {(r["peer"], r["round"]): r["duration_s"] for r in of(records, "round", missing=0, stale=0)}
    # Of two rounds in a row, the second ends no sooner than with the answer of one who heard the first.
    there_and_back = [
        in_time[peer, at] + in_time[peer, at + 1]
        for peer, at in in_time
        if (peer, at + 1) in in_time and ((peer + 1) % 4, at) in in_time
    ]
    assert min(there_and_back) > 2 * (training_s + latency_s) - 0.001


@linux
def test_a_stopped_process_is_not_left_behind_when_the_run_is_interrupted(tmp_path: Path) -> None:
    out = tmp_path / "run"
    sets = [word for setting in (*FOUR, "learning.rounds=100000") for word in ("--set", setting)]
    process = start("up", "ring-8", *sets, "--set", 'faults.pause=["1@2+600"]', "--out", out, cwd=tmp_path)

    def stopped() -> bool:
        pids = pids_in(out / "nodes" / "1")
        return any("(stopped)" in Path(f"/proc/{pid}/status").read_text("utf-8") for pid in pids)

    try:
        wait_until(stopped, "peer 1 stands still")
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "Stopping 4 processes" in err
    assert not pids_in(out / "nodes")


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("network.duplicate=0.1", "TCP delivers everything once"),
        ("network.reorder=0.1", "TCP delivers everything in order"),
        ("network.slow={1=0.5}", "no process is quicker than it is"),
        ("faults.clock_skew_s={1=3600.0}", "one clock"),
    ],
)
def test_what_no_process_can_suffer_is_refused_before_any_starts(
    setting: str, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = say(capsys, "up", "ring-8", "--set", setting, "--out", tmp_path / "run")
    assert said.status == 2, said.err
    assert sentence in said.err
    assert not (tmp_path / "run").exists()
