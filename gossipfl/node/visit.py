"""A visit at a neighbour, which is asked whether it would let this node in.

Rules:
- A visit is over once it is answered. No neighbour keeps it as a link, takes it for the node, or ends for it
  a link that stands: it comes in a boot epoch in which no node lives.
"""

from __future__ import annotations

import trio

from gossipfl.errors import RemoteProtocolError
from gossipfl.node.handshake import secure
from gossipfl.node.link import Heard, Link
from gossipfl.node.tls import Credentials
from gossipfl.protocol.identity import Identity, Neighbour
from gossipfl.protocol.manifest import Manifest
from gossipfl.protocol.messages import Traffic
from gossipfl.protocol.session import DUPLICATE, VISIT, Session, Speaker

UNASKED_S = 0.5
"""Who does not list our key says so unasked; what we say meanwhile could cost us its answer. Our guess."""


def visitor(identity: Identity, name: str, manifest: Manifest) -> Speaker:
    """How the node `name` speaks on visits."""
    return Speaker(identity, name, VISIT, manifest)


async def visit(
    transport: trio.SocketStream, own: Speaker, peer: Neighbour, credentials: Credentials
) -> None:
    """Return if `peer`, to whom `transport` leads, would let `own` in.

    Raises `LinkError` if it says nothing, or `RemoteProtocolError` if somebody else is there, or it refuses.
    """
    stream, key = await secure(transport, credentials, server=False)
    if key != peer.key:
        raise RemoteProtocolError("wrong-key", "Another member answers there.")
    session, encoder = Session(own, key, dialled=True), trio.CapacityLimiter(1)
    link = Link(stream, session, peer, Traffic(), Heard(), lambda _: None, encoder, dialled=True)
    try:
        with trio.move_on_after(UNASKED_S):
            await link.await_greeting()
        await link.greet()
    except RemoteProtocolError as error:
        if error.reason != DUPLICATE:
            raise
