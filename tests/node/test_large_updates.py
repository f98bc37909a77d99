"""Large updates over real links: they go on where a link broke, and one side may be slow or hostile."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import numpy as np
import pytest
import trio
from attackers import HONEST, MEMBER, NODE, client, greeted
from hosts import IDENTITIES, NOWHERE, Host, raw_tls, run, speaker, update

from gossipfl.node.leaving import Leaving
from gossipfl.protocol.digest import Each
from gossipfl.protocol.events import Joined, Left
from gossipfl.protocol.identity import Address, Identity
from gossipfl.protocol.manifest import Manifest
from gossipfl.protocol.messages import Update
from gossipfl.protocol.session import Opened
from gossipfl.protocol.wire import encode_update

SMALL, LARGE, *_ = IDENTITIES
VECTOR = np.random.default_rng(1).normal(size=1_000_000).astype(np.float32)


@pytest.fixture(autouse=True)
def _large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hosts.VECTOR", VECTOR)


class Proxy:
    """Passes on what `to` is told and says, counts what it is told, and cuts the first link at some byte.

    While it is not `ready` nobody gets through anew.
    """

    def __init__(self, to: Address, cut: int) -> None:
        self.to = to
        self.cut = cut
        self.told: list[int] = []  # bytes, for each connection
        self.address = NOWHERE
        self.ready = trio.Event()
        self.ready.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Proxy]:
        async with trio.open_nursery() as nursery:
            (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
            self.address = Address(*listener.socket.getsockname()[:2])
            nursery.start_soon(trio.serve_listeners, self._pass, [listener])
            yield self
            nursery.cancel_scope.cancel()

    async def _pass(self, near: trio.SocketStream) -> None:
        await self.ready.wait()
        far, number = await trio.open_tcp_stream(*self.to), len(self.told)
        self.told.append(0)
        async with near, far, trio.open_nursery() as nursery:
            nursery.start_soon(self._back, far, near, nursery.cancel_scope)
            try:
                async for piece in near:
                    self.told[number] += len(piece)
                    if number == 0 and self.told[0] >= self.cut:
                        break
                    await far.send_all(piece)
            except trio.BrokenResourceError:
                pass
            nursery.cancel_scope.cancel()

    async def _back(self, far: trio.SocketStream, near: trio.SocketStream, over: trio.CancelScope) -> None:
        try:
            async for piece in far:
                await near.send_all(piece)
        except trio.BrokenResourceError:
            pass
        over.cancel()


def test_a_large_update_goes_on_where_its_link_broke() -> None:
    left: list[Leaving] = []

    async def test() -> None:
        one, two = Host(SMALL), Host(LARGE)
        one.on_leaving = left.append
        async with (
            two.running((SMALL, NOWHERE)) as right,
            Proxy(two.address, 3 << 20).running() as proxy,
            one.running((LARGE, proxy.address)) as links,
        ):
            await one.until(lambda host: host.count(Joined) == 1)
            links.send(two.number, update(1, vector=VECTOR))
            await two.until(lambda host: host.rounds_heard == [1])
            assert np.array_equal(two.updates[0].payload[0], VECTOR)
            assert two.count(Joined) == 2
            assert two.count(Left) == 1
            assert links.spoken.messages_lost == 0
            assert right.heard.messages_received == 1
            assert sum(proxy.told) < VECTOR.nbytes + (1 << 20)  # of which some was on its way
            assert proxy.told[1] < VECTOR.nbytes - (2 << 20)
        assert not one.refusals
        assert not two.refusals

    run(test)
    *_, rest = left
    assert {leaving.digest for leaving in left} == {rest.digest}
    assert left[0].body_bytes == VECTOR.nbytes
    assert not rest.cut_off
    assert rest.body_bytes < VECTOR.nbytes - (2 << 20)


def test_what_was_cut_off_is_not_said_again_once_something_newer_was_said() -> None:
    async def test() -> None:
        one, two = Host(SMALL), Host(LARGE)
        async with (
            two.running((SMALL, NOWHERE)),
            Proxy(two.address, 3 << 20).running() as proxy,
            one.running((LARGE, proxy.address)) as links,
        ):
            await one.until(lambda host: host.count(Joined) == 1)
            links.send(two.number, update(1, vector=VECTOR))
            proxy.ready = trio.Event()
            await one.until(lambda host: host.count(Left) == 1)
            links.send(two.number, update(2, vector=VECTOR + 1))  # to nobody
            proxy.ready.set()
            await two.until(lambda host: host.count(Joined) == 2)
            await one.until(lambda host: host.count(Joined) == 2)
            links.send(two.number, update(3, vector=VECTOR + 2))
            await two.until(lambda host: bool(host.rounds_heard))
            assert two.rounds_heard == [3]
            assert links.spoken.messages_lost == 2

    run(test)


def test_what_all_are_told_is_hashed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    encoded: list[Update] = []

    def encode(
        identity: Identity, terms: Manifest, said: Update, each: Each
    ) -> tuple[bytes, list[memoryview]]:
        encoded.append(said)
        return encode_update(identity, terms, said, each)

    monkeypatch.setattr("gossipfl.protocol.session.encode_update", encode)

    async def test() -> None:
        one, two, three = (Host(who) for who in IDENTITIES[:3])
        listed = [(who.identity, NOWHERE) for who in (two, three)]
        async with one.running(*listed) as links, AsyncExitStack() as stack:
            for other in (two, three):
                await stack.enter_async_context(other.running((SMALL, one.address)))
            await one.until(lambda host: host.count(Joined) == 2)
            said = update(1, vector=VECTOR)
            for other in (two, three):
                links.send(other.number, said)
            for other in (two, three):
                await other.until(lambda host: host.rounds_heard == [1])
                assert np.array_equal(other.updates[0].payload[0], VECTOR)
            assert encoded == [said]

    run(test)


def test_both_sides_may_offer_at_once() -> None:
    async def test() -> None:
        one, two = Host(SMALL), Host(LARGE)
        async with one.running((LARGE, NOWHERE)) as left, two.running((SMALL, one.address)) as right:
            await one.until(lambda host: host.count(Joined) == 1)
            await two.until(lambda host: host.count(Joined) == 1)
            for round_ in (1, 2, 3):
                left.send(two.number, update(round_, vector=VECTOR))
                right.send(one.number, update(round_, vector=VECTOR))
                await one.until(lambda host: host.rounds_heard[-1:] == [round_])  # noqa: B023
                await two.until(lambda host: host.rounds_heard[-1:] == [round_])  # noqa: B023
        assert not one.refusals
        assert not two.refusals

    run(test)


def test_a_member_that_does_not_answer_an_offer_is_left_and_holds_up_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gossipfl.node.link.body_s", lambda length: 0.5 if length == VECTOR.nbytes else 10.0)

    async def test() -> None:
        node, honest = Host(NODE), Host(HONEST)
        listed = ((HONEST, NOWHERE), (MEMBER, NOWHERE))
        async with node.running(*listed) as links, honest.running((NODE, node.address)):
            await honest.until(lambda host: host.count(Joined) == 1)
            async with raw_tls(node.address, client(MEMBER)) as stream:
                assert isinstance((await greeted(stream, speaker(MEMBER)))[1], Opened)
                await node.until(lambda host: host.count(Joined) == 2)
                links.send(Host(MEMBER).number, update(1, vector=VECTOR))
                await node.until(lambda host: host.count(Left) == 1)
            links.send(honest.number, update(2, vector=VECTOR))
            await honest.until(lambda host: host.rounds_heard == [2])

    run(test)
