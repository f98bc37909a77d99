"""Who watches whom: peers that shut out whoever contradicts itself or breaks rules again and again.

Rules:
- Nodes watch unless they are told not to. A simulation does where somebody attacks, or where it is told to:
  else nobody is there to be found out, and watching costs messages.
- A contradiction is one where all neighbours must hear the same words. Where they differ honestly, as those
  of links that keep accounts or codes and of peers that go free, broken rules count alone.
"""

from __future__ import annotations

from typing import Any

from gossipfl.errors import SettingsError
from gossipfl.experiment.settings import GossipSettings
from gossipfl.learn.contracts import Accounting, Algorithm, Compressed
from gossipfl.protocol.free_peer import FreePeer
from gossipfl.protocol.notary import Notary, author_of
from gossipfl.protocol.round_peer import RoundPeer
from gossipfl.protocol.targets import Targets
from gossipfl.protocol.watch import Watch


def speaks_alike(gossip: GossipSettings, algorithm: Algorithm[Any]) -> bool:
    """Whether each peer says the same to all of its neighbours in a round."""
    return gossip.exchange is None and not isinstance(algorithm, (Accounting, Compressed))


def refuse_quarantine(quarantine: bool | None, gossip: GossipSettings, algorithm: Algorithm[Any]) -> None:
    """Raise `SettingsError` if contradictions are to be proved where words differ honestly."""
    if quarantine and not speaks_alike(gossip, algorithm):
        raise SettingsError(
            "robust.quarantine proves that a peer told its neighbours different things, as honest peers do "
            'here too: leave it out, or take the algorithm "dpsgd" in rounds.'
        )


def watched(peer: RoundPeer | FreePeer, targets: Targets, notary: Notary | None) -> Watch:
    """`peer` of a simulation, where peers have no keys, under a watch."""
    return Watch(peer, targets, {number: author_of(number) for number in targets.peers}, notary)
