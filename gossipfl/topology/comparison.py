"""Which graph or schedule suits a number of peers: what each costs, and how fast it brings them together.

Rules:
- To agree: exactly, where a schedule does so, or to a thousandth of the first differences.
- Bytes are those of float32 parameters; what frames them is left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from gossipfl.errors import TopologyError
from gossipfl.topology.building import build_topology
from gossipfl.topology.families import FAMILIES
from gossipfl.topology.schedule import Schedule
from gossipfl.topology.scheduling import SCHEDULES, build_schedule
from gossipfl.topology.spectrum import DENSE_PEERS_MAX, schedule_facts

BASE_DEGREES = (1, 2, 3, 4)
_PARAMETER_BYTES = 4


@dataclass(frozen=True, slots=True)
class Candidate:
    """One graph or schedule: whether it `changes` from round to round, and all agree `exact`ly in `rounds`.

    `degree` is the most others that a peer speaks to in a round; `messages` and `bytes` are what a peer sends
    in a round on average, `bytes_to_agree` in all rounds until they agree. `gap` is 1 - |product of a period
    - J|^(1 / period) in the spectral norm. What is None could not be found (a tiny gap) or never comes.
    """

    name: str
    changes: bool
    exact: bool
    degree: int
    gap: float | None
    rounds: int | None
    messages: float
    bytes: float

    @property
    def bytes_to_agree(self) -> float | None:
        """What a peer sends, on average, until all agree."""
        return None if self.rounds is None else self.rounds * self.bytes


@dataclass(frozen=True, slots=True)
class Comparison:
    """Candidates for `peers` peers, the one that needs the fewest bytes to agree first.

    `left_out` gives for each family that is not among them the sentence that says why.
    """

    peers: int
    parameters: int
    candidates: tuple[Candidate, ...]
    left_out: dict[str, str]

    @property
    def advice(self) -> str:
        """One sentence on which to take."""
        best = self.candidates[0]
        how = "exactly" if best.exact else "to a thousandth"
        rounds = "1 round" if best.rounds == 1 else f"{best.rounds} rounds"
        messages = "1 message" if best.messages == 1 else f"{best.messages:.3g} messages"
        sentence = (
            f"Take {best.name}: {self.peers} peers agree {how} after {rounds} with {messages} per peer and"
            " round, the fewest bytes of all"
        )
        steady = [each for each in self.candidates if not each.changes and each.degree < self.peers - 1]
        if not best.changes or not steady:
            return f"{sentence}."
        return (
            f"{sentence}; of the graphs that stay the same and in which nobody speaks to everybody,"
            f" {steady[0].name} needs the fewest."
        )


def compare(peers: int, parameters: int, *, seed: int = 0) -> Comparison:
    """All families of graphs and schedules for `peers` peers that send `parameters` numbers per message.

    Graphs have Metropolis weights. Raises TopologyError for fewer than 2 peers, above DENSE_PEERS_MAX, and
    for less than one parameter.
    """
    if not 2 <= peers <= DENSE_PEERS_MAX:
        raise TopologyError(
            f"A comparison takes 2 to {DENSE_PEERS_MAX} peers, not {peers}; one graph of any size is shown"
            " by `gossipfl topology show`."
        )
    if parameters < 1:
        raise TopologyError(f"A message holds at least 1 parameter, not {parameters}; give it 1 or more.")
    found: list[Candidate] = []
    left_out: dict[str, str] = {}
    for name, build in _builds(peers, seed).items():
        try:
            found.append(_candidate(name, build(), parameters))
        except TopologyError as error:
            left_out[name] = str(error)
    found.sort(key=lambda each: (each.bytes_to_agree or math.inf, each.rounds or math.inf))
    return Comparison(peers, parameters, tuple(_without_slower(found)), left_out)


def _builds(peers: int, seed: int) -> dict[str, Callable[[], Schedule]]:
    """How each candidate is built, by what it is called."""
    graphs = {name: partial(_steady, name, peers, seed) for name in FAMILIES}
    schedules = {
        name: partial(build_schedule, name, peers, seed=seed) for name in SCHEDULES if name != "base"
    }
    bases = {f"base (degree {k})": partial(build_schedule, "base", peers, degree=k) for k in BASE_DEGREES}
    return {**bases, **schedules, **graphs}  # where two cost the same, this is their order


def _steady(name: str, peers: int, seed: int) -> Schedule:
    return Schedule.of(build_topology(name, peers, seed=seed))


def _without_slower(found: list[Candidate]) -> list[Candidate]:
    """Base graphs only of those degrees that need fewer rounds than every lower degree."""
    slower, least = set(), math.inf
    rounds = {each.name: each.rounds or math.inf for each in found}
    for name in (f"base (degree {k})" for k in BASE_DEGREES):
        if rounds[name] >= least:
            slower.add(name)
        least = min(least, rounds[name])
    return [each for each in found if each.name not in slower]


def _candidate(name: str, schedule: Schedule, parameters: int) -> Candidate:
    found = schedule_facts(schedule)
    return Candidate(
        name=name,
        changes=schedule.period != 1,
        exact=schedule.finite_time,
        degree=found["degree_max"],
        gap=found["spectral_gap"],
        rounds=found["rounds_to_consensus"],
        messages=found["degree_mean"],
        bytes=found["degree_mean"] * parameters * _PARAMETER_BYTES,
    )
