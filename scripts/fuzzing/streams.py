"""What a neighbour sends: bytes in pieces of any length, through a session, and on into a watched peer.

Rules:
- The first byte says how: whether the link is connected, whether we dialled it, and whether what is to be
  signed is signed anew; the second, how the stream is cut; the stream follows.
- A body that a sealed stream announces and does not hold to its end is filled up with zeros: a few bytes
  stand for a large body.
"""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from fuzzing.lot import Lot
from fuzzing.target import Target, refusal
from gossipfl.errors import RemoteProtocolError
from gossipfl.protocol.digest import body_digest
from gossipfl.protocol.framing import CHUNK_BYTES, HEADER_BYTES_MAX, MAGIC, FrameType, control_frame
from gossipfl.protocol.identity import Address, Identity, Neighbour, parse_address, peer_number
from gossipfl.protocol.layout import body_bytes, layout_of
from gossipfl.protocol.manifest import Manifest
from gossipfl.protocol.membership import NOTHING, Change, SignedChange, decode_change, encode_change
from gossipfl.protocol.messages import (
    Ask,
    Begun,
    Doubt,
    Gone,
    ListChange,
    ListHead,
    ListMove,
    Missed,
    Proof,
    Shown,
    StandIn,
    Update,
    Witness,
    Word,
)
from gossipfl.protocol.moves import Move, decode_move, encode_move
from gossipfl.protocol.notary import claim_of, read_statement
from gossipfl.protocol.session import (
    GOODBYE,
    PING,
    PONG,
    Control,
    Greeted,
    Happening,
    Parted,
    Session,
    Speaker,
    rejection,
)
from gossipfl.protocol.wire import SIGNED, SIGNED_BYTES, encode_update, signed

CONNECTED, DIALLED, SEALED = 1, 2, 4
PREFIX = struct.Struct(">3sBIQ")
OWN, MEMBER, THIRD = (Identity(letter * 32) for letter in (b"o", b"m", b"t"))
IDENTITIES = {each.key: each for each in (OWN, MEMBER, THIRD)}
EPOCH, ROUNDS = 7, 10
SMALL = (np.linspace(0, 1, 9, dtype=np.float32), np.array(0.5))
LARGE = (np.linspace(0, 1, 40_000, dtype=np.float32),)
TERMS = Manifest.of("fuzz", ROUNDS, layout_of(SMALL), layout_of(LARGE), model="softmax")
BODY_BYTES_MAX = max(body_bytes(TERMS.layout), body_bytes(TERMS.whole))
PIECES = 100
"""Into so many, more or less, a long stream is cut."""

FILLED_BYTES_MAX = 1 << 18
"""More than any body of these terms."""


def own_session(terms: Manifest, *, dialled: bool, connected: bool) -> Session:
    """Our half of a link to the member, on which a greeting was exchanged if it is `connected`."""
    session = Session(Speaker(OWN, "own", 9, terms), MEMBER.key, dialled=dialled)
    if connected:
        type_ = FrameType.HELLO_ACK if dialled else FrameType.HELLO
        for happening in session.receive(control_frame(type_, _greeting(terms))):
            if isinstance(happening, Greeted):
                session.accept()
    return session


@cache
def member_session(terms: Manifest = TERMS) -> Session:
    """The member's half, to say things by."""
    return Session(Speaker(MEMBER, "member", EPOCH, terms), OWN.key, dialled=True)


@cache
def _greeting(terms: Manifest) -> bytes:
    return member_session(terms).hello()[PREFIX.size :]


def heard(session: Session, data: bytes) -> Iterator[Happening]:
    """What `session` hears, as a link reads it: it accepts whoever greets and ends with a parting."""
    how, cutting, stream = data[:1] or b"\0", data[1:2] or b"\0", data[2:]
    if how[0] & SEALED:
        stream = sealed(stream)
    for piece in _cut(stream, cutting):
        for happening in session.receive(piece):
            yield happening
            if isinstance(happening, Parted):
                return
            if isinstance(happening, Greeted):
                session.accept()
        if (body := session.reader.body) is not None and len(body.content) > BODY_BYTES_MAX:
            raise AssertionError("More is held than was agreed.")


def _read(data: bytes) -> str:
    how = data[0] if data else 0
    session = own_session(TERMS, dialled=bool(how & DIALLED), connected=bool(how & CONNECTED))
    count = 0
    try:
        for happening in heard(session, data):
            count += 1
            if isinstance(happening, Update) and happening.statement is None:
                raise AssertionError("An update came without its statement.")
    except RemoteProtocolError as error:
        return refusal(error)
    return "heard" if count else "silence"


