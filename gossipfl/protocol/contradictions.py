"""Who said what of which round, as far as a peer heard it or was told of it: where that differs, it asks.

Rules:
- What a neighbour claims that others said proves nothing. It is asked for the statement where claims differ,
  and two certain statements that contradict each other are a proof.
- Whoever claims what it cannot show is asked less and less: a slanderer makes nobody work for long, and takes
  nothing from the credit of those who do show what they claim.
- Only the rounds near our own are kept, and so many claims of each neighbour in a round of ours.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

from gossipfl.protocol.credit import Credit
from gossipfl.protocol.messages import PeerId, Proof, Statement
from gossipfl.protocol.notary import claim_of, contradict, number_of, read_claims

ROUNDS_KEPT = 3
"""Rounds before and after our own of which anything is kept: as stale as an update may be."""

CLAIMS_KEPT = 256
"""New claims of one neighbour kept in a round of ours. Our guess: a node of more neighbours tells of some."""

WITNESSES_KEPT = 3
"""Neighbours remembered as having claimed the same: one that is hostile may not show what it claims."""

DOUBTS_AT_ONCE, DOUBTS_PER_S = 8.0, 1.0
"""How often one neighbour is asked for what it claimed and does not show. Our guess."""


class Inquiry(NamedTuple):
    """What follows from something heard: whom to ask by which claim, and what is proved."""

    doubts: list[tuple[PeerId, bytes]]
    proof: Proof | None


NOTHING = Inquiry([], None)


class _Version:
    """One of the things that somebody is said to have said of a round."""

    __slots__ = ("asked", "statement", "witnesses")

    def __init__(self, witnesses: Sequence[PeerId] = ()) -> None:
        self.statement: Statement | None = None
        self.witnesses = list(witnesses)
        self.asked: set[PeerId] = set()


_Versions = dict[bytes, _Version]
_Agreed = tuple[bytes, *tuple[PeerId, ...]]
"""What somebody said by the word of those who claim it alike: nearly all that is told is that."""


class Contradictions:
    """What one peer knows of what others said."""

    def __init__(self) -> None:
        self._rounds: dict[int, dict[PeerId, _Versions | _Agreed]] = {}
        self._round = 1
        self._new: Counter[PeerId] = Counter()  # claims of each neighbour, in this round of ours
        self._credit = Credit(DOUBTS_AT_ONCE, DOUBTS_PER_S)

    def turn(self, round: int) -> None:
        """Our own round is `round` now."""
        self._round = round
        self._new.clear()
        for old in [old for old in self._rounds if not self._is_near(old)]:
            del self._rounds[old]

    def state(self, statement: Statement, now: float) -> tuple[bool, Inquiry]:
        """`statement` is certain; whether it is new to us, and what follows."""
        if not self._is_near(statement.round):
            return False, NOTHING
        number = number_of(statement.author)
        versions = self._versions(number, statement.round)
        version = versions.setdefault(statement.said, _Version())
        if version.statement is not None:
            return False, NOTHING
        version.statement = statement
        return True, self._weigh(number, statement.round, versions, now) if len(versions) > 1 else NOTHING

    def claim(self, witness: PeerId, claims: bytes, now: float) -> list[tuple[PeerId, bytes]]:
        """`witness` says what it heard others say; whom to ask by which claim."""
        doubts: list[tuple[PeerId, bytes]] = []
        kept = self._new[witness]
        for number, round_, said in read_claims(claims):
            if (known := self._rounds.get(round_)) is None:
                if not self._is_near(round_):
                    continue
                known = self._rounds[round_] = {}
            entry = known.get(number)
            if entry is None:
                if kept < CLAIMS_KEPT:
                    known[number] = said, witness
                    kept += 1
            elif type(entry) is tuple and entry[0] == said:
                if len(entry) <= WITNESSES_KEPT and witness not in entry:
                    known[number] = *entry, witness
            elif type(entry) is tuple or len(entry) > 1 or said not in entry:
                self._new[witness] = kept
                doubts += self._differs(witness, number, round_, said, now)
                kept = self._new[witness]
        self._new[witness] = kept
        return doubts

    def shown(self, witness: PeerId, claim: bytes, now: float) -> bool:
        """Whether `witness` was asked by `claim`, which it has now answered."""
        version = self._version(claim)
        if version is None or witness not in version.asked:
            return False
        version.asked.discard(witness)
        self._credit.give(witness, now)
        return True

    def find(self, claim: bytes) -> Statement | None:
        """The statement that `claim` tells of, if we have it."""
        version = self._version(claim)
        return version.statement if version else None

    def _is_near(self, round: int) -> bool:
        return -ROUNDS_KEPT <= round - self._round <= ROUNDS_KEPT

    def _differs(
        self, witness: PeerId, number: PeerId, round: int, said: bytes, now: float
    ) -> list[tuple[PeerId, bytes]]:
        """`witness` claims something else than others do: one thing of each peer and round is kept."""
        versions = self._versions(number, round)
        if said not in versions:
            if any(witness in version.witnesses for version in versions.values()):
                return []
            if self._new[witness] >= CLAIMS_KEPT:
                return []
            self._new[witness] += 1
            versions[said] = _Version()
        witnesses = versions[said].witnesses
        if len(witnesses) < WITNESSES_KEPT and witness not in witnesses:
            witnesses.append(witness)
        return self._weigh(number, round, versions, now).doubts

    def _versions(self, number: PeerId, round: int) -> _Versions:
        """All that `number` is said to have said of `round`, each apart."""
        known = self._rounds.setdefault(round, {})
        entry = known.get(number)
        if isinstance(entry, dict):
            return entry
        versions: _Versions = {}
        known[number] = versions
        if entry is not None:
            versions[entry[0]] = _Version(entry[1:])
        return versions

    def _version(self, claim: bytes) -> _Version | None:
        ((number, round_, said),) = read_claims(claim)
        entry = self._rounds.get(round_, {}).get(number)
        return entry.get(said) if isinstance(entry, dict) else None

    def _weigh(self, number: PeerId, round: int, versions: _Versions, now: float) -> Inquiry:
        """What follows from `versions` that differ."""
        certain = [version.statement for version in versions.values() if version.statement]
        for one, other in combinations(certain, 2):
            if contradict(one, other):
                return Inquiry([], Proof(one, other))
        open_ = {said: version for said, version in versions.items() if version.statement is None}
        shown = len(certain) + sum(self._may_be_shown(version, now) for version in open_.values())
        if shown < 2:
            return NOTHING
        doubts = [
            (witness, claim_of(number, round, said))
            for said, version in open_.items()
            for witness in version.witnesses
            if self._asks(version, witness, now)
        ]
        return Inquiry(doubts, None)

    def _may_be_shown(self, version: _Version, now: float) -> bool:
        return bool(version.asked) or any(self._credit.has(witness, now) for witness in version.witnesses)

    def _asks(self, version: _Version, witness: PeerId, now: float) -> bool:
        if witness in version.asked or not self._credit.take(witness, now):
            return False
        version.asked.add(witness)
        return True
