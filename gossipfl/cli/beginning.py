"""A node's peer as it begins: anew, or from the checkpoint of an earlier life."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from gossipfl.errors import DataError, SettingsError
from gossipfl.node.assembly import located, neighbours_by
from gossipfl.node.checkpoint import Terms
from gossipfl.node.state import StateFolder
from gossipfl.protocol.layout import layout_of

if TYPE_CHECKING:
    from gossipfl.experiment.member import Member
    from gossipfl.protocol.council import Council
    from gossipfl.protocol.free_peer import FreePeer
    from gossipfl.protocol.identity import Identity
    from gossipfl.protocol.manifest import Manifest
    from gossipfl.protocol.memory import Memory
    from gossipfl.protocol.round_peer import RoundPeer
    from gossipfl.protocol.watch import Watch


class Beginning(NamedTuple):
    """The peer in its boot `epoch`; `keep` writes its checkpoints, and returns what an operator must know."""

    peer: RoundPeer | FreePeer | Watch
    epoch: int
    manifest: Manifest
    memory: Memory | None  # that it goes on from
    complaints: tuple[str, ...]  # about what is spoilt
    keep: Callable[[Memory], str | None]


def among(member: Member, council: Council, key: bytes) -> Member:
    """`member`, which has `key`, with the neighbours whom its file and the list that `council` holds name."""
    listed = member.roster(key).neighbours
    if member.grows:
        return member.beside(neighbours_by(listed, council.seen, key))
    return member.beside(located(listed, council.seen))


def begin(member: Member, identity: Identity, folder: StateFolder) -> Beginning:
    """The peer of `member` from what is in `folder`, which is held. Raises `SettingsError`.

    Its boot epoch is durable before anything can be said in it.
    """
    manifest = member.manifest()
    terms = Terms(identity.key, manifest.digests, layout_of(member.state()), manifest.whole)
    memory, complaints = folder.recall(terms)
    epoch = folder.begin()
    peer = member.new_peer(identity.key, epoch)
    if memory:
        try:
            peer.resume(memory)
        except DataError as error:
            raise SettingsError(
                f"The checkpoint in {folder.path} was not written by this program ({error}): begin anew with "
                "`gossipfl node --fresh`."
            ) from None
    return Beginning(peer, epoch, manifest, memory, complaints, lambda memory: folder.keep(memory, terms))
