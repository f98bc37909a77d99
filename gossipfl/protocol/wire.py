"""The headers of frames as bytes: greetings and refusals in msgpack, updates in a fixed signed layout.

Rules:
- A msgpack header is one array of fixed arity with exact types: a bool is no integer, a str no bytes.
- What is verified is the exact bytes received. An update's body is hashed, and its hash is signed.
- Values are judged in `admission`, once for every driver; here only who said it, to which run, and how long.
"""

from __future__ import annotations

import itertools
import struct
from dataclasses import astuple
from typing import Any, NamedTuple

import msgpack

from gossipfl.errors import RemoteProtocolError
from gossipfl.protocol.digest import Each, body_digest
from gossipfl.protocol.framing import OFFERED_BYTES, PREFIX_BYTES, Frame, stream_bytes
from gossipfl.protocol.identity import SIGNATURE_BYTES, Identity, verify
from gossipfl.protocol.layout import body_buffers, body_bytes, split_body
from gossipfl.protocol.manifest import DIGEST_BYTES, SECTION_NAME_MAX, SECTIONS_MAX, Digests, Manifest
from gossipfl.protocol.messages import (
    Begun,
    Doubt,
    Gone,
    ListChange,
    ListHead,
    ListMove,
    Message,
    Proof,
    Shown,
    StandIn,
    Update,
    Witness,
    Word,
)

_DOMAIN = b"gossipfl update 1\0"
SIGNED = struct.Struct(">16s32s32sQIQQIBQ32s")
"""What the header of an update says: run, terms, key, epoch, round, sequence, samples, degree, flags, and the
length and digest of its body."""

SIGNED_BYTES = SIGNED.size + SIGNATURE_BYTES
_REASON_MAX = 32
_DETAIL_MAX = 400
_U64 = 1 << 64
_MISSED = struct.Struct(">II")
_LIST = struct.Struct(">I32s")
_HELD = struct.Struct(">QQ")
_WHOLE, _ASKS = 1, 2


class Hello(NamedTuple):
    """What each side says first."""

    version: int
    run_id: bytes
    name: str
    epoch: int
    digests: Digests


class Announcement(NamedTuple):
    """What the signed header of an update says; `digest` is of the body that is still to come."""

    round: int
    epoch: int
    sequence: int
    samples: int
    degree: int
    whole: bool
    asks: bool
    digest: bytes
    header: bytes


class Rejection(NamedTuple):
    """Why the other side closes the link."""

    reason: str
    detail: str


def encode_hello(hello: Hello) -> bytes:
    """The header of a HELLO or HELLO_ACK."""
    return bytes(msgpack.packb([*hello[:4], [list(digest) for digest in hello.digests]]))


def decode_hello(header: bytes) -> Hello:
    """The greeting in `header`; anything else is a `RemoteProtocolError("malformed")`."""
    version, run_id, name, epoch, digests = _array(header, int, bytes, str, int, list)
    sections = tuple(_section(item) for item in digests)
    fits = 0 <= version < _U64 and 0 <= epoch < _U64 and len(run_id) == DIGEST_BYTES
    if not fits or len(dict(sections)) != len(sections) or not _printable(name, 63):
        raise _malformed()
    return Hello(version, run_id, name, epoch, sections)


def encode_rejection(reason: str, detail: str) -> bytes:
    """The header of a REJECT; what cannot be printed is replaced, what is too long is cut."""
    return bytes(msgpack.packb([reason[:_REASON_MAX], "".join(map(_shown, detail[:_DETAIL_MAX]))]))


def decode_rejection(header: bytes) -> Rejection:
    """The refusal in `header`, of bounded printable text; anything else is a `RemoteProtocolError`."""
    reason, detail = _array(header, str, str)
    if not (_printable(reason, _REASON_MAX) and _printable(detail, _DETAIL_MAX)):
        raise _malformed()
    return Rejection(reason, detail)


def encode_begun(begun: Begun) -> bytes:
    """The header of a BEGUN."""
    return bytes(msgpack.packb([begun.round]))


