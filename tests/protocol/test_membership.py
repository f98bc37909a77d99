"""The list of members: who may change it, what a change may say, and how it passes between nodes."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgpack
import pytest

from gossipfl.errors import RemoteProtocolError, UserError
from gossipfl.protocol.council import BACK_MAX, OFFERS_MAX, Council
from gossipfl.protocol.identity import Address, Identity, Neighbour
from gossipfl.protocol.membership import (
    NOTHING,
    QUORUM_MAX,
    SPONSORS,
    Change,
    MemberList,
    SignedChange,
    check_signatures,
    decode_change,
    encode_change,
    list_after,
    proposal,
)
from gossipfl.protocol.messages import ListChange, ListHead

WHO = [Identity(bytes([place]) * 32) for place in range(1, 12)]
A, B, C, D, E = WHO[:5]


def member(identity: Identity, name: str | None = None, port: int = 7400) -> Neighbour:
    return Neighbour(name or f"clinic{WHO.index(identity)}x", Address("192.0.2.1", port), identity.key)


def by_key(*identities: Identity) -> tuple[Neighbour, ...]:
    return tuple(sorted(map(member, identities), key=lambda peer: peer.key))


def founding(*members: Identity, quorum: int = 2, name: str = "trial") -> Change:
    return Change(name, 1, NOTHING, members[0].key, 1, quorum, by_key(*members))


def signed(change: Change, *by: Identity) -> SignedChange:
    one = SignedChange(change, ())
    for identity in by:
        one = one.signed_by(identity)
    return one


def following(before: MemberList, proposer: Identity, **changes: Any) -> Change:
    return Change(
        before.consortium, before.serial + 1, before.digest, proposer.key, 5, before.quorum, **changes
    )


FOUNDED = list_after(None, founding(A, B, C))


def test_a_change_comes_back_from_its_bytes_as_it_was() -> None:
    change = signed(following(FOUNDED, A, added=by_key(D), revoked=(B.key,)), A, C)
    assert decode_change(encode_change(change)) == change
    assert check_signatures(change, FOUNDED)
    after = list_after(FOUNDED, change.change)
    assert set(after.members) == {A.key, C.key, D.key}
    assert after.revoked == {B.key}
    assert (after.serial, after.digest) == (2, change.change.digest)


def test_a_change_holds_once_the_quorum_of_the_list_before_it_has_signed() -> None:
    change = following(FOUNDED, A, added=by_key(D))
    assert not check_signatures(signed(change, A), FOUNDED)
    assert check_signatures(signed(change, A, B), FOUNDED)


@pytest.mark.parametrize("stranger", [D, E])
def test_who_is_added_by_a_change_cannot_sign_for_it(stranger: Identity) -> None:
    with pytest.raises(RemoteProtocolError) as told:
        check_signatures(signed(following(FOUNDED, A, added=by_key(D)), A, stranger), FOUNDED)
    assert told.value.reason == "forged"


def test_a_signature_of_other_bytes_is_forged() -> None:
    change, other = (following(FOUNDED, A, added=by_key(who)) for who in (D, E))
    moved = SignedChange(change, signed(other, A, B).signatures)
    with pytest.raises(RemoteProtocolError) as told:
        check_signatures(moved, FOUNDED)
    assert told.value.reason == "forged"


REVOKED = list_after(FOUNDED, following(FOUNDED, A, revoked=(C.key,)))


@pytest.mark.parametrize(
    ("before", "change"),
    [
        (FOUNDED, replace(following(FOUNDED, A, added=by_key(D)), serial=1)),
        (FOUNDED, replace(following(FOUNDED, A, added=by_key(D)), serial=3)),
        (FOUNDED, replace(following(FOUNDED, A, added=by_key(D)), before=bytes(32))),
        (FOUNDED, replace(following(FOUNDED, A, added=by_key(D)), consortium="other")),
        (FOUNDED, replace(following(FOUNDED, A, added=by_key(D)), quorum=5)),
        (FOUNDED, following(FOUNDED, D, added=by_key(D))),
        (FOUNDED, following(FOUNDED, A)),
        (FOUNDED, following(FOUNDED, A, added=by_key(B))),
        (FOUNDED, following(FOUNDED, A, removed=(D.key,))),
        (FOUNDED, following(FOUNDED, A, revoked=(D.key,))),
        (FOUNDED, following(FOUNDED, A, removed=(A.key, B.key))),
        (FOUNDED, following(FOUNDED, A, added=(member(D, "Clinic-1X"),))),
        (FOUNDED, following(FOUNDED, A, added=(member(D, "c1inic1x"),))),
        (FOUNDED, following(FOUNDED, A, added=(member(D, port=0),))),
        (REVOKED, following(REVOKED, A, added=(member(C, "new"),))),
        (None, replace(founding(A, B), quorum=QUORUM_MAX + 1)),
        (None, replace(founding(A, B), proposer=C.key)),
    ],
)
def test_a_change_that_breaks_a_rule_is_refused(before: MemberList | None, change: Change) -> None:
    with pytest.raises(RemoteProtocolError) as told:
        list_after(before, change)
    assert told.value.reason == "members"


def test_a_member_with_a_new_key_keeps_its_name() -> None:
    change = following(FOUNDED, A, added=(member(D, member(B).name),), revoked=(B.key,))
    assert list_after(FOUNDED, change).members[D.key].name == member(B).name


def words(**other: Any) -> bytes:
    """A change in bytes, with other values in its body."""
    row = [member(D).name, str(member(D).address), D.key]
    body = {"consortium": "trial", "serial": 2, "before": NOTHING, "proposer": A.key, "made": 5, "quorum": 2}
    body |= {"added": [row], "removed": [], "revoked": []} | other
    packed = bytes(msgpack.packb(list(body.values())))
    return len(packed).to_bytes(2, "big") + packed


def test_the_bytes_that_the_others_differ_from_are_read() -> None:
    assert decode_change(words()).change.added == (member(D),)


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"\0",
        b"\xff\xff",
        words()[:-1],
        words() + b"x",
        words() + 2 * (A.key + bytes(64)),
        words() + (QUORUM_MAX + 1) * (A.key + bytes(64)),
        words() + bytes(5000),
        words(serial=True),
        words(serial=0),
        words(serial=1 << 40),
        words(quorum=0),
        words(made=-1),
        words(consortium="a b"),
        words(consortium=b"trial"),
        words(before=bytes(31)),
        words(added=[["x", "192.0.2.1:7400", bytes(32)]]),
        words(added=[["x", "192.0.2.1:07400", D.key]]),
        words(added=[["x", "nowhere", D.key]]),
        words(added=[["../x", "192.0.2.1:7400", D.key]]),
        words(added=[["x", "192.0.2.1:7400", 5]]),
        words(added=["abc"]),
        words(added=[[member(D).name, "192.0.2.1:7400", D.key]] * 2),
        words(removed=[A.key, A.key]),
        words(removed=[A.key], revoked=[A.key]),
        words(removed=[5]),
        words(removed=[A.key] * 100),
        words(extra=1),
    ],
)
def test_bytes_that_are_no_change_are_refused(said: bytes) -> None:
    with pytest.raises(RemoteProtocolError) as told:
        decode_change(said)
    assert told.value.reason == "malformed"


def test_so_many_members_as_do_not_fit_into_a_frame_are_not_proposed_at_once() -> None:
    many = [Identity(bytes([1, place]) * 16) for place in range(60)]
    peers = tuple(
        sorted(
            (Neighbour(f"m{place}", Address("192.0.2.1", 7400), who.key) for place, who in enumerate(many)),
            key=lambda peer: peer.key,
        )
    )
    with pytest.raises(UserError, match="fewer"):
        proposal(A, following(FOUNDED, A, added=peers))


def test_a_new_member_is_a_neighbour_of_its_proposer_and_of_some_whom_nobody_chose() -> None:
    large = list_after(None, founding(*WHO[:10]))
    after = list_after(large, following(large, B, added=by_key(WHO[10])))
    linked = {peer.key for peer in after.neighbours_of(WHO[10].key)}
    assert len(linked) == SPONSORS
    assert B.key in linked
    for key in after.members:
        assert (WHO[10].key in {peer.key for peer in after.neighbours_of(key)}) == (key in linked)


# Between nodes


class Net:
    """Nodes of `who`, each linked to all others or as `edges` say; what they say arrives in order."""

    def __init__(self, *who: Identity, edges: Sequence[tuple[int, int]] | None = None) -> None:
        self.warnings: list[str] = []
        self.nodes = [Council(identity.key, self.warnings.append) for identity in who]
        everybody = [(i, j) for i in range(len(who)) for j in range(i)]
        self.links: set[tuple[int, int]] = set()
        self._sent: deque[tuple[int, int, Any]] = deque()
        self.said = 0
        for edge in everybody if edges is None else edges:
            self.join(*edge)

    def join(self, one: int, other: int) -> None:
        self.links |= {(one, other), (other, one)}
        for at, to in ((one, other), (other, one)):
            self._sent += [(at, to, message) for message in self.nodes[at].joined(to)]
        self.settle()

    def part(self, one: int, other: int) -> None:
        self.links -= {(one, other), (other, one)}
        self.nodes[one].left(other)
        self.nodes[other].left(one)

    def take(self, at: int, change: SignedChange) -> None:
        self._spread(at, None, self.nodes[at].take(change))
        self.settle()

    def accept(self, at: int, digest: bytes) -> None:
        self._spread(at, None, self.nodes[at].accept(digest))
        self.settle()

    def _spread(self, at: int, sender: int | None, answer: Any) -> None:
        if sender is not None:
            self._sent += [(at, sender, message) for message in answer.back]
        for one, other in sorted(self.links):
            if one == at and other != sender:
                self._sent += [(at, other, message) for message in answer.on]

    def settle(self) -> None:
        while self._sent:
            self.said += 1
            assert self.said < 10_000, "they never fall silent"
            at, to, message = self._sent.popleft()
            if (at, to) in self.links:
                self._spread(to, at, self.nodes[to].heard(at, message))

    @property
    def heads(self) -> set[ListHead]:
        return {node.head for node in self.nodes}


def founded(*who: Identity, quorum: int = 2, edges: Sequence[tuple[int, int]] | None = None) -> Net:
    net = Net(*who, edges=edges)
    change = founding(*who, quorum=quorum)
    for place, identity in enumerate(who):
        net.take(place, signed(change, *({who[0], identity})))
    assert len(net.heads) == 1
    assert net.nodes[0].head.serial == 1
    return net


def propose(net: Net, at: int, proposer: Identity, **changes: Any) -> Change:
    current = net.nodes[at].current
    assert current is not None
    change = following(current, proposer, **changes)
    net.take(at, signed(change, proposer))
    return change


def test_a_founding_reaches_all_of_a_ring_and_holds_where_operators_signed() -> None:
    net = Net(A, B, C, D, edges=[(0, 1), (1, 2), (2, 3), (3, 0)])
    change = founding(A, B, C, D)
    net.take(0, signed(change, A))
    assert [node.head.serial for node in net.nodes] == [0, 0, 0, 0]
    assert all(change.digest in node.offers for node in net.nodes)
    net.take(2, signed(change, C))
    assert [node.head.serial for node in net.nodes] == [1, 0, 1, 0]
    net.accept(1, change.digest)
    net.take(3, signed(change, D))
    assert len(net.heads) == 1
    assert net.nodes[3].head.serial == 1


def test_a_proposal_goes_round_a_ring_and_holds_everywhere_once_a_second_member_signs() -> None:
    net = founded(A, B, C, D, edges=[(0, 1), (1, 2), (2, 3), (3, 0)])
    change = propose(net, 0, A, added=by_key(E))
    assert [node.head.serial for node in net.nodes] == [1, 1, 1, 1]
    assert all(A.key in node.proposals for node in net.nodes)
    net.take(2, signed(change, C))
    assert net.heads == {ListHead(2, change.digest)}
    assert not any(node.proposals for node in net.nodes)


def test_a_newcomer_takes_the_list_that_its_operator_accepts_and_no_other() -> None:
    net = founded(A, B, C)
    change = propose(net, 0, A, added=by_key(D))
    net.take(1, signed(change, B))
    net.nodes.append(Council(D.key, net.warnings.append))
    net.join(3, 1)
    newcomer = net.nodes[3]
    assert newcomer.head == ListHead(0, NOTHING)
    (offer,) = newcomer.offers
    net.accept(3, offer)
    assert newcomer.head == net.nodes[0].head
    assert newcomer.current is not None
    assert D.key in newcomer.current.members


def test_whoever_was_away_for_many_changes_is_told_each_at_its_return() -> None:
    net = founded(A, B, C)
    net.part(2, 0)
    net.part(2, 1)
    for place in range(5, 25):
        peer = Neighbour(f"late-{place}q", Address("192.0.2.1", 7400), Identity(bytes([place, 9]) * 16).key)
        change = propose(net, 0, A, added=(peer,))
        net.take(1, signed(change, B))
    assert net.nodes[0].head.serial == 21
    assert net.nodes[2].head.serial == 1
    said = net.said
    net.join(2, 1)
    assert len(net.heads) == 1
    assert net.said - said < 2 * 20


def test_a_quorum_that_is_short_changes_nothing() -> None:
    net = Net(A, B, C, D)
    first = signed(founding(A, B, C, D, quorum=3), A, B, C, D)
    for place in range(4):
        net.take(place, first)
    change = propose(net, 0, A, revoked=(C.key,))
    net.take(1, signed(change, B))
    assert [node.head.serial for node in net.nodes] == [1, 1, 1, 1]
    net.take(3, signed(change, D))
    assert [node.head.serial for node in net.nodes] == [2, 2, 2, 2]


def test_of_two_lists_that_crossed_all_keep_the_same_one_and_say_so() -> None:
    net = founded(A, B, C, D)
    for one, other in [(0, 2), (0, 3), (1, 2), (1, 3)]:
        net.part(one, other)
    left = propose(net, 0, A, added=by_key(E))
    net.take(1, signed(left, B))
    right = propose(net, 2, C, revoked=(A.key,))
    net.take(3, signed(right, D))
    assert len(net.heads) == 2
    net.join(1, 2)
    assert net.heads == {ListHead(2, min(left.digest, right.digest))}
    assert any("must be proposed again" in words for words in net.warnings)


def test_the_longer_of_two_lists_holds_unless_it_parted_too_long_ago() -> None:
    for ahead in (BACK_MAX, BACK_MAX + 1):
        net = founded(A, B, C, D)
        for one, other in [(0, 2), (0, 3), (1, 2), (1, 3)]:
            net.part(one, other)
        for one, other, places in ((0, 1, range(40, 40 + ahead)), (2, 3, range(60, 60 + ahead + 1))):
            for place in places:
                peer = Neighbour(f"m{place}", Address("192.0.2.1", 7400), Identity(bytes([place]) * 32).key)
                change = propose(net, one, net_identity(one), added=(peer,))
                net.take(other, signed(change, net_identity(other)))
        net.join(1, 2)
        assert len(net.heads) == (1 if ahead == BACK_MAX else 2)
        assert net.warnings


def net_identity(place: int) -> Identity:
    return [A, B, C, D][place]


def test_a_proposal_that_another_change_overtook_is_void_and_its_operator_hears_it() -> None:
    net = founded(A, B, C)
    propose(net, 0, A, added=by_key(D))
    change = propose(net, 1, B, added=by_key(E))
    net.take(2, signed(change, C))
    assert net.heads == {ListHead(2, change.digest)}
    assert net.warnings == ["Another change of the list of members came first: propose yours again."]


def test_a_member_has_one_proposal_its_latest() -> None:
    net = founded(A, B, C)
    propose(net, 0, A, added=by_key(D))
    current = net.nodes[0].current
    assert current is not None
    later = replace(following(current, A, added=by_key(E)), made_at_s=9)
    net.take(0, signed(later, A))
    for node in net.nodes:
        assert [one.change for one in node.proposals.values()] == [later]


def test_what_a_hostile_neighbour_says_of_members_is_refused() -> None:
    council = Council(A.key, lambda _: None)
    council.take(signed(founding(A, B, C), A, B))
    current = council.current
    assert current is not None
    added = following(current, B, added=by_key(D))
    hostile = {
        "forged": [signed(added, E), signed(added, C), SignedChange(added, ((B.key, bytes(64)),))],
        "members": [signed(replace(added, quorum=9), B), signed(replace(added, serial=9), B)],
    }
    for reason, changes in hostile.items():
        for change in changes:
            with pytest.raises(RemoteProtocolError) as told:
                council.heard(7, ListChange(encode_change(change)))
            assert told.value.reason == reason
    assert council.head.serial == 1
    assert not council.proposals


def test_a_list_with_a_lower_serial_changes_nothing() -> None:
    net = founded(A, B, C)
    change = propose(net, 0, A, revoked=(C.key,))
    net.take(1, signed(change, B))
    head = net.nodes[0].head
    old = signed(replace(founding(A, B, C), made_at_s=99), A, B, C)
    assert net.nodes[0].heard(1, ListChange(encode_change(old))) == ((), ())
    assert net.nodes[0].head == head


def test_nobody_fills_a_node_without_a_list_with_foundings_or_makes_it_take_one() -> None:
    council = Council(A.key, lambda _: None)
    for at in range(100):
        made = signed(replace(founding(B, A, quorum=1), made_at_s=at), B)
        council.heard(at % 40, ListChange(encode_change(made)))
    assert len(council.offers) <= OFFERS_MAX
    assert council.current is None


def test_a_node_goes_on_from_what_it_kept_and_refuses_what_was_tampered_with() -> None:
    net = founded(A, B, C)
    propose(net, 0, A, added=by_key(D))
    old = net.nodes[0]
    again = Council(A.key, lambda _: None)
    again.resume(old.chain, old.proposals.values(), [], old.accepted)
    assert again.head == old.head
    assert again.proposals == old.proposals
    short = SignedChange(old.chain[0].change, old.chain[0].signatures[:1])
    with pytest.raises(RemoteProtocolError):
        Council(A.key, lambda _: None).resume([short], [], [], old.accepted)
