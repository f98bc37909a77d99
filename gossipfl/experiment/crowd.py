"""A federation as a crowd: what of it arrays in rounds can honour, and who takes part in each round.

Rules:
- What a crowd cannot honour is refused, with what can.
- A peer that is killed leaves as it does in a network. One that is restarted adopts what its neighbours say
  in the round of its return, and is there in the next.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from hashlib import blake2b

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gossipfl.errors import SettingsError
from gossipfl.experiment.federation import Federation
from gossipfl.experiment.judging import Outcome
from gossipfl.learn.batches import in_a_row
from gossipfl.learn.compiled import chosen
from gossipfl.learn.contracts import Accounting, Array, Compressed, Together
from gossipfl.protocol.messages import PeerId
from gossipfl.protocol.replanning import last_to_replan, plan_without
from gossipfl.simulator.collusion import Collusion, CrowdCollusion
from gossipfl.simulator.crowd import Attendance, Crowd, everybody
from gossipfl.simulator.faults import Back, Churn, DropOut, Fault, Kill, Leave
from gossipfl.simulator.faults.attendance import churned, dropped
from gossipfl.simulator.shelf import Shelf
from gossipfl.simulator.ties import Ties, TiesOf, neighbours_ties, schedule_ties
from gossipfl.simulator.workers import Workers

Present = Callable[[int], ArrayLike]
"""Who takes part in a round (n,), the first being round 1; the others keep what they have."""

_BY_ROUNDS = (Kill, Leave, Back, DropOut, Churn)
_PLANS_HELD = 64
_INSTEAD = 'take run.engine = "network"'
MEAN_PEERS = 4_096
"""So many models are added up at once for the mean of all; more would be no faster."""


def refuse_crowd(federation: Federation, present: Present | None = None, plans: Sequence[Fault] = ()) -> None:
    """Raise `SettingsError` for what a crowd cannot honour."""
    if present is not None and not callable(present):
        raise SettingsError("present is a function that tells who takes part in a round: give one.")
    if federation.experiment.robust.quarantine:
        raise SettingsError(
            f"A crowd has no messages that could contradict each other: {_INSTEAD}, or leave out "
            "robust.quarantine."
        )
    algorithm, schedule = federation.algorithm, federation.meeting.schedule
    name = federation.experiment.learning.algorithm
    codes = algorithm if isinstance(algorithm, Compressed) else None
    if codes and schedule is not None and schedule.period != 1:
        raise SettingsError(
            f'The codes of "{name}" need one graph for all rounds in a crowd, and {schedule.name} changes: '
            f"{_INSTEAD}, or one graph."
        )
    for plan in plans:
        if not isinstance(plan, _BY_ROUNDS):
            raise SettingsError(
                f"A crowd has neither links nor a clock for {type(plan).__name__} to befall: {_INSTEAD}, or "
                "leave it out."
            )
    returns = any(isinstance(plan, Back) or (isinstance(plan, Churn) and plan.forgets) for plan in plans)
    absent = present is not None or any(isinstance(plan, Churn) for plan in plans)
    if not (plans or present):
        return
    if isinstance(algorithm, Accounting) and (algorithm.link.takes_back or returns):
        why = "settles its accounts with a peer that is gone"
    elif codes and (returns or absent or codes.settles):
        why = "must tell anew whoever missed something"
    else:
        return
    raise SettingsError(
        f'The algorithm "{name}" {why}, which a crowd cannot do: {_INSTEAD}, or leave out faults.'
    )


def crowd_of(
    federation: Federation,
    shelf: Shelf,
    workers: Workers,
    *,
    roll: Roll | None = None,
    present: Present | None = None,
    progress: Callable[[int], None] | None = None,
) -> Crowd:
    """The crowd that the experiment describes."""
    counts, learning, model = federation.train.counts, federation.experiment.learning, federation.model
    collusion, assault = collusion_of(federation), federation.assault
    return Crowd(
        federation.algorithm,
        federation.start(),
        np.maximum(counts, 1).astype(np.float64) if learning.weights == "samples" else np.ones(len(counts)),
        ties_of(federation, roll),
        collusion.fitting(federation.fit_many) if collusion else federation.fit_many,
        seed=federation.experiment.run.seed,
        rounds=learning.rounds,
        losses=federation.losses,
        shelf=shelf,
        workers=workers,
        kernels=chosen(),
        block_bytes_max=model.block_bytes_max if isinstance(model, Together) else None,
        attendance=attendance_of(roll or Roll((), len(counts), 0), len(counts), present),
        collusion=CrowdCollusion(collusion, federation.peers, deaf=assault.stubborn)
        if collusion and assault
        else None,
        progress=progress,
    )


def attendance_of(roll: Roll, peers: int, present: Present | None) -> Callable[[int], Attendance | None]:
    """Who is there in each round, by `roll` and by who is `present`; None if that is everybody."""
    if roll.is_full and present is None:
        return everybody

    def of(round: int) -> Attendance:
        living, newcomers = roll(round)
        return Attendance(living if present is None else living & _checked(present(round), peers), newcomers)

    return of


class Roll:
    """Who of so many `peers` lives in a round, and who is back in it, by `plans` that go by rounds."""

    def __init__(self, plans: Sequence[Fault], peers: int, seed: int) -> None:
        self._peers = peers
        self._lost: list[dict[PeerId, int]] = [{}, {}]  # of rounds 0 and 1
        self._churn = churned(plans, peers, seed)
        self._ends = [(plan.round, plan.peer, plan) for plan in plans if isinstance(plan, Kill | Leave)]
        self._ends += [
            (plan.round, peer, Kill(peer, plan.round))
            for plan in plans
            if isinstance(plan, DropOut)
            for peer in dropped(plan, peers, seed)
        ]
        self._returns = [(plan.round, plan.peer) for plan in plans if isinstance(plan, Back)]

    @property
    def is_full(self) -> bool:
        """Whether everybody is always there."""
        return not self._ends and self._churn is None

    def __call__(self, round: int) -> Attendance:
        """Those of `round`."""
        away = self._away(round)
        newcomers = self._new(round) & ~away
        return Attendance(~away & ~newcomers, newcomers)

    def lost(self, round: int, last: int) -> dict[PeerId, int]:
        """Whose loss all know in `round`, and since when: the round after the one in which they went.

        Who goes after the round `last` may have finished, as far as those in a network know.
        """
        while len(self._lost) <= round:
            now = len(self._lost)
            gone = self._away(now - 1) & self._away(now)
            self._lost.append({peer: self._lost[-1].get(peer, now) for peer in np.flatnonzero(gone).tolist()})
        return {peer: since for peer, since in self._lost[round].items() if since <= last + 1}

    def happened(self, round: int) -> list[tuple[str, PeerId]]:
        """What became of whom when `round` began."""
        away, before = self._away(round), self._away(round - 1)
        killed = {peer for at, peer, plan in self._ends if at == round and isinstance(plan, Kill)}
        gone = away & ~before
        if self._keeps:  # who is switched off may die of it
            gone |= self._ended(round) & ~self._ended(round - 1)
        ended = np.flatnonzero(gone).tolist()
        lost = [("killed" if peer in killed else "left", peer) for peer in ended]
        return lost + [("back", peer) for peer in np.flatnonzero(before & ~away).tolist()]

    def _new(self, round: int) -> NDArray[np.bool_]:
        """Who begins anew if it is there; whoever was only switched off keeps what it has."""
        if self._keeps:
            return self._ended(round - 1) & ~self._ended(round)
        return self._away(round - 1)

    @property
    def _keeps(self) -> bool:
        return self._churn is not None and not self._churn.churn.forgets

    def _away(self, round: int) -> NDArray[np.bool_]:
        ended = self._ended(round)
        return ended if self._churn is None else ended | self._churn.away(max(round, 0))

    def _ended(self, round: int) -> NDArray[np.bool_]:
        away = np.zeros(self._peers, np.bool_)
        ends = [(at, 0, peer) for at, peer, _ in self._ends]
        for at, returns, peer in sorted(ends + [(at, 1, peer) for at, peer in self._returns]):
            if at <= round:
                away[peer] = not returns
        return away


def outcome_of(
    crowd: Crowd, workers: Workers, judged: Array, living: Attendance, attackers: Sequence[int] = ()
) -> Outcome:
    """What those hold who are alive and not `attackers`, and of the `judged` among them the models."""
    alive = living.present | living.newcomers
    alive[list(attackers)] = False
    peers = judged[alive[judged]]
    return Outcome(int(alive.sum()), peers, crowd.models(peers), _mean(crowd, workers, np.flatnonzero(alive)))


def hash_of(crowd: Crowd) -> str:
    """The digest of all models, in hex."""
    digest = blake2b(digest_size=16)
    for first in range(0, crowd.peers, MEAN_PEERS):
        some = slice(first, min(first + MEAN_PEERS, crowd.peers))
        digest.update(crowd.models(some).tobytes())
    return digest.hexdigest()


def _mean(crowd: Crowd, workers: Workers, alive: Array) -> Array:
    """The mean model (d,) of those `alive`, float64; it does not depend on the threads."""
    parts = range(0, max(len(alive), 1), MEAN_PEERS)
    sums: list[Array] = [np.empty(0)] * len(parts)

    def add(block: slice) -> None:
        for part in range(block.start, block.stop):
            peers = alive[parts[part] : parts[part] + MEAN_PEERS]
            sums[part] = crowd.models(in_a_row(peers)).sum(axis=0, dtype=np.float64)

    workers.each(add, len(parts), 1)
    mean: Array = np.sum(sums, axis=0) / max(len(alive), 1)
    return mean


def collusion_of(federation: Federation) -> Collusion | None:
    """The attackers of one run; None if there are none."""
    assault = federation.assault
    if assault is None:
        return None
    seed = federation.experiment.run.seed
    return Collusion(assault.attack, assault.attackers, seed=seed, first=assault.first)


def ties_of(federation: Federation, roll: Roll | None = None) -> TiesOf:
    """Who hears whom in each round, and how much each counts; by a `roll` schedules are planned anew."""
    schedule = federation.meeting.schedule
    if schedule is None:
        by_samples = federation.experiment.learning.weights == "samples"
        return neighbours_ties(federation.topology, federation.train.counts if by_samples else None)
    if roll is None or roll.is_full or not federation.meeting.replans:
        return schedule_ties(schedule)
    last = last_to_replan(schedule, federation.experiment.learning.rounds)
    ties = lru_cache(_PLANS_HELD)(lambda lost: schedule_ties(plan_without(schedule, lost)))

    def planned(round: int) -> Ties:
        known_since = roll.lost(round, last)
        first = max(known_since.values(), default=1)
        return ties(frozenset(known_since))(round - first + 1 if schedule.period else round)

    return planned


def _checked(present: ArrayLike, peers: int) -> NDArray[np.bool_]:
    found = np.asarray(present)
    if found.shape != (peers,) or found.dtype != np.bool_:
        raise SettingsError(
            f"present(round) gave {found.dtype} of shape {found.shape}: give one truth value for each of "
            f"the {peers} peers."
        )
    return found
