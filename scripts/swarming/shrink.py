"""A smaller world in which the same rule is broken: fewer faults, fewer peers, less time.

Zeller and Hildebrandt (IEEE Trans. Software Eng. 2002), "Simplifying and isolating failure-inducing input":
what can be left out is left out, large parts first, until nothing can.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

from gossipfl.topology import SCHEDULES, Topology
from swarming.arena import run
from swarming.world import Ailment, Shares, World

SECONDS_MAX = 60.0


def shrunk(world: World, rule: str, seconds: float = SECONDS_MAX) -> World:
    """The smallest world found in which `rule` is broken as it is in `world`."""
    ends_at = time.monotonic() + seconds
    found = True
    while found:
        found = False
        for smaller in _smaller(world):
            if time.monotonic() > ends_at:
                return world
            if run(smaller).rule == rule:
                world, found = smaller, True
                break
    return world


def _smaller(world: World) -> Iterator[World]:
    """Worlds with a little less, the greatest steps first."""
    half = len(world.ailments) // 2
    if half > 1:
        yield replace(world, ailments=world.ailments[:half])
        yield replace(world, ailments=world.ailments[half:])
    if world.attackers:
        yield replace(world, attackers=())
    if world.watched:
        yield replace(world, watched=False)
    if world.shares != Shares():
        yield replace(world, shares=Shares())
    for peer in reversed(range(world.peers)):
        if world.peers > 2 and (without := _without(world, peer)):
            yield without
    for place in range(len(world.ailments)):
        yield replace(world, ailments=world.ailments[:place] + world.ailments[place + 1 :])
    for place in range(len(world.attackers)):
        yield replace(world, attackers=world.attackers[:place] + world.attackers[place + 1 :])
    for name in Shares.__slots__:
        if getattr(world.shares, name):
            yield replace(world, shares=replace(world.shares, **{name: 0.0}))
    yield from _plainer(world)


def _plainer(world: World) -> Iterator[World]:
    if world.jitter_s:
        yield replace(world, jitter_s=0.0)
    for name, plain in (("samples", 10), ("training_s", 1.0), ("skew_s", 0.0)):
        alike = (plain,) * world.peers
        if getattr(world, name) != alike:
            yield replace(world, **{name: alike})
    if world.heals_s > 2:
        yield replace(world, heals_s=world.heals_s - 1)


def _without(world: World, peer: int) -> World | None:
    """The same without `peer`; None if it would fall apart, or if its graph is a schedule."""
    if world.graph in SCHEDULES:
        return None
    number = {old: new for new, old in enumerate(old for old in range(world.peers) if old != peer)}
    neighbours = tuple(
        tuple(number[other] for other in others if other != peer)
        for old, others in enumerate(world.neighbours)
        if old != peer
    )
    edges = [(one, other) for one, others in enumerate(neighbours) for other in others if one < other]
    if not edges or not Topology.from_edges(len(neighbours), edges).connected:
        return None
    kept = [_renumbered(each, number) for each in world.ailments]
    return replace(
        world,
        neighbours=neighbours,
        samples=_left_out(world.samples, peer),
        training_s=_left_out(world.training_s, peer),
        skew_s=_left_out(world.skew_s, peer),
        ailments=tuple(each for each in kept if each),
        attackers=tuple((number[who], kind) for who, kind in world.attackers if who != peer),
    )


def _left_out(values: tuple, place: int) -> tuple:  # type: ignore[type-arg]
    return values[:place] + values[place + 1 :]


def _renumbered(each: Ailment, number: dict[int, int]) -> Ailment | None:
    peers = tuple(number[peer] for peer in each.peers if peer in number)
    whole = len(peers) == len(each.peers) or (each.kind == "cut" and 0 < len(peers) < len(number))
    return replace(each, peers=peers) if whole else None
