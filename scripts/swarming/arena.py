"""One world, run: real peers in the network in virtual time, with everything watched."""

from __future__ import annotations

from collections import Counter
from hashlib import blake2b
from typing import NamedTuple

import numpy as np

from gossipfl.draws import Draws
from gossipfl.learn.contracts import Array
from gossipfl.protocol.events import Effect, Event, Peer, Quarantined, Record, Refused, RoundClosed
from gossipfl.protocol.messages import PeerId
from gossipfl.protocol.notary import Sealed, author_of
from gossipfl.protocol.round_peer import RoundPeer
from gossipfl.protocol.watch import Watch
from gossipfl.simulator.lives import Lives
from gossipfl.simulator.network import Network
from gossipfl.testing.transcript import Transcript
from swarming.book import Book, Violation
from swarming.hardship import Hardship
from swarming.hostile import Hostile
from swarming.invariants import Invariants
from swarming.liveness import Liveness
from swarming.nemesis import Nemesis
from swarming.watching import Letters, watching
from swarming.world import World

SIZE = 3
"""Parameters of a model."""

RATE = 0.3
"""How far a training goes towards what its peer wants."""

EVENTS_MAX = 400_000
"""A world in which more happens has no end."""


class Outcome(NamedTuple):
    """What became of a world; `rule` is the name of what did not hold, if something did not."""

    seed: int
    trace: str
    events: int
    faults: Counter[str]
    checks: Counter[str]
    rule: str | None = None
    sentence: str = ""


def run(world: World, transcript: Transcript | None = None, *, watched: bool = True) -> Outcome:
    """Let all happen; a violation ends it. Where nobody has `watched`, all happens alike."""
    arena = Arena(world, transcript, watched=watched)
    rule, sentence = None, ""
    try:
        arena.network.run()
        if watched:
            arena.liveness.check_end()
    except Violation as violation:
        rule, sentence = violation.rule, f"{violation} ({arena.network.now:.2f} s)"
    except Exception as error:  # whatever a peer raises is a bug of ours
        rule, sentence = "error", f"{type(error).__name__}: {error} ({arena.network.now:.2f} s)"
    return Outcome(world.seed, arena.trace(), arena.events, arena.counts, arena.book.checks, rule, sentence)


class Stage(Network):
    """The network, whose peers' lives a nemesis may know."""

    @property
    def lives(self) -> Lives:
        """Who is there."""
        return self._lives


class Watched:
    """A peer in one of its lives, between it and its driver."""

    def __init__(
        self, arena: Arena, peer: RoundPeer, stands: Peer, life: int, hostile: Hostile | None, *, plain: bool
    ) -> None:
        self.peer = peer
        self.invariants = Invariants(arena.world, peer, stands, life, arena.book, plain=plain)
        self._arena = arena
        self._stands = stands  # the peer, perhaps under a watch
        self._hostile = hostile
        self._skew_s = arena.world.skew_s[peer.number]

    def handle(self, event: Event, now: float) -> list[Effect]:
        """As the peer does, whose clock is off."""
        arena = self._arena
        arena.count_event()
        effects = self._stands.handle(event, now + self._skew_s)
        if arena.transcript:
            arena.transcript.witness(self.peer, now, event, effects)
        if arena.watches:
            self.invariants.check(event, effects, now)
        if self._hostile and not arena.hardship.healed:
            return self._hostile.altered(effects)
        return effects


