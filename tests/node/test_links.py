"""Two or three nodes on loopback sockets: they find each other, part, and come back."""

from __future__ import annotations

import numpy as np
import pytest
import trio
from hosts import IDENTITIES, NOWHERE, VECTOR, Host, run, still, update

from gossipfl.errors import SettingsError
from gossipfl.node.links import Happened
from gossipfl.protocol.events import Joined, Left, Received, Suspected, Trusted
from gossipfl.protocol.messages import Begun

SMALL, LARGE, THIRD, _ = IDENTITIES


def test_two_nodes_speak_over_one_link() -> None:
    async def test() -> None:
        one, two = Host(SMALL), Host(LARGE)
        async with one.running((LARGE, NOWHERE)) as left, two.running((SMALL, one.address)) as right:
            await one.until(lambda host: host.count(Joined) == 1)
            await two.until(lambda host: host.count(Joined) == 1)
            right.send(one.number, Begun(1))
            right.send(one.number, update(1))
            left.send(two.number, update(2))
            await one.until(lambda host: host.rounds_heard == [1])
            await two.until(lambda host: host.rounds_heard == [2])
            assert left.spoken.messages_sent == right.spoken.messages_sent == 1
            assert left.spoken.bytes_sent > VECTOR.nbytes
            assert left.heard.messages_received == right.heard.messages_received == 1
            assert VECTOR.nbytes < left.heard.bytes_received <= right.spoken.bytes_sent
        begun = one.events[1]
        assert isinstance(begun, Received)
        assert begun.sender == two.number
        assert begun.message == Begun(1)
        assert not one.refusals
        assert not two.refusals

    run(test)


def test_whoever_is_shut_out_is_so_for_as_long_as_it_was_said() -> None:
    async def test() -> None:
        one, two = Host(SMALL), Host(LARGE)
        async with one.running((LARGE, NOWHERE)) as links:
            links.drop(two.number, "malformed", 30.0)
            assert links.shut_out == {two.number}
            await trio.sleep(30.0)
            assert links.shut_out == set()

    trio.run(test, clock=still())


def test_when_both_dial_at_once_nothing_said_is_lost() -> None:
    async def test() -> None:
        one, two = Host(SMALL), Host(LARGE)
        async with one.running():
            where = one.address  # a port that is free again afterwards
        one.listen = where
        async with two.running((SMALL, where)) as right, one.running((LARGE, two.address)) as left:
            await one.until(lambda host: host.count(Joined) == 1)
            left.send(two.number, update(1))
            await two.until(lambda host: host.count(Joined) == 1)
            right.send(one.number, update(1))
            await one.until(lambda host: host.rounds_heard == [1])
            await two.until(lambda host: host.rounds_heard == [1])
            assert one.count(Left) == two.count(Left) == 0
            assert not one.refusals
            assert not two.refusals

    run(test)


def test_a_broken_link_is_noticed_at_once_and_dialled_again() -> None:
    async def test() -> None:
        one, two = Host(SMALL), Host(LARGE)
        async with one.running((LARGE, NOWHERE)) as left, two.running((SMALL, one.address)):
            await two.until(lambda host: host.count(Joined) == 1)
            broken_at = trio.current_time()
            await left._links[two.number].close()  # no goodbye, as when a process is killed
            await two.until(lambda host: host.count(Left) == 1)
            assert trio.current_time() - broken_at < 0.5
            await two.until(lambda host: host.count(Joined) == 2)
            await one.until(lambda host: host.count(Joined) == 2)
            left.send(two.number, update(3))
            await two.until(lambda host: host.rounds_heard == [3])

    run(test)


def test_a_node_that_started_again_takes_over_from_its_former_self() -> None:
    async def test() -> None:
        one, two, again = Host(LARGE), Host(SMALL), Host(SMALL, epoch=2)
        async with one.running((SMALL, NOWHERE)), two.running((LARGE, one.address)):
            await one.until(lambda host: host.count(Joined) == 1)
            async with again.running((LARGE, one.address)) as links:
                await again.until(lambda host: host.count(Joined) == 1)
                await one.until(lambda host: host.count(Joined) == 2)
                links.send(one.number, update(5, epoch=2))
                await one.until(lambda host: host.rounds_heard == [5])
        assert [type(event) for event in one.events[:3]] == [Joined, Left, Joined]

    run(test)


