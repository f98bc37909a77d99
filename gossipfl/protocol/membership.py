"""Who belongs to a consortium: a founding and the changes since, each signed by a quorum of those before it.

Rules:
- A change names the one before it by digest: so there is one order, and nobody can leave one out.
- It holds once as many members have signed as the list before it asks for; a founding is signed by its own.
- A key that was revoked never comes back; a name stands for one member, however it is spelled.
- What is verified is the exact bytes received, and no others mean the same.
- A change fits one frame: whoever was away is told one after the other, and nothing has to be put together.
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgpack

from gossipfl.errors import RemoteProtocolError, UserError
from gossipfl.protocol.framing import HEADER_BYTES_MAX
from gossipfl.protocol.identity import (
    SIGNATURE_BYTES,
    Identity,
    Neighbour,
    check_name,
    parse_address,
    verify,
)

MEMBERS_MAX = 1024
REVOKED_MAX = 1024
SERIALS_MAX = 4096
QUORUM_MAX = 16
"""So many signatures leave room in a frame for what they sign. Our guess."""

SPONSORS = 4
"""So many members become neighbours of a new one, its proposer among them: in a consortium of five, all. Our
guess."""

KEY_BYTES = 32
NOTHING = bytes(32)
"""The digest of what was before a founding."""

_DOMAIN = b"gossipfl members 1\0"
_BODY_BYTES = struct.Struct(">H")
_SIGNED_BYTES = KEY_BYTES + SIGNATURE_BYTES
_ROWS_MAX = 64
_TEXT_MAX = 300


@dataclass(frozen=True, slots=True)
class Change:
    """What the list of `serial` has that the one before had not; the first, the founding, adds all it has."""

    consortium: str
    serial: int
    before: bytes
    proposer: bytes
    made_at_s: int  # by the clock of the proposer, of whose proposals the latest counts
    quorum: int  # that the next change needs
    added: tuple[Neighbour, ...] = ()
    removed: tuple[bytes, ...] = ()
    revoked: tuple[bytes, ...] = ()

    @property
    def body(self) -> bytes:
        """The bytes that are signed."""
        added = [[peer.name, str(peer.address), peer.key] for peer in self.added]
        head = [self.consortium, self.serial, self.before, self.proposer, self.made_at_s, self.quorum]
        return bytes(msgpack.packb([*head, added, list(self.removed), list(self.revoked)]))

    @property
    def digest(self) -> bytes:
        """32 bytes that stand for this change and, by `before`, for all before it."""
        return hashlib.blake2b(self.body, digest_size=32).digest()


@dataclass(frozen=True, slots=True)
class SignedChange:
    """A change and who signed it, by key in growing order."""

    change: Change
    signatures: tuple[tuple[bytes, bytes], ...]

    @property
    def signers(self) -> frozenset[bytes]:
        """The keys that signed."""
        return frozenset(key for key, _ in self.signatures)

    def signed_by(self, identity: Identity) -> SignedChange:
        """The same, signed by `identity` too."""
        return self.joined([(identity.key, identity.sign(_DOMAIN + self.change.body))])

    def joined(self, signatures: Iterable[tuple[bytes, bytes]]) -> SignedChange:
        """The same, with these signatures too, as far as there is room."""
        together = dict(self.signatures)
        for key, signature in signatures:
            if len(together) < QUORUM_MAX:
                together.setdefault(key, signature)
        return SignedChange(self.change, tuple(sorted(together.items())))


@dataclass(frozen=True, slots=True)
class MemberList:
    """Who belongs to the consortium after so many changes, by key."""

    consortium: str
    serial: int
    digest: bytes
    quorum: int
    members: Mapping[bytes, Neighbour]
    listed: Mapping[bytes, bytes]  # the digest of the change that put each member there
    revoked: frozenset[bytes]
    departed: frozenset[bytes]  # members once, whose keys nobody revoked
    sponsors: Mapping[bytes, tuple[bytes, ...]]  # of those who were added since the founding

    @property
    def gone(self) -> frozenset[bytes]:
        """Keys that were members' once, and may speak no more."""
        return self.revoked | self.departed

    def neighbours_of(self, key: bytes) -> tuple[Neighbour, ...]:
        """Whom the list makes neighbours of `key`, by key: its sponsors, and those that it sponsors.

        Founders are neighbours of those whom their own files name.
        """
        sponsored = (other for other, by in self.sponsors.items() if key in by)
        linked = {*self.sponsors.get(key, ()), *sponsored}
        return tuple(self.members[other] for other in sorted(linked) if other in self.members)


