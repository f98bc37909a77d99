"""Whoever is slow, greedy or many costs a bounded amount, and honest neighbours notice nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import trio
from attackers import (
    HONEST,
    MEMBER,
    NODE,
    client,
    greeted,
    member,
    refused,
    saying,
)
from hosts import NOWHERE, Host, raw_tls, read_to_end, run, speaker, update

from gossipfl.protocol.identity import Address
from gossipfl.protocol.session import PING, Happening, Parted, Session


def test_a_flood_of_pings() -> None:
    def misbehave(_: Session) -> Iterator[bytes]:
        yield PING * 200

    refused(member(speaker(MEMBER), misbehave), "flood")


def test_a_stranger_who_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gossipfl.node.handshake.HANDSHAKE_S", 0.1)

    async def attack(address: Address) -> None:
        async with await trio.open_tcp_stream(*address) as stream:
            assert await read_to_end(stream) == b""

    refused(attack, "slow")


def test_a_greeting_of_tls_that_has_no_end() -> None:
    """OpenSSL would keep 128 KiB of it, and never so much is read."""
    piece = b"\x01" + (131_000).to_bytes(3, "big") + b"\x03\x03" + bytes(16_000)

    async def attack(address: Address) -> None:
        async with await trio.open_tcp_stream(*address) as stream:
            await stream.send_all(b"\x16\x03\x01" + len(piece).to_bytes(2, "big") + piece)
            await stream.send_all(b"\x16\x03\x01\x3e\x80" + bytes(16_000))
            await read_to_end(stream)

    refused(attack, "oversized-handshake")


def test_a_member_who_does_not_greet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gossipfl.node.link.HELLO_S", 0.1)
    refused(saying(PING[:5], "greet within"), "slow")


def test_a_frame_that_dribbles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gossipfl.node.link.HEADER_S", 0.1)

    def misbehave(_: Session) -> Iterator[bytes]:
        yield PING[:5]

    refused(member(speaker(MEMBER), misbehave, "slow"), "slow")


def test_a_body_that_dribbles_while_pings_flow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gossipfl.node.link.body_s", lambda _: 0.1)

    def misbehave(session: Session) -> Iterator[bytes]:
        first, chunk = session.update(update(1)).pieces
        yield first + PING
        yield chunk[:20]

    refused(member(speaker(MEMBER), misbehave, "slow"), "slow")


def test_a_member_that_comes_again_and_again() -> None:
    async def attack(address: Address) -> None:
        answer: Happening | None = None
        while not isinstance(answer, Parted):
            async with raw_tls(address, client(MEMBER)) as stream:
                _, answer = await greeted(stream, speaker(MEMBER))

    refused(attack, "flood")


def test_a_crowd_of_strangers_from_one_host() -> None:
    node = Host(NODE)

    async def test() -> None:
        async with node.running((HONEST, NOWHERE)) as links:
            strangers = [await trio.open_tcp_stream(*node.address) for _ in range(20)]
            await node.until(lambda host: len(host.refusals) == 4)
            assert links.refused == {"crowded": 4}
            for stranger in strangers:
                await trio.aclose_forcefully(stranger)

    run(test)


def test_a_member_that_connects_many_times_and_never_greets() -> None:
    async def attack(address: Address) -> None:
        one, other, third = (raw_tls(address, client(MEMBER)) for _ in range(3))
        async with one, other, third as refused_one:
            assert b"crowded" in await read_to_end(refused_one)

    refused(attack, "crowded")
