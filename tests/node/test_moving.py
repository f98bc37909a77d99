"""Over real links: a member that moved is found by whoever cannot reach it where the list has it."""

from __future__ import annotations

from pathlib import Path

from assemblies import Member
from hosts import IDENTITIES, NOWHERE, run

from gossipfl.protocol.council import Council
from gossipfl.protocol.events import Joined
from gossipfl.protocol.identity import Neighbour
from gossipfl.protocol.membership import NOTHING, Change, proposal

ONE, BETWEEN, MOVED, _ = IDENTITIES


def test_a_member_that_moved_is_dialled_where_it_says_that_it_is_and_that_is_kept(tmp_path: Path) -> None:
    one, between = (Member(who, tmp_path / str(i)) for i, who in enumerate((ONE, BETWEEN)))
    moved = Member(MOVED, tmp_path / "moved", lambda _: moved.host.address)

    async def test() -> None:
        async with (
            between.living((ONE, NOWHERE), (MOVED, NOWHERE)),
            moved.living((ONE, NOWHERE), (BETWEEN, NOWHERE)),
            one.living((MOVED, NOWHERE), (BETWEEN, NOWHERE)) as links,
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
