"""Who belongs to the consortium: what a hostile neighbour says of it, and the files that a node keeps.

Of what is said the first byte tells which list the council holds: none, the founding, or the one after; the
rest is as for `stream`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from fuzzing.streams import (
    CONNECTED,
    MEMBER,
    OWN,
    SEALED,
    TERMS,
    THIRD,
    founding,
    heard,
    member_session,
    move,
    own_session,
    second,
)
from fuzzing.target import Target, folder, refusal, refusing
from gossipfl.errors import RemoteProtocolError, SettingsError
from gossipfl.node.membersfile import MEMBERS, MembersFolder, lines_of
from gossipfl.protocol.council import Council
from gossipfl.protocol.identity import peer_number
from gossipfl.protocol.membership import encode_change
from gossipfl.protocol.messages import ListChange, ListHead, ListMove, Membership
from gossipfl.protocol.moves import encode_move

_OTHER = peer_number(MEMBER.key)


def _read(data: bytes) -> str:
    council = Council(OWN.key, lambda _: None)
    for signed in (founding(), second())[: data[0] % 3 if data else 0]:
        council.take(signed)
    council.joined(_OTHER)
    session = own_session(TERMS, dialled=False, connected=True)
    try:
        for happening in heard(session, bytes([CONNECTED | SEALED]) + data[1:]):
            if isinstance(happening, Membership):
                council.heard(_OTHER, happening)
                council.moves.settle(0.0)
    except RemoteProtocolError as error:
        return refusal(error)
    if council.current is not None and not data[0] % 3:
        raise AssertionError("A list holds that nobody here founded or accepted.")
    if council.seen and not all(move.is_genuine for move in council.moves.known.values()):
        raise AssertionError("A member is where it never said that it is.")
    return "heard"


def _seeds() -> Iterator[bytes]:
    said: list[Membership] = [ListChange(encode_change(change)) for change in (founding(), second())]
    said.append(ListHead(2, second().change.digest))
    said += [
        ListMove(encode_move(each))
        for each in (move(MEMBER, founding()), move(THIRD, second(), "h.example:1"))
    ]
    frames = [member_session().control(message) for message in said]
    for held in range(3):
        yield bytes([held, 0]) + b"".join(frames)
        yield bytes([held, 66]) + b"".join(reversed(frames))


def _list(data: bytes) -> None:
    """As what is kept, and as what a command dropped."""
    state = folder() / "state"
    for path in (state / MEMBERS / "list", state / MEMBERS / "dropped" / "one"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    for _, dropped in MembersFolder(state).dropped():
        if dropped is not None:
            with suppress(RemoteProtocolError):  # the council refuses it, and the node says so
                dropped.given_to(Council(OWN.key, lambda _: None))
    MembersFolder(state).recall(Council(OWN.key, lambda _: None))


def _lists() -> Iterator[bytes]:
    council = Council(OWN.key, lambda _: None)
    for signed in (founding(), second()):
        council.take(signed)
    *kept, last = lines_of(council)
    council.moves.resume(move(THIRD, second()), council.current)
    yield "\n".join((*lines_of(council), "")).encode()
    yield "\n".join((*kept, last, "")).encode()
    yield "\n".join((*kept, last.replace("list", "proposed"))).encode()
    yield last.replace("list", "proposed").encode()


COUNCIL = Target("council", _read, _seeds)
MEMBER_LIST = refusing("member-list", _list, _lists, SettingsError)
