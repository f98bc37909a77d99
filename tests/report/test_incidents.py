"""What befell a run stands in its table, and cuts are found in rounds."""

from __future__ import annotations

from typing import Any

from gossipfl.report import Run
from gossipfl.report.incidents import cut_spans, incident_rows

GRAPH = {"names": ["a", "b", "c"], "edges": [[0, 1], [1, 2]]}


def run_with(*records: dict[str, Any]) -> Run:
    rounds = [{"kind": "round", "peer": 0, "round": r, "time_s": float(r)} for r in range(1, 11)]
    return Run({}, [*rounds, *records], {"rounds": 10, "peers": 3}, GRAPH, {}, None)


def cut(kind: str, time_s: float) -> dict[str, Any]:
    return {"kind": kind, "peer": None, "time_s": time_s}


def test_a_run_without_incidents_tells_of_none() -> None:
    assert incident_rows(run_with()) == []


def test_who_left_and_who_stood_still_is_named_once() -> None:
    left = [{"kind": "left", "peer": 2, "time_s": at} for at in (3.0, 6.0)]
    paused = {"kind": "paused", "peer": 1, "time_s": 4.0}
    assert incident_rows(run_with(*left, paused)) == [("Peers that left", "c"), ("Paused peers", "b")]


def test_a_cut_lasts_until_all_that_overlap_are_healed() -> None:
    records = [cut("partitioned", 2.5), cut("partitioned", 4.5), cut("healed", 5.5), cut("healed", 7.5)]
    assert cut_spans(run_with(*records)) == [(3.0, 8.0)]
    assert incident_rows(run_with(*records)) == [("Links cut in", "rounds 3 to 8")]


def test_a_cut_that_nobody_healed_lasts_to_the_end() -> None:
    assert cut_spans(run_with(cut("partitioned", 2.5))) == [(3.0, 10.0)]


def test_records_that_make_no_sense_are_passed_over() -> None:
    odd = {"kind": "left", "peer": "x", "time_s": 1.0}
    assert incident_rows(run_with(cut("healed", 1.0), odd, {"kind": "partitioned"})) == []