def proposal(identity: Identity, change: Change) -> SignedChange:
    """`change` as its proposer puts it to the others. Raises `UserError` if it is too large for a frame."""
    signed = SignedChange(change, ()).signed_by(identity)
    if len(encode_change(signed)) + (QUORUM_MAX - 1) * _SIGNED_BYTES > HEADER_BYTES_MAX:
        raise UserError("Change fewer members at once: so many do not fit into one message.")
    return signed


def encode_change(signed: SignedChange) -> bytes:
    """At most `HEADER_BYTES_MAX` bytes."""
    body = signed.change.body
    return _BODY_BYTES.pack(len(body)) + body + b"".join(key + by for key, by in signed.signatures)


def decode_change(words: bytes) -> SignedChange:
    """The change in `words`, its signatures not yet verified. Raises `RemoteProtocolError`: malformed."""
    if not _BODY_BYTES.size < len(words) <= HEADER_BYTES_MAX:
        raise _malformed("it is of no such length")
    (length,) = _BODY_BYTES.unpack_from(words)
    body, rest = words[_BODY_BYTES.size :][:length], words[_BODY_BYTES.size + length :]
    if len(body) < length or len(rest) % _SIGNED_BYTES or len(rest) > QUORUM_MAX * _SIGNED_BYTES:
        raise _malformed("its signatures are cut short")
    starts = range(0, len(rest), _SIGNED_BYTES)
    signatures = tuple((rest[at:][:KEY_BYTES], rest[at:][KEY_BYTES:_SIGNED_BYTES]) for at in starts)
    keys = [key for key, _ in signatures]
    if keys != sorted(set(keys)):
        raise _malformed("its signers are not in growing order")
    return SignedChange(_decode_body(body), signatures)


def check_signatures(signed: SignedChange, before: MemberList | None) -> bool:
    """Whether enough members of the list `before`, or of a founding itself, have signed.

    Raises `RemoteProtocolError("forged")` if one of the signatures is not by one of them.
    """
    change = signed.change
    members = before.members.keys() if before else {peer.key for peer in change.added}
    message = _DOMAIN + change.body
    for key, signature in signed.signatures:
        if key not in members or not verify(key, signature, message):
            raise RemoteProtocolError("forged", "A change of members is not signed by whom it says.")
    return len(signed.signatures) >= (before.quorum if before else change.quorum)


def list_after(before: MemberList | None, change: Change) -> MemberList:
    """The list that `change` makes of the one `before` it, or founds.

    Raises `RemoteProtocolError("members")` with the rule that it breaks.
    """
    old: Mapping[bytes, Neighbour] = before.members if before else {}
    revoked = before.revoked if before else frozenset[bytes]()
    _refuse(change.serial != (before.serial if before else 0) + 1, "it is not the next one")
    _refuse(change.serial > SERIALS_MAX, "there were too many changes: found the list anew")
    _refuse(change.before != (before.digest if before else NOTHING), "it follows another list")
    _refuse(before is not None and change.consortium != before.consortium, "it is of another consortium")
    gone = {*change.removed, *change.revoked}
    _refuse(not gone <= old.keys(), "it removes or revokes who is no member")
    _refuse(not (gone or change.added or (before and before.quorum != change.quorum)), "nothing changes")
    members = {key: peer for key, peer in old.items() if key not in gone}
    listed = {key: before.listed[key] for key in members} if before else {}
    for peer in change.added:
        _admit(peer, members, revoked | set(change.revoked))
        members[peer.key] = peer
    _refuse(change.proposer not in (old or members), "its proposer is no member")
    _refuse(len(members) > MEMBERS_MAX, f"over {MEMBERS_MAX} members")
    _refuse(not 1 <= change.quorum <= min(len(members), QUORUM_MAX), "nobody can reach such a quorum")
    revoked |= set(change.revoked)
    _refuse(len(revoked) > REVOKED_MAX, f"over {REVOKED_MAX} revoked keys: found the list anew")
    departed = (before.departed if before else frozenset()) | set(change.removed)
    sponsors = dict(before.sponsors) if before else {}
    if before:
        sponsors |= {peer.key: _sponsors(change, peer.key, members) for peer in change.added}
    return MemberList(
        change.consortium,
        change.serial,
        change.digest,
        change.quorum,
        members,
        listed | {peer.key: change.digest for peer in change.added},
        revoked,
        departed - members.keys() - revoked,
        {key: by for key, by in sponsors.items() if key in members},
    )


