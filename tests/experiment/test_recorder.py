"""What a run leaves behind: rounds judged like with like, and figures over those who finished."""

from __future__ import annotations

import numpy as np
import pytest

from gossipfl.api import experiment_of
from gossipfl.experiment.federation import Federation, build
from gossipfl.experiment.judging import average, consensus_distance
from gossipfl.experiment.recorder import Record, Recorder
from gossipfl.protocol.events import Refused, RoundClosed
from gossipfl.protocol.messages import Traffic

ROUNDS = 3


@pytest.fixture(scope="module")
def federation() -> Federation:
    return build(experiment_of({"data": "wine", "topology": "ring", "peers": 3, "rounds": ROUNDS}))


class Seen:
    def __init__(self, federation: Federation) -> None:
        self.federation = federation
        self.traffic = Traffic(messages_sent=7, messages_lost=2, bytes_sent=700)
        self.recorder = Recorder(federation, lambda: self.traffic)

    def close(self, peer: int, *rounds: int) -> None:
        for round in rounds:
            vector = np.full(self.federation.model.size, float(peer), self.federation.model.dtype)
            record = RoundClosed(round, vector, heard=2, missing=0, stale=0, duration_s=1.0)
            self.recorder.observe(peer, float(round), record)

    def of(self, kind: str) -> list[Record]:
        return [record for record in self.recorder.records if record["kind"] == kind]

    def judged(self) -> list[int]:
        return [record["round"] for record in self.of("network")]


def test_the_first_model_is_judged_before_any_round(federation: Federation) -> None:
    seen = Seen(federation)
    assert seen.judged() == [0]
    assert [record["peer"] for record in seen.of("evaluation")] == [0, 1, 2]


def test_a_round_is_judged_when_the_last_peer_has_closed_it(federation: Federation) -> None:
    seen = Seen(federation)
    seen.close(0, 1, 2)
    seen.close(1, 1)
    assert seen.judged() == [0]
    seen.close(2, 1)
    assert seen.judged() == [0, 1]
    assert len([r for r in seen.of("evaluation") if r["round"] == 1]) == 3
    assert seen.of("network")[1]["messages_sent"] == 7


def test_nobody_waits_for_the_dead_and_a_skipped_round_holds_up_none(federation: Federation) -> None:
    seen = Seen(federation)
    seen.close(0, 1, 2)
    seen.close(1, 2)
    assert seen.judged() == [0]
    seen.recorder.killed(2, 2.0)
    assert seen.judged() == [0, 1, 2]
    assert [(r["peer"], r["time_s"]) for r in seen.of("killed")] == [(2, 2.0)]
    seen.recorder.gone(2)
    seen.close(2, 3)  # it is back
    assert seen.judged() == [0, 1, 2]
    seen.close(0, 3)
    seen.close(1, 3)
    assert seen.judged() == [0, 1, 2, 3]


def test_what_is_left_is_judged_at_the_end(federation: Federation) -> None:
    seen = Seen(federation)
    seen.close(0, 1, 2, 3)
    seen.recorder.close()
    assert seen.judged() == [0, 1, 2, 3]
    summary = seen.recorder.summary()
    assert (summary["finished"], summary["peers"]) == (1, 3)
    assert summary["accuracy_per_peer"][1:] == [None, None]
    assert summary["accuracy_mean"] == summary["accuracy_worst"] == summary["accuracy_per_peer"][0]
    assert summary["consensus_distance"] == 0.0


def test_a_run_that_nobody_finished_has_a_summary(federation: Federation) -> None:
    seen = Seen(federation)
    summary = seen.recorder.summary()
    assert summary["finished"] == 0
    assert "accuracy_mean" not in summary
    assert summary["messages_lost"] == 2


def test_refusals_are_counted_by_reason(federation: Federation) -> None:
    seen = Seen(federation)
    for reason in ("huge", "non-finite", "huge"):
        seen.recorder.observe(1, 5.0, Refused(2, reason))
    assert seen.recorder.summary()["refused"] == {"huge": 2, "non-finite": 1}
    assert {r["sender"] for r in seen.of("refused")} == {2}


def test_consensus_distance_is_the_mean_square_from_the_mean() -> None:
    apart, alike = np.array([[0.0, 0.0], [2.0, 4.0]], np.float32), np.full((3, 4), 1e8, np.float32)
    assert consensus_distance(apart, average(apart)) == pytest.approx(5.0)
    assert consensus_distance(alike, average(alike)) == 0.0


def test_models_that_are_not_finite_or_grew_beyond_reason_are_counted(federation: Federation) -> None:
    seen = Seen(federation)
    for peer, size in enumerate((1.0, 1e30, np.inf)):
        vector = np.full(federation.model.size, size, federation.model.dtype)
        seen.recorder.observe(peer, 1.0, RoundClosed(ROUNDS, vector, 2, 0, 0, 1.0))
    assert seen.recorder.summary()["diverged"] == 2
