"""What `gossipfl doctor` finds: one sentence per thing that has to be right before a node runs."""

from __future__ import annotations

import math
import socket
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from gossipfl.errors import LinkError, RemoteProtocolError, UserError

if TYPE_CHECKING:
    from gossipfl.protocol.identity import Address, Identity, Neighbour, Roster


Found = TypeVar("Found")


class Finding(NamedTuple):
    """One thing that was looked at; the sentence of a bad one says what to do."""

    good: bool
    sentence: str


def examine(path: Path) -> list[Finding]:
    """Look at the node file `path` and all that it names; what cannot be looked at for that is left out."""
    from gossipfl.experiment.member import read_member
    from gossipfl.experiment.nodefile import read_node_file, roster_of
    from gossipfl.node.keyfile import load_key
    from gossipfl.protocol.identity import fingerprint, parse_address

    findings: list[Finding] = []

    def check(look: Callable[[], Found], sentence: Callable[[Found], str]) -> Found | None:
        try:
            found = look()
        except UserError as error:
            findings.append(Finding(False, str(error)))
            return None
        findings.append(Finding(True, sentence(found)))
        return found

    file = check(lambda: read_node_file(path), lambda _: f"{path} is a node file.")
    if file is None:
        return findings
    key = check(
        lambda: load_key(path.parent / file.node.key),
        lambda key: f"The key can be read by its owner alone; its fingerprint is {fingerprint(key.key)}.",
    )
    check(
        lambda: read_member(path),
        lambda member: (
            f"The data fits the schema: {int(member.train.counts)} rows to train on"
            f"{f', {int(member.test.counts)} to test on' if member.test else ''}, "
            f"{len(member.dataset.feature_names)} features, a model of {member.model.size} numbers."
        ),
    )
    check(lambda: _listen(parse_address(file.node.listen)), lambda at: f"The node can listen on {at}.")
    if key is None:
        return findings
    roster = check(lambda: roster_of(file, key.key), lambda roster: f"It knows {_count(roster)}.")
    if roster is not None and not roster.neighbours:
        findings.append(Finding(False, "Add peers with `gossipfl peer add NODE LINE`: it knows nobody yet."))
    return findings + (_visit_all(key, roster) if roster is not None and roster.neighbours else [])


def _count(roster: Roster) -> str:
    return "1 peer" if len(roster.neighbours) == 1 else f"{len(roster.neighbours)} peers"


def _listen(address: Address) -> Address:
    try:
        family = socket.getaddrinfo(*address, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(tuple(address))
    except OSError as error:
        raise UserError(
            f"Choose another node.listen than {address}, or stop what uses it, be it this node "
            f"({error.strerror})."
        ) from None
    return address


def _visit_all(identity: Identity, roster: Roster) -> list[Finding]:
    import trio

    from gossipfl.node.tls import Credentials

    credentials = Credentials(identity, [peer.key for peer in roster.neighbours])
    findings: dict[str, Finding] = {}

    async def visit(peer: Neighbour) -> None:
        findings[peer.name] = await _visit(peer, credentials)

    async def visit_all() -> None:
        async with trio.open_nursery() as nursery:
            for peer in roster.neighbours:
                nursery.start_soon(visit, peer)

    trio.run(visit_all)
    return [findings[peer.name] for peer in roster.neighbours]


async def _visit(peer: Neighbour, credentials: object) -> Finding:
    """Whether `peer` answers at its address with its key, and lets us in."""
    import trio

    from gossipfl.node.handshake import connect, secure

    try:
        transport = await connect(peer.address)
    except LinkError:
        return Finding(
            False, f"{peer.name} does not answer at {peer.address}: ask whether its node is running."
        )
    try:
        stream, key = await secure(transport, credentials, server=False)  # type: ignore[arg-type]
        if key != peer.key:
            return Finding(False, f"Another member answers at {peer.address}: ask {peer.name} for its line.")
        with trio.move_on_after(0.5):  # a refusal comes after our side of the handshake is done
            if not await stream.receive_some():
                raise LinkError("It closed the link.")
    except (LinkError, trio.BrokenResourceError):
        return Finding(False, f"{peer.name} does not let this node in: ask it to add this node's line.")
    except RemoteProtocolError as error:
        return Finding(
            False,
            f"{peer.name} is not who it should be at {peer.address} ({error.reason}): "
            "ask it for its line again.",
        )
    finally:
        with trio.CancelScope(deadline=-math.inf):
            await trio.aclose_forcefully(transport)
    return Finding(True, f"{peer.name} answers at {peer.address} with its key and lets this node in.")
