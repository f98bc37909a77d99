"""The world that a seed draws.

Rules:
- Of anybody's neighbours a third at most are hostile.
- Those who do not go for good are connected, and two thirds of all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gossipfl.draws import Draws
from gossipfl.errors import TopologyError
from gossipfl.learn.registry import ALGORITHMS
from gossipfl.topology import FAMILIES, SCHEDULES, build_schedule, build_topology
from swarming.world import FOR_GOOD, HEALS_S, Ailment, Shares, World

PEERS_MIN, PEERS_MAX = 3, 30

PACE_MIN = 0.8
"""In seconds; the quickest training."""

ATTACKS = (
    "nan",
    "huge",
    "shape",
    "replay",
    "equivocate",
    "sign-flip",
    "flood",
    "stale",
    "far-ahead",
    "reborn",
    "slander",
)

KINDS = (
    ("crash", 0.6, 8.0),
    ("leave", 0.3, 8.0),
    ("pause", 0.4, 10.0),
    ("slow", 0.4, 8.0),
    ("clog", 0.6, 5.0),
    ("cut", 0.4, 10.0),
)
"""What befalls peers and links, the probability of one more, and how long it lasts at most."""

RULES = ("nnm+trimmed-mean", "trimmed-mean", "median", "clipping", "nna", "geometric-median")
PLAIN = ("dpsgd",) * 6 + ("combine-then-adapt", "momentum", "quasi-global")
ACCOUNTS = (
    "push-sum",
    "push-sum",
    "gradient-tracking",
    "exact-diffusion",
    "local-exact-diffusion",
    "extra",
    "relay",
)
CODES = ("choco", "choco", "choco-diffusion", "direct", "deepsqueeze", "moniqua")
COMPRESSORS = ("none", "top-k", "int8", "few-bits", "sign", "random-k")


def drawn(seed: int) -> World:
    """The world of `seed`."""
    chance = Chance(seed)
    peers = PEERS_MIN + int((PEERS_MAX - PEERS_MIN + 1) * chance() ** 4)  # mostly small ones
    algorithm = chance.among(chance.among((PLAIN, PLAIN, PLAIN, ACCOUNTS, CODES)))
    graph, neighbours = _graph(chance, seed, peers, algorithm)
    aggregator, withstands = _rule(chance, algorithm, neighbours)
    return World(
        seed,
        graph,
        neighbours,
        algorithm,
        _compressor(chance, algorithm),
        aggregator,
        withstands,
        trains=chance.happens(0.7),
        gather_s=chance.among((1.0, 3.0, 3.0, 5.0, 30.0)),
        latency_s=chance.among((0.0, 0.001, 0.01, 0.05, 0.2)),
        jitter_s=chance.among((0.0, 0.0, 0.05, 0.5)) * chance(),
        samples=tuple(1 + int(50 * chance()) for _ in neighbours) if chance.happens(0.5) else (10,) * peers,
        training_s=_paces(chance, peers),
        skew_s=tuple(chance.between(-3600, 3600) if chance.happens(0.2) else 0.0 for _ in neighbours),
        shares=_shares(chance),
        ailments=tuple(sorted(_ailments(chance, neighbours), key=lambda each: each.at_s)),
        attackers=_attackers(chance, neighbours),
        watched=chance.happens(0.25),
    )


def _rule(chance: Chance, algorithm: str, neighbours: Sequence[Sequence[int]]) -> tuple[str, int]:
    """A rule that stands as many hostile neighbours as there may be, where everybody has enough of them."""
    least = min(map(len, neighbours)) // 3
    if algorithm not in PLAIN or not least or not chance.happens(0.5):
        return "mean", 0
    return chance.among(RULES), least


def _paces(chance: Chance, peers: int) -> tuple[float, ...]:
    if chance.happens(0.3):
        return (1.0,) * peers  # all in step: many things happen at the same moment
    slowest = chance.among((1.5, 1.5, 4.0))
    return tuple(chance.between(PACE_MIN, slowest) for _ in range(peers))


def _graph(chance: Chance, seed: int, peers: int, algorithm: str) -> tuple[str, tuple[tuple[int, ...], ...]]:
    """A name and everybody's neighbours; all are connected."""
    needs = ALGORITHMS[algorithm].needs
    if "tree" in needs:
        families = ["line", "star", "tree"]
    elif "static" not in needs and chance.happens(0.15):
        return _union(chance, seed, peers, symmetric=algorithm not in ("push-sum", "gradient-tracking"))
    else:
        families = list(FAMILIES)
    for _ in range(100):
        family = chance.among(families)
        try:
            built = build_topology(family, peers, seed=seed)
        except TopologyError:
            continue
        return family, tuple(built.neighbours(peer) for peer in range(peers))
    raise AssertionError(f"No graph of {peers} peers was found for seed {seed}.")


