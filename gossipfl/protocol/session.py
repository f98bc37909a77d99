"""The conversation on one authenticated link, without its bytes' way there: greet, update, ping, part.

Rules:
- The dialler says HELLO, the acceptor answers HELLO_ACK or REJECT; nothing counts as connected before that.
- A member that is no neighbour is answered GUEST: of who belongs to them both speak, and of nothing else.
- Both sides compare the manifest; either may part with a reason that the other can show its operator.
- Of two links between the same two peers one is kept; the peer with the smaller key decides which.
- A large update is offered by its header, answered by how much of it is there, and only the rest is sent;
  it is answered again once it is in good hands.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from gossipfl.errors import LocalProtocolError, RemoteProtocolError
from gossipfl.protocol.digest import Each
from gossipfl.protocol.framing import (
    OFFERED_BYTES,
    Frame,
    FrameReader,
    FrameType,
    control_frame,
    rest_frames,
    update_frames,
)
from gossipfl.protocol.identity import Identity
from gossipfl.protocol.layout import body_buffers, body_bytes, layout_of
from gossipfl.protocol.manifest import PROTOCOL_VERSION, Manifest, differences
from gossipfl.protocol.messages import (
    Ask,
    Begun,
    Doubt,
    Evidence,
    Gone,
    ListChange,
    ListHead,
    ListMove,
    Membership,
    Message,
    Missed,
    Proof,
    Shown,
    StandIn,
    Update,
    Witness,
)
from gossipfl.protocol.notary import read_statement
from gossipfl.protocol.unfinished import Unfinished
from gossipfl.protocol.wire import (
    Announcement,
    Hello,
    Rejection,
    decode_announcement,
    decode_begun,
    decode_body,
    decode_gone,
    decode_held,
    decode_hello,
    decode_list_head,
    decode_rejection,
    decode_stand_in,
    encode_begun,
    encode_gone,
    encode_held,
    encode_hello,
    encode_list_head,
    encode_rejection,
    encode_stand_in,
    encode_update,
    signed_body,
)


@dataclass(frozen=True, slots=True)
class Speaker:
    """What a node says of itself on each of its links."""

    identity: Identity
    name: str
    epoch: int
    manifest: Manifest


class Greeted(NamedTuple):
    """The dialler's HELLO fits; now `accept` or `reject` it."""

    epoch: int


class Opened(NamedTuple):
    """The acceptor took our HELLO: the link is connected, to a neighbour or to one whose guest we are."""

    epoch: int
    guest: bool = False


class Pinged(NamedTuple):
    """A PONG is due."""


class Ponged(NamedTuple):
    """The other side answered a PING."""


class Parted(NamedTuple):
    """The other side closes the link, in peace or with a rejection."""

    rejection: Rejection | None


class Offered(NamedTuple):
    """A large update is announced: `answer` says what we have of it, which may be the whole."""

    answer: bytes
    whole: bool


class Held(NamedTuple):
    """What the other side has of an update that we offered: so many bytes, perhaps the whole."""

    sequence: int
    bytes: int
    whole: bool


class Outgoing(NamedTuple):
    """An update as it is sent: its signed header, and its body as buffers."""

    header: bytes
    body: list[memoryview]

    @property
    def body_bytes(self) -> int:
        """The length of its body."""
        return signed_body(self.header)[0]

    @property
    def digest(self) -> bytes:
        """The digest of its body."""
        return signed_body(self.header)[1]

    @property
    def pieces(self) -> Iterator[bytes]:
        """What is sent of a small one, between which control frames may stand."""
        return update_frames(self.header, self.body)

    @property
    def offer(self) -> bytes:
        """What is sent of a large one first; nothing of one that is small."""
        return control_frame(FrameType.OFFER, self.header) if self.body_bytes >= OFFERED_BYTES else b""

    def rest(self, held: int) -> Iterator[bytes]:
        """What is sent of a large one of which the other side has `held` bytes, and not all."""
        return rest_frames(self.body, held)


Control = (
    Begun | Missed | Ask | Gone | StandIn | Witness | Doubt | Shown | Proof | ListHead | ListChange | ListMove
)
"""What one frame says."""

