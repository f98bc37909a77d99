"""Over real links: a node that knows one member, whichever it is, finds those whom the list gives it."""

from __future__ import annotations

from pathlib import Path

import pytest
from assemblies import Member
from hosts import NOWHERE, run

from gossipfl.protocol.events import Expelled, Joined
from gossipfl.protocol.identity import Identity, Neighbour, peer_number
from gossipfl.protocol.membership import NOTHING, Change, MemberList, SignedChange, list_after, proposal

WHO = [Identity(bytes([place]) * 32) for place in range(101, 110)]
PROPOSER, NEW = WHO[0], WHO[-1]


def changes() -> tuple[list[SignedChange], MemberList]:
    """A founding by eight, and the change by which the ninth comes in; the list after them."""
    peers = [Neighbour(f"n{i}", NOWHERE, who.key) for i, who in enumerate(WHO)]
    old = tuple(sorted(peers[:-1], key=lambda peer: peer.key))
    first = Change("trial", 1, NOTHING, PROPOSER.key, 1, 1, old)
    before = list_after(None, first)
    second = Change("trial", 2, before.digest, PROPOSER.key, 2, 1, tuple(peers[-1:]))
    return [proposal(PROPOSER, each) for each in (first, second)], list_after(before, second)


(FOUNDING, ADDING), LISTED = changes()
SPONSORS = {peer.key for peer in LISTED.neighbours_of(NEW.key)}
SPONSOR = next(who for who in WHO if who.key in SPONSORS and who is not PROPOSER)
REACHED = next(who for who in WHO[:-1] if who.key not in SPONSORS)


def number(who: Identity) -> int:
    return peer_number(who.key)


def test_a_newcomer_that_names_one_member_finds_its_sponsors_and_learns_with_them_alone(
    tmp_path: Path,
) -> None:
    new, reached = (Member(who, tmp_path / str(i)) for i, who in enumerate((NEW, REACHED)))
    sponsor = Member(SPONSOR, tmp_path / "sponsor", lambda _: sponsor.host.address)

    async def test() -> None:
        new.council.accepted = FOUNDING.change.digest
        async with (
            reached.living((SPONSOR, NOWHERE)) as links,
            sponsor.living((REACHED, reached.host.address)),
        ):
            await sponsor.host.until(lambda host: host.count(Joined) == 1)
            for member in (reached, sponsor):
                member.take(FOUNDING)
                member.take(ADDING)
            async with new.living((REACHED, reached.host.address)) as others:
                await new.host.until(lambda host: host.count(Joined) == 1)
                await sponsor.host.until(lambda host: host.count(Joined) == 2)
                assert new.host.events.count(Expelled(number(REACHED))) == 1
                assert {peer.key for peer in others.neighbours} == SPONSORS
                assert {peer.key for peer in links.neighbours} == {SPONSOR.key}
                assert reached.host.events == [Joined(number(SPONSOR))]

    run(test)
    assert any("takes this node for no neighbour" in words for words in new.said)
    assert any("takes this node for a neighbour" in words for words in reached.said)


def test_whoever_the_reached_member_has_not_heard_of_is_told_so_and_comes_in_once_it_has(
    tmp_path: Path,
) -> None:
    new, reached = (Member(who, tmp_path / str(i)) for i, who in enumerate((NEW, REACHED)))

    async def test() -> None:
        reached.take(FOUNDING)
        async with reached.living() as links, new.living((REACHED, reached.host.address)):
            await new.host.until(lambda host: "refused-us" in host.reasons)
            assert "has not heard of it yet" in new.host.refusals[0].detail
            assert reached.host.reasons[0] == "unknown-key"
            links.know(LISTED.members)
            await new.host.until(lambda _: bool(new.said))
            assert not any(refusal.detail.startswith("delisted") for refusal in new.host.refusals)
            links.know({})
            await new.host.until(lambda host: host.refusals[-1].detail.startswith("delisted"))
            await reached.host.until(lambda host: host.reasons.count("unknown-key") > 1)
            assert new.host.events == reached.host.events == []

    run(test)


def test_whoever_has_been_a_guest_for_longest_makes_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gossipfl.node.links.GUESTS_MAX", 1)
    first, last = (Member(who, tmp_path / str(i)) for i, who in enumerate(WHO[:2]))
    host = Member(WHO[2], tmp_path / "host")

    async def test() -> None:
        host.take(FOUNDING)
        async with host.living(), first.living((WHO[2], host.host.address)):
            await first.host.until(lambda _: bool(first.said))
            async with last.living((WHO[2], host.host.address)):
                await last.host.until(lambda _: bool(last.said))
                await first.host.until(lambda one: any("crowded" in each.detail for each in one.refusals))

    run(test)
