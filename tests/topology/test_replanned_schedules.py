"""When peers are lost, those who remain have the same family of schedule among themselves."""

from __future__ import annotations

import numpy as np
import pytest

from gossipfl.errors import TopologyError
from gossipfl.topology import SCHEDULES, Schedule, build_schedule, build_topology, replanned

ALIVE = [0, 1, 2, 4, 5, 6, 9, 10, 12, 13, 15]


def _mixed(schedule: Schedule, values: list[float]) -> list[float]:
    held = np.array(values)
    for round in range(1, (schedule.period or 1) + 1):
        held = schedule.mixing(round) @ held
    return [float(value) for value in held]


@pytest.mark.parametrize("name", SCHEDULES)
def test_the_lost_speak_to_nobody_and_nobody_waits_for_them(name: str) -> None:
    schedule = replanned(build_schedule(name, 16), ALIVE)
    assert schedule.absent == {3, 7, 8, 11, 14}
    for round in (1, 2, 3, 8):
        for peer in range(16):
            others = {*schedule.speaks_to(peer, round), *schedule.waits_for(peer, round)}
            assert others <= set(ALIVE) if peer in ALIVE else not others
    assert {int(end) for edge in schedule.union().edges for end in edge} == set(ALIVE)


@pytest.mark.parametrize("name", ["base", "simple-base", "hyper-hypercube", "one-peer-exponential"])
def test_those_who_remain_agree_exactly_and_the_lost_keep_what_they_hold(name: str) -> None:
    schedule = replanned(build_schedule(name, 16), ALIVE)
    assert schedule.finite_time
    values = [float(peer**2) for peer in range(16)]
    mean = sum(values[peer] for peer in ALIVE) / len(ALIVE)
    expected = [mean if peer in ALIVE else values[peer] for peer in range(16)]
    assert _mixed(schedule, values) == pytest.approx(expected, abs=1e-11)


def test_a_family_that_takes_no_such_number_gives_way_to_base() -> None:
    schedule = build_schedule("one-peer-hypercube", 8)
    assert replanned(schedule, range(7)).name == "base"
    assert replanned(schedule, [0, 2, 5, 7]).name == "one-peer-hypercube"


def test_peers_that_come_back_are_planned_for_again() -> None:
    schedule = build_schedule("base", 9, degree=2)
    back = replanned(replanned(schedule, [0, 1, 2, 3]), range(9))
    assert not back.absent
    for round in range(1, 4):
        assert np.allclose(back.mixing(round).toarray(), schedule.mixing(round).toarray())


@pytest.mark.parametrize(
    ("alive", "words"), [([3], "at least 2"), ([0, 8], "no peer 8"), ([-1, 2], "no peer -1")]
)
def test_peers_that_make_no_schedule_are_refused(alive: list[int], words: str) -> None:
    with pytest.raises(TopologyError, match=words):
        replanned(build_schedule("base", 8), alive)


def test_a_schedule_of_unknown_family_is_refused() -> None:
    with pytest.raises(TopologyError, match="build_schedule"):
        replanned(Schedule.of(build_topology("ring", 5)), [0, 1, 2])
