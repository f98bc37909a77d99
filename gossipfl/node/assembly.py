"""The council of a running node: what neighbours and commands tell it, and what follows for the links.

Rules:
- A list is on the disk before the links follow it and before anybody is told.
- So many words leave on each link in a second that those of rounds and pings have room beside them.
- Neighbours are those of the node's file, but for who left the list, and those whom the list makes such.
- The node itself says where it is, if that is not where the list has it.
- Whoever is in the file and takes this node for a guest was a way to the list: once that holds, it is none of
  the neighbours, and nobody waits for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Never

import trio

from gossipfl.errors import RemoteProtocolError
from gossipfl.node.links import Links
from gossipfl.node.membersfile import MembersFolder, lines_of
from gossipfl.node.pending import Pending
from gossipfl.protocol.council import Answer, Council
from gossipfl.protocol.identity import Address, Identity, Neighbour
from gossipfl.protocol.membership import MemberList
from gossipfl.protocol.messages import ListHead, Membership, PeerId

TICK_S = 0.1
"""One word a tick on each link: half of the control frames that one may send."""

LOOK_TICKS = 10
"""How often the node looks whether a command left something."""

REPEAT_TICKS = 300
"""How often each neighbour is told again which list holds, lest a word was lost. Our guess."""


class Assembly:
    """Around `council`, kept in `folder`, of the node `identity`, whose file has `listed`.

    `whereabouts` says where it is by its file, if the list has it at that address.
    `on_enlisted` hears of each new neighbour before anybody else does, `on_list` of each list that holds.
    `grows`: whether neighbours may come while the node runs.
    """

    def __init__(
        self,
        council: Council,
        folder: MembersFolder,
        identity: Identity,
        listed: Iterable[Neighbour],
        whereabouts: Callable[[Address], Address],
        on_enlisted: Callable[[Neighbour], None],
        on_list: Callable[[MemberList], None],
        say: Callable[[str], None],
        *,
        grows: bool,
    ) -> None:
        self._council = council
        self._folder = folder
        self._identity = identity
        self._listed = tuple(listed)
        self._whereabouts = whereabouts
        self._on_enlisted = on_enlisted
        self._on_list = on_list
        self._say = say
        self._grows = grows
        self._pending: dict[PeerId, Pending] = {}
        self._kept = lines_of(council)
        self._head = council.head
        self._moved: dict[bytes, None] = {}  # members whom the links do not yet follow
        self._hosts: set[PeerId] = set()  # whose guest the node was
        self._mutual: set[PeerId] = set()  # who took the node for a neighbour
        self._behind = True  # the links do not yet follow
        self._failed = False

    def joined(self, peer: PeerId) -> None:
        """Tell `peer` which list holds, and what is proposed."""
        self._mutual.add(peer)
        self._begin(peer)

    def met(self, peer: Neighbour, *, dialled: bool) -> None:
        """Tell `peer` the same; it takes us for a guest if we `dialled`, and else for a neighbour."""
        known, others = (self._hosts, "no neighbour") if dialled else (self._mutual, "a neighbour")
        if peer.number not in known:  # once, however often it comes
            known.add(peer.number)
            self._behind = True
            self._say(f"{peer.name} takes this node for {others}, and they speak of members alone")
        self._begin(peer.number)

    def _begin(self, peer: PeerId) -> None:
        self._pending[peer] = pending = Pending()
        pending.put(self._council.joined(peer))
        pending.move(self._council.moves.known)

    def left(self, peer: PeerId) -> None:
        """Forget what was to be told."""
        self._pending.pop(peer, None)
        self._council.left(peer)

    def heard(self, peer: PeerId, message: Membership) -> None:
        """Take what `peer` said. Raises `RemoteProtocolError`."""
        self._spread(peer, self._council.heard(peer, message))
        if isinstance(message, ListHead) and peer in self._pending:
            self._pending[peer].heard(message, self._council.moves.known)

    async def run(self, links: Links) -> Never:
        """Keep, follow and tell until cancelled."""
        tick = 0
        while True:
            if tick % LOOK_TICKS == 0:
                self._look()
            if tick % REPEAT_TICKS == REPEAT_TICKS - 1:
                for pending in self._pending.values():
                    pending.put([self._council.head])
            self._settle()
            due = self._due()
            if await self._keep() and (self._behind or self._head != self._council.head):
                await self._follow(links)
            for peer, message in due:
                links.send(peer, message)
            tick += 1
            await trio.sleep(TICK_S)

    def _look(self) -> None:
        for path, dropped in self._folder.dropped():
            try:
                if dropped is not None:
                    self._spread(None, dropped.given_to(self._council))
            except RemoteProtocolError as error:
                self._say(str(error))
            with suppress(OSError):
                path.unlink()

    def _settle(self) -> None:
        """Say where the node is, and tell all others who moved."""
        current, key = self._council.current, self._identity.key
        if current is not None and key in current.members:
            where = self._whereabouts(current.members[key].address)
            self._council.moves.announce(self._identity, where, current, int(time.time()))
        moved = [move.key for move in self._council.moves.settle(trio.current_time())]
        self._moved |= dict.fromkeys(moved)
        self._behind |= bool(moved)
        for pending in self._pending.values():
            pending.move(moved)

    def _spread(self, sender: PeerId | None, answer: Answer) -> None:
        for peer, pending in self._pending.items():
            pending.put(answer.back if peer == sender else answer.on)

    def _due(self) -> list[tuple[PeerId, Membership]]:
        words = [(peer, pending.next(self._council.moves.known)) for peer, pending in self._pending.items()]
        return [(peer, word) for peer, word in words if word is not None]

    async def _keep(self) -> bool:
        """Whether what the council knows is on the disk."""
        lines = lines_of(self._council)
        if lines == self._kept:
            return True
        try:
            await trio.to_thread.run_sync(self._folder.keep, lines)
        except OSError as error:
            if not self._failed:
                self._say(f"the list of members cannot be written ({error.strerror}): free some space")
            self._failed = True
            return False
        self._kept, self._failed = lines, False
        return True

    async def _follow(self, links: Links) -> None:
        """Have the neighbours that the list says, where they are."""
        current, moved = self._council.seen, self._moved
        new, self._head, self._moved = self._head != self._council.head, self._council.head, {}
        self._behind = False
        if current is None:
            return
        if new:
            self._on_list(current)
        for key in moved:
            if key in self._council.moves.known:
                self._say(f"{current.members[key].name} says that it is at {current.members[key].address}")
        wanted = {peer.key: peer for peer in self._wanted(current, links.own_key)}
        here = {peer.key: peer for peer in links.neighbours}
        try:
            for key in sorted(here.keys() - wanted.keys()):
                self._say(f"{here[key].name} is no neighbour any more")
                if key in current.members:
                    await links.demote(here[key])
                else:
                    await links.delist(here[key], "revoked" if key in current.revoked else "removed")
            links.know(current.members)
            for key, peer in wanted.items():
                if (self._grows or key in here) and here.get(key) != peer:
                    self._on_enlisted(peer)
                    await links.enlist(peer)
        except OSError as error:
            self._say(
                f"a new member cannot be let in ({error.strerror}): mend the disk, start the node again"
            )

    def _wanted(self, current: MemberList, own: bytes) -> list[Neighbour]:
        """Whom the node has for neighbours: those by the list that holds, less those whose guest it is."""
        wanted = neighbours_by(self._listed, current, own)
        by_list = current.neighbours_of(own)
        hosts = self._hosts - self._mutual
        mere_hosts = {key for key, peer in current.members.items() if peer.number in hosts}
        others = [peer for peer in wanted if peer in by_list or peer.key not in mere_hosts]
        return others if others and self._grows else wanted


def neighbours_by(listed: Iterable[Neighbour], current: MemberList | None, own: bytes) -> list[Neighbour]:
    """The neighbours of `own`, whose file has `listed`, by the list that holds."""
    if current is None:
        return list(listed)
    named = {peer.key: peer for peer in located(listed, current) if peer.key not in current.gone}
    return list((named | {peer.key: peer for peer in current.neighbours_of(own)}).values())


def located(listed: Iterable[Neighbour], current: MemberList | None) -> list[Neighbour]:
    """Those `listed` in a file, but where and as the list has them."""
    return [current.members.get(peer.key, peer) if current else peer for peer in listed]
