"""What a command sees of the list of members of a node, and what it leaves for the node to take up.

Rules:
- The command does nothing that the node would refuse: it tries on a council of its own first.
- It needs no running node; one that runs takes up what is left within a second.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from gossipfl.errors import RemoteProtocolError, SettingsError, UserError
from gossipfl.experiment.nodefile import node_path, read_node_file, roster_of, whereabouts
from gossipfl.node.keyfile import load_key
from gossipfl.node.membersfile import Dropped, MembersFolder
from gossipfl.protocol.council import Council
from gossipfl.protocol.identity import Neighbour, fingerprint
from gossipfl.protocol.membership import (
    NOTHING,
    Change,
    MemberList,
    SignedChange,
    proposal,
)

SHOWN_LETTERS = 12
"""Of the digest of a change: enough to tell it from others."""


class Ballot:
    """Of the node at `path`. Raises `UserError`."""

    def __init__(self, path: Path) -> None:
        self.path = node_path(path)
        self._file = read_node_file(self.path)
        folder = self.path.parent
        self._identity = load_key(folder / self._file.node.key)
        self._folder = MembersFolder(folder / self._file.node.state)
        self._council = Council(self._identity.key, lambda _: None)
        self._folder.recall(self._council)
        for _, dropped in self._folder.dropped():
            with suppress(RemoteProtocolError):  # the node will say why
                if dropped is not None:
                    dropped.given_to(self._council)

    @property
    def current(self) -> MemberList | None:
        """The list that holds."""
        return self._council.current

    def key_of(self, name: str) -> bytes:
        """The key of the member called `name`. Raises `SettingsError`."""
        members = self.current.members.values() if self.current else ()
        for peer in members:
            if peer.name == name:
                return peer.key
        raise SettingsError(f"No member is called {name!r}: see `gossipfl peer list`.")

    def found(self, quorum: int, *, instead: bool = False) -> dict[str, Any]:
        """Propose the first list, of this node and those in its file, perhaps `instead` of another."""
        if self.current is not None:
            raise SettingsError(
                "A list of members holds already: change it with `gossipfl peer add | remove | revoke`."
            )
        roster = roster_of(self._file, self._identity.key)
        own = Neighbour(roster.name, whereabouts(self._file.node), roster.key)
        members = _by_key([own, *roster.neighbours])
        change = Change(
            self._file.run.name, 1, NOTHING, self._identity.key, int(time.time()), quorum, members
        )
        return self._propose(change, instead=instead)

    def propose(
        self,
        *,
        added: Iterable[Neighbour] = (),
        removed: Iterable[bytes] = (),
        revoked: Iterable[bytes] = (),
        instead: bool = False,
    ) -> dict[str, Any]:
        """Propose a change of the list that holds, perhaps `instead` of what this node proposed before.

        A member that is `added` again has another address.
        """
        current, added, removed, revoked = self.current, _by_key(added), tuple(removed), tuple(revoked)
        if current is None:
            raise SettingsError("No list of members holds: found one with `gossipfl peer found`.")
        anew = sorted({*removed, *(peer.key for peer in added if peer.key in current.members)})
        left = len(current.members) + len(added) - len(anew) - len(revoked)
        change = Change(
            current.consortium,
            current.serial + 1,
            current.digest,
            self._identity.key,
            int(time.time()),
            min(current.quorum, max(left, 1)),
            added,
            tuple(anew),
            tuple(revoked),
        )
        return self._propose(change, instead=instead)

    def sign(self, which: str) -> dict[str, Any]:
        """Sign the one change that waits for it, of several that whose digest begins with `which`."""
        all_waiting = self._waiting()
        waiting = [one for one in all_waiting if one.change.digest.hex().startswith(which)]
        if not all_waiting:
            raise SettingsError("Nothing waits to be signed by this node: see `gossipfl peer list`.")
        if not waiting:
            raise SettingsError(f"No change begins with {which!r}: see `gossipfl peer list`.")
        if len(waiting) > 1:
            raise SettingsError("Name the change to sign by its first letters in `gossipfl peer list`.")
        change = waiting[0].change
        if self.current is None and self._identity.key not in {peer.key for peer in change.added}:
            self._folder.drop(Dropped(None, change.digest))
            self._council.accept(change.digest)
            return self._told(waiting[0], self.current)
        return self._leave(waiting[0].signed_by(self._identity))

    def shown(self) -> dict[str, Any]:
        """The list that holds, and what is proposed."""
        current, seen = self.current, self._council.seen
        proposed = [*self._council.proposals.values()] or [*self._council.offers.values()]
        return {
            "consortium": current.consortium if current else "",
            "serial": current.serial if current else 0,
            "quorum": current.quorum if current else 0,
            "members": [_row(peer, current) for peer in seen.members.values()] if seen and current else [],
            "listed": []
            if current
            else list(map(_row, roster_of(self._file, self._identity.key).neighbours)),
            "revoked": self._revoked(),
            "proposed": [self._told(one, current) for one in proposed],
        }

    def _revoked(self) -> list[dict[str, str]]:
        """Whose keys never come back, by the names that they had."""
        names = {peer.key: peer.name for one in self._council.chain for peer in one.change.added}
        keys = self.current.revoked if self.current else ()
        rows = [{"name": names.get(key, ""), "fingerprint": fingerprint(key)} for key in keys]
        return sorted(rows, key=lambda row: row["name"])

    def _waiting(self) -> list[SignedChange]:
        if self.current is None:
            return [one for digest, one in self._council.offers.items() if digest != self._council.accepted]
        return [one for one in self._council.proposals.values() if self._identity.key not in one.signers]

    def _propose(self, change: Change, *, instead: bool) -> dict[str, Any]:
        """Propose `change`: a member has one proposal at a time, and none is dropped without a word."""
        proposed = [*self._council.proposals.values(), *self._council.offers.values()]
        mine = [one for one in proposed if one.change.proposer == self._identity.key]
        if mine and not instead:
            waits = self._told(mine[0], self.current)
            raise SettingsError(
                f"{waits['change']} waits for {waits['missing']} more to sign it ({waits['words']}): let it "
                "hold first, or put this in its place with --instead."
            )
        later = max([change.made_at_s, *(one.change.made_at_s + 1 for one in mine)])  # the latest counts
        change = replace(change, made_at_s=later)
        return self._leave(proposal(self._identity, change))

    def _leave(self, signed: SignedChange) -> dict[str, Any]:
        before = self.current
        try:
            self._council.take(signed)
        except RemoteProtocolError as error:
            raise UserError(str(error)) from None
        self._folder.drop(Dropped(signed))
        return self._told(signed, before)

    def _told(self, signed: SignedChange, before: MemberList | None) -> dict[str, Any]:
        change = signed.change
        names = {
            peer.key: peer.name for peer in (*(before.members.values() if before else ()), *change.added)
        }
        needed = before.quorum if before else change.quorum
        return {
            "change": change.digest.hex()[:SHOWN_LETTERS],
            "words": _words(change, names),
            "signers": sorted(names.get(key, key.hex()) for key in signed.signers),
            "missing": max(0, needed - len(signed.signers)),
            "holds": self._council.head.digest == change.digest,
        }


def _by_key(peers: Iterable[Neighbour]) -> tuple[Neighbour, ...]:
    return tuple(sorted(peers, key=lambda peer: peer.key))


def _row(peer: Neighbour, current: MemberList | None = None) -> dict[str, str]:
    return {
        "name": peer.name,
        "address": str(peer.address),
        "listed": str(current.members[peer.key].address if current else peer.address),
        "fingerprint": fingerprint(peer.key),
    }


def _words(change: Change, names: dict[bytes, str]) -> str:
    """What `change` does, in words."""
    again = {peer.key for peer in change.added} & set(change.removed)
    said = [f"{peer.name} moves to {peer.address}" for peer in change.added if peer.key in again]
    new = [f"{peer.name} ({fingerprint(peer.key)})" for peer in change.added if peer.key not in again]
    if new:
        said.append(f"{'founded by' if change.serial == 1 else 'adds'} {', '.join(new)}")
    gone = [key for key in change.removed if key not in again]
    said += [f"removes {names.get(key, key.hex())}" for key in gone]
    said += [f"revokes {names.get(key, key.hex())}" for key in change.revoked]
    return (
        f"list {change.serial} of {change.consortium}: {'; '.join(said)}; {change.quorum} must sign the next"
    )
