"""The list of members that a node holds, what is proposed to change it, and how both pass between nodes.

On each new link a node says which list it holds. Whoever holds a later one tells the changes that are
missing, a few at a time. A proposal goes from neighbour to neighbour with all signatures that anybody has
seen, each of which is passed on once; whoever sees enough of them has the next list.

Rules:
- A node takes no list but the one that its operator founded, signed or accepted, lest a neighbour make up a
  consortium around it. What follows on that list needs nobody's word but the members'.
- Where two changes follow the same list, the longer chain holds, and of two as long the one whose first
  digest is smaller: all nodes decide alike. Nobody goes back further than a few changes, and each time is
  told.
- A proposal is void once another change holds, for it follows another list.
- A member has one proposal at a time, its latest, and a neighbour brings one founding at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from gossipfl.errors import RemoteProtocolError
from gossipfl.protocol.membership import (
    NOTHING,
    MemberList,
    SignedChange,
    check_signatures,
    decode_change,
    encode_change,
    list_after,
)
from gossipfl.protocol.messages import ListChange, ListHead, ListMove, Membership, PeerId
from gossipfl.protocol.moves import Move, Moves, decode_move

BACK_MAX = 4
"""So many changes are undone at most, where another list holds. Our guess: two that cross are one."""

TOLD_MAX = 8
"""Changes told at once: control frames come at 20 a second. Our guess."""

PROPOSALS_TOLD_MAX = 8
"""Proposals told on a new link."""

OFFERS_MAX = 16
"""Foundings kept by whoever has no list."""


class Answer(NamedTuple):
    """What to say to whom spoke, and what to pass on to all others."""

    back: Sequence[Membership] = ()
    on: Sequence[Membership] = ()


class Council:
    """What the node that has `key` knows of the members; what its operator must know goes to `warn`."""

    def __init__(self, key: bytes, warn: Callable[[str], None]) -> None:
        self.chain: list[SignedChange] = []
        self.proposals: dict[bytes, SignedChange] = {}  # by proposer
        self.offers: dict[bytes, SignedChange] = {}  # foundings, by digest
        self.moves = Moves()
        self.accepted = NOTHING  # the digest of the founding that our operator wants
        self._key = key
        self._warn = warn
        self._lists: list[MemberList] = []  # the last ones, the newest at the end
        self._branches: dict[PeerId | None, list[SignedChange]] = {}  # other lists, by who tells them
        self._brought: dict[PeerId, bytes] = {}  # the digest of the founding that each neighbour brought last
        self._told: dict[PeerId, ListHead] = {}
        self._parted = NOTHING  # the digest of another list, of which we warned

    @property
    def current(self) -> MemberList | None:
        """The list that holds."""
        return self._lists[-1] if self._lists else None

    @property
    def seen(self) -> MemberList | None:
        """The same, with each member where it says that it is."""
        return self.moves.seen(self.current) if self.current else None

    @property
    def head(self) -> ListHead:
        """Which one that is."""
        return ListHead(self.current.serial, self.current.digest) if self.current else ListHead(0, NOTHING)

    # Links

    def joined(self, peer: PeerId) -> list[Membership]:
        """What to tell `peer`, to which a link is there."""
        self._told[peer] = self.head
        proposed = [*self.proposals.values()] if self.current else [*self.offers.values()]
        return [self.head, *map(_told, proposed[-PROPOSALS_TOLD_MAX:])]

    def left(self, peer: PeerId) -> None:
        """The link to `peer` is down."""
        self._told.pop(peer, None)
        self._branches.pop(peer, None)
        self._brought.pop(peer, None)

    def heard(self, sender: PeerId, message: Membership) -> Answer:
        """What to do about `message`. Raises `RemoteProtocolError`: malformed, forged, members."""
        if isinstance(message, ListHead):
            return Answer(back=self._on_head(sender, message))
        if isinstance(message, ListMove):
            self.moves.hear(decode_move(message.words), self.current)
            return Answer()  # it is told once it is settled
        return self._take(sender, decode_change(message.words))

    # Our operator

    def take(self, signed: SignedChange) -> Answer:
        """What our operator proposes or signs. Raises `RemoteProtocolError`, or if it comes too late."""
        if not self.chain and self._key in signed.signers:
            self.accepted = signed.change.digest
        answer = self._take(None, signed)
        digest = signed.change.digest
        known = [*self.chain, *self.proposals.values(), *self.offers.values()]
        if digest not in {one.change.digest for one in known}:
            raise RemoteProtocolError("members", "It does not follow the list that holds: propose it again.")
        return answer

    def accept(self, digest: bytes) -> Answer:
        """Our operator wants the list that was founded by the change of this `digest`."""
        self.accepted = digest
        return self._take(None, self.offers[digest]) if digest in self.offers else Answer()

    def resume(
        self,
        chain: Iterable[SignedChange],
        proposed: Iterable[SignedChange],
        moves: Iterable[Move],
        accepted: bytes,
    ) -> None:
        """Go on from what an earlier life kept, all of which is checked. Raises `RemoteProtocolError`."""
        self.accepted = accepted
        for signed in chain:
            if not self._extend(signed):
                raise RemoteProtocolError("members", "A change in the list does not hold.")
        for signed in proposed:
            self._take(None, signed)
        for move in moves:
            self.moves.resume(move, self.current)

    # What is said

    def _on_head(self, sender: PeerId, theirs: ListHead) -> list[Membership]:
        """Tell whoever is behind what it misses, and whoever is ahead that we are behind, once."""
        mine = self.head
        if theirs == mine or not mine.serial:
            return []
        knows = 0 < theirs.serial <= mine.serial and (
            self.chain[theirs.serial - 1].change.digest == theirs.digest
        )
        if theirs.serial > mine.serial:
            return self._say_head(sender)
        if not knows and theirs.serial and self._parted != theirs.digest:
            self._parted = theirs.digest
            self._warn(f"A neighbour holds another list of members with the serial number {theirs.serial}.")
        start = theirs.serial if knows or not theirs.serial else max(0, theirs.serial - BACK_MAX)
        missing = self.chain[start : start + max(TOLD_MAX, 2 * BACK_MAX)]
        return [*map(_told, missing), mine]

    def _say_head(self, peer: PeerId) -> list[Membership]:
        if self._told.get(peer) == self.head:
            return []
        self._told[peer] = self.head
        return [self.head]

    def _take(self, sender: PeerId | None, signed: SignedChange) -> Answer:
        current, change = self.current, signed.change
        if current is None:
            return self._on_founding(sender, signed)
        if change.before == current.digest:
            return self._on_next(sender, signed)
        if change.serial <= current.serial and self.chain[change.serial - 1].change.digest == change.digest:
            return Answer()
        return self._on_branch(sender, signed)

    def _on_founding(self, sender: PeerId | None, signed: SignedChange) -> Answer:
        change, digest = signed.change, signed.change.digest
        if change.serial != 1:
            return Answer()  # comes again once we hold the founding
        list_after(None, change)
        check_signatures(signed, None)
        known = self.offers.get(digest)
        if known is not None:
            signed = known.joined(signed.signatures)
        elif not self._makes_room(sender, digest):
            return Answer()
        self.offers[digest] = signed
        if digest == self.accepted and self._extend(signed):
            return Answer([self.head] if sender is not None else (), [_told(signed), self.head])
        return Answer(on=() if signed == known else [_told(signed)])

    def _makes_room(self, sender: PeerId | None, digest: bytes) -> bool:
        """Whether a founding that `sender` brings can be kept, in the place of what it brought before."""
        if sender is not None:
            self.offers.pop(self._brought.get(sender, NOTHING), None)
            self._brought[sender] = digest
        return sender is None or len(self.offers) < OFFERS_MAX

    def _on_next(self, sender: PeerId | None, signed: SignedChange) -> Answer:
        change = signed.change
        list_after(self.current, change)
        enough = check_signatures(signed, self.current)
        known = self.proposals.get(change.proposer)
        if known is not None and known.change == change:
            signed = known.joined(signed.signatures)
            if signed == known:
                return Answer()
        elif known is not None and not enough and known.change.made_at_s >= change.made_at_s:
            return Answer()
        if self._extend(signed):
            return Answer(on=[_told(signed), self.head])
        if change.proposer not in signed.signers:
            raise RemoteProtocolError("forged", "A change of members is not signed by its proposer.")
        self.proposals[change.proposer] = signed
        return Answer(on=[_told(signed)])

    def _extend(self, signed: SignedChange) -> bool:
        """Make the next list, if the change has all signatures that it needs."""
        after = list_after(self.current, signed.change)
        if not check_signatures(signed, self.current):
            return False
        self._void(signed)
        self.chain.append(signed)
        self._lists = [*self._lists[-BACK_MAX:], after]
        self.moves.follow(after)
        return True

    def _void(self, winner: SignedChange) -> None:
        lost = self.proposals.get(self._key)
        if lost is not None and lost.change != winner.change:
            self._warn("Another change of the list of members came first: propose yours again.")
        self.proposals.clear()
        self.offers.clear()
        self._brought.clear()
        self._branches.clear()

    # Two lists

    def _on_branch(self, sender: PeerId | None, signed: SignedChange) -> Answer:
        """A change that follows another list than ours: the next of a branch, or the first of one."""
        branch = self._branches.get(sender, [])
        before = self._branch_list(branch)
        if before is None or signed.change.before != before.digest:
            branch, before = [], self._known_list(signed.change.before)
        if before is None or len(branch) >= 2 * BACK_MAX:
            return Answer()  # of a list that we do not know: we are told in order, or never
        list_after(before, signed.change)
        if not check_signatures(signed, before):
            return Answer()
        self._branches[sender] = branch = [*branch, signed]
        ours = self.chain[branch[0].change.serial - 1 :]
        if len(branch) < len(ours):
            return Answer()
        self._warn(_two_lists(ours, branch))
        if len(branch) == len(ours) and branch[0].change.digest >= ours[0].change.digest:
            return Answer()
        self._go_over(branch)
        return Answer(self._say_head(sender) if sender is not None else (), [self.head])

    def _known_list(self, digest: bytes) -> MemberList | None:
        return next((one for one in self._lists[:-1] if one.digest == digest), None)

    def _branch_list(self, branch: Sequence[SignedChange]) -> MemberList | None:
        """The list at the end of a `branch` whose changes hold."""
        made = self._known_list(branch[0].change.before) if branch else None
        for signed in branch if made else ():
            made = list_after(made, signed.change)
        return made

    def _go_over(self, branch: Sequence[SignedChange]) -> None:
        kept = branch[0].change.serial - 1
        undone = len(self.chain) - kept
        self.chain, self._lists = self.chain[:kept], self._lists[:-undone]
        for signed in branch:
            self._extend(signed)


def _told(signed: SignedChange) -> ListChange:
    return ListChange(encode_change(signed))


def _two_lists(ours: Sequence[SignedChange], branch: Sequence[SignedChange]) -> str:
    both = sorted(ours[0].signers & branch[0].signers)
    who = f", both signed by {', '.join(key.hex()[:16] for key in both)}" if both else ""
    return (
        f"Two lists of members have the serial number {ours[0].change.serial}{who}: one of them holds at all "
        "nodes, and what the other changed must be proposed again; see `gossipfl peer list`."
    )
