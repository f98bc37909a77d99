"""Whoever breaks a rule on a real socket is refused with its reason, and honest neighbours notice nothing."""

from __future__ import annotations

import ssl
import struct
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
import trio
from hosts import IDENTITIES, NOWHERE, VECTOR, Host, raw_tls, read_to_end, run, speaker, update

from gossipfl.errors import RemoteProtocolError
from gossipfl.node.tls import ALPN, Credentials
from gossipfl.protocol.admission import Admission
from gossipfl.protocol.events import Joined
from gossipfl.protocol.framing import FrameType, control_frame
from gossipfl.protocol.identity import Address, Identity
from gossipfl.protocol.layout import layout_of
from gossipfl.protocol.messages import Update
from gossipfl.protocol.session import PING, Happening, Opened, Parted, Session, Speaker
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


def test_an_unknown_key() -> None:
    node = refused(knocking(client(STRANGER)), "unknown-key")
    assert node.refusals[0].peer is None
    assert node.refusals[0].who == "127.0.0.1"


def test_our_own_key_reflected() -> None:
    refused(knocking(client(NODE)), "unknown-key")


def test_an_issuer_forged() -> None:
    context = Credentials(STRANGER, [NODE.key])
    context._key = MEMBER.key  # names a member as issuer, signs with a stranger's key
    context._renew()
    refused(knocking(context.context(server=False)), "forged-issuer")


def test_no_certificate() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols([ALPN])
    refused(knocking(context), "no-certificate")


def test_tls_1_2() -> None:
    async def attack(address: Address) -> None:
        context = client(MEMBER)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
        with pytest.raises(trio.BrokenResourceError):
            async with raw_tls(address, context):
                pass

    refused(attack, "tls-version")


def test_another_alpn() -> None:
    context = client(MEMBER)
    context.set_alpn_protocols(["h2"])
    refused(knocking(context), "alpn")


def test_no_alpn() -> None:
    context = client(MEMBER)
    context.set_alpn_protocols([])
    refused(knocking(context), "alpn")


def test_no_tls_at_all() -> None:
    async def attack(address: Address) -> None:
        async with await trio.open_tcp_stream(*address) as stream:
            await stream.send_all(b"GET / HTTP/1.1\r\n\r\n")
            await read_to_end(stream)

    refused(attack, "not-tls")


def test_a_connection_that_ends_in_its_handshake_is_no_refusal() -> None:
    async def attack(address: Address) -> None:
        async with await trio.open_tcp_stream(*address) as stream:
            await stream.send_all(b"\x16\x03\x01")

    refused(attack)


def test_another_manifest() -> None:
    own = speaker(MEMBER, model="mlp")
    node = refused(saying(Session(own, NODE.key, dialled=True).hello(), "model"), "manifest")
    assert "model" in node.refusals[0].detail


def test_a_frame_before_the_greeting() -> None:
    refused(saying(PING, "unexpected-type"), "unexpected-type")


def test_a_greeting_that_is_no_greeting() -> None:
    refused(saying(control_frame(FrameType.HELLO, b"\x91\xc1"), "malformed"), "malformed")


def test_an_oversized_header() -> None:
    prefix = struct.pack(">3sBIQ", b"GF\x01", FrameType.HELLO, 1 << 31, 0)
    refused(saying(prefix, "oversized-header"), "oversized-header")


def test_an_oversized_update() -> None:
    def misbehave(_: Session) -> Iterator[bytes]:
        yield struct.pack(">3sBIQ", b"GF\x01", FrameType.UPDATE, 100, 1 << 50)

    refused(member(speaker(MEMBER), misbehave, "body-length"), "body-length")


def test_an_update_changed_on_its_way() -> None:
    def misbehave(session: Session) -> Iterator[bytes]:
        first, chunk = session.update(update(1))
        yield first
        yield chunk[:-1] + bytes([chunk[-1] ^ 1])

    refused(member(speaker(MEMBER), misbehave, "digest"), "digest")


def test_a_header_changed_on_its_way() -> None:
    def misbehave(session: Session) -> Iterator[bytes]:
        first, chunk = session.update(update(1))
        yield first[:-1] + bytes([first[-1] ^ 1])
        yield chunk

    refused(member(speaker(MEMBER), misbehave, "signature"), "signature")


def test_an_update_of_another_member() -> None:
    def misbehave(_: Session) -> Iterator[bytes]:
        yield from Session(speaker(HONEST), NODE.key, dialled=True).update(update(1))

    refused(member(speaker(MEMBER), misbehave, "sender"), "sender")


def test_an_update_of_an_earlier_boot() -> None:
    def misbehave(session: Session) -> Iterator[bytes]:
        yield from session.update(update(1, epoch=1))

    refused(member(speaker(MEMBER, epoch=2), misbehave, "epoch"), "epoch")


def test_a_flood_of_pings() -> None:
    def misbehave(_: Session) -> Iterator[bytes]:
        yield PING * 200

    refused(member(speaker(MEMBER), misbehave), "flood")


@pytest.mark.parametrize(
    ("second", "reason"),
    [
        (update(1), "replay"),
        (update(2, vector=np.full_like(VECTOR, np.nan)), "non-finite"),
        (replace(update(2), round=101), "round"),
        (replace(update(2), samples=1 << 41), "samples"),
    ],
)
def test_an_update_with_values_that_may_not_be(second: Update, reason: str) -> None:
    """The links bring it, as its signature holds; admission, which every peer asks, refuses it."""

    def misbehave(session: Session) -> Iterator[bytes]:
        yield from session.update(update(1))
        yield from session.update(second)

    node, mallory = Host(NODE), Host(MEMBER).number
    gate = Admission(100, layout_of((VECTOR,)))

    async def test() -> None:
        async with node.running((MEMBER, NOWHERE)) as links:
            await member(speaker(MEMBER), misbehave)(node.address)
            await node.until(lambda host: len(host.rounds_heard) == 2)
            assert not links.refused

    run(test)
    gate.check(mallory, node.updates[0])
    with pytest.raises(RemoteProtocolError) as caught:
        gate.check(mallory, node.updates[1])
    assert caught.value.reason == reason


def test_a_member_at_the_wrong_address() -> None:
    node, wrong = Host(NODE), Host(MEMBER)

    async def test() -> None:
        listening = wrong.running((NODE, NOWHERE))
        async with listening, node.running((HONEST, wrong.address), (MEMBER, NOWHERE)):
            await node.until(lambda host: len(host.refusals) > 0)

    run(test)
    assert node.reasons[0] == "wrong-key"
    assert not node.events


def test_a_stranger_at_an_address() -> None:
    node, wrong = Host(NODE), Host(STRANGER)

    async def test() -> None:
        async with wrong.running((NODE, NOWHERE)), node.running((HONEST, wrong.address)):
            await node.until(lambda host: len(host.refusals) > 0)

    run(test)
    assert node.reasons[0] == "unknown-key"


def test_a_stranger_who_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gossipfl.node.handshake.HANDSHAKE_S", 0.1)

    async def attack(address: Address) -> None:
        async with await trio.open_tcp_stream(*address) as stream:
            assert await read_to_end(stream) == b""

    refused(attack, "slow")


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
        first, chunk = session.update(update(1))
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
