"""Who breaks rules is shut out for longer each time, is forgiven slowly, and is remembered over a restart."""

from __future__ import annotations

import numpy as np
import pytest
from test_resuming import earlier, later, watch

from gossipfl.protocol.events import Drop, Joined, Note, Offended, Quarantined, Received, Refused, Started
from gossipfl.protocol.messages import Update
from gossipfl.protocol.reputation import FIRST_S, FORGIVEN_S, FREE, LAST_S, Offences, Reputation


def offend(reputation: Reputation, times: int, now: float = 0.0) -> list[float]:
    return [reputation.offence(1, "signature", now) for _ in range(times)]


def test_the_first_offences_are_free_and_each_further_one_costs_twice_the_last() -> None:
    assert offend(Reputation(), FREE + 3) == [0.0] * FREE + [FIRST_S, 2 * FIRST_S, 4 * FIRST_S]
    assert offend(Reputation(), 100)[-1] == LAST_S


@pytest.mark.parametrize("why", ["replay", "flood", "slow", "huge", "crowded", "refused-us", "manifesto"])
def test_what_a_network_or_an_honest_model_may_do_is_no_offence(why: str) -> None:
    reputation = Reputation()
    assert [reputation.offence(1, why, 0.0) for _ in range(1000)] == [0.0] * 1000
    assert reputation.remembered(0.0) == ()


def test_each_hour_without_an_offence_takes_one_away_but_not_the_hours_shut_out() -> None:
    reputation = Reputation()
    offend(reputation, FREE + 1)
    assert reputation.offence(1, "signature", FIRST_S + 0.9 * FORGIVEN_S) == 2 * FIRST_S
    reputation = Reputation()
    offend(reputation, FREE + 1)
    assert reputation.offence(1, "signature", FIRST_S + 1.1 * FORGIVEN_S) == FIRST_S
    assert reputation.remembered(100 * FORGIVEN_S) == ()


def test_one_offence_an_hour_never_shuts_a_peer_out() -> None:
    reputation = Reputation()
    assert {reputation.offence(1, "digest", hour * FORGIVEN_S) for hour in range(1000)} == {0.0}


def test_another_life_goes_on_where_the_last_one_was_whatever_its_clock_says() -> None:
    first = Reputation()
    offend(first, FREE + 2, now=1000.0)
    (kept,) = first.remembered(1000.0 + FIRST_S)
    assert kept == Offences(1, FREE + 2, "signature", FIRST_S)
    assert kept.left_s == FIRST_S
    for now in (0.0, 1e9):
        second = Reputation()
        second.resume([kept], now)
        assert second.remembered(now) == (kept,)
        assert offend(second, 1, now) == [4 * FIRST_S]


def test_a_watch_shuts_out_whom_links_report_too_often() -> None:
    watched = watch()
    watched.handle(Started(), 0.0)
    watched.handle(Joined(1), 0.0)
    for _ in range(FREE):
        assert watched.handle(Offended(1, "signature"), 1.0) == []
    effects = watched.handle(Offended(1, "signature"), 1.0)
    assert [e.record for e in effects if isinstance(e, Note) and isinstance(e.record, Quarantined)] == [
        Quarantined(1, "signature", FIRST_S)
    ]
    assert Drop(1, "signature", FIRST_S) in effects
    assert watched.handle(Joined(1), 11.0) == [Drop(1, "quarantined", FIRST_S - 10.0)]
    assert not any(isinstance(effect, Drop) for effect in watched.handle(Joined(1), 1.0 + FIRST_S))


def test_who_is_shut_out_for_good_is_not_let_in_for_a_smaller_offence() -> None:
    from test_resuming import proof

    watched = watch()
    watched.resume(earlier().peer.memory(2)._replace(proofs=(proof(1),)))
    watched.handle(Started(), 0.0)
    for _ in range(FREE + 1):
        assert watched.handle(Offended(1, "signature"), 0.0) == []
    assert watched.handle(Joined(1), 1e6)[0] == Drop(1, "quarantined", float("inf"))


def test_a_sentence_outlives_the_process_and_ends_when_it_is_served() -> None:
    memory = earlier().peer.memory(2)
    watched = watch()
    watched.resume(memory._replace(offences=(Offences(1, FREE + 1, "layout", 10.0),)))
    effects = watched.handle(Started(), 5.0)
    assert Drop(1, "layout", FIRST_S - 10.0) in effects
    said = Received(1, Update(3, 0, 9, 10, 2, (np.full(2, 1.0),)))
    assert watched.handle(said, 24.0) == [Note(Refused(1, "quarantined"))]
    assert not any(isinstance(effect, Drop) for effect in watched.handle(Joined(1), 25.0))
    (kept,) = watched.memory(3).offences
    assert kept == Offences(1, FREE + 1, "layout", 30.0)


def test_no_file_convicts_a_stranger_or_by_a_rule_that_is_none() -> None:
    watched = watch()
    kept = Offences(9, FREE + 1, "layout", 0.0), Offences(1, FREE + 1, "equivocation", 0.0)
    watched.resume(earlier().peer.memory(2)._replace(offences=kept))
    assert not any(isinstance(effect, Drop) for effect in watched.handle(Started(), 0.0))
    assert watched.memory(3).offences == ()


def test_a_peer_without_a_watch_does_not_mind_offences() -> None:
    assert later(earlier().peer.memory(2)).tell(Started(), Offended(1, "signature")) == []