def decode_begun(header: bytes, rounds: int) -> Begun:
    """What `header` says of a run of `rounds` rounds. Raises `RemoteProtocolError`: malformed, round."""
    (round_,) = _array(header, int)
    _demand(1 <= round_ <= rounds, "round", f"The round begun is not in 1..{rounds}.")
    return Begun(round_)


def encode_gone(gone: Gone) -> bytes:
    """The header of a GONE: eight bytes for each peer."""
    return b"".join(_MISSED.pack(*pair) for pair in gone.since)


def decode_gone(header: bytes, rounds: int) -> Gone:
    """Whom the sender of `header` misses in a run of `rounds` rounds.

    Raises `RemoteProtocolError`: malformed, round.
    """
    _demand(not len(header) % _MISSED.size, "malformed", "A GONE is cut short.")
    since = tuple(_MISSED.iter_unpack(header))
    grows = all(one[0] < other[0] for one, other in itertools.pairwise(since))
    _demand(grows, "malformed", "Those missed are not in growing order.")
    in_time = all(1 <= round_ <= rounds for _, round_ in since)
    _demand(in_time, "round", f"Somebody is missed since a round that is not in 1..{rounds}.")
    return Gone(since)


def encode_stand_in(stand_in: StandIn) -> bytes:
    """The header of a STAND_IN."""
    return bytes(msgpack.packb([int(stand_in.word), stand_in.round]))


def decode_stand_in(header: bytes, rounds: int) -> StandIn:
    """What `header` says in a run of `rounds` rounds. Raises `RemoteProtocolError`: malformed, round."""
    word, round_ = _array(header, int, int)
    _demand(word in set(Word), "malformed", "Nobody knows this word on standing in.")
    _demand(1 <= round_ <= rounds, "round", f"The round of a stand-in is not in 1..{rounds}.")
    return StandIn(Word(word), round_)


def encode_list_head(head: ListHead) -> bytes:
    """The header of a LIST_HEAD."""
    return _LIST.pack(*astuple(head))


def decode_list_head(header: bytes) -> ListHead:
    """Which list of members the sender of `header` holds. Raises `RemoteProtocolError`: malformed."""
    _demand(len(header) == _LIST.size, "malformed", "A LIST_HEAD is of another length.")
    return ListHead(*_LIST.unpack(header))


def encode_held(sequence: int, held: int) -> bytes:
    """The header of a HELD: how many bytes there are of the update that was offered with this number."""
    return _HELD.pack(sequence, held)


def decode_held(header: bytes) -> tuple[int, int]:
    """Of which update the other side has how many bytes. Raises `RemoteProtocolError`: malformed."""
    _demand(len(header) == _HELD.size, "malformed", "A HELD has another length.")
    sequence, held = _HELD.unpack(header)
    return sequence, held


def message_bytes(message: Message) -> int:
    """How many bytes `message` takes on the stream, before TLS."""
    match message:
        case Update(payload=payload):
            length = sum([array.nbytes for array in payload])
            return stream_bytes(SIGNED_BYTES, length) + PREFIX_BYTES * (length >= OFFERED_BYTES)
        case Begun():
            return stream_bytes(len(encode_begun(message)), 0)
        case Gone():
            return stream_bytes(len(encode_gone(message)), 0)
        case StandIn():
            return stream_bytes(len(encode_stand_in(message)), 0)
        case ListHead():
            return stream_bytes(_LIST.size, 0)
        case Witness(said) | Doubt(said) | ListChange(said) | ListMove(said):
            return stream_bytes(len(said), 0)
        case Shown():
            return stream_bytes(SIGNED_BYTES, 0)
        case Proof():
            return stream_bytes(2 * SIGNED_BYTES, 0)
    return stream_bytes(0, 0)


