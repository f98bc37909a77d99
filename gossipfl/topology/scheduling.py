"""The schedules by name and size, with every refusal that building one may meet."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from gossipfl.errors import TopologyError, instead
from gossipfl.topology import base_graphs, one_peer, random_rounds
from gossipfl.topology.base_graphs import Links
from gossipfl.topology.building import EDGES_MAX
from gossipfl.topology.families import FAMILIES
from gossipfl.topology.schedule import Schedule, repeating

if TYPE_CHECKING:
    from scipy.sparse import csr_array


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of a schedule; a degree that is None takes the default of the family."""

    name: str
    peers: int
    seed: int
    degree: int | None
    allow_asymptotic: bool


@dataclass(frozen=True, slots=True)
class ScheduleFamily:
    """One family of schedules: `sizes` says in words for how many peers it is built."""

    name: str
    description: str
    sizes: str
    build: Callable[[Asked], Schedule]
    options: tuple[str, ...] = ()


def build_schedule(
    name: str, peers: int, *, seed: int = 0, degree: int | None = None, allow_asymptotic: bool = False
) -> Schedule:
    """The schedule of family `name` (see SCHEDULES) for `peers` peers; the same arguments give the same one.

    `degree` is how many others a peer speaks to in a round, at most (base, simple-base: 1; hyper-hypercube:
    the least that serves) or exactly (random-regular, random-peers: log2 of the peers, rounded up). A
    schedule whose purpose is exact agreement is refused where it does not reach it, unless
    `allow_asymptotic` and it comes ever closer. Raises TopologyError for an unknown name, an impossible size
    or degree, and a degree that the family does not take.
    """
    family = SCHEDULES.get(name)
    if family is None:
        if name in FAMILIES:
            raise TopologyError(
                f'"{name}" is the same graph in every round; make its schedule by'
                f' Schedule.of(build_topology("{name}", {peers})).'
            )
        raise TopologyError(f"There is no schedule called {name!r}; {instead(name, SCHEDULES)}")
    if peers < 2:
        raise TopologyError(f"A schedule joins at least 2 peers, not {peers}; give it 2 or more.")
    if degree is not None and "degree" not in family.options:
        raise TopologyError(f"The schedule {name} has no option 'degree' (it takes none); leave it out.")
    if degree is not None and degree < 1:
        raise TopologyError(f"The degree of a schedule is 1 or more, not {degree}.")
    asked = Asked(name, peers, seed, degree, allow_asymptotic)
    return family.build(asked)


def _again(asked: Asked, peers: int) -> Schedule:
    """The same for `peers` peers or, where the family does not take so many, Base-(k+1)."""
    try:
        return build_schedule(asked.name, peers, seed=asked.seed, degree=asked.degree)
    except TopologyError:
        return build_schedule("base", peers, degree=asked.degree)


def _exponential(asked: Asked) -> Schedule:
    matrix = one_peer.exponential(asked.peers)
    return _repeating(asked, [matrix], finite_time=asked.peers <= 3)  # where it is complete


def _one_peer_exponential(asked: Asked) -> Schedule:
    exact = _is_power_of_two(asked.peers)
    if not exact and not asked.allow_asymptotic:
        raise TopologyError(
            f"The schedule {asked.name} agrees exactly for powers of two only, and {asked.peers} peers come"
            ' closer without end; take "base", which agrees exactly for any number, or set allow_asymptotic.'
        )
    return _repeating(asked, one_peer.one_peer_exponential(asked.peers), finite_time=exact)


def _one_peer_hypercube(asked: Asked) -> Schedule:
    if not _is_power_of_two(asked.peers):
        raise TopologyError(
            f"The schedule {asked.name} takes a power of two, which {asked.peers} peers are not;"
            ' take "base", which agrees exactly for any number.'
        )
    return _repeating(asked, one_peer.one_peer_hypercube(asked.peers), finite_time=True)


def _hyper_hypercube(asked: Asked) -> Schedule:
    least = base_graphs.largest_prime(asked.peers) - 1
    degree = least if asked.degree is None else asked.degree
    if degree < least:
        raise TopologyError(
            f"The schedule {asked.name} of {asked.peers} peers takes a degree of {least} or more, not"
            f' {degree} ({least + 1} is a prime factor); take "base", which agrees exactly for any number.'
        )
    return _linked(asked, base_graphs.hyper_hypercube, degree)


def _base(construction: Callable[[int, int], list[Links]]) -> Callable[[Asked], Schedule]:
    return lambda asked: _linked(asked, construction, asked.degree or 1)


