"""Headers are read strictly, and an update is believed only if its very bytes were signed for this run."""

from __future__ import annotations

from dataclasses import replace

import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossipfl.errors import RemoteProtocolError
from gossipfl.protocol.framing import Frame, FrameReader, FrameType, update_frames
from gossipfl.protocol.identity import Identity
from gossipfl.protocol.layout import body_bytes, layout_of
from gossipfl.protocol.manifest import Manifest
from gossipfl.protocol.messages import Update
from gossipfl.protocol.wire import (
    Hello,
    decode_announcement,
    decode_body,
    decode_hello,
    decode_rejection,
    encode_hello,
    encode_rejection,
    encode_update,
)

ANNA, BERT = Identity(b"a" * 32), Identity(b"b" * 32)
PAYLOAD = (np.linspace(0, 1, 9, dtype=np.float32), np.array(0.5))
TERMS = Manifest.of("trial", 10, layout_of(PAYLOAD), model="softmax")
UPDATE = Update(round=3, epoch=7, sequence=2, samples=40, degree=2, payload=PAYLOAD)
HELLO = Hello(1, TERMS.run_id, "anna", 7, TERMS.digests)


def header_of(identity: Identity = ANNA, terms: Manifest = TERMS) -> bytes:
    return encode_update(identity, terms, UPDATE)[0]


def body_of(buffers: list[memoryview]) -> Frame:
    reader = FrameReader({FrameType.UPDATE: (body_bytes(TERMS.layout),)})
    _, body = (frame for piece in update_frames(b"", buffers) for frame in reader.receive(piece))
    return body


def reason_of(header: bytes, epoch: int = 7) -> str:
    with pytest.raises(RemoteProtocolError) as caught:
        decode_announcement(header, TERMS, ANNA.key, epoch)
    return caught.value.reason


def test_a_whole_update_has_a_layout_of_its_own() -> None:
    dense = (np.arange(5, dtype=np.float32),)
    terms = Manifest.of("trial", 10, layout_of((np.zeros(2, np.uint8),)), layout_of(dense))
    whole = replace(UPDATE, payload=dense, whole=True, asks=True)
    header, _ = encode_update(ANNA, terms, whole)
    announced = decode_announcement(header, terms, ANNA.key, 7)
    frame = Frame(FrameType.CHUNK, b"", memoryview(dense[0].tobytes()), announced.digest)
    back = decode_body(frame, announced, terms)
    assert back.whole
    assert back.asks
    assert np.array_equal(back.payload[0], dense[0])
    header, _ = encode_update(ANNA, terms, replace(whole, whole=False))
    with pytest.raises(RemoteProtocolError, match="length"):
        decode_announcement(header, terms, ANNA.key, 7)


def test_an_update_comes_back_as_it_was() -> None:
    header, buffers = encode_update(ANNA, TERMS, UPDATE)
    back = decode_body(body_of(buffers), decode_announcement(header, TERMS, ANNA.key, 7), TERMS)
    assert (back.round, back.epoch, back.sequence, back.samples, back.degree) == (3, 7, 2, 40, 2)
    assert all(np.array_equal(one, two) for one, two in zip(back.payload, PAYLOAD, strict=True))
    assert not back.payload[0].flags.writeable


def test_every_flipped_bit_of_a_header_is_refused() -> None:
    for bit in range(len(header_of()) * 8):
        header = bytearray(header_of())
        header[bit // 8] ^= 1 << bit % 8
        assert reason_of(bytes(header)) in ("signature", "sender")


def test_a_changed_body_is_refused() -> None:
    header, buffers = encode_update(ANNA, TERMS, UPDATE)
    announced = decode_announcement(header, TERMS, ANNA.key, 7)
    spoilt = bytearray(b"".join(buffers))
    spoilt[0] ^= 1
    with pytest.raises(RemoteProtocolError) as caught:
        decode_body(body_of([memoryview(spoilt)]), announced, TERMS)
    assert caught.value.reason == "digest"


def test_a_signed_update_is_refused_elsewhere() -> None:
    assert reason_of(header_of(BERT)) == "sender"
    other = Manifest.of("other", 10, TERMS.layout, model="softmax")
    assert reason_of(header_of(terms=other)) == "run"
    assert reason_of(header_of(terms=Manifest.of("trial", 10, TERMS.layout, model="mlp"))) == "manifest"
    assert reason_of(header_of(), epoch=8) == "epoch"
    assert reason_of(b"short") == "malformed"


def test_a_body_signed_with_another_length_is_refused() -> None:
    shorter = replace(UPDATE, payload=PAYLOAD[:1])
    assert reason_of(encode_update(ANNA, TERMS, shorter)[0]) == "body-length"


def test_a_greeting_comes_back_as_it_was() -> None:
    assert decode_hello(encode_hello(HELLO)) == HELLO


@pytest.mark.parametrize(
    "items",
    [
        [1, TERMS.run_id, "anna", 7],
        [1, TERMS.run_id, "anna", 7, [], 0],
        [True, TERMS.run_id, "anna", 7, []],
        [1, TERMS.run_id.hex(), "anna", 7, []],
        [1, TERMS.run_id[:-1], "anna", 7, []],
        [1, TERMS.run_id, "an\x1b[2Jna", 7, []],
        [1, TERMS.run_id, "a" * 64, 7, []],
        [1, TERMS.run_id, "anna", -1, []],
        [1, TERMS.run_id, "anna", 7.0, []],
        [1, TERMS.run_id, "anna", 7, {}],
        [1, TERMS.run_id, "anna", 7, [["model", b"short"]]],
        [1, TERMS.run_id, "anna", 7, [["model", b"d" * 16], ["model", b"e" * 16]]],
        [1, TERMS.run_id, "anna", 7, [["model"]]],
        [1, TERMS.run_id, "anna", 7, [[str(i), b"d" * 16] for i in range(25)]],
        [1, TERMS.run_id, "anna", 7, [{"a": 1}]],
    ],
)
def test_a_greeting_of_another_form_is_refused(items: list[object]) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        decode_hello(msgpack.packb(items))
    assert caught.value.reason == "malformed"


@given(st.binary(max_size=300) | st.integers(1, 4096).map(lambda n: b"\x91" * n))
def test_noise_is_no_header(noise: bytes) -> None:
    for decode in (decode_hello, decode_rejection):
        with pytest.raises(RemoteProtocolError):
            decode(noise)


def test_a_rejection_is_bounded_and_printable() -> None:
    back = decode_rejection(encode_rejection("run" * 99, "clear\x1b[2J screen " + "x" * 9999))
    assert back.detail.startswith("clear?[2J screen")
    assert len(back.detail) == 400
    with pytest.raises(RemoteProtocolError):
        decode_rejection(msgpack.packb(["run", "clear\x1b[2J"]))
