"""Where members say that they are now: each by its own signature, in the place of what the list says.

Rules:
- An address is no right, so it needs no quorum: whoever answers there must show the member's key still.
- A move names the change that listed its member, and is void once another change lists it anew.
- Of each member the move with the greatest number counts; it alone is kept and told.
- A member moves once in `MOVE_S` as far as others are told and dial: what comes sooner waits, and the last of
  it counts. So nobody can have others talk, write or dial without end.
- What is verified is the exact bytes received, and no others mean the same.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace

from gossipfl.errors import RemoteProtocolError, UserError
from gossipfl.protocol.identity import SIGNATURE_BYTES, Address, Identity, parse_address, verify
from gossipfl.protocol.membership import MemberList

MOVE_S = 60.0
"""Our guess: whoever moved dials the others itself at once."""

_DOMAIN = b"gossipfl move 1\0"
_HEAD = struct.Struct(">32s32sQ")
_NUMBER_MAX = (1 << 64) - 1
_ADDRESS_BYTES_MAX = 300


@dataclass(frozen=True, slots=True)
class Move:
    """That the member `key`, which the change with the digest `listed` put on the list, is at `address`."""

    key: bytes
    listed: bytes
    number: int  # grows with each move: seconds of the member's clock, or one more than the last
    address: Address
    signature: bytes = b""

    @property
    def body(self) -> bytes:
        """The bytes that are signed."""
        return _HEAD.pack(self.key, self.listed, self.number) + str(self.address).encode("ascii")

    def signed_by(self, identity: Identity) -> Move:
        """The same, signed by `identity`."""
        return replace(self, signature=identity.sign(_DOMAIN + self.body))

    @property
    def is_genuine(self) -> bool:
        """Whether its member signed it."""
        return verify(self.key, self.signature, _DOMAIN + self.body)


def encode_move(move: Move) -> bytes:
    """Some 150 bytes, or 440 where a host has a long name."""
    return move.signature + move.body


def decode_move(words: bytes) -> Move:
    """The move in `words`, its signature not yet verified. Raises `RemoteProtocolError`: malformed."""
    least = SIGNATURE_BYTES + _HEAD.size
    if not least < len(words) <= least + _ADDRESS_BYTES_MAX:
        raise _malformed("it is of no such length")
    try:
        address = parse_address(words[least:].decode("ascii"))
    except (UnicodeDecodeError, UserError):
        raise _malformed("its address is none") from None
    key, listed, number = _HEAD.unpack_from(words, SIGNATURE_BYTES)
    move = Move(key, listed, number, address, words[:SIGNATURE_BYTES])
    if address.port == 0 or encode_move(move) != words:
        raise _malformed("its address is not written in the one way agreed upon")
    return move


class Moves:
    """The moves of the members of one list, at most one that holds and one that waits for each."""

    def __init__(self) -> None:
        self.known: dict[bytes, Move] = {}
        self._waiting: dict[bytes, Move] = {}
        self._moved_at: dict[bytes, float] = {}

    def hear(self, move: Move, current: MemberList | None) -> None:
        """Take what somebody told, if it is news of a member. Raises `RemoteProtocolError`: forged."""
        if current is None or current.listed.get(move.key) != move.listed:
            return  # it is told again once we hold that list
        if move.number <= self._number(move.key):
            return
        if not move.is_genuine:
            raise RemoteProtocolError("forged", "A member's move is not signed by it.")
        self._waiting[move.key] = move

    def announce(self, identity: Identity, address: Address, current: MemberList, now_s: int) -> None:
        """Say that the member `identity` is at `address`, unless that is known."""
        last = self._waiting.get(identity.key) or self.known.get(identity.key)
        if address == (last or current.members[identity.key]).address:
            return
        number = min(max(now_s, self._number(identity.key) + 1), _NUMBER_MAX)
        move = Move(identity.key, current.listed[identity.key], number, address)
        self._waiting[identity.key] = move.signed_by(identity)

    def settle(self, now: float) -> list[Move]:
        """Those that hold from `now` on, of a monotonic clock."""
        due = {key for key in self._waiting if now - self._moved_at.get(key, -math.inf) >= MOVE_S}
        settled = [move for key, move in self._waiting.items() if key in due]
        for move in settled:
            self.known[move.key] = self._waiting.pop(move.key)
            self._moved_at[move.key] = now
        return settled

    def resume(self, move: Move, current: MemberList | None) -> None:
        """Go on from what an earlier life kept. Raises `RemoteProtocolError`: forged."""
        self.hear(move, current)
        self.known |= self._waiting
        self._waiting.clear()

    def follow(self, current: MemberList) -> None:
        """Forget what is void now that `current` holds."""
        self.known = _of(current, self.known)
        self._waiting = _of(current, self._waiting)
        self._moved_at = {key: at for key, at in self._moved_at.items() if key in current.members}

    def seen(self, current: MemberList) -> MemberList:
        """The list `current` with each member where it says that it is."""
        moved = {key: replace(current.members[key], address=move.address) for key, move in self.known.items()}
        return replace(current, members={**current.members, **moved})

    def _number(self, key: bytes) -> int:
        last = self._waiting.get(key) or self.known.get(key)
        return last.number if last else -1


def _of(current: MemberList, moves: Mapping[bytes, Move]) -> dict[bytes, Move]:
    return {key: move for key, move in moves.items() if current.listed.get(key) == move.listed}


def _malformed(why: str) -> RemoteProtocolError:
    return RemoteProtocolError("malformed", f"A member's move cannot be read: {why}.")
