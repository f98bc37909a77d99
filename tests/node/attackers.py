"""Attackers of a node on loopback: strangers at its door and members that turned hostile."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable, Iterator

import trio
from hosts import IDENTITIES, NOWHERE, Host, raw_tls, read_to_end, run, update

from gossipfl.node.tls import Credentials
from gossipfl.protocol.events import Joined
from gossipfl.protocol.identity import Address, Identity
from gossipfl.protocol.session import Happening, Opened, Parted, Session, Speaker
from gossipfl.protocol.wire import Rejection

NODE, HONEST, MEMBER, STRANGER = IDENTITIES
Attack = Callable[[Address], Awaitable[None]]


def refused(attack: Attack, *reasons: str) -> Host:
    """Run `attack` on a node, which must refuse it for `reasons` while an honest neighbour is heard."""
    node, honest = Host(NODE), Host(HONEST)

    async def test() -> None:
        listed = ((HONEST, NOWHERE), (MEMBER, NOWHERE))
        async with node.running(*listed) as links, honest.running((NODE, node.address)) as friend:
            await honest.until(lambda host: host.count(Joined) == 1)
            friend.send(node.number, update(1))
            await attack(node.address)
            await node.until(lambda host: len(host.refusals) >= len(reasons))
            await node.until(lambda host: 1 in host.rounds_heard)
            friend.send(node.number, update(2))
            await node.until(lambda host: 2 in host.rounds_heard)
            assert links.refused.total() == len(reasons)

    run(test)
    assert node.reasons == list(reasons)
    assert not honest.refusals
    return node


def client(identity: Identity, trusted: Identity = NODE) -> ssl.SSLContext:
    return Credentials(identity, [trusted.key]).context(server=False)


def knocking(context: ssl.SSLContext) -> Attack:
    async def attack(address: Address) -> None:
        async with raw_tls(address, context) as stream:
            assert await read_to_end(stream) == b""

    return attack


def saying(data: bytes, told: str) -> Attack:
    """Say `data` as a member that has not greeted, and expect a REJECT that names `told`."""

    async def attack(address: Address) -> None:
        async with raw_tls(address, client(MEMBER)) as stream:
            await stream.send_all(data)
            assert told.encode() in await read_to_end(stream)

    return attack


def member(own: Speaker, misbehave: Callable[[Session], Iterator[bytes]], told: str | None = None) -> Attack:
    """Connect as a member, say what `misbehave` yields, and expect a REJECT of reason `told`."""

    async def attack(address: Address) -> None:
        async with raw_tls(address, client(own.identity)) as stream:
            session, answer = await greeted(stream, own)
            assert isinstance(answer, Opened)
            for piece in misbehave(session):
                await stream.send_all(piece)
            if told is not None:
                *_, parted = session.receive(await read_to_end(stream))
                assert isinstance(parted, Parted)
                assert isinstance(parted.rejection, Rejection)
                assert parted.rejection.reason == told

    return attack


async def greeted(stream: trio.SSLStream[trio.SocketStream], own: Speaker) -> tuple[Session, Happening]:
    """A session that has said HELLO, and what it was answered."""
    session = Session(own, NODE.key, dialled=True)
    await stream.send_all(session.hello())
    (answer,) = session.receive(await stream.receive_some(65536))
    return session, answer