Happening = Greeted | Opened | Message | Offered | Held | Pinged | Ponged | Parted

_TO_GUESTS = (
    FrameType.LIST_HEAD,
    FrameType.LIST_CHANGE,
    FrameType.LIST_MOVE,
    FrameType.PING,
    FrameType.PONG,
    FrameType.GOODBYE,
    FrameType.REJECT,
)
"""What may come at any time between a guest and its host."""

_CONTROL = (
    *_TO_GUESTS,
    FrameType.BEGUN,
    FrameType.MISSED,
    FrameType.ASK,
    FrameType.GONE,
    FrameType.STAND_IN,
    FrameType.WITNESS,
    FrameType.DOUBT,
    FrameType.SHOWN,
    FrameType.PROOF,
    FrameType.HELD,
)
"""What may come at any time once the link is connected."""

PING = control_frame(FrameType.PING)
PONG = control_frame(FrameType.PONG)
GOODBYE = control_frame(FrameType.GOODBYE)
_BARE: dict[FrameType, Happening] = {
    FrameType.PING: Pinged(),
    FrameType.PONG: Ponged(),
    FrameType.MISSED: Missed(),
    FrameType.ASK: Ask(),
}
DUPLICATE = "duplicate"
"""The reason for which a link is closed that nobody needs; nobody broke a rule."""

VISIT = 0
"""The boot epoch of whoever greets only to hear whether it would be let in: no node lives in it."""


def rejection(reason: str, detail: str) -> bytes:
    """The REJECT frame that says why we close the link."""
    return control_frame(FrameType.REJECT, encode_rejection(reason, detail))


