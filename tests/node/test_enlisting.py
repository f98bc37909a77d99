"""Neighbours that come and go while a node runs: nothing is started again."""

from __future__ import annotations

import errno

import pytest
from hosts import IDENTITIES, NOWHERE, Host, run, update

from gossipfl.node.links import Links
from gossipfl.node.tls import Credentials
from gossipfl.protocol.events import Admitted, Expelled, Joined, Left
from gossipfl.protocol.identity import Address, Identity, Neighbour

SMALL, LARGE, THIRD, _ = IDENTITIES


def named(identity: Identity, address: Address = NOWHERE) -> Neighbour:
    return Neighbour("newcomer", address, identity.key)


def test_a_neighbour_that_is_enlisted_is_let_in_and_dialled() -> None:
    async def test() -> None:
        one, two, three = Host(SMALL), Host(LARGE), Host(THIRD)
        async with one.running() as links, two.running((SMALL, one.address)), three.running((SMALL, NOWHERE)):
            await one.until(lambda host: "unknown-key" in host.reasons)
            await links.enlist(named(LARGE))
            await one.until(lambda host: host.count(Joined) == 1)
            await links.enlist(named(THIRD, three.address))
            await three.until(lambda host: host.count(Joined) == 1)
            assert one.count(Admitted) == 2
            assert {peer.key for peer in links.neighbours} == {LARGE.key, THIRD.key}

    run(test)


async def _revoked(one: Host, two: Host, links: Links) -> None:
    await links.delist(links.neighbours[0], "revoked")
    await one.until(lambda host: host.count(Left) == 1 and host.count(Expelled) == 1)
    await two.until(lambda host: host.count(Left) == 1)


def test_a_live_link_is_cut_with_the_reason_and_a_new_one_is_refused() -> None:
    async def test() -> None:
        one, two = Host(SMALL), Host(LARGE)
        async with one.running((LARGE, NOWHERE)) as links, two.running((SMALL, one.address)) as others:
            await one.until(lambda host: host.count(Joined) == 1)
            await _revoked(one, two, links)
            links.know({})
            told = next(each for each in two.refusals if each.reason == "refused-us")
            assert told.detail.startswith("revoked")
            await one.until(lambda host: "unknown-key" in host.reasons)
            others.send(one.number, update(1))
            assert one.count(Joined) == 1
            assert one.rounds_heard == []

    run(test)


def test_a_live_link_is_cut_though_no_new_certificates_can_be_made(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    async def test() -> None:
        one, two = Host(SMALL), Host(LARGE)
        async with one.running((LARGE, NOWHERE)) as links, two.running((SMALL, one.address)):
            await one.until(lambda host: host.count(Joined) == 1)
            monkeypatch.setattr(Credentials, "trust", full)
            await _revoked(one, two, links)
            with pytest.raises(OSError, match="space"):
                links.know({})
            await one.until(lambda host: "delisted" in host.reasons)
            assert one.count(Joined) == 1

    run(test)


def test_whoever_is_listed_again_comes_back() -> None:
    async def test() -> None:
        one, two = Host(SMALL), Host(LARGE)
        async with one.running((LARGE, NOWHERE)) as links, two.running((SMALL, one.address)):
            await one.until(lambda host: host.count(Joined) == 1)
            await _revoked(one, two, links)
            await links.enlist(named(LARGE))
            await one.until(lambda host: host.count(Joined) == 2)

    run(test)


def test_a_neighbour_that_moved_is_dialled_at_its_new_address() -> None:
    async def test() -> None:
        one, two = Host(SMALL), Host(LARGE)
        async with one.running((LARGE, NOWHERE)) as links, two.running((SMALL, NOWHERE)):
            await links.enlist(named(LARGE, two.address))
            await two.until(lambda host: host.count(Joined) == 1)
            assert one.count(Admitted) == 0

    run(test)
