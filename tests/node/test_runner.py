"""A peer on real links and a real clock: trains, speaks, hears, and ends cleanly."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable

import numpy as np
import pytest
import trio
from hosts import IDENTITIES, NOWHERE, VECTOR, Host, run, update

from gossipfl.errors import RemoteProtocolError, RunError, SettingsError
from gossipfl.learn.contracts import Array
from gossipfl.node import runner
from gossipfl.node.keeping import Keeping
from gossipfl.node.runner import Record
from gossipfl.protocol.admission import Admission
from gossipfl.protocol.events import (
    Drop,
    Effect,
    Event,
    Finished,
    Joined,
    Left,
    Note,
    Received,
    Refused,
    RoundClosed,
    Send,
    SetTimer,
    Started,
    Stop,
    TimerFired,
    Train,
    Trained,
)
from gossipfl.protocol.layout import layout_of
from gossipfl.protocol.memory import Memory
from gossipfl.protocol.messages import Update

ONE, TWO, *_ = IDENTITIES
Script = Callable[[Event], list[Effect]]


class Scripted:
    """A peer that does what a script says, and remembers what happened."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.events: list[Event] = []

    def handle(self, event: Event, now: float) -> list[Effect]:
        self.events.append(event)
        return self.script(event)

    def kinds(self) -> list[str]:
        return [type(event).__name__ for event in self.events]


def fit(vector: Array, round_: int, drift: Array | None) -> Array:
    return vector + round_


def ignore(_: Record) -> None:
    pass


def waiting(event: Event) -> list[Effect]:
    return [Finished()] if isinstance(event, Stop) else []


def test_training_and_timers_come_back_as_events() -> None:
    def script(event: Event) -> list[Effect]:
        match event:
            case Started():
                return [SetTimer(2, 0.02), SetTimer(1, 0.0), Train(VECTOR, 3)]
        return [Finished()] if len(peer.events) == 4 else []

    peer = Scripted(script)
    assert trio.run(runner.run, peer, Host(ONE).links(), fit, ignore)
    assert sorted(peer.kinds()) == ["Started", "TimerFired", "TimerFired", "Trained"]
    fired = [event.timer for event in peer.events if isinstance(event, TimerFired)]
    assert fired == [1, 2]
    (trained,) = [event.vector for event in peer.events if isinstance(event, Trained)]
    assert np.array_equal(trained, VECTOR + 3)


def test_two_peers_exchange_updates_and_the_last_one_is_not_lost() -> None:
    """The first finishes in the instant in which it speaks; the second must hear it all the same."""
    one, two = Host(ONE), Host(TWO)

    def speaking(event: Event) -> list[Effect]:
        match event:
            case Joined(peer):
                return [Send(peer, update(7)), Finished()]
        return []

    def hearing(event: Event) -> list[Effect]:
        return [Finished()] if isinstance(event, Left) else []

    async def test() -> None:
        async with one.running():
            two_knows = one.address
        one.listen = two_knows
        first, second = Scripted(speaking), Scripted(hearing)
        records: list[Record] = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(runner.run, first, one.links((TWO, NOWHERE)), fit, ignore)
            nursery.start_soon(runner.run, second, two.links((ONE, two_knows)), fit, records.append)
        assert second.kinds() == ["Started", "Joined", "Received", "Left"]
        assert records == [Joined(one.number), Left(one.number)]

    run(test)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.skipif(os.name == "nt", reason="Windows cannot signal itself like this")
def test_a_signal_stops_a_peer_cleanly_even_while_it_trains(number: signal.Signals) -> None:
    release = threading.Event()

    def slow(vector: Array, *_: object) -> Array:
        os.kill(os.getpid(), number)
        release.wait(5)
        return vector

    def script(event: Event) -> list[Effect]:
        return [Train(VECTOR, 1)] if isinstance(event, Started) else waiting(event)

    peer = Scripted(script)
    assert not trio.run(runner.run, peer, Host(ONE).links(), slow, ignore)
    release.set()
    assert peer.kinds() == ["Started", "Stop"]


def test_an_update_of_no_numbers_is_noted_and_its_sender_dropped_and_told() -> None:
    one, two = Host(ONE), Host(TWO)
    gate = Admission(100, layout_of((VECTOR,)), layout_of((VECTOR,)))

    def judging(event: Event) -> list[Effect]:
        if isinstance(event, Received) and isinstance(event.message, Update):
            try:
                gate.check(event.sender, event.message)
            except RemoteProtocolError as error:
                return [Note(Refused(event.sender, error.reason)), Drop(event.sender, error.reason)]
        return [Finished()] if isinstance(event, Left) else []

    async def test() -> None:
        async with one.running():
            where = one.address
        one.listen = where
        records: list[Record] = []
        async with two.running((ONE, where)) as links, trio.open_nursery() as nursery:
            nursery.start_soon(runner.run, Scripted(judging), one.links((TWO, NOWHERE)), fit, records.append)
            await two.until(lambda host: host.count(Joined) == 1)
            links.send(one.number, update(1, vector=np.full_like(VECTOR, np.nan)))
            await two.until(lambda host: bool(host.refusals))
        assert two.reasons == ["refused-us"]
        assert two.refusals[0].detail.startswith("non-finite")
        assert records == [Joined(two.number), Refused(two.number, "non-finite"), Left(two.number)]

    run(test)


def test_what_the_last_round_came_to_is_kept_before_a_peer_ends() -> None:
    def script(event: Event) -> list[Effect]:
        closed = [Note(RoundClosed(round_, VECTOR, 0, 0, 0, 1.0)) for round_ in (1, 2)]
        return [*closed, Finished()] if isinstance(event, Started) else []

    written: list[Memory] = []
    keeping = Keeping(lambda round_: Memory(round_, (VECTOR,), {}), written.append)
    assert trio.run(runner.run, Scripted(script), Host(ONE).links(), fit, ignore, None, keeping)
    assert [memory.round for memory in written] == [2]


def test_an_error_of_training_comes_out_as_it_is() -> None:
    def diverging(vector: Array, *_: object) -> Array:
        raise RunError("diverged")

    peer = Scripted(lambda event: [Train(VECTOR, 1)] if isinstance(event, Started) else [])
    with pytest.raises(RunError, match="diverged"):
        trio.run(runner.run, peer, Host(ONE).links(), diverging, ignore)


def test_a_port_in_use_comes_out_as_a_settings_error() -> None:
    async def test() -> None:
        one, two = Host(ONE), Host(TWO)
        async with one.running():
            two.listen = one.address
            with pytest.raises(SettingsError, match="in use"):
                await runner.run(Scripted(waiting), two.links(), fit, ignore)

    run(test)
