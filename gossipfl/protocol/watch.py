"""A peer under a watch: whoever says different things to different peers is found out, and shut out.

At the end of each round it tells its neighbours what it heard others say (`Witness`), as digests. Where two
of these differ, the statement itself is asked for (`Doubt`) and shown (`Shown`). Two statements by which
somebody contradicts itself are a proof that anybody can check (`Proof`); everybody hands it on once.

Rules:
- It stands around any peer, which knows nothing of it: for that one, who is shut out has left.
- Nobody is shut out on anybody's word: a proof is certain, or its bringer is the liar.
- A life of a peer is one witness to itself: what it says in another life, or said before a crash, is another.
- Two victims find each other if they are neighbours, or if both have a neighbour other than the culprit. Two
  that nobody joins, such as the neighbours of a peer in a ring, do not.
- A proof against somebody whom we do not know is handed on too, but a neighbour brings few of these: keys are
  cheap, and anybody can make some contradict themselves.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Protocol

from gossipfl.learn.contracts import Array
from gossipfl.protocol.acquaintance import Sight
from gossipfl.protocol.contradictions import Contradictions, Inquiry
from gossipfl.protocol.credit import Credit
from gossipfl.protocol.events import (
    Admitted,
    Drop,
    Effect,
    Event,
    Expelled,
    Joined,
    Left,
    Note,
    Offended,
    Quarantined,
    Received,
    Refused,
    RoundClosed,
    Send,
    Started,
    refused,
)
from gossipfl.protocol.memory import Memory
from gossipfl.protocol.messages import (
    Doubt,
    Evidence,
    Message,
    PeerId,
    Proof,
    Shown,
    Statement,
    Update,
    Witness,
)
from gossipfl.protocol.notary import CLAIM_BYTES, CLAIMS_MAX, Notary, claim_of, contradict, number_of
from gossipfl.protocol.reputation import EQUIVOCATION, OFFENCES, QUARANTINED, Offences, Reputation
from gossipfl.protocol.targets import Targets

WITNESS_S = 0.2
"""Seconds between two times that a peer tells what it heard: control frames come at 20 a second at most. Of
rounds that are shorter, the last ones before it are told."""

ROUNDS_TOLD = 2
"""What is older than so many rounds is not told: others have forgotten it soon."""

UNTOLD_MAX = 1024
"""Claims that wait to be told; then the oldest are not."""

STRANGERS_AT_ONCE, STRANGERS_PER_S = 8.0, 0.1
"""How many proofs against somebody unknown to us one neighbour may bring. Our guess."""

CONVICTED_MAX = 256
"""Proofs remembered against somebody unknown to us, so that each is handed on once."""

TOLD_ON_JOINING = 16
"""Proofs told to a neighbour that comes, or comes back: it may have missed them."""


class Watched(Protocol):
    """A peer that can be watched."""

    round: int

    @property
    def model(self) -> Array:
        """The vector (d,) by which it is judged."""

    @property
    def sights(self) -> dict[PeerId, Sight]:
        """The others, as they are seen now."""

    def handle(self, event: Event, now: float) -> list[Effect]:
        """See `events.Peer`."""

    def memory(self, round: int) -> Memory:
        """What must outlive the process, once it is noted that `round` is closed."""

    def resume(self, memory: Memory) -> None:
        """Go on, before it is started, from the `memory` of an earlier life. Raises `DataError`."""


class Watch:
    """Watches over the neighbours of `peer`, who are `authors` of statements that `notary` makes and checks.

    Without a notary only broken rules count, as where words differ honestly from neighbour to neighbour.
    """

    def __init__(
        self, peer: Watched, targets: Targets, authors: Mapping[PeerId, bytes], notary: Notary | None
    ) -> None:
        self._reputation = Reputation()
        self._peer = peer
        self._targets = targets
        self._numbers = {author: number for number, author in authors.items()}
        self._notary = notary
        self._contradictions = Contradictions()
        self._strangers = Credit(STRANGERS_AT_ONCE, STRANGERS_PER_S)
        self._proofs: dict[bytes, Proof] = {}  # by author, the newest at the end
        self._until_s: dict[PeerId, float] = {}  # when whoever is shut out may come back
        self._here: dict[PeerId, bool] = {}
        self._untold: list[tuple[int, bytes]] = []  # round and claim
        self._told_at = -math.inf
        self._recalled: tuple[Proof, ...] = ()  # of an earlier life
        self._remembered: tuple[Offences, ...] = ()  # from it
        self._now = 0.0

    @property
    def model(self) -> Array:
        """The vector (d,) by which the peer is judged."""
        return self._peer.model

    @property
    def sights(self) -> dict[PeerId, Sight]:
        """The others, as the peer sees them now: whoever is shut out is gone."""
        return self._peer.sights

    @property
    def round(self) -> int:
        """In which the peer is."""
        return self._peer.round

    def memory(self, round: int) -> Memory:
        """What the peer remembers, all proofs, and who broke rules how often."""
        proofs, offences = tuple(self._proofs.values()), self._reputation.remembered(self._now)
        return self._peer.memory(round)._replace(proofs=proofs, offences=offences)

    def resume(self, memory: Memory) -> None:
        """Go on; whoever is to be shut out is so once the peer starts. Raises `DataError`."""
        self._peer.resume(memory)
        self._recalled = memory.proofs
        self._remembered = tuple(
            each for each in memory.offences if each.peer in self._targets.peers and each.why in OFFENCES
        )

    def handle(self, event: Event, now: float) -> list[Effect]:
        """What to do about `event`; see `Peer`."""
        self._now = now
        if isinstance(event, Received):  # as it nearly always is
            return self._on_message(event, event.sender, event.message, now)
        if isinstance(event, Joined):
            return self._on_joined(event, event.peer, now)
        if isinstance(event, Admitted):
            return self._on_admitted(event, now)
        if isinstance(event, Expelled):
            self._here.pop(event.peer, None)
            self._numbers = {key: number for key, number in self._numbers.items() if number != event.peer}
        if isinstance(event, Left) and not self._here.pop(event.peer, False):
            return []  # as the peer was told when it was shut out
        if isinstance(event, Offended):
            return self._on_offence(event.peer, event.why, now)
        if isinstance(event, Started):
            return [*self._ask(event, now), *self._sentence_remembered(now), *self._convict_recalled(now)]
        return self._ask(event, now)

    def _on_message(self, event: Event, sender: PeerId, message: Message, now: float) -> list[Effect]:
        if self._is_out(sender, now):
            return [Note(Refused(sender, QUARANTINED))] if isinstance(message, Update) else []
        if isinstance(message, Update):
            return self._on_update(event, sender, message, now)
        if isinstance(message, Witness | Doubt | Shown | Proof):
            return self._on_evidence(sender, message, now) if sender in self._here else []
        return self._ask(event, now)

    def _ask(self, event: Event, now: float) -> list[Effect]:
        """What the peer does about `event`, and what follows from that."""
        effects = self._peer.handle(event, now)
        for effect in effects:
            if isinstance(effect, Note | Drop):
                return self._followed(effects, now)
        return effects

    def _followed(self, effects: list[Effect], now: float) -> list[Effect]:
        followed: list[Effect] = []
        for effect in effects:
            match effect:
                case Drop(peer, why) if shut_out := self._on_offence(peer, why, now):
                    followed += shut_out
                    continue
                case Note(RoundClosed(round)) if self._notary and self._peer.round > round:
                    self._contradictions.turn(self._peer.round)
                    followed += [effect, *self._tell(now)]
                    continue
            followed.append(effect)
        return followed

    # Neighbours

    def _is_out(self, peer: PeerId, now: float) -> bool:
        return bool(self._until_s) and now < self._until_s.get(peer, now)

    def _on_joined(self, event: Event, peer: PeerId, now: float) -> list[Effect]:
        if self._is_out(peer, now):
            return [Drop(peer, QUARANTINED, self._until_s[peer] - now)]
        self._here[peer] = True
        proofs = list(self._proofs.values())[-TOLD_ON_JOINING:]
        return [*self._ask(event, now), *(Send(peer, proof) for proof in proofs)]

    def _on_offence(self, peer: PeerId, why: str, now: float) -> list[Effect]:
        """What follows where `peer` broke the rule `why`, beyond that its link is closed."""
        for_s = self._reputation.offence(peer, why, now)
        return self._shut_out(peer, why, for_s, now) if for_s else []

    def _sentence_remembered(self, now: float) -> list[Effect]:
        """Shut out who has not served what an earlier life gave it."""
        self._reputation.resume(self._remembered, now)
        unserved = [each for each in self._remembered if each.left_s]
        return [effect for one in unserved for effect in self._shut_out(one.peer, one.why, one.left_s, now)]

    def _on_admitted(self, event: Admitted, now: float) -> list[Effect]:
        self._numbers[event.key] = event.peer
        effects = self._ask(event, now)
        if event.key in self._proofs:
            effects += self._shut_out(event.peer, EQUIVOCATION, math.inf, now)
        return effects

    def _shut_out(self, peer: PeerId, why: str, for_s: float, now: float) -> list[Effect]:
        if self._until_s.get(peer, now) >= now + for_s:
            return []  # it is out for longer already
        self._until_s[peer] = now + for_s
        effects: list[Effect] = [Note(Quarantined(peer, why, for_s)), Drop(peer, why, for_s)]
        proved = why == EQUIVOCATION
        if self._here.pop(peer, False) or proved:  # that it is proved counts, though its link is down
            effects += self._ask(Left(peer, proved=proved), now)
        return effects

    # Statements

    def _on_update(self, event: Event, sender: PeerId, update: Update, now: float) -> list[Effect]:
        found: list[Effect] = []
        if self._notary and sender in self._here:
            statement = self._notary.stated(sender, update)
            found = self._on_statement(statement, now, tells=True)
            if self._is_out(sender, now):
                return [*found, Note(Refused(sender, EQUIVOCATION))]
        return [*found, *self._ask(event, now)] if found else self._ask(event, now)

    def _on_statement(self, statement: Statement, now: float, *, tells: bool = False) -> list[Effect]:
        """`statement` is certain, and it is to be told or not."""
        is_new, inquiry = self._contradictions.state(statement, now)
        if is_new and tells:
            claim = claim_of(number_of(statement.author), statement.round, statement.said)
            self._untold.append((statement.round, claim))
            del self._untold[:-UNTOLD_MAX]
        return self._follow_up(inquiry, now)

    def _follow_up(self, inquiry: Inquiry, now: float) -> list[Effect]:
        if inquiry.proof:
            return self._convict(inquiry.proof, None, now)
        return [Send(witness, Doubt(claim)) for witness, claim in inquiry.doubts if witness in self._here]

    def _tell(self, now: float) -> list[Effect]:
        """Tell those whom the next round's update goes to what was heard since it was last told."""
        if not self._untold or now < self._told_at + WITNESS_S:
            return []
        self._told_at = now
        since = self._peer.round - ROUNDS_TOLD
        claims = [claim for round, claim in self._untold if round >= since]
        witness = Witness(b"".join(claims[:CLAIMS_MAX]))
        self._untold = [(self._peer.round, claim) for claim in claims[CLAIMS_MAX:]]
        return [Send(to, witness) for to in self._targets.speaks_to(self._peer.round) if to in self._here]

    # What others say of others

    def _on_evidence(self, sender: PeerId, evidence: Evidence, now: float) -> list[Effect]:
        if self._notary is None:
            return []
        match evidence:
            case Witness(claims) if len(claims) % CLAIM_BYTES or len(claims) > CLAIMS_MAX * CLAIM_BYTES:
                return self._followed(refused(sender, "malformed"), now)
            case Witness(claims):
                doubts = self._contradictions.claim(sender, claims, now)
                return self._follow_up(Inquiry(doubts, None), now) if doubts else []
            case Doubt(claim) if len(claim) != CLAIM_BYTES:
                return self._followed(refused(sender, "malformed"), now)
            case Doubt(claim):
                statement = self._contradictions.find(claim)
                return [Send(sender, Shown(statement))] if statement else []
            case Shown(statement):
                return self._on_shown(sender, statement, now)
            case Proof():
                return self._on_proof(sender, evidence, now)

    def _on_shown(self, sender: PeerId, statement: Statement, now: float) -> list[Effect]:
        claim = claim_of(number_of(statement.author), statement.round & 0xFFFFFFFF, statement.said)
        if statement.author in self._proofs or not self._contradictions.shown(sender, claim, now):
            return []
        if not self._certain(statement):
            return self._forged(sender, now)
        return self._on_statement(statement, now)

    def _on_proof(self, sender: PeerId, proof: Proof, now: float) -> list[Effect]:
        author = proof.one.author
        if author in self._proofs:
            return []
        if not (contradict(proof.one, proof.other) and self._certain(proof.one, proof.other)):
            return self._forged(sender, now)
        if author not in self._numbers and not self._strangers.take(sender, now):
            return []
        return self._convict(proof, sender, now)

    def _certain(self, *statements: Statement) -> bool:
        return self._notary is not None and all(map(self._notary.certain, statements))

    def _forged(self, sender: PeerId, now: float) -> list[Effect]:
        return self._followed(refused(sender, "forged"), now)

    def _convict(self, proof: Proof, bringer: PeerId | None, now: float) -> list[Effect]:
        """Shut the culprit out if it is a neighbour, and hand the proof on."""
        author = proof.one.author
        number = self._numbers.get(author)
        if author in self._proofs:
            return []
        self._remember(author, proof)
        effects: list[Effect] = [] if number is None else self._shut_out(number, EQUIVOCATION, math.inf, now)
        return [*effects, *(Send(peer, proof) for peer in self._here if peer not in (bringer, number))]

    def _convict_recalled(self, now: float) -> list[Effect]:
        """Shut out whom an earlier life convicted: proofs are checked again, for a file is nobody's word."""
        recalled = [p for p in self._recalled if contradict(p.one, p.other) and self._certain(p.one, p.other)]
        return [effect for proof in recalled for effect in self._convict(proof, None, now)]

    def _remember(self, author: bytes, proof: Proof) -> None:
        strangers = [known for known in self._proofs if known not in self._numbers]
        if author not in self._numbers and len(strangers) >= CONVICTED_MAX:
            del self._proofs[strangers[0]]
        self._proofs[author] = proof
