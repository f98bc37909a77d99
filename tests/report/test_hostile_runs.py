"""A report says who attacked, judges nobody of them, and shows how often a backdoor succeeds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from paper_runs import paper_run

import gossipfl
from gossipfl.report.curves import curves_of
from gossipfl.report.findings import findings
from gossipfl.report.page import run_page
from gossipfl.report.peers import attackers_of, honest_count, judged_peers
from gossipfl.report.run import Run
from gossipfl.report.table import final_scores, peer_rows

SMALL: dict[str, Any] = {
    "topology": {"kind": "k-regular", "peers": 8, "degree": 4},
    "data": {"dataset": "digits"},
    "learning": {"rounds": 3, "epochs": 1},
    "faults": {"kill": ["1@2"]},
}


def hostile_run(kind: str = "backdoor") -> Run:
    return gossipfl.simulate(attack={"kind": kind, "peers": [2, 6]}, **SMALL)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return Run.load(hostile_run().save(tmp_path_factory.mktemp("hostile") / "run"))


def test_who_attacks_is_told_and_is_not_judged(run: Run) -> None:
    assert attackers_of(run) == [2, 6]
    assert honest_count(run) == 6
    assert list(judged_peers(run)) == [0, 1, 3, 4, 5, 7]
    assert set(final_scores(run)) == {0, 3, 4, 5, 7}
    table = run.table()
    assert "backdoor, by 2 of 8 peers: 2 and 6" in table
    assert "5 of 6 honest" in table
    states = {int(row[0]): row[2] for row in peer_rows(run)}
    assert [peer for peer, state in states.items() if state == "attacker"] == [2, 6]
    assert states[1] == "killed"


def test_plots_and_page_mark_them(run: Run, tmp_path: Path) -> None:
    told = findings(run)
    assert "2 hostile" in told["graph"]
    assert "the backdoor succeeds in" in told["accuracy"]
    page = run_page(run, {path.stem: path.read_bytes() for path in run.plot(tmp_path)})  # type: ignore[union-attr]
    assert "Backdoor success" in page
    assert "attacker" in page
    assert "5 / 6" in page


def test_a_backdoor_is_a_line_by_round_and_other_attacks_have_none(run: Run) -> None:
    assert len(curves_of(run).backdoor) == 4
    assert "backdoor" not in findings(hostile_run("alie"))["accuracy"]


def test_figures_are_those_of_honest_peers_alone() -> None:
    """What one hostile peer holds changes no figure: it is as if it were not there, but for what it says."""
    run = hostile_run("free-rider")
    told = [record for record in run.records if record["kind"] == "evaluation"]
    assert {record["peer"] for record in told} == {0, 1, 3, 4, 5, 7}
    scores = [score for score in run.summary["accuracy_per_peer"] if score is not None]
    assert run.summary["accuracy_worst"] == min(scores)
    assert run.summary["finished"] == len(scores) == len(run.models)


def test_a_run_without_attack_says_nothing_of_it() -> None:
    run = paper_run()
    assert attackers_of(run) == []
    assert "Attack" not in run.table()
    assert "hostile" not in findings(run)["graph"]
