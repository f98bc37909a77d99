"""Nodes on loopback that hold a list of members."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import trio
from hosts import Host

from gossipfl.node.assembly import Assembly
from gossipfl.node.links import Links
from gossipfl.node.membersfile import MembersFolder
from gossipfl.protocol.council import Council
from gossipfl.protocol.identity import Address, Identity, Neighbour
from gossipfl.protocol.membership import SignedChange


class Member:
    """A host with a council, kept in the folder `state`, that says where it is by `whereabouts`."""

    def __init__(
        self,
        identity: Identity,
        state: Path,
        whereabouts: Callable[[Address], Address] = lambda listed: listed,
    ) -> None:
        self.host = Host(identity)
        self.folder = MembersFolder(state)
        self.council = Council(identity.key, lambda _: None)
        self.said: list[str] = []
        self._whereabouts = whereabouts

    def take(self, signed: SignedChange) -> None:
        """Hold the list that the change founds or makes."""
        self.council.take(signed)
        self.council.accept(signed.change.digest)

    def _say(self, words: str) -> None:
        self.said.append(words)
        self.host.wake()

    @asynccontextmanager
    async def living(self, *neighbours: tuple[Identity, Address]) -> AsyncIterator[Links]:
        """Run with these `neighbours` in its file."""
        listed = [Neighbour(f"n{i}", where, who.key) for i, (who, where) in enumerate(neighbours)]
        self.host.assembly = assembly = Assembly(
            self.council,
            self.folder,
            self.host.identity,
            listed,
            self._whereabouts,
            lambda _: None,
            lambda _: None,
            self._say,
            grows=True,
        )
        async with self.host.running(*neighbours) as links, trio.open_nursery() as nursery:
            nursery.start_soon(assembly.run, links)
            yield links
            nursery.cancel_scope.cancel()
