"""What a connection under TLS promises: records come together, errors come last, half a record ends it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
import trio.testing
from hosts import IDENTITIES, run

from gossipfl.errors import RemoteProtocolError
from gossipfl.node.limits import HANDSHAKE_BYTES_MAX, RECEIVE_BYTES
from gossipfl.node.stream import Stream
from gossipfl.node.tls import Credentials

ONE, OTHER, *_ = IDENTITIES
SAID = bytes(range(256)) * 1024


@asynccontextmanager
async def connected(near: Any = None, far: Any = None) -> AsyncIterator[tuple[Stream, Stream]]:
    """Two ends that trust each other, on these transports or on one that keeps all that is said."""
    if near is None:
        near, far = trio.testing.memory_stream_pair()
    client = Stream(near, Credentials(ONE, [OTHER.key]).context(server=False), server=False)
    server = Stream(far, Credentials(OTHER, [ONE.key]).context(server=True), server=True)
    async with client, server:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(client.do_handshake, HANDSHAKE_BYTES_MAX)
            nursery.start_soon(server.do_handshake, HANDSHAKE_BYTES_MAX)
        yield client, server


def test_many_records_come_at_once() -> None:
    async def test() -> None:
        async with connected() as (client, server):
            await client.send_all(SAID)
            pieces = [bytes(await server.receive_some())]
            while sum(map(len, pieces)) < len(SAID):
                pieces.append(bytes(await server.receive_some()))
        assert b"".join(pieces) == SAID
        assert len(pieces) == 3  # one record, all else that was read at once, and what TLS added
        assert max(map(len, pieces)) <= RECEIVE_BYTES

    run(test)


def test_both_ends_talk_at_once() -> None:
    async def listen(stream: Stream) -> None:
        heard = 0
        while heard < 20 * len(SAID):
            heard += len(await stream.receive_some())

    async def talk(stream: Stream) -> None:
        for _ in range(20):
            await stream.send_all(SAID)

    async def test() -> None:
        async with connected() as ends, trio.open_nursery() as nursery:
            for end in ends:
                nursery.start_soon(talk, end)
                nursery.start_soon(listen, end)

    run(test)


def test_what_arrived_before_a_corrupt_record_is_heard_before_it() -> None:
    near, far = trio.testing.memory_stream_pair()

    async def test() -> None:
        async with connected(near, far) as (client, server):
            await client.send_all(b"good")
            await near.send_all(b"\x17\x03\x03\x00\x20" + bytes(32))
            assert bytes(await server.receive_some()) == b"good"
            for _ in range(2):
                with pytest.raises(trio.BrokenResourceError) as error:
                    await server.receive_some()
                assert getattr(error.value.__cause__, "reason", "") == "DECRYPTION_FAILED_OR_BAD_RECORD_MAC"

    run(test)


def test_an_end_without_a_word_is_a_break() -> None:
    async def test() -> None:
        async with connected() as (client, server):
            await client.send_all(b"good")
            await client.send_eof()
            assert bytes(await server.receive_some()) == b"good"
            with pytest.raises(trio.BrokenResourceError):
                await server.receive_some()

    run(test)


def test_an_end_that_tls_tells_is_an_end() -> None:
    near, far = trio.testing.memory_stream_pair()

    async def test() -> None:
        context = Credentials(ONE, [OTHER.key]).context(server=False)
        client = trio.SSLStream(near, context)
        server = Stream(far, Credentials(OTHER, [ONE.key]).context(server=True), server=True)  # type: ignore[arg-type]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(client.do_handshake)
            nursery.start_soon(server.do_handshake, HANDSHAKE_BYTES_MAX)
        await client.send_all(b"good")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(client.aclose)
            assert bytes(await server.receive_some()) == b"good"
            assert bytes(await server.receive_some()) == b""

    run(test)


def test_nothing_is_said_after_half_a_record() -> None:
    near, far = trio.testing.lockstep_stream_pair()

    async def test() -> None:
        async with connected(near, far) as (client, _):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(client.send_all, SAID)
                await trio.testing.wait_all_tasks_blocked()
                nursery.cancel_scope.cancel()
            with pytest.raises(trio.BrokenResourceError):
                await client.send_all(b"goodbye")

    run(test)


def test_a_handshake_that_takes_too_long_a_word_is_over() -> None:
    near, far = trio.testing.memory_stream_pair()

    async def test() -> None:
        server = Stream(far, Credentials(OTHER, [ONE.key]).context(server=True), server=True)  # type: ignore[arg-type]
        await near.send_all(b"\x16\x03\x01\x3e\x80\x01" + (131_000).to_bytes(3, "big") + bytes(16_000))
        with pytest.raises(RemoteProtocolError, match="over 100 bytes"):
            await server.do_handshake(100)

    run(test)
