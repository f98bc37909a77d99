"""Faults befall processes as a timetable asks, in virtual time and with processes that only pretend."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

from gossipfl.cli.process import Process
from gossipfl.cli.shuttle import Shuttle
from gossipfl.cli.stage import ProcessStage
from gossipfl.simulator.faults.plans import Absence, Back, Churn, Fault, Kill, Partition, Pause
from gossipfl.simulator.mishaps import Mishaps

RING = [(1, 3), (0, 2), (1, 3), (0, 2)]


@dataclass
class Pretender:
    """A process that does at once what it is asked."""

    number: int
    alive: bool = True
    begun: bool = True
    killed: bool = False
    left: bool = False
    paused: bool = False
    cut: bool = False
    starts: int = 0
    fresh: bool = False

    def kill(self) -> None:
        self.killed, self.alive = True, False

    def leave(self) -> None:
        self.left, self.alive = True, False

    def pause(self) -> None:
        self.paused = True

    def go_on(self) -> None:
        self.paused = False

    def start(self, *, fresh: bool = False) -> None:
        self.alive, self.killed, self.left, self.fresh = True, False, False, fresh
        self.starts += 1


@dataclass
class Theatre:
    """Four pretenders in a ring, a shuttle and a recorder that remember, and a clock."""

    faults: tuple[Fault, ...]
    now: float = 0.0
    said: list[tuple[str, Any]] = field(default_factory=list)
    cuts: set[tuple[int, int]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.nodes = [Pretender(number) for number in range(4)]
        nodes, shuttle = cast("list[Process]", self.nodes), cast("Shuttle", self)
        self.stage = ProcessStage(nodes, shuttle, cast("Any", self), self.faults, lambda: self.now)
        self.mishaps = Mishaps(self.faults, RING, 0, self.stage)
        self.mishaps.begin()

    def cut(self, pairs: Any) -> None:
        self.cuts = set(pairs)

    def marked(self, what: str, time_s: float, peers: tuple[int, ...]) -> None:
        self.said.append((what, peers[0] if peers else None))

    def reached(self, round_: int, *peers: int) -> None:
        self.stage.under_way()
        for peer in peers or range(4):
            self.mishaps.reached(peer, round_)

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.stage.time_passes()

    @property
    def ended(self) -> set[int]:
        return {node.number for node in self.nodes if not node.alive}


def test_who_is_killed_is_started_again_when_another_reaches_the_round() -> None:
    play = Theatre((Kill(2, 5), Back(2, 8)))
    play.reached(5)
    assert play.said == [("killed", 2)]
    assert play.stage.may_return(2)
    play.reached(8, 0)
    assert play.stage.start_who_has(set()) == []  # it has not ended yet
    assert play.stage.start_who_has(play.ended) == [2]
    assert play.nodes[2].starts == 1
    assert not play.stage.may_return(2)


def test_nobody_returns_when_all_who_could_reach_the_round_are_gone() -> None:
    play = Theatre((Kill(2, 5), Back(2, 8)))
    play.reached(5)
    for node in play.nodes:
        node.alive = False
    assert not play.stage.may_return(2)


def test_a_pause_ends_after_its_seconds() -> None:
    play = Theatre((Pause(1, 3, 30.0),))
    play.reached(3, 1)
    seen = []
    for seconds in (29.0, 1.0):
        play.wait(seconds)
        seen.append(play.nodes[1].paused)
    assert seen == [True, False]
    assert play.said == [("paused", 1), ("continued", 1)]


def test_who_dies_while_it_stands_still_does_not_go_on() -> None:
    play = Theatre((Pause(1, 3, 30.0), Kill(1, 4)))
    play.reached(4, 1)
    play.wait(31.0)
    assert [kind for kind, _ in play.said] == ["paused", "killed"]


def test_time_begins_with_the_first_round() -> None:
    play = Theatre((Absence(3, 2.0, 5.0, forgets=True),))
    play.wait(100.0)
    assert play.said == []
    play.reached(2, 0)
    play.wait(2.0)
    assert play.said == [("left", 3)]
    play.wait(3.0)
    assert play.stage.start_who_has(play.ended) == [3]


def test_cuts_that_overlap_are_healed_each_for_itself() -> None:
    halves = Partition("halves", 2, 6)
    alone = Partition("isolate", 4, 8, peer=1)
    play = Theatre((halves, alone))
    play.reached(2)
    assert play.cuts == {(0, 3), (3, 0), (1, 2), (2, 1)}
    assert all(node.cut for node in play.nodes)
    play.reached(4)
    play.reached(6)
    assert play.cuts == {(0, 1), (1, 0), (1, 2), (2, 1)}
    assert [node.cut for node in play.nodes] == [True, True, True, False]
    play.reached(8)
    assert play.cuts == set()
    assert play.said == [("partitioned", None)] * 2 + [("healed", None)] * 2


def test_who_finished_is_not_started_again() -> None:
    play = Theatre((Churn(leave=1.0, back=1.0, forgets=True),))
    play.nodes[0].alive = False
    play.stage.boot(0)
    assert play.stage.start_who_has({0}) == []
    assert not play.stage.may_return(0)
