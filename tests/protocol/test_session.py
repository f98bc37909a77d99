"""Two sessions and a fake wire: who greets, when a link counts as connected, and how it ends."""

from __future__ import annotations

import numpy as np
import pytest

from gossipfl.errors import LocalProtocolError, RemoteProtocolError
from gossipfl.protocol.framing import FrameType, control_frame
from gossipfl.protocol.identity import Identity
from gossipfl.protocol.layout import layout_of
from gossipfl.protocol.manifest import Manifest
from gossipfl.protocol.messages import Begun, ListChange, ListHead, ListMove, Membership, Update
from gossipfl.protocol.session import (
    GOODBYE,
    PING,
    PONG,
    VISIT,
    Greeted,
    Opened,
    Parted,
    Pinged,
    Ponged,
    Session,
    Speaker,
    Standing,
    rejection,
    takes_over,
)
from gossipfl.protocol.wire import Rejection

SMALL, LARGE = sorted((Identity(b"a" * 32), Identity(b"b" * 32)), key=lambda identity: identity.key)
VECTOR = np.linspace(0, 1, 100_000, dtype=np.float32)
UPDATE = Update(round=1, epoch=7, sequence=1, samples=5, degree=1, payload=(VECTOR,))


def speaker(identity: Identity, epoch: int, model: str = "softmax", run: str = "trial") -> Speaker:
    return Speaker(identity, "x", epoch, Manifest.of(run, 10, layout_of((VECTOR,)), model=model))


def pair(model: str = "softmax", run: str = "trial") -> tuple[Session, Session]:
    """A dialler and an acceptor that have not yet spoken."""
    dialler = Session(speaker(SMALL, 7), LARGE.key, dialled=True)
    return dialler, Session(speaker(LARGE, 9, model, run), SMALL.key, dialled=False)


def connected() -> tuple[Session, Session]:
    dialler, acceptor = pair()
    assert list(acceptor.receive(dialler.hello())) == [Greeted(7)]
    assert list(dialler.receive(acceptor.accept())) == [Opened(9)]
    return dialler, acceptor


def test_control_frames_slip_into_an_update() -> None:
    dialler, acceptor = connected()
    happenings = [what for piece in dialler.update(UPDATE).pieces for what in acceptor.receive(piece + PING)]
    (update,) = (what for what in happenings if isinstance(what, Update))
    assert np.array_equal(update.payload[0], VECTOR)
    assert happenings.count(Pinged()) == 5
    assert happenings.index(Pinged()) < happenings.index(update)
    assert list(acceptor.receive(PONG + GOODBYE)) == [Ponged(), Parted(None)]


def test_a_round_begun_is_heard_if_the_run_has_it() -> None:
    dialler, acceptor = connected()
    assert list(acceptor.receive(dialler.control(Begun(10)))) == [Begun(10)]
    with pytest.raises(RemoteProtocolError) as caught:
        list(acceptor.receive(dialler.control(Begun(11))))
    assert caught.value.reason == "round"


def test_a_guest_and_its_host_speak_of_the_members_and_of_nothing_else() -> None:
    of_members: list[Membership] = [ListHead(3, bytes(32)), ListChange(b"x"), ListMove(b"y")]
    for refused in (Begun(1), UPDATE):
        dialler, acceptor = pair()
        assert list(acceptor.receive(dialler.hello())) == [Greeted(7)]
        assert list(dialler.receive(acceptor.accept(guest=True))) == [Opened(9, guest=True)]
        for one, other in ((dialler, acceptor), (acceptor, dialler)):
            said = b"".join(map(one.control, of_members))
            assert list(other.receive(said + PING)) == [*of_members, Pinged()]
            harm = one.control(refused) if isinstance(refused, Begun) else next(one.update(refused).pieces)
            with pytest.raises(RemoteProtocolError) as caught:
                list(other.receive(harm[:16]))  # nothing but its prefix
            assert caught.value.reason == "unexpected-type"


def test_an_update_right_behind_the_ack_is_read() -> None:
    dialler, acceptor = pair()
    assert list(acceptor.receive(dialler.hello())) == [Greeted(7)]
    update = Update(round=1, epoch=9, sequence=1, samples=5, degree=1, payload=(VECTOR,))
    said = acceptor.accept() + b"".join(acceptor.update(update).pieces)
    assert [type(what) for what in dialler.receive(said)] == [Opened, Update]


@pytest.mark.parametrize("said", [PING, GOODBYE, control_frame(FrameType.HELLO_ACK), b"\0" * 16])
def test_only_a_greeting_may_come_first(said: bytes) -> None:
    _, acceptor = pair()
    with pytest.raises(RemoteProtocolError):
        list(acceptor.receive(said))


def test_nothing_is_read_between_a_greeting_and_its_answer() -> None:
    dialler, acceptor = pair()
    with pytest.raises(RemoteProtocolError):
        list(acceptor.receive(dialler.hello() + PING))


def test_a_link_is_not_accepted_before_its_greeting() -> None:
    with pytest.raises(LocalProtocolError):
        pair()[1].accept()


@pytest.mark.parametrize(
    ("model", "run", "reason", "named"),
    [("mlp", "trial", "manifest", "model"), ("softmax", "other", "run", "run")],
)
def test_another_manifest_is_refused_with_its_sections(model: str, run: str, reason: str, named: str) -> None:
    dialler, acceptor = pair(model, run)
    with pytest.raises(RemoteProtocolError, match=named) as caught:
        list(acceptor.receive(dialler.hello()))
    assert caught.value.reason == reason
    (parted,) = dialler.receive(rejection(caught.value.reason, str(caught.value)))
    assert parted == Parted(Rejection(reason, f"The two sides differ in: {named}; make it the same at both."))


def test_a_second_greeting_is_refused() -> None:
    dialler, acceptor = connected()
    with pytest.raises(RemoteProtocolError):
        list(acceptor.receive(dialler.hello()))


@pytest.mark.parametrize(
    ("standing", "smaller_wins", "larger_wins"),
    [
        (None, True, True),
        (Standing(dialled=True, epoch=None), True, False),
        (Standing(dialled=True, epoch=5), True, False),
        (Standing(dialled=False, epoch=5), True, True),
        (Standing(dialled=True, epoch=4), True, True),
        (Standing(dialled=False, epoch=6), False, False),
    ],
)
def test_of_two_links_one_is_kept(standing: Standing | None, smaller_wins: bool, larger_wins: bool) -> None:
    assert takes_over(LARGE.key, SMALL.key, 5, standing) is smaller_wins
    assert takes_over(SMALL.key, LARGE.key, 5, standing) is larger_wins


@pytest.mark.parametrize("standing", [None, Standing(True, None), Standing(False, 5), Standing(True, VISIT)])
def test_a_visit_is_never_kept_as_a_link(standing: Standing | None) -> None:
    assert not takes_over(LARGE.key, SMALL.key, VISIT, standing)
    assert not takes_over(SMALL.key, LARGE.key, VISIT, standing)
