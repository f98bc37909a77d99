"""Inputs made of others: bytes changed here and there, and streams of frames changed where it matters.

Rules:
- A mutant follows from its lot alone.
- Types of frames come from the protocol: a new one is mutated as soon as it is there.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import cache

from fuzzing.lot import Lot
from fuzzing.streams import CONNECTED, DIALLED, PREFIX, SEALED, said_by_type
from gossipfl.protocol.framing import CHUNK_BYTES, MAGIC, FrameType
from gossipfl.protocol.wire import SIGNED

CHANGES_MAX = 6
FRAMES_MAX = 5
NUMBERS = (0, 1, 2, 3, 9, 10, 11, 127, 128, 255, 256, 4095, 4096, 4097, CHUNK_BYTES, 1 << 31, (1 << 32) - 1,
           1 << 32, (1 << 63) - 1, 1 << 63, (1 << 64) - 1)  # fmt: skip
"""Where lengths, rounds and counts of all kinds end."""

WORDS = (b"", b"\0", b"\xff" * 8, b"\n", b"\r\n", b'"', b"'", b",", b";", b"[", b"]", b"{", b"}", b":", b"=",
          b"#", b"null", b"NaN", b"1e999", b"-1", b"99999999999999999999", b"inf", b"true", b"\xef\xbb\xbf",
          b"\xed\xa0\x80", b"\xf0\x9f\x98\x80", b"../", b"[[", b"]]", b"\x1b[2J")  # fmt: skip
"""What readers of texts stumble over."""


def mutated(data: bytes, lot: Lot, others: Sequence[bytes] = ()) -> bytes:
    """`data` with some changes; what is spliced in comes from the lot, from itself or from `others`."""
    changed = bytearray(data)
    for _ in range(1 + lot.below(CHANGES_MAX)):
        at = lot.below(min(len(changed), 0xFFFF) + 1)
        match lot.below(9):
            case 0 if at < len(changed):
                changed[at] ^= 1 << lot.below(8)
            case 1 if at < len(changed):
                changed[at] = lot.below(256)
            case 2:
                del changed[at : at + 1 + lot.below(8)]
            case 3:
                changed[at:at] = lot.take(1 + lot.below(8))
            case 4:
                changed[at:at] = lot.one_of(WORDS)
            case 5:
                size = lot.one_of((1, 2, 4, 8))
                number = lot.one_of(NUMBERS) & ((1 << 8 * size) - 1)
                changed[at : at + size] = number.to_bytes(size, lot.one_of(("big", "little")))
            case 6:
                source = lot.one_of(others) if others else bytes(changed)
                start = lot.below(min(len(source), 0xFFFF) + 1)
                changed[at:at] = source[start : start + lot.below(64)]
            case 7:
                piece = lot.one_of(WORDS) or bytes(changed[at : at + 4])
                changed[at:at] = piece * lot.one_of((10, 500, 3000))
            case 8:
                del changed[at + lot.below(64) :]
    return bytes(changed)


def mutated_stream(lot: Lot) -> bytes:
    """What a hostile neighbour might send, as the target `stream` reads it: how, and then the bytes."""
    how = CONNECTED * (not lot.chance(8)) | DIALLED * lot.below(2) | SEALED * (not lot.chance(4))
    cutting = lot.take(1)
    frames = [_frame(lot) for _ in range(1 + lot.below(FRAMES_MAX))]
    stream = b"".join(frames)
    if lot.chance(4):
        stream = mutated(stream, lot, _all_said())
    return bytes([how]) + cutting + stream


def _frame(lot: Lot) -> bytes:
    """One thing said, often changed in one way; one in three is an update."""
    type_ = lot.one_of(_TYPES) if lot.below(3) else FrameType.UPDATE
    said = lot.one_of(said_by_type().get(type_) or _all_said())
    magic, code, header_bytes, body_bytes = PREFIX.unpack_from(said)
    header, rest = said[PREFIX.size : PREFIX.size + header_bytes], said[PREFIX.size + header_bytes :]
    match lot.below(16):
        case 0:
            code = lot.one_of(_TYPES)
        case 1:
            code = lot.below(256)
        case 2:
            header_bytes = lot.one_of(NUMBERS) & 0xFFFFFFFF
        case 3:
            body_bytes = lot.one_of(NUMBERS)
        case 4:
            header = mutated(header, lot, _all_said())[:0xFFFF]
            header_bytes = len(header)
        case 5:
            header = _with_a_field(header, lot)
        case 6:
            rest = mutated(rest, lot)
        case 7 if lot.chance(4):
            magic = lot.take(3) if lot.chance(2) else MAGIC
            header = lot.take(lot.below(300))
            header_bytes = len(header)
    return PREFIX.pack(magic, code, header_bytes, body_bytes) + header + rest


def _with_a_field(header: bytes, lot: Lot) -> bytes:
    """A signed header, or two, with another number in it; any other with another byte."""
    changed = bytearray(header)
    if len(header) >= SIGNED.size:
        offset, form = lot.one_of(_FIELDS)
        size = struct.calcsize(form)
        number = lot.one_of(NUMBERS) & ((1 << 8 * size) - 1)
        struct.pack_into(form, changed, offset, number)
    elif header:
        changed[lot.below(len(header))] = lot.one_of((0, 1, 0x7F, 0x80, 0x90, 0xA0, 0xC4, 0xCF, 0xDD, 0xFF))
    return bytes(changed)


def _fields() -> tuple[tuple[int, str], ...]:
    """Where the numbers of a signed header are, and how they are written."""
    found, offset = [], 0
    for form in SIGNED.format.removeprefix(">").replace("s", "s ").split():
        for part in _parts(form):
            size = struct.calcsize(">" + part)
            if not part.endswith("s"):
                found.append((offset, ">" + part))
            offset += size
    return tuple(found)


def _parts(form: str) -> list[str]:
    """`QIQQ32s` as its letters, and what is a text as one."""
    letters = form.rstrip("0123456789s")
    return [*letters, *([form[len(letters) :]] if form[len(letters) :] else [])]


@cache
def _all_said() -> tuple[bytes, ...]:
    return tuple(said for several in said_by_type().values() for said in several)


_TYPES = tuple(FrameType)
_FIELDS = _fields()
