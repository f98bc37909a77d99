"""The council of a running node: what neighbours and commands tell it, and what follows for the links.

Rules:
- A list is on the disk before the links follow it and before anybody is told.
- So many words leave on each link in a second that those of rounds and pings have room beside them.
- Neighbours are those of the node's file, but for who left the list, and those whom the list makes such.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Never

import trio

from gossipfl.errors import RemoteProtocolError
from gossipfl.node.links import Links
from gossipfl.node.membersfile import MembersFolder, lines_of
from gossipfl.protocol.council import Answer, Council
from gossipfl.protocol.identity import Neighbour
from gossipfl.protocol.membership import MemberList
from gossipfl.protocol.messages import ListHead, Membership, PeerId

TICK_S = 0.1
"""One word a tick on each link: half of the control frames that one may send."""

LOOK_TICKS = 10
"""How often the node looks whether a command left something."""

REPEAT_TICKS = 300
"""How often each neighbour is told again which list holds, lest a word was lost. Our guess."""

WAITING_MAX = 64
"""Words that wait for one neighbour; then the oldest are lost, and told again one day."""


class Assembly:
    """Around `council`, kept in `folder`, of a node whose file has `listed`.

    `on_enlisted` hears of each new neighbour before anybody else does, `on_list` of each list that holds.
    `grows`: whether neighbours may come while the node runs.
    """

    def __init__(
        self,
        council: Council,
        folder: MembersFolder,
        listed: Iterable[Neighbour],
        on_enlisted: Callable[[Neighbour], None],
        on_list: Callable[[MemberList], None],
        say: Callable[[str], None],
        *,
        grows: bool,
    ) -> None:
        self._council = council
        self._folder = folder
        self._listed = tuple(listed)
        self._on_enlisted = on_enlisted
        self._on_list = on_list
        self._say = say
        self._grows = grows
        self._waiting: dict[PeerId, dict[Membership, None]] = {}
        self._kept = lines_of(council)
        self._head = council.head
        self._failed = False

    def joined(self, peer: PeerId) -> None:
        """Tell `peer` which list holds, and what is proposed."""
        self._waiting[peer] = dict.fromkeys(self._council.joined(peer))

    def left(self, peer: PeerId) -> None:
        """Forget what was to be told."""
        self._waiting.pop(peer, None)
        self._council.left(peer)

    def heard(self, peer: PeerId, message: Membership) -> None:
        """Take what `peer` said. Raises `RemoteProtocolError`."""
        self._spread(peer, self._council.heard(peer, message))

    async def run(self, links: Links) -> Never:
        """Keep, follow and tell until cancelled."""
        tick = 0
        while True:
            if tick % LOOK_TICKS == 0:
                self._look()
            if tick % REPEAT_TICKS == REPEAT_TICKS - 1:
                for peer in self._waiting:
                    self._put(peer, [self._council.head])
            due = self._due()
            if await self._keep() and self._head != self._council.head:
                self._head = self._council.head
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

    def _spread(self, sender: PeerId | None, answer: Answer) -> None:
        if sender is not None:
            self._put(sender, answer.back)
        for peer in self._waiting:
            if peer != sender:
                self._put(peer, answer.on)

    def _put(self, peer: PeerId, messages: Iterable[Membership]) -> None:
        waiting = self._waiting.get(peer, {})
        for message in messages:
            if isinstance(message, ListHead):  # the last one counts, and follows what it is about
                for other in [other for other in waiting if isinstance(other, ListHead)]:
                    del waiting[other]
            waiting[message] = None
            if len(waiting) > WAITING_MAX:
                del waiting[next(iter(waiting))]

    def _due(self) -> list[tuple[PeerId, Membership]]:
        due = [(peer, next(iter(waiting))) for peer, waiting in self._waiting.items() if waiting]
        for peer, message in due:
            del self._waiting[peer][message]
        return due

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
        """Have the neighbours that the list says."""
        current = self._council.current
        if current is None:
            return
        wanted = {peer.key: peer for peer in neighbours_by(self._listed, current, links.own_key)}
        here = {peer.key: peer for peer in links.neighbours}
        self._on_list(current)
        try:
            for key in here.keys() - wanted.keys():
                self._say(f"{here[key].name} is no neighbour any more")
                await links.delist(here[key], "revoked" if key in current.revoked else "removed")
            for key, peer in wanted.items():
                if self._grows and here.get(key) != peer:
                    self._on_enlisted(peer)
                    await links.enlist(peer)
        except OSError as error:
            self._say(
                f"a new member cannot be let in ({error.strerror}): mend the disk, start the node again"
            )


def neighbours_by(listed: Iterable[Neighbour], current: MemberList | None, own: bytes) -> list[Neighbour]:
    """The neighbours of `own`, whose file has `listed`, by the list that holds."""
    if current is None:
        return list(listed)
    named = {peer.key: current.members.get(peer.key, peer) for peer in listed if peer.key not in current.gone}
    return list((named | {peer.key: peer for peer in current.neighbours_of(own)}).values())
