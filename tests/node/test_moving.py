"""Over real links: a member that moved is found by whoever cannot reach it where the list has it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import trio
from hosts import IDENTITIES, NOWHERE, Host, run

from gossipfl.node.assembly import Assembly
from gossipfl.node.links import Links
from gossipfl.node.membersfile import MembersFolder
from gossipfl.protocol.council import Council
from gossipfl.protocol.events import Joined
from gossipfl.protocol.identity import Identity, Neighbour
from gossipfl.protocol.membership import NOTHING, Change, SignedChange, proposal

ONE, BETWEEN, MOVED, _ = IDENTITIES


class Member:
    """A host with a council, kept in the folder `state`."""

    def __init__(self, identity: Identity, state: Path) -> None:
        self.host = Host(identity)
        self.folder = MembersFolder(state)
        self.council = Council(identity.key, lambda _: None)
        self.said: list[str] = []

    def take(self, founding: SignedChange) -> None:
        """Hold the list that it founds."""
        self.council.take(founding)
        self.council.accept(founding.change.digest)

    @asynccontextmanager
    async def living(self, *neighbours: Identity) -> AsyncIterator[Links]:
        """Run with these `neighbours`, and say where it listens if that is `MOVED`."""
        listed = [Neighbour("other", NOWHERE, who.key) for who in neighbours]
        self.host.assembly = assembly = Assembly(
            self.council,
            self.folder,
            self.host.identity,
            listed,
            lambda listed: self.host.address if self.host.identity is MOVED else listed,
            lambda _: None,
            lambda _: None,
            self.said.append,
            grows=False,
        )
        async with (
            self.host.running(*((who, NOWHERE) for who in neighbours)) as links,
            trio.open_nursery() as nursery,
        ):
            nursery.start_soon(assembly.run, links)
            yield links
            nursery.cancel_scope.cancel()


def test_a_member_that_moved_is_dialled_where_it_says_that_it_is_and_that_is_kept(tmp_path: Path) -> None:
    one, between, moved = (Member(who, tmp_path / str(i)) for i, who in enumerate((ONE, BETWEEN, MOVED)))

    async def test() -> None:
        async with (
            between.living(ONE, MOVED),
            moved.living(ONE, BETWEEN),
            one.living(MOVED, BETWEEN) as links,
        ):
            where = {BETWEEN: between.host.address}
            listed = (
                Neighbour(f"n{i}", where.get(who, NOWHERE), who.key)
                for i, who in enumerate((ONE, BETWEEN, MOVED))
            )
            change = Change("trial", 1, NOTHING, ONE.key, 1, 1, tuple(listed))
            for member in (one, between, moved):
                member.take(proposal(ONE, change))
            await one.host.until(lambda host: host.count(Joined) == 2)
            assert moved.host.address in {peer.address for peer in links.neighbours}

    run(test)
    assert f"n2 says that it is at {moved.host.address}" in one.said
    again = Council(ONE.key, lambda _: None)
    one.folder.recall(again)
    assert again.seen is not None
    assert again.seen.members[MOVED.key].address == moved.host.address
    assert again.current is not None
    assert again.current.members[MOVED.key].address == NOWHERE
