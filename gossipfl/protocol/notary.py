"""What an update states, so that others can be shown it, and whether somebody really stated it.

Rules:
- What is stated is what every neighbour must hear alike: a life's samples and body of a round. Its number on
  a link is that link's own; the degree may change while a round lasts.
- On a node a statement is the header that its author signed. In a simulation nothing is signed; there a seal
  stands for the signature, which only what a peer says itself is given.
"""

from __future__ import annotations

import hashlib
import struct
from typing import Protocol

from gossipfl.errors import RemoteProtocolError
from gossipfl.protocol.layout import body_buffers
from gossipfl.protocol.manifest import Manifest
from gossipfl.protocol.messages import PeerId, Statement, Update
from gossipfl.protocol.wire import SIGNED, SIGNED_BYTES, signed_by

SAID_BYTES = 16
_CLAIM = struct.Struct(f">II{SAID_BYTES}s")
CLAIM_BYTES = _CLAIM.size
CLAIMS_MAX = 170
"""Claims in one message: its header takes 4 KiB at most."""

_SAID = struct.Struct(">QQQ")
_NUMBER_BYTES = 4
_SEAL = b"gossipfl simulation"


class Notary(Protocol):
    """Makes statements of updates, and tells true ones from forged."""

    def stated(self, sender: PeerId, update: Update) -> Statement:
        """What `update` states, which came from `sender` itself."""

    def certain(self, statement: Statement) -> bool:
        """Whether its author stated it, in this run."""


class Sealed:
    """The notary of a simulation."""

    def stated(self, sender: PeerId, update: Update) -> Statement:
        """The same for the same update, so that its body is read once, whoever hears it."""
        author = author_of(sender)
        known = update.statement
        if known is not None and known.author == author:
            return known
        body = hashlib.blake2b(digest_size=32)
        for buffer in body_buffers(update.payload):
            body.update(buffer)
        said = _said(author, update.epoch, update.round, update.samples, body.digest())
        return update.states(_sealed(author, update.epoch, update.round, said))

    def certain(self, statement: Statement) -> bool:
        """Whether the seal is unbroken."""
        return statement == _sealed(*statement[:4])


class Signed:
    """The notary of a node whose run has the terms `manifest`."""

    def __init__(self, manifest: Manifest) -> None:
        self._terms = manifest.run_id, manifest.hash

    def stated(self, sender: PeerId, update: Update) -> Statement:
        """What the update was read with, whose signature was verified then."""
        if update.statement is None:
            raise LookupError("An update came from a link without its signed header.")
        return update.statement

    def certain(self, statement: Statement) -> bool:
        """Whether the header is of this run, and signed by its author's key."""
        try:
            honest = statement == read_statement(statement.evidence)
        except RemoteProtocolError:
            return False
        return (
            honest
            and SIGNED.unpack_from(statement.evidence)[:2] == self._terms
            and signed_by(statement.author, statement.evidence)
        )


def read_statement(header: bytes) -> Statement:
    """What the signed `header` of an update states, not verified. Raises `RemoteProtocolError`: malformed."""
    if len(header) != SIGNED_BYTES:
        raise RemoteProtocolError("malformed", "What is said to be signed has another length.")
    _, _, author, epoch, round_, _, samples, _, _, _, body = SIGNED.unpack_from(header)
    return Statement(author, epoch, round_, _said(author, epoch, round_, samples, body), header)


def author_of(number: PeerId) -> bytes:
    """The author that peer `number` of a simulation is."""
    return number.to_bytes(_NUMBER_BYTES, "big")


def number_of(author: bytes) -> PeerId:
    """The number under which claims name `author`. Others may have the same: it proves nothing."""
    return int.from_bytes(author[:_NUMBER_BYTES], "big")


def claim_of(number: PeerId, round: int, said: bytes) -> bytes:
    """A statement without its evidence, as 24 bytes: its author's number, its round, and what it said."""
    return _CLAIM.pack(number, round, said)


def read_claims(claims: bytes) -> list[tuple[PeerId, int, bytes]]:
    """(author's number, round, what it said) of each; `claims` is a multiple of 24 bytes long."""
    return list(_CLAIM.iter_unpack(claims))


def contradict(one: Statement, other: Statement) -> bool:
    """Whether nobody who is honest states both, if both are certain."""
    return one[:3] == other[:3] and one.said != other.said


def _said(author: bytes, epoch: int, round: int, samples: int, body: bytes) -> bytes:
    head = _SAID.pack(epoch, round, samples)
    return hashlib.blake2b(b"".join((author, head, body)), digest_size=SAID_BYTES).digest()


def _sealed(author: bytes, epoch: int, round: int, said: bytes) -> Statement:
    head = b"".join((author, _SAID.pack(epoch, round, 0), said))
    seal = hashlib.blake2b(head, digest_size=SAID_BYTES, key=_SEAL).digest()
    return Statement(author, epoch, round, said, seal)