def test_a_close_sends_what_waits_and_says_goodbye() -> None:
    async def test() -> None:
        one, two = Host(SMALL), Host(LARGE)
        async with one.running((LARGE, NOWHERE)) as left, two.running((SMALL, one.address)):
            await one.until(lambda host: host.count(Joined) == 1)
            left.send(two.number, update(9))
            began_at = trio.current_time()
            await left.close()
            assert trio.current_time() - began_at < 0.5
            await two.until(lambda host: host.count(Left) == 1)
            assert two.rounds_heard == [9]
            assert not two.refusals

    run(test)


def test_a_silent_link_is_suspected_and_closed_and_dialled_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gossipfl.node.link.TICK_S", 0.02)
    monkeypatch.setattr("gossipfl.node.link.PING_TICKS", 1 << 30)  # nobody pings, so all is silent

    async def test() -> None:
        one, two = Host(SMALL), Host(LARGE)
        async with one.running((LARGE, NOWHERE)), two.running((SMALL, one.address)):
            await two.until(lambda host: host.count(Left) == 1)
            await two.until(lambda host: host.count(Joined) == 2)
            assert [type(event) for event in two.events[:3]] == [Joined, Suspected, Left]
            assert not two.refusals

    run(test)


def test_whoever_is_heard_in_time_is_trusted_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gossipfl.node.link.TICK_S", 0.02)
    monkeypatch.setattr("gossipfl.node.link.PING_TICKS", 1 << 30)

    async def test() -> None:
        one, two = Host(SMALL), Host(LARGE)
        async with one.running((LARGE, NOWHERE)) as left, two.running((SMALL, one.address)):
            await two.until(lambda host: host.count(Suspected) == 1)
            left.send(two.number, update(1))
            await two.until(lambda host: host.count(Trusted) == 1)
            assert two.count(Left) == 0

    run(test)


def test_pings_keep_an_idle_link(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gossipfl.node.link.TICK_S", 0.02)

    async def test() -> None:
        one, two = Host(SMALL), Host(LARGE)
        async with one.running((LARGE, NOWHERE)), two.running((SMALL, one.address)) as links:
            await two.until(lambda host: host.count(Joined) == 1)
            said = links.spoken.bytes_sent
            while links.spoken.bytes_sent < said + 20 * 16:  # ten pings and pongs, over twice the patience
                await trio.lowlevel.checkpoint()
            assert two.count(Left) == 0

    run(test)


def test_a_port_in_use_is_a_settings_error() -> None:
    async def test() -> None:
        one = Host(SMALL)
        async with one.running():
            two = Host(LARGE)
            two.listen = one.address
            with pytest.raises(SettingsError, match="in use"):
                await two.links().run(trio.open_memory_channel[Happened](0)[0])

    run(test)


def test_a_large_update_arrives_whole_while_pings_flow(monkeypatch: pytest.MonkeyPatch) -> None:
    large = np.random.default_rng(1).normal(size=4_000_000).astype(np.float32)
    monkeypatch.setattr("hosts.VECTOR", large)
    monkeypatch.setattr("gossipfl.node.link.TICK_S", 0.02)

    async def test() -> None:
        one, two = Host(SMALL), Host(LARGE)
        async with one.running((LARGE, NOWHERE)) as left, two.running((SMALL, one.address)):
            await one.until(lambda host: host.count(Joined) == 1)
            left.send(two.number, update(1, vector=large))
            await two.until(lambda host: host.rounds_heard == [1])
            assert np.array_equal(two.updates[0].payload[0], large)
            assert left.spoken.messages_sent == 1
            assert one.count(Left) == two.count(Left) == 0

    run(test)


def test_what_is_said_to_nobody_is_counted_as_lost() -> None:
    async def test() -> None:
        one = Host(SMALL)
        async with one.running((LARGE, NOWHERE)) as links:
            links.send(Host(LARGE).number, update(1))
            assert links.spoken.messages_lost == 1

    run(test)


def test_a_newer_update_replaces_the_one_that_waits() -> None:
    async def test() -> None:
        one, two = Host(SMALL), Host(LARGE)
        async with one.running((LARGE, NOWHERE)) as left, two.running((SMALL, one.address)):
            await one.until(lambda host: host.count(Joined) == 1)
            for round_ in range(1, 6):
                left.send(two.number, update(round_))
            await two.until(lambda host: 5 in host.rounds_heard)
            assert two.rounds_heard == [5]
            assert left.spoken.messages_lost == 4
            assert np.array_equal(two.updates[0].payload[0], VECTOR)

    run(test)
