"""A member that breaks a rule is refused with its reason, and honest neighbours notice nothing."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from attackers import (
    HONEST,
    MEMBER,
    NODE,
    member,
    refused,
    saying,
)
from hosts import NOWHERE, VECTOR, Host, run, speaker, update

from gossipfl.errors import RemoteProtocolError
from gossipfl.protocol.admission import Admission
from gossipfl.protocol.events import Offended
from gossipfl.protocol.framing import FrameType, control_frame
from gossipfl.protocol.layout import layout_of
from gossipfl.protocol.messages import Update
from gossipfl.protocol.session import PING, Session


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
        first, chunk = session.update(update(1)).pieces
        yield first
        yield chunk[:-1] + bytes([chunk[-1] ^ 1])

    refused(member(speaker(MEMBER), misbehave, "digest"), "digest")


def test_a_header_changed_on_its_way_is_refused_before_its_body_comes() -> None:
    def misbehave(session: Session) -> Iterator[bytes]:
        first, _ = session.update(update(1)).pieces
        yield first[:-1] + bytes([first[-1] ^ 1])

    node = refused(member(speaker(MEMBER), misbehave, "signature"), "signature")
    assert Offended(Host(MEMBER).number, "signature") in node.events, "whoever judges members is told"


def test_two_updates_interleaved() -> None:
    def misbehave(session: Session) -> Iterator[bytes]:
        yield next(session.update(update(1)).pieces)
        yield next(session.update(update(2)).pieces)

    refused(member(speaker(MEMBER), misbehave, "unexpected-type"), "unexpected-type")


@pytest.mark.parametrize("length", [0, 1])
def test_a_body_in_crumbs(length: int) -> None:
    def misbehave(session: Session) -> Iterator[bytes]:
        yield next(session.update(update(1)).pieces)
        yield 1000 * struct.pack(">3sBIQ", b"GF\x01", FrameType.CHUNK, 0, length)

    refused(member(speaker(MEMBER), misbehave), "body-length")


def test_an_update_of_another_member() -> None:
    def misbehave(_: Session) -> Iterator[bytes]:
        yield next(Session(speaker(HONEST), NODE.key, dialled=True).update(update(1)).pieces)

    refused(member(speaker(MEMBER), misbehave, "sender"), "sender")


def test_an_update_of_an_earlier_boot() -> None:
    def misbehave(session: Session) -> Iterator[bytes]:
        yield next(session.update(update(1, epoch=1)).pieces)

    refused(member(speaker(MEMBER, epoch=2), misbehave, "epoch"), "epoch")


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
        yield from session.update(update(1)).pieces
        yield from session.update(second).pieces

    node, mallory = Host(NODE), Host(MEMBER).number
    gate = Admission(100, layout_of((VECTOR,)), layout_of((VECTOR,)))

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
