"""What `gossipfl doctor` finds at the node's peers: who answers, who that is, and who lets the node in."""

from __future__ import annotations

import math

import trio

from gossipfl.cli.checks import Finding
from gossipfl.errors import LinkError, RemoteProtocolError
from gossipfl.node.handshake import connect
from gossipfl.node.limits import CONNECT_S
from gossipfl.node.tls import Credentials
from gossipfl.node.visit import visit
from gossipfl.protocol.identity import Address, Neighbour
from gossipfl.protocol.session import Speaker


def visit_all(own: Speaker, peers: tuple[Neighbour, ...]) -> list[Finding]:
    """What `own`, a visitor, finds at each of `peers`."""
    credentials = Credentials(own.identity, [peer.key for peer in peers])
    findings: dict[str, Finding] = {}

    async def look(peer: Neighbour) -> None:
        findings[peer.name] = await _visited(own, peer, credentials)

    async def look_all() -> None:
        async with trio.open_nursery() as nursery:
            for peer in peers:
                nursery.start_soon(look, peer)

    trio.run(look_all)
    return [findings[peer.name] for peer in peers]


async def _visited(own: Speaker, peer: Neighbour, credentials: Credentials) -> Finding:
    name, address = peer.name, peer.address
    if not await _is_known(address):
        advice = f"correct it, or ask {name} for its line again"
        return Finding(False, f"No machine called {address.host} is known, where {name} should be: {advice}.")
    try:
        transport = await connect(address)
    except LinkError:
        return Finding(False, f"{name} does not answer at {address}: ask whether its node is running.")
    try:
        await visit(transport, own, peer, credentials)
    except LinkError:
        return Finding(False, f"{name} does not let this node in: ask it to add this node's line.")
    except RemoteProtocolError as error:
        return Finding(False, _refusal(peer, error))
    finally:
        with trio.CancelScope(deadline=-math.inf):
            await trio.aclose_forcefully(transport)
    return Finding(True, f"{name} answers at {address} with its key and lets this node in.")


async def _is_known(address: Address) -> bool:
    """Whether the name of the host stands for anything, or might: who asks has no time for ever."""
    try:
        with trio.move_on_after(CONNECT_S):
            await trio.socket.getaddrinfo(*address)
    except (OSError, UnicodeError):
        return False
    return True


def _refusal(peer: Neighbour, error: RemoteProtocolError) -> str:
    if error.reason == "refused-us":
        return f"{peer.name} does not let this node in. {error}"
    if error.reason == "wrong-key":
        return f"Another member answers at {peer.address}: ask {peer.name} for its line."
    return (
        f"{peer.name} is not who it should be at {peer.address} ({error.reason}): ask it for its line again."
    )
