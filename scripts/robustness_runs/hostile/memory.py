"""What hostile connections cost a node in memory, while it waits for others and does nothing else."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path

from gossipfl.protocol.layout import body_bytes
from robustness_runs.hostile.judging import Weighed
from robustness_runs.hostile.member import Seat, dial
from robustness_runs.hostile.world import World

CONNECTIONS = 120
"""Fewer than may stand at the door, and few from each address, so that nobody makes room for another."""

PRESSING = 300
"""More than may stand there."""

PER_ADDRESS = 10
HIDDEN = 8_192
SETTLE_S = 1.0
KIBI, MEBI = 1024, 1 << 20
LONG_GREETING = b"\x01" + (131_000).to_bytes(3, "big") + b"\x03\x03" + bytes(130_997)
"""Of the greatest length that OpenSSL takes, but for its last byte."""


def weighed(folder: Path) -> Weighed:
    """A node that waits for its neighbours, under each of the attacks."""
    world = World(folder, range(1), wait_s=600.0, hidden=HIDDEN)
    seat, to = world.seat, world.seats[0]
    update = body_bytes(seat.manifest.layout) / MEBI
    with world.alive():
        pid = world.nodes[0].pid
        _warm_up(seat, to)
        before = {name: _grown_kib(pid, attack(to)) / CONNECTIONS for name, attack in _STRANGERS.items()}
        crowd = _here(dial(to.where, _address(number)) for number in range(PRESSING))
        alike = _here(dial(to.where, "127.3.0.1") for _ in range(PRESSING))
        after = {
            name: _grown_kib(pid, attack(seat, to, epoch)) / KIBI
            for epoch, (name, attack) in enumerate(_MEMBERS.items(), 10)
        }
        talker = _grown_kib(pid, _talking(seat, to, 20)) / KIBI
        world.check()
    return Weighed(before, crowd, alike, after, talker, update)


def _half_open(to: Seat) -> Iterator[socket.socket]:
    return (dial(to.where, _address(number)) for number in range(CONNECTIONS))


def _long_greetings(to: Seat) -> Iterator[socket.socket]:
    for stream in _half_open(to):
        for start in range(0, len(LONG_GREETING), 16_384):
            piece = LONG_GREETING[start : start + 16_384]
            stream.sendall(struct.pack(">BHH", 22, 0x0301, len(piece)) + piece)
        yield stream


def _announcing(seat: Seat, to: Seat, epoch: int) -> Iterator[object]:
    """A member that announces an update, and says no more."""
    return _saying(seat, to, epoch, 1)


def _half_sent(seat: Seat, to: Seat, epoch: int) -> Iterator[object]:
    """A member that stops just before the end of an update."""
    return _saying(seat, to, epoch, body_bytes(seat.manifest.layout) // (128 * KIBI))


def _talking(seat: Seat, to: Seat, epoch: int) -> Iterator[object]:
    """A member that has said what two rounds came to, and stops just before the end of a third."""
    short = body_bytes(seat.manifest.layout) // (128 * KIBI)
    with seat.line(to, epoch) as line:
        next(line.hear())
        for round_ in (1, 2):
            line.say(*line.session.update(seat.update(epoch, round_, round_)).pieces)
        line.say(*islice(line.session.update(seat.update(epoch, 3, 3)).pieces, short))
        yield line


def _saying(seat: Seat, to: Seat, epoch: int, pieces: int) -> Iterator[object]:
    with seat.line(to, epoch) as line:
        next(line.hear())  # it is let in
        line.say(*islice(line.session.update(seat.update(epoch, 1, 1)).pieces, pieces))
        yield line


_STRANGERS: dict[str, Callable[[Seat], Iterator[object]]] = {
    "half-open": _half_open,
    "unfinished greeting of 131 kB": _long_greetings,
}
_MEMBERS: dict[str, Callable[[Seat, Seat, int], Iterator[object]]] = {
    "announces an update": _announcing,
    "stops short of its end": _half_sent,
}


def _warm_up(seat: Seat, to: Seat) -> None:
    """The first connections cost what all share."""
    for _ in _saying(seat, to, 1, 0):
        time.sleep(SETTLE_S)


def _grown_kib(pid: int, attack: Iterator[object]) -> float:
    """How much more is resident while an attack lasts."""
    time.sleep(SETTLE_S)
    before = _resident_kib(pid)
    with ExitStack() as held:
        for each in attack:
            if isinstance(each, socket.socket):
                held.enter_context(each)
            else:
                time.sleep(SETTLE_S)
                return _resident_kib(pid) - before
        time.sleep(SETTLE_S)
        return _resident_kib(pid) - before


def _here(arriving: Iterator[socket.socket]) -> int:
    """How many of those `arriving` are not sent away."""
    with ExitStack() as held:
        streams = [held.enter_context(stream) for stream in arriving]
        time.sleep(SETTLE_S)
        for stream in streams:
            stream.setblocking(False)
        return sum(map(_stands, streams))


def _stands(stream: socket.socket) -> bool:
    try:
        return bool(stream.recv(1))
    except BlockingIOError:
        return True
    except OSError:
        return False


def _address(number: int) -> str:
    return f"127.2.0.{number // PER_ADDRESS + 1}"


def _resident_kib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    return int(status.partition("VmRSS:")[2].split()[0])
