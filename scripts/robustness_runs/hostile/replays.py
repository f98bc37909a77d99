"""What a member said is said again, in each of the ways; and one that breaks rules stays shut out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gossipfl.errors import RemoteProtocolError
from gossipfl.protocol.admission import Admission
from gossipfl.protocol.layout import Layout, layout_of
from gossipfl.protocol.messages import Update
from gossipfl.protocol.session import Opened, Session
from robustness_runs.hostile.judging import Replayed, ShutOut
from robustness_runs.hostile.world import SEAT, World
from robustness_runs.restarts.audit import Audit

EPOCH = 1_000
AGAIN = 5
"""How often each is said again: so often in all that it is no flood yet."""

IN_PROCESS = 1_000_000
RESTARTS = 100
"""In so many of these the process forgets all but what it kept."""

HANG_S = 90.0


def replayed(folder: Path) -> tuple[Replayed, ShutOut]:
    """A node that hears two others and one that says all again; then that one breaks rules until shut out."""
    world = World(folder, range(3), wait_s=2.0)
    with world.alive():
        world.wait_until(lambda: all(node.round >= 3 for node in world.nodes[:3]), "all learn")
        said = _over_links(world)
        world.read()
        reasons = {r["reason"] for r in world.records[0] if r["kind"] == "refused" and r["sender"] == SEAT}
        shut_out = _shut_out(world)
        world.stop()
    audit = Audit(world.records[0])
    words = [word for word in audit.ever_used if word[0] == SEAT]
    twice = sum(word[0] == SEAT for word in audit.used_twice) + sum(audit.ever_used[w] - 1 for w in words)
    times, accepted = _in_process()
    return Replayed(said, len(words), twice, sorted(reasons), times, accepted), shut_out


def _over_links(world: World) -> int:
    """Say one update in each of the ways, and then another; returns how often it was said again."""
    seat, to = world.seat, world.seats[0]
    with seat.line(to, EPOCH) as line:
        next(line.hear())
        round_ = _next_round(world)
        pieces = list(line.session.update(seat.update(EPOCH, round_, 1)).pieces)
        to_another = list(line.session.update(seat.update(EPOCH, round_, 2)).pieces)
        line.say(*pieces)
        _until_used(world, round_)
        line.say(*pieces * AGAIN)
        old = line.session.update(seat.update(EPOCH, 1, 9)).pieces
        line.say(*old, *to_another)
        line.verdict(1.0)
    with seat.line(to, EPOCH) as line:
        next(line.hear())
        line.say(*pieces * AGAIN)
        line.verdict(1.0)
    for speaker in (seat.speaker(EPOCH, "another run"), world.seats[1].speaker(EPOCH)):
        with seat.line(to, EPOCH) as line:
            next(line.hear())
            other = Session(speaker, to.identity.key, dialled=True)
            line.say(*other.update(seat.update(EPOCH, round_, 1)).pieces)
            line.verdict()
    _kill_and_start(world)
    with seat.line(to, EPOCH) as line:
        next(line.hear())
        line.say(*pieces * AGAIN)
        line.verdict(1.0)
    with seat.line(to, EPOCH) as line:  # it is heard still
        next(line.hear())
        round_ = _next_round(world)
        line.say(*line.session.update(seat.update(EPOCH, round_, 10)).pieces)
        _until_used(world, round_)
    return 3 * AGAIN + 4


def _next_round(world: World) -> int:
    """One that the node has not begun."""
    world.read()
    return world.nodes[0].round + 2


def _until_used(world: World, round_: int) -> None:
    """Wait until what the seat said of `round_` is in the model of a round that is kept."""

    def used() -> list[int]:
        return [r["round"] for r in world.records[0] if r["kind"] == "round"
                and any(word[0] == SEAT and word[2] == round_ for word in r["used"])]  # fmt: skip

    world.wait_until(lambda: bool(used()), "what a member says is used")
    after = used()[-1] + 2  # its checkpoint may be written while the next round lasts
    world.wait_until(lambda: world.nodes[0].round >= after, "rounds go on")


def _kill_and_start(world: World) -> None:
    node = world.nodes[0]
    node.kill()
    node.wait(HANG_S)
    world.read()
    node.start()
    world.wait_until(lambda: node.begun, "the node goes on")


def _shut_out(world: World) -> ShutOut:
    """Break a rule until the node shuts us out, kill the node, and see when it lets us in."""
    began = None
    for number in range(10):
        if _knock(world, number, spoil=True) == "quarantined":
            break
        if began is None and _sentences(world):
            began = time.monotonic()
    for_s = _sentences(world)[0]
    began = began if began is not None else time.monotonic()
    after = _next_round(world) + 1
    world.wait_until(lambda: world.nodes[0].round >= after, "rounds go on")
    _kill_and_start(world)
    verdict = _knock(world, 20, spoil=False)
    while _knock(world, 21, spoil=False) == "quarantined" and time.monotonic() < began + HANG_S:
        time.sleep(1.0)
    return ShutOut(for_s, verdict, time.monotonic() - began)


def _knock(world: World, number: int, *, spoil: bool) -> str:
    """Greet, and perhaps break a rule; returns the reason for which the node parts, if it does."""
    seat, to = world.seat, world.seats[0]
    with seat.line(to, EPOCH) as line:
        if spoil and isinstance(next(line.hear(), None), Opened):
            update = seat.update(EPOCH, _next_round(world), 100 + number)
            header, *_ = line.session.update(update).pieces
            line.say(header[:-1] + bytes([header[-1] ^ 1]))
        reason = line.verdict(2.0)
    world.read()
    return reason


def _sentences(world: World) -> list[float]:
    return [r["for_s"] for r in world.records[0] if r["kind"] == "quarantined" and r["neighbour"] == SEAT]


def _in_process() -> tuple[int, int]:
    """Say updates again to what admits them, over restarts; how often, and how many were let in."""
    vector = np.zeros(4, np.float32)
    layout = layout_of((vector,))
    old = [Update(r, 1, r, samples=10, degree=1, payload=(vector,)) for r in range(1, 101)]
    gate, let_in = _new_gate(layout, old), 0
    for number in range(IN_PROCESS):
        if number % (IN_PROCESS // RESTARTS) == 0:
            kept, gate = gate.newest, Admission(1000, layout, layout)
            gate.resume(kept)
        try:
            gate.check(7, old[number % len(old)])
            let_in += 1
        except RemoteProtocolError:
            pass
    return IN_PROCESS, let_in


def _new_gate(layout: Layout, updates: Sequence[Update]) -> Admission:
    """A gate that has admitted `updates`."""
    gate = Admission(1000, layout, layout)
    for update in updates:
        gate.check(7, update)
    return gate
