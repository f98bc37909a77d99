"""Nodes on loopback for tests, each with its own key, and neighbours that misbehave."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import trio
import trio.testing

from gossipfl.node.leaving import OnLeaving
from gossipfl.node.links import Happened, Links, Listener, Refusal
from gossipfl.protocol.events import Received
from gossipfl.protocol.identity import Address, Identity, Neighbour, Roster
from gossipfl.protocol.layout import layout_of
from gossipfl.protocol.manifest import Manifest
from gossipfl.protocol.messages import Update
from gossipfl.protocol.session import Speaker

VECTOR = np.linspace(0, 1, 650, dtype=np.float32)
STILL_S = 0.02
"""How long nobody has had anything to do before a still clock jumps to what is due next, in real seconds."""
NOWHERE = Address("127.0.0.1", 1)
IDENTITIES = sorted((Identity(bytes([65 + i]) * 32) for i in range(4)), key=lambda identity: identity.key)
"""The first has the smallest key."""


def manifest(model: str = "softmax") -> Manifest:
    return Manifest.of("trial", 100, layout_of((VECTOR,)), model=model)


def speaker(identity: Identity, *, epoch: int = 1, model: str = "softmax") -> Speaker:
    return Speaker(identity, "node", epoch, manifest(model))


def update(round_: int, *, epoch: int = 1, vector: Any = VECTOR) -> Update:
    return Update(round_, epoch, round_, samples=10, degree=1, payload=(vector,))


class Host:
    """One node's links, what they brought, and whom they refused."""

    def __init__(self, identity: Identity, *, epoch: int = 1, model: str = "softmax") -> None:
        self.identity = identity
        self.own = speaker(identity, epoch=epoch, model=model)
        self.number = Neighbour("self", NOWHERE, identity.key).number
        self.events: list[Happened] = []
        self.refusals: list[Refusal] = []
        self.on_leaving: OnLeaving = lambda _: None
        self.listen = Address("127.0.0.1", 0)
        self.assembly: Listener | None = None
        self.address = NOWHERE
        self._changed = trio.Event()

    def links(self, *neighbours: tuple[Identity, Address]) -> Links:
        """Links to `neighbours`, not yet running."""
        listed = tuple(Neighbour(f"n{i}", where, who.key) for i, (who, where) in enumerate(neighbours))
        roster = Roster("self", self.identity.key, listed)
        return Links(
            self.own,
            roster,
            self.listen,
            self._on_refusal,
            on_leaving=self.on_leaving,
            assembly=self.assembly,
        )

    @asynccontextmanager
    async def running(self, *neighbours: tuple[Identity, Address]) -> AsyncIterator[Links]:
        """Listen, dial `neighbours` (those at port 1 never answer), and collect what happens."""
        links = self.links(*neighbours)
        put, taken = trio.open_memory_channel[Happened](0)
        async with trio.open_nursery() as nursery:
            self.address = await nursery.start(links.run, put)
            nursery.start_soon(self._collect, taken)
            yield links
            nursery.cancel_scope.cancel()

    async def _collect(self, taken: trio.MemoryReceiveChannel[Happened]) -> None:
        async for event in taken:
            self.events.append(event)
            self.wake()

    def _on_refusal(self, refusal: Refusal) -> None:
        self.refusals.append(refusal)
        self.wake()

    def wake(self) -> None:
        """Have whoever waits look again."""
        self._changed.set()
        self._changed = trio.Event()

    async def until(self, holds: Callable[[Host], bool]) -> None:
        """Wait until `holds` of this host."""
        while not holds(self):
            await self._changed.wait()

    @property
    def reasons(self) -> list[str]:
        return [refusal.reason for refusal in self.refusals]

    @property
    def updates(self) -> list[Update]:
        heard = [event.message for event in self.events if isinstance(event, Received)]
        return [message for message in heard if isinstance(message, Update)]

    @property
    def rounds_heard(self) -> list[int]:
        return [heard.round for heard in self.updates]

    def count(self, kind: type[Happened]) -> int:
        return sum(isinstance(event, kind) for event in self.events)


def still() -> trio.abc.Clock:
    """A clock that stands still while anybody has something to do, however slow the machine is."""
    return trio.testing.MockClock(autojump_threshold=STILL_S)


def run(test: Callable[[], Awaitable[None]], *, seconds: float = 60) -> None:
    """Run an asynchronous test, and fail it if it hangs: so long takes none that does not."""

    async def timed() -> None:
        with trio.fail_after(seconds):
            await test()

    trio.run(timed)


@asynccontextmanager
async def raw_tls(
    address: Address, context: ssl.SSLContext
) -> AsyncIterator[trio.SSLStream[trio.SocketStream]]:
    """A TLS connection by whatever `context` says, as an attacker makes it."""
    stream = trio.SSLStream(await trio.open_tcp_stream(*address), context)
    try:
        await stream.do_handshake()
        yield stream
    finally:
        await trio.aclose_forcefully(stream)


async def read_to_end(stream: trio.abc.ReceiveStream) -> bytes:
    """All that comes until the other side closes, however it does."""
    said = b""
    try:
        while piece := await stream.receive_some(65536):
            said += piece
    except trio.BrokenResourceError:
        pass
    return said