class Session:
    """Our half of a link to the neighbour that has `key`, of which `unfinished` outlives its links."""

    def __init__(
        self, own: Speaker, key: bytes, *, dialled: bool, unfinished: Unfinished | None = None
    ) -> None:
        self._own = own
        self._key = key
        self._epoch: int | None = None  # of the neighbour's boot, once it greeted
        self._announced: Announcement  # the update whose body is arriving
        self._unfinished = unfinished or Unfinished()
        self._offered: dict[int, tuple[int, bool]] = {}  # lengths, and whether there was an answer
        first = (FrameType.HELLO_ACK, FrameType.GUEST) if dialled else (FrameType.HELLO,)
        self.reader = FrameReader(dict.fromkeys((*first, FrameType.REJECT), (0,)))

    def hello(self) -> bytes:
        """What the dialler says first."""
        return control_frame(FrameType.HELLO, self._greeting())

    def accept(self, *, guest: bool = False) -> bytes:
        """The acceptor's answer to `Greeted`, which connects the link, be it with a `guest`."""
        if self._epoch is None:
            raise LocalProtocolError("A link was accepted before its HELLO came.")
        self._open(guest=guest)
        return control_frame(FrameType.GUEST if guest else FrameType.HELLO_ACK, self._greeting())

    def update(self, update: Update, each: Each = map) -> Outgoing:
        """`update` as it is sent: hashed (by `each`) and signed once, however many sessions send it."""
        stated = update.statement
        if stated is None or stated.author != self._own.identity.key:
            header, body = encode_update(self._own.identity, self._own.manifest, update, each)
            update.states(read_statement(header))
            return Outgoing(header, body)
        return Outgoing(stated.evidence, body_buffers(update.payload))

    def offer(self, outgoing: Outgoing, sequence: int) -> bytes:
        """The frame that offers a large update, to which a `Held` is due now and, of the whole, later."""
        last = list(self._offered.items())[-1:]  # it may have come, and is not yet said to have
        self._offered = {**dict(last), sequence: (outgoing.body_bytes, False)}
        return outgoing.offer

    def handed_on(self, update: Update) -> bytes:
        """`update` was heard on this link, and is in good hands: what is to be said to that, if anything."""
        length = body_bytes(layout_of(update.payload))
        if update.statement is None or length < OFFERED_BYTES:
            return b""
        self._unfinished.finish(update.statement.evidence)
        return control_frame(FrameType.HELD, encode_held(update.sequence, length))

    def cut_off(self) -> None:
        """Keep what came of a large update; nothing more is heard on this link."""
        body = self.reader.cut_off() or self.reader.held
        if body is not None and len(body.content) >= OFFERED_BYTES:
            self._unfinished.keep(body, self._announced.digest)

    def control(self, message: Control) -> bytes:
        """The frame that says `message`."""
        match message:
            case Begun():
                return control_frame(FrameType.BEGUN, encode_begun(message))
            case Missed():
                return control_frame(FrameType.MISSED)
            case Ask():
                return control_frame(FrameType.ASK)
            case Gone():
                return control_frame(FrameType.GONE, encode_gone(message))
            case StandIn():
                return control_frame(FrameType.STAND_IN, encode_stand_in(message))
            case Witness(claims):
                return control_frame(FrameType.WITNESS, claims)
            case Doubt(claim):
                return control_frame(FrameType.DOUBT, claim)
            case Shown(statement):
                return control_frame(FrameType.SHOWN, statement.evidence)
            case Proof(one, other):
                return control_frame(FrameType.PROOF, one.evidence + other.evidence)
            case ListHead() | ListChange() | ListMove():
                return _membership_frame(message)

    def receive(self, data: bytes | bytearray | memoryview) -> Iterator[Happening]:
        """What `data` brings, one at a time. Raises `RemoteProtocolError`; then the link must close."""
        for frame in self.reader.receive(data):
            match frame.type:
                case FrameType.UPDATE:  # judged before its body is kept
                    self._announced = self._announcement(frame)
                case FrameType.OFFER:
                    self._announced = self._announcement(frame)
                    yield self._weigh(self._announced)
                case FrameType.REST:
                    pass
                case FrameType.CHUNK:
                    self._open()
                    yield self._whole(frame)
                case _:
                    yield self._take(frame)

    def _take(self, frame: Frame) -> Happening:
        match frame.type:
            case FrameType.HELLO:
                return Greeted(self._greet(frame.header))
            case FrameType.HELLO_ACK | FrameType.GUEST:
                opened = Opened(self._greet(frame.header), frame.type is FrameType.GUEST)
                self._open(guest=opened.guest)
                return opened
            case FrameType.HELD:
                return self._answered(frame.header)
            case FrameType.BEGUN:
                return decode_begun(frame.header, self._own.manifest.rounds)
            case FrameType.GONE:
                return decode_gone(frame.header, self._own.manifest.rounds)
            case FrameType.STAND_IN:
                return decode_stand_in(frame.header, self._own.manifest.rounds)
            case FrameType.WITNESS | FrameType.DOUBT | FrameType.SHOWN | FrameType.PROOF:
                return _evidence(frame)
            case FrameType.LIST_HEAD | FrameType.LIST_CHANGE | FrameType.LIST_MOVE:
                return _membership(frame)
            case FrameType.REJECT:
                return Parted(decode_rejection(frame.header))
        if frame.header:
            raise RemoteProtocolError("malformed", f"A {frame.type.name} has no header.")
        if frame.type is FrameType.GOODBYE:
            return Parted(None)
        return _BARE[frame.type]

    def _announcement(self, frame: Frame) -> Announcement:
        return decode_announcement(frame.header, self._own.manifest, self._key, self._epoch or 0)

    def _whole(self, body: Frame) -> Update:
        update = decode_body(body, self._announced, self._own.manifest)
        update.states(read_statement(self._announced.header))
        return update

    def _weigh(self, announced: Announcement) -> Offered:
        """What there is of the update `announced`; unless that is the whole, nothing but its rest is due."""
        length, digest = signed_body(announced.header)
        if length < OFFERED_BYTES:
            raise RemoteProtocolError("body-length", f"A body of {length} bytes is not offered, but sent.")
        if whole := self._unfinished.has(announced.header):
            held = length
        else:
            self.reader.held = self._unfinished.take(length, digest)
            held = self.reader.held.filled if self.reader.held else 0
            self.reader.expect = {FrameType.REST: (length - held,), **dict.fromkeys(_CONTROL, (0,))}
        return Offered(control_frame(FrameType.HELD, encode_held(announced.sequence, held)), whole)

    def _answered(self, header: bytes) -> Held:
        sequence, held = decode_held(header)
        if sequence not in self._offered:
            raise RemoteProtocolError("unexpected-type", "It answered what was not offered.")
        length, answered = self._offered.pop(sequence)
        if held > length or (answered and held < length):
            raise RemoteProtocolError("malformed", "What it has of an update cannot be so long.")
        if held < length:
            self._offered[sequence] = length, True
        return Held(sequence, held, held == length)

    def _greeting(self) -> bytes:
        own = self._own
        return encode_hello(
            Hello(PROTOCOL_VERSION, own.manifest.run_id, own.name, own.epoch, own.manifest.digests)
        )

    def _greet(self, header: bytes) -> int:
        """Judge the other side's greeting, after which it may not greet again; returns its boot epoch."""
        theirs, mine = decode_hello(header), self._own.manifest
        if theirs.version != PROTOCOL_VERSION:
            raise RemoteProtocolError(
                "version", f"One side speaks version {theirs.version}, the other {PROTOCOL_VERSION}."
            )
        if differing := differences(mine.digests, theirs.digests):
            reason = "run" if theirs.run_id != mine.run_id else "manifest"
            raise RemoteProtocolError(
                reason, f"The two sides differ in: {', '.join(differing)}; make it the same at both."
            )
        self._epoch = theirs.epoch
        self.reader.expect = {FrameType.REJECT: (0,)}
        return theirs.epoch

    def _open(self, *, guest: bool = False) -> None:
        """Expect what may come of a connected link, while no update is under way."""
        if guest:
            self.reader.expect = dict.fromkeys(_TO_GUESTS, (0,))
            return
        terms = self._own.manifest
        lengths = {body_bytes(terms.layout), body_bytes(terms.whole)}
        small = tuple(length for length in lengths if length < OFFERED_BYTES)
        self.reader.expect = {
            **({FrameType.UPDATE: small} if small else {}),
            **({FrameType.OFFER: (0,)} if len(small) < len(lengths) else {}),
            **dict.fromkeys(_CONTROL, (0,)),
        }


