"""What commands leave for a node is taken up in the order in which one change follows another."""

from __future__ import annotations

from pathlib import Path

import pytest
from hosts import IDENTITIES

from gossipfl.node.membersfile import Dropped, MembersFolder
from gossipfl.protocol.council import Council
from gossipfl.protocol.identity import Address, Neighbour
from gossipfl.protocol.membership import NOTHING, Change, SignedChange, proposal

ONE, TWO, THREE, _ = IDENTITIES
MEMBERS = tuple(
    Neighbour(f"n{i}", Address("127.0.0.1", 7400 + i), who.key) for i, who in enumerate((ONE, TWO, THREE))
)


def changes(made_at_s: int) -> list[SignedChange]:
    """A founding by three, and two changes that follow it: one revoked, and one removed."""
    made = [Change("trial", 1, NOTHING, ONE.key, made_at_s, 1, MEMBERS)]
    for revoked, removed in (((TWO.key,), ()), ((), (THREE.key,))):
        last = made[-1]
        made.append(
            Change("trial", last.serial + 1, last.digest, ONE.key, made_at_s, 1, (), removed, revoked)
        )
    return [proposal(ONE, change) for change in made]


@pytest.mark.parametrize("made_at_s", range(6))
def test_changes_hold_though_nobody_was_there_to_take_each_up_at_once(tmp_path: Path, made_at_s: int) -> None:
    """Whatever their digests are: of six foundings some have the greatest."""
    folder = MembersFolder(tmp_path)
    for signed in reversed(changes(made_at_s)):
        folder.drop(Dropped(signed))
    council = Council(ONE.key, lambda _: None)
    for _, dropped in folder.dropped():
        assert dropped is not None
        dropped.given_to(council)
    assert council.current is not None
    assert council.current.serial == 3
    assert council.current.gone == {TWO.key, THREE.key}


def test_of_six_foundings_some_come_last_by_their_digest() -> None:
    """Else the test before could not fail."""
    digests = [[signed.change.digest for signed in changes(made_at_s)] for made_at_s in range(6)]
    assert any(sorted(each) != each for each in digests)
