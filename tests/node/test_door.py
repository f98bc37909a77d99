"""Strangers wait at the door in bounded numbers, and those who only stand around make room."""

from __future__ import annotations

from contextlib import ExitStack

import trio
from hosts import IDENTITIES, NOWHERE, Host, raw_tls, run, speaker

from gossipfl.node.door import Doorway
from gossipfl.node.tls import Credentials
from gossipfl.protocol.events import Joined
from gossipfl.protocol.session import Session

NODE, MEMBER, *_ = IDENTITIES


def sent_away(*addresses: str, neighbours: int = 2) -> list[int]:
    """Which strangers, numbered as they came from `addresses`, had to make room."""
    door = Doorway(neighbours)

    async def test() -> list[int]:
        with ExitStack() as strangers:
            scopes = [strangers.enter_context(door.stranger(address)) for address in addresses]
            return [number for number, scope in enumerate(scopes) if scope.cancel_called]

    return trio.run(test)


def test_the_longest_waiting_of_a_host_makes_room() -> None:
    assert sent_away("192.0.2.7", *["192.0.2.8"] * 18) == [1, 2]


def test_neighbours_behind_one_gateway_all_have_room() -> None:
    assert sent_away(*["192.0.2.8"] * 40, neighbours=40) == []


def test_of_many_hosts_the_most_crowded_makes_room() -> None:
    many = [f"192.0.2.{host}" for host in range(127)]
    assert sent_away(*many, many[-1], "203.0.113.1") == [126]


def test_a_whole_ipv6_network_is_one_host_and_a_mapped_address_its_own() -> None:
    assert sent_away(*[f"2001:db8::{host:x}" for host in range(17)]) == [0]
    assert sent_away(*[f"2001:db8:0:{net:x}::1" for net in range(17)]) == []
    assert sent_away(*[f"::ffff:192.0.2.{host}" for host in range(17)]) == []


def test_a_member_comes_in_past_a_crowd_that_stands_around() -> None:
    node = Host(NODE)

    async def test() -> None:
        async with node.running((MEMBER, NOWHERE)) as links:
            strangers = [await trio.open_tcp_stream(*node.address) for _ in range(40)]
            context = Credentials(MEMBER, [NODE.key]).context(server=False)
            async with raw_tls(node.address, context) as stream:
                await stream.send_all(Session(speaker(MEMBER), NODE.key, dialled=True).hello())
                await node.until(lambda host: host.count(Joined) == 1)
            assert set(links.refused) == {"crowded"}
            for stranger in strangers:
                await trio.aclose_forcefully(stranger)

    run(test)
