"""A world in words that a person can read."""

from __future__ import annotations

from collections import Counter

from swarming.world import FOR_GOOD, Ailment, World


def told(world: World) -> str:
    """Some lines."""
    code = f" with {world.compressor}" if world.compressor else ""
    learning = "all train until they are healed" if world.trains else "all train in round 1 alone"
    paces, latency_s, most_s = world.training_s, world.latency_s, world.latency_s + world.jitter_s
    skew_s, samples = max(map(abs, world.skew_s)), f"{min(world.samples)} to {max(world.samples)}"
    who = f"seed {world.seed}: {world.peers} peers on a graph called {world.graph}"
    lines = [
        f"{who}, {world.rounds} rounds of {world.algorithm}{code}, by {world.aggregator}; {learning}",
        f"  a training takes {min(paces):.2f} to {max(paces):.2f} s, a word {latency_s:g} to {most_s:.3g} s",
        f"  all gather for {world.gather_s:g} s; samples {samples}; clocks off by {skew_s:.0f} s at most",
        f"  all is healed at {world.heals_s:g} s",
    ]
    shares = [
        f"{name} {value:.0%}"
        for name, value in zip(world.shares.__slots__, _values(world), strict=True)
        if value
    ]
    lines += [f"  of all updates: {', '.join(shares)}"] if shares else []
    lines += ["  all watch one another"] * world.watched
    lines += [f"  {peer} attacks: {kind}" for peer, kind in world.attackers]
    lines += [f"  {_ailment(each)}" for each in world.ailments]
    lines += [
        f"  neighbours of {peer}: {', '.join(map(str, others))}"
        for peer, others in enumerate(world.neighbours)
    ]
    return "\n".join(lines)


def in_short(world: World) -> str:
    """One line."""
    kinds = Counter(each.kind for each in world.ailments)
    befalls = ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items())) or "nothing"
    hostile = f", {len(world.attackers)} attackers" if world.attackers else ""
    return f"{world.peers} peers, {world.graph}, {world.algorithm}, {befalls}{hostile}"


def _values(world: World) -> list[float]:
    return [getattr(world.shares, name) for name in world.shares.__slots__]


def _ailment(each: Ailment) -> str:
    lasts = "for good" if each.for_s == FOR_GOOD else f"for {each.for_s:.1f} s"
    peers = ", ".join(map(str, each.peers))
    size = f", {each.size:.0f} times" if each.kind == "slow" else ""
    return f"at {each.at_s:5.1f} s {each.kind} of {peers} {lasts}{size}"
