"""Faults as settings: what is heard, what is refused and how, and that the engines agree on who is there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gossipfl import Run, simulate
from gossipfl.api import experiment_of
from gossipfl.errors import SettingsError
from gossipfl.experiment.crowd import Roll
from gossipfl.experiment.planning import plans_of, rules_of
from gossipfl.simulator.faults import Back, Churn, DropOut, Kill, Leave, Partition, Pause, Skew, Slow

FEW: dict[str, Any] = {
    "topology": {"kind": "k-regular", "peers": 8, "degree": 4},
    "data": "wine",
    "learning": {"rounds": 12, "epochs": 1},
}


def few(**settings: Any) -> Run:
    return simulate(**{**FEW, **settings})


def kinds(run: Run, *wanted: str) -> list[str]:
    return [record["kind"] for record in run.records if record["kind"] in wanted]


def test_each_setting_is_the_plan_that_it_says() -> None:
    faults = experiment_of(
        {
            "rounds": 40,
            "faults": {
                "kill": ["2@5", "2@12"],
                "restart": ["2@9"],
                "leave": ["3@7"],
                "pause": ["4@6+30.5"],
                "slow_down": ["5@10-20x8"],
                "drop_out": ["0.3@20"],
                "partition": [
                    {"kind": "isolate", "peer": 1, "from": 10, "to": 30},
                    {"kind": "halves", "from_s": 1.5, "to_s": 2.5},
                ],
                "churn": {"leave": 0.05, "back": 0.5},
                "clock_skew_s": {3: 3600.0},
            },
        }
    ).faults
    assert set(plans_of(faults)) == {
        Kill(2, 5), Kill(2, 12), Back(2, 9), Leave(3, 7), Pause(4, 6, 30.5), Slow(5, 10, 20, 8.0),
        DropOut(0.3, 20), Partition("isolate", 10, 30, 1), Partition("halves", 1.5, 2.5, by_time=True),
        Churn(0.05, 0.5), Skew(3, 3600.0),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("section", "settings", "words"),
    [
        ("faults", {"pause": ["4@6"]}, "write it as PEER@ROUND+SECONDS"),
        ("faults", {"slow_down": ["5@10x8"]}, "write it as PEER@FIRST-LASTxTIMES"),
        ("faults", {"drop_out": ["30@20"]}, "write it as SHARE@ROUND"),
        ("faults", {"slow_down": ["5@9-3x8"]}, "let it end after it began"),
        ("faults", {"pause": ["4@99+1"]}, "choose a round from 1 to 12"),
        ("faults", {"kill": ["4@3"], "leave": ["4@5"]}, "peer 4 is gone by then"),
        ("faults", {"restart": ["4@5"]}, "kill peer 4 in an earlier round"),
        ("faults", {"leave": ["40@5"]}, "There is no peer 40 for Leave to befall: peers are 0 to 7"),
        ("faults", {"clock_skew_s": {8: 1.0}}, "There is no peer 8"),
        ("faults", {"partition": [{"kind": "halves", "from": 3}]}, "needs from and to"),
        ("faults", {"partition": [{"kind": "halves", "from": 3, "to": 3}]}, "make to greater than from"),
        ("faults", {"partition": [{"kind": "isolate", "from": 3, "to": 5}]}, "needs peer"),
        ("faults", {"partition": [{"kind": "halves", "from": 3, "to": 5, "peer": 1}]}, "leave out peer"),
        ("faults", {"partition": [{"kind": "halvs", "from": 3, "to": 5}]}, "halves"),
        ("faults", {"partition": [{"kind": "halves", "from": 3, "shar": 0.5}]}, 'did you mean "share"'),
        ("faults", {"churn": {"leave": 0.1}}, "churn needs leave and back"),
        ("faults", {"churn": {"trace": "nowhere.csv"}}, "which cannot be read: give a CSV file"),
        ("network", {"latency_file": "nowhere.csv"}, "which cannot be read: give a CSV file"),
        ("network", {"latency_sigma": 0.5, "jitter_s": 0.1}, "leave out network.jitter_s"),
        ("network", {"duplicat": 0.5}, 'did you mean "duplicate"'),
    ],
)
def test_what_cannot_be_is_refused_with_what_can(section: str, settings: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        few(**{section: settings})
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "settings",
    [
        {"network": {"corrupt": 0.1}},
        {"network": {"bandwidth_mbps": 1.0}},
        {"faults": {"pause": ["1@3+5"]}},
        {"faults": {"partition": [{"kind": "halves", "from": 3, "to": 5}]}},
        {"faults": {"clock_skew_s": {1: 5.0}}},
        {"faults": {"churn": {"session_s": 9.0, "absence_s": 3.0}}},
        {"faults": [Pause(1, 3, 5.0)]},
    ],
)
def test_a_crowd_refuses_what_needs_links_or_a_clock(settings: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match=r'run\.engine = "network"'):
        few(run={"engine": "crowd"}, **settings)


def test_the_network_and_a_crowd_lose_the_same_peers() -> None:
    faults = {
        "churn": {"leave": 0.15, "back": 0.5},
        "drop_out": ["0.25@6"],
        "leave": ["1@3"],
        "restart": ["1@5"],
    }
    network, crowd = few(faults=faults), few(faults=faults, run={"engine": "crowd"})
    assert network.summary["killed"] == crowd.summary["killed"] != []
    assert set(network.summary["left"]) <= set(crowd.summary["left"])


def test_a_roll_takes_turns() -> None:
    roll = Roll((Kill(1, 3), Back(1, 5), Leave(1, 8)), 4, 0)
    there = [bool(roll(round).present[1]) for round in range(1, 10)]
    assert there == [True, True, False, False, False, True, True, False, False]
    assert [round for round in range(1, 10) if roll(round).newcomers[1]] == [5]
    assert [(round, what) for round in range(1, 10) for what, _ in roll.happened(round)] == [
        (3, "killed"),
        (5, "back"),
        (8, "left"),
    ]


def test_what_happens_is_on_record_and_in_the_summary() -> None:
    run = few(
        faults={
            "leave": ["1@4"],
            "restart": ["1@6"],
            "pause": ["2@5+8"],
            "partition": [{"kind": "isolate", "peer": 3, "from": 3, "to": 9}],
        },
        network={"duplicate": 0.2, "corrupt": 0.02},
    )
    found = kinds(run, "left", "back", "paused", "continued", "partitioned", "healed")
    assert sorted(found) == ["back", "continued", "healed", "left", "partitioned", "paused"]
    assert (run.summary["left"], run.summary["paused"]) == ([1], [2])
    assert run.summary["messages_duplicated"] > 0
    assert run.summary["messages_corrupted"] == run.summary["refused"]["corrupt"] > 0
    assert run.summary["finished"] == 8


def test_each_round_is_judged_once_however_often_peers_come_and_go() -> None:
    run = few(faults={"churn": {"leave": 0.2, "back": 0.5}, "pause": ["2@3+9"]})
    judged = [record["round"] for record in run.records if record["kind"] == "network"]
    assert judged == sorted(set(judged))
    assert judged[-1] == 12
    done = [score for score in run.summary["accuracy_per_peer"] if score is not None]
    assert len(done) == run.summary["finished"]


def test_plans_may_be_given_as_objects() -> None:
    given = few(faults=[Kill(1, 4), Back(1, 8)])
    said = few(faults={"kill": ["1@4"], "restart": ["1@8"]})
    assert given.summary["trace_hash"] == said.summary["trace_hash"]
    with pytest.raises(SettingsError, match="is none of them"):
        few(faults=[3])


def test_a_matrix_of_latencies_and_a_trace_are_read_beside_their_file(tmp_path: Path) -> None:
    matrix = np.full((8, 8), 0.02)
    matrix[0] = 0.5
    (tmp_path / "latency.csv").write_text("\n".join(",".join(map(str, row)) for row in matrix))
    (tmp_path / "trace.csv").write_text("peer,leaves_s,returns_s\n1,2.5,6.5\n2,8,\n")
    (tmp_path / "one.toml").write_text(
        '[topology]\nkind = "complete"\npeers = 8\n[data]\ndataset = "wine"\n[learning]\nrounds = 12\n'
        '[network]\nlatency_file = "latency.csv"\n[faults]\nchurn = { trace = "trace.csv" }\n'
    )
    from gossipfl import read_experiment

    run = simulate(read_experiment(tmp_path / "one.toml"))
    times = {record["kind"]: record["time_s"] for record in run.records if record["kind"] in ("back", "left")}
    assert times == {"back": 6.5, "left": 8.0}
    assert run.summary["finished"] == 7
    with pytest.raises(SettingsError, match="must hold 9 rows of 9 seconds"):
        simulate(read_experiment(tmp_path / "one.toml", ["topology.peers=9"]))


def test_without_conditions_latency_alone_is_asked() -> None:
    assert len(rules_of(experiment_of({}).network, 8, 0)) == 1
