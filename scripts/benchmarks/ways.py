"""Both ends of what is sent from process to process: of a link between nodes, and of bare mutual TLS.

Bare is trio's own stream with the certificates of nodes, out of one array and into another. The receiver is
`python -m benchmarks.ways WAY`: it prints its port, and for each update a word once that is there, and how
many bytes of memory were taken beside it.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import trio

from gossipfl.node.links import Happened, Links
from gossipfl.node.tls import Credentials
from gossipfl.protocol.events import Joined, Received
from gossipfl.protocol.identity import Address, Identity, Neighbour, Roster
from gossipfl.protocol.layout import layout_of
from gossipfl.protocol.manifest import Manifest
from gossipfl.protocol.messages import Update
from gossipfl.protocol.session import Speaker

UPDATE_BYTES = 100 << 20
ROUNDS = range(1, 7)
SENDER, RECEIVER = (Identity(bytes([number]) * 32) for number in (1, 2))
HOST, NO_PORT = "127.0.0.1", 1
STATUS = Path("/proc/self/status")
_PIECE_BYTES = 128 * 1024

Step = Callable[[int], Awaitable[object]]
"""Sends or receives the update of a round."""


class Way(NamedTuple):
    """Both ends: the sender is told the port that the receiver prints."""

    sender: Callable[[int], AbstractAsyncContextManager[Step]]
    receiver: Callable[[], AbstractAsyncContextManager[Step]]


@asynccontextmanager
async def _sent_by_link(port: int) -> AsyncIterator[Step]:
    vector = _values()

    async def send(round_: int) -> None:
        links.send(to.number, Update(round_, 1, round_, samples=1, degree=1, payload=(vector,)))

    to = Neighbour("receiver", Address(HOST, port), RECEIVER.key)
    async with _linked(SENDER, to, lambda _: None) as (links, _):
        yield send


@asynccontextmanager
async def _received_by_link() -> AsyncIterator[Step]:
    async def receive(_: int) -> object:
        return await _next(Received, events)

    to = Neighbour("sender", Address(HOST, NO_PORT), SENDER.key)
    async with _linked(RECEIVER, to, _tell) as (_, events):
        yield receive


@asynccontextmanager
async def _linked(
    own: Identity, to: Neighbour, listening: Callable[[int], None]
) -> AsyncIterator[tuple[Links, trio.MemoryReceiveChannel[Happened]]]:
    """The node `own` once it has a link `to` the other; told is the port at which it is `listening`."""
    layout = layout_of((np.empty(UPDATE_BYTES // 4, np.float32),))
    speaker = Speaker(own, "node", 1, Manifest.of("transfer", len(ROUNDS), layout))
    roster = Roster("self", own.key, (to,))
    links = Links(speaker, roster, Address(HOST, 0), lambda refusal: sys.exit(refusal.detail))
    put, taken = trio.open_memory_channel[Happened](0)
    async with trio.open_nursery() as nursery:
        listening((await nursery.start(links.run, put)).port)
        await _next(Joined, taken)
        yield links, taken
        nursery.cancel_scope.cancel()


async def _next(kind: type[Happened], events: trio.MemoryReceiveChannel[Happened]) -> object:
    while not isinstance(event := await events.receive(), kind):
        pass
    return event


@asynccontextmanager
async def _sent_bare(port: int) -> AsyncIterator[Step]:
    content = _values().view(np.uint8).data

    async def send(_: int) -> None:
        for start in range(0, UPDATE_BYTES, _PIECE_BYTES):
            await stream.send_all(content[start : start + _PIECE_BYTES])

    context = Credentials(SENDER, [RECEIVER.key]).context(server=False)
    async with trio.SSLStream(await trio.open_tcp_stream(HOST, port), context) as stream:
        await stream.do_handshake()
        yield send


@asynccontextmanager
async def _received_bare() -> AsyncIterator[Step]:
    async def receive(_: int) -> object:
        content, filled = np.empty(UPDATE_BYTES, np.uint8).data, 0
        while filled < UPDATE_BYTES:
            piece = await stream.receive_some(_PIECE_BYTES)
            content[filled : filled + len(piece)] = piece
            filled += len(piece)
        return content

    context = Credentials(RECEIVER, [SENDER.key]).context(server=True)
    (listener,) = await trio.open_tcp_listeners(0, host=HOST)
    _tell(listener.socket.getsockname()[1])
    async with trio.SSLStream(await listener.accept(), context, server_side=True) as stream:
        await stream.do_handshake()
        yield receive


WAYS = {"link": Way(_sent_by_link, _received_by_link), "bare": Way(_sent_bare, _received_bare)}


def _values() -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.random.default_rng(1).standard_normal(UPDATE_BYTES // 4, np.float32)


def _tell(port: int) -> None:
    print(port, flush=True)


def forget_peak() -> int:
    """Let the peak begin anew; returns how many bytes are resident now."""
    STATUS.with_name("clear_refs").write_text("5", "ascii")
    return _memory_bytes("VmRSS")


def peak_bytes() -> int:
    """The most that was resident since `forget_peak`."""
    return _memory_bytes("VmHWM")


def _memory_bytes(field: str) -> int:
    [kib] = [
        line.split()[1] for line in STATUS.read_text("ascii").splitlines() if line.startswith(f"{field}:")
    ]
    return 1024 * int(kib)


async def _receive_all(way: str) -> None:
    async with WAYS[way].receiver() as receive:
        for round_ in ROUNDS:
            before = forget_peak()
            content = await receive(round_)
            print("there", flush=True)
            extra = peak_bytes() - before - UPDATE_BYTES
            del content
            print(extra, flush=True)
        await trio.sleep_forever()


if __name__ == "__main__":
    trio.run(_receive_all, sys.argv[1])