def encode_update(
    identity: Identity, manifest: Manifest, update: Update, each: Each = map
) -> tuple[bytes, list[memoryview]]:
    """The signed header of `update`, and its body, hashed by `each`, as buffers that share its memory."""
    buffers = body_buffers(update.payload)
    header = SIGNED.pack(
        manifest.run_id,
        manifest.hash,
        identity.key,
        update.epoch,
        update.round,
        update.sequence,
        update.samples,
        update.degree,
        _WHOLE * update.whole + _ASKS * update.asks,
        sum(map(len, buffers)),
        body_digest(buffers, each),
    )
    return signed(identity, header), buffers


def signed(identity: Identity, said: bytes) -> bytes:
    """The header of an update that says the `SIGNED.size` bytes `said`, signed by `identity`."""
    return said + identity.sign(_DOMAIN + said)


def signed_body(header: bytes) -> tuple[int, bytes]:
    """The bytes and the digest of the body that belongs to an update's `header`."""
    *_, length, digest = SIGNED.unpack_from(header)
    return length, digest


def decode_announcement(header: bytes, manifest: Manifest, sender: bytes, epoch: int) -> Announcement:
    """What `header` says, if the authenticated key `sender`, which greeted with `epoch`, may say it.

    Raises `RemoteProtocolError`: malformed, sender, signature, run, manifest, epoch, body-length.
    """
    if len(header) != SIGNED_BYTES:
        raise _malformed()
    run_id, terms, key, boot, round_, sequence, samples, degree, flags, length, digest = SIGNED.unpack_from(
        header
    )
    whole, asks = bool(flags & _WHOLE), bool(flags & _ASKS)
    _demand(key == sender, "sender", "The update is by another key than the one that brought it.")
    _demand(signed_by(key, header), "signature", "It is not signed by its key.")
    _demand(run_id == manifest.run_id, "run", "The update is of another run.")
    _demand(terms == manifest.hash, "manifest", "The update follows another manifest.")
    _demand(boot == epoch, "epoch", "The update was signed before its sender last started.")
    _demand(flags <= _WHOLE + _ASKS, "malformed", "The update has a flag that nobody knows.")
    layout = manifest.whole if whole else manifest.layout
    _demand(length == body_bytes(layout), "body-length", "The body signed has another length.")
    return Announcement(round_, boot, sequence, samples, degree, whole, asks, digest, header)


def signed_by(key: bytes, header: bytes) -> bool:
    """Whether the `SIGNED_BYTES` of an update's `header` are signed by `key`."""
    return verify(key, header[SIGNED.size :], _DOMAIN + header[: SIGNED.size])


def decode_body(body: Frame, announced: Announcement, manifest: Manifest) -> Update:
    """The update `announced`, now that its `body` has come. Raises `RemoteProtocolError`.

    Its reason is digest or body-length.
    """
    _demand(body.digest == announced.digest, "digest", "The body is not the one that was signed.")
    layout = manifest.whole if announced.whole else manifest.layout
    payload = split_body(body.body, layout)
    return Update(*announced[:5], payload, announced.whole, announced.asks)


def _demand(holds: bool, reason: str, detail: str) -> None:
    if not holds:
        raise RemoteProtocolError(reason, detail)


def _section(item: Any) -> tuple[str, bytes]:
    if type(item) is not list or [type(part) for part in item] != [str, bytes]:
        raise _malformed()
    name, digest = item
    if not _printable(name, SECTION_NAME_MAX) or len(digest) != DIGEST_BYTES:
        raise _malformed()
    return name, digest


def _array(header: bytes, *types: type) -> list[Any]:
    try:
        items = msgpack.unpackb(
            header,
            strict_map_key=True,
            max_array_len=SECTIONS_MAX,
            max_map_len=0,
            max_ext_len=0,
        )
    except (ValueError, msgpack.UnpackException):
        raise _malformed() from None
    if type(items) is not list or [type(item) for item in items] != list(types):
        raise _malformed()
    return items


def _printable(text: str, most: int) -> bool:
    return len(text) <= most and text.isprintable()


def _shown(letter: str) -> str:
    return letter if letter.isprintable() else "?"


def _malformed() -> RemoteProtocolError:
    return RemoteProtocolError("malformed", "A header does not have the form agreed upon.")