def _linked(asked: Asked, construction: Callable[[int, int], list[Links]], degree: int) -> Schedule:
    _refuse_too_many(asked, degree)
    rounds = construction(asked.peers, min(degree, asked.peers - 1))
    return _repeating(asked, [links.matrix(asked.peers) for links in rounds], finite_time=True)


def _repeating(asked: Asked, rounds: list[csr_array], *, finite_time: bool) -> Schedule:
    return repeating(asked.name, rounds, finite_time=finite_time, again=partial(_again, asked))


def _random_regular(asked: Asked) -> Schedule:
    degree = _random_degree(asked)
    if asked.peers * degree % 2:
        degree += asked.degree is None  # an odd number of peers takes an even degree
    if asked.peers * degree % 2:
        raise TopologyError(
            f"The schedule {asked.name} of {asked.peers} peers, an odd number, takes an even degree, not"
            f" {degree}; the nearest is {degree - 1 or degree + 1}."
        )
    draw = partial(random_rounds.random_regular, asked.peers, degree, asked.seed)
    return _afresh(asked, draw, even=True)


def _random_peers(asked: Asked) -> Schedule:
    draw = partial(random_rounds.random_peers, asked.peers, _random_degree(asked), asked.seed)
    return _afresh(asked, draw, even=False)


def _afresh(asked: Asked, draw: Callable[[int], csr_array], *, even: bool) -> Schedule:
    """A schedule without a period; `even` says that two peers weigh each other alike and the mean is kept."""
    names = tuple(map(str, range(asked.peers)))
    return Schedule(asked.name, asked.peers, None, False, even, even, names, draw, partial(_again, asked))


def _random_degree(asked: Asked) -> int:
    degree = asked.degree or math.ceil(math.log2(asked.peers))
    if degree >= asked.peers:
        raise TopologyError(
            f"In the schedule {asked.name} of {asked.peers} peers each speaks to at most {asked.peers - 1}"
            f" others, not {degree}; take {asked.peers - 1} or fewer."
        )
    _refuse_too_many(asked, degree)
    return degree


def _refuse_too_many(asked: Asked, degree: int) -> None:
    edges = asked.peers * min(degree, asked.peers - 1) / 2
    if edges > EDGES_MAX:
        raise TopologyError(
            f"A round of the schedule {asked.name} of {asked.peers} peers has about {edges:.2g} edges, and at"
            f" most {EDGES_MAX} are built; take fewer peers or a smaller degree."
        )


def _is_power_of_two(peers: int) -> bool:
    return peers & (peers - 1) == 0


_ALL = (
    ScheduleFamily(
        "directed-exponential",
        "Peer i hears i + 1, 2, 4, 8 ... around a ring, all of them in every round; one-way.",
        "2 peers or more",
        _exponential,
    ),
    ScheduleFamily(
        "one-peer-exponential",
        "Peer i hears i + 1, then i + 2, then i + 4 ..., one of them in each round; one-way.",
        "a power of two (others come closer without ever agreeing exactly)",
        _one_peer_exponential,
    ),
    ScheduleFamily(
        "one-peer-hypercube",
        "Each peer exchanges with the one whose number differs in one binary digit, digit after digit.",
        "a power of two",
        _one_peer_hypercube,
    ),
    ScheduleFamily(
        "hyper-hypercube",
        "Groups of at most degree + 1 take their mean, digit after digit of a mixed-radix number.",
        "no prime factor above degree + 1 (the least degree that serves if not given)",
        _hyper_hypercube,
        ("degree",),
    ),
    ScheduleFamily(
        "base",
        "Base-(k+1): pairs, or groups of at most degree + 1, after whose rounds all agree exactly.",
        "2 peers or more",
        _base(base_graphs.base),
        ("degree",),
    ),
    ScheduleFamily(
        "simple-base",
        "Simple Base-(k+1): as base, by a simpler construction that is sometimes longer.",
        "2 peers or more",
        _base(base_graphs.simple_base),
        ("degree",),
    ),
    ScheduleFamily(
        "random-regular",
        "A fresh random graph in each round, in which all have the same number of neighbours.",
        "more peers than the degree (log2 of the peers if not given), an even product of the two",
        _random_regular,
        ("degree",),
    ),
    ScheduleFamily(
        "random-peers",
        "In each round each peer sends to a few others drawn at random; one-way.",
        "more peers than the degree (log2 of the peers if not given)",
        _random_peers,
        ("degree",),
    ),
)

SCHEDULES: dict[str, ScheduleFamily] = {family.name: family for family in _ALL}