class Arena:
    """A `world` and all who watch it."""

    def __init__(self, world: World, transcript: Transcript | None = None, *, watched: bool = True) -> None:
        self.world = world
        self.watches = watched
        self.transcript = transcript
        self.events = 0
        self.book = Book()
        self.counts = Counter[str]()
        self.slow: dict[PeerId, float] = {}
        self.watched: dict[PeerId, Watched] = {}
        self.hardship = Hardship(world, self.counts)
        self.liveness = Liveness(self)
        self._hostile = dict(world.attackers)
        self._targets = world.new_targets()
        self._wanted = 3.0 * Draws(world.seed, np.arange(world.peers)).normal("wanted", SIZE)
        self.network = Stage(
            world.neighbours,
            self._new_peer,
            self._fit_many,
            rules=(self.hardship.doubling, self.hardship),
            training_s=self._training_s,
            message_bytes=lambda _: 100,
            observe=self._observe,
            marked=self._marked,
        )
        self.nemesis = Nemesis(self, self.network.lives)

    def is_up(self, peer: PeerId) -> bool:
        """Whether `peer` is there, and has not finished."""
        return peer in self.network.lives.present

    def heal(self) -> None:
        """From now on nothing befalls anybody."""
        self.hardship.healed = True
        self.slow.clear()
        self.nemesis.heal()
        self.liveness.healed()

    def disturb(self, peer: PeerId) -> None:
        """`peer` stands still, or did: its round may take longer than it means."""
        if self.is_up(peer):
            self.watched[peer].invariants.disturbed = True

    def count_event(self) -> None:
        """Something came to a peer."""
        self.events += 1
        if self.events > EVENTS_MAX:
            raise Violation("no end", f"More than {EVENTS_MAX} events happened, and the run does not end.")

    def trace(self) -> str:
        """The digest of all that happened, and of all models."""
        digest = blake2b(self.network.trace_hash.encode(), digest_size=16)
        for peer in sorted(self.watched):
            digest.update(np.ascontiguousarray(self.watched[peer].peer.model).data)
        return digest.hexdigest()

    def _new_peer(self, number: PeerId, life: int) -> Peer:
        world = self.world
        algorithm = watching(world.new_algorithm(), self.book, number, life, world.neighbours[number])
        peer = RoundPeer(
            number,
            algorithm,
            np.zeros(SIZE),
            self._targets[number],
            rounds=world.rounds,
            samples=world.samples[number],
            seed=world.seed,
            epoch=life,
            gather_s=world.gather_s,
        )
        if not algorithm.plain:
            conversation = peer._conversation
            conversation._letters = Letters(conversation._letters, self.book, number, life)
        hostile = self._hostile.get(number)
        attacker = hostile and Hostile(
            hostile, number, life, world.rounds, self.book, self.counts, plain=algorithm.plain
        )
        stands = self._under_watch(peer, plain=algorithm.plain) if world.watched else peer
        self.watched[number] = Watched(self, peer, stands, life, attacker or None, plain=algorithm.plain)
        return self.watched[number]

    def _under_watch(self, peer: RoundPeer, *, plain: bool) -> Watch:
        """Contradictions are proved where all are told the same, which is so over plain links."""
        targets = self._targets[peer.number]
        authors = {other: author_of(other) for other in targets.peers}
        return Watch(peer, targets, authors, Sealed() if plain else None)

    def _training_s(self, number: PeerId) -> float:
        """Its pace; a slow training that is under way at the healing ends soon after."""
        pace_s, left_s = self.world.training_s[number], self.world.heals_s - self.network.now
        return min(pace_s * self.slow.get(number, 1.0), pace_s + max(0.0, left_s))

    def _fit_many(self, peers: Array, vectors: Array, round: int, drifts: Array | None = None) -> Array:
        """A step to what each peer wants; none once all is healed, or after the first round."""
        if self.hardship.healed or (round > 1 and not self.world.trains):
            return vectors
        fitted: Array = vectors + RATE * (self._wanted[peers] - vectors)
        return fitted if drifts is None else fitted + drifts

    def _marked(self, what: str, now: float, peers: tuple[PeerId, ...]) -> None:
        self.counts[what] += 1

    def _observe(self, peer: PeerId, now: float, record: Record) -> None:
        if isinstance(record, RoundClosed):
            self.liveness.closed(peer, record)
        elif isinstance(record, Quarantined):
            self.counts[f"shut out: {record.why}"] += 1
        elif isinstance(record, Refused):
            self.counts[f"refused: {record.reason}"] += 1
