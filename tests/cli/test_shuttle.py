"""Bytes over the shuttle between real sockets: carried, late, held by a cut, and nothing left behind."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from gossipfl.cli.road import Weather
from gossipfl.cli.shuttle import HOST, Lane, Shuttle
from gossipfl.errors import RunError

BOTH = [(0, 1), (1, 0)]
FAIR = Weather()
SHORT_S = 0.2
"""So long nothing may come over a cut."""

LONG_S = 60.0
"""So long a busy machine may take for what must come."""


def port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        number: int = probe.getsockname()[1]
        return number


@contextmanager
def joined(
    shuttle: Shuttle, lane: Lane, listener: socket.socket
) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Peer 0, who dialled, and peer 1, who accepted."""
    with shuttle.running(), socket.create_connection((HOST, lane.port), timeout=LONG_S) as near:
        far, _ = listener.accept()
        far.settimeout(LONG_S)
        with far:
            yield near, far


@contextmanager
def between(weather: Weather = FAIR) -> Iterator[tuple[Shuttle, socket.socket, socket.socket]]:
    with socket.create_server((HOST, 0)) as listener:
        listener.settimeout(LONG_S)
        lane = Lane(port(), listener.getsockname()[1])
        shuttle = Shuttle({(0, 1): lane}, weather)
        with joined(shuttle, lane, listener) as (near, far):
            yield shuttle, near, far


def hears_nothing(end: socket.socket) -> bool:
    end.settimeout(SHORT_S)
    try:
        end.recv(100)
    except TimeoutError:
        return True
    finally:
        end.settimeout(LONG_S)
    return False


def test_bytes_pass_both_ways_and_so_does_the_end() -> None:
    with between() as (_, near, far):
        near.sendall(b"hello")
        assert far.recv(100) == b"hello"
        far.sendall(b"there")
        assert near.recv(100) == b"there"
        near.shutdown(socket.SHUT_WR)
        assert far.recv(100) == b""
        far.sendall(b"still")
        assert near.recv(100) == b"still"
        far.close()
        assert near.recv(100) == b""


def test_latency_is_that_of_the_direction() -> None:
    with between(Weather(latency_s=lambda sender, _: 0.2 if sender == 0 else 0.0)) as (_, near, far):
        began = time.monotonic()
        near.sendall(b"slow")
        assert far.recv(100) == b"slow"
        assert time.monotonic() - began >= 0.2
        far.sendall(b"quick")
        assert near.recv(100) == b"quick"


def test_a_cut_holds_bytes_and_the_end_of_a_link_until_it_is_healed() -> None:
    with between() as (shuttle, near, far):
        shuttle.cut(BOTH)
        near.sendall(b"late")
        assert hears_nothing(far)
        near.close()
        assert hears_nothing(far)
        shuttle.cut([])
        assert far.recv(100) == b"late"
        assert far.recv(100) == b""


def test_a_one_way_cut_lets_the_other_way_pass() -> None:
    with between() as (shuttle, near, far):
        shuttle.cut([(0, 1)])
        near.sendall(b"held")
        far.sendall(b"heard")
        assert near.recv(100) == b"heard"
        assert hears_nothing(far)


@pytest.mark.parametrize("cut", [BOTH, BOTH[:1], BOTH[1:]])
def test_whoever_dials_over_a_cut_meets_nobody(cut: list[tuple[int, int]]) -> None:
    with between() as (shuttle, near, _):
        shuttle.cut(cut)
        end = time.monotonic() + LONG_S
        while time.monotonic() < end:  # until the thread has heard of the cut
            with socket.create_connection(near.getpeername(), timeout=LONG_S) as dial:
                dial.settimeout(SHORT_S)
                try:
                    if dial.recv(1) == b"":
                        return
                except ConnectionError:
                    return
                except TimeoutError:
                    pass
        pytest.fail("A dial over the cut was carried.")


def test_what_waits_at_a_cut_is_bounded() -> None:
    with between() as (shuttle, near, far):
        shuttle.cut(BOTH)
        near.settimeout(SHORT_S)
        sent = 0
        with suppress(TimeoutError):
            while sent < 64 << 20:
                sent += near.send(bytes(1 << 16))
        assert sent < 64 << 20  # the shuttle's 4 MiB, and what the system holds
        shuttle.cut([])
        heard = 0
        while heard < sent:
            heard += len(far.recv(1 << 16))


def test_spoilt_bytes_are_as_many_as_were_sent() -> None:
    with between(Weather(corrupt=0.999999)) as (_, near, far):
        near.sendall(bytes(5_000))
        heard = b""
        while len(heard) < 5_000:
            heard += far.recv(1 << 16)
        assert 0 < sum(heard) < 1000


def test_nothing_is_left_of_it_and_a_taken_port_is_said() -> None:
    with between() as (_, near, far):
        taken = near.getpeername()[1]
        with (
            pytest.raises(RunError, match="run it again"),
            Shuttle({(0, 1): Lane(taken, 1)}, Weather()).running(),
        ):
            pytest.fail("It ran on a port that was taken.")
    assert far.fileno() == -1
    assert not [thread for thread in threading.enumerate() if thread.name == "shuttle"]
    with socket.create_server((HOST, taken)):
        pass


def test_without_lanes_there_is_no_thread() -> None:
    with Shuttle({}, Weather()).running():
        assert not [thread for thread in threading.enumerate() if thread.name == "shuttle"]
