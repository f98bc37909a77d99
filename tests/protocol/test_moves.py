"""A member that moved says so by itself: what counts of that, and how often others heed it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gossipfl.errors import RemoteProtocolError
from gossipfl.protocol.identity import Address, Identity, Neighbour
from gossipfl.protocol.membership import NOTHING, Change, MemberList, list_after
from gossipfl.protocol.moves import MOVE_S, Move, Moves, decode_move, encode_move

A, B, D = (Identity(bytes([place]) * 32) for place in (1, 2, 3))
OLD, NEW, OTHER = Address("192.0.2.1", 7400), Address("2001:db8::7", 7401), Address("clinic.example", 7402)


def peers(*who: Identity, address: Address = OLD) -> tuple[Neighbour, ...]:
    made = (Neighbour(f"clinic-{one.key.hex()[:3]}", address, one.key) for one in who)
    return tuple(sorted(made, key=lambda peer: peer.key))


FOUNDED = list_after(None, Change("trial", 1, NOTHING, A.key, 1, 1, peers(A, B)))


def following(
    before: MemberList, added: tuple[Neighbour, ...], removed: tuple[bytes, ...] = ()
) -> MemberList:
    return list_after(before, Change("trial", before.serial + 1, before.digest, A.key, 2, 1, added, removed))


def moved(who: Identity = B, number: int = 5, address: Address = NEW, under: MemberList = FOUNDED) -> Move:
    return Move(who.key, under.listed[who.key], number, address).signed_by(who)


def where(moves: Moves, who: Identity = B, current: MemberList = FOUNDED) -> Address:
    return moves.seen(current).members[who.key].address


@pytest.mark.parametrize("address", [OLD, NEW, OTHER])
def test_a_move_comes_back_from_its_bytes_as_it_was(address: Address) -> None:
    move = moved(address=address)
    assert decode_move(encode_move(move)) == move
    assert move.is_genuine


WORDS = encode_move(moved(address=OLD))


@pytest.mark.parametrize(
    "said",
    [
        b"",
        WORDS[: -len(str(OLD))],
        WORDS[:-5] + b":0",
        WORDS[:-5] + b":07400",
        WORDS + b"x",
        WORDS + b"\xff",
        WORDS[:-5] + b".%s:1" % (b"x" * 300),
        WORDS.replace(b"192.0.2.1", b"-"),
    ],
)
def test_bytes_that_are_no_move_are_refused(said: bytes) -> None:
    with pytest.raises(RemoteProtocolError) as told:
        decode_move(said)
    assert told.value.reason == "malformed"


def test_a_member_is_where_it_said_last_whatever_order_that_comes_in() -> None:
    moves = Moves()
    for number, address in ((5, OTHER), (7, NEW), (6, OLD), (7, OLD)):
        moves.hear(moved(number=number, address=address), FOUNDED)
    assert where(moves) == OLD
    assert [move.number for move in moves.settle(0.0)] == [7]
    assert where(moves) == NEW
    moves.hear(moved(number=6, address=OLD), FOUNDED)
    assert moves.settle(2 * MOVE_S) == []


@pytest.mark.parametrize("forger", [A, D])
def test_nobody_says_where_another_member_is(forger: Identity) -> None:
    honest = moved()
    for forged in (
        replace(honest, signature=honest.signed_by(forger).signature),
        replace(honest, address=OTHER),
        replace(honest, number=6),
    ):
        moves = Moves()
        with pytest.raises(RemoteProtocolError) as told:
            moves.hear(forged, FOUNDED)
        assert told.value.reason == "forged"
        assert moves.settle(0.0) == []


def test_who_is_no_member_has_no_place_and_a_revoked_one_loses_its_own() -> None:
    stranger = following(FOUNDED, peers(D))
    moves = Moves()
    moves.hear(moved(D, under=stranger), FOUNDED)
    assert moves.settle(0.0) == []
    moves.hear(moved(B), FOUNDED)
    moves.settle(0.0)
    without = list_after(FOUNDED, Change("trial", 2, FOUNDED.digest, A.key, 2, 1, (), (), revoked=(B.key,)))
    moves.follow(without)
    assert moves.known == {}
    moves.hear(moved(B, 9), without)
    assert moves.settle(MOVE_S) == []
    assert moves.seen(without).members.keys() == {A.key}


def test_a_move_is_void_once_the_list_has_its_member_anew() -> None:
    again = following(FOUNDED, peers(B, address=OTHER), (B.key,))
    moves = Moves()
    moves.hear(moved(number=1 << 60), FOUNDED)
    moves.settle(0.0)
    moves.follow(again)
    assert where(moves, current=again) == OTHER
    moves.hear(moved(number=(1 << 60) + 1), again)
    assert moves.settle(2 * MOVE_S) == []
    moves.hear(moved(number=1, under=again), again)
    moves.settle(2 * MOVE_S)
    assert where(moves, current=again) == NEW


def test_a_list_that_changes_elsewhere_leaves_a_move_as_it_is() -> None:
    moves = Moves()
    moves.hear(moved(), FOUNDED)
    moves.settle(0.0)
    more = following(FOUNDED, peers(D))
    moves.follow(more)
    assert where(moves, current=more) == NEW


def test_a_member_that_moves_without_end_is_followed_once_in_so_many_seconds() -> None:
    moves, followed = Moves(), list[int]()
    for second in range(180):
        moves.hear(moved(number=second), FOUNDED)
        followed += [move.number for move in moves.settle(second)]
    assert len(followed) == 180 / MOVE_S
    moves.settle(180.0)
    assert moves.known[B.key].number == 179


def test_a_node_says_once_where_it_is_and_after_what_was_heard_of_it() -> None:
    moves = Moves()
    moves.announce(B, OLD, FOUNDED, 100)
    assert moves.settle(0.0) == []
    moves.announce(B, NEW, FOUNDED, 100)
    (first,) = moves.settle(0.0)
    assert (first.number, first.address, first.is_genuine) == (100, NEW, True)
    moves.announce(B, NEW, FOUNDED, 200)
    assert moves.settle(MOVE_S) == []
    moves.hear(moved(number=500, address=OTHER), FOUNDED)  # of a life that it forgot, with a fast clock
    moves.announce(B, NEW, FOUNDED, 300)
    assert [(move.number, move.address) for move in moves.settle(MOVE_S)] == [(501, NEW)]
    moves.announce(B, OLD, FOUNDED, 600)
    assert [move.number for move in moves.settle(2 * MOVE_S)] == [600]
    assert where(moves) == OLD
