"""Frames on a stream of bytes: a prefix of 16 bytes, a header, and for an update a body in chunks.

Rules:
- Lengths are judged before a byte of them is kept, so a peer cannot make us hold more than we agreed to.
- A reader takes only the types it was told to expect at this stage of the conversation.
- The body of an update follows as CHUNK frames, so that control frames slip in between; each but the last
  is of one size, so that nobody can make us work through a body byte by byte.
- A body may be cut off anywhere; what came of it can be kept, and its REST read on another stream.
- How the stream was cut into pieces never changes what is read or refused.
"""

from __future__ import annotations

import enum
import struct
import threading
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from gossipfl.errors import RemoteProtocolError
from gossipfl.protocol.digest import BodyHash
from gossipfl.protocol.layout import cut

MAGIC = b"GF\x01"
HEADER_BYTES_MAX = 4096
_PREFIX = struct.Struct(">3sBIQ")
PREFIX_BYTES = _PREFIX.size
CHUNK_BYTES = 128 * 1024 - PREFIX_BYTES
"""With its prefix a chunk fills eight TLS records."""

OFFERED_BYTES = 1 << 20
"""A body of so many bytes is offered before it is sent, for it is worth a round trip. Our guess."""


class FrameType(enum.IntEnum):
    """What a frame is. Only UPDATE and REST announce a body, and only CHUNK carries one."""

    HELLO = 1
    HELLO_ACK = 2
    REJECT = 3
    UPDATE = 4
    CHUNK = 5
    PING = 6
    PONG = 7
    GOODBYE = 8
    BEGUN = 9
    MISSED = 10
    ASK = 11
    GONE = 12
    STAND_IN = 13
    WITNESS = 14
    DOUBT = 15
    SHOWN = 16
    PROOF = 17
    LIST_HEAD = 18
    LIST_CHANGE = 19
    OFFER = 20
    HELD = 21
    REST = 22
    LIST_MOVE = 23
    GUEST = 24


_BODIED = (FrameType.UPDATE, FrameType.OFFER, FrameType.REST)
"""What is not due while a body arrives."""


class Frame(NamedTuple):
    """A frame. An UPDATE or REST is read before its body is kept; all its chunks are read as one CHUNK.

    `digest` is that of the body.
    """

    type: FrameType
    header: bytes
    body: memoryview = memoryview(b"")
    digest: bytes = b""


