"""Frames survive any cutting of the stream, and lengths are judged before they are believed."""

from __future__ import annotations

import itertools
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossipfl.errors import RemoteProtocolError
from gossipfl.protocol.framing import (
    CHUNK_BYTES,
    HEADER_BYTES_MAX,
    Frame,
    FrameReader,
    FrameType,
    control_frame,
    stream_bytes,
    update_frames,
)

BODY = bytes(range(256)) * 1200  # more than two chunks
EXPECT = {FrameType.PING: (0,), FrameType.HELLO: (0,), FrameType.UPDATE: (len(BODY), 9)}


def prefix(code: int, header_bytes: int = 0, body_bytes: int = 0, magic: bytes = b"GF\x01") -> bytes:
    return struct.pack(">3sBIQ", magic, code, header_bytes, body_bytes)


def stream() -> bytes:
    first, *chunks = update_frames(b"header", [memoryview(BODY)])
    ping = control_frame(FrameType.PING)
    return control_frame(FrameType.HELLO, b"hi") + first + ping + ping.join(chunks) + ping


def read(reader: FrameReader, data: bytes, cuts: list[int]) -> tuple[list[Frame], str]:
    frames = []
    edges = [0, *sorted(cuts), len(data)]
    try:
        for start, end in itertools.pairwise(edges):
            frames += list(reader.receive(data[start:end]))
    except RemoteProtocolError as error:
        return frames, error.reason
    return frames, ""


@given(st.lists(st.integers(0, len(stream())), max_size=40))
def test_any_cutting_reads_the_same_frames(cuts: list[int]) -> None:
    reader = FrameReader(EXPECT)
    frames, reason = read(reader, stream(), cuts)
    assert not reason
    assert reader.between_frames
    assert [frame.type.name for frame in frames] == [
        *["HELLO", "UPDATE", "PING", "PING", "PING", "CHUNK", "PING"]
    ]
    assert bytes(frames[5].body) == BODY


@pytest.mark.parametrize("cut", [0, 1, CHUNK_BYTES, len(BODY)])
def test_all_chunks_but_the_last_are_full_however_the_body_lies_in_memory(cut: int) -> None:
    buffers = [memoryview(BODY[:cut]), memoryview(BODY[cut:])]
    header, *chunks = update_frames(b"h", buffers)
    assert [len(chunk) - 16 for chunk in chunks] == [CHUNK_BYTES, CHUNK_BYTES, len(BODY) - 2 * CHUNK_BYTES]
    assert b"".join(chunk[16:] for chunk in chunks) == BODY
    assert sum(map(len, chunks)) + len(header) == stream_bytes(1, len(BODY))


def test_a_body_of_nothing_is_whole_with_its_header() -> None:
    (header,) = update_frames(b"h", [])
    frames, _ = read(FrameReader({FrameType.UPDATE: (0,)}), header, [])
    assert [frame.type.name for frame in frames] == ["UPDATE", "CHUNK"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (prefix(1, magic=b"GF\x02"), "bad-magic"),
        (b"GET / HTTP/1.1\r\n", "bad-magic"),
        (prefix(99), "unknown-type"),
        (prefix(FrameType.PONG), "unexpected-type"),
        (prefix(FrameType.CHUNK, 0, 5), "unexpected-type"),
        (prefix(FrameType.HELLO, HEADER_BYTES_MAX + 1), "oversized-header"),
        (prefix(FrameType.HELLO, 3, 1 << 63), "body-length"),
        (prefix(FrameType.UPDATE, 3, len(BODY) + 1), "body-length"),
        (prefix(FrameType.UPDATE, 0, len(BODY)) + prefix(FrameType.UPDATE, 0, len(BODY)), "unexpected-type"),
        (prefix(FrameType.UPDATE, 0, len(BODY)) + prefix(FrameType.CHUNK, 0, 1 << 40), "body-length"),
        (prefix(FrameType.UPDATE, 0, len(BODY)) + prefix(FrameType.CHUNK, 0, 0), "body-length"),
        (prefix(FrameType.UPDATE, 0, len(BODY)) + prefix(FrameType.CHUNK, 0, 1), "body-length"),
        (prefix(FrameType.UPDATE, 0, len(BODY)) + prefix(FrameType.CHUNK, 9, 5), "body-length"),
    ],
)
def test_a_frame_that_is_not_due_is_refused_at_its_prefix(data: bytes, reason: str) -> None:
    assert read(FrameReader(EXPECT), data, [])[1] == reason


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=8), st.integers(0, 15))
def test_mutants_end_with_frames_or_a_reason_whatever_the_cutting(
    noise: bytes, cuts: list[int], at: int
) -> None:
    data = control_frame(FrameType.HELLO, b"hi") + prefix(FrameType.UPDATE, 1, len(BODY))
    data = data[:at] + noise + data[at + len(noise) // 2 :]
    cuts = [min(cut, len(data)) for cut in cuts]
    assert read(FrameReader(EXPECT), data, cuts) == read(FrameReader(EXPECT), data, [])
