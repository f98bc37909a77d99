"""What is to happen happens in its time, and at one moment in the order in which it was put down."""

from __future__ import annotations

from gossipfl.draws import Draws
from gossipfl.simulator.agenda import Agenda


def test_items_come_by_time_and_then_in_the_order_in_which_they_were_put() -> None:
    agenda = Agenda[int]()
    moments = Draws(1).integers("moments", 500, 40).tolist()
    for number, moment in enumerate(moments):
        agenda.put(moment / 7, number)
    wanted = sorted((moment / 7, number) for number, moment in enumerate(moments))
    assert list(agenda) == wanted
    assert list(agenda) == []


def test_what_is_put_down_meanwhile_takes_its_place() -> None:
    agenda = Agenda[str]()
    agenda.put(1.0, "first")
    agenda.put(3.0, "last")
    seen = []
    for moment, item in agenda:
        seen.append((moment, item))
        if item == "first":
            agenda.put(1.0, "at once")
            agenda.put(2.0, "between")
            agenda.put(3.0, "after the last")
    assert seen == [(1, "first"), (1, "at once"), (2, "between"), (3, "last"), (3, "after the last")]