def stream_bytes(header_bytes: int, body_bytes: int) -> int:
    """How many bytes a frame and the chunks of its body take on the stream."""
    chunks = -(-body_bytes // CHUNK_BYTES)
    return PREFIX_BYTES + header_bytes + chunks * PREFIX_BYTES + body_bytes


def control_frame(type_: FrameType, header: bytes = b"") -> bytes:
    """A frame without a body."""
    return _PREFIX.pack(MAGIC, type_, len(header), 0) + header


def update_frames(header: bytes, body: Iterable[memoryview]) -> Iterator[bytes]:
    """An update as pieces of at most 128 KiB, between which control frames may stand."""
    return _bodied_frames(FrameType.UPDATE, header, list(body))


def rest_frames(body: Iterable[memoryview], held: int) -> Iterator[bytes]:
    """What is left of `body` after its first `held` bytes, as pieces of the same kind."""
    return _bodied_frames(FrameType.REST, b"", list(_from(body, held)))


def _bodied_frames(type_: FrameType, header: bytes, buffers: list[memoryview]) -> Iterator[bytes]:
    yield _PREFIX.pack(MAGIC, type_, len(header), sum(map(len, buffers))) + header
    for parts in cut(buffers, CHUNK_BYTES):
        yield b"".join((_PREFIX.pack(MAGIC, FrameType.CHUNK, 0, sum(map(len, parts))), *parts))


def _from(buffers: Iterable[memoryview], start: int) -> Iterator[memoryview]:
    """`buffers` without their first `start` bytes."""
    for buffer in buffers:
        yield buffer[start:]
        start = max(0, start - len(buffer))


class Body:
    """The body of an update while it arrives; memory is taken as it fills, not when it is announced.

    Its hash follows in pieces: another thread may `hash` what is there while more arrives.
    """

    def __init__(self, length: int) -> None:
        self.content = np.empty(length, np.uint8).data
        self.filled = 0
        self._hashed = 0
        self._hash = BodyHash()
        self._hashing = threading.Lock()

    @property
    def missing(self) -> int:
        """Bytes still to come."""
        return len(self.content) - self.filled

    @property
    def unhashed(self) -> int:
        """Bytes that are there and not yet hashed."""
        return self.filled - self._hashed

    def take(self, piece: memoryview) -> None:
        """Add `piece`."""
        self.content[self.filled : self.filled + len(piece)] = piece
        self.filled += len(piece)

    def hash(self) -> None:
        """Hash what is there."""
        with self._hashing:
            filled = self.filled
            self._hash.update(self.content[self._hashed : filled])
            self._hashed = filled

    def frame(self) -> Frame:
        """All of it, with its digest."""
        self.hash()
        return Frame(FrameType.CHUNK, b"", self.content, self._hash.digest())


class FrameReader:
    """Cuts a stream into frames. After an error it must not be used again.

    `expect` gives each type allowed now the lengths of which the body that it announces must have one. A
    REST goes on with what is `held` of a body, or begins one if nothing is.
    """

    def __init__(self, expect: dict[FrameType, tuple[int, ...]]) -> None:
        self.expect = expect
        self.held: Body | None = None
        self._prefix = bytearray()
        self._type = FrameType.PING
        self._header: bytearray | None = None  # None while the prefix is read
        self._header_bytes = 0
        self._body_bytes = 0  # announced by the prefix
        self._chunk_left = 0
        self._body: Body | None = None

    @property
    def between_frames(self) -> bool:
        """Whether no frame has begun that has not ended; an update ends with its last chunk."""
        return not self._prefix and self._header is None and not self._chunk_left and self._body is None

    @property
    def body(self) -> Body | None:
        """The body that is arriving."""
        return self._body

    def cut_off(self) -> Body | None:
        """What came of a body that is not whole; the reader must not be used again."""
        body, self._body = self._body, None
        return body

    def receive(self, data: bytes | bytearray | memoryview) -> Iterator[Frame]:
        """The frames that `data` completes, one at a time; `expect` may change between them.

        Raises `RemoteProtocolError`: bad-magic, unknown-type, unexpected-type, oversized-header, body-length.
        """
        rest = memoryview(data)
        while rest:
            if self._chunk_left and self._body is not None:
                rest = self._take_chunk(rest, self._body)
            elif self._header is None:
                rest = self._take_prefix(rest)
            if self._header is not None:
                rest = self._take_header(rest, self._header)
            yield from self._ended()

    def _take_prefix(self, data: memoryview) -> memoryview:
        wanted = PREFIX_BYTES - len(self._prefix)
        self._prefix += data[:wanted]
        if len(self._prefix) == PREFIX_BYTES:
            self._judge(*_PREFIX.unpack(self._prefix))
            self._prefix.clear()
            if self._type is FrameType.CHUNK:
                self._chunk_left = self._body_bytes
            else:
                self._header = bytearray()
        return data[wanted:]

    def _judge(self, magic: bytes, code: int, header_bytes: int, body_bytes: int) -> None:
        if magic != MAGIC:
            raise RemoteProtocolError("bad-magic", "What arrived is not a frame of this protocol's version.")
        if code not in FrameType.__members__.values():
            raise RemoteProtocolError("unknown-type", f"No frame has type {code}.")
        self._type = type_ = FrameType(code)
        if header_bytes > HEADER_BYTES_MAX:
            raise RemoteProtocolError(
                "oversized-header", f"A header of {header_bytes} bytes is over {HEADER_BYTES_MAX}."
            )
        self._header_bytes, self._body_bytes = header_bytes, body_bytes
        if type_ is FrameType.CHUNK:
            self._judge_chunk(header_bytes, body_bytes)
        elif type_ not in self.expect or (type_ in _BODIED and self._body is not None):
            raise RemoteProtocolError("unexpected-type", f"A frame of type {type_.name} was not due now.")
        elif body_bytes not in self.expect[type_]:
            raise RemoteProtocolError(
                "body-length", f"A body of {body_bytes} bytes is not of a length agreed upon."
            )

    def _judge_chunk(self, header_bytes: int, body_bytes: int) -> None:
        if self._body is None:
            raise RemoteProtocolError("unexpected-type", "A chunk came without an update.")
        if header_bytes or body_bytes != min(CHUNK_BYTES, self._body.missing):
            raise RemoteProtocolError("body-length", f"A chunk of {body_bytes} bytes is not due now.")

    def _take_header(self, data: memoryview, header: bytearray) -> memoryview:
        wanted = self._header_bytes - len(header)
        header += data[:wanted]
        return data[wanted:]

    def _take_chunk(self, data: memoryview, body: Body) -> memoryview:
        piece = data[: self._chunk_left]
        body.take(piece)
        self._chunk_left -= len(piece)
        return data[len(piece) :]

    def _ended(self) -> Iterator[Frame]:
        """What is whole now; an update's body is kept only after its header was taken."""
        if self._header is not None and len(self._header) == self._header_bytes:
            header, self._header = bytes(self._header), None
            yield Frame(self._type, header)
            if self._type in (FrameType.UPDATE, FrameType.REST):
                self._body, self.held = self.held or Body(self._body_bytes), None
        if self._body is not None and not self._body.missing:
            frame, self._body = self._body.frame(), None
            yield frame