def _evidence(frame: Frame) -> Evidence:
    """What a frame says of others."""
    header = frame.header
    match frame.type:
        case FrameType.WITNESS:
            return Witness(header)
        case FrameType.DOUBT:
            return Doubt(header)
        case FrameType.SHOWN:
            return Shown(read_statement(header))
    half = len(header) // 2
    return Proof(read_statement(header[:half]), read_statement(header[half:]))


def _membership(frame: Frame) -> Membership:
    """What a frame says of who belongs to the consortium."""
    if frame.type is FrameType.LIST_HEAD:
        return decode_list_head(frame.header)
    return ListChange(frame.header) if frame.type is FrameType.LIST_CHANGE else ListMove(frame.header)


def _membership_frame(message: Membership) -> bytes:
    """The frame that says it."""
    if isinstance(message, ListHead):
        return control_frame(FrameType.LIST_HEAD, encode_list_head(message))
    changes = isinstance(message, ListChange)
    return control_frame(FrameType.LIST_CHANGE if changes else FrameType.LIST_MOVE, message.words)


class Standing(NamedTuple):
    """The link with a neighbour that there is already; `epoch` is None while our own dial awaits its ACK."""

    dialled: bool
    epoch: int | None


def takes_over(own_key: bytes, key: bytes, epoch: int, standing: Standing | None) -> bool:
    """Whether a link that the neighbour `key` dialled in its boot `epoch` replaces the one that stands.

    A visit never does. A later boot always does, an earlier one never; a neighbour may redial its own link;
    else the link that the smaller key dialled is kept. Only the acceptor asks, so the two sides cannot
    disagree.
    """
    if epoch == VISIT:
        return False
    if standing is None:
        return True
    if standing.epoch is not None and standing.epoch != epoch:
        return epoch > standing.epoch
    return not standing.dialled or key < own_key
