"""Two sessions and a wire that is cut: a large update goes on where it broke, what is false is refused."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gossipfl.errors import RemoteProtocolError
from gossipfl.protocol.framing import (
    CHUNK_BYTES,
    OFFERED_BYTES,
    FrameType,
    control_frame,
    rest_frames,
    update_frames,
)
from gossipfl.protocol.identity import Identity
from gossipfl.protocol.layout import layout_of
from gossipfl.protocol.manifest import Manifest
from gossipfl.protocol.messages import Update
from gossipfl.protocol.session import Happening, Held, Offered, Outgoing, Session, Speaker
from gossipfl.protocol.unfinished import Unfinished
from gossipfl.protocol.wire import encode_held

SENDER, RECEIVER = Identity(b"a" * 32), Identity(b"b" * 32)
VECTOR = np.random.default_rng(1).normal(size=300_000).astype(np.float32)
OTHER = VECTOR + 1
BYTES = VECTOR.nbytes
STREAM_BYTES = sum(map(len, rest_frames([VECTOR.view(np.uint8).data], 0)))


def speaker(identity: Identity, epoch: int = 7) -> Speaker:
    return Speaker(identity, "x", epoch, Manifest.of("trial", 10, layout_of((VECTOR,))))


class Receiver:
    """Who hears one sender over one link after another."""

    def __init__(self) -> None:
        self.unfinished = Unfinished()

    def link(self, epoch: int = 7) -> tuple[Session, Session]:
        """Both ends of a new link."""
        sender = Session(speaker(SENDER, epoch), RECEIVER.key, dialled=True)
        receiver = Session(speaker(RECEIVER), SENDER.key, dialled=False, unfinished=self.unfinished)
        list(receiver.receive(sender.hello()))
        list(sender.receive(receiver.accept()))
        return sender, receiver


def update(vector: np.ndarray[tuple[int], np.dtype[np.float32]], sequence: int = 1, epoch: int = 7) -> Update:
    return Update(1, epoch, sequence, samples=5, degree=1, payload=(vector,))


def offered(sender: Session, receiver: Session, said: Update) -> tuple[Outgoing, int]:
    """`said` as it goes out, and how much the receiver says that it has."""
    outgoing = sender.update(said)
    (answer,) = receiver.receive(sender.offer(outgoing, said.sequence))
    assert isinstance(answer, Offered)
    (held,) = sender.receive(answer.answer)
    assert isinstance(held, Held)
    assert answer.whole is (held.bytes == BYTES)
    return outgoing, held.bytes


def sent(outgoing: Outgoing, held: int) -> bytes:
    return b"".join(outgoing.rest(held))


def refusal(receiver: Session, said: bytes) -> str:
    with pytest.raises(RemoteProtocolError) as caught:
        list(receiver.receive(said))
    return caught.value.reason


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, STREAM_BYTES - 1), min_size=1, max_size=3))
def test_an_update_cut_anywhere_goes_on_where_it_broke(cuts: list[int]) -> None:
    end, had, carried = Receiver(), 0, 0
    for cut in cuts:
        sender, receiver = end.link()
        outgoing, held = offered(sender, receiver, update(VECTOR))
        assert held == had
        rest = sent(outgoing, held)
        assert list(receiver.receive(rest[: min(cut, len(rest) - 1)])) == []
        receiver.cut_off()
        sender, receiver = end.link()
        had = offered(sender, receiver, update(VECTOR))[1]
        receiver.cut_off()  # before a byte of the rest was sent
        carried += had - held
    sender, receiver = end.link()
    outgoing, held = offered(sender, receiver, update(VECTOR))
    assert held == had == carried
    (heard,) = receiver.receive(sent(outgoing, held))
    assert isinstance(heard, Update)
    assert np.array_equal(heard.payload[0], VECTOR)


def test_what_is_left_takes_no_more_bytes_than_it_has() -> None:
    sender, receiver = (end := Receiver()).link()
    outgoing, _ = offered(sender, receiver, update(VECTOR))
    list(receiver.receive(sent(outgoing, 0)[: 16 + 3 * (16 + CHUNK_BYTES) + 16 + 1000]))
    receiver.cut_off()
    outgoing, held = offered(*end.link(), update(VECTOR))
    assert held == 3 * CHUNK_BYTES + 1000
    chunks = -(-(BYTES - held) // CHUNK_BYTES)
    assert len(sent(outgoing, held)) == BYTES - held + 16 * (1 + chunks)


def test_the_same_body_goes_on_in_another_life_of_its_sender_that_signs_it_anew() -> None:
    sender, receiver = (end := Receiver()).link()
    outgoing, _ = offered(sender, receiver, update(VECTOR))
    list(receiver.receive(sent(outgoing, 0)[:500_000]))
    receiver.cut_off()
    sender, receiver = end.link(epoch=8)
    outgoing, held = offered(sender, receiver, update(VECTOR, epoch=8))
    assert held > 400_000
    (heard,) = receiver.receive(sent(outgoing, held))
    assert isinstance(heard, Update)
    assert heard.epoch == 8


def test_an_update_that_was_handed_on_is_not_sent_again() -> None:
    sender, receiver = (end := Receiver()).link()
    outgoing, _ = offered(sender, receiver, update(VECTOR))
    (heard,) = receiver.receive(sent(outgoing, 0))
    assert isinstance(heard, Update)
    assert list(sender.receive(receiver.handed_on(heard))) == [Held(1, BYTES, True)]
    receiver.cut_off()
    sender, receiver = end.link()
    assert offered(sender, receiver, update(VECTOR))[1] == BYTES
    assert offered(sender, receiver, update(VECTOR, sequence=2))[1] == 0  # the same, said anew


def test_an_update_that_got_lost_on_this_side_is_sent_again() -> None:
    sender, receiver = (end := Receiver()).link()
    outgoing, _ = offered(sender, receiver, update(VECTOR))
    (_,) = receiver.receive(sent(outgoing, 0))
    receiver.cut_off()
    assert offered(*end.link(), update(VECTOR))[1] == 0


def test_a_newer_update_takes_the_place_of_what_was_cut_off() -> None:
    sender, receiver = (end := Receiver()).link()
    outgoing, _ = offered(sender, receiver, update(VECTOR))
    list(receiver.receive(sent(outgoing, 0)[:500_000]))
    receiver.cut_off()
    sender, receiver = end.link()
    assert offered(sender, receiver, update(OTHER, sequence=2))[1] == 0
    receiver.cut_off()
    assert offered(*end.link(), update(VECTOR))[1] == 0  # it was dropped


def test_a_rest_that_is_of_another_body_is_refused_and_all_of_it_dropped() -> None:
    sender, receiver = (end := Receiver()).link()
    outgoing, _ = offered(sender, receiver, update(VECTOR))
    list(receiver.receive(sent(outgoing, 0)[:500_000]))
    receiver.cut_off()
    sender, receiver = end.link()
    _, held = offered(sender, receiver, update(VECTOR))
    assert refusal(receiver, sent(sender.update(update(OTHER)), held)) == "digest"
    receiver.cut_off()
    assert offered(*end.link(), update(VECTOR))[1] == 0


def bare(code: FrameType, body_bytes: int) -> bytes:
    return next(update_frames(b"", [])).replace(bytes([FrameType.UPDATE]), bytes([code]), 1)[
        :8
    ] + body_bytes.to_bytes(8, "big")


def test_nothing_but_the_rest_is_due_after_an_offer() -> None:
    for said, reason in [
        (b"".join(update_frames(b"", [])), "unexpected-type"),
        (bare(FrameType.REST, BYTES - 1), "body-length"),
        (bare(FrameType.REST, BYTES + 1), "body-length"),
        (bare(FrameType.REST, 1 << 60), "body-length"),
        (bare(FrameType.CHUNK, CHUNK_BYTES), "unexpected-type"),
    ]:
        sender, receiver = Receiver().link()
        offered(sender, receiver, update(VECTOR))
        assert refusal(receiver, said) == reason
    sender, receiver = Receiver().link()
    outgoing, _ = offered(sender, receiver, update(VECTOR))
    assert refusal(receiver, sender.offer(outgoing, 1)) == "unexpected-type"


def test_while_a_rest_arrives_no_other_begins() -> None:
    for code in (FrameType.REST, FrameType.UPDATE, FrameType.OFFER):
        sender, receiver = Receiver().link()
        outgoing, _ = offered(sender, receiver, update(VECTOR))
        first, chunk = itertools.islice(outgoing.rest(0), 2)
        assert list(receiver.receive(first + chunk)) == []
        assert refusal(receiver, bare(code, 0)) == "unexpected-type"


def test_large_updates_are_offered_and_small_ones_are_not() -> None:
    sender, receiver = Receiver().link()
    outgoing = sender.update(update(VECTOR))
    assert refusal(receiver, next(outgoing.pieces)) == "unexpected-type"
    assert refusal(Receiver().link()[1], bare(FrameType.REST, BYTES)) == "unexpected-type"
    small = np.ones(OFFERED_BYTES // 4 - 1, np.float32)
    assert sender.update(update(small)).offer == b""


def test_an_offer_is_judged_as_an_update_is() -> None:
    sender, receiver = Receiver().link()
    offer = bytearray(sender.offer(sender.update(update(VECTOR)), 1))
    offer[-1] ^= 1
    assert refusal(receiver, bytes(offer)) == "signature"


@pytest.mark.parametrize("held", [encode_held(1, BYTES + 1), b"", bytes(9)])
def test_an_answer_that_makes_no_sense_is_refused(held: bytes) -> None:
    sender, _ = Receiver().link()
    sender.offer(sender.update(update(VECTOR)), 1)
    assert refusal(sender, control_frame(FrameType.HELD, held)) == "malformed"


def test_an_offer_is_answered_once_and_then_only_when_all_of_it_is_there() -> None:
    some = control_frame(FrameType.HELD, encode_held(1, 5))
    everything = control_frame(FrameType.HELD, encode_held(1, BYTES))
    sender, _ = Receiver().link()
    assert refusal(sender, some) == "unexpected-type"
    sender, _ = Receiver().link()
    sender.offer(sender.update(update(VECTOR)), 1)
    heard: list[Happening] = list(sender.receive(some + everything))
    assert heard == [Held(1, 5, False), Held(1, BYTES, True)]
    assert refusal(sender, everything) == "unexpected-type"
    sender, _ = Receiver().link()
    sender.offer(sender.update(update(VECTOR)), 1)
    assert list(sender.receive(some)) == [Held(1, 5, False)]
    assert refusal(sender, some) == "malformed"
