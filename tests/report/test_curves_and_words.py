"""Curves survive absent and foreign records; numbers read as people write them."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from paper_runs import paper_run

from gossipfl.report import Run
from gossipfl.report.curves import curves_of, metric_of
from gossipfl.report.peers import peer_names
from gossipfl.report.style import drawable, spread
from gossipfl.report.words import count, duration, fold, listing, score, share, significant, size


def _run(*records: dict[str, Any], **summary: Any) -> Run:
    return Run({}, list(records), summary, {})


def test_mean_and_worst_come_from_peers_where_the_network_has_none() -> None:
    run = paper_run(rounds=6)
    told = curves_of(run)
    run.records = [record for record in run.records if record["kind"] == "evaluation"]
    derived = curves_of(run)
    np.testing.assert_allclose(derived.mean, told.mean, rtol=1e-12)
    np.testing.assert_allclose(derived.worst, told.worst, rtol=1e-12)


def test_a_nan_score_is_no_score() -> None:
    evaluations = [
        {"kind": "evaluation", "peer": peer, "round": 1, "accuracy": value}
        for peer, value in enumerate([0.5, None, float("nan"), "high", True])
    ]
    curves = curves_of(_run(*evaluations))
    assert curves.mean.tolist() == [0.5]
    assert curves.worst.tolist() == [0.5]


def test_foreign_records_are_passed_over() -> None:
    run = _run(
        {},
        {"kind": "evaluation"},
        {"kind": "evaluation", "peer": -1, "round": 0, "accuracy": 1},
        {"kind": "evaluation", "peer": "x", "round": 0, "accuracy": 1},
        {"kind": "network", "round": None},
        {"kind": "weather", "peer": 0},
    )
    assert curves_of(run).rounds.size == 0


def test_the_metric_is_seen_in_the_records_if_the_summary_is_silent() -> None:
    assert metric_of(_run({"kind": "evaluation", "peer": 0, "round": 0, "r2": 0.1})) == "r2"


def test_peers_are_numbered_where_there_is_no_graph() -> None:
    assert peer_names(_run({"kind": "evaluation", "peer": 2, "round": 0})) == ["0", "1", "2"]


def test_a_kill_stands_at_the_round_that_the_peer_did_not_close() -> None:
    assert curves_of(paper_run(rounds=30)).kills == {2: 15, 5: 18}


def test_a_peer_that_came_back_was_killed_when_its_neighbours_lost_it() -> None:
    run = paper_run(rounds=10)
    run.records.append({"kind": "round", "peer": 2, "round": 10, "time_s": 4.0})
    run.records.append({"kind": "link", "peer": 1, "neighbour": 2, "state": "left", "time_s": 1.3})
    assert curves_of(run).kills[2] == 4


@pytest.mark.parametrize(
    ("told", "read"),
    [
        (score(0.9642, "accuracy"), "96.4 %"),
        (score(0.482, "r2"), "0.482"),
        (score(None, "accuracy"), "–"),
        (size(999), "999 B"),
        (size(1_234_000), "1.23 MB"),
        (size(999_900), "1 MB"),
        (size(10**18), "1,000,000 TB"),
        (size(float("nan")), "–"),
        (count(12345), "12,345"),
        (count(10**400), "–"),
        (duration(8.44), "8.4 s"),
        (duration(200), "3 min 20 s"),
        (duration(7500), "2 h 05 min"),
        (significant(0.0976), "0.0976"),
        (significant(1e-9), "1.00e-09"),
        (fold(1.64), "1.6"),
        (fold(9.96), "10"),
        (fold(253.0), "250"),
        (fold(1.23e6), "1,200,000"),
        (share(1, 0), "–"),
        (listing(["a", "b", "c", "d", "e"]), "a, b, c and 2 more"),
        (listing([]), ""),
    ],
)
def test_numbers_read_as_people_write_them(told: str, read: str) -> None:
    assert told == read


def test_labels_are_kept_apart_and_inside() -> None:
    placed = spread([0.2, 0.95, 0.96, 0.97], 0.07)
    assert placed[0] <= 0.2
    assert all(b - a >= 0.07 - 1e-12 for a, b in itertools.pairwise(placed))
    assert max(placed) <= 1


def test_a_name_is_drawn_without_mathematics_or_missing_letters() -> None:
    assert drawable("Zürich $x^") == "Zürich ·x^"
    assert drawable("病院🙂\n") == "····"
    assert len(drawable("x" * 99)) == 24