def _sponsors(change: Change, key: bytes, members: Mapping[bytes, Neighbour]) -> tuple[bytes, ...]:
    """Who becomes a neighbour of `key`: the proposer, and others whom nobody can choose."""
    seed = change.before + key  # was there before anybody proposed anything
    drawn = sorted(members.keys() - {key}, key=lambda other: hashlib.blake2b(seed + other).digest())
    proposer = [change.proposer] if change.proposer in members else []
    others = [other for other in drawn if other != change.proposer]
    return tuple([*proposer, *others][:SPONSORS])


def _admit(peer: Neighbour, members: Mapping[bytes, Neighbour], revoked: Iterable[bytes]) -> None:
    _refuse(peer.key in revoked, f"the key of {peer.name} was revoked: it needs a new one")
    _refuse(peer.key in members, f"the key of {peer.name} is listed already")
    _refuse(peer.address.port == 0, f"{peer.name} has no port")
    for other in members.values():
        same = _spelling(other.name) == _spelling(peer.name)
        _refuse(same, f"{peer.name} has the name of {other.name}")
        _refuse(other.number == peer.number, f"{peer.name} needs a new key: {other.name} has the same number")


def _spelling(name: str) -> str:
    """What is left of a name if people look at it quickly."""
    return re.sub(r"[._-]", "", name).lower().translate(str.maketrans("01", "ol")).replace("i", "l")


def _decode_body(body: bytes) -> Change:
    try:
        items = msgpack.unpackb(
            body, max_array_len=_ROWS_MAX, max_map_len=0, max_ext_len=0, max_str_len=_TEXT_MAX
        )
        change = _change_of(items)
    except (ValueError, msgpack.UnpackException, UserError, TypeError):
        raise _malformed("its values are none") from None
    if change.body != body:
        raise _malformed("it is not written in the one way agreed upon")
    return change


def _change_of(items: Any) -> Change:
    """Raises `UserError`, `ValueError` or `TypeError`."""
    types = [str, int, bytes, bytes, int, int, list, list, list]
    if type(items) is not list or [type(item) for item in items] != types:
        raise ValueError
    consortium, serial, before, proposer, made_at_s, quorum, added, removed, revoked = items
    check_name(consortium)
    keys = [before, proposer, *removed, *revoked]
    if any(type(key) is not bytes or len(key) != KEY_BYTES for key in keys):
        raise ValueError
    if not (0 < serial < 1 << 32 and 0 <= made_at_s < 1 << 63 and 0 < quorum < 1 << 16):
        raise ValueError
    peers = tuple(map(_peer_of, added))
    rows = [peer.key for peer in peers], removed, revoked
    if any(list(row) != sorted(set(row)) for row in rows) or set(removed) & set(revoked):
        raise ValueError
    return Change(
        consortium, serial, before, proposer, made_at_s, quorum, peers, tuple(removed), tuple(revoked)
    )


def _peer_of(row: Any) -> Neighbour:
    if type(row) is not list or [type(item) for item in row] != [str, str, bytes]:
        raise ValueError
    name, address, key = row
    return Neighbour(name, parse_address(address), key)


def _refuse(breaks: bool, rule: str) -> None:
    if breaks:
        raise RemoteProtocolError("members", f"A change of members cannot be: {rule}.")


def _malformed(why: str) -> RemoteProtocolError:
    return RemoteProtocolError("malformed", f"A change of members cannot be read: {why}.")
