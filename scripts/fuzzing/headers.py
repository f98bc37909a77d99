"""The decoders of headers one by one, and what payloads stand for once they are decoded.

Each returns a value that it makes the same bytes of, or none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from fuzzing.streams import EPOCH, MEMBER, PREFIX, ROUNDS, TERMS, said_by_type
from fuzzing.target import Target, refusing
from gossipfl.draws import Draws
from gossipfl.errors import RemoteProtocolError
from gossipfl.learn.compressors import COMPRESSORS, build_compressor
from gossipfl.protocol.admission import check_values
from gossipfl.protocol.framing import FrameType
from gossipfl.protocol.layout import body_buffers, body_bytes, layout_of, split_body
from gossipfl.protocol.notary import Signed, read_statement
from gossipfl.protocol.wire import (
    decode_announcement,
    decode_begun,
    decode_gone,
    decode_hello,
    decode_rejection,
    decode_stand_in,
    encode_begun,
    encode_gone,
    encode_hello,
    encode_rejection,
    encode_stand_in,
)

_VECTOR = np.linspace(-1.0, 1.0, 37, dtype=np.float32)
_KINDS = tuple(build_compressor(name) for name in COMPRESSORS)
_SIGNED = Signed(TERMS)


def _both_ways(decode: Callable[[bytes], object], encode: Callable[..., bytes]) -> Callable[[bytes], None]:
    """What is read must be written and read again as the same."""

    def reader(data: bytes) -> None:
        value = decode(data)
        if decode(encode(value)) != value:
            raise AssertionError(f"{value!r} is read in two ways.")

    return reader


def _statement(data: bytes) -> None:
    _SIGNED.certain(read_statement(data))


def _payload(data: bytes) -> None:
    """The first byte says whose code it is; the body follows, filled up with zeros."""
    kind = _KINDS[data[0] % len(_KINDS) if data else 0]
    layout = layout_of(kind.encode(_VECTOR, Draws(0)))
    size = body_bytes(layout)
    payload = split_body(data[1 : 1 + size].ljust(size, b"\0"), layout)
    for array in payload:
        check_values(array)
    vector = kind.decode(payload, _VECTOR)
    if vector.shape != _VECTOR.shape or vector.dtype != _VECTOR.dtype or not np.isfinite(vector).all():
        raise AssertionError("A code stands for no vector.")


def _codes() -> Iterator[bytes]:
    for number, kind in enumerate(_KINDS):
        yield bytes([number]) + b"".join(body_buffers(kind.encode(_VECTOR, Draws(0))))


def _headers(*types: FrameType) -> Callable[[], Iterator[bytes]]:
    def seeds() -> Iterator[bytes]:
        for type_ in types:
            for said in said_by_type()[type_]:
                yield said[PREFIX.size : PREFIX.size + PREFIX.unpack_from(said)[2]]

    return seeds


def _header(name: str, reader: Callable[[bytes], object], *types: FrameType) -> Target:
    return refusing(name, reader, _headers(*types), RemoteProtocolError)


HEADERS = (
    _header("hello", _both_ways(decode_hello, encode_hello), FrameType.HELLO, FrameType.HELLO_ACK),
    _header(
        "rejection", _both_ways(decode_rejection, lambda said: encode_rejection(*said)), FrameType.REJECT
    ),
    _header("begun", _both_ways(lambda data: decode_begun(data, ROUNDS), encode_begun), FrameType.BEGUN),
    _header("gone", _both_ways(lambda data: decode_gone(data, ROUNDS), encode_gone), FrameType.GONE),
    _header(
        "stand-in",
        _both_ways(lambda data: decode_stand_in(data, ROUNDS), encode_stand_in),
        FrameType.STAND_IN,
    ),
    _header(
        "announcement", lambda data: decode_announcement(data, TERMS, MEMBER.key, EPOCH), FrameType.UPDATE
    ),
    _header("statement", _statement, FrameType.SHOWN, FrameType.UPDATE),
    refusing("payload", _payload, _codes, RemoteProtocolError),
)