def _cut(stream: bytes, cutting: bytes) -> Iterator[bytes]:
    """`stream` whole or in pieces, small or large."""
    if cutting[0] < 64 or not stream:
        yield stream
        return
    most = max((3, 24, 240, 2400)[cutting[0] % 4], len(stream) // PIECES)
    lot, at = Lot.drawn(cutting[0]), 0
    while at < len(stream):
        size = 1 + lot.below(min(most, 0xFFFF))
        yield stream[at : at + size]
        at += size


class _Said(NamedTuple):
    code: int
    header: bytes
    body_bytes: int
    body: bytes


def sealed(stream: bytes) -> bytes:
    """`stream` as somebody would say it who has the keys: with bodies, digests and signatures that are right.

    What is no frame any more stays as it is.
    """
    frames, rest = _frames(stream)
    if not rest:
        frames += _lacking(frames)
    bodies = _bodies(frames)
    out = [
        PREFIX.pack(MAGIC, said.code, len(said.header), said.body_bytes)
        + _signed(said, bodies[at])
        + said.body
        for at, said in enumerate(frames)
    ]
    return b"".join((*out, rest))


def _frames(stream: bytes) -> tuple[list[_Said], bytes]:
    frames, at = list[_Said](), 0
    while at + PREFIX.size <= len(stream):
        magic, code, header_bytes, body_length = PREFIX.unpack_from(stream, at)
        begin = at + PREFIX.size
        if magic != MAGIC or header_bytes > HEADER_BYTES_MAX or begin + header_bytes > len(stream):
            break
        header = stream[begin : begin + header_bytes]
        at, body = begin + header_bytes, b""
        if code == FrameType.CHUNK:
            if body_length > FILLED_BYTES_MAX:
                return frames, stream[begin - PREFIX.size :]
            body = stream[at : at + body_length].ljust(body_length, b"\0")
            at += body_length
        frames.append(_Said(code, header, body_length, body))
    return frames, stream[at:]


def _lacking(frames: list[_Said]) -> list[_Said]:
    """The chunks that the last update announces and that are not there."""
    last = max((at for at, said in enumerate(frames) if said.code == FrameType.UPDATE), default=None)
    if last is None or frames[last].body_bytes > FILLED_BYTES_MAX:
        return []
    missing = frames[last].body_bytes - sum(len(said.body) for said in frames[last:])
    sizes = [min(CHUNK_BYTES, missing - at) for at in range(0, max(missing, 0), CHUNK_BYTES)]
    return [_Said(FrameType.CHUNK, b"", size, bytes(size)) for size in sizes]


def _bodies(frames: list[_Said]) -> dict[int, bytes]:
    """The body that follows each update."""
    bodies, current = dict.fromkeys(range(len(frames)), b""), 0
    for at, said in enumerate(frames):
        if said.code == FrameType.CHUNK:
            bodies[current] += said.body
        elif said.code == FrameType.UPDATE:
            current = at
    return bodies


def _signed(said: _Said, body: bytes) -> bytes:
    """Its header with what it signs signed anew, if that is by somebody whose key we have."""
    header = said.header
    if said.code == FrameType.UPDATE and len(header) == SIGNED_BYTES:
        digest = body_digest([memoryview(body)])
        return _by_its_author(header[: SIGNED.size - 32] + digest)
    if said.code in (FrameType.SHOWN, FrameType.PROOF) and len(header) % SIGNED_BYTES == 0:
        starts = range(0, len(header), SIGNED_BYTES)
        return b"".join(_by_its_author(header[start : start + SIGNED.size]) for start in starts)
    if said.code == FrameType.LIST_CHANGE:
        return _signed_change(header)
    if said.code == FrameType.LIST_MOVE:
        return _signed_move(header)
    return header


def _signed_change(header: bytes) -> bytes:
    try:
        change = decode_change(header)
    except RemoteProtocolError:
        return header
    again = SignedChange(change.change, tuple(one for one in change.signatures if one[0] not in IDENTITIES))
    for key in sorted(change.signers & IDENTITIES.keys()):
        again = again.signed_by(IDENTITIES[key])
    return encode_change(again)


def _signed_move(header: bytes) -> bytes:
    try:
        said = decode_move(header)
    except RemoteProtocolError:
        return header
    return encode_move(said.signed_by(IDENTITIES[said.key])) if said.key in IDENTITIES else header


def _by_its_author(said: bytes) -> bytes:
    author = IDENTITIES.get(said[48:80], MEMBER)
    return signed(author, said)


def update(round_: int = 1, *, whole: bool = False, epoch: int = EPOCH, **values: Any) -> Update:
    """What the member might say of a round."""
    payload = LARGE if whole else SMALL
    facts: dict[str, Any] = {"sequence": round_, "samples": 5, "degree": 1, "payload": payload} | values
    return Update(round=round_, epoch=epoch, whole=whole, **facts)


def proof(terms: Manifest = TERMS) -> Proof:
    """That the third said two things of one round."""
    one, other = (encode_update(THIRD, terms, update(3, samples=count))[0] for count in (5, 6))
    return Proof(read_statement(one), read_statement(other))


def controls(terms: Manifest = TERMS) -> tuple[Control, ...]:
    """Something of each kind that one frame says."""
    shown = proof(terms).one
    claim = claim_of(peer_number(THIRD.key), shown.round, shown.said)
    return (
        *(Begun(round_) for round_ in (1, ROUNDS)),
        Missed(),
        Ask(),
        Gone(()),
        Gone(((peer_number(THIRD.key), 2),)),
        *(StandIn(word, 3) for word in Word),
        Witness(claim * 3),
        Doubt(claim),
        Shown(shown),
        proof(terms),
        ListHead(1, founding().change.digest),
        ListChange(encode_change(founding())),
        ListChange(encode_change(second())),
        ListMove(encode_move(move(MEMBER, founding()))),
        ListMove(encode_move(move(THIRD, second(), "[::2]:7401"))),
    )


def founding() -> SignedChange:
    """A consortium of the two at the ends of the link."""
    peers = (
        Neighbour(f"n{place}", Address("192.0.2.1", 7400), who.key) for place, who in enumerate((OWN, MEMBER))
    )
    added = tuple(sorted(peers, key=lambda peer: peer.key))
    change = Change("trial", 1, NOTHING, OWN.key, 1, 2, added)
    return SignedChange(change, ()).signed_by(OWN).signed_by(MEMBER)


def second() -> SignedChange:
    """The change by which they take in the third."""
    third = (Neighbour("third", Address("::1", 7400), THIRD.key),)
    change = Change("trial", 2, founding().change.digest, MEMBER.key, 2, 2, third)
    return SignedChange(change, ()).signed_by(MEMBER).signed_by(OWN)


def move(who: Identity, since: SignedChange, address: str = "192.0.2.2:7400") -> Move:
    """That somebody whom the change `since` had listed went to `address`."""
    return Move(who.key, since.change.digest, 5, parse_address(address)).signed_by(who)


@cache
def said_by_type() -> dict[int, list[bytes]]:
    """What an honest member says, by the type of its first frame."""
    session = member_session()
    said = [
        session.hello(),
        control_frame(FrameType.HELLO_ACK, _greeting(TERMS)),
        control_frame(FrameType.GUEST, _greeting(TERMS)),
        rejection("duplicate", "There are two links."),
        *(PING, PONG, GOODBYE),
        *(session.control(message) for message in controls()),
        *_updates(session),
    ]
    by_type = defaultdict[int, list[bytes]](list)
    for each in said:
        by_type[each[3]].append(each)
    return dict(by_type)


def _updates(session: Session) -> list[bytes]:
    """A small update, one that asks, and a whole one, whose chunks are announced and left to be filled."""
    small = [b"".join(session.update(update(round_, asks=round_ > 1)).pieces) for round_ in (1, 2)]
    whole, *_ = session.update(update(3, whole=True)).pieces
    return [*small, whole]


def _seeds() -> Iterator[bytes]:
    for several in said_by_type().values():
        for said in several:
            yield bytes([CONNECTED | SEALED, 0]) + said
    yield bytes([SEALED, 65]) + member_session().hello()
    yield bytes([DIALLED, 66]) + control_frame(FrameType.HELLO_ACK, _greeting(TERMS)) + PING + GOODBYE
    of_members = b"".join(map(member_session().control, controls()[-5:]))
    yield bytes([DIALLED | SEALED, 65]) + control_frame(FrameType.GUEST, _greeting(TERMS)) + of_members
    yield bytes([CONNECTED, 67]) + PING + member_session().control(Begun(1))


STREAM = Target("stream", _read, _seeds)
