"""Who visits a neighbour hears whether it would be let in, and nobody takes the visit for the node."""

from __future__ import annotations

import pytest
import trio
from hosts import IDENTITIES, NOWHERE, Host, manifest, still, update

from gossipfl.errors import RemoteProtocolError
from gossipfl.node.handshake import connect
from gossipfl.node.tls import Credentials
from gossipfl.node.visit import visit, visitor
from gossipfl.protocol.events import Joined, Left
from gossipfl.protocol.identity import Identity, Neighbour

SMALL, LARGE, STRANGER, _ = IDENTITIES


async def visited(host: Host, by: Identity, model: str = "softmax") -> None:
    own = visitor(by, "node", manifest(model))
    transport = await connect(host.address)
    peer, credentials = Neighbour("n", host.address, host.identity.key), Credentials(by, [host.identity.key])
    async with transport:
        await visit(transport, own, peer, credentials)


def test_a_visit_is_no_link() -> None:
    async def test() -> None:
        one, two = Host(SMALL), Host(LARGE)
        async with one.running((LARGE, NOWHERE)):
            await visited(one, LARGE)
            async with two.running((SMALL, one.address)) as links:
                await two.until(lambda host: host.count(Joined) == 1)
                links.send(one.number, update(1))
                await one.until(lambda host: host.rounds_heard == [1])
        assert one.count(Joined) == 1, "the node that came later, and not who visited"
        assert not one.refusals

    trio.run(test, clock=still())


@pytest.mark.parametrize(("host", "by"), [(SMALL, LARGE), (LARGE, SMALL)])
def test_a_visit_leaves_the_link_of_the_node_that_runs_alone(host: Identity, by: Identity) -> None:
    async def test() -> None:
        one, two = Host(host), Host(by)
        async with one.running((by, NOWHERE)), two.running((host, one.address)) as links:
            await two.until(lambda node: node.count(Joined) == 1)
            await visited(one, by)
            links.send(one.number, update(1))
            await one.until(lambda node: node.rounds_heard == [1])
            assert one.count(Left) == two.count(Left) == 0
        assert not one.refusals

    trio.run(test, clock=still())


def test_a_visitor_hears_what_the_node_would_hear() -> None:
    async def test() -> None:
        one = Host(SMALL)
        async with one.running((LARGE, NOWHERE)):
            with pytest.raises(RemoteProtocolError, match=r"\(manifest\): The two sides differ in: model;"):
                await visited(one, LARGE, model="mlp")
            with pytest.raises(RemoteProtocolError, match="It does not list this node's key"):
                await visited(one, STRANGER)
        assert one.reasons == ["manifest", "unknown-key"]

    trio.run(test, clock=still())