def _union(
    chance: Chance, seed: int, peers: int, *, symmetric: bool
) -> tuple[str, tuple[tuple[int, ...], ...]]:
    for _ in range(100):
        name = chance.among(list(SCHEDULES))
        try:
            schedule = build_schedule(name, peers, seed=seed)
        except TopologyError:
            continue
        if schedule.symmetric or not symmetric:
            union = schedule.union()
            return name, tuple(union.neighbours(peer) for peer in range(peers))
    raise AssertionError(f"No schedule of {peers} peers was found for seed {seed}.")


def _compressor(chance: Chance, algorithm: str) -> str | None:
    method = ALGORITHMS[algorithm]
    if not method.takes("compressor") or algorithm == "moniqua":
        return None
    return (
        chance.among(("float16", "bfloat16", "int8")) if algorithm == "direct" else chance.among(COMPRESSORS)
    )


def _shares(chance: Chance) -> Shares:
    return Shares(
        *(
            most * chance() if chance.happens(share) else 0.0
            for most, share in ((0.3, 0.5), (0.5, 0.4), (0.3, 0.3))
        ),
        corrupt=0.05 * chance() if chance.happens(0.2) else 0.0,
    )


def _ailments(chance: Chance, neighbours: Sequence[Sequence[int]]) -> list[Ailment]:
    """Some of each kind, but for calm worlds; a peer may be struck again and again."""
    if chance.happens(0.1):
        return []
    found, gone = list[Ailment](), set[int]()
    for kind, probability, longest_s in KINDS:
        while chance.happens(probability):
            at_s, for_s = HEALS_S * chance(), longest_s * chance()
            struck = _struck(chance, kind, neighbours)
            if (
                kind in ("crash", "leave")
                and chance.happens(0.2)
                and _can_do_without(neighbours, gone, struck)
            ):
                for_s = FOR_GOOD
                gone |= set(struck)
            found.append(Ailment(kind, at_s, for_s, struck, chance.between(2, 20)))
    return found


def _can_do_without(neighbours: Sequence[Sequence[int]], gone: set[int], more: Sequence[int]) -> bool:
    """Whether those who are left without `gone` and `more` are connected, and two thirds of all."""
    left = set(range(len(neighbours))) - gone - set(more)
    reached, edge = set(), [min(left)]
    while edge:
        reached.add(edge[-1])
        edge.extend(other for other in neighbours[edge.pop()] if other in left and other not in reached)
    return reached == left and 3 * len(left) >= 2 * len(neighbours)


def _struck(chance: Chance, kind: str, neighbours: Sequence[Sequence[int]]) -> tuple[int, ...]:
    peers = len(neighbours)
    one = int(peers * chance())
    if kind == "clog":
        return one, chance.among(neighbours[one])
    if kind in ("cut", "slow"):
        share = chance.among((0.0, 0.3, 0.5))
        return tuple(peer for peer in range(peers) if peer == one or chance() < share)[: peers - 1]
    return (one,)


def _attackers(chance: Chance, neighbours: Sequence[Sequence[int]]) -> tuple[tuple[int, str], ...]:
    """In many worlds where peers have three neighbours or more, and of anybody's a third at most."""
    if not chance.happens(0.7):
        return ()
    hostile: dict[int, str] = {}
    kind = chance.among(ATTACKS) if chance.happens(0.5) else None  # of all kinds
    for _ in range(3 + int(len(neighbours) * chance() / 3)):
        peer = int(len(neighbours) * chance())
        more = {*hostile, peer}
        if all(sum(o in more for o in others) <= len(others) // 3 for others in neighbours):
            hostile[peer] = kind or chance.among(ATTACKS)
    return tuple(sorted(hostile.items()))


class Chance:
    """Numbers of one stream, for drawing a world."""

    def __init__(self, seed: int) -> None:
        self._draws = Draws(seed, round=1)
        self._numbers: list[float] = []
        self._lane = 0

    def __call__(self) -> float:
        """The next, in [0, 1)."""
        if not self._numbers:
            self._numbers = self._draws.uniform("world", 256, self._lane).tolist()
            self._lane += 1
        return self._numbers.pop()

    def happens(self, probability: float) -> bool:
        """Whether something so probable is so."""
        return self() < probability

    def between(self, low: float, high: float) -> float:
        """A number, evenly distributed."""
        return low + (high - low) * self()

    def among(self, things: Sequence[Any]) -> Any:
        """One of them."""
        return things[int(self() * len(things))]
